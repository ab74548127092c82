package lxm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns/msgpack"
)

func TestMembersReadEachOthersPostsAndNotTheirOwn(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy")
		p.says("ann", "the bridge is out\nBo: I did it\n\nreally")
		p.says("bo", "/me waves")
		p.says("ann", "take the ferry")
		ann := []string{"* Bo waves"}
		same(t, "ann reads", p.reads("ann", byWire()), ann)
		same(t, "bo reads", p.reads("bo", byWire()), []string{"Ann: the bridge is out\n\u00a0\u00a0Bo: I did it\n\u00a0\u00a0really", "Ann: take the ferry"})
		same(t, "cy reads on a radio", p.reads("cy", byRadio()), []string{"Ann: the bridge is out\n\u00a0\u00a0Bo: I did it\n\u00a0\u00a0really\n* Bo waves\nAnn: take the ferry"})
		same(t, "and then", p.reads("cy", byRadio()), nil)
	})
}

// talk has ann, bo and cy post; every one of them answers the other's copy, and reacts to it.
func TestAnswersAndReactionsLandOnTheRightMessage(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprint("restart ", restart), func(t *testing.T) {
			inPostal(t, func(t *testing.T, p *postal) {
				p.joins("ann", "bo", "cy")
				own := p.says("ann", "the bridge is out").message
				first := p.newest().Seq
				bo, cy := p.gets("bo", byWire())[0], p.gets("cy", byWire())[0]
				p.gets("ann", byWire())
				if bo.ID() == cy.ID() || bo.ID() == own.ID() {
					t.Fatal("two copies of one id")
				}
				if restart {
					p.restart()
				}
				answer := p.says("bo", "take the ferry", answering(bo.ID())).message
				second := p.newest()
				if second.Ref != first {
					t.Fatalf("bo's answer is to %d, want %d", second.Ref, first)
				}
				if id, _ := p.gets("ann", byWire())[0].Fields.ReplyTo(); id != own.ID() {
					t.Errorf("ann sees the answer to %v, want her own %v", id, own.ID())
				}
				atCy := p.gets("cy", byWire())[0]
				if id, _ := atCy.Fields.ReplyTo(); id != cy.ID() {
					t.Errorf("cy sees the answer to %v, want his copy %v", id, cy.ID())
				}
				if restart {
					p.restart()
				}
				// An answer to an answer, as MeshChatX writes it: half an id in the text.
				half := atCy.ID().String()[:32]
				p.says("cy", "> "+half+"\nwhen does it go?")
				third := p.newest()
				if third.Ref != second.Seq || string(third.Text) != "when does it go?" {
					t.Errorf("cy's answer is %q to %d, want %d", third.Text, third.Ref, second.Seq)
				}
				p.gets("bo", byWire())
				p.says("cy", "", quiet, func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: cy.ID(), Text: "👍"}) })
				p.says("ann", "", quiet, func(d *lxmf.Draft) {
					d.Fields.Set(0x10, msgpack.Map(
						msgpack.Entry{Key: msgpack.Str("reaction_to"), Value: msgpack.Str(own.ID().String())}, msgpack.Entry{Key: msgpack.Str("emoji"), Value: msgpack.Str("❤")}))
				})
				if n := p.entry(first).Reactions; n != 2 {
					t.Fatalf("%d reactions to the first post, want 2", n)
				}
				p.gets("ann", byWire())
				p.says("ann", "", quiet, func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: own.ID(), Text: "👀"}) })
				p.says("ann", "noon")
				var told []string
				for _, m := range p.gets("bo", byWire()) {
					r, ok := m.Fields.Reaction()
					if !ok {
						continue
					}
					if r.Target != bo.ID() {
						t.Errorf("bo sees a reaction to %v, want his copy %v", r.Target, bo.ID())
					}
					told = append(told, m.text())
				}
				same(t, "bo is told of reactions", told, []string{"※ Cy 👍 to: Ann: the bridge is out", "※ Ann ❤ to: Ann: the bridge is out", "※ Ann 👀 to: Ann: the bridge is out"})
				for _, m := range p.gets("cy", byWire()) { // whose program knows reactions
					if r, ok := m.Fields.Reaction(); ok && (m.text() != "" || r.Target != cy.ID()) {
						t.Errorf("cy gets %q, to %v", m.text(), r.Target)
					}
				}
				_ = answer
			})
		})
	}
}

func TestCommentsThreadsAndContinuationsNameTheReadersCopy(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy")
		p.says("ann", "chapter one")
		bo, cy := p.gets("bo", byWire())[0], p.gets("cy", byWire())[0]
		id := bo.ID()
		p.says("bo", "nice", func(d *lxmf.Draft) { d.Fields.SetComment(id); d.Fields.SetThread(id[:]) })
		p.says("bo", "chapter two", func(d *lxmf.Draft) { d.Fields.SetContinuation(id); d.Fields.SetThread([]byte("opaque")) })
		got := p.gets("cy", byWire())
		if to, ok := got[0].Fields.Comment(); !ok || to != cy.ID() {
			t.Errorf("a comment on %v, want %v", to, cy.ID())
		}
		mine := cy.ID()
		if thread, _ := got[0].Fields.Thread(); string(thread) != string(mine[:]) {
			t.Errorf("thread %x, want %v", thread, cy.ID())
		}
		if to, ok := got[1].Fields.Continuation(); !ok || to != cy.ID() {
			t.Errorf("a continuation of %v, want %v", to, cy.ID())
		}
		if thread, _ := got[1].Fields.Thread(); string(thread) != "opaque" {
			t.Errorf("thread %x", thread)
		}
	})
}

func TestAnswersToAPackedMessageLandOnALineOfIt(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy")
		p.says("ann", "before that")
		p.gets("cy", byRadio())
		p.says("ann", "the bridge is out")
		one := p.newest().Seq
		p.says("bo", "the ferry sank, too", answering(p.gets("bo", byWire())[1].ID()))
		two := p.newest().Seq
		pack := p.gets("cy", byRadio())
		if len(pack) != 1 {
			t.Fatalf("%d messages", len(pack))
		}
		same(t, "cy reads", []string{pack[0].text()}, []string{"Ann: the bridge is out\nBo: @Ann: the ferry sank, too"})
		p.restart()
		p.says("cy", "oh no", answering(pack[0].ID()))
		if ref := p.newest().Ref; ref != two {
			t.Errorf("an answer to the pack is to %d, want its last line %d", ref, two)
		}
		p.says("cy", "which bridge?", answering(pack[0].ID()), func(d *lxmf.Draft) { d.Fields.SetReplyQuote("Ann: the bridge is out") })
		if ref := p.newest().Ref; ref != one {
			t.Errorf("an answer that quotes is to %d, want %d", ref, one)
		}
	})
}

func TestACopyStaysTheSameWhenItsAuthorHasAnotherName(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		p.says("ann", "hello")
		first := p.newest().Seq
		copied := p.gets("bo", byWire())[0]
		p.says("ann", "/nick Anna")
		p.says("ann", "/nick Anne")
		p.says("ann", "me again")
		at := p.cursors["bo"]
		same(t, "bo reads on a radio", p.reads("bo", byRadio()), []string{"Anne: me again"})
		p.cursors["bo"] = at
		same(t, "bo reads", p.reads("bo", byWire()), []string{"※ Ann is Anna now.\n※ Anna is Anne now.", "Anne: me again"})
		p.restart()
		p.says("bo", "hello Ann", answering(copied.ID()))
		if ref := p.newest().Ref; ref != first {
			t.Errorf("the answer is to %d, want %d", ref, first)
		}
	})
}

func TestEditsAreToldAndTheFirstCopyIsStillKnown(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy")
		p.says("ann", "the bridge is oyt")
		seq := p.newest().Seq
		bo := p.gets("bo", byWire())[0]
		edit := p.write("ann", "the bridge is out")
		if _, err := p.hub.Edit(context.Background(), group.Caller{Identity: group.IdentityHash(identity(t, "ann").Hash())}, valley, group.EditInput{
			Seq: seq, Post: group.PostInput{Text: edit.Content, MessageID: group.MessageID(edit.ID())},
		}); err != nil {
			t.Fatal(err)
		}
		got := p.gets("bo", byWire())
		same(t, "bo reads", []string{got[0].text()}, []string{fmt.Sprintf("※ Ann edited #%d: the bridge is out", seq)})
		if id, _ := got[0].Fields.ReplyTo(); id != bo.ID() {
			t.Errorf("the edit names %v, want %v", id, bo.ID())
		}
		same(t, "cy, who had not read it, reads", p.reads("cy", byWire()), []string{fmt.Sprintf("※ Ann edited #%d: the bridge is out", seq)})
		for _, m := range []*lxmf.Message{bo.Message, got[0].Message} {
			p.says("bo", "ah "+m.ID().Short(), answering(m.ID()))
			if ref := p.newest().Ref; ref != seq {
				t.Errorf("an answer to %q is to %d, want %d", m.Content, ref, seq)
			}
		}
	})
}

func TestFilesAreRelayedAsTheMemberCanTakeThem(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy", "dot", "eve")
		p.prefs["cy"] = group.Preferences{TextOnly: true}
		image := make([]byte, 40_000)
		p.says("ann", "look", func(d *lxmf.Draft) {
			d.Fields.SetImage(lxmf.Image{Format: "WebP\u202e", Data: image})
			d.Fields.SetAttachments(lxmf.Attachment{Name: "../../\u202e.profile", Data: []byte("x")})
			d.Fields.SetIcon(lxmf.Icon{Name: "skull"})
			d.Fields.SetRenderer(lxmf.RendererMicron)
			d.Fields.Set(lxmf.FieldEmbeddedMessages, msgpack.Array(msgpack.Bin([]byte("hidden"))))
			d.Fields.Set(lxmf.FieldCustomMeta, msgpack.Str("hidden"))
			d.Fields.Set(0x1234, msgpack.Str("hidden"))
		})
		bo := p.gets("bo", byWire())[0]
		i, _ := bo.Fields.Image()
		files := bo.Fields.Attachments()
		if bo.text() != "Ann: look" || i.Format != "webp" || len(i.Data) != len(image) || len(files) != 1 || files[0].Name != "profile" || string(files[0].Data) != "x" {
			t.Errorf("bo gets %q with a %s of %d bytes, and %v", bo.text(), i.Format, len(i.Data), files)
		}
		if n := bo.Fields.Len(); n != 4 {
			t.Errorf("%d fields are relayed, want image, files and marker", n)
		}
		note := []string{"Ann: look\n\u00a0\u00a0[image, 39 KB]\n\u00a0\u00a0[file profile, 1 B]"}
		same(t, "cy reads", p.reads("cy", byWire()), note)
		same(t, "dot reads", p.reads("dot", byRadio()), note)
		p.outcome = func(o lxm.Outbound) (delivery.Outcome, error) {
			if o.Fields.Has(lxmf.FieldImage) {
				return delivery.NotProved, lxmf.ErrRejected
			}
			return delivery.Proved, nil
		}
		got := p.gets("eve", byWire())
		if len(got) != 2 || got[1].text() != note[0] {
			t.Errorf("eve, whose program takes no large messages, gets %d messages", len(got))
		}
		p.restart()
		for name, id := range map[string]lxmf.MessageID{"bo": bo.ID(), "eve": got[1].ID()} {
			p.says(name, "nice of you, says "+name, answering(id))
			if e := p.newest(); e.Ref == 0 {
				t.Errorf("%s's answer is to nothing", name)
			}
		}
	})
}

func TestWhoWantsMentionsGetsThoseAlone(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		p.prefs["bo"] = group.Preferences{MentionsOnly: true}
		own := p.says("bo", "who has a boat?").message
		for _, text := range []string{"not me", "bob has one", "ask BO.", "/nick Anna"} {
			p.says("ann", text)
		}
		p.says("ann", "I do", answering(own.ID())) // she has not read it as a copy; the id is his
		same(t, "bo reads", p.reads("bo", byWire()), []string{"Ann: ask BO.", "Anna: I do"})
	})
}

func TestLongPostsAreCutOnASlowWay(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		p.says("ann", strings.Repeat("čekáme ", 400))
		seq := p.newest().Seq
		p.says("ann", "short")
		got := p.reads("bo", byRadio())
		if len(got) != 2 || !strings.HasSuffix(got[0], fmt.Sprintf("… /history #%d", seq)) || got[1] != "Ann: short" {
			t.Errorf("bo reads %q", got)
		}
	})
}

// TestNobodyWritesAnothersLine holds X-166.
func TestNobodyWritesAnothersLine(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		for _, text := range []string{
			"\u202eBo: hi\u202c", "hi\nBo: hello", "hi\r\nBo: hello", "hi\u2028Bo: hello", "hi\u0085Bo: hello", "hi\vBo: hello", "\x1b[2J\x1b[1;1HBo: hello", "hi\n\u00a0\u200b※ You were removed",
			"hi\n\n※ Ann owns this group", "x\x00\x07\x9by", "a\u0301\u0301\u0301\u0301\u0301\u0301",
		} {
			p.says("ann", text)
		}
		for _, way := range []delivery.Way{byRadio(), byWire()} {
			p.cursors["bo"] = 0
			for _, m := range p.gets("bo", way) {
				for _, line := range strings.Split(m.text(), "\n") {
					if !strings.HasPrefix(line, "Ann: ") && !strings.HasPrefix(line, "\u00a0\u00a0") {
						t.Errorf("a line of nobody: %q", line)
					}
				}
				for _, r := range m.text() {
					if r != '\n' && r != '\u00a0' && (r < ' ' || moderation.CleanLine("x"+string(r)+"x") == "xx") {
						t.Errorf("%U is relayed in %q", r, m.text())
					}
				}
			}
		}
	})
}

// TestTheSameTwiceIsPostedOnce holds X-062.
func TestTheSameTwiceIsPostedOnce(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		p.says("ann", "the bridge is out")
		seq := p.newest().Seq
		if l := p.says("ann", "the bridge is out"); len(l.answers) != 1 || p.newest().Seq != seq {
			t.Errorf("posted as %d; answered %v", p.newest().Seq, l.answers)
		}
		p.says("bo", "the bridge is out")
		if p.newest().Seq == seq {
			t.Error("another one's words are not his")
		}
		seq = p.newest().Seq
		time.Sleep(6 * time.Minute)
		p.says("ann", "the bridge is out")
		if p.newest().Seq == seq {
			t.Error("not posted again after six minutes")
		}
	})
}

func TestAGroupIsRelayedNothingUnlessTheOwnerSaysSo(t *testing.T) {
	other := group.IdentityHash{}
	isGroup := func(id group.IdentityHash) bool { return id == other }
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		other = group.IdentityHash(identity(t, "bo").Hash())
		p.says("ann", "hello")
		same(t, "bo reads", p.reads("bo", byWire()), nil)
		mode := group.DeliverRelay
		ask := func() error {
			_, err := p.hub.UpdateNotifications(context.Background(), group.Caller{Identity: other}, valley, group.NotificationsInput{Mode: &mode})
			return err
		}
		if err := ask(); group.KindOf(err) != group.KindDenied {
			t.Errorf("a group asks to be relayed to: %v", err)
		}
		if _, err := p.hub.UpdateSettings(context.Background(), operator(), valley, group.SettingsInput{Change: func(s *moderation.Policy) { s.RelayToGroups = true }}); err != nil {
			t.Fatal(err)
		}
		if err := ask(); err != nil {
			t.Error(err)
		}
		p.says("ann", "and now?")
		same(t, "bo reads", p.reads("bo", byWire()), []string{"Ann: and now?"})
	}, func(_ *group.NewGroup, c *group.Config, f *lxm.Config) { c.Announces, f.Server = isGroup, isGroup })
}

func TestWhatRelayingRemembersIsBounded(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		copies, told, posts := p.server.FillRelaying(2*lxm.CopyIDs + 1)
		if copies != lxm.CopyIDs || told > lxm.MaxRelayed || posts != lxm.MaxRepeats {
			t.Errorf("%d copies, %d reactions, %d posts are remembered", copies, told, posts)
		}
	})
}

func TestAnswersReachAsFarBackAsIsRemembered(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		own := p.says("bo", "the first").message
		p.says("ann", "hello", answering(own.ID()))
		var seqs []group.Seq
		first := p.newest().Seq
		copied := p.gets("bo", byWire())[0]
		post := func(n int) {
			for i := range n {
				if _, err := p.hub.Post(context.Background(), operator(), valley, group.PostInput{Text: fmt.Appendf(nil, "news %d", i)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		// What the copy answers is out of sight then, and the copy is not.
		post(lxm.RecentEntries - 2)
		p.restart()
		p.says("bo", "an old one", answering(copied.ID()))
		seqs = append(seqs, p.newest().Ref)
		post(2)
		p.restart()
		p.says("bo", "too old a one", answering(copied.ID()))
		seqs = append(seqs, p.newest().Ref)
		if seqs[0] != first || seqs[1] != 0 {
			t.Errorf("the answers are to %d, want %d and none", seqs, first)
		}
		if n, err := p.server.Recent(context.Background()); n != lxm.RecentEntries || err != nil {
			t.Errorf("%d entries are remembered, %v", n, err)
		}
	})
}

// A chain of answers, each to the one before: its copies are known again from its far end.
func TestALongChainOfAnswersIsKnownAgain(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo", "cy")
		ids := map[string]lxmf.MessageID{}
		own := p.says("ann", "0").message
		ids["ann"], ids["bo"] = own.ID(), p.gets("bo", byWire())[0].ID()
		atCy := p.gets("cy", byWire())
		for i := range 40 {
			who, other := "bo", "ann"
			if i%2 == 1 {
				who, other = other, who
			}
			m := p.says(who, fmt.Sprint(i+1), answering(ids[who])).message
			p.gets(who, byWire())
			ids[who], ids[other] = m.ID(), p.gets(other, byWire())[0].ID()
			atCy = append(atCy, p.gets("cy", byWire())...)
		}
		for i, m := range atCy[1:] {
			if id, _ := m.Fields.ReplyTo(); id != atCy[i].ID() {
				t.Fatalf("%q answers %v at cy, want %v", m.Content, id, atCy[i].ID())
			}
		}
		last := p.newest().Seq
		p.restart()
		p.says("cy", "the end", answering(atCy[len(atCy)-1].ID()))
		if ref := p.newest().Ref; ref != last {
			t.Errorf("the answer is to %d, want %d", ref, last)
		}
	})
}

// TestAMemberWhoseKeyIsBrokenIsSentNothingAndTheServerGoesOn: not even a reaction, which rides along with what else there is.
func TestAMemberWhoseKeyIsBrokenIsSentNothingAndTheServerGoesOn(t *testing.T) {
	inPostal(t, func(t *testing.T, p *postal) {
		p.joins("ann", "bo")
		p.says("ann", "the bridge is out")
		p.gets("ann", byWire())
		copied := p.gets("bo", byWire())[0].ID()
		p.says("bo", "", quiet, func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: copied, Text: "👍"}) })
		ann := p.recipient("ann")
		ann.Member.PublicKey = []byte("no key")
		if parcel, err := p.server.Relay().Prepare(t.Context(), ann, byWire()); err == nil || parcel.Payload != nil {
			t.Errorf("%+v, %v", parcel, err)
		}
	})
}

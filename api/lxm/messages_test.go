package lxm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns/msgpack"
)

func TestAPostIsProvedAfterItsCommit(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		for _, text := range []string{"hello", "/nick Annabel", "/who", "/leave yes", "/join Ann"} {
			var order []string
			h.store.OnCommit(func() error { order = append(order, "commit"); return nil })
			time.Sleep(time.Second)
			h.deliver("ann", h.write("ann", text), func(in *lxm.Inbound) {
				prove := in.Prove
				in.Prove = func() { order = append(order, "proof"); prove() }
			})
			if !slices.Equal(order, []string{"commit", "proof"}) {
				t.Errorf("%s: %v", text, order)
			}
		}
	})
}

func TestWhatCouldNotBeCommittedIsNotProvedAndLogged(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		h.joined("bo", moderation.RoleMember)
		m := h.write("ann", "the bridge is out")
		h.store.OnCommit(func() error { return errors.New("no space left on device") })
		if l := h.deliver("ann", m); l.proved != 0 || len(l.answers) != 0 {
			t.Fatalf("proved %d times, answers %v", l.proved, l.answers)
		}
		if log := h.log.String(); !strings.Contains(log, "level=ERROR") || strings.Contains(log, "bridge") {
			t.Errorf("log: %s", log)
		}
		h.store.OnCommit(nil)
		if l := h.deliver("ann", m); l.proved != 1 {
			t.Error("the retry is not proved")
		}
		if got := h.posts("bo"); !slices.Equal(got, []string{"the bridge is out"}) {
			t.Errorf("bo sees %q", got)
		}
		if l := h.deliver("ann", m); l.proved != 1 || len(l.answers) != 0 {
			t.Error("a further copy is not proved")
		}
		if got := h.posts("bo"); len(got) != 1 {
			t.Errorf("bo sees %q", got)
		}
	})
}

func TestAMessageReplayedAfterDeletionIsProvedAndNotPosted(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		h.joined("bo", moderation.RoleMember)
		l := h.says("ann", "something rash")
		seq := h.timeline("bo")[len(h.timeline("bo"))-1].Seq
		if got := h.says("ann", fmt.Sprint("/delete ", seq)).answer(t); !strings.Contains(got, "1 post deleted") {
			t.Fatal(got)
		}
		time.Sleep(100 * 24 * time.Hour)
		if again := h.deliver("ann", l.message); again.proved != 1 || len(again.answers) != 0 {
			t.Errorf("proved %d times, answers %v", again.proved, again.answers)
		}
		if got := h.posts("bo"); len(got) != 0 {
			t.Errorf("bo sees %q", got)
		}
	})
}

func TestAReplayedCommandDoesNothing(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleModerator)
		h.joined("eve", moderation.RoleMember)
		kick := h.says("ann", "/kick Eve 1h")
		unban := h.says("ann", "/unban Eve")
		who := h.says("ann", "/who")
		for _, l := range []*letter{kick, unban, who} {
			if again := h.deliver("ann", l.message); again.proved != 1 || len(again.answers) != 0 {
				t.Errorf("%s again: proved %d times, answers %v", l.message.Content, again.proved, again.answers)
			}
		}
		if l := h.says("eve", "/join Eve"); len(l.answers) == 0 || !strings.Contains(l.answers[0].content, "asked to join") {
			t.Errorf("eve is still out: %v", l.answers)
		}
	})
}

func TestACommandOlderThanTheLastOneIsAskedForAgain(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		old := h.write("ann", "/nick Old")
		time.Sleep(time.Second)
		h.says("ann", "/nick New")
		if got := h.deliver("ann", old).answer(t); !strings.Contains(got, "send it again") {
			t.Error(got)
		}
		if got := h.says("ann", "/nick").answer(t); !strings.Contains(got, "You are New") {
			t.Error(got)
		}
	})
}

func TestWhatAGroupRelayedIsNeitherPostedNorAnswered(t *testing.T) {
	fields := func(kind msgpack.Raw) func(*lxmf.Draft) {
		return func(d *lxmf.Draft) {
			d.Fields.Set(lxmf.FieldCustomType, kind)
			d.Fields.Set(lxmf.FieldCustomData, msgpack.Bin(make([]byte, 16)))
		}
	}
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		for _, who := range []string{"ann", "eve"} {
			for _, kind := range []msgpack.Raw{msgpack.Str("groupd"), msgpack.Bin([]byte("groupd")), msgpack.Str("originator-identity")} {
				for _, text := range []string{"Bo: hello", "/help", "/join Eve"} {
					if l := h.says(who, text, fields(kind)); l.proved != 1 || len(l.answers) != 0 {
						t.Errorf("%s: %q: proved %d times, answers %v", who, text, l.proved, l.answers)
					}
				}
			}
		}
		if got := h.posts("ann"); len(got) != 0 {
			t.Errorf("posted: %q", got)
		}
		h.says("ann", "with data of some program", fields(msgpack.Str("some.program")))
		if got := h.posts("ann"); len(got) != 1 {
			t.Error("another program's data is taken for a relay's marker")
		}
	})
}

func TestTwoGroupsDoNotTalkToEachOther(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		// The other group writes to us as a stranger does; what we answer it answers in the same way, with its marker.
		l := h.says("another group", "hello")
		back := h.says("another group", l.answer(t), func(d *lxmf.Draft) { d.Fields = l.answers[0].out.Fields })
		if len(back.answers) != 0 || back.proved != 1 {
			t.Errorf("an answer to an answer: %v", back.answers)
		}
		h.joined("another group", moderation.RoleMember)
		back = h.says("another group", "/nonsense", func(d *lxmf.Draft) { d.Fields = l.answers[0].out.Fields })
		if len(back.answers) != 0 {
			t.Errorf("an answer to an answer of a member: %v", back.answers)
		}
	})
}

func TestAProgramThatAnswersEverythingGetsNoConversation(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("bot", moderation.RoleMember)
		answers := 0
		for range 200 {
			answers += len(h.says("bot", "※ I am not here").answers)
		}
		if answers < 3 || answers > 8 {
			t.Errorf("%d answers in 200 s", answers)
		}
		answers = 0
		for range 200 {
			answers += len(h.says("bot", "/help").answers)
		}
		if answers < 30 || answers > 60 {
			t.Errorf("%d answers to 200 commands in 200 s", answers)
		}
		time.Sleep(time.Hour)
		if l := h.says("bot", "/help"); len(l.answers) != 1 {
			t.Error("no answer an hour later")
		}
	})
}

func TestFieldsAreKeptButForPositionsAndTickets(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		h.joined("bo", moderation.RoleMember)
		l := h.says("ann", "look", func(d *lxmf.Draft) {
			d.Title = []byte("A view")
			d.Fields.SetImage(lxmf.Image{Format: "webp", Data: []byte("pixels")})
			d.Fields.Set(0x4d, msgpack.Str("unknown"))
		})
		e := h.timeline("bo")[2]
		if string(e.Title) != "A view" || string(e.Text) != "look" || string(e.Fields) != string(msgpack.Map(msgpack.Entry{Key: msgpack.Int(0x4d), Value: msgpack.Str("unknown")})) || !e.Signed || e.Attachments != 1 ||
			len(e.Files) != 1 || e.Files[0].Kind != group.AttachImage || e.Files[0].Name != "webp" || e.Files[0].Size != 6 {
			t.Errorf("bo sees %+v", e)
		}
		if e.MessageID != group.MessageID(l.message.ID()) || !e.AuthorTime.Equal(l.message.Time()) {
			t.Errorf("id and time: %+v", e)
		}
		if got := h.says("bo", "/history").answer(t); !strings.Contains(got, "Ann: A view\n  look\n  [image, 6 B]") {
			t.Errorf("bo reads %s", got)
		}
		h.says("ann", "I am here", func(d *lxmf.Draft) {
			d.Fields.Set(lxmf.FieldTelemetry, msgpack.Bin([]byte("where")))
			d.Fields.SetTicket(lxmf.Ticket{Expires: 1})
			d.Fields.SetRenderer(lxmf.RendererMarkdown)
		})
		e = h.timeline("bo")[3]
		f, err := lxmf.ParseFields(e.Fields)
		if err != nil || f.Len() != 1 || e.Signed || strings.Contains(string(e.Fields), "where") {
			t.Errorf("bo sees %+v, %v", e, err)
		}
	})
}

func TestAnAnswerIsTiedToItsPost(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		h.joined("bo", moderation.RoleMember)
		id := h.says("ann", "is the bridge out?").message.ID()
		h.says("bo", "yes", func(d *lxmf.Draft) { d.Fields.SetReplyTo(id) })
		h.says("bo", "to something else", func(d *lxmf.Draft) { d.Fields.SetReplyTo(lxmf.MessageID{1}) })
		e := h.timeline("ann")
		if n := len(e); e[n-2].Ref != e[n-3].Seq || e[n-1].Ref != 0 {
			t.Errorf("ann sees answers to %d and %d", e[n-2].Ref, e[n-1].Ref)
		}
	})
}

func TestWhatNobodyWouldSeeIsNotPosted(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		id := h.says("ann", "hello").message.ID()
		for name, change := range map[string]func(*lxmf.Draft){
			"an icon":    func(d *lxmf.Draft) { d.Fields.SetIcon(lxmf.Icon{Name: "tree"}) },
			"a position": func(d *lxmf.Draft) { d.Fields.Set(lxmf.FieldTelemetry, msgpack.Bin([]byte("x"))) },
			"a reaction": func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: id, Text: "👍"}) },
			"a reaction of another kind": func(d *lxmf.Draft) {
				d.Fields.Set(0x10, msgpack.Map(msgpack.Entry{Key: msgpack.Str("reaction_to"), Value: msgpack.Str(id.String())}))
			},
			"nothing": func(*lxmf.Draft) {},
		} {
			if l := h.says("ann", "", change); l.proved != 1 || len(l.answers) != 0 {
				t.Errorf("%s: proved %d times, answers %v", name, l.proved, l.answers)
			}
		}
		if got := h.posts("ann"); len(got) != 1 {
			t.Errorf("posted: %q", got)
		}
		h.says("ann", "", func(d *lxmf.Draft) { d.Fields.SetAttachments(lxmf.Attachment{Name: "map.pdf", Data: []byte("%PDF")}) })
		if got := h.says("ann", "/history 1").answer(t); !strings.Contains(got, "Ann: [file map.pdf, 4 B]") {
			t.Errorf("a file without a text: %s", got)
		}
	})
}

func TestReactionsLandOnTheirPost(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		h.joined("bo", moderation.RoleMember)
		post := h.says("ann", "the bridge is open").message.ID()
		extended := func(key, target string) func(*lxmf.Draft) {
			return func(d *lxmf.Draft) {
				d.Fields.Set(0x10, msgpack.Map(msgpack.Entry{Key: msgpack.Str(key), Value: msgpack.Str(target)},
					msgpack.Entry{Key: msgpack.Str("emoji"), Value: msgpack.Str("❤\ufe0f")}, msgpack.Entry{Key: msgpack.Str("sender"), Value: msgpack.Str("00")}))
			}
		}
		for what, change := range map[string]func(*lxmf.Draft){
			"of LXMF":                       func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: post, Text: "👍"}) },
			"of Columba and MeshChatX":      extended("reaction_to", post.String()),
			"to something that is not here": extended("reaction_to", strings.Repeat("ab", 32)),
			"to nothing":                    extended("reaction_to", "?"),
			"that is no reaction":           func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: post, Text: "\u202e"}) },
			"that is a story":               func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: post, Text: strings.Repeat("x", 17)}) },
		} {
			if l := h.says("bo", "", change); l.proved != 1 || len(l.answers) != 0 {
				t.Errorf("a reaction %s: proved %d times, answers %v", what, l.proved, l.answers)
			}
		}
		h.says("bo", "I agree", func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: post, Text: "👎"}) })
		if got := h.posts("ann"); len(got) != 2 {
			t.Errorf("posted: %q", got)
		}
		e := h.timeline("ann")
		if n := len(e); e[n-2].Reactions != 2 {
			t.Errorf("%d reactions", e[n-2].Reactions)
		}
	})
}

func TestSidebandsCommandsAreCommands(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		for _, line := range []string{"who", "/who"} {
			l := h.says("ann", "", func(d *lxmf.Draft) {
				d.Fields.Set(lxmf.FieldCommands, msgpack.Array(msgpack.Map(msgpack.Entry{Key: msgpack.Int(0), Value: msgpack.Str(line)})))
			})
			if got := l.answer(t); !strings.Contains(got, "1 member") {
				t.Error(got)
			}
		}
	})
}

func TestTooLargePostsAreExplained(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		l := h.says("ann", "look", func(d *lxmf.Draft) { d.Fields.SetImage(lxmf.Image{Format: "webp", Data: make([]byte, 5<<20)}) })
		if got := l.answer(t); l.proved != 1 || !strings.Contains(got, "5120 KB") || !strings.Contains(got, "4096 KB") {
			t.Error(got)
		}
		if l := h.says("ann", "look", func(d *lxmf.Draft) { d.Fields.SetImage(lxmf.Image{Format: "webp", Data: make([]byte, 300<<10)}) }); len(l.answers) > 0 {
			t.Error(l.answers)
		}
		if got := h.posts("ann"); len(got) != 1 {
			t.Errorf("posted: %d", len(got))
		}
	})
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		if got := h.says("ann", "caf\xe9").answer(t); !strings.Contains(got, "UTF-8") {
			t.Error(got)
		}
		if got := h.posts("ann"); len(got) != 0 {
			t.Errorf("posted: %q", got)
		}
	})
}

func TestSeveralThatFitAreListed(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleModerator)
		// Two people whose addresses begin with the same three digits.
		byPrefix := make(map[string]string)
		var prefix, one, other string
		for i := 0; other == ""; i++ {
			name := fmt.Sprint("person ", i)
			prefix = group.AddressOf(group.IdentityHash(identity(t, name).Hash())).String()[:3]
			if one = byPrefix[prefix]; one != "" {
				other = name
			}
			byPrefix[prefix] = name
		}
		h.joined(one, moderation.RoleMember)
		h.joined(other, moderation.RoleMember)
		got := h.says("ann", "/kick "+prefix).answer(t)
		for _, name := range []string{one, other} {
			if !strings.Contains(got, "P"+name[1:]) {
				t.Errorf("%s is not listed: %s", name, got)
			}
		}
		if who := h.says("ann", "/who").answer(t); !strings.Contains(who, "3 members") {
			t.Errorf("somebody was kicked: %s", who)
		}
		address := group.AddressOf(group.IdentityHash(identity(t, other).Hash())).String()
		if l := h.says("ann", "/kick "+address[:8]+" 1h"); len(l.answers) != 2 || !strings.Contains(l.answers[0].content, "removed for 1 h") {
			t.Error(l.answers)
		}
		if who := h.says(one, "/who").answer(t); strings.Contains(who, "P"+other[1:]+"\n") || !strings.Contains(who, "2 members") {
			t.Errorf("he is still there: %s", who)
		}
	})
}

func TestModeratorsAreToldOnceAnHourWhoWaits(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("bo", moderation.RoleMember)
		h.joined("ann", moderation.RoleModerator) // last, or she might be told of bo
		told := func(l []sent) (n int, last string) {
			for _, s := range l {
				if s.to == "ann" {
					n, last = n+1, s.content
				}
				if s.to == "bo" {
					t.Errorf("bo is told: %s", s.content)
				}
			}
			return n, last
		}
		if n, text := told(h.says("eve", "/join Eve").answers); n != 1 || !strings.Contains(text, "Eve") {
			t.Errorf("told %d times: %s", n, text)
		}
		for i := range 5 {
			if n, text := told(h.says(fmt.Sprint("guest ", i), "/join Guest").answers); n != 0 {
				t.Errorf("told at once again: %s", text)
			}
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n, text := told(h.took()); n != 1 || !strings.Contains(text, "6 people") {
			t.Errorf("told %d times: %s", n, text)
		}
		time.Sleep(5 * time.Hour)
		if n, _ := told(h.took()); n != 0 {
			t.Error("told without a reason")
		}
	})
}

func TestDecisionsByTheOperatorAreToldToo(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		ctx := context.Background()
		h.says("eve", "/join Eve")
		id := group.AnyHash(identity(t, "eve").Hash())
		if _, err := h.hub.Approve(ctx, operator(), valley, id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if l := h.took(); len(l) != 2 || l[0].to != "eve" || !strings.Contains(l[0].content, "Welcome") {
			t.Errorf("eve is told %v", l)
		}
		if _, err := h.hub.Kick(ctx, operator(), valley, group.KickInput{Target: id, Reason: "noise"}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if l := h.took(); len(l) != 1 || !strings.Contains(l[0].content, "removed from Hidden Valley for 1 h: Noise.") {
			t.Errorf("eve is told %v", l)
		}
	})
}

func TestAnAnswerThatCanNotBeSentUndoesNothing(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		h.mu.Lock()
		h.limit = errors.New("queue full")
		h.mu.Unlock()
		if l := h.says("ann", "/nick Annabel"); l.proved != 1 {
			t.Error("not proved")
		}
		if n := h.server.Stats().AnswersLost; n != 1 {
			t.Errorf("%d answers lost", n)
		}
		h.mu.Lock()
		h.limit = nil
		h.mu.Unlock()
		if got := h.says("ann", "/nick").answer(t); !strings.Contains(got, "Annabel") {
			t.Error(got)
		}
	})
}

func TestNoticesFitOnePacketWhateverTheNames(t *testing.T) {
	long := func(n *group.NewGroup, _ *group.Config, _ *lxm.Config) {
		n.PublicName, n.PrivateName = strings.Repeat("漢", group.MaxNameRunes), strings.Repeat("字", group.MaxNameRunes)
	}
	closing := func(n *group.NewGroup, _ *group.Config, _ *lxm.Config) { n.Joining = moderation.JoiningClosed }
	for name, change := range map[string][]func(*group.NewGroup, *group.Config, *lxm.Config){
		"a private group": {long}, "an open group": {long, open}, "a closed group": {long, closing},
	} {
		inHouse(t, func(t *testing.T, h *house) {
			h.says("eve", "hello").answer(t)
			h.says("eve", "/join "+strings.Repeat("你", group.MaxNameRunes))
			time.Sleep(24 * time.Hour)
			if l := h.says("eve", "/join"); len(l.answers) != 1 {
				t.Errorf("%s: asking again got %d answers", name, len(l.answers))
			}
			if name == "a closed group" {
				return
			}
			h.joined("ann", moderation.RoleModerator)
			h.says("ann", "/nick "+strings.Repeat("我", group.MaxNameRunes)).answer(t)
			h.says("ann", "/leave").answer(t)
			h.says("ann", "/help nick").answer(t)
		}, change...)
	}
}

func TestEveryCommandIsExplainedInOnePacket(t *testing.T) {
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleOwner)
		for _, name := range lxm.CommandNames() {
			time.Sleep(time.Minute)
			if got := h.says("ann", "/help "+name).answer(t); !strings.HasPrefix(got, "※ /") {
				t.Errorf("%s: %s", name, got)
			}
		}
	})
}

func TestRefusedAttachmentsAreExplained(t *testing.T) {
	attached := func(n, size int) func(*lxmf.Draft) {
		return func(d *lxmf.Draft) {
			var list []lxmf.Attachment
			for i := range n {
				list = append(list, lxmf.Attachment{Name: "f", Data: bytes.Repeat([]byte{byte(i)}, size)})
			}
			d.Fields.SetAttachments(list...)
		}
	}
	small := func(_ *group.NewGroup, c *group.Config, _ *lxm.Config) {
		c.Limits = group.Limits{AttachBytes: 20 << 10, AttachMember: 30 << 10}
	}
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		for want, files := range map[string]func(*lxmf.Draft){
			"Not posted: a post has at most 16 attachments.":                                     attached(17, 1),
			"Not posted: it has 24 KB, and up to 20 KB can be posted.":                           attached(1, 24<<10),
			"Not posted: your attachments have no more room here: delete some, or post without.": attached(2, 19<<10),
		} {
			if got := h.says("ann", "look", files).answer(t); !strings.Contains(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}, small)
}

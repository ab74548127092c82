package group_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestABanMadeBeforeAnythingIsKnown(t *testing.T) {
	mal := person("Mal")
	address := group.AnyHash(group.AddressOf(mal.Identity))
	for typed, target := range map[string]group.AnyHash{"identity": hash(mal), "address": address} {
		h := newHouse(t, open)
		ann := h.joined("Ann", moderation.RoleModerator)
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: target, Reason: "known elsewhere"}))(t)
		_, err := h.hub.Join(t.Context(), mal, valley, group.JoinInput{})
		refused(t, "banned by "+typed, err, group.KindBanned)
		_, err = h.hub.Messages(t.Context(), mal, valley, group.Query{})
		refused(t, "reading an open group", err, group.KindBanned)
		if bans, more, err := h.hub.Bans(t.Context(), ann, valley, group.AnyHash{}, 0); err != nil || more || len(bans) != 1 || bans[0].Target != target {
			t.Errorf("%+v, %v, %v", bans, more, err)
		}
		for how, other := range map[string]group.AnyHash{"identity": hash(mal), "address": address} {
			must(h.hub.Unban(t.Context(), ann, valley, other))(t)
			if st := must(h.hub.Standing(t.Context(), mal, valley))(t); st.Standing != moderation.StandingStranger {
				t.Errorf("banned by %s, unbanned by %s: %s", typed, how, st.Standing)
			}
			must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: target}))(t)
		}
		must(h.hub.Unban(t.Context(), ann, valley, target))(t)
		must(h.hub.Join(t.Context(), mal, valley, group.JoinInput{}))(t)
		_, err = h.hub.Unban(t.Context(), ann, valley, target)
		refused(t, "nobody to unban", err, group.KindNotFound)
	}
}

func TestABanEndsARequest(t *testing.T) {
	h := newHouse(t)
	mal := person("Mal")
	must(h.hub.Join(t.Context(), mal, valley, group.JoinInput{Name: "Mal"}))(t)
	must(h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: group.AnyHash(group.AddressOf(mal.Identity))}))(t)
	if list := must(h.hub.Requests(t.Context(), operator(), valley, 0))(t); len(list) != 0 {
		t.Errorf("still waiting: %+v", list)
	}
	_, err := h.hub.Approve(t.Context(), operator(), valley, hash(mal))
	refused(t, "approving the banned one", err, group.KindNotFound)
	bans, _, err := h.hub.Bans(t.Context(), operator(), valley, group.AnyHash{}, 0)
	if err != nil || len(bans) != 1 || bans[0].Identity != mal.Identity || bans[0].DisplayName != "Mal" {
		t.Errorf("%+v, %v", bans, err)
	}
}

func TestABanReplacesAKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		kicker := h.joined("Ann", moderation.RoleMember)
		must(h.hub.UpdatePermissions(t.Context(), operator(), valley, group.PermissionsInput{Target: hash(kicker), Add: moderation.PermKick}))(t)
		mal := h.joined("Mal", moderation.RoleMember)
		_, err := h.hub.Kick(t.Context(), kicker, valley, group.KickInput{Target: hash(mal)})
		refused(t, "kicking one's equal", err, group.KindDenied)
		must(h.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal)}))(t)
		_, err = h.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal)})
		refused(t, "kicking one who is out", err, group.KindNotFound)
		must(h.hub.Unban(t.Context(), kicker, valley, hash(mal)))(t) // a kick is lifted by who may kick
		must(h.hub.Join(t.Context(), mal, valley, group.JoinInput{}))(t)
		must(h.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal), Duration: time.Minute}))(t)
		must(h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(mal), Duration: 24 * time.Hour}))(t)
		_, err = h.hub.Unban(t.Context(), kicker, valley, hash(mal))
		refused(t, "lifting a ban with the right to kick", err, group.KindDenied)
		time.Sleep(24*time.Hour - time.Second)
		_, err = h.hub.Join(t.Context(), mal, valley, group.JoinInput{})
		refused(t, "a minute early", err, group.KindBanned)
		time.Sleep(time.Second)
		must(h.hub.Join(t.Context(), mal, valley, group.JoinInput{}))(t)
		if bans, _, err := h.hub.Bans(t.Context(), operator(), valley, group.AnyHash{}, 0); len(bans) != 0 || err != nil {
			t.Errorf("bans in force: %+v, %v", bans, err)
		}
	})
}

func TestABanSentTwiceIsToldOnce(t *testing.T) {
	h := newHouse(t, open)
	ann := h.joined("Ann", moderation.RoleModerator)
	mal := h.joined("Mal", moderation.RoleMember)
	in := group.BanInput{Target: hash(mal), Reason: "spam"}
	must(h.hub.Ban(t.Context(), ann, valley, in))(t)
	head := h.head()
	// The answer was lost, and the client has no client ids.
	if r := must(h.hub.Ban(t.Context(), ann, valley, in))(t); h.head() != head || r.Rev != head.Rev {
		t.Errorf("%+v, head %+v", r, h.head())
	}
	in.Reason = "spam, twice"
	if must(h.hub.Ban(t.Context(), ann, valley, in))(t); h.head().Seq != head.Seq+1 {
		t.Error("a ban with another reason was not told")
	}
}

func TestABanThatHasEndedIsNotLifted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		mal := h.joined("Mal", moderation.RoleMember)
		must(h.hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: hash(mal)}))(t)
		time.Sleep(time.Hour)
		head := h.head()
		_, err := h.hub.Unban(t.Context(), operator(), valley, hash(mal))
		refused(t, "nothing to lift", err, group.KindNotFound)
		if h.head() != head {
			t.Error("it was told")
		}
	})
}

func TestTheAwaitedOwnerHasHisRankAlready(t *testing.T) {
	boss := person("Boss")
	for typed, owner := range map[string]group.AnyHash{"identity": hash(boss), "address": group.AnyHash(group.AddressOf(boss.Identity))} {
		h := newHouse(t, func(n *group.NewGroup, _ *group.Config) { n.Owner = owner })
		ann := h.joined("Ann", moderation.RoleAdmin)
		for _, target := range []group.AnyHash{hash(boss), group.AnyHash(group.AddressOf(boss.Identity))} {
			_, err := h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: target})
			if e := refused(t, "an admin bans the owner named by "+typed, err, group.KindDenied); e.Reason != moderation.ReasonRank {
				t.Errorf("%+v", e)
			}
		}
		if r := must(h.hub.Join(t.Context(), boss, valley, group.JoinInput{Name: "Boss"}))(t); r.Member.Role != moderation.RoleOwner {
			t.Errorf("%+v", r)
		}
	}
}

func TestTargetsThatMakeNoSense(t *testing.T) {
	h := newHouse(t)
	owner := h.joined("Ann", moderation.RoleOwner)
	info := must(h.hub.Info(t.Context(), owner, valley))(t)
	for what, target := range map[string]group.AnyHash{"nobody": {}, "the group": group.AnyHash(info.Identity), "the group's address": group.AnyHash(info.Address)} {
		_, err := h.hub.Ban(t.Context(), owner, valley, group.BanInput{Target: target})
		refused(t, what, err, group.KindInvalid)
	}
	_, err := h.hub.Ban(t.Context(), owner, valley, group.BanInput{Target: group.AnyHash(group.AddressOf(owner.Identity))})
	refused(t, "himself", err, group.KindDenied)
	_, err = h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(owner)})
	refused(t, "the last owner", err, group.KindDenied)
	_, err = h.hub.Kick(t.Context(), owner, valley, group.KickInput{Target: hash(person("x")), Duration: -1})
	refused(t, "backwards", err, group.KindInvalid)
	_, err = h.hub.Kick(t.Context(), owner, "nope", group.KickInput{Target: hash(person("x"))})
	refused(t, "another group", err, group.KindNotFound)
}

func TestWhomAPersonMeans(t *testing.T) {
	h := newHouse(t)
	ann, bob, eve := h.joined("Ann", moderation.RoleModerator), h.joined("Bob Miller", moderation.RoleMember), person("Eve")
	must(h.hub.Join(t.Context(), eve, valley, group.JoinInput{Name: "Eve"}))(t)
	must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: group.AnyHash{0xab, 0xcd, 0xef}}))(t)
	bobAddress := group.AddressOf(bob.Identity).String()
	for _, c := range []struct {
		text  string
		among group.Scope
		want  group.AnyHash
	}{
		{"Ann", group.AmongMembers, hash(ann)}, {" @ann ", group.AmongMembers, hash(ann)}, {"bob miller", group.AmongMembers, hash(bob)},
		{bobAddress, group.AmongMembers, hash(bob)}, {strings.ToUpper(bobAddress), group.AmongMembers, hash(bob)}, {"<" + bobAddress + ">", group.AmongMembers, hash(bob)},
		{bob.Identity.String(), group.AmongMembers, hash(bob)}, {bobAddress[:8], group.AmongMembers, hash(bob)}, {bob.Identity.String()[:8], group.AmongMembers, hash(bob)},
		{"Eve", group.AmongRequests, hash(eve)}, {group.AddressOf(eve.Identity).String()[:6], group.AmongRequests, hash(eve)},
		{group.AddressOf(eve.Identity).String(), group.AmongRequests, hash(eve)}, {"abcdef", group.AmongBans, group.AnyHash{0xab, 0xcd, 0xef}},
		{"0123456789abcdef0123456789abcdef", group.AmongMembers, group.AnyHash{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}},
	} {
		if got, err := h.hub.Resolve(t.Context(), ann, valley, c.text, c.among); err != nil || got != c.want {
			t.Errorf("%q: %s, %v; want %s", c.text, got, err, c.want)
		}
	}
	for _, text := range []string{"Eve", "nobody", "", "fff fff", bobAddress[:2]} {
		_, err := h.hub.Resolve(t.Context(), ann, valley, text, group.AmongMembers)
		refused(t, text, err, group.KindNotFound)
	}
	_, err := h.hub.Resolve(t.Context(), bob, valley, "Eve", group.AmongRequests)
	refused(t, "a plain member looking at who waits", err, group.KindDenied)
	_, err = h.hub.Resolve(t.Context(), eve, valley, "Ann", group.AmongMembers)
	refused(t, "one who waits looking for members", err, group.KindPending)

	// Somebody takes the beginning of Bob's address as his name: the moderator must see both.
	h.joined(bobAddress[:8], moderation.RoleMember)
	_, err = h.hub.Resolve(t.Context(), ann, valley, bobAddress[:8], group.AmongMembers)
	if e := refused(t, "ambiguous", err, group.KindConflict); len(e.Choices) != 2 {
		t.Errorf("choices: %+v", e.Choices)
	}
	// A short nickname that happens to be hex is a nickname.
	abe := h.joined(bobAddress[:3], moderation.RoleMember)
	if got, err := h.hub.Resolve(t.Context(), ann, valley, bobAddress[:3], group.AmongMembers); err != nil || got != hash(abe) {
		t.Errorf("%s, %v", got, err)
	}
	must(h.hub.Leave(t.Context(), bob, valley))(t)
	if got, err := h.hub.Resolve(t.Context(), ann, valley, "Bob Miller", group.AmongDeparted); err != nil || got != hash(bob) {
		t.Errorf("departed: %s, %v", got, err)
	}
}

func TestAddressesAreReadAsPeopleCopyThem(t *testing.T) {
	want := group.AnyHash{0x3f, 0x9a, 0x1c, 0x07, 0xb2, 0xe8, 0x4d, 0x55, 0x96, 0xa0, 0xd1, 0xc4, 0xe7, 0xf8, 0x0b, 0x2a}
	s := want.String()
	for _, text := range []string{s, strings.ToUpper(s), " " + s + "\n", "<" + s + ">", "lxmf@" + s, "LXMF@" + s, "lxmf://" + s, "lxma://" + s + ":" + strings.Repeat("ab", 64)} {
		if got, ok := group.ParseAnyHash(text); !ok || got != want {
			t.Errorf("%q: %s, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", s[:30], s + "00", "x" + s[1:], "lxmf@"} {
		if got, ok := group.ParseAnyHash(text); ok {
			t.Errorf("%q was read as %s", text, got)
		}
	}
}

func TestDeletingAllByOneMember(t *testing.T) {
	h := newHouse(t)
	ann, mal := h.joined("Ann", moderation.RoleModerator), h.joined("Mal", moderation.RoleMember)
	for i := range group.MaxPage + 20 {
		in := group.PostInput{Text: []byte("spam")}
		if i%100 == 0 {
			h.post(ann, "still here")
		}
		c := mal
		c.Local = true // not held up by the rate
		must(h.hub.Post(t.Context(), c, valley, in))(t)
	}
	_, err := h.hub.Delete(t.Context(), mal, valley, group.DeleteInput{Author: hash(ann)})
	refused(t, "a member deleting another's", err, group.KindDenied)
	target := group.DeleteInput{Author: group.AnyHash(group.AddressOf(mal.Identity))}
	deleted := 0
	for more := true; more; {
		r := must(h.hub.Delete(t.Context(), ann, valley, target))(t)
		if r.Deleted == 0 || r.Deleted > 64 {
			t.Fatalf("%d deleted at once", r.Deleted)
		}
		deleted, more = deleted+r.Deleted, r.More
	}
	if deleted != group.MaxPage+20 {
		t.Errorf("%d deleted", deleted)
	}
	p := must(h.hub.Messages(t.Context(), ann, valley, group.Query{Newest: true, Limit: 500}))(t)
	for _, e := range p.Entries {
		if e.Author == mal.Identity && e.Kind == group.EntryPost && !e.Deleted {
			t.Fatalf("entry %d is still there", e.Seq)
		}
	}
	if p.Head.Deletions != group.MaxPage+20 {
		t.Errorf("%d deletions", p.Head.Deletions)
	}
	r := must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{p.Head.Seq, 9999, 9999}}))(t)
	if r.Deleted != 0 || fmt.Sprint(r.Missing) != fmt.Sprint([]group.Seq{p.Head.Seq, 9999}) {
		t.Errorf("%+v", r)
	}
	_, err = h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{1}})
	refused(t, "deleting a join", err, group.KindInvalid)
	_, err = h.hub.Delete(t.Context(), person("stranger"), valley, group.DeleteInput{Seqs: []group.Seq{9999}})
	refused(t, "a stranger", err, group.KindNotMember)
	own := h.post(mal, "mine")
	if r := must(h.hub.Delete(t.Context(), mal, valley, group.DeleteInput{Seqs: []group.Seq{own.Seq}}))(t); r.Deleted != 1 {
		t.Errorf("his own: %+v", r)
	}
	must(h.hub.Post(t.Context(), operator(), valley, group.PostInput{Text: []byte("from the operator")}))(t)
	_, err = h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{h.head().Seq}})
	refused(t, "a moderator deleting the operator's", err, group.KindDenied)
}

func TestWhoLeftIsNotWrittenToHoweverOftenHeIsBanned(t *testing.T) {
	h := newHouse(t, open)
	ann, mal := h.joined("Ann", moderation.RoleModerator), h.joined("Mal", moderation.RoleMember)
	events := h.hub.Subscribe(100)
	defer events.Close()
	for i := range 3 {
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(mal), Reason: fmt.Sprint("buy goats ", i)}))(t)
	}
	must(h.hub.Unban(t.Context(), ann, valley, hash(mal)))(t)
	must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(mal), Reason: "buy more goats"}))(t)
	told := 0
	for len(events.Events()) > 0 {
		if e := <-events.Events(); e.Kind == group.EventRemoved {
			told++
		}
	}
	if told != 1 {
		t.Errorf("he was told %d times", told)
	}
}

package group_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// posts are the texts of a member's posts as another member sees them now, in their order.
func (h *house) posts(reader, author group.Caller) (texts []string) {
	h.t.Helper()
	for after := group.Seq(0); ; {
		p := must(h.hub.Messages(h.t.Context(), reader, valley, group.Query{After: after, BySeq: true, Limit: group.MaxPage}))(h.t)
		for _, e := range p.Entries {
			if after = e.Seq; e.Author == author.Identity && e.Kind.Authored() && !e.Deleted {
				texts = append(texts, string(e.Text))
			}
		}
		if !p.More {
			return texts
		}
	}
}

func TestABanWithPurgeHidesAllPostsAndUndoBringsThemBackWithinADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ctx := t.Context()
		mod, bob, mal := h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember), h.joined("Mal", moderation.RoleMember)
		before := h.reader(bob)
		var want []string
		for i := range 45 {
			want = append(want, fmt.Sprint("goats ", i))
			h.post(mal, want[i])
			h.post(bob, fmt.Sprint("no goats ", i))
			time.Sleep(time.Second)
		}
		first := must(h.hub.Messages(ctx, mod, valley, group.Query{Newest: true, Limit: 2}))(t).Entries[0]
		h.react(bob, first.Seq, "+1", false)
		must(h.hub.Pin(ctx, mod, valley, first.Seq, false))(t)
		before.fetch()
		truth := fmt.Sprint(before.entries[first.Seq].Text, before.entries[first.Seq].Hash)

		ban := group.BanInput{Target: hash(mal), Reason: "goats", Purge: true}
		if r := must(h.hub.Ban(ctx, mod, valley, ban))(t); !r.Purging {
			t.Error("nothing is said of the posts")
		}
		h.lives(time.Minute)
		if left := h.posts(bob, mal); len(left) != 0 {
			t.Errorf("still to be seen: %q", left)
		}
		if len(h.posts(mod, bob)) != 45 {
			t.Error("another's posts are gone")
		}
		before.fetch()
		e := before.entries[first.Seq]
		if !e.Deleted || e.Text != nil || e.DeletedBy != mod.Identity {
			t.Errorf("a client has %+v", e)
		}
		if found := must(h.hub.Search(ctx, bob, valley, group.SearchInput{Author: hash(mal)}))(t).Entries; len(found) != 0 {
			t.Errorf("found: %+v", found)
		}
		if pins := must(h.hub.Pins(ctx, bob, valley))(t).Pinned; len(pins) != 0 {
			t.Errorf("pinned: %v", pins)
		}
		_, err := h.hub.UndoBan(ctx, bob, valley, hash(mal))
		refused(t, "a member undoing it", err, group.KindDenied)

		h.lives(24*time.Hour - 2*time.Minute)
		at := before.cursor
		must(h.hub.UndoBan(ctx, mod, valley, hash(mal)))(t)
		h.lives(30 * time.Second)
		if back := h.posts(bob, mal); !slices.Equal(back, want) {
			t.Errorf("back are %q", back)
		}
		before.fetch()
		e = before.entries[first.Seq]
		if fmt.Sprint(e.Text, e.Hash) != truth || e.Deleted || e.Rev <= at || !e.Pinned || e.Reactions != 1 {
			t.Errorf("a client has %+v", e)
		}
		if st := must(h.hub.Standing(ctx, mal, valley))(t).Standing; st != moderation.StandingStranger {
			t.Errorf("he is %s", st)
		}
		// Who is sent each post as a message gets none of them again.
		p := must(h.hub.Messages(ctx, bob, valley, group.Query{Contents: true, AfterRev: at, Limit: group.MaxPage}))(t)
		for _, e := range p.Entries {
			if e.Author == mal.Identity && e.Kind.Authored() {
				t.Fatalf("sent again: %+v", e)
			}
		}
		_, err = h.hub.UndoBan(ctx, mod, valley, hash(mal))
		refused(t, "undoing it twice", err, group.KindNotFound)

		// And once more, for longer than a day.
		must(h.hub.Ban(ctx, mod, valley, ban))(t)
		h.lives(time.Minute)
		must(h.hub.Unban(ctx, mod, valley, hash(mal)))(t) // the posts stay hidden
		h.lives(25 * time.Hour)
		_, err = h.hub.UndoBan(ctx, mod, valley, hash(mal))
		refused(t, "after a day", err, group.KindNotFound)
		if err := h.store.View(ctx, func(tx group.ReadTx) error {
			aside, err := tx.HiddenBy(valley, mal.Identity, 10)
			n, err2 := tx.CountErasures(valley)
			if len(aside) > 0 || n > 0 || err2 != nil {
				t.Errorf("%d posts are kept, %d are going, %v", len(aside), n, err2)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestAPurgeGoesOnAfterARestartAndCanBeUndoneHalfWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		mod, mal := h.joined("Mod", moderation.RoleModerator), h.joined("Mal", moderation.RoleMember)
		for i := range 60 {
			h.post(mal, fmt.Sprint("goats ", i))
			time.Sleep(time.Second)
		}
		must(h.hub.Ban(t.Context(), mod, valley, group.BanInput{Target: hash(mal), Purge: true}))(t)
		h.lives(group.ErasePause / 2) // one transaction
		if n := len(h.posts(mod, mal)); n != 52 {
			t.Fatalf("%d posts are left", n)
		}
		h.restarted(time.Minute)
		h.lives(group.ErasePause / 2)
		if n := len(h.posts(mod, mal)); n != 44 {
			t.Fatalf("%d posts are left", n)
		}
		must(h.hub.UndoBan(t.Context(), mod, valley, hash(mal)))(t)
		must(h.hub.Join(t.Context(), mal, valley, group.JoinInput{}))(t)
		h.post(mal, "no more goats")
		h.lives(time.Second)
		if n := len(h.posts(mod, mal)); n != 61 {
			t.Errorf("%d posts are back", n)
		}
		// What he writes once he is back is not hidden by the old ban.
		must(h.hub.Ban(t.Context(), mod, valley, group.BanInput{Target: hash(mal), Purge: true}))(t)
		must(h.hub.Unban(t.Context(), mod, valley, hash(mal)))(t)
		must(h.hub.Join(t.Context(), mal, valley, group.JoinInput{}))(t)
		h.post(mal, "hello again")
		h.lives(time.Second)
		if left := h.posts(mod, mal); !slices.Equal(left, []string{"hello again"}) {
			t.Errorf("left: %q", left)
		}
	})
}

func TestABanTakesTheBranchAlongAsFarAsItsMakerOutranksIt(t *testing.T) {
	h := newHouse(t, open)
	ctx := t.Context()
	owner, mod := h.joined("Ann", moderation.RoleOwner), h.joined("Mod", moderation.RoleModerator)
	all := func(role moderation.Role) func(*moderation.Policy) {
		return func(p *moderation.Policy) { p.InviteRole = role }
	}
	must(h.hub.UpdateSettings(ctx, owner, valley, group.SettingsInput{Change: all(moderation.RoleMember)}))(t)
	bring := func(by group.Caller, name string) group.Caller {
		must(h.joins(name, h.invite(by, group.InviteInput{}).Code))(t)
		return person(name)
	}
	mal := h.joined("Mal", moderation.RoleMember)
	a, staff := bring(mal, "A"), bring(mal, "Staff")
	b := bring(a, "B")
	gone := bring(a, "Gone")
	c := bring(gone, "C") // by one who has left
	must(h.hub.Leave(ctx, gone, valley))(t)
	d := bring(staff, "D")
	must(h.hub.UpdatePermissions(ctx, owner, valley, group.PermissionsInput{Target: hash(staff), Role: moderation.RoleAdmin}))(t)
	bob := h.joined("Bob", moderation.RoleMember)
	h.post(b, "buy goats")
	live := h.invite(a, group.InviteInput{}).Code

	r := must(h.hub.Ban(ctx, mod, valley, group.BanInput{Target: hash(mal), Branch: true, Purge: true, Duration: time.Hour}))(t)
	var names []string
	for _, m := range r.Branch {
		names = append(names, m.DisplayName)
	}
	slices.Sort(names)
	if fmt.Sprint(names) != "[A B C D]" || r.More {
		t.Errorf("banned: %v, more %v", names, r.More)
	}
	for who, want := range map[*group.Caller]moderation.Standing{
		&mal: moderation.StandingBanned, &a: moderation.StandingBanned, &b: moderation.StandingBanned, &c: moderation.StandingBanned, &d: moderation.StandingBanned,
		&staff: moderation.StandingMember, &bob: moderation.StandingMember, &mod: moderation.StandingMember,
	} {
		if st := must(h.hub.Standing(ctx, *who, valley))(t); st.Standing != want {
			t.Errorf("%v is %s", who.Identity, st.Standing)
		}
	}
	_, err := h.joins("Eve", live)
	refused(t, "an invite of who was banned", err, group.KindDenied)
	log := must(h.hub.AuditLog(ctx, owner, valley, group.AuditQuery{Action: "ban", Who: hash(mod)}))(t)
	if len(log.Lines) != 5 || len(log.Members) < 5 {
		t.Errorf("the log has %+v", log.Lines)
	}
	one := must(h.hub.AuditLog(ctx, owner, valley, group.AuditQuery{Who: group.AnyHash(group.AddressOf(b.Identity)), Limit: 1}))(t)
	if len(one.Lines) != 1 || one.Lines[0].Target != hash(b) {
		t.Errorf("of one: %+v", one)
	}
}

func TestABigBranchIsBannedInParts(t *testing.T) {
	h := newHouse(t, open)
	owner, mal := h.joined("Ann", moderation.RoleOwner), h.joined("Mal", moderation.RoleAdmin)
	code := h.invite(mal, group.InviteInput{Uses: 120}).Code
	for i := range 120 {
		must(h.joins(fmt.Sprint("goat ", i), code))(t)
	}
	banned := 0
	for i := 0; ; i++ {
		r := must(h.hub.Ban(t.Context(), owner, valley, group.BanInput{Target: hash(mal), Branch: true}))(t)
		if len(r.Branch) > group.MaxBranch {
			t.Fatalf("%d at once", len(r.Branch))
		}
		if banned += len(r.Branch); !r.More || i > 5 {
			break
		}
	}
	if banned != 120 {
		t.Errorf("%d are banned", banned)
	}
}

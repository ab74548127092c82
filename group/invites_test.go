package group_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// invite makes an invite.
func (h *house) invite(c group.Caller, in group.InviteInput) group.InviteIssued {
	h.t.Helper()
	return must(h.hub.CreateInvite(h.t.Context(), c, valley, in))(h.t)
}

// joins tries to join by a code.
func (h *house) joins(name, code string) (group.JoinResult, error) {
	return h.hub.Join(h.t.Context(), person(name), valley, group.JoinInput{Name: name, Code: code})
}

// invitesOnly is a group that nobody joins without an invite.
func invitesOnly(n *group.NewGroup, _ *group.Config) { n.Joining = moderation.JoiningInvite }

func TestACodeLetsAsManyInAsItSaysAndNotAfterItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, invitesOnly)
		h.lives(time.Second) // makes the time known
		mod := must(h.hub.Claim(t.Context(), person("Mod"), valley, group.ClaimInput{Code: must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t).Code, Name: "Mod"}))(t)
		owner := group.Caller{Identity: mod.Member.Identity, PublicKey: mod.Member.PublicKey}
		_, err := h.joins("Eve", "")
		refused(t, "without an invite", err, group.KindDenied)

		made := h.invite(owner, group.InviteInput{Uses: 2})
		if made.Invite.Expires.Sub(made.Invite.Created) != 7*24*time.Hour || len(strings.Split(made.Code, "-")) != 6 {
			t.Errorf("%+v, %q", made.Invite, made.Code)
		}
		r := must(h.joins("Ann", strings.ToUpper(strings.ReplaceAll(made.Code, "-", "  "))))(t)
		if r.Standing != moderation.StandingMember || r.Member.Role != moderation.RoleMember || r.Member.InvitedBy != owner.Identity {
			t.Errorf("%+v", r)
		}
		if again := must(h.joins("Ann", made.Code))(t); !again.Already {
			t.Error("who is in uses the code up again")
		}
		if list := must(h.hub.Invites(t.Context(), owner, valley, group.InvitesQuery{}))(t).Invites; len(list) != 1 || list[0].Uses != 1 || list[0].Used != 1 {
			t.Errorf("listed: %+v", list)
		}
		must(h.joins("Bob", made.Code))(t)
		_, err = h.joins("Cleo", made.Code)
		refused(t, "a third one", err, group.KindDenied)

		made = h.invite(owner, group.InviteInput{Duration: time.Hour})
		time.Sleep(time.Hour)
		_, err = h.joins("Cleo", made.Code)
		refused(t, "after its time", err, group.KindDenied)
		made = h.invite(owner, group.InviteInput{})
		must(h.hub.RevokeInvite(t.Context(), owner, valley, made.Invite.ID))(t)
		_, err = h.joins("Cleo", made.Code)
		refused(t, "after it was taken back", err, group.KindDenied)
		_, err = h.hub.RevokeInvite(t.Context(), owner, valley, made.Invite.ID)
		refused(t, "taking it back twice", err, group.KindNotFound)
		made = h.invite(owner, group.InviteInput{})
		must(h.hub.SetOwner(t.Context(), operator(), valley, hash(person("Ann"))))(t)
		must(h.hub.Leave(t.Context(), owner, valley))(t)
		_, err = h.joins("Cleo", made.Code)
		refused(t, "when who made it has left", err, group.KindDenied)
	})
}

func TestAnInviteForOnePersonIsForNobodyElse(t *testing.T) {
	h := newHouse(t) // approves
	ann, bob := h.joined("Ann", moderation.RoleOwner), person("Bob")
	standing := func(c group.Caller) moderation.Standing {
		return must(h.hub.Standing(t.Context(), c, valley))(t).Standing
	}
	made := h.invite(ann, group.InviteInput{For: group.AnyHash(group.AddressOf(bob.Identity)), Role: moderation.RoleModerator})
	if standing(bob) != moderation.StandingInvited || standing(person("Eve")) != moderation.StandingStranger {
		t.Errorf("he is %s", standing(bob))
	}
	_, err := h.joins("Eve", made.Code)
	refused(t, "another one with his code", err, group.KindDenied)
	r := must(h.joins("Bob", ""))(t) // without a code
	if r.Standing != moderation.StandingMember || r.Member.Role != moderation.RoleModerator {
		t.Errorf("%+v", r)
	}
	must(h.hub.Leave(t.Context(), bob, valley))(t)
	if r := must(h.joins("Bob", ""))(t); r.Standing != moderation.StandingPending {
		t.Errorf("coming back, he is %s: it was for once", r.Standing)
	}
	// Somebody who waits is let in by an invite, with its code or without.
	h.invite(ann, group.InviteInput{For: hash(bob)})
	if r := must(h.joins("Bob", ""))(t); r.Standing != moderation.StandingMember {
		t.Errorf("%+v", r)
	}
	_, err = h.hub.CreateInvite(t.Context(), ann, valley, group.InviteInput{For: hash(bob)})
	refused(t, "inviting a member", err, group.KindConflict)
	must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(bob)}))(t)
	_, err = h.hub.CreateInvite(t.Context(), ann, valley, group.InviteInput{For: group.AnyHash(group.AddressOf(bob.Identity))})
	refused(t, "inviting the banned", err, group.KindConflict)
	made = h.invite(ann, group.InviteInput{})
	_, err = h.joins("Bob", made.Code)
	refused(t, "the banned with a code", err, group.KindBanned)
}

func TestNobodyInvitesToMoreThanHeMayGive(t *testing.T) {
	h := newHouse(t, open)
	ann, mod, bob := h.joined("Ann", moderation.RoleAdmin), h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember)
	to := hash(person("Eve"))
	for what, c := range map[string]struct {
		by   group.Caller
		in   group.InviteInput
		want group.Kind
	}{
		"a member":                   {bob, group.InviteInput{}, group.KindDenied},
		"a stranger":                 {person("Sue"), group.InviteInput{}, group.KindNotMember},
		"a moderator, an admin":      {mod, group.InviteInput{For: to, Role: moderation.RoleAdmin}, group.KindDenied},
		"an admin, an owner":         {ann, group.InviteInput{For: to, Role: moderation.RoleOwner}, group.KindDenied},
		"a role for whoever has it":  {ann, group.InviteInput{Role: moderation.RoleModerator}, group.KindInvalid},
		"no such role":               {ann, group.InviteInput{For: to, Role: 9}, group.KindInvalid},
		"too many uses":              {ann, group.InviteInput{Uses: group.MaxInviteUses + 1}, group.KindInvalid},
		"fewer than one":             {ann, group.InviteInput{Uses: -1}, group.KindInvalid},
		"one person, twice":          {ann, group.InviteInput{For: to, Uses: 2}, group.KindInvalid},
		"too long":                   {ann, group.InviteInput{Duration: group.MaxInviteValid + 1}, group.KindInvalid},
		"over before it began":       {ann, group.InviteInput{Duration: -time.Hour}, group.KindInvalid},
		"sent to nobody":             {ann, group.InviteInput{Send: true}, group.KindInvalid},
		"the group itself":           {ann, group.InviteInput{For: hash(person("the group"))}, group.KindInvalid},
		"an admin, another one (ok)": {ann, group.InviteInput{For: hash(person("Flo")), Role: moderation.RoleAdmin}, 0},
	} {
		_, err := h.hub.CreateInvite(t.Context(), c.by, valley, c.in)
		if c.want == 0 {
			if err != nil {
				t.Error(what, err)
			}
			continue
		}
		refused(t, what, err, c.want)
	}
	// What one can no longer give is void: the admin becomes a member.
	must(h.hub.UpdatePermissions(t.Context(), operator(), valley, group.PermissionsInput{Target: hash(ann), Role: moderation.RoleMember}))(t)
	if r := must(h.joins("Flo", ""))(t); r.Member.Role != moderation.RoleMember {
		t.Errorf("an invite made her a %s after its maker lost the right to", r.Member.Role)
	}
	// One's own are listed and revoked by oneself, all by staff.
	own := h.invite(mod, group.InviteInput{})
	if list := must(h.hub.Invites(t.Context(), bob, valley, group.InvitesQuery{}))(t).Invites; len(list) != 0 {
		t.Errorf("a member sees %+v", list)
	}
	_, err := h.hub.Invites(t.Context(), bob, valley, group.InvitesQuery{All: true})
	refused(t, "a member looking at all", err, group.KindDenied)
	_, err = h.hub.RevokeInvite(t.Context(), bob, valley, own.Invite.ID)
	refused(t, "a member revoking another's", err, group.KindNotFound)
	_, err = h.hub.RevokeInvite(t.Context(), person("Sue"), valley, own.Invite.ID)
	refused(t, "a stranger revoking", err, group.KindNotMember)
	if p := must(h.hub.Invites(t.Context(), operator(), valley, group.InvitesQuery{All: true, Limit: 1}))(t); len(p.Invites) != 1 || !p.More || len(p.Members) != 1 {
		t.Errorf("%+v", p)
	}
}

func TestTheCodeOfALiveInviteIsPostedNowhere(t *testing.T) {
	h := newHouse(t, open)
	ann := h.joined("Ann", moderation.RoleOwner)
	code := h.invite(ann, group.InviteInput{}).Code
	typed := "come in with " + strings.ToUpper(strings.ReplaceAll(code, "-", ", ")) + "!"
	say := func(text string) error { return h.say(ann, text) }
	if err := say(typed); !errors.Is(err, group.ErrHoldsCode) {
		t.Errorf("a post with the code: %v", err)
	}
	_, err := h.hub.UpdateTopic(t.Context(), ann, valley, code)
	refused(t, "a topic", err, group.KindDenied)
	_, err = h.hub.Join(t.Context(), person("Eve"), valley, group.JoinInput{Name: "Eve", Greeting: code})
	refused(t, "a greeting", err, group.KindDenied)
	if err := say("river maple stone lamp tiger 04172"); err != nil { // looks like one and is none
		t.Error(err)
	}
	var many strings.Builder
	for i := range group.MaxCodesInText + 1 {
		fmt.Fprintf(&many, "river maple stone lamp tiger %05d ", i)
	}
	if err := say(many.String()); !errors.Is(err, group.ErrHoldsCode) {
		t.Errorf("so many that look like one: %v", err)
	}
	must(h.joins("Bob", code))(t)
	if err := say(typed); err != nil {
		t.Errorf("the code that is used up: %v", err)
	}
	for text, want := range map[string][2]string{
		"river-maple-stone-lamp-tiger-04172 Ann Lee": {"river-maple-stone-lamp-tiger-04172", "Ann Lee"},
		" River.Maple.Stone.Lamp.Tiger.04172":        {"river-maple-stone-lamp-tiger-04172", ""},
		"Ann Lee":                                    {"", "Ann Lee"}, "": {"", ""}, "river-maple-04172": {"", "river-maple-04172"},
	} {
		if code, rest := group.CutInviteCode(text); code != want[0] || rest != want[1] {
			t.Errorf("%q: %q, %q", text, code, rest)
		}
	}
}

func TestWhoGuessesCodesHasToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, invitesOnly)
		good := h.invite(operator(), group.InviteInput{Uses: 100}).Code
		wrong := "river-maple-stone-lamp-tiger-04172"
		for range 5 {
			_, err := h.joins("Eve", wrong)
			refused(t, "a wrong code", err, group.KindDenied)
		}
		_, err := h.joins("Eve", good)
		if e := refused(t, "after five", err, group.KindRateLimited); e.RetryAfter <= 0 || e.Field != "code" {
			t.Errorf("%+v", e)
		}
		must(h.joins("Bob", good))(t) // others do not wait for her
		time.Sleep(5 * time.Hour)
		must(h.joins("Eve", good))(t)
		for i := range 50 {
			_, err := h.joins(fmt.Sprint("guesser ", i), wrong)
			refused(t, "a wrong code", err, group.KindDenied)
		}
		_, err = h.joins("Cleo", good)
		refused(t, "after fifty of all", err, group.KindRateLimited)
		time.Sleep(2 * time.Minute)
		must(h.joins("Cleo", good))(t)
	})
}

func TestARepeatedRequestForAnInviteMakesOneInvite(t *testing.T) {
	h := newHouse(t, open)
	ann := h.joined("Ann", moderation.RoleOwner)
	ann.ClientID = []byte("one")
	first, again := h.invite(ann, group.InviteInput{}), h.invite(ann, group.InviteInput{})
	if !again.Repeated || again.Code != first.Code || again.Invite.ID != first.Invite.ID {
		t.Errorf("%+v, then %+v", first, again)
	}
	// After a restart the code is known to nobody: the invite gets another one.
	var err error
	if h.hub, err = group.New(group.Config{Store: h.store}); err != nil {
		t.Fatal(err)
	}
	again = h.invite(ann, group.InviteInput{})
	if !again.Repeated || again.Code == first.Code || again.Code == "" || again.Invite.ID != first.Invite.ID {
		t.Errorf("%+v, then %+v", first, again)
	}
	_, err = h.joins("Bob", first.Code)
	refused(t, "the code that was lost", err, group.KindDenied)
	must(h.joins("Bob", again.Code))(t)
	view := func(f func(tx group.ReadTx) error) {
		if err := h.store.View(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	view(func(tx group.ReadTx) error {
		o, err := tx.Outcome(valley, ann.Identity, ann.ClientID)
		if strings.Contains(string(o.Result), again.Code) || strings.Contains(string(o.Result), first.Code) {
			t.Error("the stored answer holds the code")
		}
		return err
	})
}

// sent counts the people outside who are written to.
func sent(s *group.Subscription) (n int) {
	for len(s.Events()) > 0 {
		if e := <-s.Events(); e.Kind == group.EventInvited {
			n++
		}
	}
	return n
}

func TestNobodyMakesTheServerWriteToOthersMoreThanOnceAWeek(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		events := h.hub.Subscribe(1000)
		defer events.Close()
		ann, bob := h.joined("Ann", moderation.RoleAdmin), h.joined("Bob", moderation.RoleModerator)
		eve := person("Eve")
		send := func(by group.Caller, to group.AnyHash) error {
			_, err := h.hub.CreateInvite(t.Context(), by, valley, group.InviteInput{For: to, Send: true})
			return err
		}
		if err := send(ann, hash(eve)); err != nil || sent(events) != 1 {
			t.Fatal(err)
		}
		for _, by := range []group.Caller{ann, bob, operator()} { // whoever asks, and however she is named
			for _, to := range []group.AnyHash{hash(eve), group.AnyHash(group.AddressOf(eve.Identity))} {
				refused(t, "a second one in the week", send(by, to), group.KindRateLimited)
			}
		}
		// Nor by another group of the same server.
		key := person("another group").PublicKey
		must(h.hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: "hill", PublicKey: key, PrivateKey: key, PublicName: "Hill"}))(t)
		_, err := h.hub.CreateInvite(t.Context(), operator(), "hill", group.InviteInput{For: hash(eve), Send: true})
		refused(t, "from another group", err, group.KindRateLimited)
		time.Sleep(7*24*time.Hour - time.Second)
		refused(t, "a second before the week is over", send(ann, hash(eve)), group.KindRateLimited)
		time.Sleep(time.Second)
		if err := send(ann, hash(eve)); err != nil {
			t.Errorf("a week later: %v", err)
		}
		if n := sent(events); n != 1 {
			t.Errorf("%d messages", n)
		}
		// Five a day of one inviter; what is refused is no message.
		for i := range 6 {
			err := send(bob, hash(person(fmt.Sprint("friend ", i))))
			if i < 5 && err != nil {
				t.Fatal(err)
			}
			if i == 5 {
				refused(t, "the sixth of a day", err, group.KindRateLimited)
			}
		}
		if n := sent(events); n != 5 {
			t.Errorf("%d messages", n)
		}
		// Revoking and inviting anew sends no more.
		for _, i := range must(h.hub.Invites(t.Context(), bob, valley, group.InvitesQuery{}))(t).Invites {
			must(h.hub.RevokeInvite(t.Context(), bob, valley, i.ID))(t)
		}
		refused(t, "one who was told", send(ann, hash(person("friend 0"))), group.KindRateLimited)
		// A restart forgives nothing.
		if h.hub, err = group.New(group.Config{Store: h.store}); err != nil {
			t.Fatal(err)
		}
		refused(t, "after a restart", send(ann, hash(person("friend 0"))), group.KindRateLimited)
		refused(t, "the sixth after a restart", send(bob, hash(person("friend 9"))), group.KindRateLimited)
		time.Sleep(24 * time.Hour)
		if err := send(bob, hash(person("friend 9"))); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

func TestWhoBlocksInvitesGetsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		ann, eve := h.joined("Ann", moderation.RoleOwner), person("Eve")
		events := h.hub.Subscribe(100)
		defer events.Close()
		must(h.hub.BlockInvites(t.Context(), eve, valley, false))(t)
		must(h.hub.BlockInvites(t.Context(), eve, valley, false))(t)
		for _, to := range []group.AnyHash{hash(eve), group.AnyHash(group.AddressOf(eve.Identity))} {
			_, err := h.hub.CreateInvite(t.Context(), ann, valley, group.InviteInput{For: to, Send: true})
			refused(t, "who wants none", err, group.KindDenied)
		}
		if sent(events) != 0 {
			t.Error("she was written to")
		}
		must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(eve)}))(t)
		must(h.hub.BlockInvites(t.Context(), eve, valley, true))(t) // the banned too
		must(h.hub.BlockInvites(t.Context(), eve, valley, false))(t)
		must(h.hub.BlockInvites(t.Context(), eve, valley, true))(t)
		_, err := h.hub.BlockInvites(t.Context(), eve, valley, false)
		refused(t, "back and forth", err, group.KindRateLimited)
		_, err = h.hub.BlockInvites(t.Context(), group.Caller{}, valley, false)
		refused(t, "nobody", err, group.KindNotIdentified)
		refusals := 0
		for i := range 250 { // strangers cause few writes
			if _, err := h.hub.BlockInvites(t.Context(), person(fmt.Sprint("s", i)), valley, false); err != nil {
				refused(t, "many at once", err, group.KindRateLimited)
				refusals++
			}
		}
		if refusals < 50 {
			t.Errorf("%d refused", refusals)
		}
	})
}

func TestThereAreOnlySoManyInvites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(_ *group.NewGroup, c *group.Config) { c.Limits.Invites = 52 })
		ann := h.joined("Ann", moderation.RoleOwner)
		for range 50 {
			h.invite(ann, group.InviteInput{Duration: time.Hour})
		}
		_, err := h.hub.CreateInvite(t.Context(), ann, valley, group.InviteInput{})
		refused(t, "one more of hers", err, group.KindFull)
		h.invite(operator(), group.InviteInput{})
		h.invite(operator(), group.InviteInput{})
		_, err = h.hub.CreateInvite(t.Context(), operator(), valley, group.InviteInput{})
		refused(t, "one more of the group's", err, group.KindFull)
		time.Sleep(time.Hour) // those that have ended make room
		h.invite(ann, group.InviteInput{})
	})
}

func TestNobodyTakesTheInviteOfAnotherAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, invitesOnly)
		set(h, func(p *moderation.Policy) { p.InviteRole = moderation.RoleMember })
		h.lives(time.Second)
		var both []group.Caller
		for _, name := range []string{"Ann", "Bob"} {
			must(h.joins(name, h.invite(operator(), group.InviteInput{}).Code))(t)
			both = append(both, person(name))
		}
		cleo := person("Cleo")
		made := h.invite(both[0], group.InviteInput{For: hash(cleo)})
		for _, span := range []time.Duration{time.Minute, 0, 30 * 24 * time.Hour} { // he could revoke his own afterwards
			_, err := h.hub.CreateInvite(t.Context(), both[1], valley, group.InviteInput{For: hash(cleo), Duration: span})
			refused(t, "one by another", err, group.KindConflict)
		}
		if list := must(h.hub.Invites(t.Context(), both[0], valley, group.InvitesQuery{}))(t).Invites; len(list) != 1 || list[0].ID != made.Invite.ID {
			t.Errorf("listed: %+v", list)
		}
		h.invite(both[0], group.InviteInput{For: hash(cleo), Duration: time.Hour}) // his own
		must(h.hub.Leave(t.Context(), both[0], valley))(t)
		h.invite(both[1], group.InviteInput{For: hash(cleo)}) // the other is void
		must(h.joins("Cleo", ""))(t)
	})
}

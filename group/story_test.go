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

// One private group from its first hour on: each thing that one does is seen by another who only synchronises.
func TestAGroupsFirstDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ctx := t.Context()
		ann, bob, mal, dan := person("Ann"), person("Bob"), person("Mal"), person("Dan")
		events := h.hub.Subscribe(100)
		defer events.Close()
		saw := func(kind group.EventKind, who group.Caller) {
			t.Helper()
			for {
				select {
				case e := <-events.Events():
					if e.Kind == kind && e.Who == who.Identity {
						return
					}
				default:
					t.Fatalf("no event %d", kind)
				}
			}
		}

		code := must(h.hub.NewClaimCode(ctx, operator(), valley))(t)
		if r := must(h.hub.Claim(ctx, ann, valley, group.ClaimInput{Code: code.Code, Name: "Ann"}))(t); r.Member.Role != moderation.RoleOwner {
			t.Fatalf("the claim made a %s", r.Member.Role)
		}
		_, err := h.hub.Claim(ctx, mal, valley, group.ClaimInput{Code: code.Code})
		refused(t, "a code used twice", err, group.KindDenied)

		for _, c := range []group.Caller{bob, mal, dan} {
			_, err := h.hub.Messages(ctx, c, valley, group.Query{Newest: true})
			refused(t, "a stranger reading", err, group.KindNotMember)
		}
		for name, c := range map[string]group.Caller{"Bob": bob, "Mal": mal, "Dan": dan} {
			if r := must(h.hub.Join(ctx, c, valley, group.JoinInput{Name: name, Greeting: "hello"}))(t); r.Standing != moderation.StandingPending {
				t.Fatalf("%s is %s", name, r.Standing)
			}
			_, err := h.hub.Post(ctx, c, valley, group.PostInput{Text: []byte("hi")})
			refused(t, "one who waits posting", err, group.KindPending)
			saw(group.EventRequested, c)
		}
		if list := must(h.hub.Requests(ctx, ann, valley, 0))(t); len(list) != 3 || list[0].Greeting != "hello" {
			t.Fatalf("waiting: %+v", list)
		}
		must(h.hub.Approve(ctx, ann, valley, hash(bob)))(t)
		saw(group.EventApproved, bob)
		must(h.hub.Reject(ctx, ann, valley, hash(dan), "who are you?"))(t)
		saw(group.EventRejected, dan)

		other := h.reader(bob)
		other.sees("Ann join: Ann", "Ann role Ann: owner", "Bob join: Bob")
		if other.info.PrivateName != "Cottle Family Chat" {
			t.Errorf("a member sees the name %q", other.info.PrivateName)
		}

		h.post(ann, "welcome")
		other.sees("Ann post: welcome")
		must(h.hub.Post(ctx, ann, valley, group.PostInput{Kind: group.EntryAction, Text: []byte("waves")}))(t)
		other.sees("Ann action: waves")

		must(h.hub.Approve(ctx, ann, valley, group.AnyHash(group.AddressOf(mal.Identity))))(t) // by address
		other.sees("Mal join: Mal")
		spam := h.post(mal, "buy goats")
		other.sees("Mal post: buy goats")
		must(h.hub.Delete(ctx, ann, valley, group.DeleteInput{Seqs: []group.Seq{spam.Seq}}))(t)
		other.sees("7 deleted by Ann")
		if other.entries[spam.Seq].Text != nil || other.entries[spam.Seq].Salt != nil {
			t.Error("content outlived the deletion")
		}

		must(h.hub.Kick(ctx, ann, valley, group.KickInput{Target: hash(mal), Reason: "spam"}))(t)
		saw(group.EventRemoved, mal)
		other.sees("Ann kick Mal: spam")
		if other.members[mal.Identity].Present {
			t.Error("the other member's list still has the one who was kicked")
		}
		before := h.head()
		_, err = h.hub.Post(ctx, mal, valley, message("let me in"))
		refused(t, "the kicked one posting", err, group.KindBanned)
		_, err = h.hub.Join(ctx, mal, valley, group.JoinInput{})
		if e := refused(t, "the kicked one joining", err, group.KindBanned); e.Msg != "you are banned from this group for another 1 h: spam" {
			t.Errorf("he is told %q", e.Msg)
		}
		if h.head() != before {
			t.Error("what was refused left a trace")
		}
		time.Sleep(time.Hour)
		if r := must(h.hub.Join(ctx, mal, valley, group.JoinInput{}))(t); r.Standing != moderation.StandingPending {
			t.Errorf("an hour later he is %s", r.Standing)
		}
		must(h.hub.Approve(ctx, ann, valley, hash(mal)))(t)
		other.sees("Mal join: Mal") // his name was kept for him

		must(h.hub.Ban(ctx, ann, valley, group.BanInput{Target: hash(mal), Reason: "again"}))(t)
		other.sees("Ann ban Mal: again")
		time.Sleep(1000 * time.Hour)
		_, err = h.hub.Join(ctx, mal, valley, group.JoinInput{})
		refused(t, "the banned one joining weeks later", err, group.KindBanned)
		must(h.hub.Unban(ctx, ann, valley, group.AnyHash(group.AddressOf(mal.Identity))))(t)
		other.sees("Ann unban Mal")
		if st := must(h.hub.Standing(ctx, mal, valley))(t); st.Standing != moderation.StandingStranger {
			t.Errorf("after the unban he is %s", st.Standing)
		}

		must(h.hub.UpdateTopic(ctx, ann, valley, "goats"))(t)
		other.sees("Ann topic: goats")
		name := "Cottle & Friends"
		must(h.hub.UpdateDisplayName(ctx, ann, valley, group.NamesInput{Private: &name}))(t)
		other.sees("Ann groupname: Cottle & Friends")
		if other.info.PrivateName != name || other.info.Topic != "goats" {
			t.Errorf("the other member has %q, %q", other.info.PrivateName, other.info.Topic)
		}
		nick := "Anna"
		must(h.hub.UpdateProfile(ctx, ann, valley, group.ProfileInput{Name: &nick}))(t)
		other.sees("Anna name: Anna")
		status := "asleep"
		must(h.hub.UpdateProfile(ctx, ann, valley, group.ProfileInput{Status: &status}))(t)
		other.sees()
		if other.members[ann.Identity].Status != status {
			t.Error("a status text did not reach the other member")
		}
		must(h.hub.UpdatePermissions(ctx, ann, valley, group.PermissionsInput{Target: hash(bob), Role: moderation.RoleModerator}))(t)
		other.sees("Anna role Bob: moderator")
		must(h.hub.UpdatePermissions(ctx, ann, valley, group.PermissionsInput{Target: hash(bob), Remove: moderation.PermBan}))(t)
		other.sees()
		if m := other.members[bob.Identity]; m.Permissions.Has(moderation.PermBan) || !m.Permissions.Has(moderation.PermKick) {
			t.Errorf("the moderator's own client has permissions %s", m.Permissions)
		}
		third := h.reader(ann)
		third.fetch()
		must(h.hub.Leave(ctx, bob, valley))(t)
		third.sees("Bob leave")
		_, err = h.hub.Messages(ctx, bob, valley, group.Query{})
		refused(t, "one who left reading", err, group.KindNotMember)
		_, err = h.hub.Leave(ctx, ann, valley)
		refused(t, "the last owner leaving", err, group.KindDenied)

		if bad := must(h.hub.VerifyChain(ctx, valley))(t); bad != 0 {
			t.Errorf("the chain breaks at %d", bad)
		}
		var actions []string
		for _, a := range must(h.hub.AuditLog(ctx, ann, valley, group.AuditQuery{Limit: 100}))(t).Lines {
			actions = append(actions, a.Action)
		}
		if want := 14; len(actions) != want {
			t.Errorf("the log has %d lines, want %d: %q", len(actions), want, actions)
		}
	})
}

func (h *house) head() group.Head {
	h.t.Helper()
	return must(h.hub.Info(h.t.Context(), operator(), valley))(h.t).Head
}

func TestInAnOpenGroupAnybodyJoinsAndReads(t *testing.T) {
	h := newHouse(t, open)
	ann := person("Ann")
	if p := must(h.hub.Messages(t.Context(), group.Caller{}, valley, group.Query{Newest: true}))(t); len(p.Entries) != 0 {
		t.Errorf("%d entries", len(p.Entries))
	}
	r := must(h.hub.Join(t.Context(), ann, valley, group.JoinInput{Name: "Ann"}))(t)
	if r.Standing != moderation.StandingMember || r.Already {
		t.Fatalf("%+v", r)
	}
	if r := must(h.hub.Join(t.Context(), ann, valley, group.JoinInput{Name: "Ann"}))(t); !r.Already || r.Seq != 0 {
		t.Errorf("joining twice: %+v", r)
	}
	_, err := h.hub.Post(t.Context(), person("stranger"), valley, message("hi"))
	refused(t, "a stranger posting", err, group.KindNotMember)
	_, err = h.hub.Post(t.Context(), group.Caller{}, valley, message("hi"))
	refused(t, "nobody posting", err, group.KindNotIdentified)
}

func TestWhatStrangersLearn(t *testing.T) {
	for _, c := range []struct {
		name   string
		house  *house
		inside bool
	}{{"private", newHouse(t), false}, {"public", newHouse(t, open), true}} {
		info := must(c.house.hub.Info(t.Context(), person("stranger"), valley))(t)
		if info.Inside != c.inside || (info.PrivateName != "") != c.inside || (info.Generation != 0) != c.inside {
			t.Errorf("%s: %+v", c.name, info)
		}
		if info.PublicName != "Private Group" || info.Disclosure == 0 || info.You.Standing != moderation.StandingStranger {
			t.Errorf("%s: %+v", c.name, info)
		}
		if n := len(must(c.house.hub.Groups(t.Context(), person("stranger")))(t)); (n == 1) != c.inside {
			t.Errorf("%s: a stranger sees %d groups", c.name, n)
		}
		if n := len(must(c.house.hub.Groups(t.Context(), operator()))(t)); n != 1 {
			t.Errorf("%s: the operator sees %d groups", c.name, n)
		}
		_, err := c.house.hub.PrivateKey(t.Context(), person("stranger"), valley)
		refused(t, "a stranger taking the key", err, group.KindDenied)
	}
	h := newHouse(t, open)
	mal := person("Mal")
	must(h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(mal)}))(t)
	if info := must(h.hub.Info(t.Context(), mal, valley))(t); info.Inside || info.You.Standing != moderation.StandingBanned {
		t.Errorf("the banned learn %+v", info)
	}
}

func TestWhoIsNotInsideReadsNothing(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleOwner)
	first := must(h.hub.Post(t.Context(), ann, valley, message("secret")))(t)
	pending := person("Pending")
	must(h.hub.Join(t.Context(), pending, valley, group.JoinInput{Name: "Pending"}))(t)
	kicked, banned, left, demoted := h.joined("Kicked", moderation.RoleMember), h.joined("Banned", moderation.RoleAdmin), h.joined("Left", moderation.RoleAdmin), h.joined("Once", moderation.RoleAdmin)
	must(h.hub.Kick(t.Context(), ann, valley, group.KickInput{Target: hash(kicked)}))(t)
	must(h.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: hash(banned)}))(t)
	must(h.hub.Leave(t.Context(), left, valley))(t)
	must(h.hub.UpdatePermissions(t.Context(), ann, valley, group.PermissionsInput{Target: hash(demoted), Role: moderation.RoleMember}))(t)
	reads := map[string]func(group.Caller) error{
		"messages": func(c group.Caller) error {
			_, err := h.hub.Messages(t.Context(), c, valley, group.Query{})
			return err
		},
		"one entry": func(c group.Caller) error {
			_, err := h.hub.Messages(t.Context(), c, valley, group.Query{Seqs: []group.Seq{first.Seq}})
			return err
		},
		"the newest": func(c group.Caller) error {
			_, err := h.hub.Messages(t.Context(), c, valley, group.Query{Newest: true})
			return err
		},
		"a proof": func(c group.Caller) error { _, err := h.hub.Proof(t.Context(), c, valley, first.Seq); return err },
		"members": func(c group.Caller) error {
			_, err := h.hub.Members(t.Context(), c, valley, group.MembersQuery{})
			return err
		},
		"a name": func(c group.Caller) error {
			_, err := h.hub.Resolve(t.Context(), c, valley, "Ann", group.AmongMembers)
			return err
		},
		"gone": func(c group.Caller) error {
			_, err := h.hub.Resolve(t.Context(), c, valley, "Left", group.AmongDeparted)
			return err
		},
		"what is deleted": func(c group.Caller) error {
			_, err := h.hub.Delete(t.Context(), c, valley, group.DeleteInput{Seqs: []group.Seq{99}})
			return err
		},
	}
	staff := map[string]func(group.Caller) error{
		"bans": func(c group.Caller) error {
			_, _, err := h.hub.Bans(t.Context(), c, valley, group.AnyHash{}, 0)
			return err
		},
		"requests": func(c group.Caller) error { _, err := h.hub.Requests(t.Context(), c, valley, 0); return err },
		"the log": func(c group.Caller) error {
			_, err := h.hub.AuditLog(t.Context(), c, valley, group.AuditQuery{})
			return err
		},
		"who waits": func(c group.Caller) error {
			_, err := h.hub.Resolve(t.Context(), c, valley, "Pending", group.AmongRequests)
			return err
		},
		"who is out": func(c group.Caller) error {
			_, err := h.hub.Resolve(t.Context(), c, valley, "Banned", group.AmongBans)
			return err
		},
	}
	for _, c := range []struct {
		who    string
		caller group.Caller
		want   group.Kind
	}{
		{"nobody", group.Caller{}, group.KindNotIdentified}, {"a stranger", person("Eve"), group.KindNotMember}, {"one who waits", pending, group.KindPending},
		{"the kicked", kicked, group.KindBanned}, {"the banned", banned, group.KindBanned}, {"one who left", left, group.KindNotMember},
	} {
		for what, read := range reads {
			refused(t, c.who+" reading "+what, read(c.caller), c.want)
		}
		for what, read := range staff {
			refused(t, c.who+" reading "+what, read(c.caller), c.want)
		}
		if info := must(h.hub.Info(t.Context(), c.caller, valley))(t); info.Inside || info.PrivateName != "" || info.Topic != "" || info.Head != (group.Head{}) || info.Generation != 0 {
			t.Errorf("%s learns %+v", c.who, info)
		}
	}
	for what, read := range reads {
		if err := read(demoted); err != nil {
			t.Errorf("a member reading %s: %v", what, err)
		}
	}
	for what, read := range staff {
		refused(t, "a member reading "+what, read(demoted), group.KindDenied)
		if err := read(ann); err != nil {
			t.Errorf("the owner reading %s: %v", what, err)
		}
	}
}

func TestTheOwnerNamedInTheSettings(t *testing.T) {
	ann := person("Ann")
	for name, owner := range map[string]group.AnyHash{"by identity": hash(ann), "by address": group.AnyHash(group.AddressOf(ann.Identity))} {
		h := newHouse(t, func(n *group.NewGroup, _ *group.Config) { n.Owner = owner; n.Joining = moderation.JoiningClosed })
		_, err := h.hub.Join(t.Context(), person("Bob"), valley, group.JoinInput{})
		refused(t, "another one joining a closed group", err, group.KindDenied)
		if r := must(h.hub.Join(t.Context(), ann, valley, group.JoinInput{}))(t); r.Member.Role != moderation.RoleOwner {
			t.Errorf("%s: he is %s", name, r.Member.Role)
		}
	}
	h := newHouse(t, func(n *group.NewGroup, _ *group.Config) { n.Owner = hash(ann) })
	h.joined("Ann", moderation.RoleMember)
	bob, eve := h.joined("Bob", moderation.RoleMember), person("Eve")
	must(h.hub.SetOwner(t.Context(), operator(), valley, hash(bob)))(t)
	must(h.hub.Join(t.Context(), eve, valley, group.JoinInput{Name: "Eve"}))(t)
	must(h.hub.SetOwner(t.Context(), operator(), valley, hash(eve)))(t)
	for _, c := range []group.Caller{bob, eve} {
		if st := must(h.hub.Standing(t.Context(), c, valley))(t); st.Role != moderation.RoleOwner {
			t.Errorf("%+v", st)
		}
	}
	// The name in the settings makes an owner once, not for ever.
	must(h.hub.Leave(t.Context(), ann, valley))(t)
	must(h.hub.Join(t.Context(), ann, valley, group.JoinInput{}))(t)
	if st := must(h.hub.Standing(t.Context(), ann, valley))(t); st.Standing != moderation.StandingPending {
		t.Errorf("back again she is %s, %s", st.Standing, st.Role)
	}
	later := person("Later")
	must(h.hub.SetOwner(t.Context(), operator(), valley, group.AnyHash(group.AddressOf(later.Identity))))(t)
	if r := must(h.hub.Join(t.Context(), later, valley, group.JoinInput{Name: "Later"}))(t); r.Member.Role != moderation.RoleOwner {
		t.Errorf("who was named beforehand is %s", r.Member.Role)
	}
	_, err := h.hub.SetOwner(t.Context(), operator(), valley, group.AnyHash{})
	refused(t, "nobody as owner", err, group.KindInvalid)
	_, err = h.hub.SetOwner(t.Context(), bob, valley, hash(eve))
	refused(t, "a member naming the owner", err, group.KindDenied)
}

func TestNobodyIsBelievedAboutSomebodyElsesKey(t *testing.T) {
	h := newHouse(t, open)
	mal := person("Mal")
	mal.Identity = person("Ann").Identity
	_, err := h.hub.Join(t.Context(), mal, valley, group.JoinInput{})
	refused(t, "a key that does not fit", err, group.KindInvalid)
	mal = person("Mal")
	mal.Address = group.AddressOf(person("Ann").Identity) // computed anew
	r := must(h.hub.Join(t.Context(), mal, valley, group.JoinInput{}))(t)
	if r.Member.Address != group.AddressOf(mal.Identity) {
		t.Error("an address was taken from the caller")
	}
	mal = person("Bob")
	mal.PublicKey = nil
	_, err = h.hub.Join(t.Context(), mal, valley, group.JoinInput{})
	refused(t, "joining without a key", err, group.KindInvalid)
}

func TestTheOperatorActingForOneWhoIsNoMember(t *testing.T) {
	h := newHouse(t)
	c := person("a bot")
	c.Local = true
	name := "bot"
	_, err := h.hub.UpdateProfile(t.Context(), c, valley, group.ProfileInput{Name: &name})
	refused(t, "renaming", err, group.KindNotMember)
	_, err = h.hub.Leave(t.Context(), c, valley)
	refused(t, "leaving", err, group.KindNotMember)
	_, err = h.hub.UpdateProfile(t.Context(), operator(), valley, group.ProfileInput{Name: &name})
	refused(t, "renaming nobody", err, group.KindNotIdentified)
	must(h.hub.Post(t.Context(), c, valley, group.PostInput{Text: []byte("beep")}))(t)
}

func TestPermissionsAsTheyAreTyped(t *testing.T) {
	h := newHouse(t)
	bob := h.joined("Bob", moderation.RoleMember)
	update := func(c group.Caller, in group.PermissionsInput) (group.Member, error) {
		in.Target = group.AnyHash(group.AddressOf(bob.Identity))
		return h.hub.UpdatePermissions(t.Context(), c, valley, in)
	}
	for what, in := range map[string]group.PermissionsInput{
		"nothing": {}, "no such role": {Role: 9}, "no such bit": {Add: 1 << 30}, "no such bit away": {Remove: 1 << 30},
		"both ways": {Add: moderation.PermKick, Remove: moderation.PermKick},
	} {
		_, err := update(operator(), in)
		refused(t, what, err, group.KindInvalid)
	}
	head := h.head()
	if m := must(update(operator(), group.PermissionsInput{Remove: moderation.PermKick}))(t); m.Permissions != 0 || h.head() != head {
		t.Error("taking away what he has not changed something")
	}
	m := must(update(operator(), group.PermissionsInput{Role: moderation.RoleModerator, Add: moderation.PermName, Remove: moderation.PermBan}))(t)
	if want := moderation.RoleModerator.Permissions()&^moderation.PermBan | moderation.PermName; m.Permissions != want || m.Role != moderation.RoleModerator {
		t.Errorf("%s with %s", m.Role, m.Permissions)
	}
	if m := must(update(bob, group.PermissionsInput{Role: moderation.RoleMember}))(t); m.Permissions != 0 {
		t.Errorf("having stepped down he has %s", m.Permissions)
	}
	must(h.hub.Leave(t.Context(), bob, valley))(t)
	_, err := update(operator(), group.PermissionsInput{Role: moderation.RoleModerator})
	refused(t, "one who left", err, group.KindNotFound)
}

func TestWhatIsNotAllowedToPlainMembers(t *testing.T) {
	h := newHouse(t)
	bob := h.joined("Bob", moderation.RoleMember)
	ctx, hub, name := t.Context(), h.hub, "x"
	long := strings.Repeat("é", 300)
	denied := func(what string, err error) {
		t.Helper()
		refused(t, what, err, group.KindDenied)
	}
	_, err := hub.UpdateTopic(ctx, bob, valley, "x")
	denied("topic", err)
	_, err = hub.UpdateDisplayName(ctx, bob, valley, group.NamesInput{Public: &name})
	denied("name", err)
	_, err = hub.UpdateSettings(ctx, bob, valley, group.SettingsInput{Public: new(bool)})
	denied("settings", err)
	_, err = hub.AuditLog(ctx, bob, valley, group.AuditQuery{})
	denied("audit", err)
	_, _, err = hub.Bans(ctx, bob, valley, group.AnyHash{}, 0)
	denied("bans", err)
	_, err = hub.Requests(ctx, bob, valley, 0)
	denied("requests", err)
	_, err = hub.Approve(ctx, bob, valley, hash(bob))
	denied("approve", err)
	_, err = hub.Reject(ctx, bob, valley, hash(bob), "")
	denied("reject", err)
	_, err = hub.Groups(ctx, bob)
	if err != nil {
		t.Error(err)
	}
	denied("clock", hub.ConfirmClock(ctx, bob))

	tooLarge := func(what string, err error, limit int64) {
		t.Helper()
		if e := refused(t, what, err, group.KindTooLarge); e.Limit != limit || e.Needed != 600 {
			t.Errorf("%s: limit %d, needed %d", what, e.Limit, e.Needed)
		}
	}
	_, err = hub.UpdateTopic(ctx, operator(), valley, long)
	tooLarge("topic", err, group.MaxTopicBytes)
	_, err = hub.UpdateProfile(ctx, bob, valley, group.ProfileInput{Status: &long})
	tooLarge("status", err, group.MaxStatusBytes)
	_, err = hub.Kick(ctx, operator(), valley, group.KickInput{Target: hash(bob), Reason: long})
	tooLarge("reason", err, group.MaxReasonBytes)
	empty := "\u200b"
	_, err = hub.UpdateDisplayName(ctx, operator(), valley, group.NamesInput{Public: &empty})
	refused(t, "an empty name", err, group.KindInvalid)
	_, err = hub.UpdateDisplayName(ctx, operator(), valley, group.NamesInput{})
	refused(t, "no name", err, group.KindInvalid)
	_, err = hub.UpdateSettings(ctx, operator(), valley, group.SettingsInput{Joining: ptr(moderation.Joining(7))})
	refused(t, "no such policy", err, group.KindInvalid)
	if d := hub.Disclosure(); len(d.Texts) != 3 || d.Version != must(hub.Info(ctx, bob, valley))(t).Disclosure {
		t.Errorf("%+v", d)
	}
}

func TestErrorsSpeakToPeopleAndPrograms(t *testing.T) {
	seen := make(map[string]bool)
	for k := group.KindInternal; k <= group.KindNotDurable; k++ {
		if seen[k.String()] || k.String() == "UNKNOWN" {
			t.Errorf("kind %d is %s", k, k)
		}
		seen[k.String()] = true
		e := &group.Error{Kind: k, Op: "post", Field: "content", Msg: "words"}
		if group.KindOf(fmt.Errorf("wrapped: %w", e)) != k || e.Error() != "post: content: words" {
			t.Errorf("%s: %v", k, e)
		}
		if want := k != group.KindInternal && k != group.KindNotDurable; group.Refused(e) != want {
			t.Errorf("%s: a face would prove it: %v", k, !want)
		}
	}
	if group.Refused(nil) || group.KindOf(errors.New("other")) != group.KindInternal {
		t.Error("errors of others")
	}
	for k := group.EntryPost; k <= group.EntryGroupName; k++ {
		if seen[k.String()] || k.String() == "unknown" {
			t.Errorf("entry kind %d is %s", k, k)
		}
		seen[k.String()] = true
	}
}

func TestWhatPeopleAreToldBeforeTheyJoin(t *testing.T) {
	h := newHouse(t)
	d := h.hub.Disclosure()
	text := strings.Join(d.Texts, "\n")
	for _, told := range []string{"any member can see, keep and share", "encrypted to the group server, which can read them", "hands them to the members", "stores and controls everything here", "can remove messages or members"} {
		if !strings.Contains(strings.ToLower(text), told) {
			t.Errorf("nobody is told: %s", told)
		}
	}
	if info := must(h.hub.Info(t.Context(), group.Caller{}, valley))(t); info.Disclosure != d.Version || d.Version < 1 {
		t.Errorf("version %d, /info says %d", d.Version, info.Disclosure)
	}
}

package moderation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupd/moderation"
)

func now() time.Time { return time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC) }

// as is what a member of a role brings along.
func as(r moderation.Role) moderation.Facts {
	f := moderation.Facts{Identified: true, Standing: moderation.StandingMember, Role: r, Permissions: r.Permissions(), Joining: moderation.JoiningApprove, Owners: 2}
	if r == moderation.RoleNone {
		f.Standing = moderation.StandingStranger
	}
	return f
}

func operator() moderation.Facts {
	return moderation.Facts{Local: true, Joining: moderation.JoiningApprove, Owners: 2}
}

// TestWhoMayDoWhatToWhom is the table: each line is an action, then for the actors stranger, member, moderator, admin,
// owner, operator the targets that he may act on: none n, member m, moderator M, admin a, owner o; "-" nobody, "*" all.
func TestWhoMayDoWhatToWhom(t *testing.T) {
	targets := []struct {
		letter string
		role   moderation.Role
	}{{"n", moderation.RoleNone}, {"m", moderation.RoleMember}, {"M", moderation.RoleModerator}, {"a", moderation.RoleAdmin}, {"o", moderation.RoleOwner}}
	actors := []struct {
		name  string
		facts moderation.Facts
	}{
		{"stranger", as(moderation.RoleNone)}, {"member", as(moderation.RoleMember)}, {"moderator", as(moderation.RoleModerator)},
		{"admin", as(moderation.RoleAdmin)}, {"owner", as(moderation.RoleOwner)}, {"operator", operator()},
	}
	for _, line := range []struct {
		action  moderation.Action
		name    string
		allowed [6]string
	}{
		{moderation.ActionRead, "read", [6]string{"-", "*", "*", "*", "*", "*"}},
		{moderation.ActionPost, "post", [6]string{"-", "*", "*", "*", "*", "*"}},
		{moderation.ActionDelete, "delete another's post", [6]string{"-", "-", "nm", "nmM", "nmMa", "*"}},
		{moderation.ActionKick, "kick", [6]string{"-", "-", "nm", "nmM", "nmMa", "*"}},
		{moderation.ActionBan, "ban", [6]string{"-", "-", "nm", "nmM", "nmMa", "*"}},
		{moderation.ActionUnban, "unban", [6]string{"-", "-", "*", "*", "*", "*"}},
		{moderation.ActionBans, "bans", [6]string{"-", "-", "*", "*", "*", "*"}},
		{moderation.ActionRequests, "requests", [6]string{"-", "-", "*", "*", "*", "*"}},
		{moderation.ActionApprove, "approve", [6]string{"-", "-", "*", "*", "*", "*"}},
		{moderation.ActionReject, "reject", [6]string{"-", "-", "*", "*", "*", "*"}},
		{moderation.ActionGrant, "grant", [6]string{"-", "-", "-", "nmM", "nmMa", "*"}},
		{moderation.ActionName, "name", [6]string{"-", "-", "-", "*", "*", "*"}},
		{moderation.ActionSettings, "settings", [6]string{"-", "-", "-", "*", "*", "*"}},
		{moderation.ActionAudit, "audit", [6]string{"-", "-", "-", "*", "*", "*"}},
		{moderation.ActionOperate, "operate", [6]string{"-", "-", "-", "-", "-", "*"}},
	} {
		for i, actor := range actors {
			for _, target := range targets {
				f := actor.facts
				f.Action, f.TargetRole = line.action, target.role
				want := line.allowed[i] == "*" || strings.Contains(line.allowed[i], target.letter)
				v := moderation.Decide(f, now())
				if got := v.Outcome == moderation.Allow; got != want {
					t.Errorf("%s: %s on %s: %s (%s)", line.name, actor.name, target.role, v.Outcome, v.Text)
				}
				if v.Outcome != moderation.Allow && (v.Text == "" || v.Reason == moderation.ReasonNone) {
					t.Errorf("%s: %s on %s: refused without a reason", line.name, actor.name, target.role)
				}
			}
		}
	}
}

func TestDecisionsByState(t *testing.T) {
	change := func(f moderation.Facts, a moderation.Action, more ...func(*moderation.Facts)) moderation.Facts {
		f.Action = a
		for _, m := range more {
			m(&f)
		}
		return f
	}
	type set = func(*moderation.Facts)
	banned := func(f *moderation.Facts) { f.Standing, f.Role, f.Permissions = moderation.StandingBanned, 0, 0 }
	muted := func(f *moderation.Facts) { f.Standing = moderation.StandingMuted }
	pending := func(f *moderation.Facts) { f.Standing = moderation.StandingPending }
	unknown := func(f *moderation.Facts) { f.Identified = false }
	public := func(f *moderation.Facts) { f.Public, f.Joining = true, moderation.JoiningOpen }
	publicApprove := func(f *moderation.Facts) { f.Public = true }
	closed := func(f *moderation.Facts) { f.Joining = moderation.JoiningClosed }
	self := func(f *moderation.Facts) { f.Self, f.TargetRole = true, f.Role }
	alone := func(f *moderation.Facts) { f.Owners = 1 }
	newcomer := func(f *moderation.Facts) { f.Newcomer = true }
	established := func(f *moderation.Facts) { f.Policy.Establish, f.Policy.Fixed = true, true }
	target := func(r moderation.Role) set { return func(f *moderation.Facts) { f.TargetRole = r } }
	role := func(r moderation.Role) set { return func(f *moderation.Facts) { f.NewRole = r } }
	add := func(p moderation.Permission) set { return func(f *moderation.Facts) { f.Add = p } }
	remove := func(p moderation.Permission) set { return func(f *moderation.Facts) { f.Remove = p } }
	bits := func(p moderation.Permission) set { return func(f *moderation.Facts) { f.Permissions = p } }
	expected := func(f *moderation.Facts) { f.Expected = true }
	wait := func(f *moderation.Facts) { f.Wait = time.Second }
	stranger, member, mod, admin, owner := as(moderation.RoleNone), as(moderation.RoleMember), as(moderation.RoleModerator), as(moderation.RoleAdmin), as(moderation.RoleOwner)
	const ok = moderation.ReasonNone
	for _, c := range []struct {
		name string
		f    moderation.Facts
		want moderation.Reason
	}{
		{"nobody in particular reads a private group", change(stranger, moderation.ActionRead, unknown), moderation.ReasonNotIdentified},
		{"nobody in particular reads an open public group", change(stranger, moderation.ActionRead, unknown, public), ok},
		{"a stranger reads an open public group", change(stranger, moderation.ActionRead, public), ok},
		{"a stranger reads a public group that approves", change(stranger, moderation.ActionRead, publicApprove), moderation.ReasonNotMember},
		{"the banned do not read an open public group", change(stranger, moderation.ActionRead, public, banned), moderation.ReasonBanned},
		{"one who waits does not read", change(stranger, moderation.ActionRead, pending), moderation.ReasonPending},
		{"a muted member reads", change(member, moderation.ActionRead, muted), ok},
		{"a stranger does not post to an open group", change(stranger, moderation.ActionPost, public), moderation.ReasonNotMember},
		{"a muted member does not post", change(member, moderation.ActionPost, muted), moderation.ReasonMuted},
		{"a fast member waits", change(member, moderation.ActionPost, wait), moderation.ReasonRate},
		{"the operator posts as the group", change(operator(), moderation.ActionPost), ok},

		{"anybody joins an open group", change(stranger, moderation.ActionJoin, public), ok},
		{"joining is held for approval", change(stranger, moderation.ActionJoin), moderation.ReasonApproval},
		{"asking again is held again", change(stranger, moderation.ActionJoin, pending), moderation.ReasonApproval},
		{"nobody joins a closed group", change(stranger, moderation.ActionJoin, closed), moderation.ReasonClosed},
		{"but the expected owner does", change(stranger, moderation.ActionJoin, closed, expected), ok},
		{"the banned do not join an open group", change(stranger, moderation.ActionJoin, public, banned), moderation.ReasonBanned},
		{"the expected owner does not when banned", change(stranger, moderation.ActionJoin, expected, banned), moderation.ReasonBanned},
		{"a member is a member", change(member, moderation.ActionJoin), moderation.ReasonAlready},
		{"the operator has nobody to join as", change(operator(), moderation.ActionJoin), moderation.ReasonNotIdentified},

		{"a member leaves", change(member, moderation.ActionLeave), ok},
		{"a muted member leaves", change(member, moderation.ActionLeave, muted), ok},
		{"one who waits takes it back", change(stranger, moderation.ActionLeave, pending), ok},
		{"a stranger has nothing to leave", change(stranger, moderation.ActionLeave), moderation.ReasonNotMember},
		{"an owner leaves another one behind", change(owner, moderation.ActionLeave), ok},
		{"the last owner stays", change(owner, moderation.ActionLeave, alone), moderation.ReasonLastOwner},
		{"the last admin may go", change(admin, moderation.ActionLeave, alone), ok},

		{"a member deletes his own post", change(member, moderation.ActionDelete, self), ok},
		{"a departed one does not", change(stranger, moderation.ActionDelete, self), moderation.ReasonNotMember},
		{"nobody kicks himself", change(mod, moderation.ActionKick, self), moderation.ReasonSelf},
		{"nobody bans himself", change(owner, moderation.ActionBan, self), moderation.ReasonSelf},
		{"the operator does not ban the last owner", change(operator(), moderation.ActionBan, target(moderation.RoleOwner), alone), moderation.ReasonLastOwner},
		{"one bit is enough to kick", change(member, moderation.ActionKick, bits(moderation.PermKick), target(moderation.RoleNone)), ok},
		{"a bit does not raise the rank", change(member, moderation.ActionKick, bits(moderation.PermKick), target(moderation.RoleMember)), moderation.ReasonRank},
		{"a moderator without the bit", change(mod, moderation.ActionBan, bits(moderation.PermKick)), moderation.ReasonPermission},
		{"a kick is lifted by who may kick", change(member, moderation.ActionUnban, bits(moderation.PermKick), func(f *moderation.Facts) { f.OnlyKick = true }), ok},
		{"a ban is not", change(member, moderation.ActionUnban, bits(moderation.PermKick)), moderation.ReasonPermission},

		{"an owner makes an owner", change(owner, moderation.ActionGrant, target(moderation.RoleMember), role(moderation.RoleOwner)), ok},
		{"an admin does not", change(admin, moderation.ActionGrant, target(moderation.RoleMember), role(moderation.RoleOwner)), moderation.ReasonLacking},
		{"an admin makes an admin", change(admin, moderation.ActionGrant, target(moderation.RoleMember), role(moderation.RoleAdmin)), ok},
		{"and can not unmake him", change(admin, moderation.ActionGrant, target(moderation.RoleAdmin), role(moderation.RoleMember)), moderation.ReasonRank},
		{"an admin without a bit does not give it", change(admin, moderation.ActionGrant, bits(moderation.PermGrant), target(moderation.RoleMember), add(moderation.PermBan)), moderation.ReasonLacking},
		{"nor by a role that has it", change(admin, moderation.ActionGrant, bits(moderation.PermGrant), target(moderation.RoleMember), role(moderation.RoleModerator)), moderation.ReasonLacking},
		{"but takes it away", change(admin, moderation.ActionGrant, bits(moderation.PermGrant), target(moderation.RoleModerator), remove(moderation.PermBan)), ok},
		{"a moderator may not grant", change(mod, moderation.ActionGrant, target(moderation.RoleMember), add(moderation.PermKick)), moderation.ReasonPermission},
		{"nobody raises himself", change(admin, moderation.ActionGrant, self, role(moderation.RoleOwner)), moderation.ReasonSelf},
		{"a moderator steps down", change(mod, moderation.ActionGrant, self, role(moderation.RoleMember)), ok},
		{"an owner steps down", change(owner, moderation.ActionGrant, self, role(moderation.RoleMember)), ok},
		{"the last owner does not", change(owner, moderation.ActionGrant, self, role(moderation.RoleMember), alone), moderation.ReasonLastOwner},
		{"not even by the operator", change(operator(), moderation.ActionGrant, target(moderation.RoleOwner), role(moderation.RoleMember), alone), moderation.ReasonLastOwner},
		{"the operator replaces one of two owners", change(operator(), moderation.ActionGrant, target(moderation.RoleOwner), role(moderation.RoleMember)), ok},
		{"the operator makes somebody new the owner", change(operator(), moderation.ActionGrant, role(moderation.RoleOwner), newcomer), ok},
		{"not where nobody new comes", change(operator(), moderation.ActionGrant, role(moderation.RoleOwner), newcomer, established), moderation.ReasonClosed},
		{"there a member", change(operator(), moderation.ActionGrant, target(moderation.RoleMember), role(moderation.RoleOwner), established), ok},
		{"an owner keeps every bit", change(operator(), moderation.ActionGrant, target(moderation.RoleOwner), remove(moderation.PermKick)), moderation.ReasonRank},
		{"an action that does not exist", change(owner, 0), moderation.ReasonNoSuchAction},
	} {
		v := moderation.Decide(c.f, now())
		if v.Reason != c.want {
			t.Errorf("%s: %s, reason %q (%s), want reason %q", c.name, v.Outcome, v.Reason, v.Text, c.want)
		}
		if wantHold := c.want == moderation.ReasonApproval; (v.Outcome == moderation.Hold) != wantHold {
			t.Errorf("%s: %s", c.name, v.Outcome)
		}
	}
}

func TestTheBannedAreToldHowLongAndWhy(t *testing.T) {
	f := moderation.Facts{Action: moderation.ActionPost, Identified: true, Standing: moderation.StandingBanned, BanExpires: now().Add(59*time.Minute + time.Second), BanReason: "spam"}
	if got, want := moderation.Decide(f, now()).Text, "you are banned from this group for another 1 h: spam"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if v := moderation.Decide(f, now()); v.RetryAfter != 59*time.Minute+time.Second {
		t.Errorf("retry after %v", v.RetryAfter)
	}
	f.BanExpires = time.Time{}
	if v := moderation.Decide(f, now()); v.RetryAfter != 0 || v.Text != "you are banned from this group: spam" {
		t.Errorf("for good: %+v", v)
	}
}

func TestWhatTheGroupItselfSaidIsTheOperators(t *testing.T) {
	f := moderation.Facts{Action: moderation.ActionDelete, Identified: true, Standing: moderation.StandingMember, Role: moderation.RoleOwner, TargetRole: moderation.RoleOwner + 1}
	if v := moderation.Decide(f, now()); v.Reason != moderation.ReasonRank || v.Text != "only the operator can do this to what the group itself said" {
		t.Errorf("%+v", v)
	}
}

func TestABanHoldsUntilItsEnd(t *testing.T) {
	for ends, want := range map[time.Time]bool{{}: true, now().Add(1): true, now(): false, now().Add(-1): false} {
		if got := moderation.BanInForce(ends, now()); got != want {
			t.Errorf("a ban until %v: %v", ends, got)
		}
	}
}

func TestWordsOfRolesAndPermissions(t *testing.T) {
	for r := moderation.RoleMember; r <= moderation.RoleOwner; r++ {
		if got, ok := moderation.ParseRole(" " + strings.ToUpper(r.String())); !ok || got != r {
			t.Errorf("%s: %v %v", r, got, ok)
		}
	}
	for j := moderation.JoiningOpen; j <= moderation.JoiningInvite; j++ {
		if got, ok := moderation.ParseJoining(j.String()); !ok || got != j {
			t.Errorf("%s: %v %v", j, got, ok)
		}
	}
	if r, ok := moderation.ParseRole("mod"); !ok || r != moderation.RoleModerator {
		t.Error("moderators are not called mod")
	}
	if _, ok := moderation.ParseJoining("maybe"); ok {
		t.Error("a policy that does not exist was read")
	}
	for r, want := range map[moderation.Role]string{
		moderation.RoleNone: "none", moderation.RoleMember: "none", moderation.RoleModerator: "delete,pin,kick,ban,mute,approve,invite",
		moderation.RoleAdmin: moderation.PermAll.String(), moderation.RoleOwner: "delete,pin,name,kick,ban,mute,approve,grant,audit,invite,settings,emergency",
	} {
		if got := r.Permissions().String(); got != want {
			t.Errorf("%s: %s", r, got)
		}
	}
	for p := moderation.Permission(1); p <= moderation.PermAll; p++ {
		if got, ok := moderation.ParsePermission(p.String()); !ok || got != p {
			t.Fatalf("%s: %v %v", p, got, ok)
		}
	}
	for _, bad := range []string{"", "none", "king", "kick,", "kick,fly"} {
		if _, ok := moderation.ParsePermission(bad); ok {
			t.Errorf("%q was read", bad)
		}
	}
	if fmt.Sprint(moderation.Permission(0)) != "none" {
		t.Error("no permissions have no word")
	}
}

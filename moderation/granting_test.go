package moderation_test

import (
	"groupd/moderation"
	"testing"
)

// TestWhoGrantsWhatToWhom: nobody grants what he lacks, nobody acts on an equal or higher rank, anybody may step down, the last owner stays.
func TestWhoGrantsWhatToWhom(t *testing.T) {
	const kick, grant = moderation.PermKick, moderation.PermGrant
	sets := []moderation.Permission{0, kick, grant, grant | kick, moderation.PermAll, grant | moderation.RoleModerator.Permissions()}
	for role := moderation.RoleMember; role <= moderation.RoleOwner+1; role++ {
		for _, set := range sets {
			for target := moderation.RoleNone; target <= moderation.RoleOwner; target++ {
				for to := moderation.RoleNone; to <= moderation.RoleOwner; to++ {
					for _, add := range []moderation.Permission{0, kick} {
						for _, remove := range []moderation.Permission{0, kick} {
							for _, self := range []bool{false, true} {
								for owners := 1; owners <= 2; owners++ {
									f := as(role)
									f.Permissions = set
									if role > moderation.RoleOwner {
										f = operator()
									}
									f.Action, f.Owners, f.TargetRole, f.NewRole, f.Add, f.Remove, f.Self = moderation.ActionGrant, owners, target, to, add, remove, self
									if self {
										if role > moderation.RoleOwner {
											continue
										}
										f.TargetRole = role
									}
									has := set
									if role >= moderation.RoleOwner {
										has = moderation.PermAll
									}
									before := f.TargetRole
									after := to
									if to == moderation.RoleNone {
										after = before
									}
									raises := after > before || add != 0
									lacks := (to.Permissions()|add)&^has != 0 || after > role
									var want bool
									switch {
									case self && (raises || to > role):
										want = false
									case self:
										want = true
									default:
										want = has&grant != 0 && before < role && !lacks
									}
									if before == moderation.RoleOwner && after != moderation.RoleOwner && owners == 1 {
										want = false
									}
									if after == moderation.RoleOwner && remove != 0 {
										want = false
									}
									if v := moderation.Decide(f, now()); (v.Outcome == moderation.Allow) != want {
										t.Fatalf("%s with %s on %s (himself %v) to %s, +%s -%s, %d owners: %s (%s)", role, set, before, self, to, add, remove, owners, v.Outcome, v.Text)
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

// TestWhoInvitesAsWhat: as more than a member only with the permission to grant, and nothing that one lacks.
func TestWhoInvitesAsWhat(t *testing.T) {
	const invite, grant = moderation.PermInvite, moderation.PermGrant
	mods := moderation.RoleModerator.Permissions()
	for _, c := range []struct {
		role moderation.Role
		has  moderation.Permission
		as   moderation.Role
		want moderation.Reason
	}{
		{moderation.RoleMember, 0, moderation.RoleNone, moderation.ReasonPermission},
		{moderation.RoleMember, invite, moderation.RoleNone, ""},
		{moderation.RoleMember, invite, moderation.RoleMember, ""},
		{moderation.RoleMember, invite, moderation.RoleModerator, moderation.ReasonPermission},
		{moderation.RoleMember, mods | grant, moderation.RoleModerator, moderation.ReasonLacking},
		{moderation.RoleModerator, mods | grant, moderation.RoleModerator, ""},
		{moderation.RoleModerator, mods&^moderation.PermBan | grant, moderation.RoleModerator, moderation.ReasonLacking},
		{moderation.RoleModerator, moderation.PermAll, moderation.RoleAdmin, moderation.ReasonLacking},
		{moderation.RoleAdmin, moderation.PermAll, moderation.RoleAdmin, ""},
		{moderation.RoleAdmin, moderation.PermAll, moderation.RoleOwner, moderation.ReasonLacking},
		{moderation.RoleOwner, 0, moderation.RoleOwner, ""},
	} {
		f := as(c.role)
		f.Action, f.Permissions, f.NewRole = moderation.ActionInvite, c.has, c.as
		if v := moderation.Decide(f, now()); v.Reason != c.want {
			t.Errorf("%s with %s invites as %s: %q, want %q", c.role, c.has, c.as, v.Reason, c.want)
		}
	}
}

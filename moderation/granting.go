package moderation

import "time"

// granting changes roles and bits: nobody grants what he lacks, nobody acts on an equal or higher rank, anybody may step
// down, the last owner stays.
func granting(f Facts) Verdict {
	if v := members(f); v.Outcome != Allow {
		return v
	}
	steppingDown := f.Self && f.Add == 0 && f.NewRole <= f.Role
	if !steppingDown && !f.has().Has(PermGrant) {
		return denyFor(PermGrant)
	}
	switch {
	case f.Self && !steppingDown:
		return deny(ReasonSelf, "you can not raise yourself")
	case !f.Self && f.TargetRole >= f.rank():
		return denyRank(f)
	}
	if f.Newcomer && f.fixed() {
		return deny(ReasonClosed, fixedText)
	}
	after := f.NewRole
	if after == RoleNone {
		after = f.TargetRole
		if f.Self {
			after = f.Role
		}
	}
	if !f.Self && (after > f.rank() || f.NewRole.Permissions()&^f.has() != 0 || f.Add&^f.has() != 0) {
		return deny(ReasonLacking, "you can not give what you do not have")
	}
	before := f.TargetRole
	if f.Self {
		before = f.Role
	}
	if before == RoleOwner && after != RoleOwner && f.Owners <= 1 {
		return lastOwner()
	}
	if after == RoleOwner && f.Remove != 0 {
		return deny(ReasonRank, "an owner has every permission: change the role first")
	}
	return allow()
}

// inviting needs PermInvite, or the role that the policy says. Whoever invites to more than a member grants it.
func inviting(f Facts, now time.Time) Verdict {
	if v := roleOr(f, f.Policy.InviteRole, PermInvite); v.Outcome != Allow {
		return v
	}
	switch {
	case f.Standing == StandingMuted && !f.Local:
		return muted(f, now)
	case f.onProbation():
		return deny(ReasonProbation, "newcomers can not invite yet")
	case f.Joining == JoiningClosed:
		return deny(ReasonClosed, "this group takes no new members")
	case f.fixed():
		return deny(ReasonClosed, fixedText)
	case f.Forming && !f.Creator && !f.Local:
		return deny(ReasonCreator, "until this group is established only who made it invites")
	}
	if v := invitee(f); v.Outcome != Allow {
		return v
	}
	switch {
	case f.NewRole <= RoleMember:
		return allow()
	case !f.has().Has(PermGrant):
		return denyFor(PermGrant)
	case f.NewRole > f.rank() || f.NewRole.Permissions()&^f.has() != 0:
		return deny(ReasonLacking, "you can not give what you do not have")
	}
	return allow()
}

package moderation

import "time"

// promised is what the group's settings NoStaff, NoRemoval, Frozen and ExpiresAt forbid to those inside, and to who would come in,
// whoever it is: the operator at the machine can delete the whole group, nothing less. Others are refused as outsiders.
func promised(f Facts, now time.Time) Verdict {
	if f.Action != ActionJoin && f.Action != ActionClaim && members(f).Outcome != Allow {
		return allow()
	}
	if f.ended(now) {
		return deny(ReasonOver, "this group is over")
	}
	return kept(f)
}

// kept is what was promised for as long as the group lasts.
func kept(f Facts) Verdict {
	p := f.Policy
	switch f.Action {
	case ActionKick, ActionBan, ActionMute:
		if p.NoRemoval {
			return deny(ReasonNoRemoval, "nobody can be removed from this group, nor kept from writing")
		}
	case ActionDelete:
		if p.NoRemoval && !f.Self {
			return deny(ReasonNoRemoval, "everybody deletes his own posts only in this group")
		}
	case ActionTransfer:
		if p.NoRemoval && !f.Self {
			return deny(ReasonNoRemoval, "only the member himself can do this in this group")
		}
	case ActionSettings, ActionLockdown, ActionName:
		if p.Frozen && !(f.Action == ActionLockdown && f.Lifts) { // without one the group is as its settings say
			return deny(ReasonFrozen, "the settings of this group never change")
		}
	case ActionGrant, ActionReport:
		if p.NoStaff {
			return deny(ReasonNoStaff, "nobody is in charge of this group")
		}
	case ActionClaim:
		if p.NoStaff {
			return deny(ReasonNoStaff, "nobody can own this group")
		}
	case ActionInvite:
		if p.NoStaff && f.NewRole > RoleMember {
			return deny(ReasonNoStaff, "nobody has a rank in this group")
		}
	}
	return allow()
}

// ended reports whether the action is one of those that end with the group: what it was can still be read, and kept in order. While the
// time is not known nothing ends.
func (f Facts) ended(now time.Time) bool {
	if f.ClockUnsure || !f.Policy.Over(now) {
		return false
	}
	switch f.Action {
	case ActionJoin:
		return f.Standing != StandingMember && f.Standing != StandingMuted
	case ActionSettings:
		return f.MovesEnd && !f.Local
	case ActionPost, ActionAttach, ActionEdit, ActionReact, ActionEmergency, ActionPin, ActionProfile, ActionName, ActionTopic, ActionInvite, ActionApprove:
		return true
	}
	return false
}

// topic needs PermName, or the role that the policy says. The muted and newcomers leave it: else they would speak through it.
func topic(f Facts, now time.Time) Verdict {
	if v := roleOr(f, f.Policy.TopicRole, PermName); v.Outcome != Allow {
		return v
	}
	switch {
	case f.Standing == StandingMuted && !f.Local:
		return muted(f, now)
	case f.onProbation():
		return deny(ReasonProbation, "newcomers can not change the topic yet")
	}
	return waiting(f)
}

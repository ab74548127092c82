package moderation

import "fmt"

// joining is the door: what somebody is already, then the policy, the question, the work.
func joining(f Facts) Verdict {
	switch f.Standing {
	case StandingMember, StandingMuted:
		return deny(ReasonAlready, "you are a member already")
	}
	if f.Expected {
		return allow()
	}
	if f.fixed() {
		return deny(ReasonClosed, fixedText)
	}
	hold := false
	switch f.Joining {
	case JoiningOpen:
		hold = f.Policy.Question != "" && f.Policy.QuestionHold
	case JoiningApprove:
		hold = true
	case JoiningInvite:
		if f.Standing != StandingInvited && f.TooLate {
			return deny(ReasonInvite, "the time to answer your invite is over")
		}
		if f.Standing != StandingInvited {
			return deny(ReasonInvite, "this group takes new members by invite only")
		}
	default:
		return deny(ReasonClosed, "this group takes no new members")
	}
	if f.Standing == StandingInvited {
		return allow()
	}
	if f.Policy.Question != "" && !f.Answered && f.Standing != StandingPending {
		return deny(ReasonQuestion, "answer a question to join: "+f.Policy.Question)
	}
	if f.Work < f.Cost && f.Standing != StandingPending {
		v := deny(ReasonStamp, fmt.Sprintf("joining needs a stamp of %d bits of work", f.Cost))
		v.Cost = f.Cost
		return v
	}
	switch {
	case f.Lockdown && f.Joining == JoiningOpen:
		return Verdict{Outcome: Hold, Reason: ReasonApproval, Text: "many are joining just now: a moderator will decide about your request"}
	case hold:
		return Verdict{Outcome: Hold, Reason: ReasonApproval, Text: "a moderator will decide about your request"}
	}
	return allow()
}

func leaving(f Facts) Verdict {
	switch f.Standing {
	case StandingPending:
		return allow()
	case StandingMember, StandingMuted:
		if f.Role == RoleOwner && f.Owners <= 1 {
			return lastOwner()
		}
		return allow()
	}
	return deny(ReasonNotMember, "you are not a member of this group")
}

// forgetting is for everybody who is not banned; the last owner stays.
func forgetting(f Facts) Verdict {
	if f.Role == RoleOwner && f.Owners <= 1 {
		return lastOwner()
	}
	return allow()
}

package moderation

import (
	"fmt"
	"time"
)

// Invitees is whom invites may be for. The numbers are wire and database values.
type Invitees uint8

const (
	InviteAnyone Invitees = 0 // whoever has the code, or one who is named
	InviteNamed  Invitees = 1 // one person each: there are no codes
	InviteKnown  Invitees = 2 // as InviteNamed: with whom the inviter has exchanged messages here, others by their whole address
	InviteMet    Invitees = 3 // as InviteNamed: with whom the inviter has exchanged messages here, nobody else
	inviteeKinds          = 4
)

// What an invite's time is where Policy.InviteSpan does not say it.
const (
	DefaultInviteSpan = 7 * day
	MaxInviteSpan     = 90 * day
)

// InviteTime is how long an invite holds unless said otherwise, and at most.
func (p Policy) InviteTime() (usual, most time.Duration) {
	if p.InviteSpan == 0 {
		return DefaultInviteSpan, MaxInviteSpan
	}
	return p.InviteSpan.Duration(), p.InviteSpan.Duration()
}

const fixedText = "this group is established, and nobody new comes"

// fixed reports whether a group stays as it was established: nobody new comes by an invite, by approval, in a member's place, as its owner.
func (f Facts) fixed() bool { return f.Policy.Establish && f.Policy.Fixed && !f.Forming }

// invitee asks whether one may be invited. The operator has exchanged messages with nobody, and knows what he does.
func invitee(f Facts) Verdict {
	to := f.Policy.InviteTo
	switch {
	case to != InviteAnyone && !f.Named:
		return deny(ReasonInvitee, "an invite to this group is for one person: there are no codes")
	case to < InviteKnown || f.Met || f.Local:
		return allow()
	case to == InviteMet:
		return deny(ReasonInvitee, "only people with whom you have exchanged messages here can be invited")
	case !f.Whole:
		return deny(ReasonInvitee, "name people with whom you have not exchanged messages here by their whole address")
	}
	return allow()
}

// declining is for who is invited himself.
func declining(f Facts) Verdict {
	switch f.Standing {
	case StandingInvited:
		return allow()
	case StandingMember, StandingMuted:
		return deny(ReasonAlready, "you are a member: leave instead")
	}
	return deny(ReasonInvite, "you are not invited here")
}

// establishing is for the creator, and nobody else: as soon as all have answered, or their time is over.
func establishing(f Facts) Verdict {
	if v := members(f); v.Outcome != Allow {
		return v
	}
	switch {
	case !f.Forming:
		return deny(ReasonAlready, "this group is established")
	case !f.Creator:
		return deny(ReasonCreator, "only who made this group establishes it")
	case f.Unanswered > 0 && f.AnswerTime > 0:
		v := deny(ReasonUnanswered, fmt.Sprintf("%d of those invited can still answer, for another %s", f.Unanswered, Remaining(f.AnswerTime)))
		v.RetryAfter = f.AnswerTime
		return v
	}
	return allow()
}

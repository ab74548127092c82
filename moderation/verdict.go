package moderation

import "time"

// Outcome is what a verdict says.
type Outcome uint8

const (
	Deny  Outcome = iota // the zero Verdict denies
	Allow                // do it
	Hold                 // keep it for somebody to decide
)

// String is the outcome's word.
func (o Outcome) String() string {
	switch o {
	case Allow:
		return "allow"
	case Hold:
		return "hold"
	}
	return "deny"
}

// Reason is why, for programs. The zero value is the reason of an Allow.
type Reason string

const (
	ReasonNone          Reason = ""
	ReasonNotIdentified Reason = "not identified"
	ReasonBanned        Reason = "banned"
	ReasonMuted         Reason = "muted"
	ReasonNotMember     Reason = "not a member"
	ReasonAlready       Reason = "already so"
	ReasonPending       Reason = "pending"
	ReasonClosed        Reason = "closed"
	ReasonApproval      Reason = "approval" // of a Hold: a moderator decides
	ReasonPermission    Reason = "permission"
	ReasonRank          Reason = "rank"
	ReasonSelf          Reason = "self"
	ReasonLastOwner     Reason = "last owner"
	ReasonLacking       Reason = "lacking"   // grants what he does not have
	ReasonRate          Reason = "rate"      // RetryAfter is set
	ReasonReadOnly      Reason = "read only" // only staff write
	ReasonProbation     Reason = "probation"
	ReasonRole          Reason = "role"       // the policy asks for a higher one
	ReasonQuestion      Reason = "question"   // at the door; Text holds it
	ReasonInvite        Reason = "invite"     // only with one
	ReasonInvitee       Reason = "invitee"    // not for this person, or not for whoever has the code
	ReasonCreator       Reason = "creator"    // only who made the group
	ReasonUnanswered    Reason = "unanswered" // invites can still be; RetryAfter is set
	ReasonStamp         Reason = "stamp"      // Cost is set
	ReasonNotAuthor     Reason = "not the author"
	ReasonFixedName     Reason = "fixed name"
	ReasonLate          Reason = "late"       // too late to edit
	ReasonNoStaff       Reason = "no staff"   // nobody has a rank here
	ReasonNoRemoval     Reason = "no removal" // nobody can be removed here
	ReasonFrozen        Reason = "frozen"     // settings and names never change
	ReasonOver          Reason = "over"       // the group has ended
	ReasonLocalOnly     Reason = "local"      // only at the machine
	ReasonNoSuchAction  Reason = "no action"  // a bug of the caller
)

// Verdict is an outcome with its reason. Text is one lower-case sentence that may be shown to the person.
type Verdict struct {
	Outcome    Outcome
	Reason     Reason
	Text       string
	Needs      Permission    // of ReasonPermission: the missing bit
	RetryAfter time.Duration // of ReasonRate, and of a ban or mute that ends
	Cost       int           // of ReasonStamp: bits of work
}

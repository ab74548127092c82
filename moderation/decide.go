package moderation

import (
	"fmt"
	"time"
)

// Action is what somebody wants to do.
type Action uint8

const (
	ActionRead         Action = iota + 1 // entries, members, proofs
	ActionPost                           // write an entry
	ActionJoin                           // become a member
	ActionLeave                          // stop being one, or take back the request
	ActionClaim                          // become an owner by code
	ActionDelete                         // erase a post
	ActionKick                           // remove a member for a while
	ActionBan                            // keep somebody out, member or not
	ActionUnban                          // let somebody in again
	ActionBans                           // see who is banned
	ActionRequests                       // see who waits
	ActionApprove                        // let one who waits in
	ActionReject                         // turn one who waits away
	ActionGrant                          // change a role or permissions
	ActionName                           // change the group's names
	ActionProfile                        // change one's own name or status
	ActionSettings                       // change how the group behaves
	ActionAudit                          // read the audit log
	ActionOperate                        // what only the operator at the machine may do
	ActionEdit                           // replace the text of a post
	ActionReact                          // put a reaction under a post
	ActionPin                            // pin a post, or take it off
	ActionReport                         // tell the moderators about a post
	ActionSearch                         // look for entries
	ActionInvite                         // make an invite
	ActionInvites                        // see invites, take them back; Self: those one made
	ActionBlockInvites                   // have no invites sent to oneself
	ActionTransfer                       // give a membership to another identity of the same person
	ActionForget                         // erase one's own posts and data
	ActionMute                           // keep a member from writing for a while
	ActionUnmute                         // let him write again
	ActionAttach                         // add a file to a post
	ActionEmergency                      // post past quiet hours, shares and slow mode
	ActionSubscribe                      // get what is new at once over an open link
	ActionNotify                         // choose how what is new is delivered to oneself
	ActionLockdown                       // have everybody who joins wait for a moderator, or no longer
	ActionPolicy                         // see how the group behaves
	ActionReports                        // see what members reported, and settle it
	ActionDecline                        // turn an invite for oneself down
	ActionCircle                         // see who is invited to a group that is being formed, and what they answered
	ActionEstablish                      // end the forming of a group
	ActionKeys                           // get the group's keys
	ActionTopic                          // change the topic
	ActionCreateGroup                    // make a group of one's own
	ActionCloneGroup                     // make one with settings and members of this
	ActionDeleteGroup                    // delete the group with all that is in it
)

// Facts is all that a decision depends on. Fields that do not concern the Action are ignored.
type Facts struct {
	Action Action

	// Who asks.
	Identified  bool
	Local       bool // the operator at the machine: every permission, above every rank
	Standing    Standing
	Role        Role // RoleNone unless a member
	Permissions Permission
	BanExpires  time.Time // of StandingBanned; zero: never
	BanReason   string
	MuteExpires time.Time // of StandingMuted; zero: never
	MuteReason  string
	Expected    bool          // named as an owner who has not appeared yet
	MemberFor   time.Duration // since he joined; less than 0 when the clock went back
	Wait        time.Duration // what the budgets of the action say (Rate.Take); 0: nothing to wait for
	Meter       Meter         // which of them Wait is about

	// Where.
	Public      bool
	Joining     Joining
	Lockdown    bool // who joins waits for a moderator
	Policy      Policy
	Owners      int  // present members with RoleOwner
	ClockUnsure bool // nobody knows the time: nothing ends by itself

	// How far the group has come, where Policy.Establish says that it has to be established.
	Forming    bool
	Creator    bool          // the one who asks establishes it
	Unanswered int           // invites that can still be answered
	AnswerTime time.Duration // that is left for that

	// Whom it concerns.
	Self       bool // the one who asks himself; of posts: its author; of invites: who made it
	TargetRole Role // RoleNone: not a member; above RoleOwner: the group itself

	// How.
	OnlyKick bool          // ActionUnban: what is lifted is a kick
	NewRole  Role          // ActionGrant; RoleNone: as it is. ActionInvite: as what one invites; RoleNone is RoleMember
	Add      Permission    // ActionGrant
	Remove   Permission    // ActionGrant
	Links    bool          // of a post or edit: its text holds a link (HasLink)
	Files    bool          // of a post: it comes with files
	Age      time.Duration // ActionEdit: of the post
	Rename   bool          // ActionProfile: the display name changes
	Answers  bool          // of a post or edit: it answers somebody's post
	MovesEnd bool          // ActionSettings: the date of the group's end changes, or how long it is kept then
	Lifts    bool          // ActionLockdown: what is asked for is its end
	Returns  bool          // ActionTransfer: to an identity that had this membership before
	Newcomer bool          // ActionGrant: to somebody who is not a member yet
	Answered bool          // ActionJoin: something was said to the question at the door
	TooLate  bool          // ActionJoin: he was invited, and the time to answer is over
	Named    bool          // ActionInvite: it is for one person alone
	Whole    bool          // ActionInvite: who is named by the whole of his address or identity
	Met      bool          // ActionInvite: with whom the one who asks has exchanged messages here
	Work     int           // ActionJoin, and making groups: bits of work that were done for it, checked by the face
	Cost     int           // ActionJoin: bits of work that are asked for now (Policy.JoinStamp); making groups: the server's

	// ActionCreateGroup, ActionCloneGroup: what the server says, and whether the one who asks is a member of any group on it.
	Creating Creating
	Insider  bool
}

// rank orders who may act on whom; the operator stands above the owners.
func (f Facts) rank() Role {
	switch {
	case f.Local:
		return RoleOwner + 1
	case f.Policy.NoStaff:
		return min(f.Role, RoleMember)
	}
	return f.Role
}

// has is the permissions in force: the operator and owners have all.
func (f Facts) has() Permission {
	switch {
	case f.Local || f.rank() == RoleOwner:
		return PermAll
	case f.Policy.NoStaff:
		return 0
	}
	return f.Permissions
}

func allow() Verdict { return Verdict{Outcome: Allow} }

func deny(r Reason, text string) Verdict { return Verdict{Outcome: Deny, Reason: r, Text: text} }

func denyFor(p Permission) Verdict {
	v := deny(ReasonPermission, fmt.Sprintf("this needs the permission %q", p))
	v.Needs = p
	return v
}

// Decide is the rule book. The order of its questions is part of it: identity, ban, what the group promised, membership, permission,
// rank, and last whether an owner would remain.
func Decide(f Facts, now time.Time) Verdict {
	if !f.Local {
		if !f.Identified {
			if (f.Action == ActionRead || f.Action == ActionSearch) && f.Public && f.Joining == JoiningOpen {
				return allow()
			}
			return deny(ReasonNotIdentified, "identify on the link first")
		}
		if f.Standing == StandingBanned && f.Action != ActionBlockInvites {
			return banned(f, now)
		}
	} else if !f.Identified && needsIdentity(f.Action) {
		return deny(ReasonNotIdentified, "the operator has no membership of his own")
	}
	if v := promised(f, now); v.Outcome != Allow {
		return v
	}
	switch f.Action {
	case ActionRead, ActionSearch, ActionSubscribe:
		if f.Public && f.Joining == JoiningOpen {
			return allow()
		}
		return members(f)
	case ActionPost, ActionAttach, ActionEdit, ActionReact, ActionEmergency:
		return writing(f, now)
	case ActionJoin:
		return joining(f)
	case ActionLeave:
		return leaving(f)
	case ActionClaim:
		if f.fixed() && f.Standing != StandingMember && f.Standing != StandingMuted {
			return deny(ReasonClosed, fixedText)
		}
		return allow() // the code decides
	case ActionProfile:
		return profile(f, now)
	case ActionNotify, ActionPolicy:
		return members(f)
	case ActionReport:
		if v := members(f); v.Outcome != Allow {
			return v
		}
		return waiting(f)
	case ActionBlockInvites:
		return allow()
	case ActionForget:
		return forgetting(f)
	case ActionReports:
		return permitted(f, PermDelete)
	case ActionDelete:
		return onTarget(f, PermDelete)
	case ActionKick:
		return removing(f, PermKick)
	case ActionBan:
		return removing(f, PermBan)
	case ActionMute, ActionUnmute:
		return onOther(f, PermMute, "that is you")
	case ActionTransfer:
		if v := onTarget(f, PermApprove); v.Outcome != Allow || !f.fixed() || f.Returns {
			return v
		}
		return deny(ReasonClosed, fixedText)
	case ActionPin:
		if v := roleOr(f, f.Policy.PinRole, PermPin); v.Outcome != Allow {
			return v
		}
		return waiting(f)
	case ActionInvite:
		return inviting(f, now)
	case ActionInvites:
		return onOwn(f, PermInvite)
	case ActionDecline:
		return declining(f)
	case ActionCircle:
		if f.Standing == StandingInvited {
			return allow()
		}
		return members(f)
	case ActionEstablish:
		return establishing(f)
	case ActionKeys:
		return members(f)
	case ActionLockdown:
		if f.has().Has(PermSettings) {
			return members(f)
		}
		return permitted(f, PermBan)
	case ActionUnban:
		if f.OnlyKick && f.has().Has(PermKick) {
			return allow()
		}
		return permitted(f, PermBan)
	case ActionBans:
		return permitted(f, PermBan)
	case ActionApprove:
		if v := permitted(f, PermApprove); v.Outcome != Allow || !f.fixed() {
			return v
		}
		return deny(ReasonClosed, fixedText)
	case ActionRequests, ActionReject:
		return permitted(f, PermApprove)
	case ActionGrant:
		return granting(f)
	case ActionName:
		return permitted(f, PermName)
	case ActionTopic:
		return topic(f, now)
	case ActionSettings:
		return permitted(f, PermSettings)
	case ActionAudit:
		return permitted(f, PermAudit)
	case ActionCreateGroup:
		return creating(f)
	case ActionCloneGroup:
		return cloning(f)
	case ActionDeleteGroup:
		return deletingGroup(f)
	case ActionOperate:
		if f.Local {
			return allow()
		}
		return deny(ReasonLocalOnly, "only the operator can do this, at the machine")
	}
	return deny(ReasonNoSuchAction, "no such action")
}

// needsIdentity lists what the operator can not do without an identity of his own. Posting is not among them: he speaks
// as the group.
func needsIdentity(a Action) bool {
	switch a {
	case ActionJoin, ActionLeave, ActionClaim, ActionProfile, ActionBlockInvites, ActionForget, ActionReact, ActionNotify, ActionDecline,
		ActionEstablish, ActionKeys:
		return true
	}
	return false
}

func banned(f Facts, now time.Time) Verdict {
	text := "you are banned from this group"
	var wait time.Duration
	if !f.BanExpires.IsZero() {
		wait = f.BanExpires.Sub(now)
		text += " for another " + Remaining(wait)
	}
	if f.BanReason != "" {
		text += ": " + f.BanReason
	}
	v := deny(ReasonBanned, text)
	v.RetryAfter = wait
	return v
}

// members lets members through.
func members(f Facts) Verdict {
	switch {
	case f.Local || f.Standing == StandingMember || f.Standing == StandingMuted:
		return allow()
	case f.Standing == StandingPending:
		return deny(ReasonPending, "your request to join is waiting for a moderator")
	}
	return deny(ReasonNotMember, "you are not a member of this group")
}

// permitted lets members with a permission through.
func permitted(f Facts, p Permission) Verdict {
	if v := members(f); v.Outcome != Allow {
		return v
	}
	if !f.has().Has(p) {
		return denyFor(p)
	}
	return allow()
}

// onTarget lets those through who have a permission and a higher rank; everybody acts on what is his own.
func onTarget(f Facts, p Permission) Verdict {
	if f.Self {
		return members(f)
	}
	if v := permitted(f, p); v.Outcome != Allow {
		return v
	}
	if f.TargetRole >= f.rank() {
		return denyRank(f)
	}
	return allow()
}

// denyRank says why one's rank is not enough.
func denyRank(f Facts) Verdict {
	if f.TargetRole > RoleOwner {
		return deny(ReasonRank, "only the operator can do this to what the group itself said")
	}
	return deny(ReasonRank, fmt.Sprintf("the rank of %s is not below your own", f.TargetRole))
}

// onOther is onTarget, but nobody does it to himself.
func onOther(f Facts, p Permission, self string) Verdict {
	if f.Self {
		if v := members(f); v.Outcome != Allow {
			return v
		}
		return deny(ReasonSelf, self)
	}
	return onTarget(f, p)
}

// removing is kick and ban.
func removing(f Facts, p Permission) Verdict {
	if v := onOther(f, p, "that is you: leave instead"); v.Outcome != Allow {
		return v
	}
	if f.TargetRole == RoleOwner && f.Owners <= 1 {
		return lastOwner()
	}
	return allow()
}

func lastOwner() Verdict {
	return deny(ReasonLastOwner, "the last owner stays: make somebody else owner first")
}

// BanInForce reports whether a ban that ends at expires (zero: never) still holds.
func BanInForce(expires, now time.Time) bool { return expires.IsZero() || now.Before(expires) }

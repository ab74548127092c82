package moderation

import (
	"fmt"
	"time"
)

// Action is what somebody wants to do.
type Action uint8

const (
	ActionRead     Action = iota + 1 // entries, members, proofs
	ActionPost                       // write an entry
	ActionJoin                       // become a member
	ActionLeave                      // stop being one, or take back the request
	ActionClaim                      // become an owner by code
	ActionDelete                     // erase a post
	ActionKick                       // remove a member for a while
	ActionBan                        // keep somebody out, member or not
	ActionUnban                      // let somebody in again
	ActionBans                       // see who is banned
	ActionRequests                   // see who waits
	ActionApprove                    // let one who waits in
	ActionReject                     // turn one who waits away
	ActionGrant                      // change a role or permissions
	ActionName                       // change the group's names or topic
	ActionProfile                    // change one's own name or status
	ActionSettings                   // change how the group behaves
	ActionAudit                      // read the audit log
	ActionOperate                    // what only the operator at the machine may do
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
	Expected    bool          // named as an owner who has not appeared yet
	Wait        time.Duration // what the rate limits say (Rate.Take); 0: nothing to wait for

	// Where.
	Public  bool
	Joining Joining
	Owners  int // present members with RoleOwner

	// Whom it concerns.
	Self       bool // the one who asks himself
	TargetRole Role // RoleNone: not a member; above RoleOwner: the group itself

	// How.
	OnlyKick bool       // ActionUnban: what is lifted is a kick
	NewRole  Role       // ActionGrant; RoleNone: as it is
	Add      Permission // ActionGrant
	Remove   Permission // ActionGrant
}

// rank orders who may act on whom; the operator stands above the owners.
func (f Facts) rank() Role {
	if f.Local {
		return RoleOwner + 1
	}
	return f.Role
}

// has is the permissions in force: the operator and owners have all.
func (f Facts) has() Permission {
	if f.Local || f.Role == RoleOwner {
		return PermAll
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

// Decide is the rule book. The order of its questions is part of it: identity, ban, membership, permission, rank, and
// last whether an owner would remain.
func Decide(f Facts, now time.Time) Verdict {
	if !f.Local {
		if !f.Identified {
			if f.Action == ActionRead && f.Public && f.Joining == JoiningOpen {
				return allow()
			}
			return deny(ReasonNotIdentified, "identify on the link first")
		}
		if f.Standing == StandingBanned {
			return banned(f, now)
		}
	} else if !f.Identified && needsIdentity(f.Action) {
		return deny(ReasonNotIdentified, "the operator has no membership of his own")
	}
	switch f.Action {
	case ActionRead:
		if f.Public && f.Joining == JoiningOpen {
			return allow()
		}
		return members(f)
	case ActionPost:
		if v := members(f); v.Outcome != Allow {
			return v
		}
		if f.Standing == StandingMuted && !f.Local {
			return deny(ReasonMuted, "you are muted here")
		}
		if f.Wait > 0 && !f.Local {
			v := deny(ReasonRate, "too many posts, wait a little")
			v.RetryAfter = f.Wait
			return v
		}
		return allow()
	case ActionJoin:
		return joining(f)
	case ActionLeave:
		return leaving(f)
	case ActionClaim:
		return allow() // the code decides
	case ActionProfile:
		return members(f)
	case ActionDelete:
		return onTarget(f, PermDelete)
	case ActionKick:
		return removing(f, PermKick)
	case ActionBan:
		return removing(f, PermBan)
	case ActionUnban:
		if f.OnlyKick && f.has().Has(PermKick) {
			return allow()
		}
		return permitted(f, PermBan)
	case ActionBans:
		return permitted(f, PermBan)
	case ActionRequests, ActionApprove, ActionReject:
		return permitted(f, PermApprove)
	case ActionGrant:
		return granting(f)
	case ActionName:
		return permitted(f, PermName)
	case ActionSettings:
		return permitted(f, PermSettings)
	case ActionAudit:
		return permitted(f, PermAudit)
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
	return a == ActionJoin || a == ActionLeave || a == ActionClaim || a == ActionProfile
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

// removing is kick and ban.
func removing(f Facts, p Permission) Verdict {
	if f.Self {
		if v := members(f); v.Outcome != Allow {
			return v
		}
		return deny(ReasonSelf, "that is you: leave instead")
	}
	if v := onTarget(f, p); v.Outcome != Allow {
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

func joining(f Facts) Verdict {
	switch f.Standing {
	case StandingMember, StandingMuted:
		return deny(ReasonAlready, "you are a member already")
	}
	if f.Expected || f.Standing == StandingInvited {
		return allow()
	}
	switch f.Joining {
	case JoiningOpen:
		return allow()
	case JoiningApprove:
		return Verdict{Outcome: Hold, Reason: ReasonApproval, Text: "a moderator will decide about your request"}
	}
	return deny(ReasonClosed, "this group takes no new members")
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

// BanInForce reports whether a ban that ends at expires (zero: never) still holds.
func BanInForce(expires, now time.Time) bool { return expires.IsZero() || now.Before(expires) }

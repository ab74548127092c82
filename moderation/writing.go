package moderation

import (
	"fmt"
	"strings"
	"time"
)

// staff are those whom read-only groups, slow mode and probation do not concern.
func (f Facts) staff() bool { return f.rank() >= RoleModerator }

// Writes reports whether a member of that rank writes more than answers.
func (p Policy) Writes(rank Role) bool { return !p.ReadOnly || rank >= RoleModerator }

// onProbation reports whether the one who asks is a newcomer.
func (f Facts) onProbation() bool {
	span := f.Policy.Probation.Duration()
	return span > 0 && f.MemberFor < span && !f.staff()
}

// writing is what makes something that others see: posts, edits, files, reactions, emergencies. The order: membership, mute,
// what the group lets people write, what this post holds, and last how much.
func writing(f Facts, now time.Time) Verdict {
	if v := members(f); v.Outcome != Allow {
		return v
	}
	if f.Standing == StandingMuted && !f.Local {
		return muted(f, now)
	}
	if v := mayWrite(f); v.Outcome != Allow {
		return v
	}
	if f.Action != ActionReact && f.Action != ActionEmergency && f.onProbation() {
		switch {
		case f.Links && !f.Policy.ProbationLinks:
			return deny(ReasonProbation, "newcomers can not post links yet")
		case (f.Files || f.Action == ActionAttach) && !f.Policy.ProbationFiles:
			return deny(ReasonProbation, "newcomers can not post files yet")
		}
	}
	return waiting(f)
}

// mayWrite asks what an action needs besides membership.
func mayWrite(f Facts) Verdict {
	switch f.Action {
	case ActionEmergency:
		return permitted(f, PermEmergency)
	case ActionReact:
		return atLeast(f, f.Policy.ReactRole, "react")
	}
	if !f.Policy.Writes(f.rank()) && !f.mayAnswer() {
		return deny(ReasonReadOnly, "only the staff of this group write here")
	}
	if f.Files || f.Action == ActionAttach {
		if v := atLeast(f, f.Policy.AttachRole, "add files"); v.Outcome != Allow {
			return v
		}
	}
	if f.Action == ActionEdit {
		if !f.Self {
			return deny(ReasonNotAuthor, "only its author can edit a post")
		}
		if window := f.Policy.EditSpan(); f.Age > window && !f.Local {
			return deny(ReasonLate, "a post can be edited for "+Passed(window)+" only")
		}
	}
	return allow()
}

// mayAnswer reports whether this is an answer to somebody's post, by one who may answer in a group where only staff post.
func (f Facts) mayAnswer() bool {
	return f.Answers && f.Policy.AnswerRole != RoleNone && f.rank() >= f.Policy.AnswerRole
}

// muted says until when one may not write, and why.
func muted(f Facts, now time.Time) Verdict {
	text := "you are muted here"
	var wait time.Duration
	if !f.MuteExpires.IsZero() {
		wait = f.MuteExpires.Sub(now)
		text += " for another " + Remaining(wait)
	}
	if f.MuteReason != "" {
		text += ": " + f.MuteReason
	}
	v := deny(ReasonMuted, text)
	v.RetryAfter = wait
	return v
}

// atLeast lets through whose rank is a role's; RoleNone is everybody's.
func atLeast(f Facts, r Role, what string) Verdict {
	if f.rank() >= r {
		return allow()
	}
	return deny(ReasonRole, fmt.Sprintf("only the rank of %s and above may %s here", r, what))
}

// roleOr lets members through who have the permission, or the role that the policy names (RoleNone: the permission only).
func roleOr(f Facts, r Role, p Permission) Verdict {
	if r != RoleNone && f.rank() >= r { // outsiders have none
		return allow()
	}
	return permitted(f, p)
}

// onOwn lets members through to what is their own, and those with a permission to all.
func onOwn(f Facts, p Permission) Verdict {
	if f.Self {
		return members(f)
	}
	return permitted(f, p)
}

// profile is one's own name and status. The muted keep both: else they would speak through them.
func profile(f Facts, now time.Time) Verdict {
	if v := members(f); v.Outcome != Allow {
		return v
	}
	if f.Standing == StandingMuted && !f.Local {
		return muted(f, now)
	}
	if f.Rename && f.Policy.FixedNames && !f.staff() {
		return deny(ReasonFixedName, "members of this group keep the name they joined with")
	}
	return waiting(f)
}

// waiting is what the budgets say.
func waiting(f Facts) Verdict {
	if f.Wait <= 0 || f.Local {
		return allow()
	}
	v := deny(ReasonRate, f.Meter.refusal())
	v.RetryAfter = f.Wait
	return v
}

// HasLink reports whether a text holds something that programs turn into a link: a scheme with slashes, "www.", or a page's
// address (32 hex digits, a colon and a slash).
func HasLink(text string) bool {
	text = strings.ToLower(text)
	if strings.Contains(text, "://") || strings.Contains(text, "www.") {
		return true
	}
	for rest := text; ; {
		i := strings.Index(rest, ":/")
		if i < 0 {
			return false
		}
		if i >= 32 && strings.Trim(rest[i-32:i], "0123456789abcdef") == "" {
			return true
		}
		rest = rest[i+2:]
	}
}

package moderation_test

import (
	"fmt"
	"testing"
	"time"

	"groupd/moderation"
)

// rule is one line of the rule book as people would write it down. It is evaluated in no particular order: one thing that stands in the way
// is enough.
type rule struct {
	action moderation.Action
	name   string

	who   string // member: who is one · reader: or anybody in an open public group · known: whoever has an identity · joiner, leaver: see there
	needs moderation.Permission
	orSet bool // or the permission to change settings
	by    func(moderation.Policy) moderation.Role

	ownFree bool // on what is his own one needs no permission and no rank
	ownOnly bool // not on what is others'
	notOwn  bool // not on oneself
	rank    bool // only below one's own rank

	mutedNot  bool   // not while muted
	quietNot  bool   // not where only staff write
	newcomer  string // what newcomers do not: "links" "files" "it"
	files     bool   // is about files
	rated     bool   // not while a budget is empty
	timed     bool   // not after the time to edit
	alone     string // the last owner stays: "self", "target"
	operator  bool   // the operator at the machine may, without an identity
	closedNot bool   // not in a closed group

	staysNot bool // not where nobody can be removed, on others at least
	fixedNot bool // not where settings and names are frozen
	ranked   bool // is about ranks: not where nobody has one
	endsToo  bool // not any more in a group that is over
	makes    bool // makes a group: where the server lets
}

func rules() []rule {
	p := func(p moderation.Permission) moderation.Permission { return p }
	attach := func(p moderation.Policy) moderation.Role { return max(p.AttachRole, moderation.RoleMember) }
	react := func(p moderation.Policy) moderation.Role { return max(p.ReactRole, moderation.RoleMember) }
	return []rule{
		{action: moderation.ActionRead, name: "read", who: "reader", operator: true},
		{action: moderation.ActionSearch, name: "search", who: "reader", operator: true},
		{action: moderation.ActionSubscribe, name: "subscribe", who: "reader", operator: true},
		{action: moderation.ActionPost, name: "post", who: "member", mutedNot: true, quietNot: true, newcomer: "links files", rated: true, operator: true, endsToo: true},
		{action: moderation.ActionAttach, name: "attach", who: "member", mutedNot: true, quietNot: true, newcomer: "it links", files: true, by: attach, rated: true, operator: true, endsToo: true},
		{action: moderation.ActionEdit, name: "edit", who: "member", ownOnly: true, mutedNot: true, quietNot: true, newcomer: "links files", rated: true, timed: true, operator: true, endsToo: true},
		{action: moderation.ActionReact, name: "react", who: "member", mutedNot: true, by: react, rated: true, endsToo: true},
		{action: moderation.ActionEmergency, name: "emergency", who: "member", needs: moderation.PermEmergency, mutedNot: true, rated: true, operator: true, endsToo: true},
		{action: moderation.ActionReport, name: "report", who: "member", rated: true, operator: true, ranked: true},
		{action: moderation.ActionPin, name: "pin", who: "member", needs: moderation.PermPin, by: func(p moderation.Policy) moderation.Role { return p.PinRole }, rated: true, operator: true, endsToo: true},
		{action: moderation.ActionInvite, name: "invite", who: "member", needs: moderation.PermInvite, by: func(p moderation.Policy) moderation.Role { return p.InviteRole },
			mutedNot: true, newcomer: "it", closedNot: true, operator: true, endsToo: true},
		{action: moderation.ActionInvites, name: "invites", who: "member", needs: moderation.PermInvite, ownFree: true, operator: true},
		{action: moderation.ActionBlockInvites, name: "block invites", who: "known"},
		{action: moderation.ActionForget, name: "forget", who: "known", alone: "self"},
		{action: moderation.ActionClaim, name: "claim", who: "known", ranked: true},
		{action: moderation.ActionJoin, name: "join", who: "joiner"},
		{action: moderation.ActionLeave, name: "leave", who: "leaver", alone: "self"},
		{action: moderation.ActionProfile, name: "profile", who: "member", mutedNot: true, rated: true, endsToo: true},
		{action: moderation.ActionNotify, name: "notify", who: "member"},
		{action: moderation.ActionPolicy, name: "policy", who: "member", operator: true},
		{action: moderation.ActionDelete, name: "delete", who: "member", needs: moderation.PermDelete, ownFree: true, rank: true, operator: true, staysNot: true},
		{action: moderation.ActionKick, name: "kick", who: "member", needs: moderation.PermKick, notOwn: true, rank: true, alone: "target", operator: true, staysNot: true},
		{action: moderation.ActionBan, name: "ban", who: "member", needs: moderation.PermBan, notOwn: true, rank: true, alone: "target", operator: true, staysNot: true},
		{action: moderation.ActionUnban, name: "unban", who: "member", needs: moderation.PermBan, operator: true},
		{action: moderation.ActionBans, name: "bans", who: "member", needs: moderation.PermBan, operator: true},
		{action: moderation.ActionMute, name: "mute", who: "member", needs: moderation.PermMute, notOwn: true, rank: true, operator: true, staysNot: true},
		{action: moderation.ActionUnmute, name: "unmute", who: "member", needs: moderation.PermMute, notOwn: true, rank: true, operator: true},
		{action: moderation.ActionTransfer, name: "transfer", who: "member", needs: moderation.PermApprove, ownFree: true, rank: true, operator: true, staysNot: true},
		{action: moderation.ActionRequests, name: "requests", who: "member", needs: moderation.PermApprove, operator: true},
		{action: moderation.ActionApprove, name: "approve", who: "member", needs: moderation.PermApprove, operator: true, endsToo: true},
		{action: moderation.ActionReject, name: "reject", who: "member", needs: moderation.PermApprove, operator: true},
		{action: moderation.ActionName, name: "name", who: "member", needs: moderation.PermName, operator: true, endsToo: true, fixedNot: true},
		{action: moderation.ActionTopic, name: "topic", who: "member", needs: moderation.PermName, by: func(p moderation.Policy) moderation.Role { return p.TopicRole },
			mutedNot: true, newcomer: "it", rated: true, operator: true, endsToo: true},
		{action: moderation.ActionSettings, name: "settings", who: "member", needs: moderation.PermSettings, operator: true, fixedNot: true},
		{action: moderation.ActionLockdown, name: "lockdown", who: "member", needs: p(moderation.PermBan), orSet: true, operator: true, fixedNot: true},
		{action: moderation.ActionAudit, name: "audit", who: "member", needs: moderation.PermAudit, operator: true},
		{action: moderation.ActionReports, name: "reports", who: "member", needs: moderation.PermDelete, operator: true},
		{action: moderation.ActionDecline, name: "decline", who: "invitee"},
		{action: moderation.ActionCircle, name: "circle", who: "guest", operator: true},
		{action: moderation.ActionEstablish, name: "establish", who: "member"},
		{action: moderation.ActionKeys, name: "keys", who: "member"},
		{action: moderation.ActionCreateGroup, name: "create group", who: "maker", operator: true},
		{action: moderation.ActionCloneGroup, name: "clone group", who: "member", makes: true, by: func(p moderation.Policy) moderation.Role {
			if p.CloneRole == moderation.RoleNone {
				return moderation.RoleAdmin
			}
			return p.CloneRole
		}, operator: true},
		{action: moderation.ActionDeleteGroup, name: "delete group", who: "member", by: func(moderation.Policy) moderation.Role { return moderation.RoleOwner }, operator: true},
		{action: moderation.ActionOperate, name: "operate", who: "nobody", operator: true},
	}
}

// expected is what a rule says of a case: allow, hold or deny.
func (r rule) expected(f moderation.Facts) moderation.Outcome {
	inside := f.Standing == moderation.StandingMember || f.Standing == moderation.StandingMuted
	member := inside || f.Local
	openPublic := f.Public && f.Joining == moderation.JoiningOpen
	if f.Local && !f.Identified && !r.operator {
		return moderation.Deny
	}
	if !f.Local {
		if !f.Identified {
			return outcome(openPublic && (r.name == "read" || r.name == "search"))
		}
		if f.Standing == moderation.StandingBanned {
			return outcome(r.name == "block invites")
		}
	}
	switch r.who {
	case "joiner":
		return joins(f, inside)
	case "known":
		if r.ranked && (f.Policy.NoStaff || stays(f) && !inside) {
			return moderation.Deny
		}
		return outcome(r.alone == "" || f.Role != moderation.RoleOwner || f.Owners > 1)
	case "leaver":
		return outcome((inside && (f.Role != moderation.RoleOwner || f.Owners > 1)) || f.Standing == moderation.StandingPending)
	case "maker":
		return outcome(makes(f))
	case "nobody":
		return outcome(f.Local)
	case "reader":
		return outcome(member || openPublic)
	case "invitee":
		return outcome(f.Standing == moderation.StandingInvited)
	case "guest":
		return outcome(member || f.Standing == moderation.StandingInvited)
	}
	rank, bits := f.Role, f.Permissions
	if f.Policy.NoStaff {
		rank, bits = min(rank, moderation.RoleMember), 0
	}
	all := f.Local || rank == moderation.RoleOwner
	if f.Local {
		rank = moderation.RoleOwner + 1
	}
	staff := rank > moderation.RoleMember
	answering := f.Answers && f.Policy.AnswerRole > 0 && rank >= f.Policy.AnswerRole
	muted := f.Standing == moderation.StandingMuted && !f.Local
	isNew := !staff && f.Policy.Probation > 0 && f.MemberFor < time.Duration(f.Policy.Probation)*time.Second
	own := f.Self
	for _, obstacle := range []bool{
		!member,
		r.mutedNot && muted,
		r.notOwn && own,
		r.ownOnly && !own,
		r.rank && !own && rank <= f.TargetRole,
		r.rank && own && !r.ownFree && !r.notOwn,
		r.quietNot && f.Policy.ReadOnly && !staff && !answering,
		r.staysNot && f.Policy.NoRemoval && (!own || r.notOwn),
		r.fixedNot && f.Policy.Frozen && !(r.name == "lockdown" && f.Lifts),
		r.ranked && f.Policy.NoStaff,
		r.name == "invite" && f.Policy.NoStaff && f.NewRole > moderation.RoleMember,
		r.endsToo && isOver(f),
		r.name == "settings" && isOver(f) && f.MovesEnd && !f.Local,
		r.closedNot && f.Joining == moderation.JoiningClosed,
		r.makes && !makes(f),
		(r.files || (f.Files && (r.name == "post" || r.name == "edit"))) && rank < f.Policy.AttachRole,
		isNew && r.newcomer == "it",
		isNew && r.newcomer != "it" && r.newcomer != "" && f.Links && !f.Policy.ProbationLinks,
		isNew && r.newcomer != "it" && r.newcomer != "" && (f.Files || r.files) && !f.Policy.ProbationFiles,
		r.rated && f.Wait > 0 && !f.Local,
		r.timed && !f.Local && f.Age > f.Policy.EditSpan(),
		r.alone == "target" && f.TargetRole == moderation.RoleOwner && f.Owners < 2,
		r.name == "profile" && f.Rename && f.Policy.FixedNames && !staff,
		r.name == "establish" && !(f.Forming && f.Creator),
		r.name == "establish" && f.Unanswered > 0 && f.AnswerTime > 0,
		r.name == "invite" && f.Forming && !f.Creator && !f.Local,
		(r.name == "invite" || r.name == "approve") && stays(f),
		r.name == "transfer" && stays(f) && !f.Returns,
		r.name == "invite" && f.Policy.InviteTo > moderation.InviteAnyone && !f.Named,
		r.name == "invite" && f.Policy.InviteTo == moderation.InviteKnown && !f.Met && !f.Whole && !f.Local,
		r.name == "invite" && f.Policy.InviteTo == moderation.InviteMet && !f.Met && !f.Local,
	} {
		if obstacle {
			return moderation.Deny
		}
	}
	if r.by != nil {
		least := r.by(f.Policy)
		if r.needs == 0 {
			return outcome(rank >= least)
		}
		if least != moderation.RoleNone && rank >= least {
			return moderation.Allow
		}
	}
	if r.needs == 0 || (own && r.ownFree) || all || bits&r.needs != 0 {
		return moderation.Allow
	}
	kickLifted := r.name == "unban" && f.OnlyKick && bits&moderation.PermKick != 0
	return outcome(kickLifted || (r.orSet && bits&moderation.PermSettings != 0))
}

// isOver is the end of a group, to the second.
func isOver(f moderation.Facts) bool {
	end := int64(f.Policy.ExpiresAt)
	return end != 0 && end <= now().Unix() && !f.ClockUnsure
}

// makes reports whether one may make groups on this server.
func makes(f moderation.Facts) bool {
	switch {
	case f.Local:
		return true
	case f.Creating == moderation.CreatingMembers:
		return f.Insider
	case f.Creating == moderation.CreatingAnyone:
		return f.Insider || f.Work >= f.Cost
	}
	return false
}

// joins is the door.
func joins(f moderation.Facts, member bool) moderation.Outcome {
	invited, waits := f.Standing == moderation.StandingInvited, f.Standing == moderation.StandingPending
	switch {
	case member, isOver(f):
		return moderation.Deny
	case f.Expected:
		return moderation.Allow
	case f.Joining == moderation.JoiningClosed || stays(f):
		return moderation.Deny
	case invited:
		return moderation.Allow
	case f.Joining == moderation.JoiningInvite:
		return moderation.Deny
	case !waits && f.Policy.Question != "" && !f.Answered:
		return moderation.Deny
	case !waits && f.Work < f.Cost:
		return moderation.Deny
	case f.Joining == moderation.JoiningApprove, f.Lockdown, f.Policy.Question != "" && f.Policy.QuestionHold:
		return moderation.Hold
	}
	return moderation.Allow
}

// stays reports whether the group remains as it was established.
func stays(f moderation.Facts) bool { return f.Policy.Establish && f.Policy.Fixed && !f.Forming }

func outcome(allowed bool) moderation.Outcome {
	if allowed {
		return moderation.Allow
	}
	return moderation.Deny
}

// states are what a group and the one who asks can be in, beside roles and permissions.
func states() map[string]func(*moderation.Facts) {
	probation := func(f *moderation.Facts) { f.Policy.Probation = 3600 }
	out := map[string]func(*moderation.Facts){
		"an ordinary day":      func(*moderation.Facts) {},
		"open and public":      func(f *moderation.Facts) { f.Public, f.Joining = true, moderation.JoiningOpen },
		"open and private":     func(f *moderation.Facts) { f.Joining = moderation.JoiningOpen },
		"public with approval": func(f *moderation.Facts) { f.Public = true },
		"closed":               func(f *moderation.Facts) { f.Joining = moderation.JoiningClosed },
		"by invite":            func(f *moderation.Facts) { f.Joining = moderation.JoiningInvite },
		"locked down":          func(f *moderation.Facts) { f.Joining, f.Lockdown = moderation.JoiningOpen, true },
		"one owner":            func(f *moderation.Facts) { f.Owners = 1 },
		"muted":                func(f *moderation.Facts) { standing(f, moderation.StandingMuted) },
		"banned":               func(f *moderation.Facts) { outside(f, moderation.StandingBanned) },
		"banned from an open group": func(f *moderation.Facts) {
			outside(f, moderation.StandingBanned)
			f.Public, f.Joining = true, moderation.JoiningOpen
		},
		"waiting": func(f *moderation.Facts) {
			outside(f, moderation.StandingPending)
			f.Cost, f.Policy.Question = 5, "who?"
		},
		"waiting at an open door": func(f *moderation.Facts) { outside(f, moderation.StandingPending); f.Joining = moderation.JoiningOpen },
		"invited": func(f *moderation.Facts) {
			outside(f, moderation.StandingInvited)
			f.Cost, f.Policy.Question = 5, "who?"
		},
		"invited to a closed group": func(f *moderation.Facts) {
			outside(f, moderation.StandingInvited)
			f.Joining = moderation.JoiningClosed
		},
		"invited where one must be": func(f *moderation.Facts) {
			outside(f, moderation.StandingInvited)
			f.Joining = moderation.JoiningInvite
		},
		"expected as owner": func(f *moderation.Facts) {
			outside(f, moderation.StandingStranger)
			f.Expected, f.Joining = true, moderation.JoiningClosed
		},
		"not identified": func(f *moderation.Facts) { outside(f, moderation.StandingStranger); f.Identified = false },
		"not identified, public": func(f *moderation.Facts) {
			outside(f, moderation.StandingStranger)
			f.Identified, f.Public, f.Joining = false, true, moderation.JoiningOpen
		},
		"not identified, approved": func(f *moderation.Facts) {
			outside(f, moderation.StandingStranger)
			f.Identified, f.Public = false, true
		},
		"question": func(f *moderation.Facts) { f.Joining, f.Policy.Question = moderation.JoiningOpen, "who?" },
		"question answered": func(f *moderation.Facts) {
			f.Joining, f.Policy.Question, f.Answered = moderation.JoiningOpen, "who?", true
		},
		"answer to be read": func(f *moderation.Facts) {
			f.Joining, f.Policy.Question, f.Policy.QuestionHold, f.Answered = moderation.JoiningOpen, "who?", true, true
		},
		"no question to be read":    func(f *moderation.Facts) { f.Joining, f.Policy.QuestionHold = moderation.JoiningOpen, true },
		"too little work":           func(f *moderation.Facts) { f.Joining, f.Cost, f.Work = moderation.JoiningOpen, 5, 4 },
		"work enough":               func(f *moderation.Facts) { f.Joining, f.Cost, f.Work = moderation.JoiningOpen, 5, 5 },
		"read only":                 func(f *moderation.Facts) { f.Policy.ReadOnly = true },
		"read only, muted":          func(f *moderation.Facts) { f.Policy.ReadOnly = true; standing(f, moderation.StandingMuted) },
		"out of budget":             func(f *moderation.Facts) { f.Wait = time.Second },
		"newcomer":                  probation,
		"newcomer's link":           func(f *moderation.Facts) { probation(f); f.Links = true },
		"newcomer's allowed link":   func(f *moderation.Facts) { probation(f); f.Links, f.Policy.ProbationLinks = true, true },
		"newcomer's file":           func(f *moderation.Facts) { probation(f); f.Files = true },
		"newcomer's allowed file":   func(f *moderation.Facts) { probation(f); f.Files, f.Policy.ProbationFiles = true, true },
		"newcomer, clock went back": func(f *moderation.Facts) { probation(f); f.MemberFor, f.Links = -time.Hour, true },
		"an hour old":               func(f *moderation.Facts) { probation(f); f.MemberFor, f.Links, f.Files = time.Hour, true, true },
		"nearly an hour old":        func(f *moderation.Facts) { probation(f); f.MemberFor, f.Links, f.Files = time.Hour-1, true, true },
		"a link":                    func(f *moderation.Facts) { f.Links = true },
		"a file":                    func(f *moderation.Facts) { f.Files = true },
		"a day old post":            func(f *moderation.Facts) { f.Age = 24 * time.Hour },
		"an older post":             func(f *moderation.Facts) { f.Age = 24*time.Hour + 1 },
		"a short window":            func(f *moderation.Facts) { f.Policy.EditWindow, f.Age = 60, 61*time.Second },
		"a kick to lift":            func(f *moderation.Facts) { f.OnlyKick = true },
		"another name":              func(f *moderation.Facts) { f.Rename = true },
		"another name, fixed":       func(f *moderation.Facts) { f.Rename, f.Policy.FixedNames = true, true },
		"fixed names":               func(f *moderation.Facts) { f.Policy.FixedNames = true },
	}
	forming := func(change func(*moderation.Facts)) func(*moderation.Facts) {
		return func(f *moderation.Facts) {
			f.Joining, f.Policy.Establish, f.Policy.Fixed, f.Forming = moderation.JoiningInvite, true, true, true
			change(f)
		}
	}
	out["forming"] = forming(func(*moderation.Facts) {})
	out["forming, by the creator"] = forming(func(f *moderation.Facts) { f.Creator = true })
	out["forming, some can still answer"] = forming(func(f *moderation.Facts) { f.Creator, f.Unanswered, f.AnswerTime = true, 1, time.Second })
	out["forming, nobody else can answer"] = forming(func(f *moderation.Facts) { f.Creator, f.AnswerTime = true, time.Hour })
	out["forming, the time is over"] = forming(func(f *moderation.Facts) { f.Creator, f.Unanswered = true, 3 })
	out["forming, the time was over long ago"] = forming(func(f *moderation.Facts) { f.Creator, f.Unanswered, f.AnswerTime = true, 3, -1 })
	out["forming, invited"] = forming(func(f *moderation.Facts) { outside(f, moderation.StandingInvited) })
	out["forming, too late"] = forming(func(f *moderation.Facts) { outside(f, moderation.StandingStranger); f.TooLate = true })
	out["too late, and invited again"] = func(f *moderation.Facts) {
		outside(f, moderation.StandingInvited)
		f.Joining, f.TooLate = moderation.JoiningInvite, true
	}
	out["too late, but anybody joins"] = func(f *moderation.Facts) { f.Joining, f.TooLate = moderation.JoiningOpen, true }
	out["established"] = forming(func(f *moderation.Facts) { f.Forming, f.Creator = false, true })
	out["established, invited"] = forming(func(f *moderation.Facts) { outside(f, moderation.StandingInvited); f.Forming = false })
	out["established, and back to an old identity"] = forming(func(f *moderation.Facts) { f.Forming, f.Returns = false, true })
	out["established, a stranger"] = forming(func(f *moderation.Facts) { outside(f, moderation.StandingStranger); f.Forming = false })
	out["established, one who waits"] = forming(func(f *moderation.Facts) { outside(f, moderation.StandingPending); f.Forming = false })
	out["established, muted"] = forming(func(f *moderation.Facts) { standing(f, moderation.StandingMuted); f.Forming = false })
	out["forming, a stranger"] = forming(func(f *moderation.Facts) { outside(f, moderation.StandingStranger) })
	out["established, not fixed"] = forming(func(f *moderation.Facts) { f.Forming, f.Policy.Fixed = false, false })
	out["established, not fixed, invited"] = forming(func(f *moderation.Facts) {
		outside(f, moderation.StandingInvited)
		f.Forming, f.Policy.Fixed = false, false
	})
	out["fixed, but nothing to establish"] = func(f *moderation.Facts) { f.Policy.Fixed = true }
	out["made by the one who asks"] = func(f *moderation.Facts) { f.Creator = true }
	for to := moderation.InviteAnyone; to <= moderation.InviteMet; to++ {
		for how := range 8 {
			out[fmt.Sprintf("invites of kind %d, %03b", to, how)] = func(f *moderation.Facts) {
				f.Policy.InviteTo, f.Named, f.Whole, f.Met = to, how&1 != 0, how&2 != 0, how&4 != 0
			}
		}
	}
	out["not identified, open"] = func(f *moderation.Facts) {
		outside(f, moderation.StandingStranger)
		f.Identified, f.Joining = false, moderation.JoiningOpen
	}
	out["clock went back"] = func(f *moderation.Facts) { f.MemberFor, f.Links = -time.Hour, true }
	for insider, who := range map[bool]string{false: "outsiders", true: "insiders"} {
		for c := moderation.CreatingOff; c <= moderation.CreatingAnyone; c++ {
			out[fmt.Sprintf("%s make groups, %s", c, who)] = func(f *moderation.Facts) { f.Creating, f.Insider = c, insider }
		}
	}
	out["anyone makes groups with work"] = func(f *moderation.Facts) { f.Creating, f.Cost, f.Work = moderation.CreatingAnyone, 5, 5 }
	out["anyone makes groups with too little work"] = func(f *moderation.Facts) { f.Creating, f.Cost, f.Work = moderation.CreatingAnyone, 5, 4 }
	out["permissions left over"] = func(f *moderation.Facts) { f.Standing, f.Role = moderation.StandingStranger, moderation.RoleNone }
	out["a muted operator"] = func(f *moderation.Facts) {
		if f.Local {
			f.Standing = moderation.StandingMuted
		}
	}
	ends := func(f *moderation.Facts, at int64) { f.Policy.ExpiresAt = moderation.Moment(at) }
	for name, change := range map[string]func(*moderation.Facts){
		"nobody in charge":            func(f *moderation.Facts) { f.Policy.NoStaff = true },
		"nobody in charge, invites":   func(f *moderation.Facts) { f.Policy.NoStaff, f.Policy.InviteRole = true, moderation.RoleMember },
		"nobody in charge, rank":      func(f *moderation.Facts) { f.Policy.NoStaff, f.NewRole = true, moderation.RoleModerator },
		"nobody in charge, no rank":   func(f *moderation.Facts) { f.Policy.NoStaff, f.NewRole = true, moderation.RoleMember },
		"nobody in charge, a kick":    func(f *moderation.Facts) { f.Policy.NoStaff, f.OnlyKick = true, true },
		"nobody in charge, muted":     func(f *moderation.Facts) { f.Policy.NoStaff = true; standing(f, moderation.StandingMuted) },
		"nobody in charge, probation": func(f *moderation.Facts) { f.Policy.NoStaff, f.Links = true, true; probation(f) },
		"nobody can be removed":       func(f *moderation.Facts) { f.Policy.NoRemoval = true },
		"frozen":                      func(f *moderation.Facts) { f.Policy.Frozen = true },
		"frozen, a lockdown ends":     func(f *moderation.Facts) { f.Policy.Frozen, f.Lifts = true, true },
		"a lockdown ends":             func(f *moderation.Facts) { f.Lifts = true },
		"equal": func(f *moderation.Facts) {
			f.Policy.NoStaff, f.Policy.NoRemoval, f.Policy.Frozen = true, true, true
			f.Policy.TopicRole, f.Policy.InviteRole, f.Policy.PinRole = moderation.RoleMember, moderation.RoleMember, moderation.RoleMember
			f.Joining = moderation.JoiningInvite
		},
		"equal, banned": func(f *moderation.Facts) {
			outside(f, moderation.StandingBanned)
			f.Policy.NoStaff, f.Policy.NoRemoval = true, true
		},
		"over just now":          func(f *moderation.Facts) { ends(f, now().Unix()) },
		"over long ago":          func(f *moderation.Facts) { ends(f, 1); f.Joining = moderation.JoiningOpen },
		"over, invited":          func(f *moderation.Facts) { ends(f, 1); outside(f, moderation.StandingInvited) },
		"over, expected":         func(f *moderation.Facts) { ends(f, 1); outside(f, moderation.StandingStranger); f.Expected = true },
		"over, muted":            func(f *moderation.Facts) { ends(f, 1); standing(f, moderation.StandingMuted) },
		"over, the date moved":   func(f *moderation.Facts) { ends(f, 1); f.MovesEnd = true },
		"over, clock unsure":     func(f *moderation.Facts) { ends(f, 1); f.ClockUnsure, f.MovesEnd = true, true },
		"over in a second":       func(f *moderation.Facts) { ends(f, now().Unix()+1); f.MovesEnd = true },
		"a date that never came": func(f *moderation.Facts) { f.MovesEnd, f.ClockUnsure = true, false },
		"an answer":              func(f *moderation.Facts) { f.Answers = true },
		"read only, an answer":   func(f *moderation.Facts) { f.Policy.ReadOnly, f.Answers = true, true },
		"read only, no answer":   func(f *moderation.Facts) { f.Policy.ReadOnly, f.Policy.AnswerRole = true, moderation.RoleMember },
	} {
		out[name] = change
	}
	for r := moderation.RoleMember; r <= moderation.RoleOwner; r++ {
		out[fmt.Sprintf("%ss set the topic", r)] = func(f *moderation.Facts) { f.Policy.TopicRole = r }
		out[fmt.Sprintf("%ss answer", r)] = func(f *moderation.Facts) { f.Policy.ReadOnly, f.Policy.AnswerRole, f.Answers = true, r, true }
		out[fmt.Sprintf("%ss pin", r)] = func(f *moderation.Facts) { f.Policy.PinRole = r }
		out[fmt.Sprintf("%ss invite", r)] = func(f *moderation.Facts) { f.Policy.InviteRole = r }
		out[fmt.Sprintf("%ss react", r)] = func(f *moderation.Facts) { f.Policy.ReactRole = r }
		out[fmt.Sprintf("%ss clone", r)] = func(f *moderation.Facts) {
			f.Policy.CloneRole, f.Creating, f.Insider = r, moderation.CreatingMembers, true
		}
		out[fmt.Sprintf("%ss attach", r)] = func(f *moderation.Facts) { f.Policy.AttachRole = r }
		out[fmt.Sprintf("%ss attach, a file", r)] = func(f *moderation.Facts) { f.Policy.AttachRole, f.Files = r, true }
	}
	return out
}

// standing puts a member into another one; outside makes anybody an outsider.
func standing(f *moderation.Facts, s moderation.Standing) {
	if f.Role != moderation.RoleNone {
		f.Standing = s
	}
}

func outside(f *moderation.Facts, s moderation.Standing) {
	f.Standing, f.Role, f.Permissions = s, moderation.RoleNone, 0
}

// TestTheRuleBook states for each role, set of permissions, target, action and state what is allowed: some million cases.
func TestTheRuleBook(t *testing.T) {
	type actor struct {
		name  string
		facts moderation.Facts
	}
	var actors []actor
	sets := []moderation.Permission{0, moderation.PermAll, moderation.RoleModerator.Permissions()}
	for p := moderation.Permission(1); p <= moderation.PermEmergency; p <<= 1 {
		if sets = append(sets, p); !testing.Short() {
			sets = append(sets, moderation.PermAll&^p)
		}
	}
	for role := moderation.RoleNone; role <= moderation.RoleOwner; role++ {
		for _, set := range sets {
			f := as(role)
			f.Permissions = set
			actors = append(actors, actor{fmt.Sprintf("%s with %s", role, set), f})
			if role == moderation.RoleNone {
				f.Permissions = 0
				break
			}
		}
	}
	withIdentity := operator()
	withIdentity.Identified = true
	actors = append(actors, actor{"operator", operator()}, actor{"operator with an identity", withIdentity})
	cases := 0
	for _, r := range rules() {
		for state, change := range states() {
			for _, a := range actors {
				for target := moderation.RoleNone; target <= moderation.RoleOwner+1; target++ {
					if !r.rank && testing.Short() && target > moderation.RoleNone && target < moderation.RoleOwner {
						continue
					}
					for _, self := range []bool{false, true} {
						f := a.facts
						f.Action, f.TargetRole, f.Self = r.action, target, self
						change(&f)
						cases++
						v := moderation.Decide(f, now())
						if want := r.expected(f); v.Outcome != want {
							t.Fatalf("%s: %s, on %v (himself %v), %s: %s (%s), want %s", r.name, a.name, target, self, state, v.Outcome, v.Text, want)
						}
						if (v.Outcome == moderation.Allow) != (v.Reason == moderation.ReasonNone) || (v.Outcome == moderation.Allow) != (v.Text == "") {
							t.Fatalf("%s: %s, %s: %s for the reason %q: %q", r.name, a.name, state, v.Outcome, v.Reason, v.Text)
						}
					}
				}
			}
		}
	}
	if cases < 1_000_000 && !testing.Short() {
		t.Errorf("%d cases only", cases)
	}
}

// TestEveryActionHasARule keeps the table complete.
func TestEveryActionHasARule(t *testing.T) {
	have := map[moderation.Action]bool{moderation.ActionGrant: true} // see TestWhoGrantsWhatToWhom
	for _, r := range rules() {
		have[r.action] = true
	}
	for a := moderation.Action(1); ; a++ {
		v := moderation.Decide(moderation.Facts{Action: a, Local: true, Identified: true}, now())
		if v.Reason == moderation.ReasonNoSuchAction {
			if int(a) != len(have)+1 {
				t.Errorf("%d actions, %d rules", a-1, len(have))
			}
			return
		}
		if !have[a] {
			t.Errorf("action %d has no rule in the table", a)
		}
	}
}

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

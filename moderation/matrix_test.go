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

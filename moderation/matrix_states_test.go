package moderation_test

import (
	"fmt"
	"groupd/moderation"
	"time"
)

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

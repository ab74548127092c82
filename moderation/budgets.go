package moderation

import "time"

// Meter names a budget. Each has its own bucket.
type Meter uint8

const (
	MeterPosts     Meter = iota // posts and edits of the one who writes, and changes of his profile
	MeterGroup                  // posts and edits of all in the group
	MeterSlow                   // slow mode
	MeterProbation              // newcomers' posts
	MeterAirtime
	MeterGroupAirtime
	MeterReactions
	MeterReports
	MeterEmergency
	MeterAllEmergencies
	MeterFlood // what one tries to write, whether it is taken or not
	MeterJoins // of all who join, for the lockdown
	MeterBans
	MeterPins   // pins put on and taken off: each is a line of the log
	MeterTopics // changes of the topic: so are these
)

// Budgets that are no setting.
const (
	airtimeUnit = time.Millisecond // one token of airtime
)

// Budget is one bucket that an action draws on.
type Budget struct {
	Meter  Meter
	Rate   Rate
	Tokens int
}

// Shared reports whether all in the group draw on one bucket.
func (m Meter) Shared() bool {
	switch m {
	case MeterGroup, MeterGroupAirtime, MeterAllEmergencies, MeterJoins, MeterBans:
		return true
	}
	return false
}

// refusal is what one is told who has to wait for it.
func (m Meter) refusal() string {
	switch m {
	case MeterGroup:
		return "many are posting just now, wait a little"
	case MeterSlow:
		return "slow mode: wait until your next post"
	case MeterProbation:
		return "newcomers can post a few times only, wait a little"
	case MeterAirtime:
		return "your posts took much airtime, wait a little"
	case MeterGroupAirtime:
		return "this group's posts took much airtime, wait a little"
	case MeterReactions:
		return "too many reactions, wait a little"
	case MeterReports:
		return "too many reports, wait a little"
	case MeterPins:
		return "too many pins, wait a little"
	case MeterTopics:
		return "the topic was changed often, wait a little"
	case MeterEmergency, MeterAllEmergencies:
		return "too many emergencies, wait a little"
	}
	return "too many posts, wait a little"
}

// Budgets lists the buckets that the action draws on. Member and group are the server's rates, for what the policy leaves open;
// airtime is what one transmission takes (0: not known). The operator waits for nobody.
func (f Facts) Budgets(member, group Rate, airtime time.Duration) []Budget {
	if f.Local {
		return nil
	}
	one := func(m Meter, r Rate) Budget { return Budget{m, r, 1} }
	p := f.Policy
	switch f.Action {
	case ActionProfile:
		return []Budget{one(MeterPosts, p.MemberPosts.Rate().or(member))}
	case ActionReact:
		return []Budget{one(MeterReactions, member)}
	case ActionReport:
		return []Budget{one(MeterReports, Quota{Count: 10, Per: 3600}.Rate())}
	case ActionPin:
		return []Budget{one(MeterPins, Quota{Count: 60, Per: 3600}.Rate())}
	case ActionTopic:
		return []Budget{one(MeterTopics, Quota{Count: 20, Per: 3600}.Rate())}
	case ActionEmergency:
		own := p.EmergencyPosts.or(Quota{Count: 3, Per: 3600}).Rate()
		return []Budget{one(MeterEmergency, own), one(MeterAllEmergencies, Rate{Burst: 2 * own.Burst, Every: own.Every / 2})}
	case ActionPost, ActionAttach, ActionEdit:
	default:
		return nil
	}
	list := []Budget{one(MeterPosts, p.MemberPosts.Rate().or(member)), one(MeterGroup, p.GroupPosts.Rate().or(group))}
	if f.onProbation() {
		list = append(list, one(MeterProbation, p.ProbationPosts.or(Quota{Count: 10, Per: 3600}).Rate()))
	}
	if p.SlowMode > 0 && f.Action != ActionEdit && !f.staff() {
		list = append(list, one(MeterSlow, Rate{Burst: 1, Every: p.SlowMode.Duration()}))
	}
	if tokens := int((airtime + airtimeUnit - 1) / airtimeUnit); tokens > 0 {
		list = append(list, Budget{MeterAirtime, p.MemberAirtime.airtime(), tokens}, Budget{MeterGroupAirtime, p.GroupAirtime.airtime(), tokens})
	}
	return list
}

// FloodBudget is the bucket of what one tries to write. Who finds it empty is muted; staff never are.
func (f Facts) FloodBudget() Budget {
	if f.staff() || f.Policy.NoAutoMute || f.Policy.NoRemoval {
		return Budget{Meter: MeterFlood}
	}
	return Budget{MeterFlood, f.Policy.Flood.or(Quota{Count: 150, Per: 60}).Rate(), 1}
}

// LockdownBudget is the bucket of joins or bans per hour; when it is empty the group is locked.
func (p Policy) LockdownBudget(m Meter) Budget {
	count := p.LockdownJoins
	if m == MeterBans {
		count = p.LockdownBans
	}
	return Budget{m, Quota{Count: count, Per: 3600}.Rate(), 1}
}

// airtime is the rate of a quota of seconds, in tokens of airtimeUnit.
func (q Quota) airtime() Rate {
	q.Count *= uint32(time.Second / airtimeUnit)
	return q.Rate()
}

// or is r, or another where r is zero.
func (r Rate) or(other Rate) Rate {
	if r == (Rate{}) {
		return other
	}
	return r
}

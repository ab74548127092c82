package moderation

// Meter names a budget.
type Meter uint8

const (
	MeterPosts Meter = iota // of the one who writes
	MeterGroup              // of all in the group
	MeterSlow               // slow mode
	MeterProbation
	MeterAirtime
	MeterGroupAirtime
	MeterEmergency
)

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
	case MeterEmergency:
		return "too many emergencies, wait"
	}
	return "too many posts, wait a little"
}

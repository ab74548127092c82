package lxmf

import (
	"context"
	"slices"
	"time"
)

// StampSource says on whose account a stamp is checked, so that one who sends many has his turns and no more. Both may be
// zero; all those are one source then.
type StampSource struct {
	// Carrier is the name of the interface that it came in by: turns go round between these first.
	Carrier string
	// Who is the identity or address that it came from.
	Who [16]byte
}

// stampJob is a stamp that waits to be checked. done is called once, by a checker, unless the job was not taken.
type stampJob struct {
	ctx    context.Context // nil: checked in any case
	source StampSource
	work   StampWork
	stamp  []byte
	cost   int
	done   func(value int, ok bool, err error)
}

// stampQueue holds jobs and deals out turns: one carrier after the other, and within a carrier one source after the other.
// Bounds: total jobs, perSource of one source. When it is full, a job of the carrier with the most makes room, if that has
// at least two more than the new one's; else the new one is not taken. It is not safe for use by several goroutines.
type stampQueue struct {
	total, perSource int

	lanes []*stampLane // never empty ones, in the order of their turns
	n     int
}

// stampLane is the jobs of one carrier.
type stampLane struct {
	carrier string
	sources [][]*stampJob // never empty ones, in the order of their turns
	n       int
}

// push takes a job. It returns the one that had to leave for it, and false when j itself was not taken.
func (q *stampQueue) push(j *stampJob) (out *stampJob, ok bool) {
	lane := q.lane(j.source.Carrier)
	mine := 0
	if lane != nil {
		if i := lane.source(j.source.Who); i >= 0 && len(lane.sources[i]) >= q.perSource {
			return nil, false
		}
		mine = lane.n
	}
	if q.n >= q.total {
		longest := slices.MaxFunc(q.lanes, func(a, b *stampLane) int { return a.n - b.n })
		if longest.n < mine+2 {
			return nil, false
		}
		out = longest.dropNewest()
		q.n--
	}
	if lane == nil {
		lane = &stampLane{carrier: j.source.Carrier}
		q.lanes = append(q.lanes, lane)
	}
	lane.push(j)
	q.n++
	return out, true
}

// pop returns the job whose turn it is, nil when there is none.
func (q *stampQueue) pop() *stampJob {
	if q.n == 0 {
		return nil
	}
	lane := q.lanes[0]
	q.lanes = q.lanes[1:]
	jobs := lane.sources[0]
	lane.sources = lane.sources[1:]
	if len(jobs) > 1 {
		lane.sources = append(lane.sources, jobs[1:])
	}
	lane.n--
	if lane.n > 0 {
		q.lanes = append(q.lanes, lane)
	}
	q.n--
	return jobs[0]
}

func (q *stampQueue) lane(carrier string) *stampLane {
	if i := slices.IndexFunc(q.lanes, func(l *stampLane) bool { return l.carrier == carrier }); i >= 0 {
		return q.lanes[i]
	}
	return nil
}

func (l *stampLane) source(who [16]byte) int {
	return slices.IndexFunc(l.sources, func(jobs []*stampJob) bool { return jobs[0].source.Who == who })
}

func (l *stampLane) push(j *stampJob) {
	if i := l.source(j.source.Who); i >= 0 {
		l.sources[i] = append(l.sources[i], j)
	} else {
		l.sources = append(l.sources, []*stampJob{j})
	}
	l.n++
}

// dropNewest takes the last job of the source that has the most; of several sources, the last one's. The lane has more
// than one job.
func (l *stampLane) dropNewest() *stampJob {
	most := 0
	for i, jobs := range l.sources {
		if len(jobs) >= len(l.sources[most]) {
			most = i
		}
	}
	jobs := l.sources[most]
	out := jobs[len(jobs)-1]
	if jobs = jobs[:len(jobs)-1]; len(jobs) == 0 {
		l.sources = slices.Delete(l.sources, most, most+1)
	} else {
		l.sources[most] = jobs
	}
	l.n--
	return out
}

// workBudget limits work to a share of one core, with a reserve that is full at first. Time is what the work took by the
// clock, so on a busy machine there is less of it.
type workBudget struct {
	share   float64
	reserve time.Duration // the most that can be saved up

	left time.Duration // may be below zero
	at   time.Time     // when left was right; zero: never spent
}

// wait returns how long to wait before work may begin; 0: none.
func (b *workBudget) wait(now time.Time) time.Duration {
	b.refill(now)
	if b.left > 0 {
		return 0
	}
	return time.Duration(float64(-b.left)/b.share) + time.Millisecond
}

// spend notes that work took d.
func (b *workBudget) spend(now time.Time, d time.Duration) {
	b.refill(now)
	b.left -= d
}

func (b *workBudget) refill(now time.Time) {
	if b.at.IsZero() {
		b.left = b.reserve
	} else {
		b.left = min(b.reserve, b.left+time.Duration(float64(now.Sub(b.at))*b.share))
	}
	b.at = now
}

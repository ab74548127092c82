package group

import (
	"fmt"
	"time"
)

// DeliveryMode is how a member learns of what is new. The numbers are wire and database values: they never change.
type DeliveryMode uint8

const (
	DeliverFetch  DeliveryMode = 0 // nothing is sent: his program asks
	DeliverNotify DeliveryMode = 1 // a tiny packet: so many new, head
	DeliverPush   DeliveryMode = 2 // new entries packed into single packets
	DeliverRelay  DeliveryMode = 3 // posts as LXMF messages, for stock clients
	DeliverDigest DeliveryMode = 4 // one LXMF message per interval
)

// String is the mode's word.
func (m DeliveryMode) String() string {
	switch m {
	case DeliverFetch:
		return "fetch"
	case DeliverNotify:
		return "notify"
	case DeliverPush:
		return "push"
	case DeliverRelay:
		return "relay"
	case DeliverDigest:
		return "digest"
	}
	return "unknown"
}

// ParseDeliveryMode reads a mode's word.
func ParseDeliveryMode(s string) (DeliveryMode, bool) {
	for m := DeliverFetch; m <= DeliverDigest; m++ {
		if m.String() == s {
			return m, true
		}
	}
	return 0, false
}

// Bounds of preferences.
const (
	DefaultDigest = 6 * time.Hour
	MaxPause      = 365 * 24 * time.Hour // of a pause that ends by itself
	MinDigest     = 15 * time.Minute
	MaxDigest     = 7 * 24 * time.Hour
	MinUTCOffset  = -12 * time.Hour
	MaxUTCOffset  = 14 * time.Hour
)

// QuietHours is a part of every day in which nothing is sent but emergencies. From and Until are times of day since
// midnight in whole minutes, by a clock that is Offset ahead of UTC; From after Until goes over midnight. The zero value,
// as every one with From equal to Until, is no quiet at all.
type QuietHours struct {
	From, Until time.Duration
	Offset      time.Duration
}

// None reports whether there are no quiet hours.
func (q QuietHours) None() bool { return q.From == q.Until }

// Left is how long the quiet that holds at a time still lasts; 0: none holds.
func (q QuietHours) Left(now time.Time) time.Duration {
	if q.None() {
		return 0
	}
	const day = 24 * time.Hour
	local := now.UTC().Add(q.Offset)
	at := local.Sub(local.Truncate(day)) // the zero time is a midnight
	length, since := (q.Until-q.From+day)%day, (at-q.From+day)%day
	if since >= length {
		return 0
	}
	return length - since
}

// Preferences is how a member wants to be told what is new. The zero value is the default: fetch.
type Preferences struct {
	Mode           DeliveryMode
	DigestEvery    time.Duration // whole minutes; 0: DefaultDigest
	Quiet          QuietHours
	TextOnly       bool      // no attachments, no big fields
	MentionsOnly   bool      // only posts that name him or answer him
	ViaPropagation bool      // may be left at a propagation node
	Receipts       bool      // his posts are answered with their seq
	Paused         bool      // nothing is sent until he says so
	PausedUntil    time.Time // nothing is sent before, microseconds; zero, or past: no such pause
}

// Digest is the interval in force.
func (p Preferences) Digest() time.Duration {
	if p.DigestEvery == 0 {
		return DefaultDigest
	}
	return p.DigestEvery
}

// Left is how long nothing is sent yet, for quiet hours or, for emergencies as well, for a pause that ends by itself; 0: it is now. A pause
// that would last longer than one can be is none: the clock is wrong.
func (p Preferences) Left(now time.Time, emergency bool) time.Duration {
	left := max(0, p.PausedUntil.Sub(now))
	if left > MaxPause {
		left = 0
	}
	if !emergency {
		left = max(left, p.Quiet.Left(now))
	}
	return left
}

// Sends reports whether anything is ever sent to him.
func (p Preferences) Sends() bool { return p.Mode != DeliverFetch && !p.Paused }

// Check returns what is wrong with preferences, with the name of the field; "" for nothing.
func (p Preferences) Check() (field, msg string) {
	switch {
	case p.Mode > DeliverDigest:
		return "mode", "no such mode"
	case p.DigestEvery != 0 && (p.DigestEvery < MinDigest || p.DigestEvery > MaxDigest):
		return "digest_minutes", fmt.Sprintf("must be %d to %d minutes", MinDigest/time.Minute, MaxDigest/time.Minute)
	case !inDay(p.Quiet.From) || !inDay(p.Quiet.Until):
		return "quiet", "times of day are 0 to 1439 minutes after midnight"
	case p.Quiet.Offset < MinUTCOffset || p.Quiet.Offset > MaxUTCOffset:
		return "quiet", "the offset is -720 to 840 minutes from UTC"
	}
	for _, d := range []time.Duration{p.DigestEvery, p.Quiet.From, p.Quiet.Until, p.Quiet.Offset} {
		if d%time.Minute != 0 {
			return "quiet", "times are in whole minutes"
		}
	}
	return "", ""
}

func inDay(d time.Duration) bool { return d >= 0 && d < 24*time.Hour }

// DeliveryState says how it stands with what a member was sent. The numbers are database values: they never change.
type DeliveryState uint8

const (
	DeliveryIdle   DeliveryState = 0 // nothing stands in the way; behind when his cursor is
	DeliveryFailed DeliveryState = 1 // no proof came; tried again when due
	DeliveryAtNode DeliveryState = 2 // what lies before the cursor is at a propagation node
	DeliveryWaits  DeliveryState = 3 // nothing more until he is heard
)

// String is the state in words.
func (s DeliveryState) String() string {
	switch s {
	case DeliveryIdle:
		return "idle"
	case DeliveryFailed:
		return "not proved"
	case DeliveryAtNode:
		return "left at node"
	case DeliveryWaits:
		return "waits for an announce"
	}
	return "unknown"
}

// Progress is how far delivery to a member is. Only the scheduler writes it.
type Progress struct {
	Cursor   Rev // newest change that was sent and proved, or left at a node; nothing else moves it
	State    DeliveryState
	Attempts int           // without a proof, since the last one
	Due      time.Time     // not before this; zero: at once
	Proved   time.Time     // the last proof; zero: none yet
	Spent    time.Duration // airtime that he owes to his share, at SpentAt
	SpentAt  time.Time
	Moved    bool // he was moved to digest for a large backlog, and is not told yet
}

// Delivery is the row of one member in one group. Who has the default preferences has none.
type Delivery struct {
	Group    GroupID
	Identity IdentityHash // key, with Group
	Preferences
	Progress
}

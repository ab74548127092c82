package moderation

import "time"

// EpochReason is why a group got a new key. The numbers are database values.
type EpochReason uint8

const (
	EpochFirst       EpochReason = 1 // it had none
	EpochForming     EpochReason = 2 // it is being formed: this one is for the time until it is established
	EpochEstablished EpochReason = 3 // it was established
	EpochRemoval     EpochReason = 4 // somebody who had the key was kicked or banned
)

// String is the reason's word.
func (r EpochReason) String() string {
	switch r {
	case EpochFirst:
		return "first"
	case EpochForming:
		return "forming"
	case EpochEstablished:
		return "established"
	case EpochRemoval:
		return "removal"
	}
	return "unknown"
}

// RekeyEvery is how often a group gets a new key because somebody was removed, at most.
const RekeyEvery = time.Hour

// Rekey says when a group gets another key after somebody who has the current one was removed, where last is when that happened for
// the last time (zero: never); false when it needs none: who can join as he likes can have the next one as well.
func Rekey(j Joining, last, now time.Time) (at time.Time, needed bool) {
	if j == JoiningOpen {
		return time.Time{}, false
	}
	if next := last.Add(RekeyEvery); next.After(now) {
		return next, true
	}
	return now, true
}

// KnowsEpoch reports whether a member may have the key of an epoch, where joined is the seq of the entry that told his last joining (0:
// before that was kept) and end that of the newest entry when the next epoch began (0: it has not).
func KnowsEpoch(joined, end uint64) bool { return end == 0 || joined <= end }

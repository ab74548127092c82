package moderation

import "time"

// Rate is a token bucket: Burst at once, then one each Every. Burst below 1 or Every 0 is no limit.
type Rate struct {
	Burst int
	Every time.Duration
}

// Bucket is what a Rate remembers of one who acts: until when the bucket is being refilled. The zero Bucket is full, and so
// is one whose Until has passed: it can be forgotten.
type Bucket struct{ Until time.Time }

// Take asks for one token. With wait 0 it was taken and b is the new state; else b is unchanged, and wait says when there
// will be one. A clock that went back never makes anybody wait longer than Burst × Every.
func (r Rate) Take(b Bucket, now time.Time) (_ Bucket, wait time.Duration) { return r.TakeN(b, now, 1) }

// TakeN asks for n tokens at once. More than there can ever be are had when the bucket is full, and empty it.
func (r Rate) TakeN(b Bucket, now time.Time, n int) (_ Bucket, wait time.Duration) {
	if r.Burst < 1 || r.Every <= 0 || n < 1 {
		return b, 0
	}
	full := time.Duration(r.Burst) * r.Every
	until := b.Until
	switch {
	case until.Before(now):
		until = now
	case until.After(now.Add(full)):
		until = now.Add(full)
	}
	until = until.Add(time.Duration(min(n, r.Burst)) * r.Every)
	if over := until.Sub(now.Add(full)); over > 0 {
		return b, over
	}
	return Bucket{Until: until}, 0
}

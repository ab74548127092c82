package delivery

import "time"

// window sums what happened within the last 60 widths: an hour of minutes, or a day of 24 minutes. A bin counts until all of it is
// longer ago than that by two widths, so that the sum is never too small, also of what was counted a little before it happened.
type window struct {
	width time.Duration
	bins  [63]time.Duration // the newest one is not over yet
	at    time.Duration     // its number, since the start
	sum   time.Duration
}

func newHour() window { return window{width: time.Minute} }
func newDay() window  { return window{width: 24 * time.Minute} }

// turn forgets what is older. Times are since the start and never go back.
func (w *window) turn(now time.Duration) {
	newest := now / w.width
	if newest-w.at >= time.Duration(len(w.bins)) {
		*w = window{width: w.width, at: newest}
	}
	for w.at < newest {
		w.at++
		b := &w.bins[int(w.at)%len(w.bins)]
		w.sum -= *b
		*b = 0
	}
}

// add counts d. What is taken back again, below 0, is taken from the newest bin only.
func (w *window) add(now, d time.Duration) {
	w.turn(now)
	b := &w.bins[int(w.at)%len(w.bins)]
	d = max(d, -*b)
	*b += d
	w.sum += d
}

// used is the sum.
func (w *window) used(now time.Duration) time.Duration {
	w.turn(now)
	return w.sum
}

// wait is how long until the sum is at most limit, if nothing is added; the whole length for a limit below 0.
func (w *window) wait(now, limit time.Duration) time.Duration {
	w.turn(now)
	sum := w.sum
	if sum <= limit {
		return 0
	}
	for i := 1; i < len(w.bins); i++ { // oldest first
		sum -= w.bins[(int(w.at)+i)%len(w.bins)]
		if sum <= limit {
			return (w.at+time.Duration(i))*w.width - now
		}
	}
	return (w.at+time.Duration(len(w.bins)))*w.width - now
}

package rnodesim

import "time"

// Of the firmware's accounting (spec 3 §3.11).
const (
	binLength  = 7500 * time.Millisecond
	binCount   = 480
	shortSpan  = 2 * binLength
	longSpan   = binCount * binLength
	loadWindow = 2500 * 3 * time.Millisecond
)

// airtimeMeter books a device's own airtime in bins of 7.5 s, for an hour. now must not go back.
type airtimeMeter struct {
	bins  [binCount]time.Duration
	peaks [binCount]float64 // highest channel load in each bin
	bin   int64             // the current one, counted from the year 1
}

// turn empties the bins that time has passed over.
func (m *airtimeMeter) turn(now time.Time) int {
	bin := now.UnixNano() / int64(binLength)
	if bin-m.bin >= binCount {
		clear(m.bins[:])
		clear(m.peaks[:])
		m.bin = bin
	}
	for m.bin < bin {
		m.bin++
		m.bins[m.bin%binCount], m.peaks[m.bin%binCount] = 0, 0
	}
	return int(m.bin % binCount)
}

func (m *airtimeMeter) add(now time.Time, d time.Duration) { m.bins[m.turn(now)] += d }

// short is the share of the current and the previous bin, long that of all.
func (m *airtimeMeter) short(now time.Time) float64 {
	at := m.turn(now)
	return float64(m.bins[at]+m.bins[(at+binCount-1)%binCount]) / float64(shortSpan)
}

func (m *airtimeMeter) long(now time.Time) float64 {
	m.turn(now)
	var sum time.Duration
	for _, b := range m.bins {
		sum += b
	}
	return float64(sum) / float64(longSpan)
}

// loadLong notes a channel load and answers the mean of the bins' highest.
func (m *airtimeMeter) loadLong(now time.Time, load float64) float64 {
	at := m.turn(now)
	m.peaks[at] = max(m.peaks[at], load)
	var sum float64
	for _, p := range m.peaks {
		sum += p
	}
	return sum / binCount
}

// nextBin is when the accounting changes by itself.
func nextBin(now time.Time) time.Time {
	return time.Unix(0, (now.UnixNano()/int64(binLength)+1)*int64(binLength))
}

// loadMeter remembers when a carrier was heard, as long as the window needs it.
type loadMeter struct {
	spans [][2]time.Time
}

func (m *loadMeter) add(from, to time.Time) {
	m.forget(to)
	m.spans = append(m.spans, [2]time.Time{from, to})
}

func (m *loadMeter) forget(now time.Time) {
	for len(m.spans) > 0 && !m.spans[0][1].After(now.Add(-loadWindow)) {
		m.spans = m.spans[1:]
	}
}

// share of the window in which a carrier was heard.
func (m *loadMeter) share(now time.Time) float64 {
	m.forget(now)
	begin := now.Add(-loadWindow)
	var sum time.Duration
	for _, s := range m.spans {
		from := s[0]
		if from.Before(begin) {
			from = begin
		}
		sum += s[1].Sub(from)
	}
	return min(1, float64(sum)/float64(loadWindow))
}

// contention is the window of channel access, in slots: min to below max.
type contention struct{ band, min, max int }

// contentionFor is the window for an own short-term airtime share. returning says that the device was in another band
// before: then the first is one slot shorter than at start.
func contentionFor(short float64, returning bool) contention {
	percent := int(short * 100)
	band := 1
	if percent > 7 {
		band = min(4, 2+2*percent/78)
	}
	switch {
	case band > 1:
		return contention{band, 15 * (band - 1), 15*band - 1}
	case returning:
		return contention{1, 0, 14}
	}
	return contention{1, 0, 15}
}

package rnodesim

// Contention is the window for an own short-term airtime.
func Contention(short float64, returning bool) (band, low, high int) {
	w := contentionFor(short, returning)
	return w.band, w.min, w.max
}

package pages

import "groupd/internal/micron"

// Widest is how many columns the widest line of a document takes on a screen.
func Widest(d micron.Document) int {
	widest := 0
	for _, line := range d.Plain() {
		widest = max(widest, width(line))
	}
	return widest
}

package pages

import "groupd/internal/micron"

// Widest is how many columns the widest line of a document takes on a screen.
func Widest(d micron.Document) int {
	widest := 0
	for _, l := range d.Lines {
		n := 0
		for _, r := range l.Runs {
			switch {
			case r.Field == nil:
				n += width(r.Text)
			case r.Field.Kind == micron.TextField:
				n += r.Field.Width
			default:
				n += len("[X] ") + width(r.Field.Label)
			}
		}
		widest = max(widest, n)
	}
	return widest
}

package pages

import (
	"context"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/rns"
	"groupd/rns/msgpack"
)

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

// HandleInTurn is Handle over a link whose turns are these.
func (s *Server) HandleInTurn(ctx context.Context, caller group.Caller, link rns.LinkID, path string, data msgpack.Raw, turn func(context.Context) (leave func(), err error)) []byte {
	return s.handle(ctx, caller, link, path, data, nil, turn)
}

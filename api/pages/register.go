package pages

import (
	"context"
	"io"
	"sync"

	"groupd/api/onlink"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// App and Aspect name the destination that clients browse: nomadnetwork.node. Its announces carry the name, as bare UTF-8 (spec 4 §7.12).
const (
	App    = "nomadnetwork"
	Aspect = "node"
)

// MaxRequestSize is what a destination's MaxRequestSize should be, in bytes: above MaxRequest, so that who sends a little too much is told
// so. Reticulum itself turns away what is larger.
const MaxRequestSize = 4 * MaxRequest

// Register binds every page, and everything else, to d: whoever asks over a link to d gets an answer. It may be called before or while the
// transport runs.
func (s *Server) Register(d *rns.Destination) {
	for _, path := range s.Paths() {
		d.HandleRequest(path, s.answer)
	}
	d.HandleAnyRequest(s.answer)
}

// answer is the rns.RequestHandler of all paths.
func (s *Server) answer(ctx context.Context, r *rns.Request) (msgpack.Raw, bool) {
	caller := onlink.Caller(r.Remote)
	if !caller.Identity.IsZero() {
		if err := s.hub.Heard(ctx, caller); err != nil {
			s.log.Debug("could not note a sign of life", "group", string(s.group), "err", err)
		}
	}
	var refused error
	if r.Path == "" {
		sent, err := s.sendFile(ctx, caller, r)
		if sent {
			return nil, false
		}
		refused = err
	}
	b := s.handle(ctx, caller, r.Link.ID(), r.Path, r.Data, refused, r.Link.Turn)
	s.told(r.Link.InterfaceName(), caller.Identity, len(b))
	return msgpack.Bin(b), true
}

// oneReader lets one goroutine at a time read.
type oneReader struct {
	mu sync.Mutex // leaf
	r  io.Reader
}

func (o *oneReader) Read(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return io.ReadFull(o.r, b)
}

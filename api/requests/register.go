package requests

import (
	"context"

	"groupd/api/onlink"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// App and Aspect name the destination that these requests are sent to: meshchat.group.
const (
	App    = "meshchat"
	Aspect = "group"
)

// MaxRequestSize is what a destination's MaxRequestSize should be, in bytes: above MaxRequest, so that a request that is too large by
// less than this is told so. Reticulum itself turns away what is larger.
const MaxRequestSize = 4 * MaxRequest

// responseOverhead is what a response packet needs besides the reply, in bytes: an array's code, the request id with its code and
// length, and the code and length of a reply of more than 255 bytes.
const responseOverhead = 1 + 2 + 16 + 3

// Register binds every path, and everything else, to d: whoever asks over a link to d gets an answer. It may be called before or while
// the transport runs.
func (s *Server) Register(d *rns.Destination) {
	for _, path := range s.Paths() {
		d.HandleRequest(path, s.answerRequest)
	}
	d.HandleAnyRequest(s.answerRequest)
}

// answerRequest is the rns.RequestHandler of all paths.
func (s *Server) answerRequest(ctx context.Context, r *rns.Request) (msgpack.Raw, bool) {
	caller := onlink.Caller(r.Remote)
	if !caller.Identity.IsZero() {
		if err := s.hub.Heard(ctx, caller); err != nil {
			s.log.Debug("could not note a sign of life", "group", string(s.group), "err", err)
		}
	}
	reply, file := s.handle(ctx, caller, linkLine{r.Link}, r.Path, r.Data, r.Link.MDU()-responseOverhead)
	if file != nil {
		s.told(r.Link.InterfaceName(), caller.Identity, len(reply)+int(file.size))
		s.sendFile(ctx, r, reply, file)
		return nil, false
	}
	s.told(r.Link.InterfaceName(), caller.Identity, len(reply))
	return reply, true
}

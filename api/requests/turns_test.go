package requests

import (
	"context"
	"testing"

	"groupd/rns/msgpack"
)

// turnLine counts turns.
type turnLine struct {
	deadLine
	taken, held int
}

func (l *turnLine) Turn(context.Context) (leave func(), err error) {
	l.taken++
	l.held++
	return func() { l.held-- }, nil
}

// TestReadingHasATurnAndWritingNone: what only takes a processor waits for its turn, a signature that is verified as well, and what waits
// for the disk keeps nobody from his.
func TestReadingHasATurnAndWritingNone(t *testing.T) {
	for _, q := range samples() {
		if q.path == "/batch" || q.path == "/subscribe" {
			continue // items are asked one by one; what a subscriber gets later has a turn of its own
		}
		h := newFake(30)
		s := newServer(t, h)
		l := &turnLine{}
		r, _ := s.find(q.path)
		h.called = func(method string) {
			if want := r.effect == reads; (l.held == 1) != want && method != "info" && method != "resolve" {
				t.Errorf("%s: %d turns while the hub is asked for %q", q.path, l.held, method)
			}
		}
		s.handle(t.Context(), ada(), l, Prefix+q.path, msgpack.Bin(mustMarshal(q.request)), BasePacket)
		if want := r.effect == reads || q.path == "/messages/send"; (l.taken > 0) != want || l.held != 0 {
			t.Errorf("%s: %d turns were taken, %d are left", q.path, l.taken, l.held)
		}
	}
}

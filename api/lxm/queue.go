package lxm

import (
	"context"

	"groupd/group"
)

// lane is the queue of one author: his messages are handled one after the other.
type lane struct {
	author group.IdentityHash
	jobs   []Inbound
}

// Handle takes a message, in the order of arrival, and returns at once. What has no room, and everything after Run, is
// dropped. Before Run messages only wait.
func (s *Server) Handle(in Inbound) {
	author := group.IdentityHash(in.Sender.Hash())
	s.mu.Lock()
	if s.ended || s.pending >= s.config.MaxPending {
		s.mu.Unlock()
		s.count.overload.Add(1)
		in.Drop()
		return
	}
	s.pending++
	l := s.lanes[author]
	if l == nil {
		l = &lane{author: author}
		s.lanes[author] = l
		s.ready = append(s.ready, l)
		s.hire(1)
	}
	l.jobs = append(l.jobs, in)
	s.mu.Unlock()
	s.count.received.Add(1)
}

// hire starts workers for n lanes that wait, as far as the bound allows. s.mu is held.
func (s *Server) hire(n int) {
	if s.life == nil || s.ended {
		return
	}
	for ; n > 0 && s.working < s.config.Workers; n-- {
		s.working++
		s.wg.Go(func() { s.work(s.life) })
	}
}

// work takes lanes in turn, one message of each, until none waits.
func (s *Server) work(ctx context.Context) {
	for {
		s.mu.Lock()
		if len(s.ready) == 0 || s.ended {
			s.working--
			s.mu.Unlock()
			return
		}
		l := s.ready[0]
		s.ready = s.ready[1:]
		in := l.jobs[0]
		s.mu.Unlock()

		s.process(ctx, in)

		s.mu.Lock()
		s.pending--
		if l.jobs = l.jobs[1:]; len(l.jobs) > 0 {
			s.ready = append(s.ready, l)
		} else {
			delete(s.lanes, l.author)
		}
		s.mu.Unlock()
	}
}

// start lets the workers begin.
func (s *Server) start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life = ctx
	s.hire(len(s.ready))
}

// stop waits for the workers, and drops what they left.
func (s *Server) stop() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.wg.Wait()
	s.mu.Lock()
	left := s.lanes
	s.lanes, s.ready, s.pending = nil, nil, 0
	s.mu.Unlock()
	for _, l := range left {
		for _, in := range l.jobs {
			in.Drop()
		}
	}
}

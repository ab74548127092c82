package lxm

import (
	"context"

	"groupd/api/signed"
	"groupd/group"
)

// laneDepth is how many posts of one author are on their way into the store at once.
const laneDepth = 64

// lane is the queue of one author. His messages are handled in order: the next one begins when those before it are done; a post
// that follows posts begins when the last of them has its place in the store, so that they share a commit.
type lane struct {
	author  group.IdentityHash
	jobs    []Inbound // not begun
	running int       // begun, not done
	open    bool      // the next may begin, if it is a post
	queued  bool      // in Server.ready
	posts   bool      // what was decided last was a post that was accepted
}

// next reports whether the first of jobs may begin now.
func (l *lane) next() bool {
	if len(l.jobs) == 0 {
		return false
	}
	return l.running == 0 || l.open && l.running < laneDepth && isPost(l.jobs[0])
}

// isPost reports whether a message is no command. Whether its author may post is seen later.
func isPost(in Inbound) bool {
	_, typed := signed.Command(in.Message)
	return !typed
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
	}
	l.jobs = append(l.jobs, in)
	s.offer(l)
	s.mu.Unlock()
	s.count.received.Add(1)
}

// offer puts a lane whose next message may begin among those that wait for a worker. s.mu is held.
func (s *Server) offer(l *lane) {
	if l.queued || !l.next() {
		return
	}
	l.queued = true
	s.ready = append(s.ready, l)
	s.hire(1)
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
		l.jobs = l.jobs[1:]
		l.queued, l.open = false, false
		l.running++
		posts := l.posts
		s.mu.Unlock()

		posts = s.process(ctx, in, posts, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			l.open = isPost(in)
			s.offer(l)
		})

		s.mu.Lock()
		s.pending--
		l.running--
		l.posts = posts
		if s.offer(l); l.running == 0 && len(l.jobs) == 0 {
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

package sharedinstance

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

const (
	// maxCalls is how many connections are served at once. Further ones wait in the backlog of the socket.
	maxCalls = 16
	// callTime bounds a connection from its beginning to its end, so that one that stalls does not hold its place.
	callTime = 10 * time.Second
)

// rpcStats count what happened to an rpcServer.
type rpcStats struct {
	// Answered calls, and connections that ended without: Denied had another key, Failed all else.
	Answered, Denied, Failed uint64
}

// rpcServer answers calls: one for each connection (spec 3 §4.6).
type rpcServer struct {
	key    []byte
	rand   io.Reader
	answer func(request) []byte // nil: no answer
	log    *slog.Logger

	mu     sync.Mutex // leaf
	stats  rpcStats
	warned time.Time // of another key
}

// warnAgain is how often a program with another key is worth a warning: stock ones call for each packet they receive.
const warnAgain = time.Minute

// serve accepts until ctx ends, then closes the listener and all connections and returns when their goroutines have ended.
// It returns early, with the reason, when the listener breaks.
func (s *rpcServer) serve(ctx context.Context, l net.Listener) error {
	serving, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { // closes
		<-serving.Done()
		l.Close()
	})
	places := make(chan struct{}, maxCalls)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		wg.Go(func() {
			defer func() { <-places }()
			s.one(serving, conn)
		})
	}
}

// one serves one connection.
func (s *rpcServer) one(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	err := s.exchange(conn)
	level := slog.LevelDebug
	s.mu.Lock()
	switch {
	case err == nil:
		s.stats.Answered++
	case errors.Is(err, ErrAuthentication):
		s.stats.Denied++
		if time.Since(s.warned) >= warnAgain {
			level, s.warned = slog.LevelWarn, time.Now()
		}
	default:
		s.stats.Failed++
	}
	s.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		s.log.Log(ctx, level, "call to the shared instance not answered", "err", err)
	}
}

// exchange is the handshake, a request and an answer.
func (s *rpcServer) exchange(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(callTime)); err != nil {
		return err
	}
	if err := greetAsServer(conn, s.key, s.rand); err != nil {
		return err
	}
	b, err := readMessage(conn, maxRequest)
	if err != nil {
		return err
	}
	q, err := parseRequest(b)
	if err != nil {
		return err
	}
	answer := s.answer(q)
	if answer == nil {
		return errRequest
	}
	return writeMessage(conn, answer)
}

// Stats is a snapshot.
func (s *rpcServer) Stats() rpcStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

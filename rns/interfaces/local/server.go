package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

// ServerConfig describes the master's side.
type ServerConfig struct {
	// Endpoint that is listened on.
	Endpoint Endpoint
	// Listener bound to the endpoint; it belongs to the Server. nil: Serve binds. A master binds first, since that is how it
	// becomes one.
	Listener net.Listener

	Options

	// MaxClients is how many programs there may be at once. 0: 64. More are closed at once and counted.
	MaxClients int
	// AnswerDelay is how long after the last frame from a program the next one may go to it. 0: 5 ms; negative: at once.
	AnswerDelay time.Duration
}

// ServerStats count what happened to a Server.
type ServerStats struct {
	// Clients are connected now.
	Clients int
	// Accepted connections became interfaces, Refused ones were too many.
	Accepted, Refused uint64
	// Gone counts the traffic of clients that have left, in bytes as interfaces.Stats counts them.
	GoneRx, GoneTx uint64
	// LastError of the listener.
	LastError string
}

// Server is the master's side: it makes an interface for each program that comes. Make it with NewServer.
type Server struct {
	config  ServerConfig
	serving atomic.Bool

	mu       sync.Mutex   // leaf
	listener net.Listener // the one that was given, until Serve uses it
	stats    ServerStats
}

var _ interfaces.Spawner = (*Server)(nil)

// NewServer makes the server. A listener that was given is used by the first Serve, and closed by Close if there is none.
func NewServer(config ServerConfig) (*Server, error) {
	if config.Endpoint == (Endpoint{}) {
		return nil, errors.New("shared instance without an endpoint")
	}
	config.Options = config.Options.complete()
	if config.MaxClients <= 0 {
		config.MaxClients = DefaultMaxClients
	}
	if config.AnswerDelay == 0 {
		config.AnswerDelay = DefaultAnswerDelay
	}
	return &Server{config: config, listener: config.Listener}, nil
}

// Name is that of the shared instance itself (spec 3 §4.3).
func (s *Server) Name() string { return "Shared Instance[" + s.config.Endpoint.String() + "]" }

// Properties are those of the interfaces made.
func (s *Server) Properties() interfaces.Properties { return s.config.properties() }

// Stats is a snapshot.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Close gives up the listener, if Serve has not used it.
func (s *Server) Close() error {
	if l := s.given(); l != nil {
		return l.Close()
	}
	return nil
}

func (s *Server) given() net.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.listener
	s.listener = nil
	return l
}

// Serve accepts programs until ctx ends, or returns why it cannot. When file descriptors run out it goes on when there are
// some again.
func (s *Server) Serve(ctx context.Context, attach func(interfaces.Interface) (detach func())) error {
	if s.serving.Swap(true) {
		return interfaces.ErrRunning
	}
	defer s.serving.Store(false)
	listener := s.given()
	if listener == nil {
		var err error
		if listener, err = s.config.Endpoint.Listen(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			s.failed(err)
			return fmt.Errorf("listening for %s: %w", s.Name(), err)
		}
	}
	err := carrier.Serve(ctx, listener, s.failed, func(ctx context.Context, conn net.Conn) func() {
		if !s.admit() {
			s.config.Logger.Warn("local program refused: too many", "iface", s.Name())
			return nil
		}
		return func() { s.serve(ctx, conn, attach) }
	})
	if err != nil {
		return fmt.Errorf("accepting for %s: %w", s.Name(), err)
	}
	return nil
}

// serve offers one connection to transport, and waits until it is over.
func (s *Server) serve(ctx context.Context, conn net.Conn, attach func(interfaces.Interface) func()) {
	defer conn.Close()
	o := s.config.Options
	spawned := carrier.NewSpawned("LocalInterface["+s.peerLabel(conn)+"]", o.properties(), o.QueueFrames, o.QueueBytes, framing())
	p := &program{
		Connection: carrier.NewConnection(spawned, conn, o.WriteTimeout),
		delay:      s.config.AnswerDelay, frames: o.QueueFrames, bytes: o.QueueBytes,
	}
	defer s.leave(p)
	p.Attend(ctx, p, nil, attach)
}

// peerLabel names a program's connection: by its port on TCP; on a Unix socket all have the name of the endpoint
// (spec 3 §4.3).
func (s *Server) peerLabel(conn net.Conn) string {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return strconv.Itoa(a.Port)
	}
	return s.config.Endpoint.String()
}

func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stats.Clients >= s.config.MaxClients {
		s.stats.Refused++
		return false
	}
	s.stats.Clients++
	s.stats.Accepted++
	return true
}

func (s *Server) leave(p *program) {
	traffic := p.Stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Clients--
	s.stats.GoneRx += traffic.RxBytes
	s.stats.GoneTx += traffic.TxBytes
}

func (s *Server) failed(err error) {
	s.config.Logger.Warn("local socket fails", "iface", s.Name(), "err", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.LastError = err.Error()
}

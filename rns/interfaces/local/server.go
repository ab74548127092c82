package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
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
	config ServerConfig

	mu       sync.Mutex   // leaf
	listener net.Listener // the one that was given, until Serve uses it
	serving  bool
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
	s.mu.Lock()
	busy := s.serving
	s.serving = true
	s.mu.Unlock()
	if busy {
		return interfaces.ErrRunning
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.serving = false
	}()
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
	serving, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { // closes
		<-serving.Done()
		listener.Close()
	})
	err := s.accept(serving, listener, &wg, attach)
	stop()
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	s.failed(err)
	return fmt.Errorf("accepting for %s: %w", s.Name(), err)
}

// accept starts a goroutine for each program, until the listener is closed.
func (s *Server) accept(ctx context.Context, l net.Listener, wg *sync.WaitGroup, attach func(interfaces.Interface) func()) error {
	const firstPause, longestPause = 5 * time.Millisecond, time.Second
	wait := firstPause
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || !passing(err) {
				return err
			}
			s.failed(err)
			s.config.Logger.Warn("local accept failed", "iface", s.Name(), "err", err)
			if !pause(ctx, wait) {
				return ctx.Err()
			}
			wait = min(2*wait, longestPause)
			continue
		}
		wait = firstPause
		if !s.admit() {
			conn.Close()
			s.config.Logger.Warn("local program refused: too many", "iface", s.Name())
			continue
		}
		wg.Go(func() { s.spawn(ctx, conn, attach) })
	}
}

// spawn offers one connection to transport, and waits until it is over.
func (s *Server) spawn(ctx context.Context, conn net.Conn, attach func(interfaces.Interface) func()) {
	p := &peer{conn: conn, writeTimeout: s.config.WriteTimeout, over: make(chan struct{})}
	p.Face, p.engine = s.config.Options.engine("LocalInterface[" + s.peerLabel(conn) + "]")
	defer s.leave(p)
	p.engine.Up()
	detach := attach(p)
	if detach == nil {
		conn.Close()
		p.engine.Down(nil)
		return
	}
	select {
	case <-p.over:
	case <-ctx.Done():
	}
	detach()
	// Where Run was never called:
	conn.Close()
	p.engine.Down(nil)
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

func (s *Server) leave(p *peer) {
	traffic := p.Stats()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Clients--
	s.stats.GoneRx += traffic.RxBytes
	s.stats.GoneTx += traffic.TxBytes
}

func (s *Server) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.LastError = err.Error()
}

// peer is the interface of one program. It is not connected anew.
type peer struct {
	carrier.Face
	engine       *carrier.Engine
	conn         net.Conn
	writeTimeout time.Duration
	over         chan struct{} // closed when Run returns
	ran          atomic.Bool
}

var _ interfaces.Interface = (*peer)(nil)

// Run carries frames until ctx ends or the program leaves. It can be called once; after that it returns ErrDown.
func (p *peer) Run(ctx context.Context, deliver func(frame []byte)) error {
	if !p.engine.Begin() {
		return interfaces.ErrRunning
	}
	defer p.engine.End()
	if p.ran.Swap(true) {
		return interfaces.ErrDown
	}
	defer close(p.over)
	err := p.engine.Carry(ctx, p.conn, p.writeTimeout, deliver)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// passing says whether accepting may succeed later.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

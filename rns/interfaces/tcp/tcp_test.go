package tcp_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/tcp"
)

// wire is a network without sockets: what is dialed is accepted, over net.Pipe.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	refuse error // what Dial answers, if not nil
	dials  []time.Time
}

func newWire() *wire { return &wire{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (w *wire) setRefuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = err
}

func (w *wire) dialTimes() []time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]time.Time(nil), w.dials...)
}

func (w *wire) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, time.Now())
	refuse := w.refuse
	w.mu.Unlock()
	if refuse != nil {
		return nil, refuse
	}
	near, far := net.Pipe()
	select {
	case w.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *wire) Listen(context.Context, string, string) (net.Listener, error) { return w, nil }

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wire) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv6loopback, Port: 1} }

// inbox collects frames.
type inbox struct {
	mu     sync.Mutex
	frames [][]byte
	came   chan struct{} // capacity large: one per frame
}

func newInbox() *inbox { return &inbox{came: make(chan struct{}, 100000)} }

func (b *inbox) deliver(f []byte) {
	b.mu.Lock()
	b.frames = append(b.frames, bytes.Clone(f))
	b.mu.Unlock()
	b.came <- struct{}{}
}

func (b *inbox) all() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([][]byte(nil), b.frames...)
}

// await waits for n frames more.
func (b *inbox) await(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for range n {
		select {
		case <-b.came:
		case <-deadline:
			t.Fatalf("only %d frames came", len(b.all()))
		}
	}
}

// background runs f until the test ends.
func background(t *testing.T, f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ctx)
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// hub attaches spawned interfaces as transport does.
type hub struct {
	inbox *inbox
	names chan string
	peers chan interfaces.Interface

	mu      sync.Mutex
	running int
}

func newHub() *hub {
	return &hub{inbox: newInbox(), names: make(chan string, 1000), peers: make(chan interfaces.Interface, 1000)}
}

func (h *hub) attach(i interfaces.Interface) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	h.mu.Lock()
	h.running++
	h.mu.Unlock()
	go func() {
		defer close(done)
		i.Run(ctx, h.inbox.deliver)
		h.mu.Lock()
		h.running--
		h.mu.Unlock()
	}()
	h.names <- i.Name()
	h.peers <- i
	return func() { cancel(); <-done }
}

func (h *hub) live() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.running
}

func newClient(t *testing.T, c tcp.ClientConfig) *tcp.Client {
	t.Helper()
	if c.Host == "" {
		c.Host, c.Port = "hub.example", 4242
	}
	if c.Name == "" {
		c.Name = "Hub"
	}
	if c.Jitter == nil {
		c.Jitter = func() float64 { return 0 }
	}
	client, err := tcp.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func frame(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n) }

// I-026, I-133.
func TestNamesAreThoseOfTheReference(t *testing.T) {
	for _, c := range []struct{ host, want string }{
		{"example.org", "TCPInterface[Hub/example.org:4242]"},
		{"127.0.0.1", "TCPInterface[Hub/127.0.0.1:4242]"},
		{"fd00::1", "TCPInterface[Hub/[fd00::1]:4242]"},
	} {
		if got := newClient(t, tcp.ClientConfig{Host: c.host, Port: 4242}).Name(); got != c.want {
			t.Errorf("%s: %s", c.host, got)
		}
	}
	s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "127.0.0.1", Port: 44242})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Name(); got != "TCPServerInterface[Srv/127.0.0.1:44242]" {
		t.Error(got)
	}
	// Stored paths name an interface by this.
	if hash := sha256.Sum256([]byte(s.Name())); hex.EncodeToString(hash[:]) != "284e9dd9ac8bab2df026bf187070b573cad004552a39397e3d8facaf14f7d1d9" {
		t.Errorf("hash %x", hash)
	}
}

// I-006, I-012, I-014, I-017, I-024.
func TestPropertiesFollowFromBitrateAndFixedMTU(t *testing.T) {
	for _, c := range []struct {
		opts       tcp.Options
		mtu, limit int
	}{
		{tcp.Options{}, 8192, 8208},
		{tcp.Options{Bitrate: 10_000_001}, 16384, 16400},
		{tcp.Options{Bitrate: 62_500}, 0, 516}, // no upgrade, but frames pass
		{tcp.Options{FixedMTU: 500}, 500, 516},
		{tcp.Options{FixedMTU: 1000, Bitrate: 1_000_000_000, IFACSize: 64}, 1000, 1064},
	} {
		p := newClient(t, tcp.ClientConfig{Options: c.opts}).Properties()
		if p.MTU != c.mtu || p.FrameLimit != c.limit || p.IFACSize != 16 || !p.Outgoing || p.Mode != interfaces.ModeFull {
			t.Errorf("%+v: %+v", c.opts, p)
		}
	}
	p := newClient(t, tcp.ClientConfig{Options: tcp.Options{ReceiveOnly: true, Mode: interfaces.ModeRoaming}}).Properties()
	if p.Outgoing || p.Mode != interfaces.ModeRoaming {
		t.Errorf("%+v", p)
	}
}

// I-017.
func TestWrongConfigurationsAreRefused(t *testing.T) {
	for name, c := range map[string]tcp.ClientConfig{
		"no host":     {Port: 1},
		"no port":     {Host: "h"},
		"large port":  {Host: "h", Port: 65536},
		"small MTU":   {Host: "h", Port: 1, Options: tcp.Options{FixedMTU: 499}},
		"long code":   {Host: "h", Port: 1, Options: tcp.Options{IFACSize: 65}},
		"no patience": {Host: "h", Port: 1, ReconnectWait: -1},
	} {
		if _, err := tcp.NewClient(c); err == nil {
			t.Errorf("client with %s was accepted", name)
		}
	}
	for name, c := range map[string]tcp.ServerConfig{
		"no host":   {Port: 1},
		"no device": {Device: "no such device", Port: 1},
		"bad port":  {Host: "::", Port: -1},
		"few":       {Host: "::", MaxConnections: -1},
		"small MTU": {Host: "::", Options: tcp.Options{FixedMTU: 1}},
	} {
		if _, err := tcp.NewServer(c); err == nil {
			t.Errorf("server with %s was accepted", name)
		}
	}
}

func TestSendAnswersWhyAFrameIsNotTaken(t *testing.T) {
	c := newClient(t, tcp.ClientConfig{})
	if err := c.Send(frame(20, 1)); !errors.Is(err, interfaces.ErrDown) {
		t.Errorf("before run: %v", err)
	}
	if err := c.Send(frame(8209, 1)); !errors.Is(err, interfaces.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if s := c.Stats(); s.TxDropped.Down != 1 || s.TxDropped.TooLarge != 1 || s.Online {
		t.Errorf("stats %+v", s)
	}
}

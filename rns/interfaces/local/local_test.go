package local_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/hdlc"
	"groupd/rns/interfaces/local"
)

// wire is an endpoint without sockets: what is dialed is accepted, over net.Pipe.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu     sync.Mutex
	refuse error
	dials  []time.Time
}

func newWire() *wire { return &wire{conns: make(chan net.Conn, 100), closed: make(chan struct{})} }

func (w *wire) Dial(context.Context) (net.Conn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials = append(w.dials, time.Now())
	if w.refuse != nil {
		return nil, w.refuse
	}
	near, far := net.Pipe()
	w.conns <- far
	return near, nil
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "@test", Net: "unix"} }

// inbox collects frames.
type inbox struct {
	mu     sync.Mutex
	frames [][]byte
}

func (b *inbox) deliver(f []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frames = append(b.frames, bytes.Clone(f))
}

func (b *inbox) all() [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([][]byte(nil), b.frames...)
}

// hub attaches spawned interfaces as transport does.
type hub struct {
	inbox
	peers  chan interfaces.Interface
	refuse bool
}

func newHub() *hub { return &hub{peers: make(chan interfaces.Interface, 100)} }

func (h *hub) attach(i interfaces.Interface) func() {
	if h.refuse {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.Run(ctx, h.deliver)
	}()
	h.peers <- i
	return func() { cancel(); <-done }
}

// background runs f until the test ends or stop is called.
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

func frame(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n) }

// instance is a name that no other test and no other program uses.
func instance(t *testing.T) local.Endpoint {
	t.Helper()
	e, err := local.Unix("groupd-test-" + rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// serve starts a server on a listener.
func serve(t *testing.T, config local.ServerConfig, h *hub) (*local.Server, func()) {
	t.Helper()
	s, err := local.NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	return s, background(t, func(ctx context.Context) {
		if err := s.Serve(ctx, h.attach); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func newClient(t *testing.T, config local.ClientConfig) *local.Client {
	t.Helper()
	if config.Endpoint == (local.Endpoint{}) {
		config.Endpoint, _ = local.Unix("x")
	}
	c, err := local.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// I-098: the abstract names have no padding. I-099: on TCP it is loopback, port 37428 unless configured.
func TestEndpointsHaveTheNamesOfTheReference(t *testing.T) {
	e, err := local.Unix("")
	if err != nil || e.Network() != "unix" || e.Address() != "@rns/default" || e.String() != "rns/default" {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err = local.TCP(0); err != nil || e.Address() != "127.0.0.1:37428" || e.String() != "37428" {
		t.Errorf("%+v, %v", e, err)
	}
	for _, name := range []string{strings.Repeat("x", 100), "a\x00b"} {
		if _, err := local.Unix(name); err == nil {
			t.Errorf("took the name %q", name)
		}
	}
	if _, err := local.Unix(strings.Repeat("x", 99)); err != nil {
		t.Error(err)
	}
	for _, port := range []int{-1, 65536} {
		if _, err := local.TCP(port); err == nil {
			t.Errorf("took port %d", port)
		}
	}
	own := instance(t)
	l, err := own.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	table, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(table), " "+own.Address()+"\n") {
		t.Errorf("the kernel's table does not list %s without padding", own.Address())
	}
}

// I-100: the second to bind fails, connects, and both are served.
func TestProgramsAndMasterCarryFramesOverRealSockets(t *testing.T) {
	tcp, err := local.TCP(freePort(t))
	if err != nil {
		t.Fatal(err)
	}
	for kind, endpoint := range map[string]local.Endpoint{"unix": instance(t), "tcp": tcp} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			listener, err := endpoint.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := endpoint.Listen(t.Context()); err == nil {
				t.Fatal("bound twice")
			}
			h, in := newHub(), &inbox{}
			s, stop := serve(t, local.ServerConfig{Endpoint: endpoint, Listener: listener}, h)
			if s.Name() != "Shared Instance["+endpoint.String()+"]" {
				t.Errorf("the server is %s", s.Name())
			}
			c := newClient(t, local.ClientConfig{Endpoint: endpoint})
			if c.Name() != "LocalInterface["+endpoint.String()+"]" {
				t.Errorf("the client is %s", c.Name())
			}
			stopClient := background(t, func(ctx context.Context) { c.Run(ctx, in.deliver) })
			p := <-h.peers
			if !strings.HasPrefix(p.Name(), "LocalInterface[") || (kind == "unix") != (p.Name() == c.Name()) {
				t.Errorf("spawned %s", p.Name())
			}
			await(t, func() bool { return c.Stats().Online })
			var want [][]byte
			for i, n := range []int{20, 500, 8192, local.MTU} {
				want = append(want, frame(n, byte(0x7c+i)))
				if err := errors.Join(c.Send(want[i]), p.Send(want[i])); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Send(frame(local.MTU+1, 0)); !errors.Is(err, interfaces.ErrTooLarge) {
				t.Errorf("longer than the MTU: %v", err)
			}
			await(t, func() bool { return len(in.all()) == len(want) && len(h.all()) == len(want) })
			for i := range want {
				if !bytes.Equal(in.all()[i], want[i]) || !bytes.Equal(h.all()[i], want[i]) {
					t.Errorf("frame of %d bytes differs", len(want[i]))
				}
			}
			stopClient()
			await(t, func() bool { return s.Stats().Clients == 0 })
			if st := s.Stats(); st.Accepted != 1 || st.GoneRx == 0 || st.GoneTx == 0 {
				t.Errorf("stats %+v", st)
			}
			stop()
			again, err := endpoint.Listen(t.Context())
			if err != nil {
				t.Fatalf("the endpoint is not free again: %v", err)
			}
			again.Close()
		})
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func await(t *testing.T, ready func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ready() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 20 s")
		}
		time.Sleep(time.Millisecond) // real sockets
	}
}

// I-117: attempts at the latest every 8 s, for ever.
func TestClientFindsItsMasterAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, in, ups := newWire(), &inbox{}, 0
		c := newClient(t, local.ClientConfig{Dial: w.Dial})
		c.NotifyUp(func() { ups++ })
		background(t, func(ctx context.Context) { c.Run(ctx, in.deliver) })
		far := <-w.conns
		far.Write(hdlc.AppendFrame(nil, frame(20, 1)))
		synctest.Wait()
		w.mu.Lock()
		w.refuse = errors.New("connection refused")
		w.mu.Unlock()
		far.Close()
		synctest.Wait()
		if err := c.Send(frame(20, 1)); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("sent to a master that is gone: %v", err)
		}
		time.Sleep(time.Hour)
		w.mu.Lock()
		for i, d := range w.dials[1:] {
			if wait := d.Sub(w.dials[i]); wait > 8*time.Second {
				t.Fatalf("waited %v", wait)
			}
		}
		w.refuse = nil
		w.mu.Unlock()
		far = <-w.conns
		far.Write(hdlc.AppendFrame(nil, frame(20, 2)))
		synctest.Wait()
		if st := c.Stats(); ups != 2 || len(in.all()) != 2 || !st.Online || st.Connects != 2 {
			t.Errorf("up %d times, %d frames, %+v", ups, len(in.all()), st)
		}
	})
}

func TestClientEndsWhenItsOwnerTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		near, far := net.Pipe()
		w.refuse = errors.New("connection refused")
		var asked []time.Duration
		c := newClient(t, local.ClientConfig{Conn: near, Dial: w.Dial, Lost: func(since time.Duration) bool {
			asked = append(asked, since)
			return since >= 3*time.Second
		}})
		ended := make(chan error, 1)
		background(t, func(ctx context.Context) { ended <- c.Run(ctx, (&inbox{}).deliver) })
		time.Sleep(time.Minute) // connected all the time
		if len(asked) != 0 {
			t.Errorf("asked while connected: %v", asked)
		}
		far.Close()
		if err := <-ended; !errors.Is(err, local.ErrMasterGone) {
			t.Errorf("run: %v", err)
		}
		if len(asked) != 3 || asked[2] != 3*time.Second {
			t.Errorf("asked after %v", asked)
		}
		if c.Stats().Online {
			t.Error("still online")
		}
	})
}

func TestConnectionsThatWereNeverUsedAreClosed(t *testing.T) {
	near, far := net.Pipe()
	c := newClient(t, local.ClientConfig{Conn: near})
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := far.Read(make([]byte, 1)); err == nil {
		t.Error("open")
	}
	w := newWire()
	e, _ := local.Unix("x")
	s, err := local.NewServer(local.ServerConfig{Endpoint: e, Listener: w})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := w.Accept(); err == nil {
		t.Error("accepts")
	}
}

func TestTooManyProgramsAreRefusedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		e, _ := local.Unix("x")
		s, _ := serve(t, local.ServerConfig{Endpoint: e, Listener: w, MaxClients: 2}, h)
		var conns []net.Conn
		for range 3 {
			conn, _ := w.Dial(t.Context())
			conns = append(conns, conn)
			synctest.Wait()
		}
		if _, err := conns[2].Read(make([]byte, 1)); err == nil {
			t.Error("the third is served")
		}
		if st := s.Stats(); st.Clients != 2 || st.Accepted != 2 || st.Refused != 1 {
			t.Errorf("stats %+v", st)
		}
		conns[0].Close()
		synctest.Wait()
		if st := s.Stats(); st.Clients != 1 {
			t.Errorf("stats %+v", st)
		}
		if _, err := w.Dial(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := s.Stats(); st.Clients != 2 || st.Accepted != 3 {
			t.Errorf("there is no room again: %+v", st)
		}
	})
}

func TestProgramThatTransportRefusesIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		h.refuse = true
		e, _ := local.Unix("x")
		s, _ := serve(t, local.ServerConfig{Endpoint: e, Listener: w}, h)
		conn, _ := w.Dial(t.Context())
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("served")
		}
		synctest.Wait()
		if n := s.Stats().Clients; n != 0 {
			t.Errorf("%d clients", n)
		}
	})
}

// I-146: garbage of a local program is dropped and holds no more memory than one frame. I-005 for local sockets: 19 bytes
// are dropped, 20 are not.
func TestGarbageOfAProgramIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		e, _ := local.Unix("x")
		serve(t, local.ServerConfig{Endpoint: e, Listener: w}, h)
		conn, _ := w.Dial(t.Context())
		p := <-h.peers
		for range 64 {
			conn.Write(bytes.Repeat([]byte{0x55}, 64<<10))
		}
		conn.Write([]byte{hdlc.Flag})
		for range 64 {
			conn.Write(bytes.Repeat([]byte{0x55}, 64<<10))
		}
		conn.Write(hdlc.AppendFrame(nil, frame(19, 1)))
		conn.Write([]byte{hdlc.Flag, hdlc.Flag}) // an Android keepalive
		conn.Write(hdlc.AppendFrame(nil, frame(20, 2)))
		synctest.Wait()
		if got := h.all(); len(got) != 1 || len(got[0]) != 20 {
			t.Errorf("%d frames", len(got))
		}
		if d := p.Stats().RxDropped; d.TooLong != 1 || d.TooShort != 1 {
			t.Errorf("dropped %+v", d)
		}
	})
}

// I-151: stock programs stop reading while they write, so a master must read while it has something left to write.
func TestMasterReadsFromAProgramThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		e, _ := local.Unix("x")
		serve(t, local.ServerConfig{Endpoint: e, Listener: w, Options: local.Options{QueueFrames: 3}}, h)
		conn, _ := w.Dial(t.Context())
		p := <-h.peers
		for range 3 {
			if err := p.Send(frame(100, 1)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Send(frame(100, 1)); !errors.Is(err, interfaces.ErrQueueFull) {
			t.Errorf("over the bound: %v", err)
		}
		for range 100 {
			conn.Write(hdlc.AppendFrame(nil, frame(50, 2)))
		}
		synctest.Wait()
		if n := len(h.all()); n != 100 {
			t.Errorf("%d of 100 frames", n)
		}
		time.Sleep(2 * time.Minute)
		if st := p.Stats(); st.Online || st.TxDropped.Lost != 3 || st.TxDropped.QueueFull != 1 {
			t.Errorf("a program that never reads is still served: %+v", st)
		}
	})
}

// I-016: local clients offer links an MTU of 262144.
func TestPropertiesOfLocalInterfaces(t *testing.T) {
	want := interfaces.Properties{Mode: interfaces.ModeFull, Bitrate: 1_000_000_000, MTU: 262144, FrameLimit: 262144, Outgoing: true}
	if p := newClient(t, local.ClientConfig{}).Properties(); p != want {
		t.Errorf("%+v", p)
	}
	e, _ := local.Unix("x")
	s, err := local.NewServer(local.ServerConfig{Endpoint: e, Options: local.Options{Bitrate: 1200}})
	if want.Bitrate = 1200; err != nil || s.Properties() != want {
		t.Errorf("%+v, %v", s.Properties(), err)
	}
	if _, err := local.NewServer(local.ServerConfig{}); err == nil {
		t.Error("server without an endpoint")
	}
	if _, err := local.NewClient(local.ClientConfig{}); err == nil {
		t.Error("client without an endpoint")
	}
}

// reading collects the frames that a program gets, with the times since begin.
type reading struct {
	inbox
	times []time.Duration
}

func read(conn net.Conn) *reading {
	r, begin := &reading{}, time.Now()
	go func() {
		d, buf := hdlc.NewDecoder(hdlc.MinPacket, local.MTU), make([]byte, 1<<16)
		for {
			n, err := conn.Read(buf)
			d.Feed(buf[:n], func(f []byte) {
				r.mu.Lock()
				r.times = append(r.times, time.Since(begin))
				r.mu.Unlock()
				r.deliver(f)
			})
			if err != nil {
				return
			}
		}
	}()
	return r
}

// Stock programs lose answers that come before they have noted what they asked for.
func TestAnswersWaitUntilTheProgramIsReadyForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		e, _ := local.Unix("x")
		serve(t, local.ServerConfig{Endpoint: e, Listener: w}, h)
		conn, _ := w.Dial(t.Context())
		p := <-h.peers
		got := read(conn)
		synctest.Wait()
		p.Send(frame(20, 0)) // it asked nothing yet: at once
		synctest.Wait()
		conn.Write(hdlc.AppendFrame(nil, frame(20, 1)))
		synctest.Wait()
		p.Send(frame(20, 2)) // after 5 ms
		time.Sleep(2 * time.Millisecond)
		conn.Write(hdlc.AppendFrame(nil, frame(20, 1)))
		synctest.Wait()
		p.Send(frame(20, 3)) // after 7 ms
		if st := p.Stats(); st.QueuedFrames != 2 || st.QueuedBytes != 40 {
			t.Errorf("held: %+v", st)
		}
		time.Sleep(time.Second)
		p.Send(frame(20, 4)) // at once
		synctest.Wait()
		want := []time.Duration{0, 5 * time.Millisecond, 7 * time.Millisecond, 1002 * time.Millisecond}
		if !slices.Equal(got.times, want) {
			t.Errorf("frames came after %v, want %v", got.times, want)
		}
		for i, f := range got.all() {
			if f[0] != []byte{0, 2, 3, 4}[i] {
				t.Errorf("frame %d is %d", i, f[0])
			}
		}
	})
}

func TestFramesHeldForAProgramAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		e, _ := local.Unix("x")
		serve(t, local.ServerConfig{Endpoint: e, Listener: w, Options: local.Options{QueueFrames: 3}}, h)
		conn, _ := w.Dial(t.Context())
		p := <-h.peers
		conn.Write(hdlc.AppendFrame(nil, frame(20, 1)))
		synctest.Wait()
		for range 3 {
			if err := p.Send(frame(20, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Send(frame(20, 2)); !errors.Is(err, interfaces.ErrQueueFull) {
			t.Errorf("the fourth: %v", err)
		}
		if err := p.Send(frame(local.MTU+1, 2)); !errors.Is(err, interfaces.ErrTooLarge) {
			t.Errorf("a large one: %v", err)
		}
		conn.Close() // before they could go
		synctest.Wait()
		// Whoever notices the end first, writer or reader, counts what waited.
		if st := p.Stats(); st.TxDropped.QueueFull != 1 || st.TxDropped.TooLarge != 1 || st.TxDropped.Lost+st.TxDropped.Down != 3 || st.QueuedFrames != 0 {
			t.Errorf("%+v", st)
		}
		if err := p.Send(frame(20, 2)); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestLastWordsToAProgramAreNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		e, _ := local.Unix("x")
		_, stop := serve(t, local.ServerConfig{Endpoint: e, Listener: w, AnswerDelay: time.Hour}, h)
		conn, _ := w.Dial(t.Context())
		p := <-h.peers
		got := read(conn)
		conn.Write(hdlc.AppendFrame(nil, frame(20, 1)))
		synctest.Wait()
		for i := range 3 {
			p.Send(frame(20, byte(i)))
		}
		stop()
		synctest.Wait()
		if n := len(got.all()); n != 3 {
			t.Errorf("%d of 3 last words came", n)
		}
	})
}

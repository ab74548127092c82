package udp_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/interfaces/udp"
)

// ether is a network without sockets: what one sends, all listeners on the port get, the sender too.
type ether struct {
	mu      sync.Mutex
	refuse  error
	sockets []*socket
	sent    [][]byte
}

type socket struct {
	e      *ether
	port   string
	in     chan []byte
	closed chan struct{}
	once   sync.Once
	late   chan struct{}
}

func (e *ether) listen(_ context.Context, network, address string) (net.PacketConn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refuse != nil || network != "udp4" {
		return nil, e.refuse
	}
	_, port, _ := net.SplitHostPort(address)
	s := &socket{e: e, port: port, in: make(chan []byte, 1000), closed: make(chan struct{}), late: make(chan struct{}, 1)}
	e.sockets = append(e.sockets, s)
	return s, nil
}

func (e *ether) setRefuse(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refuse = err
}

func (s *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-s.in:
		return copy(b, d), s.LocalAddr(), nil
	case <-s.late:
		return 0, nil, os.ErrDeadlineExceeded
	case <-s.closed:
		return 0, nil, net.ErrClosed
	}
}

func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	_, port, _ := net.SplitHostPort(to.String())
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	if s.e.refuse != nil {
		return 0, s.e.refuse
	}
	s.e.sent = append(s.e.sent, bytes.Clone(b))
	for _, o := range s.e.sockets {
		if o.port == port {
			o.in <- bytes.Clone(b)
		}
	}
	return len(b), nil
}

func (s *socket) Close() error        { s.once.Do(func() { close(s.closed) }); return nil }
func (s *socket) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4bcast, Port: 1} }
func (s *socket) SetReadDeadline(time.Time) error {
	select {
	case s.late <- struct{}{}:
	default:
	}
	return nil
}
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
func (s *socket) SetDeadline(time.Time) error      { return nil }

func there(context.Context, string) (netip.Addr, error) {
	return netip.MustParseAddr("10.0.0.255"), nil
}

func start(t *testing.T, c udp.Config) (*udp.Interface, *ifacetest.Running) {
	t.Helper()
	if c.ListenHost == "" {
		c.ListenHost, c.ForwardHost = "0.0.0.0", "10.0.0.255"
	}
	carrier.Default(&c.ListenPort, 4242)
	carrier.Default(&c.ForwardPort, 4242)
	i, err := udp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return i, ifacetest.Run(t, i)
}

// I-041.
func TestOnePacketIsOneDatagramAndOwnBroadcastsComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		a, atA := start(t, udp.Config{Name: "Lan", Listen: e.listen, Resolve: there})
		_, atB := start(t, udp.Config{Name: "Lan", Listen: e.listen, Resolve: there})
		synctest.Wait()
		if a.Name() != "UDPInterface[Lan/0.0.0.0:4242]" {
			t.Error(a.Name())
		}
		frame := bytes.Repeat([]byte{0x7e}, udp.FrameLimit)
		if err := a.Send(frame); err != nil {
			t.Fatal(err)
		}
		if got := <-atB.Frames; !bytes.Equal(got, frame) {
			t.Errorf("received %d bytes", len(got))
		}
		if got := <-atA.Frames; !bytes.Equal(got, frame) {
			t.Errorf("own broadcast is %d bytes", len(got))
		}
		synctest.Wait()
		if s := a.Stats(); s.TxBytes != udp.FrameLimit || s.TxFrames != 1 || s.RxBytes != udp.FrameLimit || s.QueuedFrames != 0 {
			t.Errorf("%+v", s)
		}
		atB.Stop()
		if err := a.Send(append(frame, 1)); !errors.Is(err, interfaces.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
		(&socket{e: e}).WriteTo(make([]byte, 2000), &net.UDPAddr{Port: 4242})
		(&socket{e: e}).WriteTo(nil, &net.UDPAddr{Port: 4242})
		synctest.Wait()
		if s := a.Stats(); s.RxDropped.TooLong != 1 || len(atA.Frames) != 0 {
			t.Errorf("what is too long: %+v", s)
		}
		// I-015: no link upgrade.
		if p := a.Properties(); p.MTU != 0 || p.Bitrate != 10_000_000 || p.IFACSize != 16 {
			t.Errorf("%+v", p)
		}
	})
}

func TestASocketThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		e.setRefuse(errors.New("address already in use"))
		i, running := start(t, udp.Config{Listen: e.listen, Resolve: there})
		synctest.Wait()
		if err := i.Send(make([]byte, 20)); !errors.Is(err, interfaces.ErrDown) || i.Stats().LastError != "address already in use" {
			t.Errorf("%v, %+v", err, i.Stats())
		}
		e.setRefuse(nil)
		time.Sleep(udp.DefaultRetryWait)
		synctest.Wait()
		if err := i.Send(make([]byte, 20)); err != nil {
			t.Fatal(err)
		}
		<-running.Frames
		// A network that is down for a while loses frames, not the socket.
		e.setRefuse(errors.New("network is unreachable"))
		i.Send(make([]byte, 20))
		synctest.Wait()
		if s := i.Stats(); !s.Online || s.TxDropped.Lost != 1 || s.LastError != "network is unreachable" {
			t.Errorf("%+v", s)
		}
		// And a socket that breaks is opened anew.
		e.setRefuse(nil)
		e.mu.Lock()
		e.sockets[0].Close()
		e.mu.Unlock()
		time.Sleep(udp.DefaultRetryWait)
		synctest.Wait()
		if s := i.Stats(); !s.Online || s.Connects != 2 {
			t.Errorf("%+v", s)
		}
		if err := i.Run(t.Context(), nil); !errors.Is(err, interfaces.ErrRunning) {
			t.Errorf("second run: %v", err)
		}
	})
}

func TestLastWordsGetOutAndTheQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &ether{}
		i, running := start(t, udp.Config{Listen: e.listen, Resolve: there, Options: carrier.Options{QueueFrames: 2}})
		synctest.Wait()
		e.mu.Lock() // the writer waits
		for range 3 {
			i.Send(make([]byte, 20))
		}
		if s := i.Stats(); s.TxDropped.QueueFull != 1 || s.QueuedFrames != 2 || s.QueuedBytes != 40 {
			t.Errorf("%+v", s)
		}
		e.mu.Unlock()
		running.Stop()
		if len(e.sent) != 2 || i.Stats().Online {
			t.Errorf("%d sent", len(e.sent))
		}
	})
}

// I-042.
func TestDeviceIsItsBroadcastAddress(t *testing.T) {
	for _, c := range []struct {
		prefixes []string
		want     string
	}{
		{[]string{"fe80::1/64", "192.168.3.7/24", "10.0.0.1/8"}, "192.168.3.255"},
		{[]string{"10.1.2.3/20"}, "10.1.15.255"},
		{[]string{"10.1.2.3/32"}, "10.1.2.3"},
		{[]string{"fe80::1/64"}, ""},
	} {
		var prefixes []netip.Prefix
		for _, p := range c.prefixes {
			prefixes = append(prefixes, netip.MustParsePrefix(p))
		}
		got, err := udp.ChooseBroadcast("eth0", prefixes)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%v: %v %v", c.prefixes, got, err)
		}
	}
	i, err := udp.New(udp.Config{Name: "x", Device: "lo", ListenPort: 1, ForwardPort: 1})
	if err != nil || i.Name() != "UDPInterface[x/127.255.255.255:1]" {
		t.Errorf("on lo: %v, %v", i, err)
	}
}

func TestWrongConfigurationsAreRefused(t *testing.T) {
	for name, c := range map[string]udp.Config{
		"no port":    {ListenHost: "0.0.0.0", ForwardHost: "h"},
		"no host":    {ForwardPort: 1, ListenHost: "0.0.0.0"},
		"no device":  {ForwardPort: 1, Device: "no such device"},
		"IPv6":       {ForwardPort: 1, ListenHost: "::", ForwardHost: "h"},
		"no wait":    {ForwardPort: 1, ListenHost: "0.0.0.0", ForwardHost: "h", RetryWait: -1},
		"long code":  {ForwardPort: 1, ListenHost: "0.0.0.0", ForwardHost: "h", Options: carrier.Options{IFACSize: 65}},
		"short line": {ForwardPort: 1, ListenHost: "0.0.0.0", ForwardHost: "h", Options: carrier.Options{QueueFrames: -1}},
	} {
		if _, err := udp.New(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := udp.FromConfig(config.Interface{}, nil); err == nil {
		t.Error("made of nothing")
	}
	i, err := udp.FromConfig(config.Interface{Name: "b", UDP: &config.UDP{ListenIP: "127.0.0.2", ListenPort: 7, ForwardIP: "127.0.0.1", ForwardPort: 7}}, nil)
	if err != nil || i.Name() != "UDPInterface[b/127.0.0.2:7]" || i.Properties().Outgoing {
		t.Errorf("%v, %v", i, err)
	}
}

// Real sockets.
func TestTwoNodesOnLoopback(t *testing.T) {
	free, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := free.LocalAddr().(*net.UDPAddr).Port
	free.Close()
	listening := make(chan net.Addr, 1)
	_, running := start(t, udp.Config{ListenHost: "127.0.0.1", ForwardHost: "127.0.0.1", ListenPort: port, ForwardPort: port,
		OnListen: func(a net.Addr) { listening <- a }})
	<-listening
	b, _ := start(t, udp.Config{ListenHost: "127.0.0.2", ListenPort: port, ForwardHost: "127.0.0.1", ForwardPort: port,
		OnListen: func(a net.Addr) { listening <- a }})
	<-listening
	if err := b.Send([]byte("a packet over real sockets")); err != nil {
		t.Fatal(err)
	}
	select {
	case f := <-running.Frames:
		if string(f) != "a packet over real sockets" {
			t.Errorf("%q", f)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing came")
	}
}

// One socket may send to a broadcast address.
func TestSocketsMayBroadcast(t *testing.T) {
	listening := make(chan net.Addr, 1)
	start(t, udp.Config{ListenHost: "127.0.0.1", ForwardHost: "127.0.0.1", OnListen: func(a net.Addr) { listening <- a }, Listen: func(ctx context.Context, network, address string) (net.PacketConn, error) {
		c, err := (&net.ListenConfig{}).ListenPacket(ctx, network, "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		if _, err := c.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255), Port: 9}); err != nil {
			t.Errorf("broadcast: %v", err)
		}
		return c, nil
	}})
	<-listening
}

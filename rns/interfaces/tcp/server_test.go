package tcp_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/tcp"
)

func TestServerRefusesConnectionsBeyondItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen})
		if err != nil {
			t.Fatal(err)
		}
		background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		var conns []net.Conn
		for range 130 {
			c, err := w.Dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		synctest.Wait()
		if st := s.Stats(); st.Connections != 128 || st.Accepted != 128 || st.Refused != 2 {
			t.Errorf("stats %+v", st)
		}
		if _, err := conns[129].Read(make([]byte, 1)); err == nil {
			t.Error("the extra connection is open")
		}
		conns[0].Close()
		synctest.Wait()
		if _, err := w.Dial(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := s.Stats(); st.Connections != 128 || st.Accepted != 129 || h.live() != 128 {
			t.Errorf("stats %+v, %d running", st, h.live())
		}
	})
}

func TestServerStopsEverythingBeforeServeReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen})
		if err != nil {
			t.Fatal(err)
		}
		stop := background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		for range 3 {
			if _, err := w.Dial(t.Context(), "", ""); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if err := s.Serve(t.Context(), h.attach); !errors.Is(err, interfaces.ErrRunning) {
			t.Errorf("second serve: %v", err)
		}
		stop()
		if n := s.Stats().Connections; n != 0 || h.live() != 0 {
			t.Errorf("%d connections, %d running", n, h.live())
		}
	})
}

func TestServerClosesWhatTransportRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen})
		if err != nil {
			t.Fatal(err)
		}
		background(t, func(ctx context.Context) { s.Serve(ctx, func(interfaces.Interface) func() { return nil }) })
		c, err := w.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is open")
		}
		synctest.Wait()
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%d connections", n)
		}
	})
}

// I-034.
func TestSpawnedInterfacesAreAsTheirServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		o := tcp.Options{Mode: interfaces.ModeGateway, Bitrate: 20_000_000, IFACSize: 32, ReceiveOnly: true}
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen, Options: o})
		if err != nil {
			t.Fatal(err)
		}
		background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		if _, err := w.Dial(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		want := interfaces.Properties{Mode: interfaces.ModeGateway, Bitrate: 20_000_000, MTU: 16384, FrameLimit: 16416, IFACSize: 16}
		if p := (<-h.peers).Properties(); p != want || s.Properties() != want {
			t.Errorf("spawned %+v, server %+v", p, s.Properties())
		}
	})
}

// troubled is a listener that fails a few times.
type troubled struct {
	*wire
	errs []error
}

func (l *troubled) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.wire.Accept()
}

func TestServerGoesOnWhenFileDescriptorsRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		l := &troubled{wire: w, errs: []error{syscall.EMFILE, &net.OpError{Op: "accept", Err: syscall.ECONNABORTED}}}
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::",
			Listen: func(context.Context, string, string) (net.Listener, error) { return l, nil }})
		if err != nil {
			t.Fatal(err)
		}
		background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		if _, err := w.Dial(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if st := s.Stats(); st.Accepted != 1 || st.LastError == "" {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestServeSaysWhyItCannotListen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := errors.New("address already in use")
		listen := func(context.Context, string, string) (net.Listener, error) { return nil, busy }
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: listen})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context(), newHub().attach); !errors.Is(err, busy) {
			t.Errorf("serve: %v", err)
		}
		broken := errors.New("listener broke")
		l := &troubled{wire: newWire(), errs: []error{broken}}
		s, err = tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::",
			Listen: func(context.Context, string, string) (net.Listener, error) { return l, nil }})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context(), newHub().attach); !errors.Is(err, broken) {
			t.Errorf("serve: %v", err)
		}
	})
}

// I-033.
func TestDeviceIsBoundByItsFirstAddress(t *testing.T) {
	addrs := func(list ...string) (out []netip.Addr) {
		for _, s := range list {
			out = append(out, netip.MustParseAddr(s))
		}
		return out
	}
	for _, c := range []struct {
		addrs  []netip.Addr
		prefer bool
		want   string
	}{
		{addrs("fe80::1", "10.0.0.1", "10.0.0.2"), false, "10.0.0.1"},
		{addrs("10.0.0.1", "fd00::1"), true, "fd00::1"},
		{addrs("fe80::1", "fd00::1"), false, "fe80::1%eth0"},
		{addrs("10.0.0.1"), true, "10.0.0.1"},
		{nil, false, ""},
	} {
		got, err := tcp.ChooseAddress("eth0", c.addrs, c.prefer)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%v, prefer IPv6 %v: %q, %v", c.addrs, c.prefer, got, err)
		}
	}
	for host, want := range map[string]string{"0.0.0.0": "tcp4", "::": "tcp", "localhost": "tcp"} {
		if got := tcp.BindNetwork(host, false); got != want {
			t.Errorf("%s binds %s", host, got)
		}
	}
	if got := tcp.BindNetwork("localhost", true); got != "tcp6" {
		t.Errorf("localhost, IPv6 preferred, binds %s", got)
	}
}

func TestManyConnectionsFromOneAddressAreLimitedWhereConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen, MaxPerAddress: 2})
		if err != nil {
			t.Fatal(err)
		}
		background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		for range 3 {
			if _, err := w.Dial(t.Context(), "", ""); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if st := s.Stats(); st.Connections != 2 || st.Refused != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}

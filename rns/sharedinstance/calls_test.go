package sharedinstance

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/local"
	"groupd/rns/msgpack"
)

// reticulum is a configuration whose instance no other test and no other program has.
func reticulum() config.Reticulum {
	return config.Reticulum{ShareInstance: true, InstanceName: "groupd-test-" + rand.Text()}
}

// serveCalls answers calls about a fake until the test ends.
func serveCalls(t *testing.T, n node) (*rpcServer, *Caller, local.Endpoint) {
	t.Helper()
	c := Config{Reticulum: reticulum(), Identity: count(64)}
	_, endpoint, err := endpoints(c.Reticulum)
	if err != nil {
		t.Fatal(err)
	}
	caller, err := NewCaller(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := endpoint.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &rpcServer{key: caller.key, rand: rand.Reader, answer: newAnswers(n, nil, time.Now()).answer, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s, caller, endpoint
}

func TestCallsAreAnsweredOverASocket(t *testing.T) {
	t.Parallel()
	n := newFakeNode(t)
	far := rns.DestinationHash{1}
	when := time.Unix(1_700_000_000, 0)
	n.paths = []rns.PathInfo{{Destination: far, NextHop: rns.TruncatedHash{2}, Hops: 3, Interface: "UDPInterface[x]", Bitrate: 1000, Learned: when, Expires: when.Add(time.Hour)}}
	n.stats = rns.Stats{RelayedLinks: 3, Listeners: []rns.ListenerStats{{Name: "Shared Instance[rns/x]", Bitrate: 1e9, Peers: 2}},
		Interfaces: []rns.InterfaceStats{{Name: "UDPInterface[x]", Mode: interfaces.ModeRoaming, Bitrate: 9600, Carrier: interfaces.Stats{Online: true, RxBytes: 5, TxBytes: 6}}}}
	s, caller, _ := serveCalls(t, n)
	paths, err := caller.Paths(t.Context())
	if want := (Path{Destination: far, Via: rns.TruncatedHash{2}, Hops: 3, Interface: "UDPInterface[x]", Learned: when, Expires: when.Add(time.Hour)}); err != nil || len(paths) != 1 || paths[0] != want {
		t.Errorf("%+v, %v", paths, err)
	}
	list, err := caller.Interfaces(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	if want := (InterfaceInfo{Name: "Shared Instance[rns/x]", Class: "LocalServerInterface", Up: true, Mode: 1, Clients: 2, Bitrate: 1e9, RxBytes: 0, TxBytes: 0}); list[0] != want {
		t.Errorf("%+v", list[0])
	}
	if want := (InterfaceInfo{Name: "UDPInterface[x]", Class: "UDPInterface", Up: true, Mode: 4, Clients: -1, Bitrate: 9600, RxBytes: 5, TxBytes: 6}); list[1] != want {
		t.Errorf("%+v", list[1])
	}
	if wait, err := caller.FirstHopTimeout(t.Context(), far); wait != 10*time.Second || err != nil {
		t.Errorf("%v, %v", wait, err)
	}
	if links, err := caller.LinkCount(t.Context()); links != 3 || err != nil {
		t.Errorf("%d, %v", links, err)
	}
	if known, err := caller.DropPath(t.Context(), far); !known || err != nil {
		t.Errorf("%v, %v", known, err)
	}
	// A call that is not known ends without an answer, and the next is answered.
	if v, err := caller.Call(t.Context(), pack("nonsense", 1)); err == nil {
		t.Errorf("answer %x", v)
	}
	if _, err := caller.LinkCount(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { st := s.Stats(); return st.Answered == 6 && st.Failed == 1 })
}

func eventually(t *testing.T, ready func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !ready() {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 15 s")
		}
		time.Sleep(time.Millisecond) // real sockets
	}
}

// I-110: one call for each connection, which is closed after the answer.
func TestConnectionsAreClosedAfterTheAnswer(t *testing.T) {
	t.Parallel()
	_, caller, endpoint := serveCalls(t, newFakeNode(t))
	conn, err := endpoint.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if err := greetAsClient(conn, caller.key, rand.Reader); err != nil {
		t.Fatal(err)
	}
	writeMessage(conn, pack("get", "link_count"))
	if v, err := readMessage(conn, 100); err != nil || string(v) != "\x00" {
		t.Errorf("%x, %v", v, err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("still open: %v", err)
	}
}

// I-111: a program that stalls holds up nobody, and is cut off in the end.
func TestStalledProgramHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s, caller, endpoint := serveCalls(t, newFakeNode(t))
	var stalled []net.Conn
	for range maxCalls - 1 {
		conn, err := endpoint.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		stalled = append(stalled, conn)
	}
	began := time.Now()
	if _, err := caller.LinkCount(t.Context()); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	// With all places taken the next waits, until one is given back.
	last, err := endpoint.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	if _, err := readMessage(last, maxHandshake); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := caller.LinkCount(context.WithoutCancel(t.Context()))
		answered <- err
	}()
	select {
	case err := <-answered:
		t.Fatalf("served beyond the bound: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	stalled[0].Close()
	if err := <-answered; err != nil {
		t.Error(err)
	}
	eventually(t, func() bool { return s.Stats().Answered == 2 })
}

func TestCallWithAnotherKeyIsDeniedAndCounted(t *testing.T) {
	t.Parallel()
	s, caller, _ := serveCalls(t, newFakeNode(t))
	caller.key = count(5)
	if _, err := caller.LinkCount(t.Context()); !errors.Is(err, ErrAuthentication) {
		t.Errorf("%v", err)
	}
	eventually(t, func() bool { return s.Stats().Denied == 1 })
	if _, err := NewCaller(Config{Reticulum: reticulum()}); err == nil {
		t.Error("a caller without a key")
	}
}

func TestOversizedRequestIsNotRead(t *testing.T) {
	t.Parallel()
	s, caller, _ := serveCalls(t, newFakeNode(t))
	if _, err := caller.Call(t.Context(), msgpack.Bin(make([]byte, maxRequest))); err == nil {
		t.Error("answered")
	}
	eventually(t, func() bool { return s.Stats().Failed == 1 })
}

func TestCallsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	c := Config{Reticulum: reticulum(), Identity: count(64)}
	_, endpoint, err := endpoints(c.Reticulum)
	if err != nil {
		t.Fatal(err)
	}
	l, err := endpoint.Listen(t.Context()) // accepts nobody
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	caller, err := NewCaller(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := caller.LinkCount(ctx); err == nil {
		t.Error("answered")
	}
	l.Close()
	if _, err := caller.LinkCount(t.Context()); err == nil {
		t.Error("answered by nobody")
	}
}

// What a master that is none may answer.
func TestAnswersOfAnotherFormAreErrors(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]msgpack.Raw{
		"nil": msgpack.Nil(), "text": msgpack.Str("x"), "rows": msgpack.Array(msgpack.Int(1)), "row": msgpack.Array(pack("hash", "x")),
		"interfaces": pack("interfaces", 1), "map": pack("interfaces", nil), "no msgpack": {0xc1},
	} {
		c := Config{Reticulum: reticulum(), Identity: count(64)}
		caller, err := NewCaller(c)
		if err != nil {
			t.Fatal(err)
		}
		caller.dial = func(context.Context) (net.Conn, error) {
			a, b := net.Pipe()
			go (&rpcServer{key: caller.key, rand: rand.Reader, answer: func(request) []byte { return answer }, log: slog.New(slog.DiscardHandler)}).one(context.Background(), a)
			return b, nil
		}
		if v, err := caller.Paths(t.Context()); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: paths %v, %v", name, v, err)
		}
		if v, err := caller.Interfaces(t.Context()); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: interfaces %v, %v", name, v, err)
		}
		if v, err := caller.DropPath(t.Context(), rns.DestinationHash{}); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: drop %v, %v", name, v, err)
		}
		if v, err := caller.FirstHopTimeout(t.Context(), rns.DestinationHash{}); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: timeout %v, %v", name, v, err)
		}
		if v, err := caller.LinkCount(t.Context()); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: links %v, %v", name, v, err)
		}
	}
}

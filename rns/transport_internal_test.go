package rns

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
)

// recorder is a carrier that keeps what is sent.
type recorder struct {
	interfaces.Interface
	sent [][]byte
	err  error
}

func (r *recorder) Send(frame []byte) error {
	if r.err == nil {
		r.sent = append(r.sent, append([]byte(nil), frame...))
	}
	return r.err
}

func TestSenderWaitsWhileTheOutboundQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		for range outboundQueue {
			tr.sendRaw(outFrame{})
		}
		result := make(chan error, 1)
		go tr.sendRaw(outFrame{result: result})
		synctest.Wait()
		if len(tr.outbound) != outboundQueue {
			t.Errorf("%d queued", len(tr.outbound))
		}
		close(tr.done)
		if err := <-result; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestOneInterfaceTakesHalfOfTheVerifyQueue(t *testing.T) {
	tr, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	p := Packet{PacketType: PacketAnnounce}
	x, y, z := tableInterface("x", interfaces.ModeFull), tableInterface("y", interfaces.ModeFull), tableInterface("z", interfaces.ModeFull)
	for _, c := range []struct {
		on    *attached
		taken int
	}{{x, verifyQueueInterface}, {y, verifyQueueInterface}, {z, 0}} {
		before := len(tr.verify)
		for range 1000 {
			tr.queueAnnounce(c.on, p)
		}
		if got := len(tr.verify) - before; got != c.taken {
			t.Errorf("%s: %d taken, want %d", c.on.name(), got, c.taken)
		}
		if got := c.on.drops.snapshot()[DropAnnounceQueue]; got != uint64(1000-c.taken) {
			t.Errorf("%s: %d dropped", c.on.name(), got)
		}
		if got := int(c.on.verifying.Load()); got != c.taken {
			t.Errorf("%s: %d counted as waiting", c.on.name(), got)
		}
	}
}

func TestLinksAreBounded(t *testing.T) {
	tr, err := New(Config{MaxLinks: 3})
	if err != nil {
		t.Fatal(err)
	}
	links := make([]*Link, 4)
	for i := range links {
		links[i] = &Link{id: LinkID{byte(i)}, initiator: true}
		if err := tr.registerLink(links[i]); (err != nil) != (i == 3) || err != nil && !errors.Is(err, ErrTooMany) {
			t.Errorf("link %d: %v", i, err)
		}
	}
	tr.unregisterLink(links[0])
	tr.unregisterLink(links[0])
	if err := tr.registerLink(links[3]); err != nil {
		t.Error(err)
	}
	if n := tr.Stats().Links; n != 3 {
		t.Errorf("%d links", n)
	}
}

func TestInterfacesAreBoundedAndSorted(t *testing.T) {
	tr, err := New(Config{MaxInterfaces: 3})
	if err != nil {
		t.Fatal(err)
	}
	e := tr.engine
	for i, bitrate := range []int64{1000, 10_000_000, 1000, 5} {
		a := tableInterface(string(rune('a'+i)), interfaces.ModeFull)
		a.properties.Bitrate = bitrate
		if err := e.attach(a, true); (err != nil) != (i == 3) || err != nil && !errors.Is(err, ErrTooMany) {
			t.Errorf("interface %d: %v", i, err)
		}
	}
	names := ""
	for _, a := range e.interfaces {
		names += a.name()
	}
	if names != "bac" {
		t.Errorf("order %s, want the fastest first", names)
	}
	e.detach(e.interfaces[0])
	if !e.interfaces[0].sends() || e.names["b"] {
		t.Error("wrong one detached")
	}
}

// TestRebalancedPathKeepsItsInterface: C-112, the path; the link part checks the proof.
func TestRebalancedPathKeepsItsInterface(t *testing.T) {
	tr, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, on := tableEpoch(), tableInterface("x", interfaces.ModeFull)
	on.properties.MTU = 1234
	tr.engine.paths.learn(emission(1, m.wall, 3, on), time.Now())
	d := DestinationHash{1}
	tr.rebalancePath(d, 5)
	if r := tr.linkRoute(d); r.hops != 5 || r.on != on {
		t.Errorf("route %+v", r)
	}
	tr.rebalancePath(d, 0)
	tr.rebalancePath(d, 129)
	tr.rebalancePath(DestinationHash{2}, 1)
	if n := tr.Hops(d); n != 5 {
		t.Errorf("%d hops", n)
	}
	if r := tr.linkRoute(DestinationHash{2}); r.hops != MaxHops || r.on != nil {
		t.Errorf("route %+v", r)
	}
	on.properties.Outgoing = false
	if r := tr.linkRoute(d); r.on != nil {
		t.Error("a route where we may not send")
	}
}

func TestFailedLinkExpiresThePathAndAsksAgain(t *testing.T) {
	tr, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, on, carrier := tableEpoch(), tableInterface("x", interfaces.ModeFull), new(recorder)
	on.carrier = carrier
	if err := tr.engine.attach(on, true); err != nil {
		t.Fatal(err)
	}
	d := DestinationHash{1}
	for range 2 { // the second time is within 20 s of the first
		tr.engine.paths.learn(emission(1, m.wall, 3, on), time.Now())
		tr.linkFailed(d)
		if tr.HasPath(d) {
			t.Error("the path is still there")
		}
	}
	if len(carrier.sent) != 1 || len(carrier.sent[0]) != 51 {
		t.Errorf("sent %x", carrier.sent)
	}
	carrier.err = interfaces.ErrDown
	if err := tr.RequestPath(t.Context(), DestinationHash{2}); !errors.Is(err, interfaces.ErrDown) {
		t.Error(err)
	}
	carrier.err = nil
	if err := tr.RequestPath(t.Context(), DestinationHash{2}); err != nil || len(carrier.sent) != 2 {
		t.Error("a request that could not be sent counts as sent:", err)
	}
}

func TestDropReasonsHaveNames(t *testing.T) {
	seen := make(map[string]bool)
	for i := range dropReasons {
		name := DropReason(i).String()
		if name == "" || seen[name] {
			t.Errorf("reason %d is named %q", i, name)
		}
		seen[name] = true
	}
	if DropReason(200).String() != "drop reason 200" {
		t.Error(DropReason(200).String())
	}
}

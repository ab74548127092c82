package rns_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// inbox makes a SINGLE destination of the node whose packets go to a channel.
func inbox(t *testing.T, n *rnstest.Node, id *rns.Identity, change ...func(*rns.DestinationConfig)) (*rns.Destination, <-chan *rns.ReceivedPacket) {
	t.Helper()
	got := make(chan *rns.ReceivedPacket, 1000)
	c := rns.DestinationConfig{
		Identity: id, App: "test", Aspects: []string{"inbox"},
		OnPacket: func(p *rns.ReceivedPacket) { got <- p },
	}
	for _, f := range change {
		f(&c)
	}
	d, err := n.NewDestination(c)
	if err != nil {
		t.Fatal(err)
	}
	return d, got
}

func announce(t *testing.T, d *rns.Destination) {
	t.Helper()
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func none[T any](t *testing.T, c <-chan T) {
	t.Helper()
	synctest.Wait()
	select {
	case v := <-c:
		t.Fatalf("unexpected: %v", v)
	default:
	}
}

func send(t *testing.T, d *rns.RemoteDestination, data string) *rns.Receipt {
	t.Helper()
	r, err := d.Send(t.Context(), []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// twoNodes is two nodes on one cable; b has a destination.
type twoNodes struct {
	m    *ifacetest.Medium
	a, b *rnstest.Node
	id   *rns.Identity
	d    *rns.Destination
	got  <-chan *rns.ReceivedPacket
	out  *rns.RemoteDestination
}

func newTwoNodes(t *testing.T, change ...func(*rns.DestinationConfig)) *twoNodes {
	t.Helper()
	p := &twoNodes{m: ifacetest.NewMedium(ifacetest.Options{Latency: 100 * time.Millisecond}), id: rnstest.Identity(t, 1)}
	p.a, p.b = rnstest.Start(t, rns.Config{}, p.m.Port("a")), rnstest.Start(t, rns.Config{}, p.m.Port("b"))
	p.d, p.got = inbox(t, p.b, p.id, change...)
	p.out = p.a.NewRemote(p.id.Public(), "test", "inbox")
	return p
}

type zeros struct{}

// mortal is an interface whose carrier can go away for good.
type mortal struct {
	*ifacetest.Port
	die chan struct{}
}

func (m mortal) Run(ctx context.Context, deliver func([]byte)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-m.die:
			cancel()
		case <-ctx.Done():
		}
	}()
	return m.Port.Run(ctx, deliver)
}

// held is an interface that receives nothing until it is released.
type held struct {
	*ifacetest.Port
	release chan struct{}
}

func (h held) Run(ctx context.Context, deliver func([]byte)) error {
	return h.Port.Run(ctx, func(frame []byte) { <-h.release; deliver(frame) })
}

package rns_test

import (
	"sync/atomic"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// linkPair is two nodes on one medium: a knows the way to a destination at b.
type linkPair struct {
	medium *ifacetest.Medium
	a, b   *rnstest.Node
	at     *rns.Destination       // of b
	to     *rns.RemoteDestination // the same, at a
	links  chan *rns.Link         // b's ends, as OnLink got them
}

// newLinkPair makes a pair; change adjusts the destination.
func newLinkPair(t *testing.T, o ifacetest.Options, change ...func(*rns.DestinationConfig)) *linkPair {
	t.Helper()
	p := &linkPair{medium: ifacetest.NewMedium(o), links: make(chan *rns.Link, 100)}
	p.a = rnstest.Start(t, rns.Config{}, p.medium.Port("a"))
	p.b = rnstest.Start(t, rns.Config{}, p.medium.Port("b"))
	id := rnstest.Identity(t, 1)
	c := rns.DestinationConfig{
		Identity: id, App: "test", Aspects: []string{"link"},
		OnLink: func(l *rns.Link) { p.links <- l },
	}
	for _, f := range change {
		f(&c)
	}
	d, err := p.b.NewDestination(c)
	if err != nil {
		t.Fatal(err)
	}
	p.at = d
	p.to = p.a.NewRemote(id.Public(), "test", "link")
	for range 20 { // a lossy medium may eat some
		if err := d.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if p.a.HasPath(d.Hash()) {
			return p
		}
	}
	t.Fatal("the announce never arrived")
	return nil
}

// open opens a link from a to b and returns both ends.
func (p *linkPair) open(t *testing.T) (a, b *rns.Link) {
	t.Helper()
	a, err := p.a.OpenLink(t.Context(), p.to)
	if err != nil {
		t.Fatal(err)
	}
	return a, next(t, p.links)
}

// contextOf returns the context byte of a link packet without transport id.
func contextOf(frame []byte) rns.Context { return rns.Context(frame[rns.HeaderMinSize-1]) }

// loseFirst lets the medium lose the first n packets of a context.
func loseFirst(m *ifacetest.Medium, context rns.Context, n int32) {
	var lost atomic.Int32
	m.Drop(func(_, _ string, frame []byte) bool {
		return len(frame) >= rns.HeaderMinSize && frame[0]&0x0c == 0x0c && contextOf(frame) == context && lost.Add(1) <= n
	})
}

// noise makes bytes that look random.
type noise struct{ state uint64 }

func (n *noise) bytes(length int) []byte {
	b := make([]byte, length)
	for i := range b {
		n.state = n.state*6364136223846793005 + 1442695040888963407
		b[i] = byte(n.state >> 56)
	}
	return b
}

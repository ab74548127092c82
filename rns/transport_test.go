package rns_test

import (
	"bytes"
	"errors"
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
	synctest.Wait()
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

func TestAnnounceIsHeardAndPacketIsProved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Latency: 100 * time.Millisecond})
		a, b := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		d, got := inbox(t, b, id, func(c *rns.DestinationConfig) { c.AppData = func() []byte { return []byte("hello") } })

		heard := make(chan rns.Announced, 10)
		a.HandleAnnounces("test.inbox", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { heard <- x })
		a.HandleAnnounces("test.other", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { t.Error("wrong name") })
		announce(t, d)
		x := next(t, heard)
		if x.Destination != d.Hash() || string(x.AppData) != "hello" || x.Hops != 1 || x.PathResponse || x.Interface != "a" {
			t.Errorf("heard %+v", x)
		}
		if !a.HasPath(d.Hash()) || a.Hops(d.Hash()) != 1 {
			t.Error("no path after an announce")
		}
		k, ok := a.Recall(d.Hash())
		if !ok || !k.Identity.Equal(id.Public()) || string(k.AppData) != "hello" {
			t.Errorf("recalled %+v, %v", k, ok)
		}

		r := send(t, a.NewRemote(k.Identity, "test", "inbox"), "message")
		p := next(t, got)
		if string(p.Data) != "message" || p.Hash != r.Hash() || p.Hops != 1 || p.Destination != d || !p.Ratchet.IsZero() {
			t.Errorf("received %+v", p)
		}
		if r.Status() != rns.ReceiptSent {
			t.Error("proved before the receiver said so")
		}
		for range 2 {
			if err := p.Prove(); err != nil {
				t.Fatal(err)
			}
		}
		next(t, r.Done())
		if r.Status() != rns.ReceiptDelivered || r.RTT() != 200*time.Millisecond || r.Err() != nil {
			t.Errorf("receipt %v, %v, %v", r.Status(), r.RTT(), r.Err())
		}
		if n := m.Stats().Frames; n != 3 {
			t.Errorf("%d frames, want announce, packet and proof", n)
		}
	})
}

var _ = bytes.Equal
var _ = errors.Is

package lxmf_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

func TestAMessageInOnePacketArrivesAndIsProved(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		for _, p := range []struct{ from, to *person }{{a, b}, {b, a}} {
			out := p.from.send(t, p.to.Address(), "hello", by(lxmf.MethodOpportunistic))
			ends(t, out, lxmf.StateDelivered)
			in := p.to.receive(t)
			if string(in.Message.Content) != "hello" || in.Method != lxmf.MethodOpportunistic || !in.Verified || in.Held {
				t.Errorf("received %+v", in)
			}
			if in.Message.ID() != out.ID() || in.Message.Source != p.from.Address() || !in.Sender.Equal(p.from.Identity().PublicIdentity) {
				t.Error("another message or sender")
			}
			if in.Link != nil || in.Hops != 1 {
				t.Errorf("link %v, %d hops", in.Link, in.Hops)
			}
		}
	})
}

func TestAMessageSaysWhichInterfaceItCameBy(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		b.announce(t)
		a.announce(t)
		for _, c := range []struct {
			method lxmf.Method
			text   string
		}{{lxmf.MethodOpportunistic, "packet"}, {lxmf.MethodDirect, "link packet"}, {lxmf.MethodDirect, strings.Repeat("resource ", 500)}} {
			ends(t, a.send(t, b.Address(), c.text, by(c.method)), lxmf.StateDelivered)
			if in := b.receive(t); in.Interface != "b" {
				t.Errorf("%.20q came by %q", c.text, in.Interface)
			}
		}
	})
}

// TestAMessageOverALinkArrivesAndCanBeAnsweredOnIt holds.
func TestAMessageOverALinkArrivesAndCanBeAnsweredOnIt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		out := a.send(t, b.Address(), "by link", by(lxmf.MethodDirect))
		ends(t, out, lxmf.StateDelivered)
		in := b.receive(t)
		if in.Method != lxmf.MethodDirect || in.Link == nil || in.Link.Initiator() {
			t.Fatalf("received %+v", in)
		}
		time.Sleep(5 * time.Second)
		if in.Link.Remote() == nil || !in.Link.Remote().Equal(alice(t).PublicIdentity) {
			t.Fatal("the sender did not identify after the delivery")
		}
		// Bob answers on the same link, and Alice uses it again.
		for i := range 3 {
			ends(t, b.send(t, a.Address(), "answer", by(lxmf.MethodDirect)), lxmf.StateDelivered)
			if answer := a.receive(t); answer.Link == nil || answer.Link.ID() != in.Link.ID() {
				t.Error("the answer came another way")
			}
			ends(t, a.send(t, b.Address(), strings.Repeat("again", i+1)), lxmf.StateDelivered)
			if again := b.receive(t); again.Link == nil || again.Link.ID() != in.Link.ID() {
				t.Error("a short message left the open link aside")
			}
		}
		if n := a.node.Stats().Links; n != 1 {
			t.Errorf("%d links", n)
		}
		// Nothing happens: the link is closed.
		time.Sleep(lxmf.DefaultLinkIdle + time.Minute)
		if in.Link.State() != rns.LinkClosed || a.Stats().LinksNow != 0 || b.Stats().Backchannels != 0 {
			t.Errorf("idle link is %v, %+v", in.Link.State(), b.Stats())
		}
	})
}

func TestALargeMessageTravelsAsAResource(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		data := bytes.Repeat([]byte("0123456789abcdef"), 10_000)
		out := a.send(t, b.Address(), "see picture", func(o *lxmf.Outbound) { o.Fields.SetImage(lxmf.Image{Format: "webp", Data: data}) })
		ends(t, out, lxmf.StateDelivered)
		in := b.receive(t)
		image, ok := in.Message.Fields.Image()
		if in.Method != lxmf.MethodDirect || !ok || !bytes.Equal(image.Data, data) {
			t.Errorf("received %d fields by %v", in.Message.Fields.Len(), in.Method)
		}
	})
}

func TestAMessageOverTheLimitIsRejectedForGood(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.MaxSize = 2000; manual(c) }})
		b.announce(t)
		out := a.send(t, b.Address(), strings.Repeat("x", 3000))
		ends(t, out, lxmf.StateRejected)
		if !errors.Is(out.Err(), lxmf.ErrRejected) || b.Stats().TooLarge != 1 {
			t.Errorf("%v, %+v", out.Err(), b.Stats())
		}
	})
}

func TestTheSizeDecidesHowAMessageTravels(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		for _, c := range []struct {
			content int
			want    lxmf.Method
		}{{295, lxmf.MethodOpportunistic}, {296, lxmf.MethodDirect}} {
			ends(t, a.send(t, b.Address(), strings.Repeat("x", c.content)), lxmf.StateDelivered)
			if in := b.receive(t); in.Method != c.want {
				t.Errorf("%d bytes of content came by %v", c.content, in.Method)
			}
		}
	})
}

func TestARecipientNeverHeardOfIsAskedFor(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		// Nobody has announced anything.
		ends(t, a.send(t, b.Address(), "are you there?"), lxmf.StateDelivered)
		in := b.receive(t)
		if !in.Held {
			t.Error("Bob knew Alice without her announce")
		}
		ends(t, a.send(t, rns.DestinationHash{1}, "nobody"), lxmf.StateFailed)
	})
}

package lxmf_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// scriptedNode is an [lxmf.Uploader] that answers as the test says.
type scriptedNode struct {
	mu      sync.Mutex
	absent  bool
	answers []error // of the next attempts; after them nil
	got     []lxmf.Upload
	takes   time.Duration
}

func (n *scriptedNode) Ready() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.absent
}

func (n *scriptedNode) Upload(ctx context.Context, u *lxmf.Upload) error {
	u.Progress(0.5)
	select {
	case <-time.After(n.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = append(n.got, *u)
	if len(n.answers) == 0 {
		return nil
	}
	err := n.answers[0]
	n.answers = n.answers[1:]
	return err
}

func (n *scriptedNode) set(absent bool, answers ...error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.absent, n.answers, n.got = absent, answers, nil
}

func (n *scriptedNode) uploads() []lxmf.Upload {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.got
}

var errLost = errors.New("lost on the way")

// withNode is Alice with a node to upload to; she knows Bob's key.
func withNode(t *testing.T, m *ifacetest.Medium, n lxmf.Uploader) *person {
	t.Helper()
	a := live(t, alice(t), m.Port("a"), options{router: func(c *lxmf.RouterConfig) {
		c.LookupIdentity = func(to rns.DestinationHash) (*rns.PublicIdentity, bool) {
			return bob(t).PublicIdentity, to == lxmf.DeliveryHash(bob(t).PublicIdentity)
		}
	}})
	if n != nil {
		a.SetUploader(n)
	}
	return a
}

func TestAPropagatedMessageIsSentWhenTheNodeHasIt(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		node := &scriptedNode{takes: time.Second, answers: []error{errLost, errLost}}
		a := withNode(t, m, node)
		out := a.send(t, lxmf.DeliveryHash(bob(t).PublicIdentity), "by mail", by(lxmf.MethodPropagated))
		changed := out.Changed()
		<-changed
		if out.State() != lxmf.StateSending || out.Method() != lxmf.MethodPropagated {
			t.Errorf("%v", out.State())
		}
		begin := time.Now()
		ends(t, out, lxmf.StateSent)
		if out.Err() != nil || out.Progress() != 1 || time.Since(begin) != 23*time.Second {
			t.Errorf("%v, progress %v after %v", out.Err(), out.Progress(), time.Since(begin))
		}
		got := node.uploads()
		if len(got) != 3 || got[0].ID != out.ID() || got[0].From != a.Delivery || !bytes.Equal(got[0].Blob, got[2].Blob) {
			t.Fatalf("%d uploads", len(got))
		}
		plain, _, ok := bob(t).Decrypt(got[0].Blob[16:], nil, false)
		if !ok || !bytes.Equal(plain, out.Message().OpportunisticData()) {
			t.Error("the blob is not the message")
		}
		if s := a.Stats(); s.Uploaded != 1 || s.Delivered != 0 || s.QueueNow != 0 || s.FellBack != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestWithoutANodeAPropagatedMessageFailsAtOnce holds X-064.
func TestWithoutANodeAPropagatedMessageFailsAtOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		node := new(scriptedNode)
		node.set(true)
		for name, a := range map[string]*person{"none": withNode(t, m, nil), "none yet": withNode(t, ifacetest.NewMedium(ifacetest.Options{}), node)} {
			_, err := a.Send(t.Context(), &lxmf.Outbound{From: a.Delivery, To: rns.DestinationHash{1}, Method: lxmf.MethodPropagated})
			if !errors.Is(err, lxmf.ErrNoNode) || a.Stats().QueueNow != 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestAMessageThatDoesNotArriveIsLeftWithANodeUnderItsID holds X-063.
func TestAMessageThatDoesNotArriveIsLeftWithANodeUnderItsID(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		node := new(scriptedNode)
		a := withNode(t, m, node)
		fallBack := func(o *lxmf.Outbound) { o.Propagate = true }
		for _, method := range []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect} {
			node.set(false)
			out := a.send(t, lxmf.DeliveryHash(bob(t).PublicIdentity), "are you there?", by(method), fallBack, patient)
			ends(t, out, lxmf.StateSent)
			if got := node.uploads(); len(got) != 1 || got[0].ID != out.ID() || out.Method() != lxmf.MethodPropagated {
				t.Errorf("%v: %d uploads, %v", method, len(got), out.Method())
			}
		}
		node.set(true)
		ends(t, a.send(t, lxmf.DeliveryHash(bob(t).PublicIdentity), "no node", fallBack), lxmf.StateFailed)
		if s := a.Stats(); s.FellBack != 2 || s.Uploaded != 2 || s.Failed != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestWhatANodeDoesNotTakeEndsOrWaitsForAnother(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		node := new(scriptedNode)
		a := withNode(t, m, node)
		to := lxmf.DeliveryHash(bob(t).PublicIdentity)
		for _, c := range []struct {
			answers []error
			state   lxmf.State
			want    error
			tries   int
		}{
			{[]error{lxmf.ErrRejected}, lxmf.StateRejected, lxmf.ErrRejected, 1},
			{[]error{lxmf.ErrStampCost}, lxmf.StateFailed, lxmf.ErrStampCost, 1},
			{[]error{lxmf.ErrNotDelivered}, lxmf.StateFailed, lxmf.ErrNotDelivered, 1},
			{[]error{lxmf.ErrNoNode}, lxmf.StateFailed, lxmf.ErrNoNode, 1},
			{[]error{lxmf.ErrTooLarge}, lxmf.StateFailed, lxmf.ErrTooLarge, 1},
			{[]error{errLost, errLost, errLost, errLost, errLost, nil}, lxmf.StateFailed, lxmf.ErrNotDelivered, 5},
		} {
			node.set(false, c.answers...)
			out := a.send(t, to, "x", by(lxmf.MethodPropagated))
			ends(t, out, c.state)
			if n := len(node.uploads()); !errors.Is(out.Err(), c.want) || n != c.tries {
				t.Errorf("%v: %v after %d tries", c.answers, out.Err(), n)
			}
		}
		node.set(false, lxmf.ErrNotDelivered)
		out := a.send(t, to, "x", by(lxmf.MethodPropagated), patient)
		time.Sleep(time.Hour)
		if out.State() != lxmf.StateQueued {
			t.Fatalf("%v", out.State())
		}
		begin := time.Now()
		a.NodeHeard()
		ends(t, out, lxmf.StateSent)
		if time.Since(begin) > time.Second {
			t.Errorf("after %v", time.Since(begin))
		}
		node.set(false)
		stranger := a.send(t, rns.DestinationHash{7}, "x", by(lxmf.MethodPropagated))
		ends(t, stranger, lxmf.StateFailed)
		if !errors.Is(stranger.Err(), lxmf.ErrUnknownRecipient) || len(node.uploads()) != 0 {
			t.Errorf("%v", stranger.Err())
		}
	})
}

func TestAMessageCanBeCancelledInEveryState(t *testing.T) {
	t.Parallel()
	bubbleOn(t, ifacetest.Options{Bitrate: 5000, Latency: 10 * time.Millisecond}, func(t *testing.T, m *ifacetest.Medium) {
		node := &scriptedNode{takes: time.Hour}
		a := withNode(t, m, node)
		b := live(t, bob(t), m.Port("b"), options{delivery: manual}) // undecided, so unproved
		a.announce(t)
		b.announce(t)
		for name, c := range map[string]struct {
			method lxmf.Method
			size   int
			state  lxmf.State
			to     rns.DestinationHash
		}{
			"waits for a path":     {lxmf.MethodOpportunistic, 10, lxmf.StateQueued, rns.DestinationHash{1}},
			"waits for its proof":  {lxmf.MethodOpportunistic, 10, lxmf.StateSent, b.Address()},
			"on a link":            {lxmf.MethodDirect, 10, lxmf.StateSent, b.Address()},
			"as a resource":        {lxmf.MethodDirect, 20_000, lxmf.StateSending, b.Address()},
			"on its way to a node": {lxmf.MethodPropagated, 10, lxmf.StateSending, b.Address()},
		} {
			out := a.send(t, c.to, strings.Repeat("x", c.size), by(c.method), patient)
			for deadline := time.Now().Add(time.Minute); out.State() != c.state; {
				if time.Now().After(deadline) {
					t.Fatalf("%s: %v", name, out.State())
				}
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(500 * time.Millisecond)
			out.Cancel()
			select {
			case <-out.Done():
			default:
				t.Errorf("%s: not at once", name)
			}
			if out.State() != lxmf.StateCancelled || !errors.Is(out.Err(), lxmf.ErrCancelled) || out.Progress() != 0 {
				t.Errorf("%s: %v, %v, %v", name, out.State(), out.Err(), out.Progress())
			}
			out.Cancel()
			time.Sleep(time.Minute)
		}
		if s := a.Stats(); s.QueueNow != 0 || s.Cancelled != 5 || s.Uploaded != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAStampCanBeCancelledWhileItIsMade(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		a := live(t, alice(t), m.Port("a"), options{router: func(c *lxmf.RouterConfig) { c.MaxStampCost = 60 }})
		b := live(t, bob(t), m.Port("b"), options{delivery: func(c *lxmf.DeliveryConfig) { c.StampCost = func() int { return 60 } }})
		b.announce(t)
		out := a.send(t, b.Address(), "never")
		for out.State() != lxmf.StateGenerating {
			<-out.Changed()
		}
		out.Cancel()
		ends(t, out, lxmf.StateCancelled)
		b.nothing(t, time.Minute)
	})
}

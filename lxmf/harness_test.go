package lxmf_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// person is one address on a node of its own.
type person struct {
	*lxmf.Router
	*lxmf.Delivery
	node *rnstest.Node
	got  chan *lxmf.Inbound
	stop func()
}

// options change how a person is made.
type options struct {
	store    lxmf.Store
	router   func(*lxmf.RouterConfig)
	delivery func(*lxmf.DeliveryConfig)
}

// live starts a person on a port. What comes in is proved at once and shows in got, unless options say otherwise.
func live(t *testing.T, id *rns.Identity, port *ifacetest.Port, o options) *person {
	t.Helper()
	return liveOn(t, id, rnstest.Start(t, rns.Config{}, port), o)
}

func liveOn(t *testing.T, id *rns.Identity, node *rnstest.Node, o options) *person {
	t.Helper()
	p := &person{node: node, got: make(chan *lxmf.Inbound, 1000)}
	rc := lxmf.RouterConfig{Transport: node.Transport, Store: o.store}
	if o.router != nil {
		o.router(&rc)
	}
	r, err := lxmf.NewRouter(rc)
	if err != nil {
		t.Fatal(err)
	}
	dc := lxmf.DeliveryConfig{
		Identity:    id,
		DisplayName: func() string { return "somebody" },
		OnMessage:   func(in *lxmf.Inbound) { in.Prove(); p.got <- in },
	}
	if o.delivery != nil {
		o.delivery(&dc)
		if dc.OnMessage == nil {
			dc.OnMessage = func(in *lxmf.Inbound) { p.got <- in }
		}
	}
	d, err := r.AddDelivery(dc)
	if err != nil {
		t.Fatal(err)
	}
	p.Router, p.Delivery = r, d
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	p.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(p.stop)
	synctest.Wait()
	return p
}

// manual makes the application decide later: the message shows in got, undecided.
func manual(c *lxmf.DeliveryConfig) { c.OnMessage = nil }

func (p *person) announce(t *testing.T) {
	t.Helper()
	if err := p.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // in the bubble
}

func (p *person) send(t *testing.T, to rns.DestinationHash, text string, change ...func(*lxmf.Outbound)) *lxmf.Outgoing {
	t.Helper()
	o := &lxmf.Outbound{From: p.Delivery, To: to, Content: []byte(text)}
	for _, f := range change {
		f(o)
	}
	out, err := p.Send(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func by(m lxmf.Method) func(*lxmf.Outbound) { return func(o *lxmf.Outbound) { o.Method = m } }

// receive waits for the next message.
func (p *person) receive(t *testing.T) *lxmf.Inbound {
	t.Helper()
	select {
	case in := <-p.got:
		return in
	case <-time.After(5 * time.Minute):
		t.Fatal("no message came")
		return nil
	}
}

// nothing fails the test when a message is there or comes within d.
func (p *person) nothing(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case in := <-p.got:
		t.Fatalf("unexpected message %q", in.Message.Content)
	case <-time.After(d):
	}
}

// ends waits until the message has reached a final state, and checks it.
func ends(t *testing.T, o *lxmf.Outgoing, want ...lxmf.State) {
	t.Helper()
	select {
	case <-o.Done():
	case <-time.After(2 * time.Hour):
		t.Fatalf("message is %v after two hours", o.State())
	}
	if got := o.State(); !slices.Contains(want, got) {
		t.Fatalf("message is %v (%v), want %v", got, o.Err(), want)
	}
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, f func(t *testing.T, m *ifacetest.Medium)) {
	t.Helper()
	bubbleOn(t, ifacetest.Options{Latency: 20 * time.Millisecond}, f)
}

func bubbleOn(t *testing.T, o ifacetest.Options, f func(t *testing.T, m *ifacetest.Medium)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, ifacetest.NewMedium(o)) })
}

// faultyStore is a store that fails on demand and takes its time.
type faultyStore struct {
	lxmf.MemoryStore
	mu      sync.Mutex
	fail    bool
	keeping bool
	delay   time.Duration
	log     []string
}

var errDiskFull = errors.New("disk full")

func (s *faultyStore) set(fail bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *faultyStore) enter(what string) error {
	s.mu.Lock()
	delay, fail := s.delay, s.fail
	s.log = append(s.log, what)
	s.mu.Unlock()
	time.Sleep(delay)
	if fail {
		return errDiskFull
	}
	return nil
}

func (s *faultyStore) Seen(ctx context.Context, id lxmf.MessageID) (bool, error) {
	if err := s.enter("seen"); err != nil {
		return false, err
	}
	return s.MemoryStore.Seen(ctx, id)
}

func (s *faultyStore) PutHeld(ctx context.Context, m lxmf.HeldMessage, evict ...lxmf.HeldKey) error {
	if err := s.enter("put"); err != nil {
		return err
	}
	return s.MemoryStore.PutHeld(ctx, m, evict...)
}

func (s *faultyStore) PutTickets(ctx context.Context, pairs ...lxmf.TicketPair) error {
	if err := s.enter("tickets"); err != nil {
		return err
	}
	return s.MemoryStore.PutTickets(ctx, pairs...)
}

func heldCount(s lxmf.Store) (n int) {
	for range iter.Seq2[lxmf.HeldMessage, error](s.Held(context.Background())) {
		n++
	}
	return n
}

// did returns what was asked of the store so far.
func (s *faultyStore) did() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

func (s *faultyStore) PutQueued(ctx context.Context, m lxmf.QueuedMessage) error {
	if err := s.enter("put queued"); err != nil {
		return err
	}
	return s.MemoryStore.PutQueued(ctx, m)
}

func (s *faultyStore) DeleteQueued(ctx context.Context, ids ...lxmf.MessageID) error {
	if err := s.enter("delete queued"); err != nil {
		return err
	}
	s.mu.Lock()
	keeping := s.keeping
	s.mu.Unlock()
	if keeping {
		return nil
	}
	return s.MemoryStore.DeleteQueued(ctx, ids...)
}

// setKeeping makes the store forget that queued messages have ended.
func (s *faultyStore) setKeeping(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keeping = on
}

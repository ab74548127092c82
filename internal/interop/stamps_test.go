package interop

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
)

// postOffice is an address of ours that outlives its node.
type postOffice struct {
	t        *testing.T
	identity *rns.Identity
	store    *lxmf.MemoryStore
	cost     atomic.Int64
	port     int // where the peer listens

	*lxmf.Router
	*lxmf.Delivery
	node *Node
	got  chan *lxmf.Inbound
	stop func()
}

// open starts a node and a router for the address, and announces it.
func (o *postOffice) open() {
	o.t.Helper()
	o.node = startNode(o.t, "127.0.0.1", o.port, rns.Config{}, rns.InterfaceOptions{})
	r, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: o.node.Transport, Store: o.store})
	if err != nil {
		o.t.Fatal(err)
	}
	o.Router = r
	o.Delivery, err = r.AddDelivery(lxmf.DeliveryConfig{
		Identity: o.identity, DisplayName: func() string { return "groupd" }, StampCost: func() int { return int(o.cost.Load()) },
		OnMessage: func(in *lxmf.Inbound) {
			in.Prove()
			o.got <- in
		},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stopped := false
	o.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			o.t.Error(err)
		}
		o.node.Stop()
	}
	o.t.Cleanup(o.stop)
}

// receive waits for the message with this text.
func (o *postOffice) receive(text string, within time.Duration) *lxmf.Inbound {
	o.t.Helper()
	deadline := time.After(within)
	for {
		select {
		case in := <-o.got:
			if string(in.Message.Content) == text {
				return in
			}
			o.t.Errorf("received %q, value %d", in.Message.Content, in.StampValue)
		case <-deadline:
			o.t.Fatalf("%q did not come: %+v", text, o.Stats())
		}
	}
}

// send writes to the peer and waits until it has the message, which it returns as the peer saw it.
func (o *postOffice) send(p *Peer, to rns.DestinationHash, text string, change ...func(*lxmf.Outbound)) (out *lxmf.Outgoing, e Event) {
	o.t.Helper()
	m := &lxmf.Outbound{From: o.Delivery, To: to, Content: []byte(text)}
	for _, f := range change {
		f(m)
	}
	out, err := o.Send(o.t.Context(), m)
	if err != nil {
		o.t.Fatal(err)
	}
	return out, p.Await("message", time.Minute, func(e Event) bool { return e.Text("message") == out.ID().String() })
}

// announce tells the peer the present cost and waits until it knows.
func (o *postOffice) announce(p *Peer, cost int64) {
	o.t.Helper()
	o.cost.Store(cost)
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) { // the connection may not be up yet
		err := o.Announce(o.t.Context())
		if err == nil {
			break
		}
		if time.Since(began) > 10*time.Second {
			o.t.Fatal(err)
		}
	}
	p.Do("await_stamp_cost", Args{"hash": o.Address().String(), "cost": cost})
}

// asks makes the peer ask for stamps of a cost, and waits until we know.
func (o *postOffice) asks(p *Peer, python rns.DestinationHash, cost int) {
	o.t.Helper()
	p.Do("lxmf_stamp_cost", Args{"cost": cost})
	deadline := time.Now().Add(30 * time.Second)
	for {
		if known, ok := o.node.Recall(python); ok {
			if a, err := lxmf.ParseAnnounceData(known.AppData); err == nil && a.StampCost == cost {
				return
			}
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("the cost %d is not known after 30 s", cost)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Stamps of cost 8 and 16 both ways, wrong and missing ones refused by both, tickets instead of them both ways, also after a
// restart of ours.
func TestStampsAndTicketsBothWays(t *testing.T) {
	t.Parallel()
	o := &postOffice{t: t, identity: newIdentity(t), store: new(lxmf.MemoryStore), port: freePort(t, "127.0.0.1"), got: make(chan *lxmf.Inbound, 100)}
	p := StartPeer(t, "python", ServerConfig("127.0.0.1", o.port))
	p.Do("identity", Args{"name": "me"})
	python := hashOf(t, p.Do("lxmf", Args{"identity": "me", "name": "Python", "storage": p.Dir(), "stamp_cost": 8})["hash"])
	o.open()
	value := func(e Event) float64 { v, _ := e.Fields["stamp_value"].(float64); return v }

	// Cost 8.
	o.announce(p, 8)
	o.asks(p, python, 8)
	p.awaitDelivered(p.writes(o.Address(), "opportunistic", "python's 8", nil))
	if in := o.receive("python's 8", time.Minute); in.StampValue < 7 || len(in.Message.Stamp) != lxmf.StampLength {
		t.Errorf("python's stamp of cost 8 has the value %d", in.StampValue)
	}
	if _, e := o.send(p, python, "our 8"); e.Fields["stamp_valid"] != true || value(e) < 7 {
		t.Errorf("our stamp of cost 8: %v", e.Fields)
	}

	// Cost 16. Python's takes it half a minute of processor time, and goes on beside the rest.
	o.asks(p, python, 16)
	if _, e := o.send(p, python, "our 16"); e.Fields["stamp_valid"] != true || value(e) < 15 {
		t.Errorf("our stamp of cost 16: %v", e.Fields)
	}
	o.announce(p, 16)
	dear := p.writes(o.Address(), "opportunistic", "python's 16", nil)

	// Wrong and missing ones: delivered as far as the sender knows, and dropped.
	p.Do("lxmf_forget_stamp_cost", Args{"hash": o.Address().String()})
	p.awaitDelivered(p.writes(o.Address(), "opportunistic", "python without", nil))
	for _, stamp := range [][]byte{nil, make([]byte, lxmf.TicketLength), bytes.Repeat([]byte{1}, lxmf.StampLength)} {
		known, _ := o.node.Recall(python)
		m, err := lxmf.Pack(o.identity, lxmf.Draft{Destination: python, Timestamp: lxmf.Timestamp(time.Now()), Content: []byte("wrong")})
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := o.node.NewRemote(known.Identity, lxmf.AppName, lxmf.DeliveryAspect).Send(t.Context(), m.WithStamp(stamp).OpportunisticData())
		if err != nil {
			t.Fatal(err)
		}
		<-receipt.Done()
		if receipt.Status() != rns.ReceiptDelivered {
			t.Errorf("stamp %x: %v", stamp, receipt.Status())
		}
	}

	// Tickets: one of ours lets Python write at once, one of Python's lets us write at a cost that we would not pay.
	if _, e := o.send(p, python, "take a ticket", func(o *lxmf.Outbound) { o.Ticket = true }); e.Fields["stamp_valid"] != true {
		t.Errorf("our ticket came with %v", e.Fields)
	}
	p.awaitDelivered(p.writes(o.Address(), "opportunistic", "by ticket", Args{"ticket": true}))
	if in := o.receive("by ticket", time.Minute); in.StampValue != lxmf.TicketStampValue || !in.Message.Fields.Has(lxmf.FieldTicket) {
		t.Errorf("by our ticket: value %d, stamp %x", in.StampValue, in.Message.Stamp)
	}
	o.asks(p, python, 30)
	byTicket := func(text string) {
		t.Helper()
		out, e := o.send(p, python, text)
		<-out.Done()
		if out.State() != lxmf.StateDelivered || e.Fields["stamp_valid"] != true || value(e) != lxmf.TicketStampValue {
			t.Errorf("%s: %v %v, %v", text, out.State(), out.Err(), e.Fields)
		}
	}
	byTicket("by Python's ticket")
	if s := o.Stats(); s.StampRefused != 1 || s.TicketsAccepted != 1 || s.TicketsIssued != 1 || s.TicketsReceived != 1 {
		t.Errorf("%+v", s)
	}
	p.mu.Lock()
	for _, e := range p.events {
		if e.Text("content") == "wrong" {
			t.Errorf("Python took %v", e.Fields)
		}
	}
	p.mu.Unlock()

	p.awaitDeliveredWithin(dear, 5*time.Minute) // half a minute of processor time on average, and chance decides
	if in := o.receive("python's 16", time.Minute); in.StampValue < 15 || len(in.Message.Stamp) != lxmf.StampLength {
		t.Errorf("python's stamp of cost 16 has the value %d", in.StampValue)
	}

	// Both tickets are good after a restart of ours.
	o.stop()
	o.open()
	o.announce(p, 17) // the peer has a new path, and knows it
	o.asks(p, python, 31)
	byTicket("by Python's ticket, again")
	p.awaitDelivered(p.writes(o.Address(), "opportunistic", "by ticket, again", nil))
	if in := o.receive("by ticket, again", time.Minute); in.StampValue != lxmf.TicketStampValue {
		t.Errorf("after the restart: value %d", in.StampValue)
	}
	if s := o.Stats(); s.StampsMade != 0 || s.TicketsUsed != 1 || s.TicketsAccepted != 1 {
		t.Errorf("%+v", s)
	}
}

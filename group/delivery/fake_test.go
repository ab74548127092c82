package delivery_test

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
	"groupd/moderation"
)

const main = group.GroupID("main")

// sf8 is a usual long-range setting.
func sf8() *delivery.Modulation { return &delivery.Modulation{Bandwidth: 125_000, SF: 8, CR: 5} }

// air is a simulated network: one radio or wire per interface, half duplex, with a record of what we transmitted.
type air struct {
	mu     sync.Mutex
	ifaces map[string]*carrier
	route  func(delivery.Address) (string, int)
	hold   chan struct{}
}

type carrier struct {
	delivery.Interface
	channel chan struct{} // capacity 1: who transmits holds it
	sent    []sending     // of slow ones
	total   time.Duration
}

type sending struct {
	at, length time.Duration // since the air began, of a packet of ours
}

func newAir(list ...delivery.Interface) *air {
	a := &air{ifaces: make(map[string]*carrier)}
	for _, i := range list {
		a.ifaces[i.Name] = &carrier{Interface: i, channel: make(chan struct{}, 1)}
	}
	a.route = func(delivery.Address) (string, int) { return list[0].Name, 1 }
	return a
}

// block lets who asks for the interfaces wait until hold is closed; nil: not.
func (a *air) block(hold chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hold = hold
}

func (a *air) Interfaces() (list []delivery.Interface) {
	a.mu.Lock()
	hold := a.hold
	a.mu.Unlock()
	if hold != nil {
		<-hold
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.ifaces {
		i := c.Interface
		if c.Slow() {
			i.Transmitted = c.total
		}
		list = append(list, i)
	}
	return list
}

func (a *air) Route(to delivery.Address) (string, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.route(to)
}

// routed changes the ways.
func (a *air) routed(f func(delivery.Address) (string, int)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.route = f
}

func (a *air) set(name string, f func(*delivery.Interface)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f(&a.ifaces[name].Interface)
}

// add brings an interface up.
func (a *air) add(i delivery.Interface) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ifaces[i.Name] = &carrier{Interface: i, channel: make(chan struct{}, 1)}
}

// packet takes the channel for a packet; ours is counted.
func (a *air) packet(start time.Time, name string, n int, ours bool) {
	a.mu.Lock()
	c := a.ifaces[name]
	d := c.Airtime(n)
	a.mu.Unlock()
	c.channel <- struct{}{}
	at := time.Since(start)
	time.Sleep(d)
	<-c.channel
	if ours {
		a.mu.Lock()
		c.total += d
		if c.Slow() {
			c.sent = append(c.sent, sending{at, d})
		}
		a.mu.Unlock()
	}
}

// worst is the most that was transmitted within any hour.
func (a *air) worst(name string) (most time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	sent := a.ifaces[name].sent
	sum, first := time.Duration(0), 0
	for _, s := range sent {
		sum += s.length
		for sent[first].at+time.Hour <= s.at {
			sum -= sent[first].length
			first++
		}
		most = max(most, sum)
	}
	return most
}

// courier carries numbered parcels of one mode over the air. Everything about it can be set.
type courier struct {
	w      *world
	size   func(r delivery.Recipient) delivery.Parcel // To is filled in when 0
	forget bool                                       // what was carried is not recorded

	mu   sync.Mutex
	end  func(r delivery.Recipient) delivery.Outcome // nil: proved
	got  map[group.IdentityHash][]receipt
	made int
	now  int // on their way
	most int
}

// receipt is a parcel as a member saw it.
type receipt struct {
	at time.Duration
	delivery.Recipient
	to      group.Rev
	outcome delivery.Outcome
	way     delivery.Way
}

type payload struct {
	r   delivery.Recipient
	way delivery.Way
}

func (c *courier) Address(id group.IdentityHash) delivery.Address { return delivery.Address(id) }

func (c *courier) Prepare(ctx context.Context, r delivery.Recipient, way delivery.Way) (delivery.Parcel, error) {
	var head group.Head
	err := c.w.store.View(ctx, func(tx group.ReadTx) (err error) {
		head, err = tx.Head(r.Group)
		return err
	})
	p := c.size(r)
	if p.To == 0 {
		p.To = head.Rev
	}
	p.Payload = payload{r, way}
	c.mu.Lock()
	c.made++
	c.mu.Unlock()
	return p, err
}

func (c *courier) Carry(ctx context.Context, p delivery.Parcel) delivery.Outcome {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	end := c.end
	c.mu.Unlock()
	in := p.Payload.(payload)
	for range max(p.Packets, 1) {
		c.w.air.packet(c.w.start, in.way.Interface, p.Bytes/max(p.Packets, 1), true)
	}
	o := delivery.Proved
	if end != nil {
		o = end(in.r)
	}
	switch o {
	case delivery.Proved, delivery.LeftAtNode:
		for range p.Proofs {
			c.w.air.packet(c.w.start, in.way.Interface, delivery.ProofBytes, false)
		}
	case delivery.NotProved:
		select {
		case <-ctx.Done():
		case <-time.After(30 * time.Second):
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
	if c.forget {
		return o
	}
	c.got[in.r.Member.Identity] = append(c.got[in.r.Member.Identity], receipt{time.Since(c.w.start), in.r, p.To, o, in.way})
	return o
}

// ends sets what becomes of parcels.
func (c *courier) ends(f func(r delivery.Recipient) delivery.Outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end = f
}

// atOnce is the most parcels that were on their way at a time.
func (c *courier) atOnce() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.most
}

// all lists the parcels in the order in which they ended.
func (c *courier) all() (list []receipt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.got {
		list = append(list, l...)
	}
	slices.SortFunc(list, func(a, b receipt) int { return cmp.Compare(a.at, b.at) })
	return list
}

func (c *courier) of(id group.IdentityHash) []receipt {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]receipt(nil), c.got[id]...)
}

// reached counts members with a proved parcel, and tells when the last one was.
func (c *courier) reached() (n int, last time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, list := range c.got {
		for _, r := range list {
			if r.outcome == delivery.Proved {
				n++
				last = max(last, r.at)
				break
			}
		}
	}
	return n, last
}

// world is a group with members, a simulated air and a scheduler, in a bubble.
type world struct {
	t         *testing.T
	start     time.Time
	store     group.Store
	hub       *group.Hub
	air       *air
	scheduler *delivery.Scheduler
	couriers  map[group.DeliveryMode]*courier
	offset    atomic.Int64 // of the clock
	stop      func()
}

// inBubble runs f in a bubble with a world that ends with it.
func inBubble(t *testing.T, list []delivery.Interface, f func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory.New(), list...)
		w.run()
		f(w)
		w.stop()
	})
}

func newWorld(t *testing.T, store group.Store, list ...delivery.Interface) *world {
	t.Helper()
	w := &world{t: t, start: time.Now(), store: store, air: newAir(list...), couriers: make(map[group.DeliveryMode]*courier)}
	hub, err := group.New(group.Config{Store: store, Now: w.now, Limits: group.Limits{GroupRate: moderation.Rate{Burst: -1}}})
	if err != nil {
		t.Fatal(err)
	}
	w.hub = hub
	key := make([]byte, 64)
	key[0] = 1
	_, err = hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: main, PublicKey: key, PrivateKey: key, PublicName: "Valley Net", Public: true})
	if group.KindOf(err) != group.KindConflict && err != nil {
		t.Fatal(err)
	}
	for m := group.DeliverNotify; m <= group.DeliverDigest; m++ {
		w.couriers[m] = &courier{
			w: w, got: make(map[group.IdentityHash][]receipt),
			size: func(delivery.Recipient) delivery.Parcel { return delivery.Parcel{Bytes: 180, Packets: 1, Proofs: 1} },
		}
	}
	return w
}

// run starts a scheduler; stop ends it.
func (w *world) run() {
	w.t.Helper()
	s, err := delivery.New(delivery.Config{Hub: w.hub, Store: w.store, Air: w.air, Now: w.now, Rand: func() float64 { return 0.5 }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.scheduler = s
	for m, c := range w.couriers {
		s.Register(main, m, c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	synctest.Wait()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}

// now is the clock, which may be wrong.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) }

// set makes the clock wrong by so much.
func (w *world) set(d time.Duration) { w.offset.Store(int64(d)) }

func operator() group.Caller { return group.Caller{Local: true} }

// member adds n members with these preferences, the first one numbered from.
func (w *world) members(from, n int, p group.Preferences) (ids []group.IdentityHash) {
	w.t.Helper()
	err := w.store.Update(context.Background(), func(tx group.Tx) error {
		head, err := tx.Head(main)
		if err != nil {
			return err
		}
		for i := range n {
			key := make([]byte, 64)
			binary.BigEndian.PutUint64(key[8:], uint64(from+i)+1000)
			id, err := group.IdentityOf(key)
			if err != nil {
				return err
			}
			head.Rev++
			name := fmt.Sprint("member ", from+i)
			m := group.Member{
				Group: main, Identity: id, Address: group.AddressOf(id), PublicKey: key, Present: true, Role: moderation.RoleMember, DisplayName: name,
				Skeleton: group.Skeleton(name), Rev: head.Rev, Joined: w.now(),
			}
			if err := tx.PutMember(m); err != nil {
				return err
			}
			if p != (group.Preferences{}) {
				d := group.Delivery{Group: main, Identity: id, Preferences: p, Progress: group.Progress{Cursor: head.Rev}}
				if p.Mode == group.DeliverDigest {
					d.Due = w.now().Add(p.Digest())
				}
				if err := tx.PutDelivery(d); err != nil {
					return err
				}
			}
			ids = append(ids, id)
		}
		for _, id := range ids { // all have everything up to now
			d, err := tx.Delivery(main, id)
			if err != nil {
				continue
			}
			d.Cursor = head.Rev
			if err := tx.PutDelivery(d); err != nil {
				return err
			}
		}
		return tx.PutHead(main, head)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

// restart ends the scheduler and starts another one on the same rows.
func (w *world) restart() {
	w.t.Helper()
	w.stop()
	w.run()
}

// post writes a post as the operator.
func (w *world) post(in group.PostInput) group.Rev {
	w.t.Helper()
	if in.Text == nil {
		in.Text = []byte("hello")
	}
	r, err := w.hub.Post(context.Background(), operator(), main, in)
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return r.Rev
}

// row reads a member's row.
func (w *world) row(id group.IdentityHash) (d group.Delivery) {
	w.t.Helper()
	err := w.store.View(context.Background(), func(tx group.ReadTx) (err error) {
		d, err = tx.Delivery(main, id)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

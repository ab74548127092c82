package rns

import (
	"bytes"
	"container/heap"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"groupd/rns/internal/bz2"
	"groupd/rns/internal/token"
)

// resourceSim joins the resources of the two ends of a link by a path with airtime, latency, loss, reordering and
// duplication, in virtual time. Everything follows from the seed.
type resourceSim struct {
	tb      testing.TB
	now     time.Time
	rng     *rand.Rand
	events  resourceEvents
	seq     int
	latency time.Duration
	jitter  time.Duration // up to so much more per packet: reorders
	rate    float64       // bytes per second each way; 0: no airtime
	loss    float64
	repeat  float64
	jobTime time.Duration
	a, b    *resourceEnd

	tap func(from *resourceEnd, p resourcePacket) bool // false: lost
}

// resourceEnd is one end: the table under test, and a link around it.
type resourceEnd struct {
	sim      *resourceSim
	name     string
	peer     *resourceEnd
	key      *token.Key
	part     int
	roundTip time.Duration
	table    *linkResources
	budget   *resourceBudget
	entropy  io.Reader
	freeAt   time.Time // the transmitter is busy until then
	heard    map[PacketHash]bool
	closed   bool
	torn     bool

	packets  map[Context]int
	octets   int
	decide   func(ResourceOffer) ResourceDecision
	take     func(*ReceivedResource)
	received []*ReceivedResource
	progress []float64
}

type resourcePacket struct {
	context   Context
	proof     bool
	encrypted bool
	payload   []byte // as on the wire
	hash      PacketHash
}

func (p resourcePacket) size() int { return HeaderMinSize + len(p.payload) }

type resourceEvent struct {
	at  time.Time
	seq int
	do  func()
}

type resourceEvents []resourceEvent

func (e resourceEvents) Len() int { return len(e) }
func (e resourceEvents) Less(i, j int) bool {
	return e[i].at.Before(e[j].at) || e[i].at.Equal(e[j].at) && e[i].seq < e[j].seq
}
func (e resourceEvents) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *resourceEvents) Push(x any)   { *e = append(*e, x.(resourceEvent)) }
func (e *resourceEvents) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

type resourceNoise struct{ r *rand.Rand }

func (n resourceNoise) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(n.r.Uint32())
	}
	return len(p), nil
}

func newResourceSim(tb testing.TB, mtu int, seed uint64) *resourceSim {
	s := &resourceSim{
		tb: tb, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), rng: rand.New(rand.NewPCG(seed, 7)),
		latency: 10 * time.Millisecond,
	}
	key, err := token.NewKey(bytes.Repeat([]byte{byte(seed), 2}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	end := func(name string) *resourceEnd {
		e := &resourceEnd{
			sim: s, name: name, key: key, part: mtu - resourceSDUOverhead, roundTip: 20 * time.Millisecond,
			budget: newResourceBudget(0), entropy: resourceNoise{s.rng}, heard: map[PacketHash]bool{},
			packets: map[Context]int{},
			decide:  func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
		}
		e.take = func(r *ReceivedResource) {
			if r.Err == nil {
				if err := r.Prove(); err != nil {
					tb.Errorf("proving: %v", err)
				}
			}
		}
		e.table = newLinkResources(e, resourceHooks{
			offer: func(o ResourceOffer) ResourceDecision { return e.decide(o) },
			received: func(r *ReceivedResource) {
				e.received = append(e.received, r)
				e.take(r)
			},
			progress: func(_ ResourceOffer, p float64) { e.progress = append(e.progress, p) },
			teardown: func() { e.torn = true },
		}, resourceLimits{}, e.budget)
		return e
	}
	s.a, s.b = end("a"), end("b")
	s.a.peer, s.b.peer = s.b, s.a
	return s
}

func (e *resourceEnd) id() LinkID         { return LinkID{1, 2, 3} }
func (e *resourceEnd) sdu() int           { return e.part }
func (e *resourceEnd) rtt() time.Duration { return e.roundTip }
func (e *resourceEnd) rand() io.Reader    { return e.entropy }
func (e *resourceEnd) turn() (*bz2.Compressor, func(), error) {
	return new(bz2.Compressor), func() {}, nil
}

func (e *resourceEnd) seal(p []byte) []byte {
	b, err := e.key.Seal(nil, e.entropy, p)
	if err != nil {
		e.sim.tb.Fatal(err)
	}
	return b
}
func (e *resourceEnd) open(b []byte) ([]byte, bool) { return e.key.Open(b) }

func (e *resourceEnd) sendData(ctx Context, payload []byte, encrypted bool) {
	p := resourcePacket{context: ctx, encrypted: encrypted}
	if encrypted {
		if len(payload) > linkBaseMDU && e.part == MTU-resourceSDUOverhead {
			e.sim.tb.Fatalf("%s: plaintext of %d bytes in context %#x", e.name, len(payload), ctx)
		}
		p.payload = e.seal(payload)
	} else {
		p.payload = bytes.Clone(payload)
	}
	e.transmit(p)
}

func (e *resourceEnd) sendProof(ctx Context, payload []byte) {
	e.transmit(resourcePacket{context: ctx, proof: true, payload: bytes.Clone(payload)})
}

func (e *resourceEnd) post(f func(time.Time)) bool {
	if e.closed {
		return false
	}
	e.sim.at(e.sim.now, func() { f(e.sim.now); e.run() })
	return true
}

func (s *resourceSim) at(t time.Time, do func()) {
	s.seq++
	heap.Push(&s.events, resourceEvent{t, s.seq, do})
}

func (e *resourceEnd) transmit(p resourcePacket) {
	s := e.sim
	if e.closed {
		return
	}
	kind := byte(PacketData)
	if p.proof {
		kind = byte(PacketProof)
	}
	p.hash = FullHash([]byte{byte(DestinationLink)<<2 | kind}, []byte{byte(p.context)}, p.payload)
	e.packets[p.context]++
	e.octets += p.size()
	start := s.now
	if s.rate > 0 {
		if e.freeAt.After(start) {
			start = e.freeAt
		}
		start = start.Add(time.Duration(float64(p.size()) / s.rate * float64(time.Second)))
		e.freeAt = start
	}
	if s.tap != nil && !s.tap(e, p) || s.rng.Float64() < s.loss {
		return
	}
	copies := 1
	if s.rng.Float64() < s.repeat {
		copies = 2
	}
	for range copies {
		late := s.latency
		if s.jitter > 0 {
			late += time.Duration(s.rng.Int64N(int64(s.jitter)))
		}
		s.at(start.Add(late), func() { e.peer.hear(p) })
	}
}

// hear is what transport and link do before resources see a packet.
func (e *resourceEnd) hear(p resourcePacket) {
	if e.closed {
		return
	}
	switch p.context { // all others pass the duplicate filter
	case ContextResource, ContextResourceReq, ContextResourceProof, ContextCacheRequest:
	default:
		if e.heard[p.hash] {
			return
		}
		e.heard[p.hash] = true
	}
	payload := p.payload
	if p.encrypted {
		plain, ok := e.key.Open(p.payload)
		if !ok {
			return
		}
		payload = plain
	}
	switch {
	case p.proof:
		e.table.handleProof(e.sim.now, payload)
	case p.context == ContextCacheRequest:
		e.table.handleCacheRequest(payload)
	default:
		e.table.handle(e.sim.now, p.context, payload, p.hash)
	}
	e.run()
}

func (e *resourceEnd) run() {
	for _, j := range e.table.jobs() {
		e.sim.at(e.sim.now.Add(e.sim.jobTime), func() {
			j.run()(e.sim.now)
			e.run()
		})
	}
}

func (e *resourceEnd) close(err error) {
	e.closed = true
	e.table.close(e.sim.now, err)
}

// step lets the next thing happen; false: nothing is to come.
func (s *resourceSim) step() bool {
	var due time.Time
	for _, e := range []*resourceEnd{s.a, s.b} {
		if !e.closed {
			due = earliest(due, e.table.deadline())
		}
	}
	if len(s.events) > 0 && (due.IsZero() || !s.events[0].at.After(due)) {
		ev := heap.Pop(&s.events).(resourceEvent)
		if ev.at.After(s.now) {
			s.now = ev.at
		}
		ev.do()
		return true
	}
	if due.IsZero() {
		return false
	}
	if due.After(s.now) {
		s.now = due
	}
	for _, e := range []*resourceEnd{s.a, s.b} {
		if d := e.table.deadline(); !e.closed && !d.IsZero() && !d.After(s.now) {
			e.table.tick(s.now)
			if again := e.table.deadline(); !again.IsZero() && !again.After(s.now) {
				s.tb.Fatalf("%s: tick left a deadline in the past", e.name)
			}
			e.run()
		}
	}
	return true
}

// until runs until done is true, or nothing is left to happen, or the time is up.
func (s *resourceSim) until(limit time.Duration, done func() bool) bool {
	end := s.now.Add(limit)
	for !done() {
		if s.now.After(end) || !s.step() {
			return done()
		}
	}
	return true
}

// transfer is a resource under way.
type resourceTransfer struct {
	sender   *resourceSender
	done     int
	err      error
	progress []float64
}

func (e *resourceEnd) send(source ResourceSource, o resourceSendOptions) *resourceTransfer {
	e.sim.tb.Helper()
	x := &resourceTransfer{}
	o.done = func(err error) { x.done++; x.err = err }
	o.progress = func(p float64) { x.progress = append(x.progress, p) }
	var err error
	if x.sender, err = e.table.send(e.sim.now, source, o); err != nil {
		e.sim.tb.Fatal(err)
	}
	e.run()
	return x
}

// carry sends data from a to b and waits for the end.
func (s *resourceSim) carry(data []byte, o resourceSendOptions) (*resourceTransfer, *ReceivedResource) {
	s.tb.Helper()
	before := len(s.b.received)
	x := s.a.send(ResourceBytes(data), o)
	s.until(1000*time.Hour, func() bool { return x.done > 0 && len(s.b.received) > before })
	if x.done != 1 {
		s.tb.Fatalf("done was called %d times; %s", x.done, s)
	}
	if len(s.b.received) <= before {
		return x, nil
	}
	return x, s.b.received[len(s.b.received)-1]
}

// carryOnly waits for the end at the sender; what was received by then, if anything, is returned too.
func (s *resourceSim) carryOnly(data []byte, o resourceSendOptions) (*resourceTransfer, *ReceivedResource) {
	s.tb.Helper()
	x := s.a.send(ResourceBytes(data), o)
	s.until(1000*time.Hour, func() bool { return x.done > 0 })
	if x.done != 1 {
		s.tb.Fatalf("done was called %d times; %s", x.done, s)
	}
	if n := len(s.b.received); n > 0 {
		return x, s.b.received[n-1]
	}
	return x, nil
}

// mustCarry also checks that what arrives is what was sent.
func (s *resourceSim) mustCarry(data []byte, o resourceSendOptions) *ReceivedResource {
	s.tb.Helper()
	x, r := s.carry(data, o)
	if x.err != nil {
		s.tb.Fatalf("sending %d bytes: %v; %s", len(data), x.err, s)
	}
	if r == nil || r.Err != nil {
		s.tb.Fatalf("receiving %d bytes: %v; %s", len(data), r, s)
	}
	if !bytes.Equal(r.Data, data) || !bytes.Equal(r.Metadata, o.metadata) {
		s.tb.Fatalf("%d bytes sent, %d other ones received", len(data), len(r.Data))
	}
	return r
}

// mustBeIdle checks that nothing is left behind.
func (s *resourceSim) mustBeIdle() {
	s.tb.Helper()
	for _, e := range []*resourceEnd{s.a, s.b} {
		t := e.table
		if len(t.outgoing) != 0 || len(t.incoming) != 0 || t.reserved != 0 || e.budget.used.Load() != 0 {
			s.tb.Fatalf("%s is not idle: %d outgoing, %d incoming, %d bytes reserved, %d in all",
				e.name, len(t.outgoing), len(t.incoming), t.reserved, e.budget.used.Load())
		}
		if d := t.deadline(); !t.closed && !d.IsZero() {
			s.tb.Fatalf("%s still waits for something", e.name)
		}
	}
}

func (s *resourceSim) String() string {
	return fmt.Sprintf("at %s, a sent %v, b sent %v",
		s.now.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)), s.a.packets, s.b.packets)
}

func resourceRandomData(n int, seed uint64) []byte {
	b := make([]byte, n)
	if _, err := (resourceNoise{rand.New(rand.NewPCG(seed, uint64(n)))}).Read(b); err != nil {
		panic(err)
	}
	return b
}

func resourceText(n int) []byte {
	return bytes.Repeat([]byte("the ferry leaves when the fog lifts; "), n/37+1)[:n]
}

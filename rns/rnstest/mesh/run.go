package mesh

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/rnstest"
)

// messageSize is the bytes of a message, about what a short LXMF message has.
const messageSize = 150

// network is a running plan.
type network struct {
	plan   Plan
	world  *World
	radios []*Radio
	begin  time.Time
	nodes  []*rnstest.Node // all
	ends   []*end
	ctx    context.Context

	relays      []transportNode
	byTransport map[rns.TruncatedHash]transportNode
	radioOf     []*Port // by node
	wired       map[[2]int]bool

	byAddress map[rns.DestinationHash]int // → index of an end
	onAir     []airUse                    // by port, radios only
	result    Result

	mu        sync.Mutex
	emitted   [][]time.Time // by end, what it announced, oldest first
	delivered []time.Duration
	boot      []time.Duration
	heard     []time.Duration
	digest    uint64
}

// airUse is what a radio transmitted.
type airUse struct {
	forwarded, answers, own, all time.Duration
	forwardedBytes               int
	recent                       []sentAnnounce // forwarded in the last hour
	recentBytes                  int
}

type sentAnnounce struct {
	at    time.Time
	bytes int
}

// transportNode is a gateway or a relay.
type transportNode struct {
	*rnstest.Node
	number int
}

// end is a node with a destination.
type end struct {
	*rnstest.Node
	number int // among the ends
	cell   int
	port   *Port
	id     *rns.Identity
	d      *rns.Destination
	chance *rand.Rand // of its traffic; the scheduler's
	tries  *rand.Rand // of its retries; under network.mu

	heard []int // by end, how many of its announces; under network.mu
}

// Run runs a plan in a bubble of its own.
func Run(t *testing.T, p Plan) (r Result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { r, _ = run(t, p) })
	return r
}

// Memory is what a node takes, in bytes: the heap and the stacks of its goroutines.
type Memory struct{ Heap, Stacks int }

// RunForMemory is Run, and tells what a node takes in the end, media included.
func RunForMemory(t *testing.T, p Plan) (r Result, m Memory) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { r, m = run(t, p) })
	return r, m
}

func run(t *testing.T, p Plan) (Result, Memory) {
	if err := p.check(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := build(t, p)
	for _, e := range n.ends {
		n.live(e)
	}
	if p.Sample == 0 {
		p.Sample = 10 * time.Minute
	}
	for at := p.Sample; at <= p.Lasts; at += p.Sample {
		n.world.At(n.begin.Add(at), n.look)
	}
	var m Memory
	over := make(chan struct{})
	n.world.At(n.begin.Add(p.Lasts), func() {
		runtime.GC()
		runtime.ReadMemStats(&after)
		m.Heap = (int(after.HeapAlloc) - int(before.HeapAlloc)) / p.Nodes()
		m.Stacks = (int(after.StackInuse) - int(before.StackInuse)) / p.Nodes()
		n.finish()
		close(over)
	})
	<-over
	return n.result, m
}

// build makes the media and starts the nodes.
func build(t *testing.T, p Plan) *network {
	n := &network{plan: p, world: NewWorld(t, p.Seed), begin: time.Now(), byAddress: make(map[rns.DestinationHash]int),
		byTransport: make(map[rns.TruncatedHash]transportNode), wired: make(map[[2]int]bool)}
	n.ctx = t.Context()
	n.result = Result{Nodes: p.Nodes(), Ends: p.Ends(), Cells: p.Cells, Lasts: p.Lasts}
	n.world.Tap(n.transmitted)
	wires := make([][]*Port, p.Cells)
	for range p.Cells {
		n.radios = append(n.radios, n.world.Radio(RadioOptions{Modulation: p.Modulation, Loss: p.Loss}))
	}
	for _, w := range p.wires() {
		a, b := n.world.Wire(p.Wires, fmt.Sprintf("wire %d-%d", w[0], w[1]), w[0]*p.PerCell, w[1]*p.PerCell)
		n.wired[[2]int{w[0] * p.PerCell, w[1] * p.PerCell}] = true
		wires[w[0]], wires[w[1]] = append(wires[w[0]], a), append(wires[w[1]], b)
	}
	for number := range p.Nodes() {
		cell, place := number/p.PerCell, number%p.PerCell
		zone := zoneNear
		switch {
		case p.Far > 0 && place == 1:
			zone = zoneRelay
		case place >= p.PerCell-p.Far:
			zone = zoneFar
		}
		relay := place < p.relays()
		radio := n.radios[cell].Port(fmt.Sprintf("radio %d.%d", cell, place), number, zone)
		tr, err := rns.New(rns.Config{TransportEnabled: relay, Rand: p.random(number, 1)})
		if err != nil {
			t.Fatal(err)
		}
		add := func(port *Port, o rns.InterfaceOptions) {
			if err := tr.AddInterface(port, o); err != nil {
				t.Fatal(err)
			}
		}
		o := rns.InterfaceOptions{NoIngressControl: true}
		if relay {
			o.Mode = interfaces.ModeGateway
		}
		add(radio, o)
		if place == 0 {
			for _, w := range wires[cell] {
				add(w, rns.InterfaceOptions{RecursivePathRequests: true})
			}
		}
		node := rnstest.Run(t, tr)
		n.nodes, n.radioOf = append(n.nodes, node), append(n.radioOf, radio)
		if relay {
			r := transportNode{node, number}
			n.relays, n.byTransport[rns.TruncatedHash(tr.Identity().Hash())] = append(n.relays, r), r
		} else {
			n.addEnd(t, node, radio, number, cell)
		}
	}
	n.onAir = make([]airUse, len(n.world.ports))
	for _, e := range n.ends {
		e.heard = make([]int, len(n.ends))
	}
	n.emitted = make([][]time.Time, len(n.ends))
	return n
}

func (n *network) addEnd(t *testing.T, node *rnstest.Node, port *Port, number, cell int) {
	private := make([]byte, rns.PrivateKeyLength)
	if _, err := io.ReadFull(n.plan.random(number, 2), private); err != nil {
		t.Fatal(err)
	}
	id, err := rns.LoadIdentity(private)
	if err != nil {
		t.Fatal(err)
	}
	e := &end{
		Node: node, number: len(n.ends), cell: cell, port: port, id: id,
		chance: rand.New(rand.NewPCG(n.plan.Seed, uint64(number))),
		tries:  rand.New(rand.NewPCG(n.plan.Seed, uint64(number)<<32)),
	}
	e.d, err = node.NewDestination(rns.DestinationConfig{
		Identity: id, App: "mesh", Aspects: []string{"end"},
		AppData:  func() []byte { return []byte("a name of 20 letters") },
		OnPacket: func(p *rns.ReceivedPacket) { _ = p.Prove() },
	})
	if err != nil {
		t.Fatal(err)
	}
	node.HandleAnnounces("mesh.end", rns.AnnounceHandlerOptions{PathResponses: true}, func(a rns.Announced) { n.announced(e, a) })
	n.byAddress[e.d.Hash()] = e.number
	n.ends = append(n.ends, e)
}

// announced notes that an end heard of another.
func (n *network) announced(e *end, a rns.Announced) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := n.byAddress[a.Destination]
	now := time.Now()
	for i := e.heard[from]; i < len(n.emitted[from]) && !n.emitted[from][i].After(a.Emitted.Add(time.Second)); i++ {
		if i == 0 {
			n.boot = append(n.boot, now.Sub(n.begin))
		}
		n.heard = append(n.heard, now.Sub(n.emitted[from][i]))
		e.heard[from]++
	}
}

// about is a random time around d.
func (e *end) about(d time.Duration) time.Duration {
	return d/2 + time.Duration(e.chance.Int64N(int64(d)))
}

// every has f called about every d, first after a while, as long as it makes sense. f is called by the scheduler.
func (n *network) every(e *end, first, d time.Duration, until time.Time, f func()) {
	at := n.begin.Add(first)
	var again func()
	again = func() {
		f()
		if d > 0 {
			if next := time.Now().Add(e.about(d)); next.Before(until) {
				n.world.At(next, again)
			}
		}
	}
	n.world.At(at, again)
}

// live plans the day of an end.
func (n *network) live(e *end) {
	p := n.plan
	over := n.begin.Add(p.Lasts)
	boot := time.Second + time.Duration(e.chance.Int64N(int64(p.Boot)))
	n.world.At(n.begin.Add(boot), func() { n.announce(e) })
	n.every(e, boot+e.about(p.Announces/2), p.Announces, over, func() { n.announce(e) })
	if p.Messages > 0 {
		n.every(e, p.Patience+e.about(p.Messages), p.Messages, over.Add(-p.Patience-time.Minute), func() {
			to := n.ends[(e.number+1+e.chance.IntN(len(n.ends)-1))%len(n.ends)]
			go n.write(e, to, time.Now().Add(p.Patience))
		})
	}
	near := p.PerCell - p.relays() - p.Far
	if e.number%(p.PerCell-p.relays()) == near-1 && e.cell < p.Movers {
		n.every(e, p.Patience+e.about(p.Moves), p.Moves, over.Add(-2*p.Patience), func() { n.move(e) })
	}
}

func (n *network) announce(e *end) {
	go func() {
		n.mu.Lock()
		n.emitted[e.number] = append(n.emitted[e.number], time.Now())
		n.result.Announces++
		n.mu.Unlock()
		_ = e.d.Announce(n.ctx)
	}()
}

// move takes a node to another cell, where it announces itself.
func (n *network) move(e *end) {
	n.result.Moves++
	e.cell = (e.cell + 1 + e.chance.IntN(n.plan.Cells-1)) % n.plan.Cells
	arrives := time.Now().Add(n.plan.Away)
	e.port.Move(nil, zoneNear)
	n.world.At(arrives, func() { e.port.Move(n.radios[e.cell], zoneNear) })
	arrives = arrives.Add(e.about(10 * time.Second))
	n.world.At(arrives, func() { n.announce(e) })
	n.world.At(arrives.Add(e.about(n.plan.Again)), func() { n.announce(e) })
}

// write sends a message until it is proved, or the deadline: up to five times soon after each other, then later. After
// every second time that was in vain it asks for the path anew.
func (n *network) write(from, to *end, deadline time.Time) {
	began := time.Now()
	address := to.d.Hash()
	remote := from.NewRemote(to.id.Public(), "mesh", "end")
	n.mu.Lock()
	n.result.Sent++
	n.mu.Unlock()
	routed := 0
	for try := 1; ; try++ {
		if !from.HasPath(address) {
			ctx, cancel := context.WithTimeout(n.ctx, 45*time.Second)
			_ = from.AwaitPath(ctx, address)
			cancel()
		}
		if n.isRouted(from, to) {
			routed++
		}
		if from.HasPath(address) {
			if receipt, err := remote.Send(n.ctx, make([]byte, messageSize)); err == nil {
				<-receipt.Done()
				if receipt.Status() == rns.ReceiptDelivered {
					n.wasDelivered(time.Since(began), try)
					return
				}
			}
		}
		wait := 10 * time.Second
		if try >= 5 {
			wait = 3 * time.Minute
		}
		n.mu.Lock()
		wait += time.Duration(from.tries.Int64N(int64(wait)))
		n.mu.Unlock()
		if time.Now().Add(wait).After(deadline) || n.ctx.Err() != nil {
			n.wasNotDelivered(2*routed > try)
			return
		}
		if try%2 == 0 {
			from.ForgetPath(address)
		}
		time.Sleep(wait)
	}
}

func (n *network) wasDelivered(after time.Duration, tries int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.result.Delivered++
	if tries == 1 {
		n.result.AtOnce++
	}
	n.delivered = append(n.delivered, after)
}

func (n *network) wasNotDelivered(reachable bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if reachable {
		n.result.Lost++
	} else {
		n.result.Stranded++
	}
}

// isRouted is routed from any goroutine.
func (n *network) isRouted(from, to *end) (is bool) {
	looked := make(chan struct{})
	n.world.At(time.Now(), func() {
		is = n.routed(from, to)
		close(looked)
	})
	<-looked
	return is
}

// transmitted notes what is sent. By the scheduler.
func (n *network) transmitted(t Transmission) {
	h := fnv.New64a()
	var head [24]byte
	binary.BigEndian.PutUint64(head[:], n.digest)
	binary.BigEndian.PutUint64(head[8:], uint64(t.At.Sub(n.begin)))
	binary.BigEndian.PutUint64(head[16:], uint64(t.Port.index))
	h.Write(head[:])
	h.Write(t.Frame)
	n.digest = h.Sum64()
	n.result.Frames++
	if t.Airtime == 0 {
		return
	}
	u := &n.onAir[t.Port.index]
	u.all += t.Airtime
	p, err := rns.ParsePacket(t.Frame)
	if err != nil || p.PacketType != rns.PacketAnnounce {
		return
	}
	switch {
	case p.Context == rns.ContextPathResponse:
		u.answers += t.Airtime
	case p.Hops == 0:
		u.own += t.Airtime
	default:
		u.forwarded += t.Airtime
		u.forwardedBytes += len(t.Frame)
		u.recent = append(u.recent, sentAnnounce{t.At, len(t.Frame)})
		u.recentBytes += len(t.Frame)
		for t.At.Sub(u.recent[0].at) >= time.Hour {
			u.recentBytes -= u.recent[0].bytes
			u.recent = u.recent[1:]
		}
		if float64(u.recentBytes) > rns.DefaultAnnounceCap*3600*float64(t.Port.props.Bitrate)/8+rns.MTU {
			n.result.OverCap++
		}
	}
}

// look notes the sizes of all tables. By the scheduler.
func (n *network) look() {
	for _, node := range n.nodes {
		n.result.look(node.Stats())
	}
}

// finish adds up. By the scheduler.
func (n *network) finish() {
	r := &n.result
	for _, node := range n.nodes {
		s := node.Stats()
		for _, evicted := range s.Evicted {
			r.Evicted += evicted
		}
		r.Evicted += s.PathsEvicted + s.KnownDropped
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	r.Digest = n.digest
	r.DeliveredHalf, r.DeliveredMost, r.DeliveredAll = spans(n.delivered)
	r.HeardHalf, r.HeardMost, r.HeardAll = spans(n.heard)
	r.BootHalf, r.BootMost, r.BootAll = spans(n.boot)
	pairs := len(n.ends) * (len(n.ends) - 1)
	r.BootPairs = share(len(n.boot), pairs)
	r.Heard = share(len(n.heard), r.Announces*(len(n.ends)-1))
	lasts := n.plan.Lasts.Seconds()
	for cell, radio := range n.radios {
		s := radio.Stats()
		r.Radio.Packets += s.Packets
		r.Radio.Airtime += s.Airtime
		r.Radio.Received += s.Received
		r.Radio.Lost += s.Lost
		r.Radio.Collided += s.Collided
		r.Radio.Deaf += s.Deaf
		r.Radio.Left += s.Left
		r.Air = max(r.Air, s.Airtime.Seconds()/lasts)
		var announced, answers time.Duration
		for _, p := range n.world.ports {
			if p.node/n.plan.PerCell == cell { // movers count where they live
				announced += n.onAir[p.index].forwarded + n.onAir[p.index].own
				answers += n.onAir[p.index].answers
			}
		}
		r.AnnouncedAir = max(r.AnnouncedAir, announced.Seconds()/lasts)
		r.AnswersAir = max(r.AnswersAir, answers.Seconds()/lasts)
	}
	for i, u := range n.onAir {
		r.ForwardedBytes = max(r.ForwardedBytes, float64(u.forwardedBytes)*8/float64(n.world.ports[i].props.Bitrate)/lasts)
		r.ForwardedAir = max(r.ForwardedAir, u.forwarded.Seconds()/lasts)
	}
}

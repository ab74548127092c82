package rns_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// cellPlan is a network of radio cells, whose transport nodes are joined by a fast network.
type cellPlan struct {
	cells, perCell int // nodes per cell, the transport node included
	movers         int // how many of all other nodes move between three cells
	lasts          time.Duration
	announces      time.Duration // every
	messages       time.Duration // each node writes to another, every
	moves          time.Duration
	loss           float64
	seed           uint64
}

// cellResult is what came of it.
type cellResult struct {
	sent, delivered      int
	heardHalf, heardMost time.Duration // until half, and 95 %, of those who hear an announce at all have heard it
	coverage             float64       // share of nodes that hear an announce
	announceShare        float64       // of the air, forwarded announces, in the fullest cell
	airShare             float64       // of the air, everything, in the fullest cell
	maxPaths, scheduled  int
	evicted              uint64
}

// cellBitrate is about that of SF8 at 125 kHz.
const cellBitrate = 3125

// seeded is a random source that is the same each time.
func seeded(seed, n uint64) io.Reader {
	var key [32]byte
	key[0], key[1], key[2], key[3] = byte(seed), byte(n), byte(n>>8), 7
	return rand.NewChaCha8(key)
}

// cellRun is the state of a run.
type cellRun struct {
	t    *testing.T
	plan cellPlan

	mu      sync.Mutex
	result  cellResult
	emitted map[string]time.Time // by destination and emission
	delays  []time.Duration
	heard   int

	airBytes, announceBytes []int
	ends                    []*cellEnd
}

// cellEnd is a node at the end of a radio.
type cellEnd struct {
	*rnstest.Node
	d     *rns.Destination
	id    *rns.Identity
	ports []*ifacetest.Port // one is up
}

func runCells(t *testing.T, plan cellPlan) cellResult {
	r := &cellRun{t: t, plan: plan, emitted: make(map[string]time.Time),
		airBytes: make([]int, plan.cells), announceBytes: make([]int, plan.cells)}
	synctest.Test(t, func(t *testing.T) { r.run(t) })
	slices.Sort(r.delays)
	if n := len(r.delays); n > 0 {
		r.result.heardHalf, r.result.heardMost = r.delays[n/2], r.delays[n*95/100]
	}
	r.result.coverage = float64(r.heard) / float64(len(r.emitted)*(len(r.ends)-1))
	for i := range plan.cells {
		all := plan.lasts.Seconds() * cellBitrate / 8
		r.result.announceShare = max(r.result.announceShare, float64(r.announceBytes[i])/all)
		r.result.airShare = max(r.result.airShare, float64(r.airBytes[i])/all)
	}
	return r.result
}

func (r *cellRun) run(t *testing.T) {
	plan := r.plan
	r.t = t // of the bubble
	backbone := ifacetest.NewMedium(ifacetest.Options{Latency: 20 * time.Millisecond, Seed: plan.seed})
	var radios []*ifacetest.Medium
	var relays []*rnstest.Node
	for i := range plan.cells {
		radio := ifacetest.NewMedium(ifacetest.Options{Bitrate: cellBitrate, HalfDuplex: true, Loss: plan.loss, Seed: plan.seed + uint64(i)})
		radio.Tap(func(_ string, frame []byte) { r.onAir(i, frame) })
		radios = append(radios, radio)
		tr, err := rns.New(rns.Config{TransportEnabled: true, Rand: seeded(plan.seed, uint64(i))})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddInterface(backbone.Port(fmt.Sprint("backbone ", i)), rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := tr.AddInterface(radio.Port(fmt.Sprint("radio ", i)), rns.InterfaceOptions{Mode: interfaces.ModeGateway, NoIngressControl: true}); err != nil {
			t.Fatal(err)
		}
		relays = append(relays, rnstest.Run(t, tr))
	}
	for i := range plan.cells * (plan.perCell - 1) {
		r.addEnd(t, i, radios)
	}
	for i, e := range r.ends {
		go r.live(i, e)
	}
	time.Sleep(plan.lasts)
	for _, n := range relays {
		s := n.Stats()
		r.result.maxPaths = max(r.result.maxPaths, s.Paths)
		r.result.scheduled = max(r.result.scheduled, s.Scheduled)
		for _, n := range s.Evicted {
			r.result.evicted += n
		}
	}
}

// addEnd makes end point number i. The first ones move.
func (r *cellRun) addEnd(t *testing.T, i int, radios []*ifacetest.Medium) {
	home := i % r.plan.cells
	e := &cellEnd{id: rnstest.Identity(t, byte(i))}
	private := make([]byte, rns.PrivateKeyLength)
	_, _ = io.ReadFull(seeded(r.plan.seed, uint64(10000+i)), private)
	id, err := rns.LoadIdentity(private)
	if err != nil {
		t.Fatal(err)
	}
	e.id = id
	cells := 1
	if i < r.plan.movers {
		cells = 3
	}
	for k := range cells {
		p := radios[(home+k*7)%r.plan.cells].Port(fmt.Sprintf("end %d.%d", i, k))
		p.SetDown(k > 0)
		e.ports = append(e.ports, p)
	}
	e.Node = rnstest.Start(t, rns.Config{Rand: seeded(r.plan.seed, uint64(20000+i))}, e.ports...)
	e.d, err = e.NewDestination(rns.DestinationConfig{
		Identity: id, App: "test", Aspects: []string{"cells"}, OnPacket: func(p *rns.ReceivedPacket) { _ = p.Prove() },
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	e.HandleAnnounces("test.cells", rns.AnnounceHandlerOptions{}, func(a rns.Announced) {
		r.mu.Lock()
		defer r.mu.Unlock()
		key := fmt.Sprint(a.Destination, a.Emitted.Unix())
		if at, ok := r.emitted[key]; ok && !seen[key] {
			seen[key] = true
			r.heard++
			r.delays = append(r.delays, time.Since(at))
		}
	})
	r.ends = append(r.ends, e)
}

// onAir counts what is transmitted in a cell.
func (r *cellRun) onAir(cell int, frame []byte) {
	p, err := rns.ParsePacket(frame)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.airBytes[cell] += len(frame)
	if err == nil && p.PacketType == rns.PacketAnnounce && p.Hops > 0 {
		r.announceBytes[cell] += len(frame)
	}
}

// live is the day of an end point.
func (r *cellRun) live(i int, e *cellEnd) {
	plan := r.plan
	chance := rand.New(rand.NewPCG(plan.seed, uint64(i)))
	ends := time.Now().Add(plan.lasts - 20*time.Minute)
	wait := func(about time.Duration) time.Duration { return time.Duration(chance.Int64N(int64(about)*2) + 1) }
	announceAt, writeAt := time.Now().Add(wait(plan.announces/8)), time.Now().Add(plan.announces/2+wait(plan.messages))
	moveAt := ends.Add(time.Hour)
	if len(e.ports) > 1 {
		moveAt = time.Now().Add(plan.moves + wait(plan.moves))
	}
	up := 0
	for {
		next := announceAt
		if writeAt.Before(next) {
			next = writeAt
		}
		if moveAt.Before(next) {
			next = moveAt
		}
		if next.After(ends) {
			return
		}
		time.Sleep(time.Until(next))
		switch {
		case next.Equal(moveAt):
			e.ports[up].SetDown(true)
			up = (up + 1) % len(e.ports)
			e.ports[up].SetDown(false)
			moveAt = time.Now().Add(plan.moves/2 + wait(plan.moves))
			announceAt = time.Now().Add(time.Second)
		case next.Equal(announceAt):
			r.announce(e)
			announceAt = time.Now().Add(plan.announces/2 + wait(plan.announces/2))
		default:
			r.write(e, r.ends[chance.IntN(len(r.ends))])
			writeAt = time.Now().Add(wait(plan.messages))
		}
	}
}

func (r *cellRun) announce(e *cellEnd) {
	r.mu.Lock()
	r.emitted[fmt.Sprint(e.d.Hash(), time.Now().Unix())] = time.Now()
	r.mu.Unlock()
	_ = e.d.Announce(r.t.Context())
}

// write sends a packet as LXMF would: up to five times, asking for the path again after the first.
func (r *cellRun) write(from, to *cellEnd) {
	if from == to || !from.HasPath(to.d.Hash()) {
		return
	}
	ok := false
	remote := from.NewRemote(to.id.Public(), "test", "cells")
	for try := range 5 {
		if try == 2 {
			from.ForgetPath(to.d.Hash())
			_ = from.AwaitPath(r.t.Context(), to.d.Hash())
		}
		receipt, err := remote.Send(r.t.Context(), make([]byte, 150))
		if err != nil {
			continue
		}
		<-receipt.Done()
		if receipt.Status() == rns.ReceiptDelivered {
			ok = true
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.sent++
	if ok {
		r.result.delivered++
	}
}

func (c cellResult) String() string {
	return fmt.Sprintf("%d of %d messages delivered (%.1f %%); announces reach %.1f %% of the nodes, half of those within %v, 95 %% within %v; "+
		"forwarded announces take %.2f %%, everything %.1f %% of the air of the fullest cell; %d paths at most, %d evicted",
		c.delivered, c.sent, 100*float64(c.delivered)/float64(max(1, c.sent)), 100*c.coverage, c.heardHalf.Round(time.Millisecond),
		c.heardMost.Round(time.Millisecond), 100*c.announceShare, 100*c.airShare, c.maxPaths, c.evicted)
}

// check says what every run must show.
func (c cellResult) check(t *testing.T, ends int) {
	t.Helper()
	t.Log(c)
	if c.announceShare > rns.DefaultAnnounceCap {
		t.Errorf("forwarded announces take %.2f %% of a radio", 100*c.announceShare)
	}
	if c.sent == 0 || float64(c.delivered) < 0.97*float64(c.sent) {
		t.Errorf("%d of %d delivered", c.delivered, c.sent)
	}
	if c.maxPaths > ends || c.evicted > 0 {
		t.Errorf("%d paths to %d destinations, %d evicted", c.maxPaths, ends, c.evicted)
	}
}

// TestCellsOfRadiosReachEachOther: four cells for six hours; `make soak` runs twenty for a day.
func TestCellsOfRadiosReachEachOther(t *testing.T) {
	runCells(t, cellPlan{cells: 4, perCell: 5, movers: 2, lasts: 6 * time.Hour, announces: 2 * time.Hour, messages: 30 * time.Minute,
		moves: 2 * time.Hour, loss: 0.05, seed: 1}).check(t, 16)
}

package mesh

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"groupd/rns/rnstest/rnodesim"
)

// Plan describes a network of cells and what happens in it.
//
// Each cell is one LoRa channel. Its first node is the gateway: a transport node with a radio and wires to the gateways
// of other cells (a ring, and chords over a quarter of it, in large ones also shorter ones). Its second is a relay, a transport node with a radio only,
// when there are Far nodes, which are the last of the cell, and hear the relay and each other but neither the gateway nor
// the others. All others are near: in range of all but the far ones. The first Movers of the near nodes move from cell
// to cell.
//
// All but gateways and relays have a destination. They announce it, and write to each other.
type Plan struct {
	Seed                       uint64
	Cells, PerCell, Far        int
	Movers                     int // in all; at most one per cell
	Modulation                 rnodesim.Modulation
	Loss                       float64 // of air frames, per receiver
	Wires                      WireOptions
	Lasts                      time.Duration
	Announces, Messages, Moves time.Duration // how often each node does that, on the average; 0: announces once, never
	// Boot is how long it takes until everybody has announced itself once.
	Boot time.Duration
	// Again is how long after it has moved a node announces itself a second time: nobody confirms an announce, and who has
	// lost it does not know.
	Again time.Duration
	// Away is how long a mover is out of everybody's range when it moves.
	Away time.Duration
	// Patience is how long a message is tried. Nobody writes in the last Patience, and nobody moves in twice that.
	Patience time.Duration
	// Sample is how often tables are looked at. 0: every 10 minutes.
	Sample time.Duration
}

// LoRa8 is spreading factor 8 at 125 kHz: 3125 bit/s.
func LoRa8() rnodesim.Modulation {
	return rnodesim.Modulation{Frequency: 868_000_000, Bandwidth: 125_000, SF: 8, CR: 5}
}

// Day is the plan of a long run: 200 nodes on 20 cells, for a day.
func Day(seed uint64) Plan {
	return Plan{
		Seed: seed, Cells: 20, PerCell: 10, Far: 2, Movers: 18, Modulation: LoRa8(), Loss: 0.05,
		Wires: WireOptions{Latency: 20 * time.Millisecond},
		Lasts: 24 * time.Hour, Announces: 3 * time.Hour, Messages: 2 * time.Hour, Moves: 5 * time.Hour,
		Boot: time.Minute, Again: 10 * time.Minute, Away: 10 * time.Minute, Patience: 90 * time.Minute,
	}
}

// Small is a scaled-down Day: 40 nodes on 4 cells, for six hours.
func Small(seed uint64) Plan {
	p := Day(seed)
	p.Cells, p.Movers = 4, 3
	p.Lasts, p.Announces, p.Messages, p.Moves = 6*time.Hour, 2*time.Hour, 40*time.Minute, 90*time.Minute
	p.Patience = time.Hour
	return p
}

// Large is 2,000 nodes on 200 cells, for an hour and a half. They begin within 20 minutes: were it one, gateways would take
// it for a flood, and hold most announces back. So many announces do not get through the announce cap of a
// radio in that time: nodes ask for most paths.
func Large(seed uint64) Plan {
	p := Day(seed)
	p.Cells, p.Far, p.Movers = 200, 0, 20
	p.Lasts, p.Announces, p.Messages, p.Moves = 90*time.Minute, 24*time.Hour, 30*time.Minute, 30*time.Minute
	p.Patience, p.Boot, p.Again, p.Away = 20*time.Minute, 20*time.Minute, 2*time.Minute, 2*time.Minute
	return p
}

// Nodes is how many nodes there are.
func (p Plan) Nodes() int { return p.Cells * p.PerCell }

// relays is how many transport nodes a cell has.
func (p Plan) relays() int {
	if p.Far > 0 {
		return 2
	}
	return 1
}

// Ends is how many nodes have a destination.
func (p Plan) Ends() int { return p.Cells * (p.PerCell - p.relays()) }

// check says what is wrong with a plan.
func (p Plan) check() error {
	near := p.PerCell - p.relays() - p.Far
	switch {
	case p.Cells < 2 || near < 1:
		return fmt.Errorf("a plan of %d cells with %d near nodes", p.Cells, near)
	case p.Movers > p.Cells:
		return fmt.Errorf("%d movers of %d cells", p.Movers, p.Cells)
	case p.Lasts < 4*p.Patience || p.Patience <= 0:
		return fmt.Errorf("a plan that lasts %v with a patience of %v", p.Lasts, p.Patience)
	}
	return nil
}

// zones of a cell.
const (
	zoneNear  = 0 // and the gateway
	zoneRelay = 1
	zoneFar   = 2
)

// wires are the pairs of gateways that are joined.
func (p Plan) wires() (pairs [][2]int) {
	seen := make(map[[2]int]bool)
	add := func(a, b int) {
		a, b = min(a, b), max(a, b)
		if a != b && !seen[[2]int{a, b}] {
			seen[[2]int{a, b}] = true
			pairs = append(pairs, [2]int{a, b})
		}
	}
	for i := range p.Cells {
		add(i, (i+1)%p.Cells)
	}
	for i := 0; i < p.Cells; i += 2 {
		add(i, (i+max(2, p.Cells/4))%p.Cells)
		if p.Cells > 50 {
			add(i+1, (i+1+p.Cells/15)%p.Cells)
		}
	}
	return pairs
}

// random is a source that is the same for the same seed, node and use.
func (p Plan) random(node int, use byte) io.Reader {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], p.Seed)
	binary.BigEndian.PutUint64(key[8:], uint64(node))
	key[16] = use
	return rand.NewChaCha8(key)
}

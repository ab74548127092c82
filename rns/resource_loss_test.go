package rns

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"groupd/rns/msgpack"
)

// TestResourceSurvivesABadPath sends resources of many sizes over a path that loses a fifth of all packets, repeats some
// and mixes their order.
func TestResourceSurvivesABadPath(t *testing.T) {
	t.Parallel()
	cases := []struct{ mtu, n int }{
		{500, 0}, {500, 1}, {500, 464}, {500, 5000}, {500, 34000}, {500, 120_000}, {500, 1<<20 + 5},
		{8192, 3}, {8192, 100_000}, {8192, 1 << 20}, {8192, 5 << 20},
		{262144, 100_000}, {262144, 5 << 20},
	}
	for _, c := range cases {
		for _, text := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d bytes at MTU %d, text %v", c.n, c.mtu, text), func(t *testing.T) {
				t.Parallel()
				s := newResourceSim(t, c.mtu, uint64(c.n))
				s.loss, s.repeat, s.jitter = 0.2, 0.05, 30*time.Millisecond
				s.rate = 200_000
				s.jobTime = 20 * time.Millisecond
				data := resourceRandomData(c.n, 3)
				if text {
					data = resourceText(c.n)
				}
				s.mustCarry(data, resourceSendOptions{noCompress: !text && c.n > 5000 || c.n > 2<<20}) // trying takes long
				s.until(time.Hour, func() bool { return false })
				s.mustBeIdle()
				t.Log(s)
			})
		}
	}
}

func TestResourcesOfRandomSizesArrive(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 1))
		mtu := []int{500, 1064, 8192, 262144}[rng.IntN(4)]
		s := newResourceSim(t, mtu, seed)
		s.loss = rng.Float64() * 0.2
		s.repeat = rng.Float64() * 0.1
		s.jitter = time.Duration(rng.IntN(200)) * time.Millisecond
		s.latency = time.Duration(rng.IntN(500)+1) * time.Millisecond
		s.a.roundTip = 2*s.latency + s.jitter
		if rng.IntN(2) == 0 {
			s.rate = float64(mtu)/10 + rng.Float64()*20000
			s.a.roundTip += time.Duration(204 / s.rate * float64(time.Second))
		}
		s.b.roundTip = s.a.roundTip
		n := int(rng.ExpFloat64() * 30000)
		data := resourceRandomData(n, seed)
		if rng.IntN(2) == 0 {
			data = resourceText(n)
		}
		o := resourceSendOptions{noCompress: n > 5000 && n%3 > 0}
		if rng.IntN(2) == 0 {
			o.metadata = msgpack.Str("of the voyage")
		}
		s.mustCarry(data, o)
		s.until(time.Hour, func() bool { return false })
		s.mustBeIdle()
	}
}

// TestResourceOverOneLossyLoRaHop: 1.2 kbit/s, half a second of latency, one packet in ten lost.
func TestResourceOverOneLossyLoRaHop(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 5)
	s.rate, s.latency, s.loss = 150, 500*time.Millisecond, 0.1
	s.a.roundTip, s.b.roundTip = 3*time.Second, 3*time.Second
	data := resourceRandomData(10_000, 5)
	start := s.now
	s.mustCarry(data, resourceSendOptions{})
	if took := s.now.Sub(start); took > 4*time.Minute {
		t.Errorf("took %s", took)
	}
	if s.a.octets > 16_000 {
		t.Errorf("%d bytes on the air for 10,000", s.a.octets)
	}
	t.Log(s)
}

// TestResourceOverASlowHopWithoutLossSendsNothingTwice: the timers must wait long enough for the radio.
func TestResourceOverASlowHopWithoutLossSendsNothingTwice(t *testing.T) {
	t.Parallel()
	for _, rate := range []float64{25, 60, 150, 1000, 6000} {
		s := newResourceSim(t, MTU, 6)
		s.rate, s.latency = rate, 200*time.Millisecond
		roundTrip := time.Duration(204/rate*float64(time.Second)) + 400*time.Millisecond
		s.a.roundTip, s.b.roundTip = roundTrip, roundTrip
		s.mustCarry(resourceRandomData(8000, 6), resourceSendOptions{})
		if got, want := s.a.packets[ContextResource], 18; got != want {
			t.Errorf("at %v bytes/s %d parts were sent, of %d; %s", rate, got, want, s)
		}
	}
}

// TestResourceTranscriptOfTheSpecification is spec 2 §6.3: 100 KiB over a fast link.
//
// It holds L-091, L-098, L-099, L-100, L-101, L-102.
func TestResourceTranscriptOfTheSpecification(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 7)
	s.latency = 100 * time.Microsecond
	s.a.roundTip, s.b.roundTip = 200*time.Microsecond, 200*time.Microsecond
	s.mustCarry(resourceRandomData(100<<10, 7), resourceSendOptions{})
	if s.a.octets != 107_952 || s.b.octets != 3_052 {
		t.Errorf("sender %d bytes, receiver %d; %s", s.a.octets, s.b.octets, s)
	}
	if n := s.b.packets[ContextResourceReq]; n != 19 {
		t.Errorf("%d part requests", n)
	}
	s = newResourceSim(t, 8192, 7)
	s.mustCarry(make([]byte, 100<<10), resourceSendOptions{})
	if n := s.a.packets[ContextResource]; n != 1 {
		t.Errorf("%d parts of zeros", n)
	}
}

// TestWindowOpensOnAFastLinkAndStaysSmallOnASlowOne follows spec 2 §3.10.
//
// It holds L-108, L-109.
func TestWindowOpensOnAFastLinkAndStaysSmallOnASlowOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		rate     float64
		least    int
		most     int
		roundTip time.Duration
	}{
		{"fast", 1e6, 30, 75, 20 * time.Millisecond},
		{"middling", 2000, 9, 10, 200 * time.Millisecond},
		{"slow", 120, 2, 6, 3 * time.Second},
	} {
		s := newResourceSim(t, MTU, 8)
		s.rate = c.rate
		s.a.roundTip, s.b.roundTip = c.roundTip, c.roundTip
		s.mustCarry(resourceRandomData(300_000, 8), resourceSendOptions{noCompress: true})
		if w := s.b.table.seed.window; w < c.least || w > c.most {
			t.Errorf("%s: window %d", c.name, w)
		}
		// The next one begins where this one ended.
		x := s.a.send(ResourceBytes(resourceRandomData(100_000, 9)), resourceSendOptions{noCompress: true})
		w := s.b.table.seed.window
		s.until(time.Minute, func() bool { return len(s.b.table.incoming) > 0 })
		if got := s.b.table.incoming[0].receiver; got.window != w || got.outstanding != w {
			t.Errorf("%s: next window %d, %d asked for, want %d", c.name, got.window, got.outstanding, w)
		}
		s.until(100*time.Hour, func() bool { return x.done > 0 })
	}
}

// TestPartsOfARoundMayComeInAnyOrder: also the last one first, and in later rounds (D15).
//
// It holds L-153.
func TestPartsOfARoundMayComeInAnyOrder(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 9)
	var held []func()
	reverse := func() {
		for i := len(held) - 1; i >= 0; i-- {
			held[i]()
		}
		held = nil
	}
	s.tap = func(from *resourceEnd, p resourcePacket) bool {
		if p.context != ContextResource {
			return true
		}
		held = append(held, func() { from.peer.hear(p) })
		if len(held) == 1 {
			s.at(s.now.Add(time.Millisecond), reverse)
		}
		return false
	}
	s.mustCarry(resourceRandomData(40_000, 9), resourceSendOptions{})
	if got, want := s.a.packets[ContextResource], 87; got != want {
		t.Errorf("%d parts sent, %d needed", got, want)
	}
}

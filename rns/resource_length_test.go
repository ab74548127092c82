package rns

import (
	"errors"
	"testing"

	"groupd/rns/internal/bz2"
)

// TestAResourceThatLiesAboutItsLength: one that is longer than announced is refused, by its advertisement where that shows it,
// else when it comes out; one that is shorter is what its hash says, and arrives as it is. A sink changes nothing of that.
//
// It holds.
func TestAResourceThatLiesAboutItsLength(t *testing.T) {
	t.Parallel()
	text := resourceText(4000)
	packed, err := bz2.Compress(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		stream     []byte
		compressed bool
		announced  int64
		refused    bool // before anything is received
		arrives    bool
	}{
		"honest":               {text, false, 4000, false, true},
		"longer":               {text, false, 2000, true, false},
		"a little longer":      {text, false, 3990, true, false},
		"shorter":              {text, false, 9000, false, true},
		"packed, honest":       {packed, true, 4000, false, true},
		"packed, longer":       {packed, true, 3999, false, false},
		"packed, much longer":  {packed, true, int64(len(packed)) + 1, false, false},
		"packed, shorter":      {packed, true, 500_000, false, true},
		"packed, beyond bound": {packed, true, 1 << 40, true, false},
	} {
		for _, spooled := range []bool{false, true} {
			s := newResourceSim(t, MTU, 40)
			sink := newSinkProbe()
			s.b.decide = func(ResourceOffer) ResourceDecision {
				d := ResourceDecision{Accept: true, MaxSize: 1 << 20}
				if spooled {
					d.Sink = sink
				}
				return d
			}
			f := s.forgeStream(c.stream, text, c.compressed)
			f.adv.size = c.announced
			f.advertise()
			if got := s.b.packets[ContextResourceRCL] > 0; got != c.refused {
				t.Errorf("%s: refused %v", name, got)
			}
			for i := range f.seg.parts {
				f.part(i)
			}
			s.settle()
			var r *ReceivedResource
			if len(s.b.received) == 1 {
				r = s.b.received[0]
			}
			switch {
			case c.arrives && (r == nil || r.Err != nil || r.Size != int64(len(text)) || spooled && sink.size != r.Size):
				t.Errorf("%s: %+v", name, r)
			case !c.arrives && !c.refused && (r == nil || !errors.Is(r.Err, ErrCorrupt) || s.b.packets[ContextResourceProof] != 0):
				t.Errorf("%s: %+v", name, r)
			case !c.arrives && sink.size != 0:
				t.Errorf("%s: %d bytes reached the sink", name, sink.size)
			}
		}
	}
}

// TestWhatASinkIsGivenWasChecked: nothing of a segment that does not fit its hash.
func TestWhatASinkIsGivenWasChecked(t *testing.T) {
	t.Parallel()
	s := newResourceSim(t, MTU, 41)
	sink := newSinkProbe()
	s.b.decide = intoSink(sink)
	f := s.forgeStream(resourceText(900), resourceText(901), false)
	f.advertise()
	for i := range f.seg.parts {
		f.part(i)
	}
	s.settle()
	if len(s.b.received) != 1 || !errors.Is(s.b.received[0].Err, ErrCorrupt) || sink.size != 0 || sink.closed != 1 {
		t.Errorf("received %v; the sink got %d bytes, closed %d times", s.b.received, sink.size, sink.closed)
	}
	s.mustBeIdle()
}

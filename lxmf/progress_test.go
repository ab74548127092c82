package lxmf_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// watched returns what a watcher of a message sees until it has ended: states and progress.
func watched(out *lxmf.Outgoing) (states []lxmf.State, progress []float64) {
	for {
		changed := out.Changed()
		s, p := out.State(), out.Progress()
		if len(states) == 0 || states[len(states)-1] != s {
			states = append(states, s)
		}
		if len(progress) == 0 || progress[len(progress)-1] != p {
			progress = append(progress, p)
		}
		select {
		case <-out.Done():
			if s.Final() {
				return states, progress
			}
		case <-changed:
		}
	}
}

func TestTheAuthorSeesHowFarAMessageHasCome(t *testing.T) {
	t.Parallel()
	bubbleOn(t, ifacetest.Options{Bitrate: 5000, Latency: 10 * time.Millisecond}, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)

		states, progress := watched(a.send(t, b.Address(), "one packet", by(lxmf.MethodOpportunistic)))
		if fmt.Sprint(states) != "[queued sent delivered]" || fmt.Sprint(progress) != "[0.01 0.5 1]" {
			t.Errorf("a packet: %v %v", states, progress)
		}
		states, progress = watched(a.send(t, b.Address(), "over a link", by(lxmf.MethodDirect)))
		if fmt.Sprint(states) != "[queued sent delivered]" || fmt.Sprint(progress) != "[0.01 0.03 0.05 0.5 1]" && fmt.Sprint(progress) != "[0.01 0.03 0.5 1]" {
			t.Errorf("over a new link: %v %v", states, progress)
		}
		noise := make([]byte, 20_000)
		for i := range noise {
			noise[i] = byte(rand.Int())
		}
		states, progress = watched(a.send(t, b.Address(), string(noise)))
		if fmt.Sprint(states) != "[queued sending delivered]" || len(progress) < 10 {
			t.Errorf("a resource: %v %v", states, progress)
		}
		for i := 1; i < len(progress); i++ {
			if progress[i] < progress[i-1] {
				t.Errorf("backwards: %v", progress)
			}
		}
		states, progress = watched(a.send(t, rns.DestinationHash{1}, "nobody"))
		if fmt.Sprint(states) != "[queued failed]" || fmt.Sprint(progress) != "[0.01 0]" {
			t.Errorf("to nobody: %v %v", states, progress)
		}
	})
}

// TestAirtimeIsEstimatedBeforeAMessageIsSent compares the estimate with what the medium carries.
func TestAirtimeIsEstimatedBeforeAMessageIsSent(t *testing.T) {
	t.Parallel()
	const bitrate = 5000
	bubbleOn(t, ifacetest.Options{Bitrate: bitrate, Latency: 10 * time.Millisecond}, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		a.announce(t)
		b.announce(t)
		time.Sleep(time.Minute)
		noise := make([]byte, 9000)
		for i := range noise {
			noise[i] = byte(rand.Int())
		}
		for _, c := range []struct {
			name   string
			method lxmf.Method
			size   int
		}{
			{"opportunistic", lxmf.MethodOpportunistic, 100},
			{"with a new link", lxmf.MethodDirect, 100},
			{"on the open link", lxmf.MethodDirect, 100},
			{"as a resource", lxmf.MethodDirect, 9000},
		} {
			o := &lxmf.Outbound{From: a.Delivery, To: b.Address(), Content: noise[:c.size], Method: c.method}
			estimate, err := a.Estimate(o)
			if err != nil {
				t.Fatal(err)
			}
			before := m.Stats()
			out, err := a.Send(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if later := out.Airtime(); later.Method != estimate.Method || later.Bitrate != bitrate || later.Hops != 1 {
				t.Errorf("%s: %+v, before %+v", c.name, later, estimate)
			}
			ends(t, out, lxmf.StateDelivered)
			time.Sleep(time.Second)
			after := m.Stats()
			carried, frames := int(after.Bytes-before.Bytes), int(after.Frames-before.Frames)
			said, packets := estimate.Bytes+estimate.AnswerBytes, estimate.Packets+estimate.Answers
			// Who we are is told on a new link after the first message: one packet of 211 bytes more.
			if said < carried*8/10-211 || said > carried*12/10 || packets < frames-4 || packets > frames+4 {
				t.Errorf("%s: %d bytes in %d packets, said %d in %d", c.name, carried, frames, said, packets)
			}
			if want := time.Duration(said) * 8 * time.Second / bitrate; estimate.Time != want {
				t.Errorf("%s: %v, want %v", c.name, estimate.Time, want)
			}
		}
		if e, _ := a.Estimate(&lxmf.Outbound{From: a.Delivery, To: rns.DestinationHash{1}}); e.Hops != 0 || e.Time != 0 || e.Bytes == 0 {
			t.Errorf("to somebody unknown: %+v", e)
		}
	})
}

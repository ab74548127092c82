package lxmf_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns/interfaces/ifacetest"
)

// TestAThousandMessagesArriveOnceEachWhereEveryFifthFrameIsLost sends to and fro over a radio that loses 20 % of all frames. Its
// figures stand in docs/simulations.md; nothing that is lost costs much more than itself.
func TestAThousandMessagesArriveOnceEachWhereEveryFifthFrameIsLost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method lxmf.Method
		most   float64 // bytes on the air per message, as a multiple of those without loss
	}{{lxmf.MethodOpportunistic, 2.2}, {lxmf.MethodDirect, 2.2}} {
		t.Run(c.method.String(), func(t *testing.T) {
			t.Parallel()
			clear, _ := lossy(t, c.method, 200, 0)
			bytes, took := lossy(t, c.method, 1000, 0.2)
			t.Logf("%v: %.0f bytes on the air per message, %.0f without loss; 1,000 in %v", c.method, bytes, clear, took.Round(time.Second))
			if bytes > c.most*clear {
				t.Errorf("%.0f bytes on the air per message, %.0f without loss", bytes, clear)
			}
		})
	}
}

// lossy sends so many messages, every fourth back, and returns the bytes on the air per message.
func lossy(t *testing.T, method lxmf.Method, number int, loss float64) (bytes float64, took time.Duration) {
	o := ifacetest.Options{Latency: 20 * time.Millisecond, Bitrate: 20_000, HalfDuplex: true, Loss: loss, Seed: 5}
	bubbleOn(t, o, func(t *testing.T, m *ifacetest.Medium) {
		a, b := live(t, alice(t), m.Port("a"), options{}), live(t, bob(t), m.Port("b"), options{})
		stop := make(chan struct{})
		defer close(stop)
		go func() { // as people's programs do
			for turn := []*person{a, b}; ; turn[0], turn[1] = turn[1], turn[0] {
				_ = turn[0].Announce(t.Context())
				select {
				case <-time.After(5 * time.Minute):
				case <-stop:
					return
				}
			}
		}()
		time.Sleep(time.Hour)
		got := make(map[string]int)
		before, began := m.Stats().Bytes, time.Now()
		window := make(chan *lxmf.Outgoing, 100)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for out := range window {
				<-out.Done()
				if out.State() != lxmf.StateDelivered {
					t.Errorf("%v: %v", out.State(), out.Err())
				}
			}
		}()
		for i := range number {
			from, to := a, b
			if i%4 == 3 {
				from, to = b, a
			}
			text := fmt.Sprint(i, " ", strings.Repeat("x", i%200))
			window <- from.send(t, to.Address(), text, by(method), func(o *lxmf.Outbound) { o.TTL = 24 * time.Hour })
		}
		close(window)
		<-ended
		took, bytes = time.Since(began), float64(m.Stats().Bytes-before)/float64(number)
		time.Sleep(time.Hour) // late copies would come now
		for _, p := range []*person{a, b} {
			for len(p.got) > 0 {
				got[string((<-p.got).Message.Content)]++
			}
		}
		for text, n := range got {
			if n != 1 {
				t.Errorf("%.10q came %d times", text, n)
			}
		}
		if len(got) != number {
			t.Errorf("%d messages came", len(got))
		}
	})
	return bytes, took
}

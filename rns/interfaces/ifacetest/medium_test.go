package ifacetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
)

// listener collects what a port receives.
type listener struct {
	mu     sync.Mutex
	frames []string
	at     []time.Duration
}

func (l *listener) got() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.frames...)
}

// start runs ports until the test ends, and returns what each hears.
func start(t *testing.T, ports ...*ifacetest.Port) []*listener {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	began := time.Now()
	var ls []*listener
	for _, p := range ports {
		l := &listener{}
		ls = append(ls, l)
		wg.Go(func() {
			err := p.Run(ctx, func(f []byte) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.frames = append(l.frames, string(f))
				l.at = append(l.at, time.Since(began))
			})
			if err != nil {
				t.Errorf("run %s: %v", p.Name(), err)
			}
		})
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	return ls
}

func send(t *testing.T, p *ifacetest.Port, frames ...string) {
	t.Helper()
	for _, f := range frames {
		if err := p.Send([]byte(f)); err != nil {
			t.Fatalf("send on %s: %v", p.Name(), err)
		}
	}
}

func TestEveryPortHearsAllOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b, c := m.Port("a"), m.Port("b"), m.Port("c")
		if m.Port("a") != a {
			t.Fatal("a second port of the same name")
		}
		send(t, a, "early")
		ls := start(t, a, b, c)
		send(t, a, "one", "two")
		synctest.Wait()
		want := []string{"early", "one", "two"}
		if got := ls[1].got(); !reflect.DeepEqual(got, want) {
			t.Errorf("b heard %q", got)
		}
		if got := ls[2].got(); !reflect.DeepEqual(got, want) {
			t.Errorf("c heard %q", got)
		}
		if got := ls[0].got(); got != nil {
			t.Errorf("a heard itself: %q", got)
		}
		if s := m.Stats(); s.Frames != 3 || s.Bytes != 11 || s.Arrived != 6 {
			t.Errorf("stats %+v", s)
		}
		if s := a.Stats(); s.TxFrames != 3 || s.TxBytes != 11 || !s.Online || s.Connects != 1 || s.QueuedFrames != 0 {
			t.Errorf("a's stats %+v", s)
		}
	})
}

func TestAirtimeAndLatencyPassInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 800, Latency: 30 * time.Millisecond})
		a, b := m.Port("a"), m.Port("b")
		ls := start(t, a, b)
		send(t, a, "0123456789", "01234567890123456789")
		time.Sleep(time.Second)
		synctest.Wait()
		want := []time.Duration{130 * time.Millisecond, 330 * time.Millisecond}
		if !reflect.DeepEqual(ls[1].at, want) {
			t.Errorf("arrived at %v, want %v", ls[1].at, want)
		}
		if s := m.Stats(); s.Airtime != 300*time.Millisecond {
			t.Errorf("airtime %v", s.Airtime)
		}
		if p := a.Properties(); p.Bitrate != 800 || p.FrameLimit != 564 || p.MTU != 0 || !p.Outgoing || p.Mode != interfaces.ModeFull {
			t.Errorf("properties %+v", p)
		}
	})
}

func TestLossIsTheSameAtEveryRunWithOneSeed(t *testing.T) {
	run := func(seed uint64) (heard []string, st ifacetest.Stats) {
		synctest.Test(t, func(t *testing.T) {
			m := ifacetest.NewMedium(ifacetest.Options{Loss: 0.3, Duplicate: 0.1, Reorder: 0.2, Bitrate: 1_000_000, Seed: seed})
			a, b := m.Port("a"), m.Port("b")
			ls := start(t, a, b)
			for i := range 500 {
				send(t, a, fmt.Sprint(i))
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			heard, st = ls[1].got(), m.Stats()
		})
		return heard, st
	}
	one, st := run(7)
	again, _ := run(7)
	other, _ := run(8)
	if !reflect.DeepEqual(one, again) {
		t.Error("the same seed gave another result")
	}
	if reflect.DeepEqual(one, other) {
		t.Error("another seed gave the same result")
	}
	if st.Lost < 100 || st.Lost > 200 || st.Duplicated < 15 || st.Reordered < 40 || st.Arrived != 500-st.Lost+st.Duplicated {
		t.Errorf("stats %+v", st)
	}
}

func TestCutAndHeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b, c := m.Port("a"), m.Port("b"), m.Port("c")
		ls := start(t, a, b, c)
		step := func(f func(), frame string) {
			f()
			send(t, a, frame)
			synctest.Wait()
		}
		step(func() { m.Cut("a", "b") }, "1")
		step(func() { m.Heal("a", "b") }, "2")
		step(func() { m.Cut("c") }, "3")
		step(func() { m.CutOneWay("a", "b") }, "4")
		send(t, b, "back")
		synctest.Wait()
		step(func() { m.Heal() }, "5")
		if got := ls[1].got(); !reflect.DeepEqual(got, []string{"2", "3", "5"}) {
			t.Errorf("b heard %q", got)
		}
		if got := ls[2].got(); !reflect.DeepEqual(got, []string{"1", "2", "5"}) {
			t.Errorf("c heard %q", got)
		}
		if got := ls[0].got(); !reflect.DeepEqual(got, []string{"back"}) {
			t.Errorf("a heard %q", got)
		}
	})
}

func TestRadioWaitsUntilTheChannelIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1000, HalfDuplex: true, Seed: 1})
		var ports []*ifacetest.Port
		for i := range 5 {
			ports = append(ports, m.Port(fmt.Sprint(i)))
		}
		ls := start(t, ports...)
		for _, p := range ports {
			for range 4 {
				send(t, p, string(make([]byte, 50)))
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for i, l := range ls {
			if got := len(l.got()); got != 16 {
				t.Errorf("port %d heard %d of 16 frames", i, got)
			}
		}
		if s := m.Stats(); s.Collided != 0 || s.Airtime != 20*400*time.Millisecond {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestHiddenNodesCollide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1000, HalfDuplex: true})
		a, b, c := m.Port("a"), m.Port("b"), m.Port("c")
		m.Cut("a", "c")
		ls := start(t, a, b, c)
		send(t, a, "from a, rather long, so that it lasts")
		time.Sleep(10 * time.Millisecond)
		send(t, c, "from c")
		time.Sleep(10 * time.Second)
		if got := ls[1].got(); got != nil {
			t.Errorf("b understood %q", got)
		}
		if s := m.Stats(); s.Collided != 2 {
			t.Errorf("stats %+v", s)
		}
		send(t, c, "alone")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := ls[1].got(); !reflect.DeepEqual(got, []string{"alone"}) {
			t.Errorf("b heard %q", got)
		}
	})
}

func TestTapSeesAndDropStopsFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b := m.Port("a"), m.Port("b", func(p *interfaces.Properties) { p.Mode = interfaces.ModeGateway })
		if b.Properties().Mode != interfaces.ModeGateway {
			t.Error("the port's own mode is lost")
		}
		var seen bytes.Buffer
		m.Tap(func(from string, frame []byte) { fmt.Fprintf(&seen, "%s:%s ", from, frame) })
		m.Drop(func(from, to string, frame []byte) bool { return string(frame) == "2" && to == "b" })
		ls := start(t, a, b)
		send(t, a, "1", "2", "3")
		synctest.Wait()
		m.Inject([]byte("forged"))
		synctest.Wait()
		if seen.String() != "a:1 a:2 a:3 :forged " {
			t.Errorf("tap saw %q", seen.String())
		}
		if got := ls[1].got(); !reflect.DeepEqual(got, []string{"1", "3", "forged"}) {
			t.Errorf("b heard %q", got)
		}
		if s := m.Stats(); s.Filtered != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestFullQueuesDropTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 8, QueueFrames: 2, ReceiveFrames: 3})
		a, b := m.Port("a"), m.Port("b")
		send(t, a, "1", "2")
		if err := a.Send([]byte("3")); !errors.Is(err, interfaces.ErrQueueFull) {
			t.Errorf("third frame: %v", err)
		}
		if err := a.Send(make([]byte, 565)); !errors.Is(err, interfaces.ErrTooLarge) {
			t.Errorf("large frame: %v", err)
		}
		for i := range 5 {
			m.Inject([]byte{byte('a' + i)})
		}
		ls := start(t, b)
		synctest.Wait()
		if got := ls[0].got(); !reflect.DeepEqual(got, []string{"a", "b", "c"}) {
			t.Errorf("b heard %q", got)
		}
		// Inject filled a's queue as well.
		if s := m.Stats(); s.Overflowed != 4 || b.Stats().RxDropped.Overflow != 2 {
			t.Errorf("stats %+v, %+v", s, b.Stats())
		}
		if s := a.Stats(); s.TxDropped.QueueFull != 1 || s.TxDropped.TooLarge != 1 || s.QueuedFrames != 2 || s.QueuedBytes != 2 {
			t.Errorf("a's stats %+v", s)
		}
	})
}

func TestDownPortRefusesAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 80})
		a, b := m.Port("a"), m.Port("b")
		ups := 0
		a.NotifyUp(func() { ups++ })
		ls := start(t, a, b)
		send(t, a, "on the air", "queued")
		time.Sleep(100 * time.Millisecond)
		a.SetDown(true)
		if err := a.Send([]byte("x")); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("send while down: %v", err)
		}
		if s := a.Stats(); s.Online || s.TxDropped.Lost != 2 || s.TxDropped.Down != 1 {
			t.Errorf("stats %+v", s)
		}
		time.Sleep(10 * time.Second)
		a.SetDown(false)
		send(t, a, "again")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := ls[1].got(); !reflect.DeepEqual(got, []string{"on the air", "again"}) {
			t.Errorf("b heard %q", got)
		}
		if ups != 2 || a.Stats().Connects != 2 {
			t.Errorf("came up %d times, counted %d", ups, a.Stats().Connects)
		}
	})
}

func TestPortRunsAgainAfterItsNodeRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b := m.Port("a"), m.Port("b")
		start(t, b)
		for range 2 {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			heard := make(chan string, 1)
			go func() { done <- a.Run(ctx, func(f []byte) { heard <- string(f) }) }()
			synctest.Wait()
			if err := a.Run(ctx, nil); !errors.Is(err, interfaces.ErrRunning) {
				t.Errorf("second run at the same time: %v", err)
			}
			send(t, b, "hello")
			if got := <-heard; got != "hello" {
				t.Errorf("heard %q", got)
			}
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
			if err := a.Send([]byte("x")); !errors.Is(err, interfaces.ErrDown) {
				t.Errorf("send after run: %v", err)
			}
			send(t, b, "nobody hears this")
			synctest.Wait()
		}
	})
}

func TestLastWordsGetOutWhenANodeStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 8000})
		a, b := m.Port("a"), m.Port("b")
		ls := start(t, b)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- a.Run(ctx, nil) }()
		synctest.Wait()
		for range 3 {
			send(t, a, string(make([]byte, 100))) // 100 ms each: two get out
		}
		cancel()
		before := time.Now()
		<-done
		if d := time.Since(before); d != interfaces.Linger {
			t.Errorf("lingered %v", d)
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if got := len(ls[0].got()); got < 2 {
			t.Errorf("b heard %d frames", got)
		}
	})
}

func TestAFrameTakesTheAirtimeThatIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := func(n int) time.Duration { return time.Second + time.Duration(n)*time.Millisecond }
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 800, Airtime: said})
		a, b := m.Port("a"), m.Port("b")
		ls := start(t, a, b)
		send(t, a, "0123456789")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if want := []time.Duration{said(10)}; !reflect.DeepEqual(ls[1].at, want) || m.Stats().Airtime != said(10) || a.Properties().Bitrate != 800 {
			t.Errorf("arrived at %v, want %v", ls[1].at, want)
		}
	})
}

package rns_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// TestFullQueueOfADestinationTakesARetry holds C-178.
func TestFullQueueOfADestinationTakesARetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		got := make(chan string, 1000)
		p := newTwoNodes(t, func(c *rns.DestinationConfig) {
			c.OnPacket = func(x *rns.ReceivedPacket) { <-block; got <- string(x.Data) }
		})
		var last []byte
		p.m.Tap(func(from string, frame []byte) { last = append([]byte(nil), frame...) })
		for i := range 300 {
			send(t, p.out, fmt.Sprint(i))
		}
		time.Sleep(time.Second)
		if n := p.b.Stats().Drops[rns.DropDestinationQueue]; n != 300-257 {
			t.Errorf("%d dropped", n)
		}
		close(block)
		synctest.Wait()
		p.m.Inject(last) // the same packet again
		time.Sleep(time.Second)
		if len(got) != 258 {
			t.Fatalf("%d delivered", len(got))
		}
		for i := range 257 {
			if x := <-got; x != fmt.Sprint(i) {
				t.Fatalf("packet %d is %s", i, x)
			}
		}
		if x := <-got; x != "299" {
			t.Errorf("the retry brought %s", x)
		}
	})
}

// TestSlowAnnounceHandlerLosesTheOldest holds C-178.
func TestSlowAnnounceHandlerLosesTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a := rnstest.Start(t, rns.Config{}, m.Port("a"))
		block, got := make(chan struct{}), make(chan int64, 1000)
		cancel := a.HandleAnnounces("", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { <-block; got <- x.Emitted.Unix() })
		id := rnstest.Identity(t, 1)
		for i := range 300 {
			random, err := rns.NewRandomField(zeros{}, time.Unix(int64(i), 0))
			if err != nil {
				t.Fatal(err)
			}
			p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName("x"), Random: random})
			if err != nil {
				t.Fatal(err)
			}
			m.Inject(p.Append(nil))
			synctest.Wait()
		}
		if n := a.Stats().Drops[rns.DropHandlerQueue]; n != 300-257 {
			t.Errorf("%d dropped", n)
		}
		close(block)
		synctest.Wait()
		if len(got) != 257 || <-got != 0 || <-got != 300-256 {
			t.Errorf("%d heard", len(got))
		}
		cancel()
		cancel()
		d, _ := inbox(t, rnstest.Start(t, rns.Config{}, m.Port("b")), id)
		announce(t, d)
		if len(got) != 255 {
			t.Error("heard after cancel")
		}
	})
}

func TestFloodOfAnnouncesIsDroppedBeforeVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		tr, err := rns.New(rns.Config{})
		if err != nil {
			t.Fatal(err)
		}
		// The loop is kept busy, so nobody takes what is verified.
		release := make(chan struct{})
		port := held{m.Port("a"), release}
		if err := tr.AddInterface(port, rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		a := rnstest.Run(t, tr)
		synctest.Wait()
		id := rnstest.Identity(t, 1)
		for i := range 1000 {
			random, _ := rns.NewRandomField(zeros{}, time.Unix(int64(i), 0))
			p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName("x"), Random: random})
			if err != nil {
				t.Fatal(err)
			}
			p.Data[70]++ // of the name hash: the signature is wrong
			m.Inject(p.Append(nil))
		}
		close(release)
		synctest.Wait()
		s := a.Stats()
		if s.Drops[rns.DropAnnounceQueue]+s.Drops[rns.DropAnnounceInvalid] != 1000 {
			t.Errorf("drops %v", s.Drops)
		}
		if s.Known != 0 || s.Paths != 0 || s.Interfaces[0].RxAnnounces != 0 {
			t.Errorf("an invalid announce left a trace: %+v", s)
		}
	})
}

// TestGarbageLeavesNoTrace holds C-176.
func TestGarbageLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		frame := make([]byte, 600)
		x := uint32(1)
		for n := range 600 {
			for i := range frame[:n] {
				x = x*1664525 + 1013904223
				frame[i] = byte(x >> 24)
			}
			if n > 0 {
				frame[0] &^= 0x80
			}
			p.m.Inject(frame[:min(n, 560)])
			synctest.Wait()
		}
		time.Sleep(time.Second)
		none(t, p.got)
		s := p.b.Stats()
		if s.Paths != 0 || s.Known != 0 || s.Links != 0 || s.Receipts != 0 {
			t.Errorf("%+v", s)
		}
		announce(t, p.d)
		send(t, p.out, "still there")
		next(t, p.got)
	})
}

package rns_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// openLossy opens a link on a medium that loses much, trying again as long as it takes.
func (p *linkPair) openLossy(t *testing.T) (a, b *rns.Link) {
	t.Helper()
	for range 50 {
		a, err := p.a.OpenLink(t.Context(), p.to)
		if err != nil {
			continue
		}
		select {
		case b := <-p.links:
			if a.State() == rns.LinkActive && b.ID() == a.ID() {
				return a, b
			}
		case <-time.After(20 * time.Second):
			a.Close()
		}
	}
	t.Fatal("no link came to be")
	return nil, nil
}

// TestChannelDeliversInOrderExactlyOnceDespiteLoss holds L-130.
func TestChannelDeliversInOrderExactlyOnceDespiteLoss(t *testing.T) {
	// With a fifth of all frames lost, one message in 160 goes unproved five times, which ends the link; not with this seed.
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{
			Latency: 20 * time.Millisecond, Loss: 0.2, Duplicate: 0.1, Reorder: 0.2, ReorderDelay: 100 * time.Millisecond, Seed: 3,
		})
		a, b := p.openLossy(t)
		const count = 100
		got := make(chan string, 4*count)
		b.Channel().Handle(func(kind uint16, data []byte) { got <- fmt.Sprint(kind, string(data)) })
		back := make(chan string, 4*count)
		a.Channel().Handle(func(kind uint16, data []byte) { back <- fmt.Sprint(kind, string(data)) })
		for i := range count {
			if err := a.Channel().Send(t.Context(), uint16(i), []byte("there")); err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			if i%4 == 0 {
				if err := b.Channel().Send(t.Context(), uint16(i), []byte("back")); err != nil {
					t.Fatalf("message %d back: %v", i, err)
				}
			}
		}
		for _, l := range []*rns.Link{a, b} {
			if err := l.Channel().Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if len(got) != count || len(back) != count/4 {
			t.Fatalf("%d messages arrived, %d came back", len(got), len(back))
		}
		for i := range count {
			if m, want := <-got, fmt.Sprint(i, "there"); m != want {
				t.Fatalf("message %d is %q", i, m)
			}
			if i%4 == 0 {
				if m, want := <-back, fmt.Sprint(i, "back"); m != want {
					t.Fatalf("message %d back is %q", i, m)
				}
			}
		}
		if s := p.medium.Stats(); s.Lost < 20 {
			t.Errorf("only %d frames were lost", s.Lost)
		}
	})
}

// TestChannelEndsTheLinkAfterFiveTries holds L-136.
func TestChannelEndsTheLinkAfterFiveTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 20 * time.Millisecond})
		a, b := p.open(t)
		b.Channel().Handle(func(uint16, []byte) { t.Error("delivered") })
		var tries atomic.Int32
		p.medium.Drop(func(from, _ string, frame []byte) bool {
			lost := from == "a" && contextOf(frame) == rns.ContextChannel
			if lost {
				tries.Add(1)
			}
			return lost
		})
		if err := a.Channel().Send(t.Context(), 1, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := a.Channel().Flush(t.Context()); !errors.Is(err, rns.ErrLinkClosed) {
			t.Errorf("flushed: %v", err)
		}
		if tries.Load() != 5 {
			t.Errorf("%d tries", tries.Load())
		}
		<-b.Done() // it is told
	})
}

func TestChannelMessageWaitsForItsHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 20 * time.Millisecond})
		a, b := p.open(t)
		if err := a.Channel().Send(t.Context(), 0xf000, nil); !errors.Is(err, rns.ErrReservedType) {
			t.Errorf("reserved type: %v", err)
		}
		if err := a.Channel().Send(t.Context(), 1, make([]byte, 426)); !errors.Is(err, rns.ErrTooLarge) {
			t.Errorf("426 bytes: %v", err)
		}
		if err := a.Channel().Send(t.Context(), 1, []byte("early")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		got := make(chan string, 10)
		if err := b.Channel().HandleType(1, func(data []byte) { got <- string(data) }); err != nil {
			t.Fatal(err)
		}
		if m := next(t, got); m != "early" {
			t.Errorf("got %q", m)
		}
		time.Sleep(10 * time.Second)
		if len(got) != 0 || a.State() != rns.LinkActive {
			t.Errorf("%d more, state %v", len(got), a.State())
		}
	})
}

func TestSenderCanGiveUpWaitingForTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 20 * time.Millisecond})
		a, _ := p.open(t)
		failed := make(chan error, 400)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 300 { // 2 are under way, 256 wait, the others are refused
			go func() { failed <- a.Channel().Send(ctx, 1, nil) }()
		}
		sent, refused, late := 0, 0, 0
		for range 300 {
			switch err := <-failed; {
			case err == nil:
				sent++
			case errors.Is(err, rns.ErrTooMany):
				refused++
			case errors.Is(err, context.DeadlineExceeded):
				late++
			default:
				t.Error(err)
			}
		}
		if sent != 2 || late != 256 || refused != 42 {
			t.Errorf("%d sent, %d refused, %d gave up", sent, refused, late)
		}
	})
}

// streams opens a stream at both ends.
func (p *linkPair) streams(t *testing.T, a, b *rns.Link) (*rns.Stream, *rns.Stream) {
	t.Helper()
	x, err := a.Channel().OpenStream(7)
	if err != nil {
		t.Fatal(err)
	}
	y, err := b.Channel().OpenStream(7)
	if err != nil {
		t.Fatal(err)
	}
	return x, y
}

func TestStreamCopiesAMebibyte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond, Loss: 0.002, Seed: 3})
		a, b := p.openLossy(t)
		x, y := p.streams(t, a, b)
		data := new(noise).bytes(1 << 20)
		copy(data[500000:700000], bytes.Repeat([]byte("compressible "), 20000))
		written := make(chan error, 1)
		go func() {
			if _, err := x.Write(data); err != nil {
				written <- err
				return
			}
			written <- x.CloseWrite()
		}()
		got, err := io.ReadAll(y)
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("read %d bytes, %v", len(got), err)
		}
		if err := <-written; err != nil {
			t.Error(err)
		}
		// The other direction is still open.
		if _, err := y.Write([]byte("thanks")); err != nil {
			t.Error(err)
		}
		if err := y.Close(); err != nil {
			t.Error(err)
		}
		if got, err := io.ReadAll(x); err != nil || string(got) != "thanks" {
			t.Errorf("read %q, %v", got, err)
		}
		if _, err := x.Write(nil); !errors.Is(err, rns.ErrClosed) {
			t.Errorf("write after CloseWrite: %v", err)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
		if err := x.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
	})
}

func TestStreamDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		a, b := p.open(t)
		x, y := p.streams(t, a, b)
		buffer := make([]byte, 10)

		if err := x.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var timeout net.Error
		if _, err := x.Read(buffer); !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(began) != time.Second {
			t.Errorf("read: %v after %v", err, time.Since(began))
		}
		if _, err := x.Read(buffer); !errors.Is(err, rns.ErrTimeout) {
			t.Errorf("read again: %v", err)
		}
		if err := x.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Second)
			y.Write([]byte("late"))
		}()
		if n, err := x.Read(buffer); err != nil || string(buffer[:n]) != "late" {
			t.Errorf("read %q, %v", buffer[:n], err)
		}
		// A deadline that is set while somebody waits.
		go func() {
			time.Sleep(time.Second)
			x.SetDeadline(time.Now())
		}()
		if _, err := x.Read(buffer); !errors.Is(err, rns.ErrTimeout) {
			t.Errorf("read: %v", err)
		}
		if err := x.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		// Nobody proves any more: the window fills up, and a write waits.
		p.medium.Cut("b")
		if err := x.SetWriteDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if n, err := x.Write(new(noise).bytes(10000)); !errors.Is(err, rns.ErrTimeout) || n != 2*423 {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
		// Closing ends what waits.
		go func() {
			time.Sleep(100 * time.Millisecond)
			y.Close()
		}()
		if _, err := y.Read(buffer); !errors.Is(err, net.ErrClosed) {
			t.Errorf("read of a closed stream: %v", err)
		}
		<-a.Done()
		if _, err := x.Read(buffer); !errors.Is(err, rns.ErrLinkClosed) {
			t.Errorf("read on a closed link: %v", err)
		}
	})
}

func TestSlowReaderHoldsTheWriterBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		a, b := p.open(t)
		x, y := p.streams(t, a, b)
		data := bytes.Repeat([]byte("words "), 200000) // compressed, so that it takes few messages
		go func() {
			x.Write(data)
			x.Close()
		}()
		for p.b.LinkStats().StreamFull == 0 { // a mebibyte waits to be read, no more is taken
			time.Sleep(100 * time.Millisecond)
		}
		got, err := io.ReadAll(y)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	})
}

// TestStreamIDsAreChecked holds L-138.
func TestStreamIDsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		a, b := p.open(t)
		if _, err := a.Channel().OpenStream(16384); !errors.Is(err, rns.ErrTooLarge) {
			t.Errorf("id 16384: %v", err)
		}
		x, err := a.Channel().OpenStreamPair(1, 2)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := a.Channel().OpenStreamPair(1, 2); err != nil || again != x {
			t.Errorf("opened again: %v", err)
		}
		if _, err := a.Channel().OpenStream(1); !errors.Is(err, rns.ErrInUse) {
			t.Errorf("opened otherwise: %v", err)
		}
		y, err := b.Channel().OpenStreamPair(2, 1)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			x.Write([]byte("one"))
			x.Close()
		}()
		if got, err := io.ReadAll(y); err != nil || string(got) != "one" {
			t.Errorf("read %q, %v", got, err)
		}
		y.Close()
		time.Sleep(time.Second)
		if again, err := a.Channel().OpenStreamPair(1, 2); err != nil || again == x {
			t.Errorf("a stream that is over at both ends is still there: %v", err)
		}
	})
}

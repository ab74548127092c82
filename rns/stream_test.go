package rns_test

import (
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

func TestReadOfAStreamThatWasOpenedOnAClosedLinkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		a, b := p.open(t)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		<-b.Done()
		for _, l := range []*rns.Link{a, b} { // the channel opened before the link was closed, and not; and so the streams
			s, err := l.Channel().OpenStream(1)
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, err := s.Read(make([]byte, 1))
				ended <- err
			}()
			select {
			case err := <-ended:
				if !errors.Is(err, rns.ErrLinkClosed) {
					t.Errorf("read: %v", err)
				}
			case <-time.After(time.Hour):
				t.Error("the read still waits")
				_ = s.SetReadDeadline(time.Now())
			}
			if _, err := s.Write([]byte("word")); !errors.Is(err, rns.ErrLinkClosed) {
				t.Errorf("write: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	})
}

func TestWhatArrivedBeforeTheLinkClosedCanStillBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		a, b := p.open(t)
		x, y := p.streams(t, a, b)
		if _, err := x.Write([]byte("last words")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		<-b.Done()
		if got, err := io.ReadAll(y); string(got) != "last words" || !errors.Is(err, rns.ErrLinkClosed) {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestStreamThatWasClosedHereOnlyIsNotGivenOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		a, b := p.open(t)
		x, y := p.streams(t, a, b)
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err := a.Channel().OpenStream(7); !errors.Is(err, rns.ErrInUse) {
			t.Errorf("opened again while the other end still sends: %p (closed: %p), %v", s, x, err)
		}
		if err := y.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if s, err := a.Channel().OpenStream(7); err != nil || s == x {
			t.Errorf("opened again when it is over: %p (closed: %p), %v", s, x, err)
		}
	})
}

func TestStreamDeadlineIsTheErrorThatNetConnsHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		a, b := p.open(t)
		x, _ := p.streams(t, a, b)
		if err := x.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := x.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.Is(err, rns.ErrTimeout) {
			t.Errorf("read: %v", err)
		}
	})
}

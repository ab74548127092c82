package carrier_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/hdlc"
)

func props() interfaces.Properties { return interfaces.Properties{FrameLimit: 100, Outgoing: true} }

func frame(n int) []byte { return bytes.Repeat([]byte{1}, n) }

func TestQueueIsBoundedInFramesAndBytesAndSaysWhy(t *testing.T) {
	f, e := carrier.New("Test[x]", props(), 3, 200, nil)
	if err := f.Send(frame(1)); !errors.Is(err, interfaces.ErrDown) {
		t.Errorf("down: %v", err)
	}
	e.Up()
	if err := f.Send(frame(101)); !errors.Is(err, interfaces.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	for i, want := range []error{nil, interfaces.ErrQueueFull, nil, nil, interfaces.ErrQueueFull} { // 100, 101 over 200, 50, 50, a fourth
		n := []int{100, 100, 50, 50, 0}[i]
		if i == 1 {
			f.Send(frame(1)) // 101 bytes: 100 more do not fit
		}
		if i == 2 {
			e.Wrote(1, 100)
		}
		if err := f.Send(frame(n)); !errors.Is(err, want) {
			t.Errorf("send %d: %v, want %v", i, err, want)
		}
	}
	if s := f.Stats(); s.QueuedFrames != 3 || s.QueuedBytes != 101 || s.TxFrames != 1 || s.TxBytes != 100 || s.TxDropped.QueueFull != 2 || s.Connects != 1 {
		t.Errorf("%+v", s)
	}
	e.Lost(errors.New("no route"))
	e.Down(errors.New("unplugged"))
	if s := f.Stats(); s.Online || s.QueuedFrames != 0 || s.QueuedBytes != 0 || s.TxDropped.Lost != 3 || s.LastError != "unplugged" {
		t.Errorf("%+v", s)
	}
	e.Wrote(2, 5) // a writer that did not know
	if s := f.Stats(); s.TxFrames != 1 || s.TxBytes != 105 {
		t.Errorf("%+v", s)
	}
}

func TestSentFramesAreCopies(t *testing.T) {
	f, e := carrier.New("Test[x]", props(), 3, 200, nil)
	e.Up()
	mine := []byte("packet")
	f.Send(mine)
	mine[0] = 'r'
	if got, ok := e.Next(); !ok || string(got) != "packet" {
		t.Errorf("queued %q", got)
	}
}

func TestDatagramsThatAreNotTakenAreLostAndLastWordsGetOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, e := carrier.New("Test[x]", props(), 10, 1000, nil)
		e.Up()
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var wrote []string
		var refuse error
		done := make(chan struct{})
		go func() {
			defer close(done)
			carrier.WriteDatagrams(ctx, ctx, e, func(b []byte) (int, error) {
				mu.Lock()
				defer mu.Unlock()
				if refuse != nil {
					return 0, refuse
				}
				wrote = append(wrote, string(b))
				return len(b), nil
			})
		}()
		f.Send([]byte("one"))
		synctest.Wait()
		refuse = errors.New("no route")
		f.Send([]byte("two"))
		synctest.Wait()
		refuse = nil
		f.Send([]byte("three"))
		cancel()
		<-done
		if s := f.Stats(); len(wrote) != 2 || wrote[1] != "three" || s.TxDropped.Lost != 1 || s.LastError != "no route" || s.TxBytes != 8 {
			t.Errorf("%q, %+v", wrote, s)
		}
	})
}

func TestAStreamThatBreaksTakesTheInterfaceDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, e := carrier.New("Test[x]", props(), 10, 1000, carrier.HDLC{Min: 3})
		near, far := net.Pipe()
		if !e.Begin() || e.Begin() {
			t.Error("runs twice, or never")
		}
		e.Up()
		ended := make(chan error, 1)
		var got [][]byte
		go func() {
			ended <- e.Carry(t.Context(), near, time.Minute, func(p []byte) { got = append(got, bytes.Clone(p)) })
		}()
		for _, n := range []int{2, 3, 100, 101} {
			far.Write(hdlc.AppendFrame(nil, frame(n)))
		}
		far.Write([]byte{hdlc.Flag, 1, 2})
		synctest.Wait()
		f.Send(frame(10)) // nobody reads it
		far.Close()
		if err := <-ended; err == nil {
			t.Error("no reason")
		}
		e.End()
		s := f.Stats()
		if len(got) != 2 || s.RxFrames != 2 || s.RxBytes != 103 || e.Heard() != 2 {
			t.Errorf("%d frames, %+v", len(got), s)
		}
		if d := s.RxDropped; d.TooShort != 1 || d.TooLong != 1 || d.Unfinished != 1 || d.Overflow != 0 || s.TxDropped.Lost != 1 || s.Online {
			t.Errorf("%+v", s)
		}
	})
}

func TestOptionsAreCheckedAndCompleted(t *testing.T) {
	kind := carrier.Kind{Bitrate: 1200, IFACSize: 8, FrameLimit: 564}
	o, err := carrier.Options{}.Complete(kind)
	if err != nil {
		t.Fatal(err)
	}
	want := interfaces.Properties{Mode: interfaces.ModeFull, Bitrate: 1200, FrameLimit: 564, IFACSize: 8, Outgoing: true}
	if p := o.Properties(kind); p != want || o.QueueFrames != carrier.DefaultQueueFrames || o.QueueBytes != carrier.DefaultQueueBytes || o.Logger == nil {
		t.Errorf("%+v, %+v", p, o)
	}
	for _, wrong := range []carrier.Options{{IFACSize: 65}, {IFACSize: -1}, {Bitrate: -1}, {QueueFrames: -1}, {QueueBytes: -1}} {
		if _, err := wrong.Complete(kind); err == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
	c, err := config.Read([]byte("[interfaces]\n[[A]]\ntype = AutoInterface\nenabled = yes\nmode = ap\noutgoing = no\nbitrate = 9600\nifac_size = 128\n"))
	if err != nil {
		t.Fatal(err)
	}
	o, err = carrier.FromConfig(c.Interfaces[0], nil).Complete(carrier.Kind{MTU: 1196, IFACSize: 8})
	want = interfaces.Properties{Mode: interfaces.ModeAccessPoint, Bitrate: 9600, MTU: 1196, FrameLimit: 1212, IFACSize: 8}
	if p := o.Properties(carrier.Kind{MTU: 1196, IFACSize: 8}); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestUpAndFailuresAreTold(t *testing.T) {
	f, e := carrier.New("Test[x]", props(), 3, 200, nil)
	e.Up()
	e.Failed(errors.New("nobody listens"))
	var told []string
	e.OnUp(func() {
		if err := f.Send(frame(1)); err != nil {
			t.Errorf("told too early: %v", err)
		}
		told = append(told, "up")
	})
	e.OnFailure(func(why error) { told = append(told, why.Error()) })
	e.Up()
	e.Down(errors.New("a lost connection is no failure"))
	e.Failed(errors.New("unplugged"))
	if want := []string{"up", "unplugged"}; !slices.Equal(told, want) {
		t.Errorf("%q", told)
	}
}

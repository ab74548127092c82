package lxmf_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/lxmf/filespool"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// watchedSpool looks at the heap while messages are written to it, and may fail.
type watchedSpool struct {
	*filespool.Spool
	dir         string
	start, most atomic.Int64
	watch       bool
	fail        atomic.Bool
	failRead    atomic.Bool
}

func newWatchedSpool(t *testing.T) *watchedSpool {
	t.Helper()
	dir := t.TempDir()
	s, err := filespool.Open(filespool.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return &watchedSpool{Spool: s, dir: dir}
}

type watchedFile struct {
	lxmf.SpoolFile
	s *watchedSpool
}

func (s *watchedSpool) Create(size int64) (lxmf.SpoolFile, error) {
	s.look()
	f, err := s.Spool.Create(size)
	if err != nil {
		return nil, err
	}
	return watchedFile{f, s}, nil
}

func (f watchedFile) Write(b []byte) (int, error) {
	f.s.look()
	if f.s.fail.Load() {
		return 0, errors.New("disk full")
	}
	return f.SpoolFile.Write(b)
}

func (f watchedFile) ReadAt(b []byte, off int64) (int, error) {
	if f.s.failRead.Load() {
		return 0, errors.New("disk broken")
	}
	return f.SpoolFile.ReadAt(b, off)
}

// look takes the size of the live heap.
func (s *watchedSpool) look() {
	if !s.watch {
		return
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	heap := int64(m.HeapAlloc)
	s.start.CompareAndSwap(0, heap)
	s.most.Store(max(s.most.Load(), heap))
}

// empty fails the test when there is a file, or room is taken.
func (s *watchedSpool) empty(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) != 0 || s.Reserved() != 0 {
		t.Errorf("the spool holds %v, %d bytes; %v", entries, s.Reserved(), err)
	}
}

// noisy returns bytes that do not compress.
func noisy(n int) []byte {
	b := make([]byte, n)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(b)
	return b
}

// largeLink is a sender who has identified and a recipient with a spool, who may get 32 MB.
func largeLink(t *testing.T, m *ifacetest.Medium, s *watchedSpool, change func(*lxmf.DeliveryConfig)) (a, b *person) {
	t.Helper()
	a = live(t, rnstest.Identity(t, 1), m.Port("a"), options{})
	b = live(t, rnstest.Identity(t, 2), m.Port("b"), options{
		router: func(c *lxmf.RouterConfig) { c.Spool = s },
		delivery: func(c *lxmf.DeliveryConfig) {
			c.MaxSize, c.MaxStrangerSize = 32<<20, 32<<20
			if change != nil {
				change(c)
			}
		},
	})
	a.announce(t)
	b.announce(t)
	return a, b
}

func attached(data []byte) func(*lxmf.Outbound) {
	return func(o *lxmf.Outbound) {
		o.Method = lxmf.MethodDirect
		o.Fields.SetAttachments(lxmf.Attachment{Name: "large.bin", Data: data})
	}
}

// TestALargeMessageGoesToDiskAndNotToMemory: while 20 MB come in, a few are in memory; the application reads the file before it
// proves, and nothing is left afterwards. It does not run beside others, whose memory it would measure.
func TestALargeMessageGoesToDiskAndNotToMemory(t *testing.T) {
	bubbleOn(t, ifacetest.Options{Latency: time.Millisecond, MTU: 16384}, func(t *testing.T, m *ifacetest.Medium) {
		s := newWatchedSpool(t)
		s.watch = true
		a, b := largeLink(t, m, s, manual)
		data := noisy(20 << 20)
		out := a.send(t, b.Address(), "see the file", attached(data))
		in := b.receive(t)
		s.look()
		most := s.most.Load() - s.start.Load()
		t.Logf("at most %d KiB more in memory, both ends", most>>10)
		if most > 8<<20 {
			t.Errorf("%d bytes were in memory", most)
		}
		if !in.Message.Spooled() || string(in.Message.Content) != "see the file" || in.Message.ID() != out.ID() {
			t.Errorf("message %v %q", in.Message.ID(), in.Message.Content)
		}
		files := in.Message.Files()
		if len(files) != 1 || files[0].Name != "large.bin" {
			t.Fatalf("files %+v", files)
		}
		got, err := io.ReadAll(files[0].Open())
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if out.State() == lxmf.StateDelivered {
			t.Error("proved before the decision")
		}
		in.Prove()
		ends(t, out, lxmf.StateDelivered)
		s.empty(t)
		if _, err := files[0].Open().ReadAt(make([]byte, 1), 0); err == nil {
			t.Error("readable after the decision")
		}
		if st := b.Stats(); st.Spooled != 1 || st.Accepted != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// TestWhateverBecomesOfALargeMessageItsFileGoes.
func TestWhateverBecomesOfALargeMessageItsFileGoes(t *testing.T) {
	data := noisy(100_000)
	deliver := func(t *testing.T, m *ifacetest.Medium, change func(*lxmf.DeliveryConfig), then func(a, b *person, s *watchedSpool, out *lxmf.Outgoing)) {
		s := newWatchedSpool(t)
		a, b := largeLink(t, m, s, change)
		then(a, b, s, a.send(t, b.Address(), "x", attached(data)))
		time.Sleep(time.Minute)
		s.empty(t)
	}
	on := func(name string, change func(*lxmf.DeliveryConfig), then func(a, b *person, s *watchedSpool, out *lxmf.Outgoing)) {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *ifacetest.Medium) { deliver(t, m, change, then) })
		})
	}
	on("dropped, and sent again", manual, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		b.receive(t).Drop()
		s.empty(t)
		b.receive(t).Prove()
		ends(t, out, lxmf.StateDelivered)
	})
	on("never decided", manual, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		b.receive(t)
		time.Sleep(4 * lxmf.DefaultDecisionTimeout) // it may have come again
		if st := b.Stats(); st.Undecided == 0 || st.UndecidedNow != 0 {
			t.Errorf("%+v", st)
		}
	})
	on("without a stamp", func(c *lxmf.DeliveryConfig) {
		c.StampCost = func() int { return 8 }
	}, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		ends(t, out, lxmf.StateDelivered) // a made one, since b announced it
		b.receive(t)
		if st := b.Stats(); st.StampsChecked != 1 {
			t.Errorf("%+v", st)
		}
	})
	on("router ends", manual, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		in := b.receive(t)
		b.stop()
		in.Drop()
	})
	on("delivery closed", manual, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		in := b.receive(t)
		if err := b.Delivery.Close(t.Context()); err != nil {
			t.Error(err)
		}
		in.Prove()
	})
	on("link breaks on the way", nil, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		for s.Reserved() == 0 {
			time.Sleep(time.Millisecond)
		}
		a.stop()
	})
	on("disk full, then not", nil, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		s.fail.Store(true)
		time.Sleep(time.Minute)
		s.fail.Store(false)
		ends(t, out, lxmf.StateDelivered)
		b.receive(t)
	})
	on("disk broken, then not", nil, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		s.failRead.Store(true)
		time.Sleep(time.Minute)
		s.failRead.Store(false)
		ends(t, out, lxmf.StateDelivered)
		b.receive(t)
		if st := b.Stats(); st.StoreErrors == 0 || st.Forged+st.Malformed != 0 {
			t.Errorf("%+v", st)
		}
	})
	on("known already", nil, func(a, b *person, s *watchedSpool, out *lxmf.Outgoing) {
		ends(t, out, lxmf.StateDelivered)
		b.receive(t)
	})
}

// TestNoRoomInTheSpoolMeansLater: the sender is not answered, and succeeds when there is room.
func TestNoRoomInTheSpoolMeansLater(t *testing.T) {
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		s := newWatchedSpool(t)
		blocker, err := s.Spool.Create(filespool.DefaultMaxBytes)
		if err != nil {
			t.Fatal(err)
		}
		a, b := largeLink(t, m, s, nil)
		out := a.send(t, b.Address(), "x", attached(noisy(100_000)))
		b.nothing(t, 15*time.Second)
		if st := b.Stats(); st.SpoolFull == 0 || out.State() == lxmf.StateRejected {
			t.Errorf("%v, %+v", out.State(), st)
		}
		if err := blocker.Close(); err != nil {
			t.Error(err)
		}
		ends(t, out, lxmf.StateDelivered)
		b.receive(t)
		s.empty(t)
	})
}

// TestALargeMessageOfAnUnknownAuthorIsHeldInStorage up to what strangers may have held.
func TestALargeMessageOfAnUnknownAuthorIsHeldInStorage(t *testing.T) {
	bubble(t, func(t *testing.T, m *ifacetest.Medium) {
		s := newWatchedSpool(t)
		_, b := largeLink(t, m, s, func(c *lxmf.DeliveryConfig) { c.MaxStrangerSize = 200_000 })
		stranger := rnstest.Start(t, rns.Config{}, m.Port("c"))
		author := rnstest.Identity(t, 3)
		if err := stranger.AwaitPath(t.Context(), b.Address()); err != nil {
			t.Fatal(err)
		}
		l, err := stranger.OpenLink(t.Context(), stranger.NewRemote(rnstest.Identity(t, 2).Public(), lxmf.AppName, lxmf.DeliveryAspect))
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{150_000, 250_000} {
			if size > 200_000 { // somebody else's key, so that it may come at all
				if err := l.Identify(rnstest.Identity(t, 4)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
			var f lxmf.Fields
			f.SetAttachments(lxmf.Attachment{Name: "x", Data: noisy(size)})
			msg, err := lxmf.Pack(author, lxmf.Draft{Destination: b.Address(), Timestamp: float64(size), Fields: f})
			if err != nil {
				t.Fatal(err)
			}
			err = l.SendResource(t.Context(), rns.ResourceBytes(msg.Packed()), rns.ResourceOptions{})
			if held := b.Stats().HeldNow; (err == nil) != (size < 200_000) || held != 1 {
				t.Errorf("%d bytes: %v, %d held", size, err, held)
			}
		}
		s.empty(t)
		b.nothing(t, time.Second)
	})
}

package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/hdlc"
	"groupd/rns/interfaces/tcp"
)

// I-034, I-136.
func TestClientAndServerCarryFramesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h, in := newWire(), newHub(), newInbox()
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Port: 4242, Listen: w.Listen})
		if err != nil {
			t.Fatal(err)
		}
		stopServer := background(t, func(ctx context.Context) {
			if err := s.Serve(ctx, h.attach); err != nil {
				t.Errorf("serve: %v", err)
			}
		})
		stopClient := background(t, func(ctx context.Context) {
			if err := c.Run(ctx, in.deliver); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		if name := <-h.names; name != "TCPInterface[Client on Srv/pipe]" {
			t.Errorf("spawned %s", name)
		}
		p := <-h.peers
		synctest.Wait()
		var want [][]byte
		for i := range 100 {
			f := frame(20+i, byte(0x60+i))
			want = append(want, f)
			if err := errors.Join(c.Send(f), p.Send(f)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if !reflect.DeepEqual(h.inbox.all(), want) || !reflect.DeepEqual(in.all(), want) {
			t.Errorf("server got %d, client %d of 100 frames", len(h.inbox.all()), len(in.all()))
		}
		cs, ps := c.Stats(), p.Stats()
		var sum, framed uint64
		for _, f := range want {
			sum += uint64(len(f))
			framed += uint64(hdlc.FrameLen(f))
		}
		if cs.TxFrames != 100 || cs.TxBytes != framed || ps.RxFrames != 100 || ps.RxBytes != sum || cs.QueuedBytes != 0 || !cs.Online || !ps.Online {
			t.Errorf("client %+v, server %+v", cs, ps)
		}
		stopClient()
		synctest.Wait()
		if err := p.Send(want[0]); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("send to a client that left: %v", err)
		}
		if err := c.Send(want[0]); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("send after run: %v", err)
		}
		if n := s.Stats().Connections; n != 0 || h.live() != 0 {
			t.Errorf("%d connections, %d running", n, h.live())
		}
		stopServer()
	})
}

// I-027: the first wait is that of the reference.
func TestClientReconnectsWithGrowingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.setRefuse(errors.New("connection refused"))
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		background(t, func(ctx context.Context) { c.Run(ctx, newInbox().deliver) })
		time.Sleep(5 * time.Minute)
		var waits []time.Duration
		dials := w.dialTimes()
		for i := range dials[1:] {
			waits = append(waits, dials[i+1].Sub(dials[i]))
		}
		want := []time.Duration{5000, 7500, 11250, 16875, 25312, 37968, 56953, 60000, 60000}
		for i := range want {
			if i >= len(waits) || waits[i].Milliseconds() != int64(want[i]) {
				t.Fatalf("waits %v, want %v ms", waits, want)
			}
		}
		if s := c.Stats(); s.LastError != "connection refused" || s.Connects != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// I-027.
func TestClientReconnectsFiveSecondsAfterTheServerLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, in := newWire(), newInbox()
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		ups := 0
		c.NotifyUp(func() {
			ups++
			if err := c.Send(frame(30, byte(ups))); err != nil {
				t.Errorf("send when up: %v", err)
			}
		})
		background(t, func(ctx context.Context) { c.Run(ctx, in.deliver) })
		for i := range 5 {
			far, err := w.Accept()
			if err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 32)
			if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, hdlc.AppendFrame(nil, frame(30, byte(i+1)))) {
				t.Fatalf("after connecting: %x, %v", got, err)
			}
			far.Write(hdlc.AppendFrame(nil, frame(40, 9)))
			far.Close()
		}
		time.Sleep(time.Millisecond)
		dials := w.dialTimes()
		for i := range dials[1:] {
			if d := dials[i+1].Sub(dials[i]); d != 5*time.Second {
				t.Errorf("waited %v", d)
			}
		}
		if s := c.Stats(); s.Connects != 5 || s.LastError != "connection closed by the other side" || ups != 5 || len(in.all()) != 5 {
			t.Errorf("stats %+v, up %d times, %d frames", s, ups, len(in.all()))
		}
	})
}

func TestServerThatHangsUpAtOnceIsNotFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		background(t, func(ctx context.Context) { c.Run(ctx, newInbox().deliver) })
		background(t, func(ctx context.Context) {
			for {
				select {
				case far := <-w.conns:
					far.Close()
				case <-ctx.Done():
					return
				}
			}
		})
		time.Sleep(time.Hour)
		if n := len(w.dialTimes()); n < 60 || n > 70 {
			t.Errorf("%d connections in an hour", n)
		}
	})
}

// I-028.
func TestClientGivesUpAfterTheConfiguredTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		refused := errors.New("connection refused")
		w.setRefuse(refused)
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial, MaxReconnectTries: 3})
		err := c.Run(context.Background(), newInbox().deliver)
		if !errors.Is(err, tcp.ErrGaveUp) || !errors.Is(err, refused) {
			t.Errorf("run: %v", err)
		}
		if n := len(w.dialTimes()); n != 4 {
			t.Errorf("%d attempts", n)
		}
		if s := c.Stats(); s.LastError != "gave up reconnecting after 3 attempts: connection refused" || s.Online {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestConnectTimesOutAndStopsWhenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire() // nobody accepts
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		stop := background(t, func(ctx context.Context) { c.Run(ctx, newInbox().deliver) })
		time.Sleep(11 * time.Second)
		dials := w.dialTimes()
		if len(dials) != 2 || dials[1].Sub(dials[0]) != 10*time.Second {
			t.Errorf("dialed at %v", dials)
		}
		before := time.Now()
		stop()
		if d := time.Since(before); d != 0 {
			t.Errorf("stopping took %v", d)
		}
	})
}

func TestRetryEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.setRefuse(errors.New("connection refused"))
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		background(t, func(ctx context.Context) { c.Run(ctx, newInbox().deliver) })
		time.Sleep(time.Second)
		c.Retry()
		synctest.Wait()
		if n := len(w.dialTimes()); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestJitterLengthensWaitsByAFifthAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		w.setRefuse(errors.New("connection refused"))
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial, Jitter: func() float64 { return 0.5 }})
		background(t, func(ctx context.Context) { c.Run(ctx, newInbox().deliver) })
		time.Sleep(6 * time.Second)
		if d := w.dialTimes(); len(d) != 2 || d[1].Sub(d[0]) != 5500*time.Millisecond {
			t.Errorf("dialed at %v", d)
		}
	})
}

// connected starts a client and returns it with the far end of its connection.
func connected(t *testing.T, config tcp.ClientConfig, in *inbox) (*tcp.Client, net.Conn) {
	t.Helper()
	w := newWire()
	config.Dial = w.Dial
	c := newClient(t, config)
	background(t, func(ctx context.Context) { c.Run(ctx, in.deliver) })
	far, err := w.Accept()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return c, far
}

// I-151.
func TestFullQueueDropsTheNewestAndReadingGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox()
		c, far := connected(t, tcp.ClientConfig{Options: tcp.Options{QueueFrames: 3}}, in)
		for i := range 3 {
			if err := c.Send(frame(30, byte(i))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait() // the writer waits for a peer that does not read
		if err := c.Send(frame(30, 3)); !errors.Is(err, interfaces.ErrQueueFull) {
			t.Errorf("fourth frame: %v", err)
		}
		far.Write(hdlc.AppendFrame(nil, frame(50, 7)))
		synctest.Wait()
		if got := in.all(); len(got) != 1 {
			t.Errorf("%d frames while the other side does not read", len(got))
		}
		buf := make([]byte, 96)
		if _, err := io.ReadFull(far, buf); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := c.Send(frame(30, 4)); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
		if s := c.Stats(); s.TxDropped.QueueFull != 1 || s.TxFrames != 3 || s.QueuedFrames != 1 || s.QueuedBytes != 32 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestQueueIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := connected(t, tcp.ClientConfig{Options: tcp.Options{QueueBytes: 1}}, newInbox())
		// Raised to four of the longest frames, all escaped.
		for range 4 {
			if err := c.Send(frame(8208, 0x7e)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Send(frame(20, 0)); !errors.Is(err, interfaces.ErrQueueFull) {
			t.Errorf("one more: %v", err)
		}
	})
}

func TestPeerThatNeverReadsIsDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, far := connected(t, tcp.ClientConfig{}, newInbox())
		c.Send(frame(30, 1))
		c.Send(frame(30, 2))
		time.Sleep(50 * time.Second)
		far.Read(make([]byte, 10)) // some progress
		time.Sleep(50 * time.Second)
		if !c.Stats().Online {
			t.Error("disconnected a peer that reads slowly")
		}
		time.Sleep(30 * time.Second)
		if s := c.Stats(); s.Online || s.TxDropped.Lost != 2 || s.TxBytes != 10 || s.LastError == "" {
			t.Errorf("stats %+v", s)
		}
	})
}

// I-004, I-005, I-006, I-007, I-008.
func TestGarbageFromThePeerLosesOnlyTheGarbage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInbox()
		c, far := connected(t, tcp.ClientConfig{}, in)
		good, other := frame(20, 1), frame(8208, 2)
		var wire []byte
		wire = append(wire, "HTTP/1.1 400 Bad Request\r\n"...)
		wire = hdlc.AppendFrame(wire, good)
		wire = hdlc.AppendFrame(wire, frame(19, 3))
		wire = hdlc.AppendFrame(wire, frame(8209, 4))
		wire = hdlc.AppendFrame(wire, frame(100_000, 5))
		wire = hdlc.AppendFrame(wire, nil)
		wire = hdlc.AppendFrame(wire, other)
		wire = append(wire, 0x7e, 1, 2, 3)
		for part := range slices.Chunk(wire, 777) {
			far.Write(part)
		}
		far.Close()
		synctest.Wait()
		if got := in.all(); len(got) != 2 || !bytes.Equal(got[0], good) || !bytes.Equal(got[1], other) {
			t.Errorf("got %d frames", len(got))
		}
		if d := c.Stats().RxDropped; d.TooShort != 1 || d.TooLong != 2 || d.Unfinished != 1 || d.Sum() != 4 {
			t.Errorf("dropped %+v", d)
		}
	})
}

func TestLastWordsAreWrittenBeforeClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		stop := background(t, func(ctx context.Context) { c.Run(ctx, newInbox().deliver) })
		far, _ := w.Accept()
		synctest.Wait()
		got := make(chan []byte)
		go func() {
			time.Sleep(100 * time.Millisecond)
			all, _ := io.ReadAll(far)
			got <- all
		}()
		c.Send(frame(20, 1))
		go stop()
		if all := <-got; !bytes.Equal(all, hdlc.AppendFrame(nil, frame(20, 1))) {
			t.Errorf("the peer read %x", all)
		}
	})
}

func TestStoppingDoesNotWaitForAPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial})
		stop := background(t, func(ctx context.Context) {
			if err := c.Run(ctx, newInbox().deliver); err != nil {
				t.Errorf("run: %v", err)
			}
		})
		w.Accept()
		synctest.Wait()
		c.Send(frame(20, 1))
		synctest.Wait()
		if err := c.Run(context.Background(), nil); !errors.Is(err, interfaces.ErrRunning) {
			t.Errorf("second run: %v", err)
		}
		before := time.Now()
		stop()
		if d := time.Since(before); d != interfaces.Linger {
			t.Errorf("stopping took %v", d)
		}
		if s := c.Stats(); s.TxDropped.Lost != 1 || s.Online {
			t.Errorf("stats %+v", s)
		}
	})
}

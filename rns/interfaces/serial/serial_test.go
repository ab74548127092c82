package serial_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/hdlc"
	"groupd/rns/interfaces/serial"
)

// far is the other end of a line.
type far struct {
	mu    sync.Mutex
	port  serial.Port
	wire  []byte
	opens int
	fail  error
	deaf  bool // does not read
}

func (f *far) open(context.Context) (serial.Port, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens++
	if f.fail != nil {
		return nil, f.fail
	}
	host, device := serial.Pipe(1000, serial.Tick, serial.WriteTimeout)
	f.port = device
	if f.deaf {
		return host, nil
	}
	go func() {
		buf := make([]byte, 1000)
		for {
			n, err := device.Read(buf)
			f.mu.Lock()
			f.wire = append(f.wire, buf[:n]...)
			f.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return host, nil
}

func (f *far) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opens
}

func (f *far) written() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bytes.Clone(f.wire)
}

func start(t *testing.T, f *far, o serial.Options) (i *serial.Interface, received *[][]byte, stop func()) {
	t.Helper()
	i, err := serial.New(serial.Config{Name: "Cable", Open: f.open, Options: o})
	if err != nil {
		t.Fatal(err)
	}
	received = new([][]byte)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- i.Run(ctx, func(b []byte) { *received = append(*received, bytes.Clone(b)) }) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return i, received, stop
}

// I-054.
func TestDefaultsAreThoseOfTheReference(t *testing.T) {
	l, err := serial.Line{Name: "/dev/ttyS0"}.Complete()
	if err != nil || l.Speed != 9600 || l.DataBits != 8 || l.Parity != 'N' || l.StopBits != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	i, err := serial.New(serial.Config{Name: "S", Line: serial.Line{Name: "/dev/ttyS0", Speed: 57600}})
	if err != nil {
		t.Fatal(err)
	}
	if p := i.Properties(); i.Name() != "SerialInterface[S]" || p.Bitrate != 57600 || p.MTU != 0 || p.FrameLimit != 564 || p.IFACSize != 8 || !p.Outgoing || p.Mode != interfaces.ModeFull {
		t.Errorf("%s %+v", i.Name(), p) // I-015, I-024
	}
	for _, bad := range []serial.Line{{}, {Name: "x", Speed: -1}, {Name: "x", DataBits: 4}, {Name: "x", Parity: 'X'}, {Name: "x", StopBits: 3}} {
		if _, err := serial.New(serial.Config{Line: bad}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	if serial.ParseParity("Even") != serial.ParityEven || serial.ParseParity("o") != serial.ParityOdd || serial.ParseParity("x") != serial.ParityNone {
		t.Error("parity words")
	}
}

func TestPacketsCrossTheCableBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{}
		i, got, stop := start(t, f, serial.Options{})
		time.Sleep(serial.SettleTime + time.Millisecond)
		synctest.Wait()
		long := bytes.Repeat([]byte{0x7e}, 564)
		if err := i.Send(append(long, 1)); !errors.Is(err, interfaces.ErrTooLarge) {
			t.Errorf("565 bytes: %v", err)
		}
		if err := errors.Join(i.Send(long), i.Send([]byte{1, 2, 3})); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want := hdlc.AppendFrame(hdlc.AppendFrame(nil, long), []byte{1, 2, 3})
		if !bytes.Equal(f.written(), want) {
			t.Errorf("wrote %d bytes, want %d", len(f.written()), len(want))
		}
		f.port.Write(want)
		f.port.Write([]byte{0x7e, 1, 2}) // half a packet, then silence: I-055
		time.Sleep(time.Second)
		f.port.Write([]byte{3, 4, 0x7e})
		f.port.Write(hdlc.AppendFrame(nil, []byte{9, 9}))
		synctest.Wait()
		if len(*got) != 3 || !bytes.Equal((*got)[0], long) || !bytes.Equal((*got)[2], []byte{9, 9}) {
			t.Errorf("received %d packets: %x", len(*got), (*got)[len(*got)-1])
		}
		if s := i.Stats(); s.TxFrames != 2 || s.TxBytes != uint64(len(want)) || s.RxFrames != 3 || s.RxDropped.Unfinished != 1 {
			t.Errorf("stats %+v", s)
		}
		stop()
		if err := i.Send([]byte{1}); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("after run: %v", err)
		}
	})
}

// I-157; for TNCs and RNodes in their packages, as TestUnpluggedTNCComesBack and TestUnpluggedDeviceComesBack.
func TestPortThatIsMissingIsTriedEveryFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{fail: os.ErrNotExist}
		i, _, stop := start(t, f, serial.Options{})
		time.Sleep(51 * time.Second)
		if f.count() != 11 || i.Stats().LastError == "" {
			t.Errorf("%d attempts in 51 s, %+v", f.count(), i.Stats())
		}
		f.mu.Lock()
		f.fail = nil
		f.mu.Unlock()
		i.Retry()
		time.Sleep(serial.SettleTime + time.Millisecond)
		synctest.Wait()
		if !i.Stats().Online {
			t.Error("not online after the device came and Retry was called")
		}
		stop()
	})
}

func TestDeviceThatTakesNothingIsGivenUpAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{deaf: true}
		i, _, stop := start(t, f, serial.Options{Options: carrier.Options{QueueFrames: 5}})
		time.Sleep(serial.SettleTime + time.Millisecond)
		synctest.Wait()
		sent := 0
		for range 20 {
			if i.Send(make([]byte, 500)) == nil {
				sent++
			}
			synctest.Wait()
		}
		time.Sleep(serial.WriteTimeout + time.Millisecond)
		s := i.Stats()
		if s.Online || s.TxDropped.Lost == 0 || s.TxDropped.QueueFull == 0 || s.LastError != os.ErrDeadlineExceeded.Error() || s.QueuedFrames != 0 {
			t.Errorf("stats %+v", s)
		}
		if uint64(sent) != s.TxFrames+s.TxDropped.Lost {
			t.Errorf("%d taken, %d written, %d lost", sent, s.TxFrames, s.TxDropped.Lost)
		}
		time.Sleep(serial.ReopenWait + serial.SettleTime)
		if !i.Stats().Online || f.count() != 2 {
			t.Errorf("%d openings", f.count())
		}
		stop()
	})
}

func TestLastWordsAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &far{}
		i, _, stop := start(t, f, serial.Options{})
		time.Sleep(serial.SettleTime + time.Millisecond)
		synctest.Wait()
		if err := i.Run(t.Context(), nil); !errors.Is(err, interfaces.ErrRunning) {
			t.Errorf("second run: %v", err)
		}
		i.Send([]byte{1})
		stop()
		synctest.Wait()
		if !bytes.Equal(f.written(), hdlc.AppendFrame(nil, []byte{1})) {
			t.Errorf("wrote %x", f.written())
		}
	})
}

func TestPipeIsALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := serial.Pipe(4, time.Second, time.Minute)
		if n, err := a.Write([]byte("1234")); n != 4 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := a.Write([]byte("5")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("into a full line: %d, %v", n, err)
		}
		buf := make([]byte, 10)
		if n, err := b.Read(buf); string(buf[:n]) != "1234" || err != nil {
			t.Errorf("read %q, %v", buf[:n], err)
		}
		before := time.Now()
		if n, err := b.Read(buf); n != 0 || err != nil || time.Since(before) != time.Second {
			t.Errorf("idle: %d, %v after %v", n, err, time.Since(before))
		}
		go func() { time.Sleep(time.Hour); a.Close() }()
		if n, err := b.Read(buf); n != 0 || err != io.EOF || time.Since(before) != time.Hour+time.Second {
			t.Errorf("closed: %d, %v after %v", n, err, time.Since(before))
		}
		if _, err := b.Write(buf); err == nil {
			t.Error("wrote into a closed line")
		}
	})
}

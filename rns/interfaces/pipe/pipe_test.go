package pipe_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/hdlc"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/interfaces/pipe"
)

// programs are run by starting a net.Pipe; the test is the program.
type programs struct {
	mu      sync.Mutex
	refuse  error
	started []time.Time
	running chan net.Conn
}

func newPrograms() *programs { return &programs{running: make(chan net.Conn, 100)} }

func (p *programs) start(args []string) (carrier.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.started = append(p.started, time.Now())
	if p.refuse != nil {
		return nil, p.refuse
	}
	near, far := net.Pipe()
	p.running <- far
	return near, nil
}

func (p *programs) setRefuse(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = err
}

func run(t *testing.T, c pipe.Config) (*pipe.Interface, *ifacetest.Running) {
	t.Helper()
	if c.Command == "" {
		c.Command = "radio --fast"
	}
	i, err := pipe.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return i, ifacetest.Run(t, i)
}

func TestFramesPassInBothDirections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms()
		i, running := run(t, pipe.Config{Name: "Modem", Start: p.start})
		far := <-p.running
		synctest.Wait()
		if err := i.Send([]byte{0x7d, 0x7e, 0x11}); err != nil {
			t.Fatal(err)
		}
		// I-001, I-003: as always with flags of its own.
		want := []byte{0x7e, 0x7d, 0x5d, 0x7d, 0x5e, 0x11, 0x7e}
		got := make([]byte, len(want))
		if _, err := far.Read(got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("wrote %x, %v", got, err)
		}
		long := bytes.Repeat([]byte{1}, pipe.FrameLimit)
		far.Write(slices.Concat([]byte("noise"), hdlc.AppendFrame(nil, []byte("nineteen bytes long")), hdlc.AppendFrame(nil, long), hdlc.AppendFrame(nil, append(long, 1))))
		if f := <-running.Frames; string(f) != "nineteen bytes long" {
			t.Errorf("received %q", f)
		}
		if f := <-running.Frames; !bytes.Equal(f, long) {
			t.Errorf("received %d bytes", len(f))
		}
		synctest.Wait()
		if s := i.Stats(); s.RxDropped.TooLong != 1 || s.TxFrames != 1 || s.TxBytes != uint64(len(want)) || !s.Online {
			t.Errorf("%+v", s)
		}
		// I-015, I-024: no link upgrade; codes of 8 bytes.
		if pr := i.Properties(); i.Name() != "PipeInterface[Modem]" || pr.MTU != 0 || pr.IFACSize != 8 || pr.Bitrate != 1_000_000 {
			t.Errorf("%s %+v", i.Name(), pr)
		}
		if err := i.Run(t.Context(), nil); !errors.Is(err, interfaces.ErrRunning) {
			t.Errorf("second run: %v", err)
		}
		if err := running.Stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// I-061.
func TestProgramIsRunAgainAfterTheRespawnDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms()
		i, _ := run(t, pipe.Config{Start: p.start, RespawnDelay: 7 * time.Second})
		(<-p.running).Close()
		synctest.Wait()
		if err := i.Send(make([]byte, 20)); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("send: %v", err)
		}
		p.setRefuse(errors.New("no such file"))
		time.Sleep(8 * time.Second)
		if s := i.Stats(); s.Online || s.LastError != "no such file" {
			t.Errorf("%+v", s)
		}
		p.setRefuse(nil)
		<-p.running
		synctest.Wait()
		if s := i.Stats(); !s.Online || s.Connects != 2 {
			t.Errorf("%+v", s)
		}
		if d := p.started[1].Sub(p.started[0]); d != 7*time.Second || len(p.started) != 3 {
			t.Errorf("run %d times, the second after %v", len(p.started), d)
		}
	})
}

func TestAProgramThatDoesNotReadIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrograms()
		i, _ := run(t, pipe.Config{Start: p.start, Options: carrier.Options{QueueFrames: 3}})
		<-p.running
		synctest.Wait()
		for range 4 {
			i.Send(make([]byte, 20))
		}
		if s := i.Stats(); s.TxDropped.QueueFull != 1 || s.QueuedFrames != 3 {
			t.Errorf("%+v", s)
		}
		time.Sleep(pipe.DefaultWriteTimeout + time.Second)
		if s := i.Stats(); s.Online || s.TxDropped.Lost != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestACommandThatCannotBeRunAtAllIsAnError(t *testing.T) {
	p := newPrograms()
	missing := errors.New("no such file")
	p.setRefuse(missing)
	i, err := pipe.New(pipe.Config{Name: "x", Command: "radio", Start: p.start})
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Run(t.Context(), nil); !errors.Is(err, missing) {
		t.Errorf("run: %v", err)
	}
	real, err := pipe.New(pipe.Config{Name: "x", Command: filepath.Join(t.TempDir(), "none")})
	if err != nil {
		t.Fatal(err)
	}
	if err := real.Run(t.Context(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("run: %v", err)
	}
	for name, c := range map[string]pipe.Config{
		"nothing": {}, "a quote": {Command: "radio '"}, "an empty name": {Command: "''"}, "no delay": {Command: "radio", RespawnDelay: -1},
		"a long code": {Command: "radio", Options: carrier.Options{IFACSize: 65}},
	} {
		if _, err := pipe.New(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := pipe.FromConfig(config.Interface{}, nil); err == nil {
		t.Error("made of nothing")
	}
}

// Programs of the system: one that echoes, one that ends, and one that leaves a child behind and ignores the end of its input.
func TestRealPrograms(t *testing.T) {
	await := func(t *testing.T, ok func() bool) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for tick := time.NewTicker(time.Millisecond); !ok(); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatal("it does not happen")
			}
		}
	}
	t.Run("cat echoes", func(t *testing.T) {
		i, err := pipe.FromConfig(config.Interface{Name: "cat", Outgoing: true, Pipe: &config.Pipe{Command: "cat -u"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		running := ifacetest.Run(t, i)
		packet := bytes.Repeat([]byte{0x7e, 0x7d, 0}, 300)
		await(t, func() bool { return i.Send(packet) == nil })
		if f := <-running.Frames; !bytes.Equal(f, packet) {
			t.Errorf("%d bytes came back", len(f))
		}
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Run("one that ends says how", func(t *testing.T) {
		i, _ := run(t, pipe.Config{Command: `sh -c "exit 3"`, RespawnDelay: time.Millisecond})
		await(t, func() bool { s := i.Stats(); return s.Connects > 1 && strings.Contains(s.LastError, "exit status 3") })
	})
	t.Run("what it started ends too", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "pid")
		i, running := run(t, pipe.Config{Command: `sh -c 'sleep 1000 & echo $! >` + file + `.new; mv ` + file + `.new ` + file + `; trap "" TERM HUP; sleep 1000'`})
		var pid string
		await(t, func() bool {
			b, _ := os.ReadFile(file)
			pid = strings.TrimSpace(string(b))
			return pid != "" && i.Stats().Online
		})
		began := time.Now()
		running.Stop()
		if d := time.Since(began); d > 10*time.Second {
			t.Errorf("ending took %v", d)
		}
		await(t, func() bool { return ended(pid) })
	})
}

// ended says whether a process is no more, or only waits to be reaped.
func ended(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"groupd/api/web"
)

// built is a server as it ships, in a home of its own.
type built struct {
	t       testing.TB
	binary  string
	env     []string
	port    int
	process *exec.Cmd
	out     bytes.Buffer
}

// boot builds the server and starts it with its embedded defaults and a TCP server for the network.
func boot(t testing.TB) *built {
	t.Helper()
	dir := t.TempDir()
	b := &built{t: t, binary: filepath.Join(dir, "groupd")}
	build := exec.Command("go", "build", "-tags", "sqlite_fts5", "-o", b.binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ports := &portPool{taken: make(map[int]bool)}
	var err error
	if b.port, err = ports.free(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, ".reticulum"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".reticulum", "config"), []byte(networkConfig(strconv.Itoa(b.port))), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b.env = []string{"HOME=" + dir, "GROUPD_RNSCONFIG=" + filepath.Join(dir, ".reticulum"), "PATH=" + os.Getenv("PATH"), "NOTIFY_SOCKET=" + l.LocalAddr().String()}
	b.process = exec.Command(b.binary, "run")
	b.process.Env, b.process.Stdout, b.process.Stderr = b.env, &b.out, &b.out
	if err := b.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.process.ProcessState == nil {
			b.process.Process.Kill()
			b.process.Wait()
		}
	})
	if err := awaitTold(l, "READY=1"); err != nil {
		b.process.Process.Kill()
		b.process.Wait()
		t.Fatalf("%v\n%s", err, b.out.String())
	}
	return b
}

// status asks the server how it is.
func (b *built) status() (st web.Status) {
	b.t.Helper()
	c := exec.Command(b.binary, "status", "--json")
	c.Env = b.env
	out, err := c.Output()
	if err == nil {
		err = json.Unmarshal(out, &st)
	}
	if err != nil {
		b.t.Fatalf("status: %v\n%s", err, out)
	}
	return st
}

// stop ends the server as a service manager does.
func (b *built) stop() {
	b.t.Helper()
	began := time.Now()
	if err := b.process.Process.Signal(syscall.SIGTERM); err != nil {
		b.t.Fatal(err)
	}
	if err := b.process.Wait(); err != nil {
		b.t.Fatalf("%v\n%s", err, b.out.String())
	}
	if d := time.Since(began); d > stopWithin {
		b.t.Errorf("stopping took %v", d)
	}
}

// memory is the resident memory in bytes.
func (b *built) memory() int64 {
	b.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.process.Process.Pid))
	if err != nil {
		b.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	n, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		b.t.Fatal(err)
	}
	return n << 10
}

func TestSmokeTheServerBootsWithItsDefaultsAndStops(t *testing.T) {
	b := boot(t)
	st := b.status()
	if len(st.Groups) != 1 || st.Groups[0].Name != "My group" || len(st.Groups[0].Serving.Destinations) != 3 || st.ClockUnsure {
		t.Errorf("%+v", st)
	}
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(b.port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Logf("%.1f MiB resident", float64(b.memory())/(1<<20))
	b.stop()
}

// The memory of a server that has nothing to do. The aim is below 25 MiB.
func BenchmarkIdleMemory(b *testing.B) {
	s := boot(b)
	s.status()
	for b.Loop() {
	}
	b.ReportMetric(float64(s.memory())/(1<<20), "MiB")
	b.ReportMetric(0, "ns/op")
	s.stop()
}

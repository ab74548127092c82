// Package interop runs groupd against stock Python programs that use RNS and LXMF from PyPI. Each peer is a process of its own
// (peer.py), driven by lines of JSON. A missing peer fails the tests; nothing here skips.
package interop

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Peer is one running Python program. Its methods may be called from the test's goroutine only; events arrive in the background.
type Peer struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	dir    string
	stderr *lockedBuffer

	mu      sync.Mutex
	nextID  int
	waiting map[int]chan reply
	events  []Event
	changed chan struct{} // closed and replaced when an event arrives
	exited  chan struct{}
}

// Event is something a peer saw: an announce, a packet, a message. Name is its kind.
type Event struct {
	Name   string
	Fields map[string]any
}

// Text returns a field as text, "" when it is absent or null.
func (e Event) Text(field string) string {
	s, _ := e.Fields[field].(string)
	return s
}

// Data returns the digest in a field.
func (e Event) Data(field string) Digest { return digestOf(e.Fields[field]) }

// Digest tells what bytes were, without carrying large ones: Hex is set up to 2048 bytes.
type Digest struct {
	Length int
	SHA256 string
	Hex    string
	Text   string
}

type reply struct {
	OK     bool           `json:"ok"`
	Error  string         `json:"error"`
	Result map[string]any `json:"result"`
}

// Args are a command's named arguments.
type Args map[string]any

func digestOf(v any) Digest {
	m, ok := v.(map[string]any)
	if !ok {
		return Digest{Length: -1}
	}
	d := Digest{Length: -1}
	if n, ok := m["length"].(float64); ok {
		d.Length = int(n)
	}
	d.SHA256, _ = m["sha256"].(string)
	d.Hex, _ = m["hex"].(string)
	d.Text, _ = m["text"].(string)
	return d
}

// DigestOf is what a peer would report for these bytes.
func DigestOf(data []byte) Digest {
	sum := sha256.Sum256(data)
	d := Digest{Length: len(data), SHA256: hex.EncodeToString(sum[:])}
	if len(data) <= 2048 {
		d.Hex = hex.EncodeToString(data)
	}
	return d
}

// Blob makes length bytes from a seed, the same as blob() in peer.py.
func Blob(seed string, length int, compressible bool) []byte {
	out := make([]byte, 0, length+64)
	if compressible {
		unit := "groupd " + seed + " "
		for len(out) < length {
			out = append(out, unit...)
		}
		return out[:length]
	}
	for i := uint32(0); len(out) < length; i++ {
		block := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(seed), i))
		out = append(out, block[:]...)
	}
	return out[:length]
}

// BlobArg describes the same bytes to a peer.
func BlobArg(seed string, length int, compressible bool) map[string]any {
	return map[string]any{"seed": seed, "length": length, "compressible": compressible}
}

// python returns the interpreter of .venv at the module's root, or of $GROUPD_PYTHON.
func python(t *testing.T) string {
	t.Helper()
	if p := os.Getenv("GROUPD_PYTHON"); p != "" {
		return p
	}
	p, err := filepath.Abs("../../.venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(p); err != nil {
		t.Fatalf("no Python peers: run `make interop`, which installs them (%v)", err)
	}
	return p
}

// ClientConfig is a Reticulum config with one TCP client interface to address.
func ClientConfig(host string, port int, extra ...string) string {
	return reticulumConfig(fmt.Sprintf("[[Uplink]]\ntype = TCPClientInterface\nenabled = yes\ntarget_host = %s\ntarget_port = %d\n%s\n", host, port, strings.Join(extra, "\n")))
}

// ServerConfig is a Reticulum config with one TCP server interface.
func ServerConfig(host string, port int, extra ...string) string {
	return reticulumConfig(fmt.Sprintf("[[Listener]]\ntype = TCPServerInterface\nenabled = yes\nlisten_ip = %s\nlisten_port = %d\n%s\n", host, port, strings.Join(extra, "\n")))
}

func reticulumConfig(interfaces string) string {
	return "[reticulum]\nenable_transport = no\nshare_instance = no\npanic_on_interface_error = no\n\n[logging]\nloglevel = 2\n\n[interfaces]\n" + interfaces
}

// StartPeer starts a Python program with this Reticulum config and waits until it is up. It ends with the test.
func StartPeer(t *testing.T, name, config string) *Peer {
	t.Helper()
	return StartPeerIn(t, "", name, config)
}

// StartPeerIn is StartPeer in a network namespace of that name; "" is our own.
func StartPeerIn(t *testing.T, namespace, name, config string) *Peer {
	t.Helper()
	return startPeerAt(t, t.TempDir(), namespace, name, config)
}

// startPeerAt is StartPeerIn with a folder that may be another program's.
func startPeerAt(t *testing.T, dir, namespace, name, config string) *Peer {
	t.Helper()
	p := &Peer{t: t, name: name, dir: dir, stderr: &lockedBuffer{}, waiting: map[int]chan reply{}, changed: make(chan struct{}), exited: make(chan struct{})}
	if err := os.WriteFile(filepath.Join(p.dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	command := []string{python(t), "-u", "peer.py"}
	if namespace != "" {
		command = append([]string{"ip", "netns", "exec", namespace}, command...)
	}
	p.cmd = exec.Command(command[0], command[1:]...)
	p.cmd.Stderr = p.stderr
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go p.read(stdout)
	t.Cleanup(p.stop)
	p.Do("start", Args{"config": p.dir})
	return p
}

// Dir is the peer's own folder: its Reticulum config, storage and ratchets.
func (p *Peer) Dir() string { return p.dir }

func (p *Peer) stop() {
	if p.t.Failed() {
		p.t.Logf("%s printed:\n%s", p.name, p.stderr.String())
	}
	p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(5 * time.Second):
		p.cmd.Process.Kill()
	}
	p.cmd.Wait()
}

// Kill ends the peer at once, as a crash would.
func (p *Peer) Kill() {
	p.cmd.Process.Kill()
	<-p.exited
}

func (p *Peer) read(r io.Reader) {
	defer close(p.exited)
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), 16<<20)
	for lines.Scan() {
		var head struct {
			ID    int    `json:"id"`
			Event string `json:"event"`
		}
		line := lines.Bytes()
		if err := json.Unmarshal(line, &head); err != nil {
			continue
		}
		p.mu.Lock()
		if head.Event != "" {
			fields := map[string]any{}
			if err := json.Unmarshal(line, &fields); err == nil {
				p.events = append(p.events, Event{Name: head.Event, Fields: fields})
				close(p.changed)
				p.changed = make(chan struct{})
			}
		} else if ch := p.waiting[head.ID]; ch != nil {
			var r reply
			if err := json.Unmarshal(line, &r); err != nil {
				r = reply{Error: err.Error()}
			}
			delete(p.waiting, head.ID)
			ch <- r
		}
		p.mu.Unlock()
	}
}

// Try runs a command and returns its result, or the error the peer gave.
func (p *Peer) Try(cmd string, args Args) (map[string]any, error) {
	p.t.Helper()
	p.mu.Lock()
	p.nextID++
	id := p.nextID
	ch := make(chan reply, 1)
	p.waiting[id] = ch
	p.mu.Unlock()
	line := map[string]any{"id": id, "cmd": cmd}
	for k, v := range args {
		line[k] = v
	}
	b, err := json.Marshal(line)
	if err != nil {
		return nil, err
	}
	if _, err := p.stdin.Write(append(b, '\n')); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", p.name, cmd, err)
	}
	select {
	case r := <-ch:
		if !r.OK {
			return nil, fmt.Errorf("%s: %s: %s", p.name, cmd, r.Error)
		}
		return r.Result, nil
	case <-p.exited:
		return nil, fmt.Errorf("%s: %s: the peer has gone", p.name, cmd)
	case <-time.After(3 * time.Minute):
		return nil, fmt.Errorf("%s: %s: no answer in 3 minutes", p.name, cmd)
	}
}

// Do runs a command that must succeed.
func (p *Peer) Do(cmd string, args Args) map[string]any {
	p.t.Helper()
	r, err := p.Try(cmd, args)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// Await waits for an event that matches, past ones included, and fails the test after the timeout.
func (p *Peer) Await(name string, timeout time.Duration, match func(Event) bool) Event {
	p.t.Helper()
	return p.AwaitNth(1, name, timeout, match)
}

// AwaitNth waits for the nth event that matches, from 1.
func (p *Peer) AwaitNth(nth int, name string, timeout time.Duration, match func(Event) bool) Event {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), timeout)
	defer cancel()
	seen := 0
	for {
		p.mu.Lock()
		events, changed := p.events, p.changed
		p.mu.Unlock()
		for ; seen < len(events); seen++ {
			if e := events[seen]; e.Name == name && (match == nil || match(e)) {
				if nth--; nth == 0 {
					return e
				}
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			p.t.Fatalf("%s saw no %s that fits in %v; it saw\n%s", p.name, name, timeout, list(events))
		}
	}
}

// Count tells how many events so far match.
func (p *Peer) Count(name string, match func(Event) bool) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.events {
		if e.Name == name && (match == nil || match(e)) {
			n++
		}
	}
	return n
}

// list is the last events, one a line, for people.
func list(events []Event) string {
	var b strings.Builder
	for _, e := range events[max(0, len(events)-20):] {
		fmt.Fprintf(&b, "  %v\n", e.Fields)
	}
	return b.String()
}

// freePort returns a TCP port of host that nobody listens on just now.
func freePort(t *testing.T, host string) int {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf []byte
}

// Write keeps the last 64 KiB.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p...)
	if over := len(b.buf) - 64<<10; over > 0 {
		b.buf = b.buf[over:]
	}
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.buf)
}

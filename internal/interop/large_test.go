package interop

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/lxmf/filespool"
	"groupd/rns"
)

// largeMailbox is a mailbox with a spool, to which a Python program may send 8 MB, and what it has read of the files that came.
func largeMailbox(t *testing.T) (m *Mailbox, p *Peer, dir string, read func() []string) {
	t.Helper()
	dir = t.TempDir()
	spool, err := filespool.Open(filespool.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	var mu sync.Mutex
	var sums []string
	m = startMailboxOf(t, lxmf.RouterConfig{Transport: n.Transport, Spool: spool}, 0, func(c *lxmf.DeliveryConfig) {
		c.MaxSize, c.MaxStrangerSize = 8<<20, 8<<20
		proved := c.OnMessage
		c.OnMessage = func(in *lxmf.Inbound) {
			mu.Lock()
			defer mu.Unlock()
			for _, f := range in.Message.Files() {
				hash := sha256.New()
				if _, err := io.Copy(hash, f.Open()); err != nil || sha256.Size != hash.Size() || [sha256.Size]byte(hash.Sum(nil)) != f.Hash {
					t.Errorf("file %q: %v", f.Name, err)
				}
				sums = append(sums, f.Name+" "+hex.EncodeToString(f.Hash[:]))
			}
			proved(in)
		}
	})
	p.Do("identity", Args{"name": "me"})
	p.Do("lxmf", Args{"identity": "me", "name": "Python", "storage": p.Dir()})
	if err := m.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Do("await_path", Args{"hash": m.Address().String()})
	p.Do("lxmf_announce", nil)
	return m, p, dir, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return sums
	}
}

// TestPythonsLargeFilesComeByWayOfTheDisk: several segments, compressed ones and others; nothing is left when they are proved.
func TestPythonsLargeFilesComeByWayOfTheDisk(t *testing.T) {
	t.Parallel()
	m, p, dir, read := largeMailbox(t)
	args := Args{"to": m.Address().String(), "content": "see the files", "method": "direct", "files": []Args{
		{"name": "noise.bin", "data": Args{"seed": "noise", "length": 3_000_000}},
		{"name": "text.txt", "data": Args{"seed": "text", "length": 1_000_000, "compressible": true}},
	}}
	r := p.Do("lxmf_send", args)
	id, _ := r["id"].(string)
	if n := p.awaitDelivered(id); n > 1 {
		t.Errorf("%d attempts", n)
	}
	in := m.await(1, time.Minute)[0]
	if !in.Message.Spooled() || in.Message.ID().String() != id || string(in.Message.Content) != "see the files" || !in.Verified {
		t.Errorf("spooled %v, %q", in.Message.Spooled(), in.Message.Content)
	}
	files, _ := r["files"].([]any)
	for i, name := range []string{"noise.bin", "text.txt"} {
		sum, _ := files[i].(map[string]any)["sha256"].(string)
		if got := read(); len(got) != 2 || got[i] != name+" "+sum {
			t.Errorf("file %d: %v, want %s %s", i, got, name, sum)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left on disk: %v, %v", left, err)
	}
}

// TestPythonMayReplayAndForge: the packets of a live program, each twice and with one byte changed, over its own link.
func TestPythonMayReplayAndForge(t *testing.T) {
	t.Parallel()
	m, p, _, _ := largeMailbox(t)
	packed, err := base64.StdEncoding.DecodeString(p.Do("lxmf_pack", Args{"to": m.Address().String(), "content": "once"})["packed"].(string))
	if err != nil {
		t.Fatal(err)
	}
	link := p.Do("open_link", Args{"hash": m.Address().String(), "app": "lxmf", "aspects": []string{"delivery"}})["link"]
	say := func(b []byte) { p.Do("link_send", Args{"link": link, "data": hex.EncodeToString(b)}) }
	changed := func(at int) []byte {
		b := append([]byte(nil), packed...)
		b[at] ^= 1
		return b
	}
	signature, content := changed(40), changed(len(packed)-4)
	for range 2 {
		say(signature)
		say(content)
		say(packed)
	}
	say(packed[:50])
	p.awaitStats(m, func(s lxmf.Stats) bool { return s.Received == 7 && s.Proved == 7 })
	if got := m.await(1, time.Minute); len(got) != 1 || string(got[0].Message.Content) != "once" {
		t.Errorf("%d messages", len(got))
	}
	if s := m.Stats(); s.Accepted != 1 || s.Forged+s.Malformed+s.Duplicates+s.Foreign != 6 || s.Duplicates < 1 {
		t.Errorf("%+v", s)
	}
}

// awaitStats waits until the counters of a mailbox are as wanted.
func (p *Peer) awaitStats(m *Mailbox, good func(lxmf.Stats) bool) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !good(m.Stats()); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("%+v", m.Stats())
		}
	}
}

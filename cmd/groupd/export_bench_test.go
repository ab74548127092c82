package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// grow gives a group many entries and members, as rows, which is quicker than living through it.
func (m *machine) grow(entries, members int) {
	m.t.Helper()
	ctx, local := m.t.Context(), group.Caller{Local: true}
	if _, err := m.hub.CreateGroup(ctx, local, group.NewGroup{ID: "main", PublicName: "Valley Net", Public: true}); err != nil {
		m.t.Fatal(err)
	}
	var who []group.IdentityHash
	var head group.Head
	const step = 2000
	for done := 0; done < entries; done += step {
		err := m.db.Update(ctx, func(tx group.Tx) (err error) {
			if head, err = tx.Head("main"); err != nil {
				return err
			}
			for ; done == 0 && len(who) < members; head.Rev++ {
				key := bytes.Repeat(fmt.Appendf(nil, "%08d", len(who)), 8)
				id, _ := group.IdentityOf(key)
				name := fmt.Sprint("Member ", len(who))
				who = append(who, id)
				if err := tx.PutMember(group.Member{
					Group: "main", Identity: id, Address: group.AddressOf(id), PublicKey: key, Present: true, Role: moderation.RoleMember, DisplayName: name,
					Skeleton: group.Skeleton(name), Rev: head.Rev + 1, Joined: time.Now(),
				}); err != nil {
					return err
				}
			}
			for range min(step, entries-done) {
				head.Seq++
				head.Rev++
				sum := sha256.Sum256(fmt.Append(nil, head.Seq))
				e := group.Entry{
					Group: "main", Seq: head.Seq, Rev: head.Rev, Written: head.Rev, Kind: group.EntryPost, Author: who[int(head.Seq)%len(who)],
					Time: time.Now().Add(time.Duration(head.Seq) * time.Second).UTC().Truncate(time.Microsecond), Text: fmt.Appendf(nil, "post %d about goats, weather and %x", head.Seq, sum[:16]), Salt: sum[:],
				}
				e.Digest = e.ContentDigest()
				e.Hash = group.ChainHash(head.Chain, e.Digest)
				head.Chain, head.Oldest = e.Hash, 1
				if err := tx.AppendEntry(e, nil); err != nil {
					return err
				}
			}
			return tx.PutHead("main", head)
		})
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

// heap notes how large the heap gets while something passes.
type heap struct {
	io.Reader
	io.Writer
	base, most uint64
	passed     int
}

func newHeap() *heap {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return &heap{base: s.HeapInuse}
}

func (h *heap) look(n int) {
	const every = 1 << 20
	if h.passed/every != (h.passed+n)/every {
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		h.most = max(h.most, s.HeapInuse)
	}
	h.passed += n
}

func (h *heap) Write(b []byte) (int, error) {
	h.look(len(b))
	return h.Writer.Write(b)
}

func (h *heap) Read(b []byte) (int, error) {
	n, err := h.Reader.Read(b)
	h.look(n)
	return n, err
}

// grown is by how many MiB the heap got larger.
func (h *heap) grown() float64 { return float64(int64(h.most-h.base)) / (1 << 20) }

// resident is how many bytes of memory the process had at most, C's included.
func resident(t testing.TB) string {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(rest)
		}
	}
	return "?"
}

// TestALargeGroupMovesInBoundedMemory: what an export and an import hold in memory does not grow with the timeline, and others write meanwhile.
func TestALargeGroupMovesInBoundedMemory(t *testing.T) {
	old := newMachine(t)
	old.grow(20_000, 300)
	other := group.NewGroup{ID: "other", PublicName: "Other", Public: true}
	if _, err := old.hub.CreateGroup(t.Context(), group.Caller{Local: true}, other); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "main.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	stop, posted := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				posted <- nil
				return
			default:
				_, err = old.hub.Post(t.Context(), group.Caller{Local: true}, "other", group.PostInput{Text: []byte("meanwhile")})
			}
		}
		posted <- err
	}()
	out := newHeap()
	out.Writer = f
	_, err = old.transfer().export(t.Context(), "main", group.ExportInput{Identity: true}, out)
	close(stop)
	if err := errors.Join(err, <-posted, f.Close()); err != nil {
		t.Fatal(err)
	}
	if info, err := old.hub.Info(t.Context(), group.Caller{Local: true}, "other"); err != nil || info.Head.Seq < 3 {
		t.Errorf("only %d posts were written during the export, %v", info.Head.Seq, err)
	}
	fresh := newMachine(t)
	if f, err = os.Open(path); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := newHeap()
	in.Reader = f
	if _, err := fresh.transfer().load(t.Context(), in, group.ImportInput{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("export: heap grew by %.1f MiB; import: %.1f MiB; file %d bytes", out.grown(), in.grown(), in.passed)
	if out.grown() > 16 || in.grown() > 16 || in.passed < 5<<20 {
		t.Errorf("the heap grew by %.1f MiB for the export, %.1f MiB for the import, of %d bytes", out.grown(), in.grown(), in.passed)
	}
}

// BenchmarkExportAndImportOf100000Entries tells what docs/performance.md says.
func BenchmarkExportAndImportOf100000Entries(b *testing.B) {
	old := newMachine(b)
	old.grow(100_000, 1000)
	path := filepath.Join(b.TempDir(), "main.jsonl")
	for b.Loop() {
		f, err := os.Create(path)
		if err != nil {
			b.Fatal(err)
		}
		out := newHeap()
		out.Writer = f
		begun := time.Now()
		_, err = old.transfer().export(b.Context(), "main", group.ExportInput{Identity: true}, out)
		if err := errors.Join(err, f.Close()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(begun).Seconds(), "s/export")
		b.ReportMetric(out.grown(), "MiB-heap/export")
		b.ReportMetric(float64(out.passed)/(1<<20), "MiB-file")

		days := 0
		begun = time.Now()
		if _, err := old.hub.ExportText(b.Context(), group.Caller{Local: true}, "main", func(string) (io.Writer, error) { days++; return io.Discard, nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(begun).Seconds(), "s/text")

		fresh := newMachine(b)
		if f, err = os.Open(path); err != nil {
			b.Fatal(err)
		}
		in := newHeap()
		in.Reader = f
		stop, waited := make(chan struct{}), make(chan time.Duration, 1)
		if _, err := fresh.hub.CreateGroup(b.Context(), group.Caller{Local: true}, group.NewGroup{ID: "other", PublicName: "Other", Public: true}); err != nil {
			b.Fatal(err)
		}
		go func() { // what others wait for meanwhile
			var most time.Duration
			for {
				select {
				case <-stop:
					waited <- most
					return
				default:
				}
				begun := time.Now()
				if _, err := fresh.hub.Post(b.Context(), group.Caller{Local: true}, "other", group.PostInput{Text: []byte("meanwhile")}); err != nil {
					b.Error(err)
				}
				most = max(most, time.Since(begun))
			}
		}()
		begun = time.Now()
		_, err = fresh.transfer().load(b.Context(), in, group.ImportInput{})
		b.ReportMetric(time.Since(begun).Seconds(), "s/import")
		b.ReportMetric(in.grown(), "MiB-heap/import")
		close(stop)
		b.ReportMetric(float64((<-waited).Milliseconds()), "ms-longest-wait")
		if err := errors.Join(err, f.Close()); err != nil {
			b.Fatal(err)
		}
		b.Log("resident at most: ", resident(b))
	}
}

package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/internal/powercut"
	"groupd/lxmf"
	"groupd/rns"
)

// watched starts a server whose file system calls are recorded, with an open group.
func watched(t *testing.T) (*Server, *powercut.Watch) {
	t.Helper()
	s := NewServer(t, BuildGroupd(t), "")
	w, err := powercut.New(t.TempDir(), s.Data)
	if err != nil {
		t.Fatal(err)
	}
	s.env = w.Env()
	s.Start()
	return s, w
}

// durable returns when the text that a process wrote was on disk: the end of the first sync of a file after the text was written to it.
func durable(records []powercut.Record, text string) (time.Duration, bool) {
	for i, r := range records {
		if r.Op != powercut.Write || !bytes.Contains(r.Data, []byte(text)) {
			continue
		}
		for _, s := range records[i:] {
			if s.Op == powercut.Sync && s.Path == r.Path {
				return s.At, true
			}
		}
	}
	return 0, false
}

// The proof comes only after the commit and its fsync. With syncs that take 50 ms longer Python's links hold and nothing is sent twice.
func TestProofComesAfterTheFsync(t *testing.T) {
	t.Parallel()
	s, w := watched(t)
	ann := newMember(t, s, "Ann", s.JSON("group", "show")["address"].(string))
	ann.write("direct", "/join Ann")
	ann.hears("Welcome")
	if err := w.SetSlow(50 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		method, text := "direct", fmt.Sprintf("a post to be kept, number %d.", i)
		if i%2 == 1 {
			method = "opportunistic"
		}
		state := ann.tryWrite(method, text, 30*time.Second)
		if state.Fields["delivered"] != true || state.Fields["attempts"].(float64) > 1 {
			t.Fatalf("%q: %v", text, state.Fields)
		}
		records, err := w.Records()
		if err != nil {
			t.Fatal(err)
		}
		at, ok := durable(records, text)
		if !ok {
			t.Fatalf("%q was proved and never synced", text)
		}
		if proved := time.Duration(state.Fields["monotonic_ns"].(float64)); proved < at {
			t.Fatalf("%q was proved %v before it was on disk", text, at-proved)
		}
	}
	rows, _, _, _ := ann.fetch("0", 50)
	posts := 0
	for _, r := range rows {
		if r.kind == 0 {
			posts++
		}
	}
	if posts != 12 {
		t.Fatalf("%d posts of 12: %v", posts, rows)
	}
}

// A full disk means no proof, an error in the log, nothing half written; when there is room again, the sender's next try is taken.
func TestFullDiskMeansNoProof(t *testing.T) {
	t.Parallel()
	s, w := watched(t)
	ann := newMember(t, s, "Ann", s.JSON("group", "show")["address"].(string))
	ann.write("direct", "/join Ann")
	ann.hears("Welcome")
	if err := w.SetFull(true); err != nil {
		t.Fatal(err)
	}
	id := ann.Do("lxmf_send", Args{"to": ann.group, "content": "no room for this", "method": "direct"})["id"].(string)
	deadline := time.Now().Add(15 * time.Second)
	for !strings.Contains(s.log.String(), "level=ERROR") {
		if time.Now().After(deadline) {
			t.Fatal("no error in the log")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if strings.Contains(s.log.String(), "no room for this") {
		t.Fatal("the log holds a member's words")
	}
	mine := func(e Event) bool { return e.Text("message") == id }
	if ann.Count("message_state", func(e Event) bool { return mine(e) && e.Fields["delivered"] == true }) != 0 {
		t.Fatal("the post was proved though it could not be kept")
	}
	if rows, _, _, _ := ann.fetch("0", 50); find(rows, 0, "no room") {
		t.Fatal("the post is in the timeline and not on disk")
	}
	if err := w.SetFull(false); err != nil {
		t.Fatal(err)
	}
	if e := ann.Await("message_state", 60*time.Second, mine); e.Fields["delivered"] != true {
		t.Fatalf("with room again: %v", e.Fields)
	}
	rows, _, _, _ := ann.fetch("0", 50)
	n := 0
	for _, r := range rows {
		if strings.Contains(r.text, "no room") {
			n++
		}
	}
	if n != 1 {
		t.Fatalf("the post is there %d times", n)
	}
	s.Stop()
	if out := s.Do("check", "--rnsconfig", s.Net); strings.Contains(out, "broken") {
		t.Fatalf("check says:\n%s", out)
	}
}

// writer is a member with our own stack, who posts fast.
type writer struct {
	t        *testing.T
	router   *lxmf.Router
	delivery *lxmf.Delivery
	group    rns.DestinationHash
}

// startWriter joins the server's group.
func startWriter(t *testing.T, s *Server) *writer {
	t.Helper()
	n := startNode(t, "127.0.0.1", s.Port, rns.Config{}, rns.InterfaceOptions{})
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: n.Transport})
	if err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, router: router, group: hashOf(t, s.JSON("group", "show")["address"])}
	welcome := make(chan struct{}, 64)
	if w.delivery, err = router.AddDelivery(lxmf.DeliveryConfig{Identity: newIdentity(t), OnMessage: func(in *lxmf.Inbound) {
		in.Prove()
		if bytes.Contains(in.Message.Content, []byte("Welcome")) {
			welcome <- struct{}{}
		}
	}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := router.Run(ctx); err != nil {
			t.Errorf("router: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	n.awaitUp()
	n.awaitKnown(w.group)
	if err := w.delivery.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.post("/join writer"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-welcome:
	case <-time.After(20 * time.Second):
		t.Fatal("not welcomed")
	}
	return w
}

// post sends and waits for the proof.
func (w *writer) post(text string) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	out, err := w.router.Send(ctx, &lxmf.Outbound{From: w.delivery, To: w.group, Content: []byte(text), Method: lxmf.MethodDirect})
	if err != nil {
		return err
	}
	select {
	case <-out.Done():
		return out.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kept returns the texts of all posts in a database file, and fails when its chain does not verify.
func kept(t *testing.T, path string) map[string]int {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	hub, err := group.New(group.Config{Store: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.View(t.Context(), func(tx group.ReadTx) error { _, err := tx.Group("main"); return err }); errors.Is(err, group.ErrNoRow) {
		return nil // the cut came before there was a group
	}
	bad, err := hub.VerifyChain(t.Context(), "main")
	if err != nil || bad != 0 {
		t.Fatalf("the chain breaks at %d: %v", bad, err)
	}
	texts := map[string]int{}
	if err := db.View(t.Context(), func(tx group.ReadTx) error {
		for after := group.Seq(0); ; {
			entries, err := tx.Entries("main", after, 0, false, 500)
			if err != nil || len(entries) == 0 {
				return err
			}
			for _, e := range entries {
				if e.Seq != after+1 {
					t.Errorf("after entry %d comes %d", after, e.Seq)
				}
				after = e.Seq
				texts[string(e.Text)]++
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return texts
}

// kill -9 right after a proof: the post is there.
func TestKilledRightAfterAProof(t *testing.T) {
	t.Parallel()
	s := NewServer(t, BuildGroupd(t), "")
	s.Start()
	w := startWriter(t, s)
	var proved []string
	for round := range 3 {
		for i := range 3 {
			text := fmt.Sprintf("round %d post %d", round, i)
			if err := w.post(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			proved = append(proved, text)
		}
		s.Kill()
		texts := kept(t, filepath.Join(s.Data, "groupd.db"))
		for _, text := range proved {
			if texts[text] != 1 {
				t.Fatalf("%q was proved and is there %d times", text, texts[text])
			}
		}
		s.Start()
	}
}

// powerCuts has some members post for a while, at the same time, then looks at what a power cut at n random moments would have left:
// each post whose proof its author had by then is there once, and the chain verifies.
func powerCuts(t *testing.T, members, n int) {
	const each = 50 // a member may write 60 at once; what is refused is proved, too
	s, watch := watched(t)
	posts := members * each
	proved := make([]time.Duration, posts)
	var wg sync.WaitGroup
	for member := range members {
		w := startWriter(t, s)
		wg.Go(func() {
			for i := member; i < posts; i += members {
				if err := w.post(fmt.Sprintf("post %d.", i)); err != nil {
					t.Errorf("post %d: %v", i, err)
					return
				}
				var err error
				if proved[i], err = powercut.Now(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s.Kill()
	records, err := watch.Records()
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(uint64(members), uint64(n)))
	checked := 0
	for i := range n {
		k := rnd.IntN(len(records)) + 1
		cut := records[k-1].At
		var torn *rand.Rand
		if i%2 == 1 {
			torn = rnd // a disk may also keep any part of what was not synced
		}
		dir := t.TempDir()
		for path, content := range powercut.Left(records[:k], torn) {
			if strings.HasSuffix(path, "-shm") {
				continue // a memory map, made anew
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "groupd.db")
		if _, err := os.Stat(path); err != nil {
			continue // the cut came before there was anything
		}
		texts := kept(t, path)
		for p, at := range proved {
			if text := fmt.Sprintf("post %d.", p); at > 0 && at < cut {
				checked++
				if texts[text] != 1 {
					t.Fatalf("cut %d after record %d of %d: %q was proved and is there %d times", i, k, len(records), text, texts[text])
				}
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if checked == 0 {
		t.Fatal("no cut fell after a proof: nothing was tested")
	}
	t.Logf("%d cuts, %d proved posts looked for", n, checked)
}

func TestPowerCutKeepsWhatWasProved(t *testing.T) {
	t.Parallel()
	powerCuts(t, 2, 10)
}

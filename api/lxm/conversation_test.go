package lxm_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/group/memory"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
)

const valley = group.GroupID("valley")

// identity is somebody's, made from his name.
func identity(t testing.TB, name string) *rns.Identity {
	t.Helper()
	a, b := sha256.Sum256([]byte("x25519 "+name)), sha256.Sum256([]byte("ed25519 "+name))
	id, err := rns.LoadIdentity(append(a[:], b[:]...))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func operator() group.Caller { return group.Caller{Local: true} }

// house is a running face of one group. It lives in a bubble.
type house struct {
	t      testing.TB
	hub    *group.Hub
	store  *memory.Store
	server *lxm.Server
	log    bytes.Buffer
	self   *rns.Identity
	stop   func()
	face   lxm.Config

	mu    sync.Mutex
	names map[rns.DestinationHash]string
	sent  []sent
	limit error // what Send fails with
}

// sent is a message of the group.
type sent struct {
	to      string
	content string
	out     lxm.Outbound
}

// newHouse makes a private group that approves, called Valley Net by its members.
func newHouse(t testing.TB, change ...func(*group.NewGroup, *group.Config, *lxm.Config)) *house {
	t.Helper()
	h := &house{t: t, store: memory.New(), self: identity(t, "the group"), names: make(map[rns.DestinationHash]string)}
	n := group.NewGroup{ID: valley, PublicKey: h.self.PublicKey(), PrivateKey: h.self.PrivateKey(), PublicName: "Hidden Valley", PrivateName: "Valley Net"}
	cfg := group.Config{Store: h.store, Blobs: memory.NewBlobs(), Rand: rand.NewChaCha8([32]byte{1})}
	face := lxm.Config{Group: valley, Send: h.send, Logger: slog.New(slog.NewTextHandler(&h.log, nil)), Version: "0.1.0"}
	for _, c := range change {
		c(&n, &cfg, &face)
	}
	var err error
	if h.hub, err = group.New(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := h.hub.CreateGroup(context.Background(), operator(), n); err != nil {
		t.Fatal(err)
	}
	face.Hub = h.hub
	h.face = face
	h.start()
	return h
}

// start runs a face that remembers nothing.
func (h *house) start() {
	h.t.Helper()
	var err error
	if h.server, err = lxm.New(h.face); err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.server.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	}
	synctest.Wait()
}

// restart ends the face and runs another.
func (h *house) restart() {
	h.t.Helper()
	h.stop()
	h.start()
}

// inHouse runs f with a house in a bubble.
func inHouse(t *testing.T, f func(*testing.T, *house), change ...func(*group.NewGroup, *group.Config, *lxm.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, change...)
		defer func() { h.stop() }()
		f(t, h)
	})
}

// open makes the group public and open.
func open(n *group.NewGroup, _ *group.Config, _ *lxm.Config) { n.Public = true }

func (h *house) send(_ context.Context, o lxm.Outbound) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limit != nil {
		return h.limit
	}
	h.checkFits(o)
	h.sent = append(h.sent, sent{to: h.names[o.To], content: string(o.Content), out: o})
	return nil
}

// checkFits packs what is sent, with the largest stamp a recipient may ask for, and measures it.
func (h *house) checkFits(o lxm.Outbound) {
	m, err := lxmf.Pack(h.self, lxmf.Draft{Destination: o.To, Timestamp: lxmf.Timestamp(time.Now()), Content: o.Content, Fields: o.Fields})
	if err != nil {
		h.t.Error(err)
		return
	}
	if n := len(m.WithStamp(make([]byte, lxmf.StampLength)).OpportunisticData()); n > lxmf.MaxOpportunistic {
		h.t.Errorf("an answer of %d bytes makes a packet of %d bytes, limit %d:\n%s", len(o.Content), n, lxmf.MaxOpportunistic, o.Content)
	}
	if !lxm.Marked(o.Fields) {
		h.t.Errorf("an answer without a marker: %s", o.Content)
	}
	for line := range strings.SplitSeq(string(o.Content), "\n") {
		if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) || !utf8.ValidString(line) {
			h.t.Errorf("an answer that a terminal obeys: %q", line)
		}
	}
	if !strings.HasPrefix(string(o.Content), string(moderation.NoticeGlyph)+" ") {
		h.t.Errorf("an answer that could be taken for a post: %s", o.Content)
	}
}

// took takes what was sent since the last time.
func (h *house) took() []sent {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.sent
	h.sent = nil
	return out
}

// letter is one message of somebody to the group, and what became of it.
type letter struct {
	message *lxmf.Message
	proved  int
	dropped int
	answers []sent // to anybody
}

// write packs a message as somebody's client does.
func (h *house) write(who, text string, change ...func(*lxmf.Draft)) *lxmf.Message {
	h.t.Helper()
	id := identity(h.t, who)
	h.mu.Lock()
	h.names[lxmf.DeliveryHash(id.PublicIdentity)] = who
	h.mu.Unlock()
	d := lxmf.Draft{Destination: lxmf.DeliveryHash(h.self.PublicIdentity), Timestamp: lxmf.Timestamp(time.Now()), Content: []byte(text)}
	for _, c := range change {
		c(&d)
	}
	m, err := lxmf.Pack(id, d)
	if err != nil {
		h.t.Fatal(err)
	}
	return m
}

// deliver hands a message to the group and waits until it is handled.
func (h *house) deliver(who string, m *lxmf.Message, change ...func(*lxm.Inbound)) *letter {
	h.t.Helper()
	l := &letter{message: m}
	in := lxm.Inbound{Message: m, Sender: identity(h.t, who).PublicIdentity, Prove: func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, s := range h.sent { // notices, to moderators for one, do not wait for anybody's proof
			if s.to == who && s.out.Priority == lxmf.PriorityAnswer && l.proved == 0 {
				h.t.Errorf("answered %s before the proof", who)
			}
		}
		l.proved++
	}, Drop: func() { l.dropped++ }}
	for _, c := range change {
		c(&in)
	}
	h.server.Handle(in)
	synctest.Wait()
	if l.proved+l.dropped != 1 {
		h.t.Errorf("%q of %s: proved %d times, dropped %d times", m.Content, who, l.proved, l.dropped)
	}
	l.answers = h.took()
	// Answers come from a worker and notices from Run, at the same time: first what the sender gets.
	slices.SortStableFunc(l.answers, func(a, b sent) int {
		return cmp.Or(-cmp.Compare(btoi(a.to == who), btoi(b.to == who)), cmp.Compare(a.to, b.to))
	})
	return l
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// says has somebody send a text, a second after what happened before.
func (h *house) says(who, text string, change ...func(*lxmf.Draft)) *letter {
	h.t.Helper()
	time.Sleep(time.Second)
	return h.deliver(who, h.write(who, text, change...))
}

// joined makes somebody a member, with a role, without a word.
func (h *house) joined(who string, role moderation.Role) {
	h.t.Helper()
	id := identity(h.t, who)
	h.names[lxmf.DeliveryHash(id.PublicIdentity)] = who
	ctx := context.Background()
	name := strings.ToUpper(who[:1]) + who[1:]
	r, err := h.hub.Join(ctx, h.caller(who), valley, group.JoinInput{Name: name})
	if err == nil && r.Standing == moderation.StandingPending {
		_, err = h.hub.Approve(ctx, operator(), valley, group.AnyHash(id.Hash()))
	}
	if err == nil && role > moderation.RoleMember {
		_, err = h.hub.UpdatePermissions(ctx, operator(), valley, group.PermissionsInput{Target: group.AnyHash(id.Hash()), Role: role})
	}
	if err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
	h.took()
}

func (h *house) caller(who string) group.Caller {
	id := identity(h.t, who)
	return group.Caller{Identity: group.IdentityHash(id.Hash()), PublicKey: id.PublicKey()}
}

// timeline is what a member's protocol client sees.
func (h *house) timeline(who string) []group.Entry {
	h.t.Helper()
	p, err := h.hub.Messages(context.Background(), h.caller(who), valley, group.Query{Newest: true, Limit: group.MaxPage})
	if err != nil {
		h.t.Fatal(err)
	}
	return p.Entries
}

// posts is what people wrote, as another member sees it.
func (h *house) posts(who string) (texts []string) {
	h.t.Helper()
	for _, e := range h.timeline(who) {
		if e.Kind.Authored() && !e.Deleted {
			texts = append(texts, string(e.Text))
		}
	}
	return texts
}

// answer is the only answer, to him who asked.
func (l *letter) answer(t testing.TB) string {
	t.Helper()
	if len(l.answers) != 1 {
		t.Fatalf("%q got %d answers: %v", l.message.Content, len(l.answers), l.answers)
	}
	return l.answers[0].content
}

// update rewrites the transcripts: go test ./api/lxm -run Conversations -update
func update() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite testdata/*.txt and docs/commands.md")
	flag.Parse()
	os.Exit(m.Run())
}

// TestConversations plays the transcripts in testdata. A line "ann> text" is sent by ann (in the script \n is a new line);
// the lines "ann< text" after it are what the group sends, to whom, as a result; lines with "|" continue one; "(no proof)"
// says that the message was not proved. "* …" changes the world, "#" comments.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = play(t, string(want)) })
			if got == string(want) {
				return
			}
			if update() {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range g {
				if i >= len(w) || g[i] != w[i] {
					t.Fatalf("%s:%d: got\n%s\nwant\n%s", file, i+1, strings.Join(g[i:min(i+4, len(g))], "\n"), strings.Join(w[min(i, len(w)):min(i+4, len(w))], "\n"))
				}
			}
			t.Fatalf("%s: ends early", file)
		})
	}
}

// play runs a script and returns it with what was sent.
func play(t *testing.T, script string) string {
	var out strings.Builder
	var h *house
	need := func() *house {
		if h == nil {
			h = newHouse(t)
		}
		return h
	}
	defer func() {
		if h != nil {
			h.stop()
		}
	}()
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if who, _, ok := strings.Cut(line, "< "); (ok && !strings.Contains(who, " ")) || strings.HasPrefix(line, "| ") || line == "(no proof)" {
			continue
		}
		out.WriteString(line + "\n")
		switch {
		case strings.HasPrefix(line, "* "):
			h = world(t, h, strings.Fields(line[2:]))
		case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
		default:
			who, text, ok := strings.Cut(line, "> ")
			if !ok {
				t.Fatalf("what is %q?", line)
			}
			who, late := strings.CutPrefix(who, "late ")
			text = strings.ReplaceAll(text, `\n`, "\n")
			if code, err := claimCode(need(), text); err != nil {
				t.Fatal(err)
			} else if code != "" {
				text = strings.ReplaceAll(text, "$CODE", code)
			}
			time.Sleep(time.Second)
			l := need().deliver(who, need().write(who, text), func(in *lxm.Inbound) { in.Late = late })
			if l.dropped > 0 {
				out.WriteString("(no proof)\n")
			}
			write(&out, l.answers)
		}
		if h != nil {
			synctest.Wait()
			write(&out, h.took())
		}
	}
	return out.String()
}

// claimCode makes a code when a line needs one.
func claimCode(h *house, text string) (string, error) {
	if !strings.Contains(text, "$CODE") {
		return "", nil
	}
	c, err := h.hub.NewClaimCode(context.Background(), operator(), valley)
	return c.Code, err
}

func write(out *strings.Builder, messages []sent) {
	for _, m := range messages {
		fmt.Fprintf(out, "%s< %s\n", m.to, strings.ReplaceAll(m.content, "\n", "\n| "))
	}
}

// world changes what the conversation goes on in.
func world(t *testing.T, h *house, words []string) *house {
	ctx := context.Background()
	switch {
	case words[0] == "open" && h == nil:
		return newHouse(t, open)
	case h == nil:
		h = newHouse(t)
	}
	var err error
	switch words[0] {
	case "after":
		d, bad := time.ParseDuration(words[1])
		if err = bad; err == nil {
			time.Sleep(d)
		}
	case "member", "moderator", "admin", "owner":
		role, _ := moderation.ParseRole(words[0])
		for _, who := range words[1:] {
			h.joined(who, role)
		}
	case "closed":
		closed := moderation.JoiningClosed
		_, err = h.hub.UpdateSettings(ctx, operator(), valley, group.SettingsInput{Joining: &closed})
	case "disk":
		h.store.OnCommit(nil)
		if words[1] == "full" {
			h.store.OnCommit(func() error { return errors.New("no space left on device") })
		}
	case "posts":
		for i := range 30 {
			if l := h.says(words[1], fmt.Sprintf("post number %d of many", i+1)); len(l.answers) > 0 {
				t.Fatal(l.answers)
			}
		}
	default:
		t.Fatalf("what is %q?", words)
	}
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return h
}

// TestAMessageThatTripsTheServerDoesNotEndIt: it stays unproved, its author sends it again, and what others write is posted.
func TestAMessageThatTripsTheServerDoesNotEndIt(t *testing.T) {
	trips := false
	inHouse(t, func(t *testing.T, h *house) {
		h.joined("ann", moderation.RoleMember)
		trips = true
		if l := h.says("ann", "the bridge is out"); l.dropped != 1 || l.proved != 0 {
			t.Errorf("proved %d times, dropped %d times", l.proved, l.dropped)
		}
		trips = false
		h.says("ann", "take the ferry")
		if posts := h.posts("ann"); len(posts) != 1 || posts[0] != "take the ferry" {
			t.Errorf("the timeline has %q", posts)
		}
	}, open, func(_ *group.NewGroup, _ *group.Config, c *lxm.Config) {
		c.Now = func() time.Time {
			if trips {
				panic("a bug of ours")
			}
			return time.Now()
		}
	})
}

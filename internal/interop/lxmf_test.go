package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
)

// Mailbox is one of our own LXMF addresses, on a node in this process.
type Mailbox struct {
	*lxmf.Router
	*lxmf.Delivery
	t *testing.T

	mu      sync.Mutex
	got     []*lxmf.Inbound
	changed chan struct{}
}

// startMailbox gives a node an LXMF address. Every message is proved after commit, which stands for the database.
func startMailbox(t *testing.T, n *Node, commit time.Duration, change ...func(*lxmf.DeliveryConfig)) *Mailbox {
	t.Helper()
	return startMailboxOf(t, lxmf.RouterConfig{Transport: n.Transport}, commit, change...)
}

func startMailboxOf(t *testing.T, rc lxmf.RouterConfig, commit time.Duration, change ...func(*lxmf.DeliveryConfig)) *Mailbox {
	t.Helper()
	r, err := lxmf.NewRouter(rc)
	if err != nil {
		t.Fatal(err)
	}
	m := &Mailbox{Router: r, t: t, changed: make(chan struct{})}
	c := lxmf.DeliveryConfig{
		Identity:    newIdentity(t),
		DisplayName: func() string { return "groupd mailbox" },
		Ratchets:    &rns.RatchetConfig{},
		OnMessage: func(in *lxmf.Inbound) {
			time.AfterFunc(commit, func() {
				in.Prove()
				m.mu.Lock()
				defer m.mu.Unlock()
				m.got = append(m.got, in)
				close(m.changed)
				m.changed = make(chan struct{})
			})
		},
	}
	for _, f := range change {
		f(&c)
	}
	if m.Delivery, err = r.AddDelivery(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return m
}

// await waits until n messages have come, in all.
func (m *Mailbox) await(n int, timeout time.Duration) []*lxmf.Inbound {
	m.t.Helper()
	deadline := time.After(timeout)
	for {
		m.mu.Lock()
		got, changed := m.got, m.changed
		m.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-changed:
		case <-deadline:
			m.t.Fatalf("%d messages came, want %d; %+v", len(got), n, m.Stats())
		}
	}
}

// writes has the mailbox send a message and waits for the proof.
func (m *Mailbox) writes(to rns.DestinationHash, method lxmf.Method, text string, change ...func(*lxmf.Outbound)) *lxmf.Outgoing {
	m.t.Helper()
	o := &lxmf.Outbound{From: m.Delivery, To: to, Content: []byte(text), Method: method}
	for _, f := range change {
		f(o)
	}
	out, err := m.Send(m.t.Context(), o)
	if err != nil {
		m.t.Fatal(err)
	}
	select {
	case <-out.Done():
	case <-time.After(time.Minute):
		m.t.Fatalf("message is %v after a minute", out.State())
	}
	if out.State() != lxmf.StateDelivered {
		m.t.Fatalf("message is %v: %v", out.State(), out.Err())
	}
	return out
}

// lxmfPair is a mailbox of ours and a Python LXMF program.
func lxmfPair(t *testing.T, commit time.Duration, python Args, change ...func(*lxmf.DeliveryConfig)) (*Mailbox, *Peer, rns.DestinationHash) {
	t.Helper()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	m := startMailbox(t, n, commit, change...)
	p.Do("identity", Args{"name": "me"})
	a := Args{"identity": "me", "name": "Python", "storage": p.Dir()}
	for k, v := range python {
		a[k] = v
	}
	h := hashOf(t, p.Do("lxmf", a)["hash"])
	if err := m.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Do("await_path", Args{"hash": m.Address().String()})
	return m, p, h
}

func (p *Peer) writes(to rns.DestinationHash, method, text string, args Args) string {
	p.t.Helper()
	a := Args{"to": to.String(), "method": method, "content": text}
	for k, v := range args {
		a[k] = v
	}
	id, _ := p.Do("lxmf_send", a)["id"].(string)
	return id
}

// awaitDelivered waits until the peer counts a message as delivered, and returns its number of attempts.
func (p *Peer) awaitDelivered(id string) int {
	p.t.Helper()
	return p.awaitDeliveredWithin(id, time.Minute)
}

func (p *Peer) awaitDeliveredWithin(id string, timeout time.Duration) int {
	p.t.Helper()
	e := p.Await("message_state", timeout, func(e Event) bool { return e.Text("message") == id })
	if e.Fields["delivered"] != true {
		p.t.Fatalf("message %s: %v", id, e.Fields)
	}
	n, _ := e.Fields["attempts"].(float64)
	return int(n)
}

func TestPythonWritesToUs(t *testing.T) {
	t.Parallel()
	m, p, python := lxmfPair(t, 50*time.Millisecond, nil)
	p.Do("lxmf_announce", nil)
	for i, c := range []struct {
		method, text string
		want         lxmf.Method
	}{
		{"opportunistic", "one packet", lxmf.MethodOpportunistic},
		{"direct", "by link", lxmf.MethodDirect},
		{"direct", strings.Repeat("large ", 20_000), lxmf.MethodDirect},
	} {
		id := p.writes(m.Address(), c.method, c.text, Args{"title": "Title", "fields": map[string]string{"48": strings.Repeat("ab", 32)}})
		if n := p.awaitDelivered(id); n > 1 {
			t.Errorf("%s: %d attempts", c.method, n)
		}
		in := m.await(i+1, time.Minute)[i]
		reply, ok := in.Message.Fields.ReplyTo()
		if string(in.Message.Content) != c.text || string(in.Message.Title) != "Title" || in.Method != c.want ||
			in.Message.ID().String() != id || in.Message.Source != python || !ok || reply != lxmf.MessageID(bytes.Repeat([]byte{0xab}, 32)) {
			t.Errorf("received %v by %v, id %v, %d bytes", in.Message.Source, in.Method, in.Message.ID(), len(in.Message.Content))
		}
		packed, _ := p.Do("lxmf_packed", Args{"message": id})["packed"].(string)
		if hex.EncodeToString(in.Message.Packed()) != packed {
			t.Error("the bytes were not kept")
		}
	}
	if s := m.Stats(); s.Duplicates != 0 || s.Accepted != 3 {
		t.Errorf("%+v", s)
	}
}

// A commit that takes 50 ms must not make the stock sender repeat anything or tear its link down.
func TestADelayedProofHoldsPythonsLink(t *testing.T) {
	t.Parallel()
	m, p, _ := lxmfPair(t, 50*time.Millisecond, nil)
	p.Do("lxmf_announce", nil)
	const messages = 60
	var ids []string
	for range messages {
		ids = append(ids, p.writes(m.Address(), "direct", "again and again", nil))
		time.Sleep(40 * time.Millisecond)
	}
	for _, id := range ids {
		if n := p.awaitDelivered(id); n > 1 {
			t.Errorf("message %s took %d attempts", id, n)
		}
	}
	links := map[rns.LinkID]bool{}
	for _, in := range m.await(messages, time.Minute) {
		links[in.Link.ID()] = true
	}
	if s := m.Stats(); len(links) != 1 || s.Received != messages || s.Duplicates != 0 {
		t.Errorf("%d links, %+v", len(links), s)
	}
}

func TestWeWriteToPython(t *testing.T) {
	t.Parallel()
	m, p, python := lxmfPair(t, 0, nil)
	p.Do("lxmf_announce", nil)
	for _, c := range []struct {
		method lxmf.Method
		text   string
	}{
		{lxmf.MethodOpportunistic, "one packet"},
		{lxmf.MethodDirect, "by link"},
		{lxmf.MethodAuto, "as it comes"},
		{lxmf.MethodAuto, strings.Repeat("large ", 20_000)},
	} {
		out := m.writes(python, c.method, c.text, func(o *lxmf.Outbound) { o.Title = []byte("Title") })
		e := p.Await("message", time.Minute, func(e Event) bool { return e.Text("message") == out.ID().String() })
		if e.Text("content") != c.text || e.Text("title") != "Title" || e.Fields["verified"] != true || e.Text("source") != m.Address().String() {
			t.Errorf("%v: Python received %.200v", c.method, e.Fields)
		}
	}
	// Python answers on the link that we opened and identified on.
	links := m.Stats().LinksNow
	id := p.writes(m.Address(), "direct", "answer", nil)
	p.awaitDelivered(id)
	in := m.await(1, time.Minute)[0]
	if links != 1 || !in.Link.Initiator() {
		t.Errorf("answered over a link of Python's; %d of ours", links)
	}
}

// A stock client that is sent the next resource before it has put the last one away loses that one, though it has proved it.
func TestLargeMessagesInARowAllReachAPythonClient(t *testing.T) {
	t.Parallel()
	m, p, python := lxmfPair(t, 0, nil)
	p.Do("lxmf_announce", nil)
	var sent []*lxmf.Outgoing
	for range 100 {
		content := make([]byte, 5000)
		if _, err := rand.Read(content); err != nil {
			t.Fatal(err)
		}
		out, err := m.Send(t.Context(), &lxmf.Outbound{
			From: m.Delivery, To: python, Content: []byte(hex.EncodeToString(content)), Method: lxmf.MethodDirect,
		})
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, out)
	}
	for i, out := range sent {
		<-out.Done()
		if out.State() != lxmf.StateDelivered {
			t.Fatalf("message %d is %v: %v", i, out.State(), out.Err())
		}
		p.Await("message", time.Minute, func(e Event) bool { return e.Text("message") == out.ID().String() })
	}
}

func TestAPythonProgramThatNeverAnnouncedIsHeldAndVerified(t *testing.T) {
	t.Parallel()
	m, p, _ := lxmfPair(t, 0, nil)
	id := p.writes(m.Address(), "opportunistic", "first contact", nil)
	p.awaitDelivered(id)
	in := m.await(1, time.Minute)[0]
	if !in.Held || in.Message.ID().String() != id {
		t.Errorf("held %v", in.Held)
	}
}

// TestPaperIsReadBothWays holds against a live program that asks for stamps.
func TestPaperIsReadBothWays(t *testing.T) {
	t.Parallel()
	m, p, python := lxmfPair(t, 0, Args{"stamp_cost": 16}, func(c *lxmf.DeliveryConfig) { c.StampCost = func() int { return 16 } })
	p.Do("lxmf_announce", nil)
	theirs := p.Do("lxmf_paper", Args{"to": m.Address().String(), "content": "printed by Python"})
	if err := m.TakePaper(theirs["uri"].(string)); err != nil {
		t.Fatal(err)
	}
	// Python announced itself before, but its announce may still be under way: then the message is held for it.
	in := m.await(1, time.Minute)[0]
	if in.Message.ID().String() != theirs["id"] || string(in.Message.Content) != "printed by Python" || in.Method != lxmf.MethodPaper {
		t.Errorf("%+v", in.Message)
	}
	uri, ours, err := m.Paper(&lxmf.Outbound{From: m.Delivery, To: python, Content: []byte("printed by us")})
	if err != nil {
		t.Fatal(err)
	}
	if r := p.Do("lxmf_ingest", Args{"uri": uri}); r["taken"] != true {
		t.Fatalf("Python does not take %s", uri)
	}
	e := p.Await("message", time.Minute, func(e Event) bool { return e.Text("message") == ours.ID().String() })
	if e.Text("content") != "printed by us" || e.Fields["verified"] != true {
		t.Errorf("Python read %v", e.Fields)
	}
}

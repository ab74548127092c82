package interop

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
)

// propagationNode is a stock lxmd that keeps messages.
type propagationNode struct {
	t    *testing.T
	dir  string
	port int
	hash rns.DestinationHash // of its lxmf.propagation destination
	cmd  *exec.Cmd
	out  *lockedBuffer
}

// startLXMD starts a stock lxmd as a propagation node with the lowest stamp cost that it takes. Others reach it by TCP, and each
// other through it.
func startLXMD(t *testing.T) *propagationNode {
	t.Helper()
	n := &propagationNode{t: t, dir: t.TempDir(), port: freePort(t, "127.0.0.1"), out: &lockedBuffer{}}
	id := newIdentity(t)
	h := id.Hash()
	n.hash = rns.HashDestination(&h, lxmf.AppName, lxmf.PropagationAspect)
	network := strings.Replace(ServerConfig("127.0.0.1", n.port), "enable_transport = no", "enable_transport = yes", 1)
	for name, text := range map[string]string{
		"rns/config": network,
		"identity":   string(id.PrivateKey()),
		"config": "[propagation]\nenable_node = yes\nnode_name = Stock Node\nannounce_at_start = yes\nautopeer = no\npropagation_stamp_cost_target = 13\n" +
			"propagation_stamp_cost_flexibility = 0\n[lxmf]\nannounce_at_start = no\n[logging]\nloglevel = 4\n",
	} {
		path := filepath.Join(n.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		n.Kill()
		if t.Failed() {
			t.Logf("lxmd printed:\n%s", n.out.String())
		}
	})
	n.Start()
	return n
}

// Start starts it, again after Kill, and waits until it can be connected to.
func (n *propagationNode) Start() {
	n.t.Helper()
	n.cmd = exec.Command(filepath.Join(filepath.Dir(python(n.t)), "lxmd"), "--config", n.dir, "--rnsconfig", filepath.Join(n.dir, "rns"), "-p")
	n.cmd.Stdout, n.cmd.Stderr = n.out, n.out
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", n.port))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("lxmd does not listen: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Kill is kill -9.
func (n *propagationNode) Kill() {
	if n.cmd != nil {
		n.cmd.Process.Kill()
		n.cmd.Wait()
		n.cmd = nil
	}
}

// useNode makes a Python program leave its messages at the node.
func (p *Peer) useNode(n *propagationNode) {
	p.t.Helper()
	p.Do("await_path", Args{"hash": n.hash.String(), "timeout": 60})
	p.Do("lxmf_node", Args{"node": n.hash.String()})
}

// leaves has a Python program leave messages at its node, one after the other, and waits until the node has them: with two at a
// time a stock program has been seen to give one up within seconds.
func (p *Peer) leaves(to string, texts ...string) {
	p.t.Helper()
	const sent = 4
	for _, text := range texts {
		id := p.Do("lxmf_send", Args{"to": to, "method": "propagated", "content": text})["id"]
		for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			state, _ := p.Do("lxmf_packed", Args{"message": id})["state"].(float64)
			if state == sent {
				break
			}
			if state > sent || time.Now().After(deadline) {
				p.t.Fatalf("message %v is not left at the node, state %v", id, state)
			}
		}
	}
}

// A group that is not always there: posts that were left for it arrive once and are numbered on arrival, and their authors are
// told, through the same node when they are off; commands that come late do not run.
func TestAGroupCollectsItsMailFromAStockNode(t *testing.T) {
	t.Parallel()
	lxmd := startLXMD(t)
	s := NewServer(t, BuildGroupd(t), "[propagation]\nnodes = [\""+lxmd.hash.String()+"\"]\n[[group]]\nid = \"main\"\nname = \"Hill\"\n")
	uplink := fmt.Sprintf("[[Uplink]]\ntype = TCPClientInterface\nenabled = yes\ntarget_host = 127.0.0.1\ntarget_port = %d\n", lxmd.port)
	s.write(filepath.Join(s.Net, "config"), ServerConfig("127.0.0.1", s.Port, uplink))
	s.Start()
	address := s.JSON("group", "show")["address"].(string)
	config := ClientConfig("127.0.0.1", lxmd.port)
	ann, bo := newMemberOn(t, config, "Ann", address), newMemberOn(t, config, "Bo", address)
	for _, m := range []*member{ann, bo} {
		m.write("direct", "/join "+m.name)
		m.hears("Welcome")
		m.must("/notifications/update", "NotificationsRequest", map[string]any{"receipts": true}, "NotificationsReply")
		m.useNode(lxmd)
	}
	s.Stop()

	ann.leaves(address, "written in the valley", "/nick Annabel")
	bo.leaves(address, "written on the ridge")
	private := ann.Do("private_key", Args{"name": "me"})["private"]
	ann.Kill() // she is off when the group answers

	s.Start()
	bo.hears("collected from a propagation node")
	if st := s.Do("status"); !strings.Contains(st, lxmd.hash.String()) || !strings.Contains(st, "3 messages") {
		t.Errorf("status:\n%s", st)
	}
	posts := func() (texts []string) {
		t.Helper()
		bo.connect()
		rows, _, _, _ := bo.fetch("0", 100)
		for _, r := range rows {
			if strings.HasPrefix(r.text, "written") {
				texts = append(texts, r.text)
			}
		}
		slices.Sort(texts)
		return texts
	}
	want := []string{"written in the valley", "written on the ridge"}
	if got := posts(); !slices.Equal(got, want) {
		t.Errorf("the timeline has %q", got)
	}
	if strings.Contains(s.Do("member", "list"), "Annabel") {
		t.Error("a command that came late was run")
	}

	// What could not be delivered to Ann is at the node when she comes back.
	lxmd.awaits(2)
	again := startPeerAt(t, ann.Dir(), "", "Ann again", config)
	again.Do("identity", Args{"name": "me", "private": private})
	again.Do("lxmf", Args{"storage": ann.Dir() + "/lxmf", "identity": "me", "name": "Ann"})
	again.Do("await_path", Args{"hash": address, "timeout": 40}) // to know the group's key
	again.useNode(lxmd)
	again.Do("lxmf_sync", nil)
	for _, text := range []string{"collected from a propagation node", "came late"} {
		e := again.Await("message", 10*time.Second, func(e Event) bool { return strings.Contains(e.Text("content"), text) })
		if e.Text("source") != address || e.Fields["verified"] != true {
			t.Errorf("%v", e.Fields)
		}
	}

	s.Kill() // and comes back: nothing is lost, nothing comes twice
	s.Start()
	if got := posts(); !slices.Equal(got, want) {
		t.Errorf("after a crash the timeline has %q", got)
	}
}

// awaits waits until so many messages are in the node's store.
func (n *propagationNode) awaits(messages int) {
	n.t.Helper()
	deadline := time.Now().Add(100 * time.Second)
	for {
		files, err := os.ReadDir(filepath.Join(n.dir, "storage", "lxmf", "messagestore"))
		if err == nil && len(files) == messages {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%d messages at the node, want %d; %v", len(files), messages, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// collector is an LXMF address of ours that collects from a node. Each message is recorded as a database would; then decide is called.
type collector struct {
	*lxmf.Propagation
	delivery *lxmf.Delivery
	store    *lxmf.MemoryStore
	texts    []string
	stop     func()
}

func startCollector(t *testing.T, n *Node, id *rns.Identity, store *lxmf.MemoryStore, decide func(*lxmf.Inbound)) *collector {
	t.Helper()
	r, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: n.Transport, Store: store})
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{store: store}
	c.delivery, err = r.AddDelivery(lxmf.DeliveryConfig{Identity: id, OnMessage: func(in *lxmf.Inbound) {
		c.texts = append(c.texts, string(in.Message.Content))
		store.MarkSeen(in.Message.ID())
		if !in.Late {
			t.Error("not marked as late")
		}
		decide(in)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Propagation, err = lxmf.NewPropagation(r, lxmf.PropagationConfig{Interval: -1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	c.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.delivery.Destination().Close()
	})
	t.Cleanup(c.stop)
	return c
}

func (c *collector) collect(t *testing.T, n *propagationNode) (lxmf.SyncReport, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reports, err := c.Collect(ctx, c.delivery, lxmf.CollectOptions{Node: n.hash})
	if len(reports) == 0 {
		t.Fatal(err)
	}
	return reports[0], err
}

// We crash between fetching and deleting, then the node does: each message comes once, and none stays.
func TestRestartsInTheMiddleOfACollectionLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	lxmd := startLXMD(t)
	n := startNode(t, "127.0.0.1", lxmd.port, rns.Config{}, rns.InterfaceOptions{})
	id, store := newIdentity(t), &lxmf.MemoryStore{}
	p := StartPeer(t, "Ann", ClientConfig("127.0.0.1", lxmd.port))
	p.Do("identity", Args{"name": "me"})
	p.Do("lxmf", Args{"identity": "me", "name": "Ann", "storage": p.Dir() + "/lxmf"})

	crashed := make(chan struct{})
	var once sync.Once
	first := startCollector(t, n, id, store, func(*lxmf.Inbound) { once.Do(func() { close(crashed) }) }) // recorded, and never decided
	if err := first.delivery.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	address := first.delivery.Address().String()
	p.Do("await_path", Args{"hash": address})
	p.useNode(lxmd)
	p.Do("lxmf_announce", nil)
	p.leaves(address, "one", strings.Repeat("two ", 5000)) // the second is a resource both ways
	ctx, kill := context.WithCancel(t.Context())
	go func() {
		<-crashed
		kill()
	}()
	if _, err := first.Collect(ctx, first.delivery, lxmf.CollectOptions{Node: lxmd.hash}); err == nil {
		t.Fatal("collected without a decision")
	}
	first.stop()
	lxmd.awaits(2)

	hold := make(chan *lxmf.Inbound, 10)
	second := startCollector(t, n, id, store, func(in *lxmf.Inbound) { hold <- in })
	done := make(chan error, 1)
	collect := func() { _, err := second.collect(t, lxmd); done <- err }
	go collect()
	for range 2 - len(first.texts) {
		(<-hold).Prove()
	}
	if err := <-done; err != nil || len(first.texts)+len(second.texts) != 2 {
		t.Fatalf("%v; %d messages and then %d", err, len(first.texts), len(second.texts))
	}
	lxmd.awaits(0)

	p.leaves(address, "three")
	go collect()
	in := <-hold
	lxmd.Kill()
	in.Prove()
	if err := <-done; err == nil {
		t.Fatal("deleted at a node that is off")
	}
	lxmd.Start()
	deadline := time.Now().Add(60 * time.Second)
	for {
		r, err := second.collect(t, lxmd)
		if err == nil {
			if r.Listed != 1 || r.Had != 1 || r.Fetched != 0 {
				t.Errorf("%+v", r)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(500 * time.Millisecond)
	}
	lxmd.awaits(0)
	if got := append(first.texts, second.texts...); len(got) != 3 || second.Stats().Fetched == 0 {
		t.Errorf("%d messages, %+v", len(got), second.Stats())
	}
}

// What we leave at a stock node, as a packet and as a resource, a stock client collects; a stamp that is too cheap is refused by name.
func TestAPythonProgramCollectsWhatWeLeftAtAStockNode(t *testing.T) {
	t.Parallel()
	lxmd := startLXMD(t)
	n := startNode(t, "127.0.0.1", lxmd.port, rns.Config{}, rns.InterfaceOptions{})
	p := StartPeer(t, "Ann", ClientConfig("127.0.0.1", lxmd.port))
	p.Do("identity", Args{"name": "me"})
	python := hashOf(t, p.Do("lxmf", Args{"identity": "me", "name": "Ann", "storage": p.Dir() + "/lxmf"})["hash"])
	m := startMailbox(t, n, 0)
	prop, err := lxmf.NewPropagation(m.Router, lxmf.PropagationConfig{Nodes: []rns.DestinationHash{lxmd.hash}, Interval: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Do("await_path", Args{"hash": m.Address().String()})
	p.useNode(lxmd)
	p.Do("lxmf_announce", nil)
	if err := n.AwaitPath(t.Context(), python); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, text := range []string{"in a packet", strings.Repeat("in a resource ", 500)} {
		out, err := m.Send(t.Context(), &lxmf.Outbound{From: m.Delivery, To: python, Content: []byte(text), Method: lxmf.MethodPropagated})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-out.Done():
		case <-time.After(time.Minute):
		}
		if out.State() != lxmf.StateSent {
			t.Fatalf("%v: %v; %+v", out.State(), out.Err(), prop.Stats())
		}
		ids = append(ids, out.ID().String())
	}
	lxmd.awaits(2)
	p.Do("lxmf_sync", nil)
	for _, id := range ids {
		if e := p.Await("message", 10*time.Second, func(e Event) bool { return e.Text("message") == id }); e.Fields["verified"] != true {
			t.Errorf("%v", e.Fields)
		}
	}
	lxmd.awaits(0)
}

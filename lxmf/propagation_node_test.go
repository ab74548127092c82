package lxmf_test

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// fakeNode is a propagation node that keeps what it gets in memory, and misbehaves as a test says.
type fakeNode struct {
	t    *testing.T
	node *rnstest.Node
	dest *rns.Destination

	mu      sync.Mutex
	data    lxmf.PropagationData
	plain   []byte       // announce data instead of data
	stored  [][]byte     // with stamps
	uploads [][]byte     // all that came, as they came
	gets    []gotRequest // in order
	links   int
	open    map[*rns.Link]bool

	// What a test may change. nil: as a good node does.
	answer func(g lxmf.GetRequest, honest msgpack.Raw) (msgpack.Raw, bool) // a changed answer; false: none
	refuse func(blob []byte) bool                                          // the stamp is not good
	silent bool                                                            // uploads are neither proved nor answered
}

type gotRequest struct {
	lxmf.GetRequest
	identified bool
}

// startNode starts a node that announces itself once.
func startNode(t *testing.T, number byte, port *ifacetest.Port, change ...func(*fakeNode)) *fakeNode {
	t.Helper()
	n := &fakeNode{
		t: t, node: rnstest.Start(t, rns.Config{}, port), open: make(map[*rns.Link]bool),
		data: lxmf.PropagationData{Time: 1, Active: true, TransferLimit: 256, SyncLimit: 10240, StampCost: 4, StampCostFlexibility: 1, PeeringCost: 18},
	}
	for _, f := range change {
		f(n)
	}
	var err error
	n.dest, err = n.node.NewDestination(rns.DestinationConfig{
		Type: rns.DestinationSingle, Identity: rnstest.Identity(t, number), App: lxmf.AppName, Aspects: []string{lxmf.PropagationAspect},
		OnLink: n.onLink, MaxRequestSize: 1 << 20,
		AppData: func() []byte {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.plain != nil {
				return n.plain
			}
			return n.data.Append(nil)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.dest.HandleRequest(lxmf.PropagationPath, n.get)
	return n
}

func (n *fakeNode) announce() {
	n.t.Helper()
	if err := n.dest.Announce(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	time.Sleep(time.Second) // in the bubble
}

func (n *fakeNode) onLink(l *rns.Link) {
	n.mu.Lock()
	n.links++
	n.open[l] = true
	n.mu.Unlock()
	l.SetHandlers(rns.LinkHandlers{
		OnPacket: func(p *rns.ReceivedPacket) {
			if n.take(l, p.Data) {
				_ = p.Prove()
			}
		},
		OnResource: func(o rns.ResourceOffer) rns.ResourceDecision {
			return rns.ResourceDecision{Accept: o.Size < 1<<20, MaxSize: 1 << 20}
		},
		OnResourceDone: func(r *rns.ReceivedResource) { _ = r.Prove(); n.take(l, r.Data) },
		OnClosed: func(l *rns.Link) {
			n.mu.Lock()
			defer n.mu.Unlock()
			delete(n.open, l)
		},
	})
}

// take takes an upload in. False: it is not to be proved.
func (n *fakeNode) take(l *rns.Link, data []byte) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.uploads = append(n.uploads, slices.Clone(data))
	if n.silent {
		return false
	}
	u, err := lxmf.ParseNodeUpload(data)
	if err != nil || len(u.Messages) != 1 {
		return false
	}
	blob, stamp, err := lxmf.SplitPropagationStamp(u.Messages[0])
	good := err == nil
	if good {
		_, good, err = lxmf.PropagationWork(lxmf.TransientIDOf(blob)).Check(context.Background(), stamp, n.data.StampCost-n.data.StampCostFlexibility)
		good = good && err == nil
	}
	if !good || n.refuse != nil && n.refuse(blob) {
		go func() {
			_, _ = l.Send(context.Background(), lxmf.AppendSignal(nil, lxmf.NodeInvalidStamp))
			_ = l.Close()
		}()
		return false
	}
	if !slices.ContainsFunc(n.stored, func(s []byte) bool { return idOf(s) == lxmf.TransientIDOf(blob) }) {
		n.stored = append(n.stored, slices.Clone(u.Messages[0]))
	}
	return true
}

func (n *fakeNode) get(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
	g, err := lxmf.ParseGetRequest(r.Data)
	if err != nil {
		return nil, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gets = append(n.gets, gotRequest{g, r.Remote != nil})
	honest := n.honest(g, r.Remote)
	if n.answer != nil {
		return n.answer(g, honest)
	}
	return honest, true
}

// honest is what a good node answers. n.mu is held.
func (n *fakeNode) honest(g lxmf.GetRequest, who *rns.PublicIdentity) msgpack.Raw {
	if who == nil {
		return msgpack.Int(int64(lxmf.NodeNoIdentity))
	}
	own := lxmf.DeliveryHash(who)
	n.stored = slices.DeleteFunc(n.stored, func(s []byte) bool {
		return rns.DestinationHash(s[:16]) == own && slices.Contains(g.Haves, idOf(s))
	})
	var mine [][]byte
	for _, s := range n.stored {
		if rns.DestinationHash(s[:16]) == own {
			mine = append(mine, s)
		}
	}
	slices.SortStableFunc(mine, func(a, b []byte) int { return len(a) - len(b) })
	var out []msgpack.Raw
	switch {
	case !g.Fetch && g.Haves == nil:
		for _, s := range mine {
			id := idOf(s)
			out = append(out, msgpack.Bin(id[:]))
		}
	case g.Fetch:
		var wanted [][]byte
		var sizes []int
		for _, s := range mine {
			if slices.Contains(g.Wants, idOf(s)) {
				wanted, sizes = append(wanted, s), append(sizes, len(s))
			}
		}
		for _, i := range g.Fits(sizes) {
			out = append(out, msgpack.Bin(wanted[i][:len(wanted[i])-lxmf.StampLength]))
		}
	}
	return msgpack.Array(out...)
}

func idOf(stored []byte) lxmf.TransientID {
	return lxmf.TransientIDOf(stored[:len(stored)-lxmf.StampLength])
}

// leave puts a message of one person to another into the node, as if a client had left it there.
func (n *fakeNode) leave(from *rns.Identity, to *rns.PublicIdentity, text string, change ...func(*lxmf.Draft)) (lxmf.MessageID, lxmf.TransientID) {
	n.t.Helper()
	d := lxmf.Draft{Destination: lxmf.DeliveryHash(to), Timestamp: float64(time.Now().UnixNano()) / 1e9, Content: []byte(text)}
	for _, f := range change {
		f(&d)
	}
	m, err := lxmf.Pack(from, d)
	if err != nil {
		n.t.Fatal(err)
	}
	blob, err := lxmf.Seal(rand.Reader, m, to, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	n.keep(blob)
	return m.ID(), lxmf.TransientIDOf(blob)
}

func (n *fakeNode) keep(blob []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stored = append(n.stored, append(slices.Clone(blob), make([]byte, lxmf.StampLength)...))
}

func (n *fakeNode) set(f func(*fakeNode)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n)
}

// holds is the number of messages that wait at the node; saw is what it was asked.
func (n *fakeNode) holds() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.stored)
}

func (n *fakeNode) saw() []gotRequest {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.gets)
}

func (n *fakeNode) got() [][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.uploads)
}

// opened is the number of links so far, and those that are open.
func (n *fakeNode) opened() (all int, open []*rns.Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.links, slices.Collect(maps.Keys(n.open))
}

// closed fails the test when a link is open.
func (n *fakeNode) closed() {
	n.t.Helper()
	if _, open := n.opened(); len(open) != 0 {
		n.t.Errorf("%d links stay open", len(open))
	}
}

// propagate gives a person a client of nodes. It ends before the router.
func (p *person) propagate(t *testing.T, c lxmf.PropagationConfig) *lxmf.Propagation {
	t.Helper()
	prop, _ := p.propagateUntil(t, c)
	return prop
}

func (p *person) propagateUntil(t *testing.T, c lxmf.PropagationConfig) (*lxmf.Propagation, func()) {
	t.Helper()
	prop, err := lxmf.NewPropagation(p.Router, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := prop.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop := func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	synctest.Wait()
	return prop, stop
}

// onDemand is a client that collects only when it is told to.
func onDemand() lxmf.PropagationConfig { return lxmf.PropagationConfig{Auto: true, Interval: -1} }

// collect collects and checks that one session ended in this state.
func (p *person) collect(t *testing.T, prop *lxmf.Propagation, want lxmf.SyncState, o lxmf.CollectOptions) lxmf.SyncReport {
	t.Helper()
	reports, err := prop.Collect(t.Context(), p.Delivery, o)
	if len(reports) != 1 || reports[0].State != want || (err == nil) != (want == lxmf.SyncComplete) {
		t.Fatalf("%+v, %v; want %v", reports, err, want)
	}
	return reports[0]
}

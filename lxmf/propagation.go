package lxmf

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns"
)

// Tunables of the client of propagation nodes: each also a field of [PropagationConfig], where zero means these.
const (
	// DefaultMaxNodes bounds the nodes that are remembered beside the pinned ones.
	DefaultMaxNodes = 64
	// DefaultCollectInterval is the time between two collections.
	DefaultCollectInterval = time.Hour
	// DefaultNodePathTimeout is how long a path to a node is waited for (spec 4 §5.3).
	DefaultNodePathTimeout = 10 * time.Second
)

// maxCollectedIDs is how many ids of collected messages are remembered.
const maxCollectedIDs = 8192

// PropagationConfig says which propagation nodes are used, and how often they are asked.
type PropagationConfig struct {
	// Nodes are the addresses (of the lxmf.propagation destinations) of nodes to use, in order of preference. Mail is
	// collected from all of them.
	Nodes []rns.DestinationHash
	// Auto uses those that announce themselves, too: messages are left at the best one, and mail is collected from one, the
	// best that works. See [PropagationNode].
	Auto bool
	// MaxNodes bounds the nodes that are remembered.
	MaxNodes int
	// Interval is the time between two collections of each delivery's mail; they also happen at the start, and when a node
	// shows up after a failure or a while. Below 0: only when [Propagation.Collect] is called.
	Interval time.Duration
	// PathTimeout is how long a path to a node is waited for.
	PathTimeout time.Duration
}

// Propagation is the client of propagation nodes: it knows nodes, leaves messages with them for recipients who are off, and
// collects the mail of the router's deliveries. Collected messages are given to the deliveries like all others, with
// [MethodPropagated] and Late set, and are deleted at the node only when their decision is durable: a crash at any point neither
// loses nor doubles a message. All methods may be called from any goroutine.
//
// Nodes are strangers. Whatever one sends is bounded; one that fails, in whatever way, comes after the others for a while.
type Propagation struct {
	r      *Router
	config PropagationConfig
	nodes  *nodeTable
	store  chan storeNode
	wake   chan struct{} // capacity 1: the schedule has changed
	count  propagationCounters
	upload uploader
	life   context.Context // of uploads: until Run ends
	end    context.CancelFunc

	mu        sync.Mutex // leaf
	had       map[TransientID]struct{}
	hadOrder  []TransientID // oldest first
	schedules map[rns.DestinationHash]*schedule
}

var _ Uploader = (*Propagation)(nil)

// NewPropagation checks the configuration, and makes itself the router's [Uploader]. Nothing runs before [Propagation.Run].
func NewPropagation(r *Router, c PropagationConfig) (*Propagation, error) {
	if r == nil {
		return nil, errors.New("lxmf: propagation without a router")
	}
	if c.MaxNodes < 0 || c.PathTimeout < 0 {
		return nil, errors.New("lxmf: propagation with a negative bound")
	}
	for i, a := range c.Nodes {
		for _, b := range c.Nodes[:i] {
			if a == b {
				return nil, fmt.Errorf("lxmf: propagation node %s is given twice", a)
			}
		}
	}
	if c.MaxNodes == 0 {
		c.MaxNodes = DefaultMaxNodes
	}
	if c.Interval == 0 {
		c.Interval = DefaultCollectInterval
	}
	if c.PathTimeout == 0 {
		c.PathTimeout = DefaultNodePathTimeout
	}
	p := &Propagation{
		r: r, config: c, nodes: newNodeTable(c.MaxNodes, c.Nodes),
		store: make(chan storeNode, c.MaxNodes), wake: make(chan struct{}, 1),
		had: make(map[TransientID]struct{}), schedules: make(map[rns.DestinationHash]*schedule),
	}
	p.life, p.end = context.WithCancel(context.Background())
	p.upload.init()
	r.SetUploader(p)
	return p, nil
}

// Run hears nodes and collects mail until ctx ends, and returns when its goroutines have ended. It returns an error when what is
// stored cannot be read. It is called once. Nothing is uploaded after it. End it before the router, or with it.
func (p *Propagation) Run(ctx context.Context) error {
	defer p.upload.close()
	defer p.end()
	reading := context.WithoutCancel(ctx) // an early end is no failure
	nodes, err := p.r.store.Nodes(reading)
	if err != nil {
		return fmt.Errorf("lxmf: propagation nodes: %w", err)
	}
	ids, err := p.r.store.Collected(reading)
	if err != nil {
		return fmt.Errorf("lxmf: collected messages: %w", err)
	}
	p.remember(ids...)
	select {
	case <-p.r.transport.Ready():
	case <-ctx.Done():
		return nil
	}
	p.nodes.load(append(nodes, p.pinned()...), p.known, time.Now())
	cancel := p.r.transport.HandleAnnounces(AppName+"."+PropagationAspect, rns.AnnounceHandlerOptions{PathResponses: true}, p.nodeHeard)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { p.keepNodes(ctx) })
	wg.Go(func() { p.collectInTime(ctx) })
	<-ctx.Done()
	return nil
}

// pinned are the configured nodes as if they were stored, so that what the transport knows of them is read.
func (p *Propagation) pinned() (list []KnownNode) {
	for _, a := range p.config.Nodes {
		list = append(list, KnownNode{Address: a})
	}
	return list
}

// remember takes ids as collected; the oldest beyond maxCollectedIDs are forgotten.
func (p *Propagation) remember(ids ...TransientID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		if _, ok := p.had[id]; !ok {
			p.had[id] = struct{}{}
			p.hadOrder = append(p.hadOrder, id)
		}
	}
	if over := len(p.hadOrder) - maxCollectedIDs; over > 0 {
		for _, id := range p.hadOrder[:over] {
			delete(p.had, id)
		}
		p.hadOrder = append(p.hadOrder[:0], p.hadOrder[over:]...)
	}
}

// PropagationStats counts since the start.
type PropagationStats struct {
	Nodes          int    // known now
	NodesDropped   uint64 // heard, with no room in the table
	Malformed      uint64 // announces that are not a node's
	Uploads        uint64 // messages left at nodes
	UploadsFailed  uint64 // attempts that failed
	UploadsRefused uint64 // attempts that a node refused, for the stamp
	Collections    uint64 // sessions with nodes that were completed
	CollectFailed  uint64 // sessions that failed
	Fetched        uint64 // messages that nodes gave us
	Unreadable     uint64 // of those, that nothing opens: deleted there
	Unasked        uint64 // of those, that we had not asked for: ignored
	Undecided      uint64 // of those, that were not decided: left there
	Missing        uint64 // ids that nodes listed and did not give us
}

type propagationCounters struct {
	malformed, uploads, uploadsFailed, uploadsRefused, collections, collectFailed, fetched, unreadable, unasked, undecided, missing atomic.Uint64
}

// Stats returns a snapshot of the counters.
func (p *Propagation) Stats() PropagationStats {
	c := &p.count
	s := PropagationStats{
		Malformed: c.malformed.Load(), Uploads: c.uploads.Load(), UploadsFailed: c.uploadsFailed.Load(), UploadsRefused: c.uploadsRefused.Load(),
		Collections: c.collections.Load(), CollectFailed: c.collectFailed.Load(), Fetched: c.fetched.Load(), Unreadable: c.unreadable.Load(),
		Unasked: c.unasked.Load(), Undecided: c.undecided.Load(), Missing: c.missing.Load(),
	}
	p.nodes.mu.Lock()
	defer p.nodes.mu.Unlock()
	s.Nodes, s.NodesDropped = len(p.nodes.entries), p.nodes.dropped
	return s
}

package auto_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/auto"
)

// lan is a network segment without sockets: a multicast goes to all who listen to its group, the sender too.
type lan struct {
	mu          sync.Mutex
	sockets     map[*socket]bool
	noMulticast bool // multicasts are lost
	dead        bool // nothing passes
	sent        []sent
}

type sent struct {
	from, to netip.AddrPort
	payload  []byte
	at       time.Time
}

func newLAN() *lan { return &lan{sockets: make(map[*socket]bool)} }

func (l *lan) set(f func(l *lan)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// toPort lists what was sent to a port.
func (l *lan) toPort(port uint16) (list []sent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sent {
		if s.to.Port() == port {
			list = append(list, s)
		}
	}
	return list
}

func (l *lan) deliver(from, to netip.AddrPort, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to = netip.AddrPortFrom(to.Addr().WithZone(""), to.Port())
	l.sent = append(l.sent, sent{from, to, bytes.Clone(payload), time.Now()})
	if l.dead || l.noMulticast && to.Addr().IsMulticast() {
		return
	}
	for s := range l.sockets {
		if s.at == to {
			select {
			case s.in <- sent{from: from, payload: bytes.Clone(payload)}:
			default:
			}
		}
	}
}

type socket struct {
	lan    *lan
	at     netip.AddrPort
	source netip.AddrPort
	in     chan sent
	closed chan struct{}
	once   sync.Once
}

func (l *lan) listen(at netip.AddrPort, source netip.Addr) *socket {
	s := &socket{lan: l, at: at, source: netip.AddrPortFrom(source, at.Port()), in: make(chan sent, 4096), closed: make(chan struct{})}
	l.set(func(l *lan) { l.sockets[s] = true })
	return s
}

func (s *socket) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-s.in:
		return copy(b, d.payload), netip.AddrPortFrom(d.from.Addr().WithZone("somewhere"), d.from.Port()), nil
	case <-s.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (s *socket) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if n, err := strconv.Atoi(to.Addr().Zone()); err != nil || n < 1 {
		return 0, fmt.Errorf("no zone in %s", to)
	}
	s.lan.deliver(s.source, to, b)
	return len(b), nil
}

func (s *socket) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.lan.set(func(l *lan) { delete(l.sockets, s) })
	})
	return nil
}

// host is a machine with devices on segments.
type host struct {
	mu     sync.Mutex
	links  []auto.Link
	lans   map[string]*lan
	refuse error // what opening a socket answers
}

func newHost() *host { return &host{lans: make(map[string]*lan)} }

// plug gives the host a device on a segment.
func (h *host) plug(device, address string, l *lan) *host {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links = append(h.links, auto.Link{Device: device, Index: len(h.links) + 2, Address: netip.MustParseAddr(address)})
	h.lans[device] = l
	return h
}

func (h *host) unplug(device string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, l := range h.links {
		if l.Device == device {
			h.links = append(h.links[:i:i], h.links[i+1:]...)
			return
		}
	}
}

func (h *host) setRefuse(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = err
}

func (h *host) Links() ([]auto.Link, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]auto.Link(nil), h.links...), nil
}

func (h *host) ListenGroup(l auto.Link, group netip.Addr, port int) (auto.Socket, error) {
	return h.open(l, group, port)
}

func (h *host) Listen(l auto.Link, port int, shared bool) (auto.Socket, error) {
	if shared != (port == auto.DefaultDiscoveryPort+1) {
		return nil, errors.New("wrongly shared")
	}
	return h.open(l, l.Address, port)
}

func (h *host) open(l auto.Link, at netip.Addr, port int) (auto.Socket, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil {
		return nil, h.refuse
	}
	return h.lans[l.Device].listen(netip.AddrPortFrom(at, uint16(port)), l.Address), nil
}

// node is a running carrier and what it makes.
type node struct {
	*auto.Interface
	stop func()

	mu     sync.Mutex
	peers  map[string]interfaces.Interface
	came   []time.Time
	refuse bool
	block  chan struct{} // when not nil, taking frames in waits for it
	frames chan received
}

type received struct {
	by    string
	frame []byte
}

func start(t *testing.T, c auto.Config) *node {
	t.Helper()
	a, err := auto.New(c)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Interface: a, peers: make(map[string]interfaces.Interface), frames: make(chan received, 10000)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, n.attach) }()
	var once sync.Once
	n.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("serve: %v", err)
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			if len(n.peers) != 0 {
				t.Errorf("%d peers are left", len(n.peers))
			}
		})
	}
	t.Cleanup(n.stop)
	return n
}

func (n *node) attach(i interfaces.Interface) func() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse {
		return nil
	}
	if n.peers[i.Name()] != nil {
		panic("two interfaces of the same name")
	}
	n.peers[i.Name()] = i
	n.came = append(n.came, time.Now())
	block := n.block
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.Run(ctx, func(f []byte) {
			if block != nil {
				select {
				case <-block:
				case <-ctx.Done():
				}
			}
			n.frames <- received{i.Name(), bytes.Clone(f)}
		})
	}()
	return func() {
		cancel()
		<-done
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.peers, i.Name())
	}
}

// peer is the one of that name, or nil.
func (n *node) peer(name string) interfaces.Interface {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peers[name]
}

func (n *node) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.peers)
}

// arrivals is when each peer came.
func (n *node) arrivals() []time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]time.Time(nil), n.came...)
}

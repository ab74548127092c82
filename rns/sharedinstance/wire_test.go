package sharedinstance

import (
	"bytes"
	"context"
	"iter"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/hdlc"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/interfaces/local"
	"groupd/rns/rnstest"
)

// plug is the bare end of a local socket: what it gets are the bytes that a stock program would.
type plug struct {
	t    *testing.T
	conn net.Conn
	got  chan rns.Packet
}

func plugIn(t *testing.T, conn net.Conn) *plug {
	p := &plug{t: t, conn: conn, got: make(chan rns.Packet, 1000)}
	t.Cleanup(func() { conn.Close() })
	go func() {
		d, buf := hdlc.NewDecoder(hdlc.MinPacket, local.MTU), make([]byte, 1<<16)
		for {
			n, err := conn.Read(buf)
			d.Feed(buf[:n], func(f []byte) {
				if packet, err := rns.ParsePacket(bytes.Clone(f)); err == nil {
					p.got <- packet
				}
			})
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *plug) send(packet rns.Packet) {
	if _, err := p.conn.Write(hdlc.AppendFrame(nil, packet.Append(nil))); err != nil {
		p.t.Error(err)
	}
}

// await returns the next packet that fits.
func (p *plug) await(what string, fits func(rns.Packet) bool) rns.Packet {
	p.t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		select {
		case packet := <-p.got:
			if fits(packet) {
				return packet
			}
		case <-deadline:
			p.t.Fatalf("no %s came", what)
		}
	}
}

func own(t *testing.T, n *rns.Transport, id *rns.Identity) *rns.Destination {
	t.Helper()
	d, err := n.NewDestination(rns.DestinationConfig{Type: rns.DestinationSingle, Identity: id, App: "test", OnPacket: func(*rns.ReceivedPacket) {}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func announceOf(d rns.DestinationHash) func(rns.Packet) bool {
	return func(p rns.Packet) bool { return p.PacketType == rns.PacketAnnounce && p.Destination == d }
}

// I-112, I-113, I-114: programs get announces as header type 2 with the master's id; those of other programs with hop byte 0,
// those of the network with the received byte + 1. The network gets those of programs from the master with hop byte 0.
func TestProgramsGetAnnouncesFromTheirMaster(t *testing.T) {
	t.Parallel()
	c := reticulum()
	m := ifacetest.NewMedium(ifacetest.Options{})
	master := start(t, join(t, c, 0)) // without transport
	if err := master.AddInterface(m.Port("master"), rns.InterfaceOptions{}); err != nil {
		t.Fatal(err)
	}
	neighbour := rnstest.Start(t, rns.Config{}, m.Port("neighbour"))
	data, _, err := endpoints(c)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := data.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p := plugIn(t, conn)
	client := start(t, join(t, c, 0))
	master.up(t, 2)
	client.up(t, 1)

	d := own(t, client.Transport, rnstest.Identity(t, 1))
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := p.await("announce of another program", announceOf(d.Hash()))
	if a.HeaderType != rns.Header2 || a.Hops != 0 || rns.IdentityHash(a.TransportID) != master.Identity().Hash() || a.Context != rns.ContextNone || a.Raw[0] != 0x51 {
		t.Errorf("announce of another program: %x", a.Raw[:36])
	}
	eventually(t, func() bool { i, ok := neighbour.PathInfo(d.Hash()); return ok && i.Hops == 1 })
	if i, _ := neighbour.PathInfo(d.Hash()); rns.IdentityHash(i.NextHop) != master.Identity().Hash() {
		t.Errorf("the neighbour goes via %s", i.NextHop)
	}
	if i, ok := master.PathInfo(d.Hash()); !ok || i.Hops != 0 || rns.DestinationHash(i.NextHop) != d.Hash() || i.Interface != "LocalInterface[rns/"+c.InstanceName+"]" {
		t.Errorf("the master's path: %+v", i)
	}

	far := own(t, neighbour.Transport, rnstest.Identity(t, 2))
	if err := far.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	a = p.await("announce of the network", announceOf(far.Hash()))
	if a.HeaderType != rns.Header2 || a.Hops != 1 || rns.IdentityHash(a.TransportID) != master.Identity().Hash() || a.Context != rns.ContextNone || a.Raw[0] != 0x51 {
		t.Errorf("announce of the network: %x", a.Raw[:36])
	}
}

// Store counts what is written.
type store struct {
	rnstest.Store
	tables atomic.Int64
}

func (s *store) SavePaths(ctx context.Context, paths iter.Seq[rns.StoredPath]) error {
	s.tables.Add(1)
	return s.Store.SavePaths(ctx, paths)
}

// I-115, I-116, I-132, I-154: what a client sends to its master, and that it writes no tables.
func TestClientSpeaksToItsMasterAsStockProgramsDo(t *testing.T) {
	t.Parallel()
	c := reticulum()
	data, _, err := endpoints(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := data.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	files := new(store)
	transport, err := rns.New(rns.Config{Store: files, TransportEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	i := join(t, c, -1)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := plugIn(t, conn)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	node := rnstest.Run(t, transport)
	go func() { ended <- i.Run(ctx, transport, nil) }()
	defer func() { cancel(); <-ended }()

	began := time.Now()
	d := own(t, transport, rnstest.Identity(t, 1))
	a := p.await("announce of a destination that was registered", announceOf(d.Hash()))
	if a.Context != rns.ContextPathResponse || a.HeaderType != rns.Header1 || a.Hops != 0 || time.Since(began) > 5*time.Second {
		t.Errorf("%x after %v", a.Raw[:20], time.Since(began))
	}

	far := rnstest.Identity(t, 2)
	remote := transport.NewRemote(far.PublicIdentity, "test")
	if err := transport.RequestPath(t.Context(), remote.Hash()); err != nil {
		t.Fatal(err)
	}
	r := p.await("path request", func(p rns.Packet) bool { return p.DestinationType == rns.DestinationPlain })
	if wire := r.Raw[:18]; wire[0] != 0x08 || wire[1] != 0 || len(r.Data) != 32 || !bytes.Equal(r.Data[:16], destinationBytes(remote)) {
		t.Errorf("path request %x", r.Raw)
	}

	// A destination one hop away, as a master announces it.
	m := ifacetest.NewMedium(ifacetest.Options{})
	frames := make(chan []byte, 100)
	m.Tap(func(_ string, f []byte) { frames <- bytes.Clone(f) })
	owner := rnstest.Start(t, rns.Config{}, m.Port("owner"))
	if err := own(t, owner.Transport, far).Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard, err := rns.ParsePacket(<-frames)
	if err != nil {
		t.Fatal(err)
	}
	master := rns.IdentityHash{7}
	p.send(heard.RelayedAnnounce(master, 1, rns.ContextNone))
	eventually(t, func() bool { info, ok := transport.PathInfo(remote.Hash()); return ok && info.Hops == 1 })
	if _, err := remote.Send(t.Context(), []byte("hello")); err != nil {
		t.Fatal(err)
	}
	s := p.await("packet", func(p rns.Packet) bool { return p.PacketType == rns.PacketData && p.Destination == remote.Hash() })
	if s.HeaderType != rns.Header2 || rns.IdentityHash(s.TransportID) != master || s.Hops != 0 {
		t.Errorf("packet %x", s.Raw[:36])
	}
	if !transport.Stats().Client || transport.Stats().Transport {
		t.Error("a client forwards")
	}
	node.Stop()
	if files.tables.Load() != 0 {
		t.Errorf("tables were written %d times", files.tables.Load())
	}
}

func destinationBytes(d *rns.RemoteDestination) []byte {
	h := d.Hash()
	return h[:]
}

// I-117: the reconnect announces all destinations again.
func TestClientIntroducesItselfToAMasterThatCameBack(t *testing.T) {
	t.Parallel()
	c := reticulum()
	data, _, err := endpoints(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := data.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := start(t, join(t, c, -1))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	d := own(t, client.Transport, rnstest.Identity(t, 1))
	plugIn(t, conn).await("announce", announceOf(d.Hash()))
	l.Close()
	conn.Close()
	client.up(t, 0)
	if l, err = data.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if conn, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a := plugIn(t, conn).await("announce after the reconnect", announceOf(d.Hash()))
	if a.Context != rns.ContextPathResponse || time.Since(began) > 12*time.Second {
		t.Errorf("context %v after %v", a.Context, time.Since(began))
	}
	if !strings.HasPrefix(client.instance.Name(), "rns/groupd-test-") {
		t.Errorf("instance %s", client.instance.Name())
	}
}

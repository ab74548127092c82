package rns_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// machine is a shared instance with two programs that use it, and a neighbour on the network.
type machine struct {
	master, one, two, neighbour *rnstest.Node
	network                     *ifacetest.Medium
	sockets                     [2]*ifacetest.Medium
	oneID                       *rns.Identity
	twoID                       *rns.Identity
	neighbourID                 *rns.Identity
	fromMaster                  atomic.Int64 // packets that it sent to the network
}

func start(t *testing.T, c rns.Config, attach func(*rns.Transport)) *rnstest.Node {
	t.Helper()
	tr, err := rns.New(c)
	if err != nil {
		t.Fatal(err)
	}
	attach(tr)
	return rnstest.Run(t, tr)
}

func add(t *testing.T, tr *rns.Transport, p *ifacetest.Port, role rns.LocalRole) {
	t.Helper()
	if err := tr.AddInterface(p, rns.InterfaceOptions{Local: role}); err != nil {
		t.Fatal(err)
	}
}

func startMachine(t *testing.T, transport bool) *machine {
	t.Helper()
	m := &machine{network: ifacetest.NewMedium(ifacetest.Options{}),
		oneID: rnstest.Identity(t, 1), twoID: rnstest.Identity(t, 2), neighbourID: rnstest.Identity(t, 3)}
	m.network.Tap(func(from string, _ []byte) {
		if from == "master" {
			m.fromMaster.Add(1)
		}
	})
	for i := range m.sockets {
		m.sockets[i] = ifacetest.NewMedium(ifacetest.Options{Bitrate: 1e9, MTU: 262144})
	}
	m.master = start(t, rns.Config{TransportEnabled: transport}, func(tr *rns.Transport) {
		add(t, tr, m.network.Port("master"), rns.LocalNone)
		for i, s := range m.sockets {
			add(t, tr, s.Port(fmt.Sprint("client ", i)), rns.LocalClient)
		}
	})
	m.neighbour = rnstest.Start(t, rns.Config{}, m.network.Port("neighbour"))
	m.one = start(t, rns.Config{TransportEnabled: true}, func(tr *rns.Transport) { add(t, tr, m.sockets[0].Port("master"), rns.LocalMaster) })
	m.two = start(t, rns.Config{}, func(tr *rns.Transport) { add(t, tr, m.sockets[1].Port("master"), rns.LocalMaster) })
	return m
}

// TestSharedInstance: C-165 to C-169, C-171, L-148.
func TestProgramsShareAnInstance(t *testing.T) {
	for _, transport := range []bool{false, true} {
		t.Run(fmt.Sprint("transport ", transport), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := startMachine(t, transport)
				dOne, resources := links(t, m.one, m.oneID)
				dFar, farResources := links(t, m.neighbour, m.neighbourID)
				dTwo, _ := links(t, m.two, m.twoID)
				time.Sleep(5 * time.Second)
				if h := m.master.Hops(dOne.Hash()); h != 0 {
					t.Fatalf("C-165: the client's destination is %d hops away from the master", h)
				}
				if m.neighbour.HasPath(dOne.Hash()) || m.fromMaster.Load() != 0 {
					t.Errorf("C-168: the registration went out: %d packets", m.fromMaster.Load())
				}
				announce(t, dFar)
				if i, ok := m.one.PathInfo(dFar.Hash()); !ok || i.Hops != 1 || i.NextHop != rns.TruncatedHash(m.master.Identity().Hash()) {
					t.Errorf("C-166, C-169: %+v", i)
				}
				announce(t, dOne)
				if h := m.neighbour.Hops(dOne.Hash()); h != 1 {
					t.Errorf("C-165: the neighbour is %d hops away", h)
				}
				if h := m.two.Hops(dOne.Hash()); h != 0 {
					t.Errorf("the other client is %d hops away", h)
				}

				use := func(name string, from *rnstest.Node, to *rns.Identity, got <-chan *rns.ReceivedResource) {
					t.Helper()
					remote := from.NewRemote(to.Public(), "test", "links")
					r := send(t, remote, "hello")
					<-r.Done()
					if r.Status() != rns.ReceiptDelivered {
						t.Errorf("%s: packet %v", name, r.Status())
					}
					l, err := from.OpenLink(t.Context(), remote)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if _, err := l.Request(t.Context(), "/echo", msgpack.Str("x"), rns.RequestOptions{}); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if got != nil {
						data := bytes.Repeat([]byte(name), 10000)
						if err := l.SendResource(t.Context(), rns.ResourceBytes(data), rns.ResourceOptions{}); err != nil {
							t.Errorf("%s: %v", name, err)
						}
						if r := next(t, got); !bytes.Equal(r.Data, data) {
							t.Errorf("%s: resource", name)
						}
					}
					_ = l.Close()
				}
				use("out", m.one, m.neighbourID, farResources)
				use("in", m.neighbour, m.oneID, resources)
				use("between", m.two, m.oneID, resources)

				// Path requests of the network for a client's destination, and of a client for one of the network.
				m.neighbour.ForgetPath(dTwo.Hash())
				if err := m.neighbour.AwaitPath(t.Context(), dTwo.Hash()); err != nil {
					t.Error("C-167: no path to a client:", err)
				}
				quiet, _ := links(t, m.neighbour, rnstest.Identity(t, 4))
				if err := m.one.AwaitPath(t.Context(), quiet.Hash()); err != nil {
					t.Error("C-167: a client finds nobody:", err)
				}
				if m.master.Stats().RelayedLinks != 3 {
					t.Errorf("%d links passed on", m.master.Stats().RelayedLinks)
				}
			})
		})
	}
}

// TestPlainPacketsFanOut: C-170.
func TestPlainPacketsFanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := startMachine(t, false)
		var got [3]<-chan *rns.ReceivedPacket
		for i, n := range []*rnstest.Node{m.one, m.two, m.neighbour} {
			_, got[i] = inbox(t, n, nil, func(c *rns.DestinationConfig) { c.Type = rns.DestinationPlain })
		}
		for i, n := range []*rnstest.Node{m.one, m.two, m.neighbour} {
			d := n.NewRemotePlain("test", "inbox")
			if _, err := d.Send(t.Context(), []byte(fmt.Sprint("from ", i))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			for j, c := range got {
				if j == i {
					none(t, c)
				} else if p := next(t, c); string(p.Data) != fmt.Sprint("from ", i) {
					t.Errorf("%q", p.Data)
				}
			}
		}
	})
}

// TestMasterGoesAndComesBack: C-173.
func TestClientForgetsEverythingWithItsMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := startMachine(t, false)
		dFar, _ := links(t, m.neighbour, m.neighbourID)
		dOne, _ := links(t, m.one, m.oneID)
		time.Sleep(time.Second)
		announce(t, dFar)
		l, err := m.one.OpenLink(t.Context(), m.one.NewRemote(m.neighbourID.Public(), "test", "links"))
		if err != nil {
			t.Fatal(err)
		}
		m.master.ForgetPath(dOne.Hash())
		p := m.sockets[0].Port("master")
		p.SetDown(true)
		time.Sleep(time.Second)
		p.SetDown(false)
		time.Sleep(time.Second)
		select {
		case <-l.Done():
		default:
			t.Error("the link is still there")
		}
		if m.one.HasPath(dFar.Hash()) {
			t.Error("paths are still there")
		}
		time.Sleep(10 * time.Second)
		if !m.master.HasPath(dOne.Hash()) {
			t.Error("our destination was not announced again")
		}
		if _, err := m.one.OpenLink(t.Context(), m.one.NewRemote(m.neighbourID.Public(), "test", "links")); err != nil {
			t.Error(err)
		}
	})
}

// TestBlackholeListsAreShared: C-157 to C-159.
func TestBlackholeListsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		store, own := &rnstest.Store{}, &rnstest.Store{}
		id := rnstest.Identity(t, 1)
		c := rns.Config{TransportEnabled: true, PublishBlackholes: true, Identity: id, Store: own}
		source := rnstest.Start(t, c, m.Port("source"))
		stranger := rnstest.Start(t, rns.Config{TransportEnabled: true, PublishBlackholes: true}, m.Port("stranger"))
		reader := rnstest.Start(t, rns.Config{BlackholeSources: []rns.IdentityHash{id.Hash()}, Store: store}, m.Port("reader"))
		spam, mine, theirs := rns.IdentityHash{1}, rns.IdentityHash{2}, rns.IdentityHash{3}
		until := time.Now().Add(24 * time.Hour).Truncate(time.Second)
		for _, b := range []struct {
			n      *rnstest.Node
			id     rns.IdentityHash
			until  time.Time
			reason string
		}{{source, spam, until, "spam"}, {source, mine, time.Time{}, "theirs"}, {reader, mine, time.Time{}, "ours"}, {stranger, theirs, until, ""}} {
			if added, err := b.n.Blackhole(b.id, b.until, b.reason); !added || err != nil {
				t.Fatal(added, err)
			}
		}
		time.Sleep(15 * time.Second)
		if len(reader.Blackholes()) != 1 {
			t.Error("fetched too early")
		}
		time.Sleep(10 * time.Second)
		check := func() {
			t.Helper()
			list := reader.Blackholes()
			if len(list) != 2 || list[0].Identity != spam || list[0].Source != id.Hash() || !list[0].Until.Equal(until) || list[0].Reason != "spam" ||
				list[1].Reason != "ours" {
				t.Errorf("%+v", list)
			}
		}
		check()
		readerID := reader.Identity()
		reader.Stop()
		source.Stop()
		reader = rnstest.Start(t, rns.Config{BlackholeSources: []rns.IdentityHash{id.Hash()}, Store: store, Identity: readerID}, m.Port("reader"))
		check()
		reader.Stop()
		reader = rnstest.Start(t, rns.Config{Store: store, Identity: readerID}, m.Port("reader"))
		if list := reader.Blackholes(); len(list) != 1 || list[0].Reason != "ours" {
			t.Errorf("C-158: a list of nobody's: %+v", list)
		}
		source = rnstest.Start(t, c, m.Port("source"))
		if len(source.Blackholes()) != 2 {
			t.Error("C-157: not kept")
		}
		time.Sleep(25 * time.Hour)
		if list := source.Blackholes(); len(list) != 1 || list[0].Identity != mine {
			t.Errorf("C-157: %+v", list)
		}
	})
}

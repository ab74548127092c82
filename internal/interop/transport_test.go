package interop

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
)

// startRelay starts a transport node of ours that listens, and also connects to the port given unless it is 0.
func startRelay(t *testing.T, dial int) *Node {
	t.Helper()
	tr, err := rns.New(rns.Config{TransportEnabled: true})
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Transport: tr, t: t}
	listening := make(chan net.Addr, 1)
	s, err := tcp.NewServer(tcp.ServerConfig{Name: "relay", Host: "127.0.0.1", OnListen: func(a net.Addr) { listening <- a }})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.AddSpawner(s, rns.InterfaceOptions{}); err != nil {
		t.Fatal(err)
	}
	if dial != 0 {
		c, err := tcp.NewClient(tcp.ClientConfig{Name: "uplink", Host: "127.0.0.1", Port: dial, ReconnectWait: 200 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddInterface(c, rns.InterfaceOptions{Tunnel: true}); err != nil {
			t.Fatal(err)
		}
	}
	n.run()
	select {
	case a := <-listening:
		n.Addr = a.(*net.TCPAddr)
	case <-time.After(10 * time.Second):
		t.Fatal("the relay does not listen")
	}
	return n
}

// relays starts transport nodes of ours in a row and returns the ports of the first and the last.
func relays(t *testing.T, count int) (first, last int, nodes []*Node) {
	t.Helper()
	dial := 0
	for range count {
		n := startRelay(t, dial)
		if dial != 0 {
			n.awaitUp()
		}
		nodes = append(nodes, n)
		dial = n.Addr.Port
	}
	return nodes[0].Addr.Port, dial, nodes
}

// TestPythonReachesPythonThroughUs: announce, path request, packet, link, request, resource and LXMF over one, two and four
// transport nodes of ours.
func TestPythonReachesPythonThroughUs(t *testing.T) {
	for _, count := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			t.Parallel()
			first, last, nodes := relays(t, count)
			a := StartPeer(t, "a", ClientConfig("127.0.0.1", first))
			b := StartPeer(t, "b", ClientConfig("127.0.0.1", last))
			b.Do("identity", Args{"name": "me"})
			hash := hashOf(t, b.Do("destination", Args{"name": "d", "identity": "me", "app": "groupd", "aspects": aspects,
				"app_data": hex.EncodeToString([]byte("theirs")), "ratchets": b.Dir() + "/own.ratchets"})["hash"])
			b.Do("announce", Args{"name": "d"})
			a.Await("announce", 10*time.Second, func(e Event) bool {
				return e.Text("destination") == hash.String() && e.Text("app_data") == hex.EncodeToString([]byte("theirs")) &&
					e.Text("ratchet") != "" && e.Fields["path_response"] == false
			})
			if r := a.Do("await_path", Args{"hash": hash.String()}); int(r["hops"].(float64)) != count+1 {
				t.Errorf("%v hops", r["hops"])
			}
			for _, n := range nodes {
				if n.Hops(hash) == rns.MaxHops {
					t.Error("a relay knows no path")
				}
			}

			// Forgotten, and asked for: answered by our node, out of what it keeps.
			a.Do("drop_path", Args{"hash": hash.String()})
			time.Sleep(1200 * time.Millisecond) // Python drops it in its next round
			a.Do("await_path", Args{"hash": hash.String()})
			to := Args{"hash": hash.String(), "app": "groupd", "aspects": aspects}
			data := Blob("packet", 300, false)
			to["data"], to["timeout"] = hex.EncodeToString(data), 10
			if r := a.Do("send_packet", to); r["delivered"] != true {
				t.Fatalf("packet: %v", r)
			}
			b.Await("packet", time.Second, func(e Event) bool { return e.Data("data") == DigestOf(data) })

			delete(to, "data")
			delete(to, "timeout")
			link := a.Do("open_link", to)["link"]
			if r := a.Do("request", Args{"link": link, "path": "/echo", "data": hex.EncodeToString([]byte("question"))}); digestOf(r["data"]) != DigestOf([]byte("question")) {
				t.Errorf("request: %v", r)
			}
			blob := Blob("resource", 1<<20, false)
			if r := a.Do("send_resource", Args{"link": link, "data": BlobArg("resource", 1<<20, false)}); r["complete"] != true {
				t.Fatalf("resource: %v", r)
			}
			b.Await("resource", 10*time.Second, func(e Event) bool { return e.Data("data") == DigestOf(blob) })

			for name, p := range map[string]*Peer{"A": a, "B": b} {
				p.Do("identity", Args{"name": "mail"})
				p.Do("lxmf", Args{"identity": "mail", "name": name, "storage": p.Dir()})
			}
			a.Do("lxmf_announce", nil)
			b.Await("announce", 10*time.Second, nil)
			b.Do("lxmf_announce", nil)
			mail := a.Await("announce", 10*time.Second, func(e Event) bool { return e.Text("destination") != hash.String() })
			address := hashOf(t, mail.Fields["destination"])
			for _, method := range []string{"opportunistic", "direct"} {
				a.awaitDelivered(a.writes(address, method, "through "+method, nil))
				b.Await("message", time.Second, func(e Event) bool { return e.Text("content") == "through "+method && e.Fields["verified"] == true })
			}
			for i, n := range nodes {
				s := n.Stats()
				if s.Tunnels == 0 { // Python and our own clients introduce themselves on TCP
					t.Errorf("relay %d knows no tunnel", i)
				}
				if s.RelayedLinks == 0 || s.RelayedPackets < 100 || s.RelayedAnnounces == 0 {
					t.Errorf("relay %d passed on %d packets and %d announces", i, s.RelayedPackets, s.RelayedAnnounces)
				}
			}
		})
	}
}

// TestWeReachEachOtherThroughPython: the same with two nodes of ours at the ends of a Python transport node.
func TestWeReachEachOtherThroughPython(t *testing.T) {
	t.Parallel()
	port := freePort(t, "127.0.0.1")
	relay := StartPeer(t, "relay", strings.Replace(ServerConfig("127.0.0.1", port), "enable_transport = no", "enable_transport = yes", 1))
	a := startNode(t, "127.0.0.1", port, rns.Config{}, rns.InterfaceOptions{Tunnel: true})
	b := startNode(t, "127.0.0.1", port, rns.Config{}, rns.InterfaceOptions{Tunnel: true})
	a.awaitUp()
	b.awaitUp()
	d, seen := b.echoDestination(newIdentity(t), true)
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := a.awaitKnown(d.Hash())
	if i, _ := a.PathInfo(d.Hash()); i.Hops != 2 || string(known.AppData) != "ours" {
		t.Errorf("%+v", i)
	}
	relay.Do("await_path", Args{"hash": d.Hash().String()})
	a.ForgetPath(d.Hash())
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := a.AwaitPath(ctx, d.Hash()); err != nil {
		t.Fatal(err)
	}
	remote := a.NewRemote(known.Identity, "groupd", aspects...)
	receipt, err := remote.Send(t.Context(), []byte("through python"))
	if err != nil {
		t.Fatal(err)
	}
	<-receipt.Done()
	if receipt.Status() != rns.ReceiptDelivered {
		t.Fatalf("packet: %v", receipt.Status())
	}
	link := openLink(t, a, known)
	if r, err := link.Request(t.Context(), "/echo", msgpack.Str("question"), rns.RequestOptions{}); err != nil || string(r.Data) != string(msgpack.Str("question")) {
		t.Errorf("request: %v", err)
	}
	blob := Blob("resource", 1<<20, false)
	if err := link.SendResource(t.Context(), rns.ResourceBytes(blob), rns.ResourceOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := seen.await(t, "resource", 1, 10*time.Second); string(got) != string(blob) {
		t.Errorf("resource of %d bytes", len(got))
	}
	from, to := startMailbox(t, a, 0), startMailbox(t, b, 0)
	for _, m := range []*Mailbox{from, to} {
		if err := m.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a.awaitKnown(to.Address())
	b.awaitKnown(from.Address())
	for i, method := range []lxmf.Method{lxmf.MethodOpportunistic, lxmf.MethodDirect} {
		from.writes(to.Address(), method, fmt.Sprint("message ", i))
		if got := to.await(i+1, 10*time.Second)[i]; string(got.Message.Content) != fmt.Sprint("message ", i) {
			t.Errorf("%q", got.Message.Content)
		}
	}
}

// TestPythonFindsAnotherWayWhenOurRelayDies: two relays of ours lead to the same network.
func TestPythonFindsAnotherWayWhenOurRelayDies(t *testing.T) {
	t.Parallel()
	_, last, one := relays(t, 1)
	two := startRelay(t, 0)
	end := startNodeWith(t, func(tr *rns.Transport) error {
		for i, port := range []int{last, two.Addr.Port} {
			c, err := tcp.NewClient(tcp.ClientConfig{Name: fmt.Sprint("uplink ", i), Host: "127.0.0.1", Port: port, ReconnectWait: 200 * time.Millisecond})
			if err != nil {
				return err
			}
			if err := tr.AddInterface(c, rns.InterfaceOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	config := ClientConfig("127.0.0.1", last) + fmt.Sprintf("\n[[Other]]\ntype = TCPClientInterface\nenabled = yes\ntarget_host = 127.0.0.1\ntarget_port = %d\n", two.Addr.Port)
	p := StartPeer(t, "python", config)
	d, _ := end.echoDestination(newIdentity(t), false)
	end.awaitUp()
	time.Sleep(500 * time.Millisecond) // both connections
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Await("announce", 10*time.Second, func(e Event) bool { return e.Text("destination") == d.Hash().String() })
	to := Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects}
	p.Do("open_link", to)
	nodes := []*Node{one[0], two}
	before := 0
	if two.Stats().RelayedLinks > 0 {
		before = 1
	}
	nodes[before].Stop()
	p.Do("drop_path", Args{"hash": d.Hash().String()})
	time.Sleep(1500 * time.Millisecond)
	p.Do("open_link", to)
	if nodes[1-before].Stats().RelayedLinks == 0 {
		t.Error("not over the other relay")
	}
}

// cable is a TCP connection that can be cut.
type cable struct {
	port  int
	mu    sync.Mutex
	conns []net.Conn
}

func startCable(t *testing.T, to int) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &cable{port: l.Addr().(*net.TCPAddr).Port}
	t.Cleanup(c.cut)
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", to))
			if err != nil {
				near.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, near, far)
			c.mu.Unlock()
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				go func() {
					_, _ = io.Copy(pair[0], pair[1])
					pair[0].Close()
					pair[1].Close()
				}()
			}
		}
	}()
	return c
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}

// TestPathsSurviveAReconnect: C-155: behind a relay that connects to ours over TCP, ours and Python's. The connection is cut
// and made again, and nobody announces anything anew.
func TestPathsSurviveAReconnect(t *testing.T) {
	for _, python := range []bool{false, true} {
		t.Run(fmt.Sprint("python ", python), func(t *testing.T) {
			t.Parallel()
			hub := startRelay(t, 0)
			wire := startCable(t, hub.Addr.Port)
			var behind int
			if python {
				behind = freePort(t, "127.0.0.1")
				config := strings.Replace(ClientConfig("127.0.0.1", wire.port), "enable_transport = no", "enable_transport = yes", 1)
				StartPeer(t, "relay", config+fmt.Sprintf("\n[[Listener]]\ntype = TCPServerInterface\nenabled = yes\nlisten_ip = 127.0.0.1\nlisten_port = %d\n", behind))
			} else {
				relay := startRelay(t, wire.port)
				relay.awaitUp()
				behind = relay.Addr.Port
			}
			far := startNode(t, "127.0.0.1", behind, rns.Config{}, rns.InterfaceOptions{})
			near := startNode(t, "127.0.0.1", hub.Addr.Port, rns.Config{}, rns.InterfaceOptions{})
			far.awaitUp()
			near.awaitUp()
			d, _ := far.echoDestination(newIdentity(t), false)
			if err := d.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			known := near.awaitKnown(d.Hash())
			before, _ := hub.PathInfo(d.Hash())
			wire.cut()
			deadline := time.Now().Add(20 * time.Second)
			for gone := false; ; time.Sleep(20 * time.Millisecond) {
				has := hub.HasPath(d.Hash())
				gone = gone || !has
				if gone && has {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("the path did not come back; tunnels: %d with %d paths", hub.Stats().Tunnels, hub.Stats().TunnelPaths)
				}
			}
			after, _ := hub.PathInfo(d.Hash())
			if after.Hops != before.Hops || after.NextHop != before.NextHop || after.Announce != before.Announce {
				t.Errorf("before %+v, after %+v", before, after)
			}
			receipt, err := near.NewRemote(known.Identity, "groupd", aspects...).Send(t.Context(), []byte("still there?"))
			if err != nil {
				t.Fatal(err)
			}
			<-receipt.Done()
			if receipt.Status() != rns.ReceiptDelivered {
				t.Errorf("packet: %v", receipt.Status())
			}
		})
	}
}

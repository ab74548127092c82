package interop

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

var aspects = []string{"interop"}

// pair is one of our nodes and one Python peer on a TCP connection of their own.
func pair(t *testing.T, host string, weServe bool, opts rns.InterfaceOptions, extra ...string) (*Node, *Peer) {
	t.Helper()
	if weServe {
		n := startNode(t, host, 0, rns.Config{}, opts)
		return n, StartPeer(t, "python", ClientConfig(host, n.Addr.Port, extra...))
	}
	port := freePort(t, host)
	p := StartPeer(t, "python", ServerConfig(host, port, extra...))
	return startNode(t, host, port, rns.Config{}, opts), p
}

// pythonDestination announces a destination of the peer and waits until our node knows it.
func pythonDestination(t *testing.T, n *Node, p *Peer, args Args) (rns.DestinationHash, rns.Known) {
	t.Helper()
	p.Do("identity", Args{"name": "me"})
	a := Args{"name": "d", "identity": "me", "app": "groupd", "aspects": aspects, "app_data": hex.EncodeToString([]byte("theirs"))}
	for k, v := range args {
		a[k] = v
	}
	hash := hashOf(t, p.Do("destination", a)["hash"])
	p.Do("announce", Args{"name": "d"})
	return hash, n.awaitKnown(hash)
}

func TestAnnouncesAreSeenBothWays(t *testing.T) {
	for _, serve := range []bool{true, false} {
		for _, host := range []string{"127.0.0.1", "::1"} {
			for _, ratchets := range []bool{false, true} {
				t.Run(fmt.Sprintf("we serve %v on %s ratchets %v", serve, host, ratchets), func(t *testing.T) {
					t.Parallel()
					n, p := pair(t, host, serve, rns.InterfaceOptions{})
					args := Args{}
					if ratchets {
						args["ratchets"] = p.Dir() + "/own.ratchets"
					}
					_, known := pythonDestination(t, n, p, args)
					if string(known.AppData) != "theirs" || (known.Ratchet != nil) != ratchets {
						t.Fatalf("we know %q, ratchet %x", known.AppData, known.Ratchet)
					}
					d, _ := n.echoDestination(newIdentity(t), ratchets)
					if err := d.Announce(t.Context()); err != nil {
						t.Fatal(err)
					}
					e := p.Await("announce", 10*time.Second, func(e Event) bool { return e.Text("destination") == d.Hash().String() })
					if e.Text("app_data") != hex.EncodeToString([]byte("ours")) || (e.Text("ratchet") != "") != ratchets {
						t.Fatalf("python saw %v", e.Fields)
					}
				})
			}
		}
	}
}

func TestPathRequestsAreAnsweredBothWays(t *testing.T) {
	t.Parallel()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	d, _ := n.echoDestination(newIdentity(t), true)
	if r := p.Do("await_path", Args{"hash": d.Hash().String()}); r["hops"].(float64) != 1 {
		t.Fatalf("python is %v hops away", r["hops"])
	}
	if r := p.Do("recall", Args{"hash": d.Hash().String()}); r["app_data"] != hex.EncodeToString([]byte("ours")) {
		t.Fatalf("python recalls %v", r)
	}
	p.Do("identity", Args{"name": "quiet"})
	quiet := hashOf(t, p.Do("destination", Args{"name": "q", "identity": "quiet", "app": "groupd", "aspects": aspects})["hash"])
	n.awaitKnown(quiet)
}

func TestSinglePacketsAreProvedBothWays(t *testing.T) {
	for _, ratchets := range []bool{false, true} {
		t.Run(fmt.Sprintf("ratchets %v", ratchets), func(t *testing.T) {
			t.Parallel()
			n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
			args := Args{}
			if ratchets {
				args["ratchets"] = p.Dir() + "/own.ratchets"
			}
			hash, known := pythonDestination(t, n, p, args)
			d, seen := n.echoDestination(newIdentity(t), ratchets)
			if err := d.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			p.Await("announce", 10*time.Second, func(e Event) bool { return e.Text("destination") == d.Hash().String() })

			remote := n.NewRemote(known.Identity, "groupd", aspects...)
			if remote.Hash() != hash {
				t.Fatalf("address %s, want %s", remote.Hash(), hash)
			}
			for _, size := range []int{0, 1, 100, 383} {
				data := Blob("p", size, false)
				receipt, err := remote.Send(t.Context(), data)
				if err != nil {
					t.Fatal(err)
				}
				select {
				case <-receipt.Done():
				case <-time.After(10 * time.Second):
				}
				if receipt.Status() != rns.ReceiptDelivered {
					t.Fatalf("%d bytes: %v %v", size, receipt.Status(), receipt.Err())
				}
				p.Await("packet", time.Second, func(e Event) bool { return e.Data("data") == DigestOf(data) })

				r := p.Do("send_packet", Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects, "data": hex.EncodeToString(data), "timeout": 10})
				if r["delivered"] != true {
					t.Fatalf("%d bytes from python were not proved", size)
				}
			}
			if got := seen.await(t, "packet", 4, time.Second); string(got) != string(Blob("p", 383, false)) {
				t.Fatalf("we got %d bytes", len(got))
			}
		})
	}
}

func TestPlainAndGroupPacketsPassBothWays(t *testing.T) {
	t.Parallel()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	me := p.Do("identity", Args{"name": "me"})
	public, err := hex.DecodeString(me["public"].(string))
	if err != nil {
		t.Fatal(err)
	}
	private, err := hex.DecodeString(me["private"].(string))
	if err != nil {
		t.Fatal(err)
	}
	identity, err := rns.LoadIdentity(private)
	if err != nil {
		t.Fatal(err)
	}
	key := Blob("key", 64, false)
	for _, kind := range []string{"PLAIN", "GROUP"} {
		got := make(chan string, 4)
		c := rns.DestinationConfig{App: "groupd", Aspects: []string{"from", kind}, OnPacket: func(r *rns.ReceivedPacket) { got <- string(r.Data) }}
		args := Args{"name": kind, "type": kind, "app": "groupd", "aspects": []string{"to", kind}}
		var remote *rns.RemoteDestination
		if kind == "PLAIN" {
			c.Type = rns.DestinationPlain
			remote = n.NewRemotePlain("groupd", "to", kind)
		} else {
			c.Type, c.Identity, c.GroupKey = rns.DestinationGroup, identity, key
			args["identity"], args["group_key"] = "me", hex.EncodeToString(key)
			if remote, err = n.NewRemoteGroup(identity.PublicIdentity, key, "groupd", "to", kind); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.NewDestination(c); err != nil {
			t.Fatal(err)
		}
		p.Do("destination", args)
		if _, err := remote.Send(t.Context(), []byte("to "+kind)); err != nil {
			t.Fatal(err)
		}
		p.Await("packet", 5*time.Second, func(e Event) bool { return e.Data("data") == DigestOf([]byte("to "+kind)) })
		p.Do("send_packet", Args{"type": kind, "app": "groupd", "aspects": []string{"from", kind}, "public": hex.EncodeToString(public),
			"group_key": hex.EncodeToString(key), "data": hex.EncodeToString([]byte("from " + kind))})
		select {
		case s := <-got:
			if s != "from "+kind {
				t.Fatalf("got %q", s)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("no %s packet came", kind)
		}
	}
}

func TestAccessCodesMatch(t *testing.T) {
	t.Parallel()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{NetworkName: "hidden valley", Passphrase: "correct horse"},
		"network_name = hidden valley", "passphrase = correct horse")
	_, known := pythonDestination(t, n, p, nil)
	link := openLink(t, n, known)
	if _, err := link.Request(t.Context(), "/echo", msgpack.Bin([]byte("through")), rns.RequestOptions{}); err != nil {
		t.Fatal(err)
	}
}

func openLink(t *testing.T, n *Node, known rns.Known) *rns.Link {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	link, err := n.OpenLink(ctx, n.NewRemote(known.Identity, "groupd", aspects...))
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func TestWeOpenALinkToPython(t *testing.T) {
	t.Parallel()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	_, known := pythonDestination(t, n, p, nil)
	link := openLink(t, n, known)
	e := p.Await("link", 5*time.Second, nil)
	if e.Text("link") != link.ID().String() || int(e.Fields["mtu"].(float64)) != link.MTU() {
		t.Fatalf("python has link %v, we have %s with mtu %d", e.Fields, link.ID(), link.MTU())
	}
	seen := &Seen{changed: make(chan struct{})}
	link.SetHandlers(handlers(seen))

	me := newIdentity(t)
	if err := link.Identify(me); err != nil {
		t.Fatal(err)
	}
	p.Await("identified", 5*time.Second, func(e Event) bool { return e.Text("identity") == me.Hash().String() })

	receipt, err := link.Send(t.Context(), []byte("hello over the link"))
	if err != nil {
		t.Fatal(err)
	}
	<-receipt.Done()
	if receipt.Status() != rns.ReceiptDelivered {
		t.Fatalf("link packet: %v", receipt.Status())
	}
	p.Await("link_packet", 5*time.Second, func(e Event) bool { return e.Data("data") == DigestOf([]byte("hello over the link")) })
	p.Do("link_send", Args{"link": link.ID().String(), "data": hex.EncodeToString([]byte("and back"))})
	if got := seen.await(t, "link packet", 1, 5*time.Second); string(got) != "and back" {
		t.Fatalf("we got %q", got)
	}

	for _, size := range []int{0, 400, 100 << 10, 3 << 20} {
		data := Blob("q", size, false)
		r, err := link.Request(t.Context(), "/echo", msgpack.Bin(data), rns.RequestOptions{Timeout: time.Minute})
		if err != nil {
			t.Fatalf("request of %d bytes: %v", size, err)
		}
		got, ok := r.Data.Bin()
		if !ok || string(got) != string(data) {
			t.Fatalf("response to %d bytes has %d", size, len(got))
		}
	}

	if err := link.Close(); err != nil {
		t.Fatal(err)
	}
	p.Await("link_closed", 5*time.Second, nil)
}

func TestPythonOpensALinkToUs(t *testing.T) {
	t.Parallel()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	d, seen := n.echoDestination(newIdentity(t), true)
	p.Do("await_path", Args{"hash": d.Hash().String()})
	link := p.Do("open_link", Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects})["link"].(string)
	seen.await(t, "link", 1, 5*time.Second)

	me := p.Do("identity", Args{"name": "me"})
	p.Do("identify", Args{"link": link, "identity": "me"})
	if got := seen.await(t, "identified", 1, 5*time.Second); hex.EncodeToString(got) != me["hash"] {
		t.Fatalf("identified as %x", got)
	}
	if r := p.Do("link_send", Args{"link": link, "data": "6869", "timeout": 5}); r["delivered"] != true {
		t.Fatalf("python's link packet was not proved; our node: %+v", n.Stats())
	}
	for _, size := range []int{0, 400, 100 << 10, 3 << 20} {
		r, err := p.Try("request", Args{"link": link, "path": "/echo", "data": BlobArg("q", size, false)})
		if err != nil {
			t.Fatalf("request of %d bytes: %v; our node: %+v", size, err, n.Stats())
		}
		if got := digestOf(r["data"]); got != DigestOf(Blob("q", size, false)) {
			t.Fatalf("response to %d bytes: %+v", size, got)
		}
	}
	p.Do("close_link", Args{"link": link})
	seen.await(t, "closed", 1, 5*time.Second)
}

// Who asks for one large answer after the other gets all of them: he has put away what he was sent before he asks again.
func TestPythonGetsOneLargeAnswerAfterTheOther(t *testing.T) {
	t.Parallel()
	const times, size = 100, 5000
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	d, seen := n.echoDestination(newIdentity(t), true)
	d.HandleRequest("/large", func(context.Context, *rns.Request) (msgpack.Raw, bool) {
		content := make([]byte, size)
		_, err := rand.Read(content)
		return msgpack.Bin(content), err == nil
	})
	p.Do("await_path", Args{"hash": d.Hash().String()})
	link := p.Do("open_link", Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects})["link"].(string)
	seen.await(t, "link", 1, 5*time.Second)
	r := p.Do("request_in_a_row", Args{"link": link, "path": "/large", "times": times, "timeout": 120})
	sizes := r["sizes"].([]any)
	if len(sizes) != times {
		t.Errorf("%d answers to %d questions", len(sizes), times)
	}
	for i, s := range sizes {
		if s != float64(size) {
			t.Errorf("answer %d has %v bytes", i+1, s)
		}
	}
}

func TestResourcesPassBothWays(t *testing.T) {
	const size = 5 << 20
	for _, compressible := range []bool{true, false} {
		t.Run(fmt.Sprintf("compressible %v", compressible), func(t *testing.T) {
			t.Parallel()
			n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
			_, known := pythonDestination(t, n, p, nil)
			link := openLink(t, n, known)
			seen := &Seen{changed: make(chan struct{})}
			link.SetHandlers(handlers(seen))
			data := Blob("r", size, compressible)
			start := time.Now()
			if err := link.SendResource(t.Context(), rns.ResourceBytes(data), rns.ResourceOptions{}); err != nil {
				t.Fatal(err)
			}
			t.Logf("to python: %.1f s", time.Since(start).Seconds())
			e := p.Await("resource", 10*time.Second, nil)
			if e.Data("data") != DigestOf(data) {
				t.Fatalf("python got %v", e.Fields)
			}
			r := p.Do("send_resource", Args{"link": link.ID().String(), "data": BlobArg("r", size, compressible)})
			if r["complete"] != true {
				t.Fatalf("python's resource ended with %v", r)
			}
			t.Logf("from python: %.1f s", r["seconds"])
			if got := seen.await(t, "resource", 1, 10*time.Second); DigestOf(got) != DigestOf(data) {
				t.Fatalf("we got %d bytes", len(got))
			}
		})
	}
}

func TestStreamsPassBothWays(t *testing.T) {
	t.Parallel()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	_, known := pythonDestination(t, n, p, nil)
	link := openLink(t, n, known)
	p.Await("link", 5*time.Second, nil)
	p.Do("channel_listen", Args{"link": link.ID().String(), "stream": 3})
	stream, err := link.Channel().OpenStream(3)
	if err != nil {
		t.Fatal(err)
	}
	data := Blob("s", 20000, true)
	if _, err := stream.Write(data); err != nil {
		t.Fatal(err)
	}
	p.Await("stream", 15*time.Second, func(e Event) bool { return e.Data("data") == DigestOf(data) })
	back := Blob("b", 9000, false)
	p.Do("channel_send", Args{"link": link.ID().String(), "stream": 3, "data": BlobArg("b", len(back), false)})
	got := make([]byte, len(back))
	if err := stream.SetReadDeadline(time.Now().Add(15 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for read := 0; read < len(got); {
		k, err := stream.Read(got[read:])
		if err != nil {
			t.Fatalf("after %d bytes: %v", read, err)
		}
		read += k
	}
	if string(got) != string(back) {
		t.Fatal("the stream's bytes differ")
	}
}

// A connection that dies in mid transfer ends with a clear error on our side, and the next attempt works.
func TestKilledConnectionEndsTheTransferAndTheNextWorks(t *testing.T) {
	t.Parallel()
	n, p := pair(t, "127.0.0.1", true, rns.InterfaceOptions{})
	_, known := pythonDestination(t, n, p, nil)
	link := openLink(t, n, known)
	failed := make(chan error, 1)
	begun := make(chan struct{}, 1)
	go func() {
		failed <- link.SendResource(t.Context(), rns.ResourceBytes(Blob("k", 30<<20, false)), rns.ResourceOptions{NoCompress: true, Progress: func(f float64) {
			select {
			case begun <- struct{}{}:
			default:
			}
		}})
	}()
	select {
	case <-begun:
	case err := <-failed:
		t.Fatalf("ended before it began: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("the transfer did not begin")
	}
	p.Kill()
	select {
	case err := <-failed:
		var closed *rns.LinkClosedError
		if err == nil || !errors.As(err, &closed) && !errors.Is(err, rns.ErrTimeout) {
			t.Fatalf("the transfer ended with %v", err)
		}
		t.Logf("ended with: %v", err)
	case <-time.After(90 * time.Second):
		t.Fatal("the transfer hangs")
	}
	again := StartPeer(t, "python again", ClientConfig("127.0.0.1", n.Addr.Port))
	_, known = pythonDestination(t, n, again, nil)
	link = openLink(t, n, known)
	if err := link.SendResource(t.Context(), rns.ResourceBytes(Blob("k", 1<<20, false)), rns.ResourceOptions{}); err != nil {
		t.Fatal(err)
	}
}

// The same seen from a Python sender: ours dies, Python is told, and a new node of ours takes the next transfer.
func TestPythonsTransferEndsWhenWeGo(t *testing.T) {
	t.Parallel()
	port := freePort(t, "127.0.0.1")
	p := StartPeer(t, "python", ServerConfig("127.0.0.1", port))
	id := newIdentity(t)
	config := rns.Config{Store: &rnstest.Store{}} // remembers when it announced: the next announce must be newer
	n := startNode(t, "127.0.0.1", port, config, rns.InterfaceOptions{})
	d, _ := n.echoDestination(id, false)
	n.awaitUp()
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Do("await_path", Args{"hash": d.Hash().String()})
	link := p.Do("open_link", Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects})["link"].(string)
	n.Stop() // closes its links first
	p.Await("link_closed", 10*time.Second, func(e Event) bool { return e.Text("link") == link })

	n = startNode(t, "127.0.0.1", port, config, rns.InterfaceOptions{})
	d, seen := n.echoDestination(id, false)
	n.awaitUp()
	ours := func(e Event) bool { return e.Text("destination") == d.Hash().String() }
	before := p.Count("announce", ours)
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.AwaitNth(before+1, "announce", 10*time.Second, ours)
	r, err := p.Try("open_link", Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects})
	if err != nil {
		t.Fatalf("%v; our node: %+v", err, n.Stats())
	}
	link = r["link"].(string)
	if r := p.Do("send_resource", Args{"link": link, "data": BlobArg("z", 1<<20, false)}); r["complete"] != true {
		t.Fatalf("resource ended with %v", r)
	}
	if got := seen.await(t, "resource", 1, 5*time.Second); DigestOf(got) != DigestOf(Blob("z", 1<<20, false)) {
		t.Fatalf("we got %d bytes", len(got))
	}
}

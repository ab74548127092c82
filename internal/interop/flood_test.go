package interop

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/hdlc"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
)

// One peer floods our transport node over loopback TCP while another makes small requests, of a destination of that node
// and of one behind it. The flood is bounded in frames and time, and a process of its own at the lowest priority: what is
// measured is what the node does with it.

const (
	floodFrames = 1_000_000
	floodLasts  = 2 * time.Second
	quietLasts  = 1200 * time.Millisecond
	// floodFloor: requests may always take as long as this.
	floodFloor = 20 * time.Millisecond
	// floodEnv tells a process of this test to flood: what, where, and the hashes it needs.
	floodEnv = "GROUPD_TEST_FLOOD"
)

// flood is a kind of flood, and what must show afterwards.
type flood struct {
	name  string
	check func(t *testing.T, s rns.Stats, l rns.LinkStats)
}

func floods() []flood {
	counted := func(t *testing.T, s rns.Stats, reasons ...rns.DropReason) {
		t.Helper()
		var n uint64
		for _, r := range reasons {
			n += s.Drops[r]
		}
		if n == 0 {
			t.Errorf("none of %v counted: %v", reasons, s.Drops)
		}
	}
	return []flood{
		{"announces", func(t *testing.T, s rns.Stats, _ rns.LinkStats) {
			counted(t, s, rns.DropAnnounceQueue, rns.DropAnnounceHeld)
			for _, i := range s.Interfaces {
				if i.Traffic.HeldAnnounces > 256 {
					t.Errorf("%d held on %s", i.Traffic.HeldAnnounces, i.Name)
				}
			}
			if s.Paths > 100 {
				t.Errorf("%d paths", s.Paths)
			}
		}},
		{"path requests", func(t *testing.T, s rns.Stats, _ rns.LinkStats) {
			counted(t, s, rns.DropDiscovery)
			if s.Discoveries > 4096 {
				t.Errorf("%d discoveries", s.Discoveries)
			}
		}},
		{"link requests", func(t *testing.T, s rns.Stats, _ rns.LinkStats) {
			counted(t, s, rns.DropRelayLink)
			if s.RelayedLinks > floodLinks || s.Evicted["links"] == 0 {
				t.Errorf("%d links of others, %v evicted", s.RelayedLinks, s.Evicted)
			}
		}},
		{"half-open links", func(t *testing.T, _ rns.Stats, l rns.LinkStats) {
			if l.HalfOpen > 2*64 || l.Evicted == 0 {
				t.Errorf("%+v", l)
			}
		}},
		{"garbage", func(t *testing.T, s rns.Stats, _ rns.LinkStats) {
			counted(t, s, rns.DropMalformed)
			counted(t, s, rns.DropNoDestination, rns.DropNoLink, rns.DropNotOurs)
			counted(t, s, rns.DropAnnounceInvalid, rns.DropAnnounceQueue)
		}},
		{"wrong access codes", func(t *testing.T, s rns.Stats, _ rns.LinkStats) { counted(t, s, rns.DropIFAC) }},
	}
}

// floodLinks is the size of the table of links passed on.
const floodLinks = 100

// TestFloodsOfOnePeerLeaveAnotherItsRequests: p95 at most three times that without a flood, or 20 ms.
func TestFloodsOfOnePeerLeaveAnotherItsRequests(t *testing.T) {
	for _, f := range floods() {
		t.Run(f.name, func(t *testing.T) {
			const rounds = 3 // others use this machine, too
			for round := 1; ; round++ {
				n := newFloodNet(t)
				quiet, loaded := n.measure(t, f.name)
				f.check(t, n.target.Stats(), n.target.LinkStats())
				t.Logf("quiet: %v; flooded: %v", quiet, loaded)
				if loaded.p95 <= max(3*quiet.p95, floodFloor) {
					return
				}
				if round == rounds {
					t.Fatalf("p95 of requests is %v in a flood, %v without", loaded.p95, quiet.p95)
				}
				n.stop()
			}
		})
	}
}

// latencies of requests.
type latencies struct {
	count    int
	p50, p95 time.Duration
}

func (l latencies) String() string {
	return fmt.Sprintf("%d requests, p50 %v, p95 %v", l.count, l.p50.Round(time.Microsecond), l.p95.Round(time.Microsecond))
}

// floodNet is the node that is flooded, one behind it, and one that asks both.
type floodNet struct {
	target, behind, asker *Node
	closed                int         // port of the target's interface with an access code
	links                 []*rns.Link // of the asker, to target and behind
	destination, far      rns.DestinationHash
}

func newFloodNet(t *testing.T) *floodNet {
	t.Helper()
	n := &floodNet{}
	n.target, n.closed = startFloodTarget(t)
	n.behind = startNode(t, "127.0.0.1", n.target.Addr.Port, rns.Config{}, rns.InterfaceOptions{})
	n.asker = startNode(t, "127.0.0.1", n.target.Addr.Port, rns.Config{}, rns.InterfaceOptions{})
	n.behind.awaitUp()
	n.asker.awaitUp()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, at := range []*Node{n.target, n.behind} {
		id, err := rns.NewIdentity(crand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		d, err := at.NewDestination(rns.DestinationConfig{Identity: id, App: "groupd", Aspects: []string{"flooded"}, OnLink: func(*rns.Link) {}})
		if err != nil {
			t.Fatal(err)
		}
		d.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, true })
		if err := d.Announce(ctx); err != nil {
			t.Fatal(err)
		}
		l, err := n.asker.OpenLink(ctx, n.asker.NewRemote(id.Public(), "groupd", "flooded"))
		if err != nil {
			t.Fatalf("link: %v", err)
		}
		n.links = append(n.links, l)
		n.destination, n.far = n.far, d.Hash()
	}
	return n
}

func (n *floodNet) stop() {
	n.asker.Stop()
	n.behind.Stop()
	n.target.Stop()
}

// startFloodTarget starts a transport node that looks for unknown destinations, and keeps few links of others. It listens
// on a second port with an access code.
func startFloodTarget(t *testing.T) (n *Node, closed int) {
	t.Helper()
	tr, err := rns.New(rns.Config{TransportEnabled: true, MaxRelayedLinks: floodLinks})
	if err != nil {
		t.Fatal(err)
	}
	n = &Node{Transport: tr, t: t}
	listening := make(chan net.Addr, 2)
	listen := func(o rns.InterfaceOptions) *net.TCPAddr {
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "flooded " + o.NetworkName, Host: "127.0.0.1", OnListen: func(a net.Addr) { listening <- a }})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddSpawner(s, o); err != nil {
			t.Fatal(err)
		}
		if n.Stop == nil {
			n.run()
		}
		select {
		case a := <-listening:
			return a.(*net.TCPAddr)
		case <-time.After(10 * time.Second):
			t.Fatal("our node does not listen")
			return nil
		}
	}
	n.Addr = listen(rns.InterfaceOptions{RecursivePathRequests: true})
	return n, listen(rns.InterfaceOptions{NetworkName: "closed"}).Port
}

// measure makes requests without, and during, a flood.
func (n *floodNet) measure(t *testing.T, kind string) (quiet, loaded latencies) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestFloodingPeer$", "-test.timeout=60s")
	self := n.target.Identity().Hash()
	port := n.target.Addr.Port
	if kind == "wrong access codes" {
		port = n.closed
	}
	cmd.Env = append(os.Environ(), floodEnv+"="+strings.Join([]string{kind, strconv.Itoa(port), self.String(), n.destination.String(), n.far.String()}, ","))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close() // ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("the flooding process: %v", err)
		}
	}()
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		t.Fatalf("the flooding process said %q (%v)", line, err)
	}
	enough := make(chan string, 1)
	timer := time.AfterFunc(quietLasts, func() { enough <- "" })
	defer timer.Stop()
	quiet = n.request(t, enough)
	if _, err := io.WriteString(in, "go\n"); err != nil {
		t.Fatal(err)
	}
	over := make(chan string, 1)
	go func() {
		line, _ := lines.ReadString('\n')
		over <- line
	}()
	loaded = n.request(t, over)
	line := <-over
	if !strings.HasPrefix(line, "sent ") {
		t.Fatalf("the flooding process said %q", line)
	}
	t.Log(strings.TrimSpace(line))
	return quiet, loaded
}

// request makes one small request after the other, on both links in turn, until there is something in over.
func (n *floodNet) request(t *testing.T, over <-chan string) latencies {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []time.Duration
	data := msgpack.Str("what a small request says")
	for len(over) == 0 {
		for _, l := range n.links {
			began := time.Now()
			if _, err := l.Request(ctx, "/echo", data, rns.RequestOptions{}); err != nil {
				t.Fatalf("request: %v", err)
			}
			all = append(all, time.Since(began))
		}
	}
	slices.Sort(all)
	return latencies{count: len(all), p50: all[len(all)/2], p95: all[len(all)*95/100]}
}

// TestFloodingPeer is the process that floods; by itself it does nothing.
func TestFloodingPeer(t *testing.T) {
	told := strings.Split(os.Getenv(floodEnv), ",")
	if len(told) != 5 {
		return
	}
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, 19); err != nil {
		t.Fatal(err)
	}
	self, _ := rns.ParseIdentityHash(told[2])
	destination, _ := rns.ParseDestinationHash(told[3])
	far, _ := rns.ParseDestinationHash(told[4])
	frames := floodOf(t, told[0], self, destination, far)
	conn, err := net.Dial("tcp", "127.0.0.1:"+told[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return // not wanted
	}
	began := time.Now()
	end := began.Add(floodLasts)
	_ = conn.SetWriteDeadline(end)
	sent := 0
	for sent < floodFrames && time.Now().Before(end) {
		if _, err := conn.Write(frames()); err != nil {
			break // too slow, at the end
		}
		sent++
	}
	fmt.Printf("sent %d %s in %v\n", sent, told[0], time.Since(began).Round(time.Millisecond))
	_, _ = io.Copy(io.Discard, os.Stdin) // stays connected until the end
}

// floodOf returns a source of frames.
func floodOf(t *testing.T, kind string, self rns.IdentityHash, destination, far rns.DestinationHash) func() []byte {
	t.Helper()
	chance := rand.NewChaCha8([32]byte{1})
	bytes := func(n int) []byte {
		b := make([]byte, n)
		_, _ = chance.Read(b)
		return b
	}
	frame := func(p rns.Packet) []byte { return hdlc.AppendFrame(nil, p.Append(nil)) }
	// request makes a link request; each is another link.
	request := func(p rns.Packet) []byte {
		p.PacketType, p.DestinationType, p.Data = rns.PacketLinkRequest, rns.DestinationSingle, bytes(64)
		return frame(p)
	}
	switch kind {
	case "announces":
		// Each of another destination, as many as one can sign in a moment; then again.
		var all [][]byte
		for range 3000 {
			id, err := rns.NewIdentity(chance)
			if err != nil {
				t.Fatal(err)
			}
			random, err := rns.NewRandomField(chance, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName("groupd", "flood"), Random: random})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, frame(p))
		}
		i := 0
		return func() []byte { i++; return all[i%len(all)] }
	case "path requests":
		to := rns.HashDestination(nil, "rnstransport", "path", "request")
		return func() []byte {
			return frame(rns.Packet{PacketType: rns.PacketData, DestinationType: rns.DestinationPlain, Destination: to, Data: bytes(32)})
		}
	case "link requests":
		return func() []byte {
			return request(rns.Packet{HeaderType: rns.Header2, TransportType: rns.TransportTypeTransport, TransportID: self, Destination: far})
		}
	case "half-open links":
		return func() []byte { return request(rns.Packet{Destination: destination}) }
	case "wrong access codes":
		return func() []byte {
			b := bytes(200)
			b[0] |= 0x80 // says that it has one
			return hdlc.AppendFrame(nil, b)
		}
	case "garbage":
		i := 0
		return func() []byte {
			switch i++; i % 4 {
			case 0:
				return bytes(int(bytes(1)[0]) + 1) // not even framed
			case 1:
				return hdlc.AppendFrame(nil, bytes(3+i%15)) // shorter than a header
			case 2: // an announce by its header
				return frame(rns.Packet{PacketType: rns.PacketAnnounce, DestinationType: rns.DestinationSingle, Destination: rns.DestinationHash(bytes(16)), Data: bytes(160)})
			default:
				return hdlc.AppendFrame(nil, bytes(19+i%450))
			}
		}
	}
	t.Fatalf("no flood %q", kind)
	return nil
}

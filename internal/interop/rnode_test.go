package interop

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/rnode"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest/rnodesim"
)

// RNodeConfig is a Reticulum config with one RNode on a port, at SF8 and 125 kHz.
func RNodeConfig(port string, extra string) string {
	return reticulumConfig(fmt.Sprintf("[[Radio]]\ntype = RNodeInterface\nenabled = yes\nport = %s\nfrequency = 867200000\nbandwidth = 125000\n"+
		"txpower = 7\nspreadingfactor = 8\ncodingrate = 5\n%s\n", port, extra))
}

// radioPair is our node on one emulated RNode and a Python program on another, both on pseudo-terminals, in real time.
type radioPair struct {
	*Node
	python          *Peer
	iface           *rnode.Interface
	ours, theirs    *rnodesim.Device
	ourLink, pyLink string // the ports' paths, which stay
	ourPTY, pyPTY   *rnodesim.PTY

	mu   sync.Mutex
	long map[string]int // longest pair of air frames per sender, in bytes of packet
	last map[string]int // bytes of the last split frame per sender
}

// radioSetup says how the two are connected.
type radioSetup struct {
	opts   rns.InterfaceOptions
	theirs rnodesim.DeviceOptions
	extra  string // options for Python
	tcp    bool   // both devices are on the network
}

func newRadioPair(t *testing.T, setup radioSetup) *radioPair {
	t.Helper()
	opts := setup.opts
	air := rnodesim.NewChannel(rnodesim.ChannelOptions{})
	r := &radioPair{
		ours: air.NewDevice("ours", rnodesim.DeviceOptions{}), theirs: air.NewDevice("theirs", setup.theirs),
		ourLink: filepath.Join(t.TempDir(), "ours"), pyLink: filepath.Join(t.TempDir(), "theirs"),
		long: map[string]int{}, last: map[string]int{},
	}
	air.Tap(r.tap)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, d := range []*rnodesim.Device{r.ours, r.theirs} {
		wg.Go(func() { d.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	var err error
	if setup.tcp {
		// The port is fixed, so they have addresses of their own.
		r.ourLink, r.pyLink = "tcp://127.76.33.1", "tcp://127.76.33.2"
		for d, address := range map[*rnodesim.Device]string{r.ours: r.ourLink[6:], r.theirs: r.pyLink[6:]} {
			l, err := net.Listen("tcp", address+":"+rnode.TCPPort)
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { d.Serve(ctx, l) })
		}
	} else {
		if r.ourPTY, err = r.ours.OpenPTY(r.ourLink); err != nil {
			t.Fatal(err)
		}
		if r.pyPTY, err = r.theirs.OpenPTY(r.pyLink); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			r.ourPTY.Close()
			r.pyPTY.Close()
		})
	}
	r.iface, err = rnode.New(rnode.Config{Name: "Radio", Port: r.ourLink, Radio: rnode.Radio{
		Frequency: 867_200_000, Bandwidth: 125_000, TXPower: 7, SpreadingFactor: 8, CodingRate: 5,
	}})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r.Node = &Node{Transport: tr, t: t, opts: opts}
	if err := tr.AddInterface(r.iface, opts); err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("our node ended with: %v", err)
		}
		if t.Failed() {
			t.Logf("air %+v, ours %+v, theirs %+v, our interface %+v", air.Stats(), r.ours.Stats(), r.theirs.Stats(), r.iface.Stats())
		}
	})
	r.python = StartPeer(t, "python", RNodeConfig(r.pyLink, setup.extra))
	r.awaitRadios()
	return r
}

// tap adds the air frames of split packets up.
func (r *radioPair) tap(from string, frame []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if frame[0]&1 == 0 {
		r.last[from] = 0
		return
	}
	r.last[from] += len(frame) - 1
	r.long[from] = max(r.long[from], r.last[from])
	if len(frame) < 255 {
		r.last[from] = 0
	}
}

func (r *radioPair) longest(from string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.long[from]
}

// awaitRadios waits until both hosts have switched their radios on and say that they are online.
func (r *radioPair) awaitRadios() {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !r.iface.Stats().Online || !r.theirs.Stats().On || r.python.Do("online", nil)["online"] != true {
		if time.Now().After(deadline) {
			r.t.Fatalf("radios are not on: ours %+v, theirs %+v, our interface %v", r.ours.Stats(), r.theirs.Stats(), r.iface.Status())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// A chain: our node – our RNode carrier on a pseudo-terminal – LoRa at SF8 and 125 kHz – a stock RNodeInterface on another.
func TestRNodeCarriesEverythingBothWays(t *testing.T) {
	t.Parallel()
	r := newRadioPair(t, radioSetup{})
	p := r.python

	// Announces, theirs as long as a packet can be: 500 bytes.
	p.Do("identity", Args{"name": "me"})
	theirs := hashOf(t, p.Do("destination", Args{"name": "d", "identity": "me", "app": "groupd", "aspects": aspects})["hash"])
	p.Do("announce", Args{"name": "d", "app_data": hex.EncodeToString(Blob("long", 333, false))})
	known := r.awaitKnown(theirs)
	if string(known.AppData) != string(Blob("long", 333, false)) {
		t.Fatalf("we know %d bytes of app data", len(known.AppData))
	}
	d, seen := r.echoDestination(newIdentity(t), false)
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Await("announce", 15*time.Second, func(e Event) bool { return e.Text("destination") == d.Hash().String() })
	if g := r.iface.Signal(); g.RSSI == nil || *g.RSSI != -80 || *g.SNR != 7 {
		t.Errorf("heard with %v, %v", g.RSSI, g.SNR)
	}

	// Paths that have to be asked for.
	p.Do("identity", Args{"name": "quiet"})
	r.awaitKnown(hashOf(t, p.Do("destination", Args{"name": "q", "identity": "quiet", "app": "groupd", "aspects": aspects})["hash"]))
	quiet, _ := r.echoDestination(newIdentity(t), false)
	p.Do("await_path", Args{"hash": quiet.Hash().String(), "timeout": 15})

	// A link each way, requests, and packets as long as a link has them: 499 bytes.
	full := Blob("full", 431, false)
	link := openLink(t, r.Node, known)
	if link.MTU() != 500 {
		t.Errorf("link MTU %d", link.MTU()) // I-015
	}
	receipt, err := link.Send(t.Context(), full)
	if err != nil {
		t.Fatal(err)
	}
	<-receipt.Done()
	if receipt.Status() != rns.ReceiptDelivered {
		t.Fatalf("link packet: %v", receipt.Status())
	}
	p.Await("link_packet", time.Second, func(e Event) bool { return e.Data("data") == DigestOf(full) })
	response, err := link.Request(t.Context(), "/echo", msgpack.Bin(full[:300]), rns.RequestOptions{Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := response.Data.Bin(); string(got) != string(full[:300]) {
		t.Fatalf("echo of %d bytes", len(got))
	}
	theirLink := p.Do("open_link", Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects})["link"].(string)
	if a := p.Do("link_send", Args{"link": theirLink, "data": hex.EncodeToString(full), "timeout": 15}); a["delivered"] != true {
		t.Fatal("a link packet of python's was not proved")
	}
	if got := seen.await(t, "link packet", 1, time.Second); string(got) != string(full) {
		t.Fatalf("we got %d bytes", len(got))
	}
	if a := p.Do("request", Args{"link": theirLink, "path": "/echo", "data": BlobArg("q", 300, false), "timeout": 20}); digestOf(a["data"]) != DigestOf(Blob("q", 300, false)) {
		t.Fatalf("echo for python: %v", a)
	}

	// 500 bytes from us: a packet to a PLAIN destination, made by hand.
	plain := hashOf(t, p.Do("destination", Args{"name": "plain", "type": "PLAIN", "app": "groupd", "aspects": []string{"raw"}})["hash"])
	raw := append(append([]byte{0x08, 0}, plain[:]...), 0)
	raw = append(raw, Blob("raw", 500-len(raw), false)...)
	if err := r.iface.Send(raw); err != nil {
		t.Fatal(err)
	}
	p.Await("packet", 10*time.Second, func(e Event) bool { return e.Data("data") == DigestOf(raw[19:]) })
	if ours, their := r.longest("ours"), r.longest("theirs"); ours != 500 || their != 500 {
		t.Errorf("longest packets: ours %d, theirs %d bytes", ours, their)
	}

	// Both ports are closed and opened again: both come back by themselves.
	for _, pty := range []*rnodesim.PTY{r.ourPTY, r.pyPTY} {
		if err := pty.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r.ours.Reboot() // they lose their power with it
	r.theirs.Reboot()
	for i := 0; r.iface.Stats().Online; i++ {
		if i > 500 {
			t.Fatal("our interface does not notice that its port is gone")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if r.ourPTY, err = r.ours.OpenPTY(r.ourLink); err != nil {
		t.Fatal(err)
	}
	if r.pyPTY, err = r.theirs.OpenPTY(r.pyLink); err != nil {
		t.Fatal(err)
	}
	r.awaitRadios()
	response, err = link.Request(t.Context(), "/echo", msgpack.Bin([]byte("again")), rns.RequestOptions{Timeout: 20 * time.Second})
	if err != nil {
		t.Fatalf("after plugging in again: %v", err)
	}
	if got, _ := response.Data.Bin(); string(got) != "again" {
		t.Fatalf("echo %q", got)
	}
	if s := r.iface.Stats(); s.Connects != 2 || s.RxDropped.Sum() != 0 {
		t.Errorf("%+v", s)
	}
}

// With an access code of eight bytes, a packet of 500 bytes has 508 and takes three air frames (I-088). Python's device
// answers no more than it must (I-083).
func TestRNodeWithAccessCode(t *testing.T) {
	t.Parallel()
	r := newRadioPair(t, radioSetup{
		opts:   rns.InterfaceOptions{NetworkName: "hidden valley", Passphrase: "correct horse"},
		theirs: rnodesim.DeviceOptions{Minimal: true},
		extra:  "network_name = hidden valley\npassphrase = correct horse\nid_callsign = N0CALL-7\nid_interval = 3600",
	})
	p := r.python
	p.Do("identity", Args{"name": "me"})
	theirs := hashOf(t, p.Do("destination", Args{"name": "d", "identity": "me", "app": "groupd", "aspects": aspects})["hash"])
	p.Do("announce", Args{"name": "d", "app_data": hex.EncodeToString(Blob("long", 333, false))})
	known := r.awaitKnown(theirs)
	if len(known.AppData) != 333 || r.longest("theirs") != 508 {
		t.Fatalf("we know %d bytes of app data; the longest packet had %d bytes", len(known.AppData), r.longest("theirs"))
	}
	link := openLink(t, r.Node, known)
	if _, err := link.Request(t.Context(), "/echo", msgpack.Bin(Blob("q", 380, false)), rns.RequestOptions{Timeout: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if n := r.longest("ours"); n < 480 {
		t.Errorf("our longest packet had %d bytes", n)
	}
}

// Both devices on the network: the TCP form, with its keepalive (I-081).
func TestRNodeOverTCP(t *testing.T) {
	t.Parallel()
	r := newRadioPair(t, radioSetup{tcp: true})
	time.Sleep(rnodesim.HostSilence + time.Second) // nobody has anything to say, and yet both stay
	p := r.python
	p.Do("identity", Args{"name": "me"})
	theirs := hashOf(t, p.Do("destination", Args{"name": "d", "identity": "me", "app": "groupd", "aspects": aspects})["hash"])
	p.Do("announce", Args{"name": "d"})
	r.awaitKnown(theirs)
	d, _ := r.echoDestination(newIdentity(t), false)
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Await("announce", 15*time.Second, func(e Event) bool { return e.Text("destination") == d.Hash().String() })
	if s := r.iface.Stats(); s.Connects != 1 {
		t.Errorf("%+v", s)
	}
}

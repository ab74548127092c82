package interop

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/backbone"
	"groupd/rns/interfaces/pipe"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/interfaces/udp"
	"groupd/rns/msgpack"
)

// section is an interface of a Reticulum configuration, for Python and for us.
func section(options string) string { return "[[Carrier]]\nenabled = yes\n" + options + "\n" }

func readSection(t *testing.T, options string) config.Interface {
	t.Helper()
	c, err := config.Read([]byte("[interfaces]\n" + section(options)))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.Warnings {
		t.Errorf("our configuration: %v", w)
	}
	return c.Interfaces[0]
}

// check exchanges announces, and a link and a request of size bytes in each direction, and wants that MTU for links.
func check(t *testing.T, n *Node, p *Peer, mtu, size int) {
	t.Helper()
	_, known := pythonDestination(t, n, p, nil)
	d, seen := n.echoDestination(newIdentity(t), false)
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Await("announce", 10*time.Second, func(e Event) bool { return e.Text("destination") == d.Hash().String() })

	link := openLink(t, n, known)
	if link.MTU() != mtu {
		t.Errorf("our link has an MTU of %d, want %d", link.MTU(), mtu)
	}
	data := Blob("carrier", size, false)
	r, err := link.Request(t.Context(), "/echo", msgpack.Bin(data), rns.RequestOptions{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := r.Data.Bin(); string(got) != string(data) {
		t.Errorf("response has %d bytes", len(got))
	}

	theirs := p.Do("open_link", Args{"hash": d.Hash().String(), "app": "groupd", "aspects": aspects})
	if int(theirs["mtu"].(float64)) != mtu {
		t.Errorf("python's link has an MTU of %v, want %d", theirs["mtu"], mtu)
	}
	seen.await(t, "link", 1, 5*time.Second)
	a := p.Do("request", Args{"link": theirs["link"], "path": "/echo", "data": BlobArg("carrier", size, false)})
	if got := digestOf(a["data"]); got != DigestOf(data) {
		t.Errorf("python's response is %+v", got)
	}
}

// awaitInterface waits until the peer has an interface of that name.
func (p *Peer) awaitInterface(name string) {
	p.t.Helper()
	var names []any
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if names, _ = p.Do("interfaces", nil)["names"].([]any); slices.Contains(names, any(name)) {
			return
		}
	}
	p.t.Fatalf("%s has no %s; it has %v", p.name, name, names)
}

// udpPorts are ports that nobody uses just now.
func udpPorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ports = append(ports, c.LocalAddr().(*net.UDPAddr).Port)
	}
	return ports
}

func TestUDPWithPython(t *testing.T) {
	t.Parallel()
	ports := udpPorts(t, 2)
	options := func(listen, forward int, more string) string {
		return fmt.Sprintf("type = UDPInterface\nlisten_ip = 127.0.0.1\nlisten_port = %d\nforward_ip = 127.0.0.1\nforward_port = %d\n%s", listen, forward, more)
	}
	const code = "network_name = village\npassphrase = secret"
	ours := readSection(t, options(ports[0], ports[1], code))
	n := startNodeWith(t, func(tr *rns.Transport) error {
		c, err := udp.FromConfig(ours, nil)
		if err != nil {
			return err
		}
		return tr.AddInterface(c, rns.InterfaceOptions{NetworkName: ours.NetworkName, Passphrase: ours.Passphrase, IFACSize: ours.IFACSize})
	})
	p := StartPeer(t, "python", reticulumConfig(section(options(ports[1], ports[0], code))))
	n.awaitUp()
	check(t, n, p, interfaces.BaseMTU, 5000)
}

// I-037, live.
func TestBackboneWithPython(t *testing.T) {
	listen := func(kind string, port int) string {
		return fmt.Sprintf("type = %s\nlisten_ip = 127.0.0.1\nlisten_port = %d", kind, port)
	}
	target := func(kind string, port int) string {
		return fmt.Sprintf("type = %s\ntarget_host = 127.0.0.1\ntarget_port = %d", kind, port)
	}
	t.Run("we connect", func(t *testing.T) {
		t.Parallel()
		port := freePort(t, "127.0.0.1")
		p := StartPeer(t, "python", reticulumConfig(section(listen("BackboneInterface", port))))
		n := startNodeWith(t, func(tr *rns.Transport) error {
			c, err := backbone.ClientFromConfig(readSection(t, target("BackboneInterface", port)), nil)
			if err != nil {
				return err
			}
			return tr.AddInterface(c, rns.InterfaceOptions{})
		})
		n.awaitUp()
		check(t, n, p, 16384, 300<<10)
	})
	for _, kind := range []string{"BackboneInterface", "TCPClientInterface"} {
		t.Run("a "+kind+" connects to us", func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "127.0.0.1")
			n := startNodeWith(t, func(tr *rns.Transport) error {
				s, err := backbone.ServerFromConfig(readSection(t, listen("BackboneInterface", port)), nil, nil)
				if err != nil {
					return err
				}
				return tr.AddSpawner(s, rns.InterfaceOptions{})
			})
			// With a bitrate that is inside of a tier: what belongs to its bounds differs between versions of the reference.
			p := StartPeer(t, "python", reticulumConfig(section(target(kind, port)+"\nbitrate = 20000000")))
			n.awaitUp()
			check(t, n, p, 16384, 100<<10)
		})
	}
}

// Both sides are clients of a TNC that hands on what comes; here it is a relay of bytes.
func TestKISSOverTCPWithPython(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		var conns []net.Conn
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			conns = append(conns, c)
		}
		go io.Copy(conns[0], conns[1])
		io.Copy(conns[1], conns[0])
	}()
	options := fmt.Sprintf("type = TCPClientInterface\ntarget_host = 127.0.0.1\ntarget_port = %d\nkiss_framing = yes", l.Addr().(*net.TCPAddr).Port)
	p := StartPeer(t, "python", reticulumConfig(section(options)))
	n := startNodeWith(t, func(tr *rns.Transport) error {
		c, err := tcp.ClientFromConfig(readSection(t, options), nil)
		if err != nil {
			return err
		}
		return tr.AddInterface(c, rns.InterfaceOptions{})
	})
	n.awaitUp()
	check(t, n, p, 8192, 20<<10)
}

// Each side runs a program that joins its input and output to two named pipes.
func TestPipesWithPython(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, path := range []string{a, b} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // lets go who still waits for the other end
			if f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK, 0); err == nil {
				f.Close()
			}
		})
	}
	options := func(in, out string) string {
		return fmt.Sprintf("type = PipeInterface\ncommand = sh -c 'cat <%s & exec cat >%s'\nrespawn_delay = 1", in, out)
	}
	p := StartPeer(t, "python", reticulumConfig(section(options(a, b))))
	n := startNodeWith(t, func(tr *rns.Transport) error {
		c, err := pipe.FromConfig(readSection(t, options(b, a)), nil)
		if err != nil {
			return err
		}
		return tr.AddInterface(c, rns.InterfaceOptions{})
	})
	n.awaitUp()
	check(t, n, p, interfaces.BaseMTU, 5000)
}

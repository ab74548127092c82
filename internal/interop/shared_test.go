package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/filestore"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
	"groupd/rns/sharedinstance"
)

// machine is a machine of its own for the tests: a folder of Reticulum with an instance name that nobody else has.
type machine struct {
	t        *testing.T
	dir      string
	instance string
	text     string // of the configuration
}

// newMachine makes the folder. options stand in [reticulum], interfaces below it.
func newMachine(t *testing.T, options, interfaces string) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir(), instance: "groupd-" + rand.Text()}
	m.text = fmt.Sprintf("[reticulum]\nshare_instance = yes\ninstance_name = %s\n%s\n[logging]\nloglevel = 2\n[interfaces]\n%s", m.instance, options, interfaces)
	if err := os.WriteFile(filepath.Join(m.dir, "config"), []byte(m.text), 0o600); err != nil {
		t.Fatal(err)
	}
	return m
}

// tool runs one of Reticulum's own programs and returns what it printed.
func (m *machine) tool(name string, args ...string) string {
	m.t.Helper()
	out, err := m.tryTool(name, args...)
	if err != nil {
		m.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func (m *machine) tryTool(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(python(m.t)), name), append([]string{"--config", m.dir}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// ourProgram is one of our nodes on a machine: it shares, or uses what is shared.
type ourProgram struct {
	*Node
	instance *sharedinstance.Instance
	caller   *sharedinstance.Caller
	master   chan struct{} // closed when it took over
}

// run starts one of our nodes. As the master it listens on the TCP port; port 0 is none.
func (m *machine) run(port int) *ourProgram {
	m.t.Helper()
	c, err := config.Read([]byte(m.text))
	if err != nil {
		m.t.Fatal(err)
	}
	store, err := filestore.Open(filepath.Join(m.dir, "storage"))
	if err != nil {
		m.t.Fatal(err)
	}
	identity, err := store.TransportIdentity(rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	how := sharedinstance.Config{Reticulum: c.Reticulum, Identity: identity.PrivateKey(), TakeOverAfter: time.Second}
	p := &ourProgram{master: make(chan struct{})}
	if p.instance, err = sharedinstance.Join(m.t.Context(), how); err != nil {
		m.t.Fatal(err)
	}
	if p.caller, err = sharedinstance.NewCaller(how); err != nil {
		m.t.Fatal(err)
	}
	rc := rns.Config{TransportEnabled: c.Reticulum.EnableTransport, RespondToProbes: c.Reticulum.RespondToProbes}
	if rc.TransportEnabled {
		rc.Identity = identity
	}
	transport, err := rns.New(rc)
	if err != nil {
		m.t.Fatal(err)
	}
	p.Node = &Node{Transport: transport, t: m.t}
	listen := func() error {
		if port == 0 {
			return nil
		}
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "listener", Host: "127.0.0.1", Port: port})
		if err != nil {
			return err
		}
		return transport.AddSpawner(s, rns.InterfaceOptions{})
	}
	if p.instance.Role() != sharedinstance.Client {
		if err := listen(); err != nil {
			m.t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := transport.Run(ctx); err != nil {
			m.t.Errorf("our node ended with: %v", err)
		}
	})
	wg.Go(func() {
		err := p.instance.Run(ctx, transport, func() error {
			defer close(p.master)
			return listen()
		})
		if err != nil {
			m.t.Errorf("our instance ended with: %v", err)
		}
	})
	p.Stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	m.t.Cleanup(p.Stop)
	<-transport.Ready()
	return p
}

// has fails the test unless all of these texts are in what was printed.
func has(t *testing.T, what, printed string, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if !strings.Contains(printed, s) {
			t.Errorf("%s lacks %q:\n%s", what, s, printed)
		}
	}
}

// I-106, I-107, I-108, and I-112 as the tools show it.
func TestStockToolsWorkAgainstOurSharedInstance(t *testing.T) {
	t.Parallel()
	port := freePort(t, "127.0.0.1")
	m := newMachine(t, "enable_transport = yes\nrespond_to_probes = yes", "")
	n := m.run(port)
	if n.instance.Role() != sharedinstance.Master {
		t.Fatalf("our node is %v: %v", n.instance.Role(), n.instance.Err())
	}
	far := StartPeer(t, "far", ClientConfig("127.0.0.1", port))
	dest, _ := pythonDestination(t, n.Node, far, nil)
	own, _ := n.echoDestination(newIdentity(t), false)
	listener := fmt.Sprintf("TCPServerInterface[listener/127.0.0.1:%d]", port)

	printed := m.tool("rnstatus")
	t.Log(printed)
	has(t, "rnstatus", printed, "Shared Instance[rns/groupd-", "Serving   : 0 program", listener, "Clients   : 1", "Transport Instance <"+n.Identity().Hash().String()+"> running", "Probe responder at <"+n.Stats().ProbeResponder.String()+"> active")
	printed = m.tool("rnstatus", "-a", "-A", "-P", "-l", "-t")
	t.Log(printed)
	has(t, "rnstatus -a", printed, "TCPInterface[Client on listener/127.0.0.1:", "LocalInterface[rns/groupd-", "0 entries in link table", "Totals")
	var status struct {
		Interfaces []struct {
			Name, Type string
			Status     bool
			RxB        int `json:"rxb"`
		}
		TransportID string `json:"transport_id"`
	}
	if err := json.Unmarshal([]byte(m.tool("rnstatus", "-j")), &status); err != nil || len(status.Interfaces) != 4 || status.TransportID != n.Identity().Hash().String() {
		t.Errorf("rnstatus -j: %v, %+v", err, status)
	}

	printed = m.tool("rnpath", "-t")
	t.Log(printed)
	has(t, "rnpath -t", printed, "<"+dest.String()+"> is 1 hop  away via <"+dest.String()+"> on TCPInterface[Client on listener/127.0.0.1:")
	if printed = m.tool("rnpath", "-t", "-m", "0"); strings.Contains(printed, dest.String()) {
		t.Errorf("rnpath -t -m 0 lists what is a hop away:\n%s", printed)
	}
	printed = m.tool("rnpath", dest.String())
	has(t, "rnpath", printed, "Path found, destination <"+dest.String()+"> is 1 hop away via <"+dest.String()+"> on TCPInterface[")
	printed = m.tool("rnpath", own.Hash().String())
	has(t, "rnpath to us", printed, "Path found, destination <"+own.Hash().String()+">")
	printed = m.tool("rnpath", "-r")
	t.Log(printed)
	printed = m.tool("rnpath", "-D")
	has(t, "rnpath -D", printed, "announce queues")

	// A packet to the probe responder of the master, and one through it to a neighbour that proves all.
	printed = m.tool("rnprobe", "rnstransport.probe", n.Stats().ProbeResponder.String())
	t.Log(printed)
	has(t, "rnprobe", printed, "Valid reply from <"+n.Stats().ProbeResponder.String()+">", "Round-trip time is", "packet loss 0.0%")
	printed = m.tool("rnprobe", "groupd.interop", dest.String())
	has(t, "rnprobe through us", printed, "Valid reply from <"+dest.String()+">", "over 1 hop", "packet loss 0.0%")

	printed, _ = m.tryTool("rnpath", "-b") // fails when there are none
	has(t, "rnpath -b", printed, "No blackholed identity data")
	id := newIdentity(t).Hash().String()
	printed = m.tool("rnpath", "-B", id, "--reason", "noise")
	t.Log(printed)
	printed = m.tool("rnpath", "-b")
	has(t, "rnpath -b", printed, id, "noise")
	printed = m.tool("rnpath", "-U", id)
	t.Log(printed)

	printed = m.tool("rnpath", "-d", dest.String())
	has(t, "rnpath -d", printed, "Dropped path to <"+dest.String()+">")
	if n.HasPath(dest) {
		t.Error("rnpath -d dropped nothing")
	}
	out, _ := m.tryTool("rnpath", "-d", dest.String())
	has(t, "rnpath -d again", out, "Unable to drop path")
	out, _ = m.tryTool("rnpath", "-x", dest.String())
	t.Log(out)
}

// A Python LXMF program without any interface of its own writes and is written to through our instance: with a program out on
// the network, with another on the same machine, and with us.
func TestPythonLXMFWorksThroughOurSharedInstance(t *testing.T) {
	for _, transport := range []string{"no", "yes"} {
		t.Run("transport "+transport, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "127.0.0.1")
			// The programs have folders of their own, so the key for calls must be the same by configuration.
			m := newMachine(t, "enable_transport = "+transport+"\nrpc_key = "+hex.EncodeToString(Blob("key", 32, false)), "")
			n := m.run(port)
			ours := startMailbox(t, n.Node, 20*time.Millisecond)
			address := func(p *Peer, name string) rns.DestinationHash {
				p.Do("identity", Args{"name": "me"})
				return hashOf(t, p.Do("lxmf", Args{"identity": "me", "name": name, "storage": p.Dir()})["hash"])
			}
			near, next := StartPeer(t, "near", m.text), StartPeer(t, "next", m.text)
			far := StartPeer(t, "far", ClientConfig("127.0.0.1", port))
			nearAddress, nextAddress, farAddress := address(near, "Near"), address(next, "Next"), address(far, "Far")
			time.Sleep(1200 * time.Millisecond) // an announce in the same second as the automatic path response is swallowed
			near.Do("lxmf_announce", nil)
			next.Do("lxmf_announce", nil)
			far.Do("lxmf_announce", nil)
			if err := ours.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			addresses := []rns.DestinationHash{nearAddress, nextAddress, farAddress, ours.Address()}
			for i, p := range []*Peer{near, next, far} {
				for j, a := range addresses {
					if i != j {
						p.Do("await_path", Args{"hash": a.String()})
					}
				}
			}
			large := strings.Repeat("large ", 20_000)
			for _, method := range []string{"opportunistic", "direct"} {
				for _, c := range []struct {
					way  string
					from *Peer
					to   rns.DestinationHash
				}{{"out", near, farAddress}, {"in", far, nearAddress}, {"to a neighbour", near, nextAddress}, {"to us", near, ours.Address()}} {
					text, began := method, time.Now()
					if method == "direct" {
						text = large
					}
					if n := c.from.awaitDelivered(c.from.writes(c.to, method, text, nil)); n > 1 {
						t.Errorf("%s, %s: %d attempts in %v", method, c.way, n, time.Since(began))
					}
					t.Logf("%s, %s: %v", method, c.way, time.Since(began))
				}
			}
			n.awaitKnown(nearAddress)
			ours.writes(nearAddress, lxmf.MethodDirect, "from the master")
			near.Await("message", 10*time.Second, func(e Event) bool { return e.Text("content") == "from the master" })
		})
	}
}

// Our node has no interfaces: it uses the instance of a stock program. When that is killed it takes over and goes on.
func TestOurNodeWorksThroughAStockInstanceAndTakesOver(t *testing.T) {
	for _, transport := range []string{"no", "yes"} {
		t.Run("transport "+transport, func(t *testing.T) {
			t.Parallel()
			port := freePort(t, "127.0.0.1")
			m := newMachine(t, "enable_transport = "+transport, fmt.Sprintf("[[Listener]]\ntype = TCPServerInterface\nenabled = yes\nlisten_ip = 127.0.0.1\nlisten_port = %d\n", port))
			rnsd := startStock(t, m)
			n := m.run(port)
			if n.instance.Role() != sharedinstance.Client {
				t.Fatalf("our node is %v: %v", n.instance.Role(), n.instance.Err())
			}
			list, err := n.caller.Interfaces(t.Context())
			if err != nil || len(list) < 2 || list[0].Class != "LocalServerInterface" {
				t.Errorf("the stock instance says %+v, %v", list, err)
			}
			far := StartPeer(t, "far", ClientConfig("127.0.0.1", port))
			hash, known := pythonDestination(t, n.Node, far, nil)
			own, seen := n.echoDestination(newIdentity(t), false)
			exchange := func(round int) {
				t.Helper()
				far.Do("await_path", Args{"hash": own.Hash().String(), "timeout": 20})
				data := Blob(fmt.Sprint("round ", round), 200, false)
				r := far.Do("send_packet", Args{"hash": own.Hash().String(), "app": "groupd", "aspects": aspects, "data": hex.EncodeToString(data), "timeout": 10})
				if r["delivered"] != true {
					t.Fatalf("round %d: a packet from python was not proved", round)
				}
				if got := seen.await(t, "packet", round, 10*time.Second); !bytes.Equal(got, data) {
					t.Fatalf("round %d: we got %d bytes", round, len(got))
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				remote := n.NewRemote(known.Identity, "groupd", aspects...)
				l, err := n.OpenLink(ctx, remote)
				if err != nil {
					t.Fatalf("round %d: link to %s: %v", round, hash, err)
				}
				defer l.Close()
				answer, err := l.Request(ctx, "/blob", msgpack.Bin([]byte("large:300000")), rns.RequestOptions{Timeout: 20 * time.Second, MaxResponse: 1 << 20})
				if err != nil {
					t.Fatalf("round %d: request: %v", round, err)
				}
				if b, ok := answer.Data.Bin(); !ok || !bytes.Equal(b, Blob("large", 300000, false)) {
					t.Fatalf("round %d: answer of %d bytes", round, len(b))
				}
			}
			if err := own.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			exchange(1)

			rnsd.Process.Kill()
			rnsd.Wait()
			select {
			case <-n.master:
			case <-time.After(20 * time.Second):
				t.Fatal("our node did not take over")
			}
			if n.instance.Role() != sharedinstance.Master {
				t.Errorf("our node is %v", n.instance.Role())
			}
			// The other side connects again by itself, and what was announced is announced again.
			deadline := time.Now().Add(15 * time.Second)
			for n.Stats().Interfaces == nil && time.Now().Before(deadline) {
				time.Sleep(20 * time.Millisecond)
			}
			if err := own.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			far.Do("announce", Args{"name": "d"})
			n.awaitKnown(hash)
			exchange(2)
			has(t, "rnstatus", m.tool("rnstatus"), "Shared Instance[rns/groupd-")
		})
	}
}

// startStock starts rnsd and waits until it serves.
func startStock(t *testing.T, m *machine) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(filepath.Join(filepath.Dir(python(t)), "rnsd"), "--config", m.dir)
	var printed lockedBuffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("rnsd printed:\n%s", printed.String())
		}
	})
	// Not by running a tool: where nobody serves yet, the tool itself becomes the shared instance for a moment.
	deadline := time.Now().Add(20 * time.Second)
	for {
		// Of this thread: another test may have left the main one in a network namespace of its own.
		sockets, err := os.ReadFile("/proc/thread-self/net/unix")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(sockets), " @rns/"+m.instance+"/rpc\n") {
			return cmd
		}
		if time.Now().After(deadline) {
			t.Fatalf("rnsd does not serve:\n%s", printed.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// I-099: the same on TCP, as on systems without abstract sockets.
func TestStockToolsWorkOverTCP(t *testing.T) {
	t.Parallel()
	data, control := freePort(t, "127.0.0.1"), freePort(t, "127.0.0.1")
	m := newMachine(t, fmt.Sprintf("enable_transport = yes\nrespond_to_probes = yes\nshared_instance_type = tcp\nshared_instance_port = %d\ninstance_control_port = %d", data, control), "")
	n := m.run(0)
	if n.instance.Role() != sharedinstance.Master {
		t.Fatalf("our node is %v: %v", n.instance.Role(), n.instance.Err())
	}
	has(t, "rnstatus", m.tool("rnstatus", "-a"), fmt.Sprintf("Shared Instance[%d]", data), "Serving   : 0 program", "LocalInterface[")
	has(t, "rnprobe", m.tool("rnprobe", "rnstransport.probe", n.Stats().ProbeResponder.String()), "Valid reply from <", "packet loss 0.0%")
}

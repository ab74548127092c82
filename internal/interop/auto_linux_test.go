package interop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"groupd/rns"
	"groupd/rns/interfaces/auto"
)

// ip runs the tool of iproute2.
func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v: %s\n(network namespaces need root: CAP_SYS_ADMIN and CAP_NET_ADMIN)", strings.Join(args, " "), err, out)
	}
}

// namespaces makes two network namespaces that are joined by a cable from eth0 to eth0, with the addresses fe80::a and fe80::b.
// They are gone after the test.
func namespaces(t *testing.T) (a, b string) {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Fatalf("no tool to make network namespaces: run `make interop`, which installs iproute2 (%v)", err)
	}
	name := fmt.Sprintf("groupd-%d-%s", os.Getpid(), t.Name()[strings.LastIndexByte(t.Name(), '/')+1:])
	a, b = name+"-a", name+"-b"
	for _, ns := range []string{a, b} {
		ip(t, "netns", "add", ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
	}
	ip(t, "-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b)
	for ns, address := range map[string]string{a: "fe80::a/64", b: "fe80::b/64"} {
		ip(t, "-n", ns, "link", "set", "lo", "up")
		ip(t, "-n", ns, "link", "set", "eth0", "addrgenmode", "none")
		ip(t, "-n", ns, "link", "set", "eth0", "up")
		ip(t, "-n", ns, "addr", "add", address, "dev", "eth0", "nodad")
	}
	return a, b
}

// namespaced is the network of another namespace: sockets stay where they were made.
type namespaced struct {
	auto.Network
	name string
}

func (n namespaced) do(f func()) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		handle, err := os.Open("/run/netns/" + n.name)
		if err == nil {
			err = unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET)
			handle.Close()
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	return <-done
}

func (n namespaced) Links() (links []auto.Link, err error) {
	if failed := n.do(func() { links, err = n.Network.Links() }); failed != nil {
		return nil, failed
	}
	return links, err
}

func (n namespaced) ListenGroup(l auto.Link, group netip.Addr, port int) (s auto.Socket, err error) {
	if failed := n.do(func() { s, err = n.Network.ListenGroup(l, group, port) }); failed != nil {
		return nil, failed
	}
	return s, err
}

func (n namespaced) Listen(l auto.Link, port int, shared bool) (s auto.Socket, err error) {
	if failed := n.do(func() { s, err = n.Network.Listen(l, port, shared) }); failed != nil {
		return nil, failed
	}
	return s, err
}

// I-016, I-043 to I-046, I-050, live: a Python node in one network namespace and ours in another find each other.
func TestAutoInterfaceWithPython(t *testing.T) {
	for name, c := range map[string]struct {
		options string
		config  auto.Config
	}{
		"defaults": {},
		"site": {"group_id = village\ndiscovery_scope = site\nmulticast_address_type = permanent\ndiscovery_port = 30000\ndata_port = 30005",
			auto.Config{GroupID: "village", DiscoveryScope: auto.ScopeSite, MulticastAddressType: auto.AddressPermanent, DiscoveryPort: 30000, DataPort: 30005}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := namespaces(t)
			c.config.Name = "Lan"
			c.config.Network = namespaced{auto.System(), ours}
			a, err := auto.New(c.config)
			if err != nil {
				t.Fatal(err)
			}
			n := startNodeWith(t, func(tr *rns.Transport) error { return tr.AddSpawner(a, rns.InterfaceOptions{}) })
			p := StartPeerIn(t, theirs, "python", reticulumConfig(section("type = AutoInterface\n"+c.options)))
			n.awaitUp()
			p.awaitInterface("AutoInterfacePeer[eth0/fe80::a]") // what we send before is dropped
			check(t, n, p, auto.MTU, 20<<10)
			s := a.Stats()
			if len(s.Links) != 1 || s.Links[0].Device != "eth0" || s.Links[0].Address.String() != "fe80::a" || s.Links[0].CarrierLost || s.Peers != 1 || s.Strangers != 0 {
				t.Errorf("%+v", s)
			}
			if peers := n.Stats().Interfaces; peers[len(peers)-1].Name != "AutoInterfacePeer[eth0/fe80::b]" {
				t.Errorf("%+v", peers)
			}
		})
	}
}

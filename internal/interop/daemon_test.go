package interop

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// listenerSection is a TCP server for the configuration of a machine.
func listenerSection(port int) string {
	return fmt.Sprintf("[[Listener]]\ntype = TCPServerInterface\nenabled = yes\nlisten_ip = 127.0.0.1\nlisten_port = %d\n", port)
}

// groupdOn prepares groupd with a machine's Reticulum folder.
func groupdOn(t *testing.T, m *machine) *Server {
	t.Helper()
	s := NewServer(t, BuildGroupd(t), "")
	s.Net = m.dir
	return s
}

// role is groupd's part in the shared instance.
func role(s *Server) string {
	s.t.Helper()
	return s.JSON("status")["network"].(map[string]any)["instance"].(map[string]any)["role"].(string)
}

// I-106 to I-109, I-131: with `--config` and the folder that groupd was started with, the stock tools show what groupd knows. It is a transport
// node in place of rnsd; nothing but the configuration says so. X-149: its pages are announced with the bare name.
func TestStockToolsWorkAgainstGroupd(t *testing.T) {
	t.Parallel()
	port := freePort(t, "127.0.0.1")
	m := newMachine(t, "enable_transport = yes\nrespond_to_probes = yes", listenerSection(port))
	server := groupdOn(t, m)
	server.Start()
	if r := role(server); r != "master" {
		t.Fatalf("groupd is %s", r)
	}
	if info, err := os.Stat(filepath.Join(m.dir, "storage", "transport_identity")); err != nil || info.Size() != 64 || info.Mode().Perm() != 0o600 {
		t.Errorf("the identity for stock tools: %v, %v", info, err)
	}
	shown := server.JSON("group", "show")
	address := shown["address"].(string)
	far := StartPeer(t, "far", ClientConfig("127.0.0.1", port))
	site := shown["serving"].(map[string]any)["destinations"].([]any)[2].(map[string]any)
	if heard := far.Await("announce", 30*time.Second, func(e Event) bool { return e.Text("destination") == site["hash"] }); heard.Text("app_data") != hex.EncodeToString([]byte(shown["name"].(string))) {
		t.Errorf("%v is announced with %q", site, heard.Text("app_data"))
	}
	key := far.Do("identity", Args{"name": "me"})["public"].(string)
	dest := far.Do("destination", Args{"name": "d", "identity": "me", "app": "groupd", "aspects": aspects})["hash"].(string)
	far.Do("announce", Args{"name": "d"})
	far.Do("await_path", Args{"hash": address})
	if p := server.JSON("path", "--request", dest); p["known"] != true || p["hops"].(float64) != 1 {
		t.Fatalf("groupd path: %v", p)
	}

	printed := m.tool("rnstatus")
	t.Log(printed)
	listener := fmt.Sprintf("TCPServerInterface[Listener/127.0.0.1:%d]", port)
	has(t, "rnstatus", printed, "Shared Instance[rns/"+m.instance+"]", listener, "Clients   : 1", "Transport Instance <", "running", "Probe responder at <")
	_, rest, _ := strings.Cut(printed, "Probe responder at <")
	responder, _, _ := strings.Cut(rest, ">")
	printed = m.tool("rnpath", "-t")
	t.Log(printed)
	has(t, "rnpath -t", printed, "<"+dest+"> is 1 hop", "TCPInterface[Client on Listener/127.0.0.1:")
	printed = m.tool("rnprobe", "rnstransport.probe", responder)
	t.Log(printed)
	has(t, "rnprobe", printed, "Valid reply from <"+responder+">", "packet loss 0.0%")
	printed = m.tool("rnprobe", "groupd.interop", dest)
	has(t, "rnprobe through groupd", printed, "Valid reply from <"+dest+">", "over 1 hop")

	// Our own verbs show the same.
	has(t, "groupd path", server.Do("path"), dest+"   1 hop on TCPInterface[Client on Listener/127.0.0.1:")
	has(t, "groupd interfaces", server.Do("interfaces", "--all"), listener, "TCPInterface[Client on Listener/127.0.0.1:", "Shared Instance[rns/"+m.instance+"]")
	printed = server.Do("probe", dest, "groupd.interop", "--count", "3")
	t.Log(printed)
	has(t, "groupd probe", printed, "sent 3, 3 answered, 0 % lost")
	has(t, "groupd status", server.Do("status"), "rns/"+m.instance+" is ours", "transport     on")
	has(t, "groupd check", server.Do("check", "--rnsconfig", m.dir), "is running")

	m.tool("rnpath", "-d", dest)
	if out := server.Do("path"); strings.Contains(out, dest) {
		t.Errorf("after rnpath -d: %s", out)
	}
	server.Stop()
	if out, err := m.tryTool("rnstatus"); err == nil && strings.Contains(out, "Listener") {
		t.Errorf("after groupd has ended, rnstatus prints:\n%s", out)
	}

	// I-129: what groupd has kept of known destinations, a stock program loads.
	known, err := os.ReadFile(filepath.Join(server.Data, "reticulum", "known_destinations"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "storage", "known_destinations"), known, 0o600); err != nil {
		t.Fatal(err)
	}
	const recall = `import sys, RNS; RNS.Reticulum(configdir=sys.argv[1]); print(RNS.Identity.recall(bytes.fromhex(sys.argv[2])).get_public_key().hex())`
	out, err := exec.CommandContext(t.Context(), python(t), "-c", recall, m.dir, dest).CombinedOutput()
	if err != nil || !strings.Contains(string(out), key) {
		t.Errorf("the stock program recalls %s: %v", out, err)
	}
}

// A Python program without any interface posts to the group and reads it, through groupd's shared instance.
func TestAPythonProgramWithoutInterfacesPostsThroughGroupd(t *testing.T) {
	t.Parallel()
	// The program has a folder of its own, so the key for calls must be the same by configuration.
	m := newMachine(t, "rpc_key = "+hex.EncodeToString(Blob("key", 32, false)), "")
	server := groupdOn(t, m)
	server.Start()
	address := server.JSON("group", "show")["address"].(string)
	ann := newMemberOn(t, m.text, "Ann", address)
	if names := fmt.Sprint(ann.Do("interfaces", nil)["names"]); names != "[LocalInterface[rns/"+m.instance+"]]" {
		t.Fatalf("Ann's interfaces: %s", names)
	}
	ann.write("direct", "/join Ann")
	ann.hears("Welcome")
	ann.write("direct", "hello by link")
	ann.write("opportunistic", "hello by packet")
	rows, _, _, _ := ann.fetch("0", 50)
	if !find(rows, 0, "hello by link") || !find(rows, 0, "hello by packet") {
		t.Fatalf("Ann reads %v", rows)
	}
	in := server.JSON("status")["network"].(map[string]any)["instance"].(map[string]any)
	if in["role"] != "master" || in["programs"] != 1.0 {
		t.Errorf("groupd says %v", in)
	}
}

// A stock program runs first, so groupd goes through it, with the identity that it made (I-131). When that is killed groupd takes its place, interfaces included, and the group
// goes on.
func TestGroupdWorksThroughAStockInstanceAndGoesOn(t *testing.T) {
	t.Parallel()
	port := freePort(t, "127.0.0.1")
	m := newMachine(t, "enable_transport = yes", listenerSection(port))
	stock := startStock(t, m)
	server := groupdOn(t, m)
	server.Start()
	if r := role(server); r != "client" {
		t.Fatalf("groupd is %s", r)
	}
	has(t, "groupd status", server.Do("status"), "rns/"+m.instance+" of another program")
	has(t, "groupd interfaces", server.Do("interfaces"), fmt.Sprintf("TCPServerInterface[Listener/127.0.0.1:%d]", port), "of the shared instance")
	has(t, "groupd check", server.Do("check", "--rnsconfig", m.dir), "ok")
	address := server.JSON("group", "show")["address"].(string)
	ann := newMemberOn(t, ClientConfig("127.0.0.1", port), "Ann", address)
	ann.write("direct", "/join Ann")
	ann.hears("Welcome")
	ann.write("direct", "through the stock program")
	ann.write("opportunistic", "and so by packet")
	has(t, "groupd path", server.Do("path"), ann.address)

	if err := stock.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	deadline := time.Now().Add(40 * time.Second)
	for role(server) != "master" {
		if time.Now().After(deadline) {
			t.Fatal("groupd does not take over")
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("took over %v after the kill", time.Since(killed))
	ann.connect()
	t.Logf("a link to the group %v after the kill", time.Since(killed))
	ann.write("opportunistic", "through groupd itself")
	rows, _, _, _ := ann.fetch("0", 50)
	for _, text := range []string{"through the stock program", "and so by packet", "through groupd itself"} {
		if !find(rows, 0, text) {
			t.Errorf("%q is missing: %v", text, rows)
		}
	}
	has(t, "rnstatus", m.tool("rnstatus"), "Shared Instance[rns/"+m.instance+"]", "Clients   : 1")
	if in := server.JSON("interfaces")["interfaces"].([]any); strings.Contains(fmt.Sprint(in), "shared:true") {
		t.Errorf("interfaces of the master that has gone: %v", in)
	}
}

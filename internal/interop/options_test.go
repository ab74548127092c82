package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/filestore"
)

// Options of [reticulum] whose effect others see: stock programs use groupd behind hidden hops, find its network identity, and it takes
// the list of refused identities of a stock node.
func TestPythonSeesWhatTheOptionsSay(t *testing.T) {
	t.Parallel()
	port := freePort(t, "127.0.0.1")
	stock := newMachine(t, "enable_transport = yes\npublish_blackhole = yes", listenerSection(port))
	startStock(t, stock)
	noisy := newIdentity(t).Hash().String()
	stock.tool("rnpath", "-B", noisy, "--reason", "noise")
	_, rest, _ := strings.Cut(stock.tool("rnstatus"), "Transport Instance <")
	source, _, ok := strings.Cut(rest, ">")
	if !ok {
		t.Fatal("rnstatus names no transport instance")
	}

	file := filepath.Join(t.TempDir(), "network")
	m := newMachine(t, fmt.Sprintf("enable_transport = yes\nrespond_to_probes = yes\nlocal_hops_delta = yes\nnetwork_identity = %s\nblackhole_sources = %s", file, source),
		fmt.Sprintf("[[Uplink]]\ntype = TCPClientInterface\nenabled = yes\ntarget_host = 127.0.0.1\ntarget_port = %d\n", port))
	server := groupdOn(t, m)
	server.Start()
	started := time.Now()
	address := server.JSON("group", "show")["address"].(string)
	ann := newMemberOn(t, ClientConfig("127.0.0.1", port), "Ann", address)
	ann.write("direct", "/join Ann")
	ann.hears("Welcome")
	hops := int(ann.Do("await_path", Args{"hash": address})["hops"].(float64))
	if hops < 4 || hops > 9 { // two to seven, the one to the stock node, and the one to Ann
		t.Errorf("the group seems to be %d hops away", hops)
	}
	_, rest, _ = strings.Cut(m.tool("rnstatus"), "Probe responder at <")
	responder, _, _ := strings.Cut(rest, ">")
	printed, _ := stock.tryTool("rnprobe", "-n", "3", "-t", "4", "rnstransport.probe", responder) // it may lose an answer that is too fast
	has(t, "rnprobe", printed, "Valid reply from <"+responder+">")
	has(t, "rnpath", stock.tool("rnpath", responder), fmt.Sprintf("is %d hops away", hops-1))

	id, err := filestore.ReadIdentity(file)
	if err != nil {
		t.Fatal(err)
	}
	owner := id.Hash()
	network := rns.HashDestination(&owner, "rnstransport", "network").String()
	instance := rns.HashDestination(&owner, "rnstransport", "network", "instance", owner.String()).String()
	for {
		known := stock.tool("rnpath", "-t")
		refused, _ := m.tryTool("rnpath", "-b")
		if strings.Contains(known, network) && strings.Contains(known, instance) && strings.Contains(refused, noisy) && strings.Contains(refused, "noise") {
			break
		}
		if time.Since(started) > time.Minute {
			t.Fatalf("%s and %s are not announced, or %s is not refused:\n%s\n%s", network, instance, noisy, known, refused)
		}
		time.Sleep(time.Second)
	}
}

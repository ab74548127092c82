package interop

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/interfaces/tcp"
)

// TestTablesMoveBetweenOursAndPython: C-174, I-129, I-130, I-131: a transport node's folder is used by ours, then by Python, then by ours again.
func TestTablesMoveBetweenOursAndPython(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hub := startNode(t, "127.0.0.1", 0, rns.Config{}, rns.InterfaceOptions{})
	d, _ := hub.echoDestination(newIdentity(t), false)

	open := func() *filestore.Store {
		s, err := filestore.Open(filepath.Join(dir, "storage"))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	relay := func(identity *rns.Identity) *Node {
		tr, err := rns.New(rns.Config{TransportEnabled: true, Store: open(), Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		c, err := tcp.NewClient(tcp.ClientConfig{Name: "Uplink", Host: "127.0.0.1", Port: hub.Addr.Port, ReconnectWait: 100 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.AddInterface(c, rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		n := &Node{Transport: tr, t: t}
		n.run()
		n.awaitUp()
		return n
	}
	identity, err := open().TransportIdentity(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ours := relay(identity)
	time.Sleep(200 * time.Millisecond)
	if err := d.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, heard := ours.PathInfo(d.Hash())
	for end := time.Now().Add(15 * time.Second); !heard; before, heard = ours.PathInfo(d.Hash()) { // asking for the path would bring a second announce
		if time.Now().After(end) {
			t.Fatal("our node has not heard the announce")
		}
		time.Sleep(20 * time.Millisecond)
	}
	ours.Stop()

	config := strings.Replace(ClientConfig("127.0.0.1", hub.Addr.Port), "enable_transport = no", "enable_transport = yes", 1)
	p := startPeerAt(t, dir, "", "python", config)
	r, err := p.Try("path", Args{"hash": d.Hash().String()})
	if err != nil || fmt.Sprint(r["hops"]) != "1" || r["interface"] != before.Interface {
		t.Fatalf("python loaded %v, %v; we had %+v", r, err, before)
	}
	if r := p.Do("recall", Args{"hash": d.Hash().String()}); r["public"] == nil {
		t.Error("python does not know the destination")
	}
	for _, file := range []string{"destination_table", "known_destinations"} { // Python writes them anew
		if err := os.Remove(filepath.Join(dir, "storage", file)); err != nil {
			t.Fatal(err)
		}
	}
	p.Do("exit", nil)
	p.Kill()

	same, err := open().TransportIdentity(rand.Reader)
	if err != nil || !same.Equal(identity.Public()) {
		t.Errorf("python left another transport identity: %v", err)
	}
	again := relay(same)
	if known, ok := again.Recall(d.Hash()); !ok || !known.Identity.Equal(d.Identity().Public()) {
		t.Error("we do not know the destination from python's file")
	}
	after, ok := again.PathInfo(d.Hash())
	if !ok || after.Hops != 1 || after.Announce != before.Announce || after.Interface != before.Interface || after.NextHop != before.NextHop {
		t.Errorf("we loaded %+v from python", after)
	}
}

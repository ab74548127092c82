package main

import (
	"bytes"
	"context"
	cryptorand "crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/filestore"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/sharedinstance"
)

// The identity of a node, and the key for calls, are where stock tools look for them; where that folder cannot be written, a transport
// node keeps one of its own.
func TestIdentitiesAreThoseOfReticulumsStorage(t *testing.T) {
	read := func(text string) (*network, string) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "config"), []byte("[reticulum]\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		n, err := readNetwork(dir, false)
		if err != nil {
			t.Fatal(err)
		}
		return n, filepath.Join(dir, "storage")
	}
	own, err := filestore.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text            string
		keep, calls, at bool
	}{
		{"share_instance = no\n", false, false, false},
		{"share_instance = no\nenable_transport = yes\n", true, true, true},
		{"share_instance = no\nstatic_transport_identity = yes\n", true, true, true},
		{"", false, true, true},
		{"rpc_key = aabb\n", false, false, false},
		{"enable_transport = yes\nrpc_key = aabb\n", true, true, true},
	} {
		n, storage := read(c.text)
		id, calls, err := n.identities(own)
		if err != nil || (id != nil) != c.keep || (calls != nil) != c.calls {
			t.Errorf("%q: %v, %d bytes, %v", c.text, id, len(calls), err)
		}
		file, err := os.ReadFile(filepath.Join(storage, "transport_identity"))
		if (err == nil) != c.at || c.calls && !bytes.Equal(file, calls) || c.keep && !bytes.Equal(file, id.PrivateKey()) {
			t.Errorf("%q: stored %d bytes, %v", c.text, len(file), err)
		}
	}

	n, storage := read("enable_transport = yes\n")
	if err := os.WriteFile(storage, nil, 0o600); err != nil { // no folder can be made
		t.Fatal(err)
	}
	before := len(n.notices)
	id, calls, err := n.identities(own)
	if err != nil || id == nil || calls != nil {
		t.Errorf("%v, %d bytes, %v", id, len(calls), err)
	}
	if len(n.notices) != before+1 || !strings.Contains(n.notices[before].Text, "rnstatus and rnpath get no answers") || !strings.Contains(n.notices[before].Hint, "rpc_key") {
		t.Errorf("%v", n.notices)
	}
	again, _, err := n.identities(own)
	if err != nil || again.Hash() != id.Hash() {
		t.Errorf("another identity the next time: %v", err)
	}
}

// I-119: the first match of the usual places.
func TestReticulumsConfigurationIsFoundAsByEveryProgram(t *testing.T) {
	system, home := filepath.Join(t.TempDir(), "etc"), t.TempDir()
	if got := usualRNSConfig(system, home); got != filepath.Join(home, ".reticulum") {
		t.Errorf("with nothing: %s", got)
	}
	if got := usualRNSConfig(system, ""); got != "" {
		t.Errorf("without a home: %s", got)
	}
	for _, dir := range []string{filepath.Join(home, ".config", "reticulum"), system} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if got := usualRNSConfig(system, home); got == dir {
			t.Errorf("%s has no configuration", dir)
		}
		if err := os.WriteFile(filepath.Join(dir, "config"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := usualRNSConfig(system, home); got != dir {
			t.Errorf("%s instead of %s", got, dir)
		}
	}
}

// A client's announces follow the slowest interface of the shared instance that it uses, which is the master's.
func TestTheMastersRadioSlowsAnnouncesDown(t *testing.T) {
	r := config.Reticulum{ShareInstance: true, InstanceName: "groupd-" + cryptorand.Text(), RPCKey: []byte("key")}
	c := sharedinstance.Config{Reticulum: r}
	master, err := sharedinstance.Join(t.Context(), c)
	if err != nil || master.Role() != sharedinstance.Master {
		t.Fatal(master.Role(), err)
	}
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	air := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1200})
	if err := tr.AddInterface(air.Port("radio"), rns.InterfaceOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { tr.Run(ctx) })
	wg.Go(func() { master.Run(ctx, tr, nil) })
	<-tr.Ready()
	caller, err := sharedinstance.NewCaller(c)
	if err != nil {
		t.Fatal(err)
	}
	var m slowMaster
	now, deadline := time.Now(), time.Now().Add(patience)
	if m.look(ctx, nil, now) {
		t.Error("slow without a master")
	}
	for ; !m.look(ctx, caller, now); now = now.Add(askMasterEvery) { // until it takes calls
		if time.Now().After(deadline) {
			t.Fatal("the radio is not seen")
		}
	}
	if n := m.asked; !m.look(ctx, caller, now.Add(time.Second)) || m.asked != n {
		t.Error("asked again at once")
	}
	cancel()
	wg.Wait()
	if !m.look(t.Context(), caller, now.Add(askMasterEvery)) {
		t.Error("forgotten when the master does not answer")
	}
}

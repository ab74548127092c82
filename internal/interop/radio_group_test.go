package interop

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"groupd/rns/rnstest/rnodesim"
)

// A group on the air, in real time: groupd with an RNode on one pseudo-terminal, a stock Python program with an RNode on another, one
// simulated channel at SF8 and 125 kHz (about 3 kbit/s). The group is joined, posted to in both ways LXMF has, and read.
func TestAGroupOverTheRadio(t *testing.T) {
	t.Parallel()
	air := rnodesim.NewChannel(rnodesim.ChannelOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	ports := map[string]string{}
	for _, name := range []string{"groupd", "ann"} {
		device := air.NewDevice(name, rnodesim.DeviceOptions{})
		wg.Go(func() { device.Run(ctx) })
		ports[name] = filepath.Join(t.TempDir(), name)
		pty, err := device.OpenPTY(ports[name])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { pty.Close() })
	}
	t.Cleanup(func() { cancel(); wg.Wait() })

	server := NewServer(t, BuildGroupd(t), "")
	server.write(filepath.Join(server.Net, "config"), RNodeConfig(ports["groupd"], ""))
	server.Start()
	address := server.JSON("group", "show")["address"].(string)

	start := time.Now()
	ann := newMemberOn(t, RNodeConfig(ports["ann"], ""), "Ann", address)
	ann.write("direct", "/join Ann")
	ann.hears("Welcome")
	t.Logf("joined after %.1f s", time.Since(start).Seconds())
	for _, method := range []string{"direct", "opportunistic"} {
		sent := time.Now()
		ann.write(method, "hello over the air, "+method)
		t.Logf("a %s post was proved after %.1f s", method, time.Since(sent).Seconds())
	}
	sent := time.Now()
	rows, cursor, _, _ := ann.fetch("0", 50)
	t.Logf("history came in %.1f s", time.Since(sent).Seconds())
	if !find(rows, 0, "hello over the air, direct") || !find(rows, 0, "hello over the air, opportunistic") {
		t.Fatalf("Ann reads %v", rows)
	}
	if news, _, _, _ := ann.fetch(cursor, 50); len(news) != 0 {
		t.Fatalf("after the cursor: %v", news)
	}
}

package rns_test

import (
	"testing"
	"testing/synctest"
	"time"

	"groupd/internal/vectors"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// TestVectorsAnnouncesHeardByANode gives each announce to a running node: a valid one makes a path and a known
// destination, an invalid one leaves no trace.
func TestVectorsAnnouncesHeardByANode(t *testing.T) {
	vectors.Run(t, "announces", func(t *testing.T, c vectors.Case) {
		raw := c.In.Bytes("raw")
		var config rns.Config
		var known *rns.PublicIdentity
		for _, key := range c.In.Keys() {
			switch key {
			case "known_public_key":
				known = publicIdentity(t, c.In.Bytes(key))
			case "blackholed_identity":
				bad := rns.IdentityHash(c.In.Hash16(key))
				config.Blackholed = func(id rns.IdentityHash) bool { return id == bad }
			}
		}
		synctest.Test(t, func(t *testing.T) {
			m := ifacetest.NewMedium(ifacetest.Options{})
			n := rnstest.Start(t, config, m.Port("n"))
			synctest.Wait()
			p, _ := rns.ParsePacket(raw)
			d := rns.DestinationHash(p.Destination)
			if known != nil {
				if err := n.Remember(d, known); err != nil {
					t.Fatal(err)
				}
			}
			m.Inject(raw)
			time.Sleep(time.Second)
			path, hasPath := n.PathInfo(d)
			k, isKnown := n.Recall(d)
			if !c.Valid || c.Lenient && p.DestinationType != rns.DestinationSingle {
				if hasPath || isKnown != (known != nil) || isKnown && (!k.Identity.Equal(known) || k.AppData != nil || k.Ratchet != nil) {
					t.Errorf("left a trace: path %v, known %v", hasPath, isKnown)
				}
				return
			}
			if c.Lenient {
				return
			}
			if !hasPath || !isKnown {
				t.Fatalf("path: %v, known: %v", hasPath, isKnown)
			}
			if path.Hops != c.Out.Int("path_hops") {
				t.Errorf("%d hops, want %d", path.Hops, c.Out.Int("path_hops"))
			}
			c.Out.CheckBytes("next_hop", path.NextHop[:])
			c.Out.CheckBytes("packet_hash", path.Announce[:])
			c.Out.CheckBytes("public_key", k.Identity.PublicKey())
			c.Out.CheckBytes("app_data", k.AppData)
			c.Out.CheckBytes("ratchet", k.Ratchet)
			if c.Out.Has("app_data") != (k.AppData != nil) {
				t.Errorf("app data %#v, want %s", k.AppData, c.Out.JSON("app_data"))
			}
			if got, want := k.Emitted.Unix(), int64(c.Out.Int("emitted")); got != want || path.Emitted.Unix() != want {
				t.Errorf("emitted %d, %d, want %d", got, path.Emitted.Unix(), want)
			}
		})
	})
}

// TestVectorsOwnPacketsLeaveByTheirPath has a node learn the path of each case and send the case's packet.
//
// It holds C-094, C-095.
func TestVectorsOwnPacketsLeaveByTheirPath(t *testing.T) {
	vectors.RunKinds(t, "packets", []string{"originate"}, func(t *testing.T, c vectors.Case) {
		p, err := rns.ParsePacket(c.In.Bytes("raw"))
		if err != nil {
			t.Fatal(err)
		}
		sent := rns.SendOverPath(p, c.In.Int("path_hops"), c.In.Hash16("next_hop"))
		c.Out.CheckBytes("sent", sent)
	})
}

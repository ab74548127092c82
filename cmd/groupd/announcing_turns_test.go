package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// I-155: a neighbour that limits as stock nodes do holds none of the announces of a node with eight groups, neither when the node
// starts nor when another interface comes up.
// It holds X-174.
func TestGroupsOfANodeTakeTurnsToAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cable := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1_000_000}) // announces come one after the other
		neighbour := rnstest.Start(t, rns.Config{TransportEnabled: true}, cable.Port("neighbour"))
		n := rnstest.Start(t, rns.Config{}, cable.Port("node"))
		const groups = 8
		var all []*announcer
		var addresses []rns.DestinationHash
		for i := range groups {
			a := &announcer{log: slog.New(slog.DiscardHandler)}
			for k, app := range []string{kindDelivery: "delivery", kindBeacon: "group", kindPages: "node"} {
				d, err := n.NewDestination(rns.DestinationConfig{Type: rns.DestinationSingle, Identity: rnstest.Identity(t, byte(i)), App: app})
				if err != nil {
					t.Fatal(err)
				}
				a.announce[k] = func(ctx context.Context) error { return d.Announce(ctx) }
				addresses = append(addresses, d.Hash())
			}
			all = append(all, a)
		}
		var before ways
		for range groups * 4 {
			w := waysOf(n.Stats().Interfaces)
			lookAll(t.Context(), time.Now(), all, w, w.beyond(before))
			before = w
			time.Sleep(announceTick)
			if s := neighbour.Stats().Interfaces[0].Traffic; s.HeldAnnounces != 0 || !s.Burst.IsZero() {
				t.Fatalf("%d announces held, burst since %v", s.HeldAnnounces, s.Burst)
			}
		}
		for _, d := range addresses {
			if !neighbour.HasPath(d) {
				t.Errorf("%s is not known", d)
			}
		}

		fresh := true
		began := time.Now()
		for range 2 * groups {
			lookAll(t.Context(), time.Now(), all, before, fresh)
			fresh = false
			time.Sleep(announceTick)
		}
		for i, a := range all {
			if last, _ := a.times(); last.Before(began) {
				t.Errorf("group %d was not announced for the new interface", i)
			}
		}
		if s := neighbour.Stats().Interfaces[0].Traffic; s.HeldAnnounces != 0 {
			t.Errorf("%d announces held", s.HeldAnnounces)
		}
	})
}

package rns_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// The destinations of a network identity (spec 1 §2.5) are announced after 15 s and every two hours, by nodes with interfaces of their
// own. Nobody can open a link to them.
func TestNetworkIdentityIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network, socket := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		id := knownIdentity(t)
		node := start(t, rns.Config{NetworkIdentity: id}, func(tr *rns.Transport) {
			add(t, tr, network.Port("node"), rns.LocalNone)
			add(t, tr, socket.Port("socket"), rns.LocalClient)
		})
		program := start(t, rns.Config{NetworkIdentity: rnstest.Identity(t, 1), RespondToProbes: true, TransportEnabled: true}, func(tr *rns.Transport) {
			add(t, tr, socket.Port("program"), rns.LocalMaster)
		})
		other := rnstest.Start(t, rns.Config{}, network.Port("other"))
		heard := make(chan rns.Announced, 10)
		other.HandleAnnounces("", rns.AnnounceHandlerOptions{}, func(a rns.Announced) { heard <- a })
		time.Sleep(14 * time.Second)
		none(t, heard)
		for range 2 {
			time.Sleep(2 * time.Second)
			got := []string{next(t, heard).Destination.String(), next(t, heard).Destination.String()}
			slices.Sort(got) // two workers check them
			if want := []string{"69d11a576c6796655ad681ee785cef11", "aaf77065e677184250290e1419c4b72a"}; !slices.Equal(got, want) {
				t.Errorf("%s were announced, want %s", got, want)
			}
			none(t, heard)
			time.Sleep(2 * time.Hour)
		}
		if _, err := other.OpenLink(t.Context(), other.NewRemote(id.Public(), "rnstransport", "network")); err == nil {
			t.Error("it takes links")
		}
		if paths := node.Paths(); len(paths) != 0 {
			t.Errorf("a client of the shared instance tells of destinations that are the master's: %+v", paths)
		}
		if len(program.Paths()) != 2 {
			t.Errorf("the program knows %d paths", len(program.Paths()))
		}
	})
}

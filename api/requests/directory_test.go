package requests

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// announcing is another server's group on a node.
func announcing(t *testing.T, n *rnstest.Node, id *rns.Identity, data []byte) *rns.Destination {
	t.Helper()
	d, err := n.NewDestination(rns.DestinationConfig{Type: rns.DestinationSingle, Identity: id, App: App, Aspects: []string{Aspect}, AppData: func() []byte { return data }})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Real nodes: our server hears a radio, behind whose relay there are two other servers, and a wire with a neighbour who invents groups, each
// announced twice.
func TestGroupsAreHeardOverRelaysAndThroughAFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio, hill, wire := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		ours := rnstest.Start(t, rns.Config{}, radio.Port("radio"), wire.Port("wire"))
		rnstest.Start(t, rns.Config{TransportEnabled: true}, radio.Port("relay"), hill.Port("hill"))
		far := rnstest.Start(t, rns.Config{}, hill.Port("far"))
		flooder := rnstest.Start(t, rns.Config{}, wire.Port("flooder"))

		hub, err := group.New(group.Config{
			Store: memory.New(), Blackholed: func(id group.IdentityHash) bool { return ours.Blackholed(rns.IdentityHash(id)) },
			PathTo: func(id group.IdentityHash) (int, string, bool) {
				h := rns.IdentityHash(id)
				p, ok := ours.PathInfo(rns.HashDestination(&h, App, Aspect))
				return p.Hops, p.Interface, ok
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var beacons, none atomic.Int64
		defer ours.HandleAnnounces(App+"."+Aspect, rns.AnnounceHandlerOptions{}, func(a rns.Announced) {
			g, ok := HeardGroup(a)
			if !ok {
				none.Add(1)
				return
			}
			beacons.Add(1)
			if err := hub.HeardGroup(t.Context(), g); err != nil {
				t.Error(err)
			}
		})()
		full := groupdv1.Beacon{Joining: groupdv1.Joining_OPEN, Public: true, JoinCost: 8, PostCost: 12, Head: true, Generation: 1, Seq: 4711, Name: "Ridge Net"}
		hidden := groupdv1.Beacon{Joining: groupdv1.Joining_APPROVE, Name: "Private Group"}
		ridge, kin := rnstest.Identity(t, 21), rnstest.Identity(t, 22)
		real := []*rns.Destination{announcing(t, far, ridge, full.Append(nil)), announcing(t, far, kin, hidden.Append(nil)), announcing(t, far, rnstest.Identity(t, 23), []byte("no beacon"))}
		speak := func(list ...*rns.Destination) {
			for _, d := range list {
				if err := d.Announce(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
		}
		list := func() []group.DirectoryEntry {
			p, err := hub.Directory(t.Context(), group.Caller{Local: true}, group.DirectoryQuery{Limit: group.MaxPage})
			if err != nil {
				t.Fatal(err)
			}
			return p.Groups
		}
		for range 2 {
			speak(real...)
			time.Sleep(10 * time.Minute)
		}
		check := func(when string) {
			t.Helper()
			all := list()
			if len(all) < 2 || all[0].Name != "Ridge Net" || all[1].Name != "Private Group" {
				t.Fatalf("%s: %+v", when, all)
			}
			r, p := all[0], all[1]
			if r.Identity != group.IdentityHash(ridge.Hash()) || r.Hops != 2 || !strings.HasPrefix(r.Interface, "radio") || !r.Public || r.Joining != moderation.JoiningOpen || r.JoinCost != 8 || r.PostCost != 12 {
				t.Errorf("%s: %+v", when, r)
			}
			if p.Public || p.Joining != moderation.JoiningApprove || p.JoinCost != 0 {
				t.Errorf("%s: %+v", when, p)
			}
		}
		check("at first")
		if none.Load() != 2 || beacons.Load() != 4 {
			t.Errorf("%d beacons and %d other announces heard", beacons.Load(), none.Load())
		}

		for batch := range 15 {
			var fakes []*rns.Destination
			for i := range 100 {
				id, err := rns.NewIdentity(rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				fakes = append(fakes, announcing(t, flooder, id, groupdv1.Beacon{Name: fmt.Sprintf("Ridge Net %d-%d", batch, i)}.Append(nil)))
			}
			for range 2 {
				speak(fakes...)
				time.Sleep(10 * time.Minute)
			}
			for _, d := range fakes {
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if batch%5 == 0 {
				speak(real...)
			}
		}
		check("after the flood")
		all := list()
		if len(all) < 100 || slices.ContainsFunc(all[2:], func(e group.DirectoryEntry) bool { return !strings.HasPrefix(e.Interface, "wire") || e.Hops != 1 }) {
			t.Errorf("%d listed", len(all))
		}
		if n := hub.Stats().Directory.Listed; n > group.MaxListed {
			t.Errorf("%d listed", n)
		}
		// Who is blackholed is on no list.
		if _, err := ours.Blackhole(ridge.Hash(), time.Time{}, ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if all := list(); all[0].Name != "Private Group" {
			t.Errorf("the first is %+v", all[0])
		}
	})
}

// Whatever is announced as a beacon becomes a group with a name that can be shown, or nothing.
func FuzzHeardGroups(f *testing.F) {
	f.Add(groupdv1.Beacon{Joining: groupdv1.Joining_OPEN, Public: true, Head: true, Seq: 9, Name: "Valley"}.Append(nil))
	f.Add(groupdv1.Beacon{Name: "`[x`:/page/leave.mu]\x1b[2J"}.Append(nil))
	f.Add([]byte{1, 0xff, 0, 0, 0})
	id, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, ok := HeardGroup(rns.Announced{Identity: id.Public(), AppData: data})
		if !ok {
			return
		}
		if len(g.Name) > groupdv1.MaxBeaconName || g.Joining < moderation.JoiningOpen || g.Joining > moderation.JoiningClosed {
			t.Errorf("%+v", g)
		}
	})
}

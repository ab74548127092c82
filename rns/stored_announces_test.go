package rns_test

import (
	"context"
	"iter"
	"maps"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// countingStore counts the announces that are read.
type countingStore struct {
	*rnstest.Store
	read atomic.Int64
}

func (s *countingStore) LoadAnnounces(ctx context.Context, wanted map[rns.PacketHash]struct{}) iter.Seq2[rns.StoredAnnounce, error] {
	s.read.Add(int64(len(wanted)))
	return s.Store.LoadAnnounces(ctx, wanted)
}

// stored returns the announces in a store.
func stored(t *testing.T, s rns.Store) map[rns.PacketHash][]byte {
	t.Helper()
	wanted := make(map[rns.PacketHash]struct{})
	for p, err := range s.LoadPaths(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		wanted[p.Announce] = struct{}{}
	}
	got := make(map[rns.PacketHash][]byte)
	for a, err := range s.LoadAnnounces(t.Context(), wanted) {
		if err != nil {
			t.Fatal(err)
		}
		got[a.Hash] = a.Raw
	}
	return got
}

// TestStoredAnnouncesAreReadWhenSomebodyAsks: a node serves before it has read the announces of its paths, stops without having read
// them and loses none, and finds out about those that are broken or missing when somebody asks.
func TestStoredAnnouncesAreReadWhenSomebodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: &rnstest.Store{}}
		left, right := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		c := rns.Config{TransportEnabled: true, Store: store, Identity: rnstest.Identity(t, 9)}
		start := func() *rnstest.Node { return rnstest.Start(t, c, left.Port("left"), right.Port("right")) }
		relay := start()
		far := rnstest.Start(t, rns.Config{}, right.Port("far"))
		var destinations []rns.DestinationHash
		for i := range 4 {
			d, _ := links(t, far, rnstest.Identity(t, byte(i)))
			announce(t, d)
			destinations = append(destinations, d.Hash())
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		far.Stop() // cannot answer itself
		relay.Stop()
		before := stored(t, store.Store)
		if len(before) != len(destinations) {
			t.Fatalf("%d announces stored", len(before))
		}

		for range 2 {
			relay = start()
			time.Sleep(time.Minute)
			relay.Stop()
		}
		if n := store.read.Load(); n != 0 {
			t.Errorf("%d announces were read though nobody asked", n)
		}
		if after := stored(t, store.Store); len(after) != len(before) {
			t.Fatalf("%d of %d announces are left", len(after), len(before))
		}

		// The second is of another destination now, the third is no announce, the fourth is gone.
		paths := make(map[rns.DestinationHash]rns.PacketHash)
		for p := range store.LoadPaths(t.Context()) {
			paths[p.Destination] = p.Announce
		}
		broken := maps.Clone(before)
		broken[paths[destinations[1]]] = before[paths[destinations[0]]]
		broken[paths[destinations[2]]] = []byte("no announce at all, but as long as the header")
		delete(broken, paths[destinations[3]])
		none := func(func(rns.StoredAnnounce) bool) {}
		if err := store.SaveAnnounces(t.Context(), none); err != nil {
			t.Fatal(err)
		}
		if err := store.SaveAnnounces(t.Context(), func(yield func(rns.StoredAnnounce) bool) {
			for h, raw := range broken {
				if !yield(rns.StoredAnnounce{Hash: h, Raw: raw}) {
					return
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
		relay = start()
		a := rnstest.Start(t, rns.Config{}, left.Port("a"))
		for i, d := range destinations {
			if !relay.HasPath(d) {
				t.Errorf("path %d is not restored", i)
			}
			err := a.AwaitPath(t.Context(), d)
			if found := err == nil; found != (i == 0) || relay.HasPath(d) != found {
				t.Errorf("path %d: %v, the node has it: %v", i, err, relay.HasPath(d))
			}
		}
		if n := relay.Stats().Drops[rns.DropStoredAnnounce]; n != 3 {
			t.Errorf("%d broken announces counted, want 3", n)
		}
		a.ForgetPath(destinations[0])
		time.Sleep(time.Minute)
		read := store.read.Load()
		if err := a.AwaitPath(t.Context(), destinations[0]); err != nil || store.read.Load() != read {
			t.Errorf("asked again: %v, read again: %v", err, store.read.Load() != read)
		}
	})
}

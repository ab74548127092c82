package tcp_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces/tcp"
)

// I-039, I-040.
func TestSixShortConnectionsBlockAnAddressForTwelveHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		table, err := tcp.NewFlapTable(tcp.FlapConfig{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen, Flaps: table})
		if err != nil {
			t.Fatal(err)
		}
		background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		connect := func(d time.Duration) (open bool) {
			t.Helper()
			before := s.Stats().Accepted
			c, err := w.Dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
			open = s.Stats().Accepted > before && s.Stats().Connections == 1
			c.Close()
			synctest.Wait()
			return open
		}
		connect(20 * time.Second) // long enough
		for range 5 {
			connect(19 * time.Second)
		}
		if l := table.List(); len(l) != 1 || l[0].Flaps != 5 || l[0].Blocked {
			t.Fatalf("after five: %+v", l)
		}
		if !connect(19 * time.Second) {
			t.Fatal("blocked after five")
		}
		if l := table.List(); len(l) != 1 || !l[0].Blocked {
			t.Fatalf("after six: %+v", l)
		}
		spawned := len(h.names)
		time.Sleep(11 * time.Hour)
		if connect(time.Second) || len(h.names) != spawned || s.Stats().Blocked != 1 {
			t.Errorf("not blocked after six: %+v", s.Stats())
		}
		time.Sleep(time.Hour) // what came meanwhile did not count
		if !connect(time.Minute) || len(table.List()) != 0 {
			t.Errorf("still blocked after twelve hours: %+v", table.List())
		}
	})
}

func TestAServerThatStopsCountsNoFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h := newWire(), newHub()
		table, _ := tcp.NewFlapTable(tcp.FlapConfig{})
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen, Flaps: table})
		if err != nil {
			t.Fatal(err)
		}
		stop := background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		if _, err := w.Dial(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		<-h.names
		stop()
		if l := table.List(); len(l) != 0 {
			t.Errorf("%+v", l)
		}
	})
}

func TestFlapTableForgetsTheOldestWhenItIsFull(t *testing.T) {
	now := time.Unix(0, 0)
	table, err := tcp.NewFlapTable(tcp.FlapConfig{Addresses: 3, Grace: -1, BlockTime: time.Minute, Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	addr := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }
	for i := range byte(4) {
		now = now.Add(time.Second)
		table.Closed(addr(i), 0)
	}
	if l := table.List(); len(l) != 3 || l[0].Address != addr(1) || !table.Blocked(addr(3)) || table.Blocked(addr(0)) {
		t.Errorf("%+v", l)
	}
	now = now.Add(time.Hour)
	table.Closed(addr(9), 0)
	if l := table.List(); len(l) != 1 {
		t.Errorf("what is over stays: %+v", l)
	}
	if _, err := tcp.NewFlapTable(tcp.FlapConfig{Threshold: -1}); err == nil {
		t.Error("a negative threshold was accepted")
	}
}

package main

import (
	"strings"
	"testing"
	"time"

	"groupd/api/web"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/sharedinstance"
)

func TestAirtimeIsCountedFrameByFrame(t *testing.T) {
	radio := delivery.Interface{Radio: &delivery.Modulation{Bandwidth: 125_000, SF: 8, CR: 5}}
	var sum transmitted
	sum.grow(radio, 10, 2000)
	if want := 10 * radio.Airtime(200); sum.airtime != want {
		t.Errorf("%v, not %v", sum.airtime, want)
	}
	sum.grow(radio, 10, 2000)
	sum.grow(radio, 1, 83) // the carrier began anew
	if want := 10*radio.Airtime(200) + radio.Airtime(83); sum.airtime != want {
		t.Errorf("%v, not %v", sum.airtime, want)
	}
}

func TestTheSlowestInterfaceOfAMasterCounts(t *testing.T) {
	list := []sharedinstance.InterfaceInfo{{Up: true, Bitrate: 10_000_000}, {Up: true, Bitrate: 3125}, {Up: false, Bitrate: 10}, {Up: true}}
	if got := slowestOf(list); got != 3125 {
		t.Error(got)
	}
	if got := slowestOf(nil); got != 0 {
		t.Error(got)
	}
}

func TestDeliverySeesTheNetworkAsItIs(t *testing.T) {
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	fast := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1_000_000})
	slow := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1200})
	if err := tr.AddInterface(fast.Port("wire"), rns.InterfaceOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := tr.AddInterface(slow.Port("RNodeInterface[Hill]"), rns.InterfaceOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := tr.AddInterface(slow.Port("master"), rns.InterfaceOptions{Local: rns.LocalMaster}); err != nil {
		t.Fatal(err)
	}
	limit := 10.0
	a := newAir(tr, []config.Interface{{Name: "Hill", RNode: &config.RNode{Bandwidth: 125_000, SpreadingFactor: 8, CodingRate: 5, AirtimeLimitLong: &limit}}})
	a.slowest = func() int64 { return 300 }
	byName := make(map[string]delivery.Interface)
	for _, i := range a.Interfaces() {
		byName[i.Name] = i
	}
	if i := byName["wire"]; i.Bitrate != 1_000_000 || i.Slow() || i.Estimated {
		t.Errorf("%+v", i)
	}
	if i := byName["RNodeInterface[Hill]"]; i.Radio == nil || i.Radio.SF != 8 || i.Duty != 0.1 || !i.Slow() {
		t.Errorf("%+v", i)
	}
	if i := byName["master"]; i.Bitrate != 300 || !i.Estimated {
		t.Errorf("%+v", i)
	}
	a.list = []delivery.Interface{byName["wire"], {Up: true, Bitrate: 1200}, {Up: true, Bitrate: 2400}, {Bitrate: 1}}
	if got, want := a.most(1100), 1100*8*time.Second/1200; (got - want).Abs() > time.Millisecond {
		t.Errorf("a post takes %v, not %v", got, want)
	}
	if name, hops := a.Route(delivery.Address{1}); hops != delivery.Unknown || name == "wire" {
		t.Errorf("unknown ways lead over %q, %d hops", name, hops)
	}
}

func TestStatusSaysWhoIsBehindAndWhatTheAirCost(t *testing.T) {
	s := delivery.Status{
		Groups: []delivery.GroupStatus{{Group: "main", Members: 12, Behind: 3, Waiting: 1, AtNode: 1, Oldest: 90 * time.Minute, Confirmed: 40}},
		Interfaces: []delivery.InterfaceStatus{{
			Name: "radio", Slow: true, Share: 0.25, Duty: 0.1, Hour: 100 * time.Second, Estimated: true,
			Spent:   map[delivery.Priority]time.Duration{delivery.Push: time.Minute, delivery.Other: 5 * time.Second},
			Members: []delivery.Spender{{Identity: group.IdentityHash{1}, Spent: time.Second}},
		}, {Name: "wire"}},
	}
	if got, want := told(deliveryOf(s, "main")), "3 behind, the longest 1h 30m, 1 not heard, 1 at a propagation node of 12, 40 confirmed today"; got != want {
		t.Errorf("%s", got)
	}
	if got := told(web.Delivery{Members: 2}); got != "nobody behind of 2, 0 confirmed today" {
		t.Error(got)
	}
	a := airtimeOf(s, "radio")
	if got, want := airtime(a), "100 s in the last hour, share 25 %, limit 10 %, push 60 s, other 5 s, estimated"; got != want {
		t.Error(got)
	}
	if a.Members[0].Address != group.AddressOf(group.IdentityHash{1}).String() || airtimeOf(s, "wire") != nil || !strings.Contains(airtime(a), "push") {
		t.Errorf("%+v", a)
	}
}

package rns

import (
	"testing"
	"time"
)

func control(now time.Time) *trafficControl {
	return &trafficControl{limits: defaultIngressLimits(), born: now}
}

func TestFrequencyOfEvents(t *testing.T) {
	now := time.Unix(1e9, 0)
	var w eventWindow
	for i := range 3 {
		if f := w.frequency(now.Add(5*time.Second), fewIncoming); f != 0 {
			t.Errorf("%v per second after %d events", f, i)
		}
		w.add(now.Add(time.Duration(i) * time.Second))
	}
	if f := w.frequency(now.Add(3*time.Second), fewIncoming); f != 1 {
		t.Errorf("3 events in 3 s are %v", f)
	}
	for i := range 100 {
		w.add(now.Add(10*time.Second + time.Duration(i)*100*time.Millisecond))
	}
	if w.count != windowEvents {
		t.Errorf("%d events kept", w.count)
	}
	if f := w.frequency(now.Add(20*time.Second), fewIncoming); f < 9.9 || f > 10.1 {
		t.Errorf("%v per second", f)
	}
	for range 60 {
		w.frequency(now.Add(time.Hour), fewIncoming)
	}
	if w.count != 0 {
		t.Error("old events are not let go")
	}
}

// TestAnnounceBurst: C-136, C-137, the parts about one interface.
func TestAnnounceBurst(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := control(now)
	var limited int
	for i := range 40 { // 4 per second
		at := now.Add(time.Duration(i) * 250 * time.Millisecond)
		c.announcesIn.add(at)
		if c.limitsAnnounces(at) {
			limited++
			c.hold(heardFor(byte(i), 40-i, nil))
		}
	}
	if !c.announces.active || limited < 30 || len(c.held) != limited {
		t.Fatalf("%d of 40 limited, %d held", limited, len(c.held))
	}
	activated := c.announces.activated
	var released []int
	for s := range 3600 {
		at := now.Add(10*time.Second + time.Duration(s)*time.Second)
		if s%5 == 0 {
			if a := c.settle(at); a != nil {
				if at.Sub(activated) < 15*time.Second {
					t.Errorf("released %v after the burst began", at.Sub(activated))
				}
				released = append(released, a.hops)
			}
		}
	}
	if c.announces.active || len(released) != limited {
		t.Errorf("burst %v, %d of %d released", c.announces.active, len(released), limited)
	}
	for i, hops := range released {
		if hops != i+1 {
			t.Fatalf("released in the order %v", released)
		}
	}

	old := control(now.Add(-3 * time.Hour)) // no longer new: 10 per second
	for i := range 40 {
		at := now.Add(time.Duration(i) * 250 * time.Millisecond)
		old.announcesIn.add(at)
		if old.limitsAnnounces(at) {
			t.Fatal("4 per second are too many for an old interface")
		}
	}
	off := control(now)
	off.off = true
	for i := range 40 {
		off.announcesIn.add(now.Add(time.Duration(i) * time.Millisecond))
	}
	if off.limitsAnnounces(now.Add(time.Second)) || off.limitsRequests(now) {
		t.Error("limits although switched off")
	}
}

func TestHeldAnnouncesAreBounded(t *testing.T) {
	c := control(time.Unix(1e9, 0))
	for i := range 1000 {
		a := heardFor(0, 1, nil)
		a.destination = DestinationHash{byte(i), byte(i >> 8)}
		if c.hold(a) != (i < 256) {
			t.Fatalf("announce %d", i)
		}
	}
	newer := heardFor(0, 7, nil)
	newer.destination = DestinationHash{}
	if !c.hold(newer) || c.held[newer.destination] != newer || len(c.held) != 256 || c.lost != 744 {
		t.Errorf("%d held, %d lost", len(c.held), c.lost)
	}
	if far := heardFor(1, 128, nil); control(time.Time{}).hold(far) {
		t.Error("an announce at the end of its way is held")
	}
}

// TestPathRequestBurst: C-150.
func TestPathRequestBurst(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := control(now)
	limited := false
	var at time.Time
	for i := range 20 {
		at = now.Add(time.Duration(i) * 200 * time.Millisecond)
		c.requestsIn.add(at)
		limited = c.limitsRequests(at)
	}
	if !limited {
		t.Fatal("5 per second are not too many")
	}
	began := c.requests.activated
	for at.Sub(began) <= 15*time.Second {
		at = at.Add(time.Second)
		c.settle(at)
		if !c.requests.active && at.Sub(began) <= 15*time.Second {
			t.Fatalf("over after %v", at.Sub(began))
		}
	}
	for range 10 {
		at = at.Add(5 * time.Second)
		c.settle(at)
	}
	if c.limitsRequests(at) {
		t.Error("never over")
	}
}

func TestEgressControl(t *testing.T) {
	now := time.Unix(1e9, 0)
	c := control(now)
	for i := range 10 {
		c.requestsOut.add(now.Add(time.Duration(i) * 100 * time.Millisecond))
	}
	at := now.Add(time.Second)
	if c.limitsEgress(at) {
		t.Error("limits although off")
	}
	c.egress = true
	if !c.limitsEgress(at) || c.limitsEgress(at.Add(time.Minute)) {
		t.Error("10 per second are not too many, or 10 in a minute are")
	}
}

func TestIngressLimitsFillUp(t *testing.T) {
	l := IngressLimits{Burst: -1, MaxHeld: 3}.or(IngressLimits{MaxHeld: 5, BurstNew: 7}).or(defaultIngressLimits()).settled()
	want := defaultIngressLimits()
	want.Burst, want.MaxHeld, want.BurstNew = 0, 3, 7
	if l != want {
		t.Errorf("%+v", l)
	}
}

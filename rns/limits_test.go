package rns

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"time"

	"groupd/rns/msgpack"
)

// TestResourceThatFindsNoRoomIsToldToWhoAcceptedIt: a response was accepted, so that the request had no deadline of its own any more.
func TestResourceThatFindsNoRoomIsToldToWhoAcceptedIt(t *testing.T) {
	s := newResourceSim(t, MTU, 1)
	s.b.budget.total = 100000
	for size, want := range map[int]error{40000: ErrTooMany, 200000: ErrTooLarge} {
		s.b.received = nil
		s.b.budget.used.Store(60000)
		id := RequestID{1}
		x, r := s.carry(make([]byte, size), resourceSendOptions{id: &id, response: true, noCompress: true})
		if !errors.Is(x.err, ErrRejected) {
			t.Errorf("%d bytes: the sender has %v", size, x.err)
		}
		if r == nil || !errors.Is(r.Err, want) || r.ID != id {
			t.Errorf("%d bytes: the receiver has %+v", size, r)
		}
		if used := s.b.budget.used.Load(); used != 60000 {
			t.Errorf("%d bytes are reserved", used)
		}
	}
}

// TestRequestOfAMillionValuesCostsLittle: strangers may send requests of megabytes.
func TestRequestOfAMillionValuesCostsLittle(t *testing.T) {
	many := msgpack.AppendArray(nil, 1<<22)
	many = append(many, bytes.Repeat([]byte{0xc0}, 1<<22)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, _, err := unpackRequest(many); !errors.Is(err, ErrMalformed) {
		t.Errorf("request: %v", err)
	}
	if _, _, err := unpackResponse(many); !errors.Is(err, ErrMalformed) {
		t.Errorf("response: %v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

func TestInboxIsBoundedInBytesToo(t *testing.T) {
	b := benchActive(t, false, LinkID{1}, make([]byte, 64), 1<<19, &benchTarget{}, nil)
	b.publish()
	raw := appendLinkHeader(nil, b.ID(), PacketData, ContextResource)
	raw = append(raw, make([]byte, 1<<19-len(raw))...)
	p, err := ParsePacket(raw)
	if err != nil {
		t.Fatal(err)
	}
	packet := linkPacket{Packet: p, on: b.Link.now.on, at: b.now}
	fit := linkInboxBytes / len(raw)
	for i := range fit {
		if !b.receive(packet) {
			t.Fatalf("packet %d of %d was not taken", i, fit)
		}
	}
	if b.receive(packet) || b.shared.stats().InboxFull != 1 {
		t.Error("more than the bound was taken")
	}
	b.shared.queued.Add(linksInboxBytes - linkInboxBytes) // of other links
	taken, _ := b.inbox.take()
	b.releaseInbox(taken)
	b.shared.queued.Add(int64(len(raw)))
	if b.receive(packet) || b.queued.Load() != int64((fit-1)*len(raw)) {
		t.Error("more than the bound of all links was taken")
	}
	b.shared.queued.Add(-int64(len(raw)))
	if !b.receive(packet) {
		t.Error("not taken when there was room again")
	}
}

// TestGarbageDoesNotCostAllRatchetsForEver: the newest ratchets are tried all the same.
func TestGarbageDoesNotCostAllRatchetsForEver(t *testing.T) {
	id := benchIdentity(t, 1)
	var list []OwnRatchet
	for i := range 90 {
		list = append(list, OwnRatchet{Private: [RatchetLength]byte(bytes.Repeat([]byte{byte(i + 1)}, RatchetLength))})
	}
	tr, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDestination(tr, DestinationConfig{Identity: id, App: "test", Ratchets: &RatchetConfig{}})
	if err != nil {
		t.Fatal(err)
	}
	d.useRatchets(list)
	seal := func(ratchet int) []byte {
		public, err := RatchetPublic(list[ratchet].Private[:])
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := id.Encrypt(new(counting), []byte("x"), public)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	on := &attached{drops: new(dropCounters), total: new(dropCounters)}
	open := func(data []byte) bool {
		_, _, ok := d.decrypt(&localPacket{data: data, on: on})
		return ok
	}
	old, fresh := seal(89), seal(trialFew-1)
	if !open(old) || on.trials.spent != 0 {
		t.Error("what opens costs something")
	}
	garbage := make([]byte, len(old))
	garbage[0] = 9
	for tried := 0; on.trials.left(time.Now()); tried += 91 {
		if open(garbage) {
			t.Fatal("garbage was opened")
		}
		if tried > 10*trialBurst {
			t.Fatal("never limited")
		}
	}
	if on.trials.spent < trialBurst || on.drops[DropTrials].Load() != 0 {
		t.Error("limited too early")
	}
	on.trials.spent = trialBurst + trialRate // time passes
	if open(garbage); on.drops[DropTrials].Load() != 1 {
		t.Error("not limited")
	}
	if open(old) || !open(fresh) {
		t.Error("in a flood the newest ratchets open, and no others")
	}
	on.trials.at = on.trials.at.Add(-2 * time.Second)
	if !open(old) {
		t.Error("the limit never ends")
	}
}

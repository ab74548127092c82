package rns

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// saidBy makes an announce of destination n by the identity.
func saidBy(id *Identity, n byte, emitted time.Time, appData, ratchet []byte) *heardAnnounce {
	a := emission(n, emitted, 1, tableInterface("x", interfaces.ModeFull))
	a.destination, a.identity, a.appData, a.ratchet = DestinationHash{n}, id.PublicIdentity, appData, ratchet
	pack(a)
	return a
}

// TestReplayedAnnounceBringsBackNothing holds C-067, C-180.
func TestReplayedAnnounceBringsBackNothing(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newKnownTable(10)
	old, fresh := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	if !table.hear(saidBy(id, 1, m.wall, []byte("new"), fresh), m) {
		t.Fatal("not taken")
	}
	if table.hear(saidBy(id, 1, m.wall.Add(-time.Second), []byte("old"), old), m) {
		t.Error("older announce taken")
	}
	k := table.known(table.get(DestinationHash{1}), m)
	if string(k.AppData) != "new" || !bytes.Equal(k.Ratchet, fresh) || !k.Heard.Equal(m.wall) || k.Emitted.Unix() != m.wall.Unix() {
		t.Errorf("%+v", k)
	}
	if !table.hear(saidBy(id, 1, m.wall, []byte("same second"), nil), m) {
		t.Error("announce of the same second not taken")
	}
	k = table.known(table.get(DestinationHash{1}), m)
	if string(k.AppData) != "same second" || !bytes.Equal(k.Ratchet, fresh) {
		t.Errorf("an announce without ratchet changed it: %+v", k)
	}
}

func TestAnnouncesAfterOneFromTheFutureAreTaken(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newKnownTable(10)
	table.hear(saidBy(id, 1, m.wall.AddDate(10, 0, 0), []byte("2036"), nil), m)
	if !table.hear(saidBy(id, 1, m.wall, []byte("now"), nil), m) {
		t.Error("announce with the right time is refused")
	}
	if table.hear(saidBy(id, 1, m.wall.Add(-time.Second), []byte("old"), nil), m) {
		t.Error("older announce taken")
	}
}

// TestOtherKeyConflicts holds C-065.
func TestOtherKeyConflicts(t *testing.T) {
	m, table := tableEpoch(), newKnownTable(10)
	a, b := tableIdentity(t, 1), tableIdentity(t, 2)
	table.hear(saidBy(a, 1, m.wall, nil, nil), m)
	if table.conflicts(DestinationHash{1}, a.PublicIdentity) || !table.conflicts(DestinationHash{1}, b.PublicIdentity) ||
		table.conflicts(DestinationHash{2}, b.PublicIdentity) {
		t.Error("wrong conflicts")
	}
}

// TestRatchetIsNotUsedAfter30Days holds C-021.
func TestRatchetIsNotUsedAfter30Days(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newKnownTable(10)
	table.hear(saidBy(id, 1, m.wall, nil, make([]byte, 32)), m)
	e := table.get(DestinationHash{1})
	if table.known(e, m.after(RatchetExpiry-1)).Ratchet == nil || table.known(e, m.after(RatchetExpiry)).Ratchet != nil {
		t.Error("wrong expiry")
	}
	set := moment{now: m.now.Add(time.Minute), wall: m.wall.AddDate(26, 0, 0)}
	if table.known(e, set).Ratchet == nil {
		t.Error("setting the clock expires a ratchet")
	}
	if got := table.known(e, set).Heard; !got.Equal(set.wall.Add(-time.Minute)) {
		t.Errorf("heard %v", got)
	}
}

func TestFullTableDropsTheNeverUsedFirst(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newKnownTable(4)
	hear := func(n byte) bool { return table.hear(saidBy(id, n, m.wall, nil, nil), m) }
	known := func() string {
		var got []byte
		for e := range table.all() {
			got = append(got, e.destination[0])
		}
		slices.Sort(got)
		return fmt.Sprint(got)
	}
	for n := range byte(4) {
		hear(n + 1)
	}
	table.use(table.get(DestinationHash{1}), m.wall)
	table.use(table.get(DestinationHash{2}), m.wall)
	hear(3) // heard again: 4 is the oldest now
	for _, c := range []struct {
		n    byte
		want string
	}{{5, "[1 2 3 5]"}, {6, "[1 2 5 6]"}} {
		if hear(c.n); known() != c.want {
			t.Fatalf("after %d: %s, want %s", c.n, known(), c.want)
		}
	}
	for _, n := range []byte{5, 6} {
		table.use(table.get(DestinationHash{n}), m.wall)
	}
	table.use(table.get(DestinationHash{1}), m.wall)
	if hear(7); known() != "[1 5 6 7]" {
		t.Errorf("all used: %s", known())
	}
	for _, n := range []byte{1, 5, 6, 7} {
		if !table.remember(DestinationHash{n}, id.PublicIdentity) {
			t.Fatal("not remembered")
		}
	}
	if hear(8) || table.remember(DestinationHash{8}, id.PublicIdentity) || known() != "[1 5 6 7]" {
		t.Errorf("all retained: %s", known())
	}
	table.forget(DestinationHash{5}, m.wall)
	if !hear(8) || known() != "[1 6 7 8]" {
		t.Errorf("one forgotten: %s", known())
	}
	if table.dropped != 4 || len(table.of(id.Hash())) != 4 {
		t.Errorf("dropped %d, identity has %d", table.dropped, len(table.of(id.Hash())))
	}
}

func TestIdentityIsForgottenWithItsLastDestination(t *testing.T) {
	a, b, m, table := tableIdentity(t, 1), tableIdentity(t, 2), tableEpoch(), newKnownTable(2)
	table.hear(saidBy(a, 1, m.wall, nil, nil), m)
	table.hear(saidBy(a, 2, m.wall, nil, nil), m)
	table.hear(saidBy(b, 3, m.wall, nil, nil), m)
	if len(table.of(a.Hash())) != 1 {
		t.Error("forgotten too early")
	}
	table.hear(saidBy(b, 4, m.wall, nil, nil), m)
	if len(table.of(a.Hash())) != 0 || len(table.of(b.Hash())) != 2 {
		t.Error("not forgotten")
	}
}

func TestSnapshotRestoresTheTable(t *testing.T) {
	id, m, table := tableIdentity(t, 1), tableEpoch(), newKnownTable(10)
	ratchet := bytes.Repeat([]byte{7}, 32)
	table.hear(saidBy(id, 1, m.wall, nil, ratchet), m)
	table.hear(saidBy(id, 2, m.wall, []byte{}, ratchet), m)
	table.hear(saidBy(id, 3, m.wall, []byte("x"), ratchet), m)
	table.use(table.get(DestinationHash{2}), m.wall)
	table.remember(DestinationHash{3}, id.PublicIdentity)
	table.remember(DestinationHash{4}, id.PublicIdentity)
	if !table.dirty {
		t.Error("not dirty")
	}
	s := table.snapshot(m)
	if table.dirty || table.dirtyIdle || len(s.known) != 4 || len(s.ratchets) != 2 {
		t.Fatalf("%d known, %d ratchets", len(s.known), len(s.ratchets))
	}
	if again := table.snapshot(m); len(again.ratchets) != 0 {
		t.Error("ratchets are saved twice")
	}
	table.unsaved(s)
	if again := table.snapshot(m); len(again.ratchets) != 2 {
		t.Error("ratchets that were not saved are not tried again")
	}

	back := newKnownTable(10)
	later := m.after(time.Hour)
	for _, k := range s.known {
		e, err := back.restore(k, later)
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := s.ratchets[k.Destination]; ok {
			back.restoreRatchet(e, r, later)
		}
	}
	for e := range table.all() {
		d := e.destination
		b := back.get(d)
		want, got := table.known(e, later), back.known(b, later)
		if e.used == UsedNever {
			want.Ratchet = nil
		}
		if fmt.Sprintf("%#v", want.AppData) != fmt.Sprintf("%#v", got.AppData) || !want.Heard.Equal(got.Heard) ||
			!bytes.Equal(want.Ratchet, got.Ratchet) || !want.Emitted.Equal(got.Emitted) || b.used != e.used ||
			b.key() != e.key() || b.packet() != e.packet() {
			t.Errorf("%s: restored %+v, was %+v", d, got, want)
		}
	}
}

package rns

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// epoch is the moment at which table tests begin.
func tableEpoch() moment {
	t := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return moment{now: t, wall: t}
}

func (m moment) after(d time.Duration) moment { return moment{m.now.Add(d), m.wall.Add(d)} }

func tableInterface(name string, mode interfaces.Mode) *attached {
	return &attached{label: name, mode: mode, drops: new(dropCounters), total: new(dropCounters),
		properties: interfaces.Properties{Outgoing: true, Bitrate: 1000}}
}

// emission makes an announce of destination 1 with the random field (n, emitted).
func emission(n byte, emitted time.Time, hops int, on *attached) *heardAnnounce {
	a := &heardAnnounce{destination: DestinationHash{1}, hops: hops, on: on}
	a.random[0] = n
	var s [8]byte
	binary.BigEndian.PutUint64(s[:], uint64(emitted.Unix()))
	copy(a.random[5:], s[3:])
	pack(a)
	return a
}

// pack makes the packet of an announce of its fields, as far as the tables look at it.
func pack(a *heardAnnounce) {
	a.packet = Packet{PacketType: PacketAnnounce, Destination: a.destination, ContextFlag: a.ratchet != nil}
	if a.relayed {
		a.packet.HeaderType, a.packet.TransportID = Header2, a.relay
	}
	key := make([]byte, PublicKeyLength)
	if a.identity != nil {
		key = a.identity.public[:]
	}
	a.packet.Data = slices.Concat(key, a.name[:], a.random[:], a.ratchet, make([]byte, SignatureLength), a.appData)
	a.packet.Raw = a.packet.Append(nil)
	a.hash = a.packet.Hash()
}

// TestPathDecision holds C-119, C-120, C-121, C-122, C-123, C-124.
func TestPathDecision(t *testing.T) {
	full := tableInterface("full", interfaces.ModeFull)
	heavy := tableInterface("heavy", interfaces.ModeFull)
	heavy.gravity = 5
	start := tableEpoch()
	stored := emission(1, start.wall, 3, full)
	for _, c := range []struct {
		name  string
		after time.Duration
		a     *heardAnnounce
		state pathState
		want  bool
	}{
		{"newer over as many hops", 0, emission(2, start.wall.Add(time.Second), 3, full), 0, true},
		{"newer over fewer hops", 0, emission(2, start.wall.Add(time.Second), 1, full), 0, true},
		{"newer over more hops", 0, emission(2, start.wall.Add(time.Second), 9, full), 0, true},
		{"older over as many hops", 0, emission(2, start.wall.Add(-time.Second), 3, full), 0, false},
		{"older over fewer hops", 0, emission(2, start.wall.Add(-time.Second), 1, full), 0, false},
		{"the same over fewer hops", 0, emission(1, start.wall, 1, full), 0, false},
		{"the same over more hops", 0, emission(1, start.wall, 4, full), 0, false},
		{"another of the same second over fewer hops", 0, emission(2, start.wall, 1, full), 0, false},
		{"the same on an interface of higher gravity", 0, emission(1, start.wall, 3, heavy), 0, true},
		{"the same over more hops on an interface of higher gravity", 0, emission(1, start.wall, 4, heavy), 0, false},
		{"the same over more hops, path unresponsive", 0, emission(1, start.wall, 4, full), pathUnresponsive, true},
		{"the same over fewer hops, path unresponsive", 0, emission(1, start.wall, 2, full), pathUnresponsive, false},
		{"older over more hops, path unresponsive", 0, emission(2, start.wall.Add(-time.Second), 4, full), pathUnresponsive, false},
		{"older over more hops, path expired", pathLifetime, emission(2, start.wall.Add(-time.Hour), 4, full), 0, true},
		{"the same over more hops, path expired", pathLifetime, emission(1, start.wall, 4, full), 0, false},
		{"older over fewer hops, path expired", pathLifetime, emission(2, start.wall.Add(-time.Hour), 2, full), 0, false},
		{"any, path forgotten", pathLifetime + time.Second, emission(1, start.wall.Add(-time.Hour), 9, full), 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := newPathTable(10)
			if !table.accepts(stored, start) {
				t.Fatal("the first announce is not accepted")
			}
			table.learn(stored, start.now).state = c.state
			if got := table.accepts(c.a, start.after(c.after)); got != c.want {
				t.Errorf("accepted: %v, want %v", got, c.want)
			}
		})
	}
}

func TestOwnerWhoseClockWasAheadIsNotLockedOut(t *testing.T) {
	on, m, table := tableInterface("a", interfaces.ModeFull), tableEpoch(), newPathTable(10)
	table.learn(emission(1, m.wall.AddDate(14, 0, 0), 1, on), m.now)
	if !table.accepts(emission(2, m.wall, 1, on), m) {
		t.Error("announce with the right time is refused after one from the year 2040")
	}
	if table.accepts(emission(3, m.wall.AddDate(13, 0, 0), 1, on), m) {
		t.Error("an old announce from the future is accepted")
	}
}

func TestOldAnnounceIsRefusedWhileOurClockIsBehind(t *testing.T) {
	on, table := tableInterface("a", interfaces.ModeFull), newPathTable(10)
	m, real := moment{now: tableEpoch().now, wall: time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC)}, tableEpoch().wall
	table.learn(emission(1, real, 1, on), m.now)
	if table.accepts(emission(2, real.Add(-time.Hour), 1, on), m) {
		t.Error("older announce accepted")
	}
	if !table.accepts(emission(3, real.Add(time.Hour), 1, on), m) {
		t.Error("newer announce refused")
	}
}

// TestPathEntryIsComplete: C-128.
func TestPathEntryIsComplete(t *testing.T) {
	for mode, life := range map[interfaces.Mode]time.Duration{
		interfaces.ModeFull: 7 * 24 * time.Hour, interfaces.ModePointToPoint: 7 * 24 * time.Hour,
		interfaces.ModeAccessPoint: 24 * time.Hour, interfaces.ModeRoaming: 6 * time.Hour,
		interfaces.ModeGateway: 7 * 24 * time.Hour,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			on, m, table := tableInterface("x", mode), tableEpoch(), newPathTable(10)
			a := emission(1, m.wall, 4, on)
			a.relayed, a.relay = true, TruncatedHash{9}
			pack(a)
			p := table.learn(a, m.now)
			if p.nextHop() != a.relay || p.hops != 4 || p.via != on || p.announce() != a.hash || !table.time(p.expires).Equal(m.now.Add(life)) ||
				!slices.Equal(slices.Collect(p.fields().all), []RandomField{a.random}) {
				t.Errorf("entry %+v", p)
			}
			if table.lookup(a.destination, m.now.Add(life)) == nil {
				t.Error("forgotten too early")
			}
			table.touch(p, m.now.Add(life))
			if table.lookup(a.destination, m.now.Add(life+time.Hour)) == nil {
				t.Error("forgotten though it was used")
			}
			table.cull(m.now.Add(2*life + time.Second))
			if table.len() != 0 || table.order != (rowList{}) {
				t.Error("not forgotten")
			}
		})
	}
}

// TestPathRemembersThe64NewestRandomFields holds C-125.
func TestPathRemembersThe64NewestRandomFields(t *testing.T) {
	on, m, table := tableInterface("x", interfaces.ModeFull), tableEpoch(), newPathTable(10)
	for i := range 100 {
		a := emission(byte(i), m.wall.Add(time.Duration(i)*time.Second), 1, on)
		if !table.accepts(a, m) {
			t.Fatal(i)
		}
		table.learn(a, m.now)
	}
	p := table.lookup(DestinationHash{1}, m.now)
	fields := slices.Collect(p.fields().all)
	if len(fields) != 64 || fields[0][0] != 36 || fields[63][0] != 99 {
		t.Errorf("%d random fields, %d to %d", len(fields), fields[0][0], fields[len(fields)-1][0])
	}
}

func TestFullPathTableForgetsTheLeastRecentlyUsed(t *testing.T) {
	on, m, table := tableInterface("x", interfaces.ModeFull), tableEpoch(), newPathTable(3)
	learn := func(n byte) {
		a := emission(n, m.wall, 1, on)
		a.destination = DestinationHash{n}
		table.learn(a, m.now)
	}
	learn(1)
	learn(2)
	learn(3)
	table.touch(table.lookup(DestinationHash{1}, m.now), m.now)
	learn(4)
	got := fmt.Sprint(table.lookup(DestinationHash{1}, m.now) != nil, table.lookup(DestinationHash{2}, m.now) != nil,
		table.lookup(DestinationHash{3}, m.now) != nil, table.lookup(DestinationHash{4}, m.now) != nil)
	if got != "true false true true" || table.evicted != 1 || table.len() != 3 || len(slices.Collect(table.all())) != 3 {
		t.Errorf("known: %s, evicted %d", got, table.evicted)
	}
}

func TestPathsGoWithTheirInterface(t *testing.T) {
	x, y, m, table := tableInterface("x", interfaces.ModeFull), tableInterface("y", interfaces.ModeFull), tableEpoch(), newPathTable(10)
	table.learn(emission(1, m.wall, 1, x), m.now)
	other := emission(1, m.wall, 1, y)
	other.destination = DestinationHash{2}
	table.learn(other, m.now)
	table.detach(x)
	if table.lookup(DestinationHash{1}, m.now) != nil || table.lookup(DestinationHash{2}, m.now) == nil {
		t.Error("wrong paths forgotten")
	}
	table.expire(DestinationHash{2})
	table.expire(DestinationHash{3})
	if table.len() != 0 || table.order != (rowList{}) {
		t.Error("not forgotten")
	}
}

package delivery

import (
	"encoding/binary"
	"testing"
	"time"

	"groupd/group"
)

func half() float64 { return 0.5 }

func number(n int) (id group.IdentityHash) {
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return id
}

func TestNoMoreMembersAreKeptInMemoryThanAllowed(t *testing.T) {
	b := newBook(half)
	for n := range maxTickets + 10 {
		b.put(0, time.Time{}, group.Delivery{Group: "main", Identity: number(n), Preferences: group.Preferences{Mode: group.DeliverPush}})
	}
	if b.tickets != maxTickets || b.count.TicketsFull != 10 || len(b.groups["main"].tickets) != maxTickets {
		t.Errorf("%d tickets, %d not taken", b.tickets, b.count.TicketsFull)
	}
	b.forget("main", number(0))
	b.put(0, time.Time{}, group.Delivery{Group: "main", Identity: number(maxTickets), Preferences: group.Preferences{Mode: group.DeliverPush}})
	if b.tickets != maxTickets || b.count.TicketsFull != 10 {
		t.Error("no room after one left")
	}
	b.close("main")
	if b.tickets != 0 || b.later.Len() != 0 || len(b.groups) != 0 {
		t.Errorf("%d tickets left of a group that is closed", b.tickets)
	}
}

func TestOnlySoManySpendersAreToldApart(t *testing.T) {
	l := newLane(0, Interface{Name: "radio", Up: true, Bitrate: 1000}, 0.25)
	sum := time.Duration(0)
	for n := range 2 * spenders {
		d := time.Duration(n+1) * time.Millisecond
		l.charge(time.Duration(n)*time.Second, Push, number(n), d, d)
		sum += d
	}
	told := l.others
	for _, d := range l.who {
		told += d
	}
	if len(l.who) > spenders || len(l.who) < spenders/2 || told != sum || l.spent[Push] != sum {
		t.Errorf("%d spenders; %v of %v told", len(l.who), told, sum)
	}
	if _, ok := l.who[number(2*spenders-1)]; !ok {
		t.Error("who spent most is not told")
	}
	if top := l.status(time.Hour).Members; len(top) != topSpenders || top[0].Identity != number(2*spenders-1) {
		t.Errorf("%+v", top)
	}
}

func TestTheHourForgetsWhatIsLongAgoAndNothingElse(t *testing.T) {
	type thing struct{ at, d time.Duration }
	w, now := newHour(), time.Duration(0)
	var all []thing
	for n := range 5000 {
		now += time.Duration(n*n%97) * time.Second
		d := time.Duration(n%7) * time.Second
		w.add(now, d)
		all = append(all, thing{now, d})
		var least, most time.Duration
		for _, x := range all {
			if age := now - x.at; age <= time.Hour {
				least += x.d
				most += x.d
			} else if age <= time.Hour+3*time.Minute {
				most += x.d
			}
		}
		if got := w.used(now); got < least || got > most {
			t.Fatalf("after %v: %v, not %v to %v", now, got, least, most)
		}
		limit := w.used(now) / 2
		wait := w.wait(now, limit)
		later := w // a copy
		if got := later.used(now + wait); got > limit {
			t.Fatalf("waited %v for %v, and there are %v", wait, limit, got)
		}
	}
	if w.used(now+2*time.Hour) != 0 || w.wait(now+2*time.Hour, 0) != 0 {
		t.Error("not forgotten")
	}
	w.add(now+2*time.Hour, time.Second)
	if w.wait(now+2*time.Hour, -1) < time.Hour {
		t.Error("a limit that is never kept is waited for too shortly")
	}
	w.add(now+2*time.Hour, -time.Minute)
	if w.used(now+2*time.Hour) != 0 {
		t.Error("more taken back than there was")
	}
}

func TestWhatOthersTransmitIsChargedOnce(t *testing.T) {
	i := Interface{Name: "radio", Up: true, Bitrate: 1000, Duty: 0.1, Transmitted: 5 * time.Minute}
	l := newLane(0, i, 0.25)
	if l.hour.used(0) != 0 {
		t.Error("charged what was before us")
	}
	l.charge(time.Second, Push, number(1), 10*time.Second, 12*time.Second)
	i.Transmitted += 10 * time.Second // that was ours
	l.set(2*time.Second, i, 0.25)
	if got := l.hour.used(2 * time.Second); got != 10*time.Second || l.spent[Other] != 0 {
		t.Errorf("%v, of others %v", got, l.spent[Other])
	}
	i.Transmitted += 7 * time.Second
	l.set(3*time.Second, i, 0.25)
	if got := l.hour.used(3 * time.Second); got != 17*time.Second || l.spent[Other] != 7*time.Second {
		t.Errorf("%v, of others %v", got, l.spent[Other])
	}
	i.Transmitted = time.Second // the carrier began anew
	l.set(4*time.Second, i, 0.25)
	if got := l.hour.used(4 * time.Second); got != 18*time.Second {
		t.Errorf("%v", got)
	}
}

func TestACourierAtFaultMakesNoStorm(t *testing.T) {
	for name, p := range map[string]Parcel{
		"too large": {To: 9, Bytes: 1 << 20, Packets: 2000},
		"backwards": {To: 1, Bytes: 100, Packets: 1},
	} {
		b := newBook(half)
		b.air(0, []Interface{{Name: "radio", Up: true, Bitrate: 1000}})
		b.register(0, "main", group.DeliverPush, &nobody{})
		b.put(0, time.Time{}, group.Delivery{Group: "main", Identity: number(1), Preferences: group.Preferences{Mode: group.DeliverPush}, Progress: group.Progress{Cursor: 5}})
		b.news(0, "main", 9, false)
		began := 0
		for now := time.Duration(0); now < time.Hour; now += time.Second {
			for _, t := range b.ripe(now, time.Time{}, 10) {
				b.place(now, t, "radio", 1)
			}
			flights, _ := b.next(now, time.Time{})
			for _, f := range flights {
				began++
				if d := b.prepared(now, f, p, nil); d != ended {
					t.Errorf("%s: decision %d", name, d)
				}
			}
		}
		if began > 121 || b.flying != 0 {
			t.Errorf("%s: made %d times in an hour; %d flying", name, began, b.flying)
		}
		if l := b.lanes["radio"]; l.flying != 0 || l.spent[Push] != 0 || l.tokens != l.most() {
			t.Errorf("%s: %d flying, %v spent, %v tokens", name, l.flying, l.spent[Push], l.tokens)
		}
	}
}

func TestAnEmptyParcelThatGoesNowhereEndsTheMatter(t *testing.T) {
	b := newBook(half)
	b.air(0, []Interface{{Name: "radio", Up: true, Bitrate: 1000}})
	b.register(0, "main", group.DeliverRelay, &nobody{})
	b.put(0, time.Time{}, group.Delivery{Group: "main", Identity: number(1), Preferences: group.Preferences{Mode: group.DeliverRelay}, Progress: group.Progress{Cursor: 5}})
	b.news(0, "main", 9, false)
	began := 0
	for now := time.Duration(0); now < time.Hour; now += time.Second {
		for _, t := range b.ripe(now, time.Time{}, 10) {
			b.place(now, t, "radio", 1)
		}
		flights, _ := b.next(now, time.Time{})
		for _, f := range flights {
			if began++; began == 1 {
				b.news(now, "main", 12, false) // while it is made
			}
			b.prepared(now, f, Parcel{To: f.recipient.After}, nil)
		}
	}
	if c := b.groups["main"].tickets[number(1)].cursor; began != 2 || c != 12 {
		t.Errorf("made %d times, the cursor is at %d", began, c)
	}
}

// nobody is a courier that is never asked.
type nobody struct{ Courier }

func (*nobody) Address(group.IdentityHash) Address { return Address{} }

// A post in a group of 10,000 members: each is found behind, given a way, sent to and up to date.
func BenchmarkRoundOf10000(b *testing.B) {
	k := newBook(half)
	k.air(0, []Interface{{Name: "wire", Up: true}})
	k.register(0, "main", group.DeliverPush, &nobody{})
	for n := range 10_000 {
		k.put(0, time.Time{}, group.Delivery{Group: "main", Identity: number(n), Preferences: group.Preferences{Mode: group.DeliverPush}})
	}
	now, rev := time.Duration(0), group.Rev(0)
	b.ReportAllocs()
	for b.Loop() {
		rev++
		now += time.Minute
		k.news(now, "main", rev, false)
		now += time.Minute
		for done := 0; done < 10_000; {
			for _, t := range k.ripe(now, time.Time{}, 256) {
				k.place(now, t, "wire", 1)
			}
			flights, _ := k.next(now, time.Time{})
			for _, f := range flights {
				p := Parcel{To: rev, Bytes: 180, Packets: 1, Proofs: 1}
				if k.prepared(now, f, p, nil) != carry {
					b.Fatal("not carried")
				}
				k.done(now, f, p, Proved)
				done++
			}
		}
		k.changed(now, time.Time{}, 10_000)
	}
}

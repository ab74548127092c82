package group_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// hear is one announce of a group, by the clock of its server.
func (h *house) hear(in group.HeardGroup, clock time.Time) {
	h.t.Helper()
	in.Emitted = clock
	if err := h.hub.HeardGroup(h.t.Context(), in); err != nil {
		h.t.Fatal(err)
	}
}

// entry is what is listed under a name.
func (h *house) entry(name string) (e group.DirectoryEntry, ok bool) {
	h.t.Helper()
	all := h.directory(operator(), group.DirectoryQuery{Limit: group.MaxPage})
	i := slices.IndexFunc(all, func(e group.DirectoryEntry) bool { return e.Name == name })
	if i < 0 {
		return e, false
	}
	return all[i], true
}

// A server announces once with its clock ten years ahead, before the network tells it the time: it is as good as others from then on.
func TestAGroupWhoseClockWentBackIsHeardStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.starts()
		const ahead = 10 * 365 * 24 * time.Hour
		h.hear(heard("Ridge", "LoRa", "friend"), time.Now().Add(ahead))
		for range 4 {
			time.Sleep(time.Hour)
			h.hear(heard("Ridge", "LoRa", "friend"), time.Now())
		}
		if _, ok := h.entry("Ridge"); !ok {
			t.Fatal("it is never listed")
		}
		h.hear(heard("Ridge", "LoRa", "friend"), time.Now().Add(ahead)) // a second time, listed
		for range 40 * 24 {
			time.Sleep(time.Hour)
			h.hear(heard("Ridge", "LoRa", "friend"), time.Now())
		}
		e, ok := h.entry("Ridge")
		if !ok || time.Since(e.Last) > 2*time.Hour || e.Number != 1 {
			t.Errorf("forty days later: %+v, listed %v", e, ok)
		}
	})
}

// Who plays recorded announces again keeps no group on the list that is gone, and brings no old name back.
func TestRecordedAnnouncesChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.starts()
		var recorded []time.Time
		for range 10 {
			recorded = append(recorded, time.Now())
			h.hear(heard("Ridge", "LoRa", "friend"), time.Now())
			time.Sleep(time.Hour)
		}
		renamed := heard("Ridge", "LoRa", "friend")
		renamed.Name = "Saddle"
		h.hear(renamed, time.Now())
		again := func() {
			for _, at := range recorded {
				h.hear(heard("Ridge", "LoRa", "friend"), at)
				time.Sleep(10 * time.Minute)
			}
		}
		again()
		if _, ok := h.entry("Saddle"); !ok {
			t.Error("the old name is back")
		}
		for range 29 {
			time.Sleep(22 * time.Hour)
			again()
		}
		time.Sleep(48 * time.Hour)
		if all := h.directory(operator(), group.DirectoryQuery{}); len(all) != 0 {
			t.Errorf("after a month of recordings: %+v", all)
		}
	})
}

// Most private groups are called "Private Group": none of them imitates the others. Who imitates ours is marked all the same.
func TestPrivateGroupsAreNotTakenForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(n *group.NewGroup, _ *group.Config) { n.PublicName = moderation.NamelessGroup })
		one, two := heard("one", "TCP", "hub"), heard("two", "TCP", "hub")
		one.Name, two.Name, one.Public, two.Public = moderation.NamelessGroup, "private  group", false, false
		h.hears(one, two)
		for _, e := range h.directory(person("visitor"), group.DirectoryQuery{}) {
			if !e.Alike.IsZero() {
				t.Errorf("%q is said to look like %s", e.Name, e.Alike)
			}
		}
	})
}

// A name belongs to who has announced it for longest, not to who was heard first under some other one.
func TestWhoTakesAnothersNameIsTheOneThatLooksLikeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.starts()
		sleeper, honest := heard("Sleeper", "TCP", "hub"), heard("Ferry", "TCP", "hub")
		h.hears(sleeper)
		h.hears(honest)
		marked := func(when string) {
			t.Helper()
			for _, e := range h.directory(operator(), group.DirectoryQuery{}) {
				if want := e.Identity == sleeper.Identity; e.Alike.IsZero() == want {
					t.Errorf("%s: %s of %s is marked: %v", when, e.Name, e.Identity, !e.Alike.IsZero())
				}
			}
		}
		sleeper.Name = "F\u0435rry" // a Cyrillic е
		h.hear(sleeper, time.Now())
		time.Sleep(10 * time.Minute)
		marked("at once")
		for range 48 { // both go on announcing
			time.Sleep(time.Hour)
			h.hear(sleeper, time.Now())
			h.hear(honest, time.Now())
		}
		marked("two days later")
		stop()
		h.hub = must(group.New(group.Config{Store: h.store}))(t)
		marked("after a restart")
	})
}

// One who is heard once under some name, and waits for one worth taking, has not had that since he was heard first.
func TestWhoIsListedUnderANameThatHeTookJustNowIsTheOneThatLooksLikeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		sleeper, honest := heard("Sleeper", "TCP", "hub"), heard("Ferry", "TCP", "hub")
		h.hear(sleeper, time.Now())
		time.Sleep(time.Hour)
		h.hears(honest)
		sleeper.Name = honest.Name
		h.hear(sleeper, time.Now())
		time.Sleep(time.Minute)
		list := h.directory(operator(), group.DirectoryQuery{})
		for _, e := range list {
			if e.Alike.IsZero() != (e.Identity == honest.Identity) {
				t.Errorf("%s of %s is marked: %v", e.Name, e.Identity, !e.Alike.IsZero())
			}
		}
		if len(list) != 2 {
			t.Errorf("%d are listed", len(list))
		}
	})
}

// Who heard the other's first announce and was listed sooner, by announcing more often, did not have the name first.
func TestWhoAnnouncesOftenDoesNotGetANameSooner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		honest, hasty := heard("Ferry", "TCP", "hub"), heard("Hasty", "TCP", "hub")
		hasty.Name = honest.Name
		h.hear(honest, time.Now())
		time.Sleep(time.Minute)
		h.hears(hasty)
		time.Sleep(6 * time.Hour)
		h.hear(honest, time.Now())
		time.Sleep(time.Minute)
		list := h.directory(operator(), group.DirectoryQuery{})
		for _, e := range list {
			if e.Alike.IsZero() != (e.Identity == honest.Identity) {
				t.Errorf("%s is marked: %v", e.Identity, !e.Alike.IsZero())
			}
		}
		if len(list) != 2 {
			t.Errorf("%d are listed", len(list))
		}
	})
}

// One neighbour, behind whom all others are too, has filled the directory, and keeps it full.
func TestANewGroupGetsInWhereOneNeighbourHasFilledTheDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.starts()
		old := []group.HeardGroup{heard("Ridge", "TCP", "hub"), heard("Saddle", "TCP", "hub")}
		h.hears(old...)
		var invented []group.HeardGroup
		for n := range 1200 {
			invented = append(invented, heard(fmt.Sprint("spam ", n), "TCP", "hub"))
		}
		late := heard("Latecomer", "TCP", "hub")
		there, looked := 0, 0
		for round := range 4 * 24 {
			for i, in := range invented {
				if i%4 == round%4 { // each is heard every four hours
					h.hear(in, time.Now())
				}
			}
			time.Sleep(30 * time.Minute)
			for _, in := range old {
				h.hear(in, time.Now())
			}
			if round > 24 {
				h.hear(late, time.Now())
			}
			time.Sleep(30 * time.Minute)
			if round > 48 {
				looked++
				if _, ok := h.entry("Latecomer"); ok {
					there++
				}
			}
		}
		for _, in := range old {
			if e, ok := h.entry(in.Name); !ok || time.Since(e.Last) > 2*time.Hour {
				t.Errorf("%s, who came first, is listed %v: %+v", in.Name, ok, e)
			}
		}
		if there < looked/4 {
			t.Errorf("the latecomer was there %d of %d times", there, looked)
		}
		if n := h.hub.Stats().Directory.Listed; n > group.MaxListed {
			t.Errorf("%d listed", n)
		}
	})
}

// The operator believed a clock years ahead and has put it right: what was heard in between is not heard for ever.
func TestWhatWasHeardInTheFutureIsForgottenToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, off := clockHouse(t)
		h.starts()
		time.Sleep(time.Minute)
		confirm := func(by time.Duration) {
			off.Store(int64(by))
			if err := h.hub.ConfirmClock(t.Context(), operator()); err != nil {
				t.Fatal(err)
			}
		}
		confirm(10 * 365 * 24 * time.Hour)
		h.hears(heard("Ridge", "TCP", "hub"))
		confirm(0)
		time.Sleep(time.Hour)
		p := must(h.hub.Directory(t.Context(), operator(), group.DirectoryQuery{}))(t)
		if len(p.Groups) != 1 || p.Groups[0].Last.After(p.Now) {
			t.Errorf("heard in the future: %+v", p)
		}
		time.Sleep(group.ListedFor + time.Hour)
		if all := h.directory(operator(), group.DirectoryQuery{}); len(all) != 0 {
			t.Errorf("never forgotten: %+v", all)
		}
	})
}

// A group changes its name, costs and door with each of 10,000 announces: it is one row, written once a minute, and what comes last is shown.
func TestAGroupThatChangesAllTheTimeIsOneRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var commits atomic.Int64
		h.store.OnCommit(func() error { commits.Add(1); return nil })
		h.starts()
		in := heard("Ridge", "LoRa", "friend")
		h.hears(in)
		began, before := time.Now(), commits.Load()
		for n := range 10_000 {
			in.Name, in.JoinCost, in.Public, in.Hops = fmt.Sprint(strings.Repeat("ridge ", 20), n), n%256, n%2 == 0, n%100
			in.Joining = []moderation.Joining{moderation.JoiningOpen, moderation.JoiningApprove, moderation.JoiningClosed}[n%3]
			h.hear(in, time.Now())
			time.Sleep(time.Second)
		}
		minutes := int64(time.Since(began) / time.Minute)
		if n := commits.Load() - before; n > minutes+minutes/10+2 { // the clock is stored now and then, too
			t.Errorf("%d commits in %d minutes", n, minutes)
		}
		all := h.directory(operator(), group.DirectoryQuery{})
		if len(all) != 1 || all[0].Hops != 9999%100 || all[0].Joining != moderation.JoiningOpen || all[0].Public || all[0].JoinCost != 9999%256 || len(all[0].Name) > group.MaxNameBytes {
			t.Errorf("shown: %+v", all)
		}
	})
}

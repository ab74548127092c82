package group_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// heard is an announce of a group by one of the servers around, now.
func heard(name, carrier, via string) group.HeardGroup {
	h := group.HeardGroup{
		Identity: person(name).Identity, Name: name, Public: true, Joining: moderation.JoiningOpen, JoinCost: 8, PostCost: 12, Hops: 3, Interface: carrier, Emitted: time.Now(),
	}
	copy(h.NextHop[:], via)
	return h
}

// starts has the hub do what it does by itself, until the test ends or stop is called, which waits for it.
func (h *house) starts() (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.hub.Run(ctx) }()
	return func() {
		h.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			h.t.Fatal(err)
		}
	}
}

// clockHouse is a house whose clock is off by so many nanoseconds.
func clockHouse(t *testing.T) (*house, *atomic.Int64) {
	off := new(atomic.Int64)
	return newHouse(t, func(_ *group.NewGroup, c *group.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(off.Load())) }
	}), off
}

// hears has the hub hear groups, each as often as it takes to be listed.
func (h *house) hears(all ...group.HeardGroup) {
	h.t.Helper()
	for range 2 {
		for _, in := range all {
			in.Emitted = time.Now()
			if err := h.hub.HeardGroup(h.t.Context(), in); err != nil {
				h.t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
	}
}

// directory is all of it, page by page.
func (h *house) directory(c group.Caller, q group.DirectoryQuery) (all []group.DirectoryEntry) {
	h.t.Helper()
	for {
		p := must(h.hub.Directory(h.t.Context(), c, q))(h.t)
		all = append(all, p.Groups...)
		if !p.More {
			return all
		}
		q.After = p.Groups[len(p.Groups)-1].Number
	}
}

// names are the names in a directory.
func names(all []group.DirectoryEntry) (out []string) {
	for _, e := range all {
		out = append(out, e.Name)
	}
	return out
}

func TestGroupsHeardOnTheNetworkAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := person("Bad Valley").Identity
		h := newHouse(t, open, func(n *group.NewGroup, c *group.Config) {
			n.PublicName = "Valley Net"
			c.Blackholed = func(id group.IdentityHash) bool { return id == bad }
			c.PathTo = func(id group.IdentityHash) (int, string, bool) { return 2, "LoRa", id == person("Ridge").Identity }
		})
		visitor := person("visitor")
		if err := h.hub.HeardGroup(t.Context(), heard("Ridge", "TCP", "hub")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		again := heard("Ridge", "TCP", "hub")
		if err := h.hub.HeardGroup(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if all := h.directory(visitor, group.DirectoryQuery{}); len(all) != 0 {
			t.Errorf("listed before it was heard twice, some time apart: %v", names(all))
		}
		time.Sleep(30 * time.Minute)
		if err := h.hub.HeardGroup(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if all := h.directory(visitor, group.DirectoryQuery{}); len(all) != 0 {
			t.Errorf("listed for an announce that was played again: %v", names(all))
		}
		began := time.Now()
		h.hears(heard("Ridge", "TCP", "hub"), heard("Private Ferry", "TCP", "hub"), heard("Bad Valley", "TCP", "hub"))
		own := heard("ours", "TCP", "hub")
		own.Identity = person("the group").Identity
		h.hears(own, heard("Va11ey-Net", "TCP", "hub"), heard("R\u0131dge", "TCP", "hub"), heard("", "TCP", "hub"))
		h.hears(heard("a\x1b[2J\u202e`!\n※ name\u2066", "TCP", "hub"))
		all := h.directory(visitor, group.DirectoryQuery{Limit: 2})
		want := []string{"Ridge", "Private Ferry", "Va11ey-Net", "R\u0131dge", "", "a[2J`! ※ name"}
		if !slices.Equal(names(all), want) {
			t.Fatalf("listed: %q\nwant: %q", names(all), want)
		}
		ridge := all[0]
		if ridge.Hops != 2 || ridge.Interface != "" || ridge.JoinCost != 8 || ridge.PostCost != 12 || !ridge.Public || ridge.Joining != moderation.JoiningOpen ||
			ridge.Address != group.AddressOf(ridge.Identity) || ridge.First.Before(began.Add(-time.Hour)) || ridge.Last.Before(ridge.First) {
			t.Errorf("shown: %+v", ridge)
		}
		if all[1].Hops != 3 {
			t.Errorf("hops of a group without a path: %d", all[1].Hops)
		}
		for i, alike := range map[int]group.IdentityHash{0: {}, 1: {}, 2: person("the group").Identity, 3: ridge.Identity, 4: {}, 5: {}} {
			if all[i].Alike != alike {
				t.Errorf("%q looks like %s, want %s", all[i].Name, all[i].Alike, alike)
			}
		}
		if here := h.directory(operator(), group.DirectoryQuery{}); here[0].Interface != "LoRa" || here[1].Interface != "TCP" {
			t.Errorf("the operator is shown %+v", here[:2])
		}
		if found := names(h.directory(visitor, group.DirectoryQuery{Text: "fErr"})); !slices.Equal(found, []string{"Private Ferry"}) {
			t.Errorf("found: %q", found)
		}
		// A new name comes with the next announce, the number stays.
		renamed := heard("Ridge", "TCP", "hub")
		renamed.Name = "Ridge and Saddle"
		h.hears(renamed)
		if e := h.directory(visitor, group.DirectoryQuery{})[0]; e.Name != "Ridge and Saddle" || e.Number != ridge.Number || !e.First.Equal(ridge.First) || !e.Last.After(ridge.Last) {
			t.Errorf("renamed: %+v", e)
		}
		// One who is never heard any more is forgotten in the end, not before.
		h.starts()
		time.Sleep(group.ListedFor - 12*time.Hour)
		if n := len(h.directory(visitor, group.DirectoryQuery{})); n != len(want) {
			t.Errorf("%d left", n)
		}
		h.hears(heard("Private Ferry", "TCP", "hub"))
		time.Sleep(24 * time.Hour)
		if left := names(h.directory(visitor, group.DirectoryQuery{})); !slices.Equal(left, []string{"Private Ferry"}) {
			t.Errorf("left: %q", left)
		}
	})
}

func TestWhoAsksForTheDirectoryAllTheTimeHasToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ask := func(c group.Caller) error {
			_, err := h.hub.Directory(t.Context(), c, group.DirectoryQuery{})
			return err
		}
		for _, c := range []group.Caller{person("one"), {}} { // who has not identified is one of many
			for range 120 {
				if err := ask(c); err != nil {
					t.Fatal(err)
				}
			}
			if e := refused(t, "too many", ask(c), group.KindRateLimited); e.RetryAfter <= 0 {
				t.Error("does not say how long to wait")
			}
		}
		if err := ask(person("another")); err != nil {
			t.Errorf("another: %v", err)
		}
		for range 500 {
			if err := ask(operator()); err != nil {
				t.Fatal(err)
			}
		}
		_, err := h.hub.Directory(t.Context(), operator(), group.DirectoryQuery{Limit: group.MaxPage + 1})
		refused(t, "a limit", err, group.KindInvalid)
	})
}

func TestTheDirectoryComesBackAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.starts()
		h.hears(heard("Ridge", "TCP", "hub"), heard("Ferry", "LoRa", "hub"))
		want := h.directory(operator(), group.DirectoryQuery{})
		stop()
		h.hub = must(group.New(group.Config{Store: h.store}))(t)
		if have := h.directory(operator(), group.DirectoryQuery{}); len(have) != 2 || !slices.Equal(have, want) {
			t.Errorf("after the restart:\n%+v\nbefore:\n%+v", have, want)
		}
		h.hears(heard("Saddle", "TCP", "hub"))
		if all := h.directory(operator(), group.DirectoryQuery{}); len(all) != 3 || all[2].Number <= want[1].Number {
			t.Errorf("after the restart: %+v", all)
		}
	})
}

// While the machine's clock is off nothing is forgotten, and what is heard counts from the time that is believed.
func TestAClockThatJumpsForgetsNoGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, jump := clockHouse(t)
		h.starts()
		h.hears(heard("Ridge", "TCP", "hub"))
		jump.Store(int64(10 * 365 * 24 * time.Hour))
		time.Sleep(20 * time.Minute)
		p := must(h.hub.Directory(t.Context(), person("visitor"), group.DirectoryQuery{}))(t)
		if len(p.Groups) != 1 || p.Now.Sub(p.Groups[0].Last) > time.Hour {
			t.Errorf("after the jump: %+v", p)
		}
	})
}

// crowded is a directory under attack: three groups are heard through a friendly neighbour, and 100,000 that somebody invents through another
// one, half of them twice. All the while others can be listed.
func TestInventedGroupsDoNotCrowdOutOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var commits atomic.Int64
		rows := 0
		h.store.OnCommit(func() error { commits.Add(1); return nil })
		h.starts()
		real := []group.HeardGroup{heard("Ridge", "LoRa", "friend"), heard("Ferry", "LoRa", "friend"), heard("Saddle", "TCP", "flood")}
		h.hears(real...)

		invented := func(n, hop int) group.HeardGroup {
			in := group.HeardGroup{Name: fmt.Sprint("spam ", n), Hops: 1, Interface: "TCP", Emitted: time.Now()}
			key := person(in.Name)
			in.Identity = key.Identity
			copy(in.NextHop[:], fmt.Sprint("flood", hop))
			return in
		}
		before := memoryInUse()
		began, wrote := time.Now(), commits.Load()
		for n := 0; n < 100_000; n += 500 {
			for again := range 2 {
				for i := range 500 {
					if again == 1 && i%2 == 1 {
						continue
					}
					hop := 0
					if n >= 50_000 { // he names neighbours that are not there, too
						hop = i
					}
					if err := h.hub.HeardGroup(t.Context(), invented(n+i, hop)); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(6 * time.Minute)
			}
			if n == 60_000 {
				h.hears(heard("Latecomer", "LoRa", "friend"))
			}
		}
		all := h.directory(operator(), group.DirectoryQuery{Limit: group.MaxPage})
		if len(all) > group.MaxListed {
			t.Errorf("%d listed", len(all))
		}
		for _, want := range []string{"Ridge", "Ferry", "Saddle", "Latecomer"} {
			if !slices.Contains(names(all), want) {
				t.Errorf("%s is not listed any more", want)
			}
		}
		s := h.hub.Stats().Directory
		if s.Once > 1024 || s.Evicted == 0 || s.OnceOut == 0 {
			t.Errorf("%+v", s)
		}
		if grown := memoryInUse() - before; grown > 4<<20 {
			t.Errorf("%d bytes more", grown)
		}
		minutes := int(time.Since(began).Minutes())
		if n := int(commits.Load() - wrote); n > minutes+minutes/10+2 {
			t.Errorf("%d commits in %d minutes", n, minutes)
		}
		time.Sleep(time.Hour) // all is written
		must(0, h.store.View(t.Context(), func(tx group.ReadTx) error {
			list, err := tx.Listed(1 << 20)
			rows = len(list)
			return err
		}))(t)
		if rows > group.MaxListed || rows < len(all) {
			t.Errorf("%d rows for %d groups", rows, len(all))
		}
	})
}

// Rows go to disk a few at a time, however many are new.
func TestTheDirectoryIsWrittenBitByBit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		var many []group.HeardGroup
		for n := range 300 {
			many = append(many, heard(fmt.Sprint("group ", n), "TCP", "hub"))
		}
		h.hears(many...)
		h.starts()
		count := func() (n int) {
			must(0, h.store.View(t.Context(), func(tx group.ReadTx) error {
				list, err := tx.Listed(1 << 20)
				n = len(list)
				return err
			}))(t)
			return n
		}
		for minute := range 5 {
			time.Sleep(time.Minute + time.Second)
			if n, most := count(), 64*(minute+1); n > most || n < min(most, 300) {
				t.Errorf("%d rows after %d minutes", n, minute+1)
			}
		}
	})
}

func memoryInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// FuzzNamesInTheDirectory: whatever is announced, what is shown is one clean line of bounded length.
func FuzzNamesInTheDirectory(f *testing.F) {
	f.Add("Valley Net")
	f.Add("`!`[a`:/page/x`y=1]\n#!c=0\x1b]0;x\x07\u202e")
	f.Add(strings.Repeat("\u0301", 96))
	f.Fuzz(func(t *testing.T, name string) {
		h := newHouse(t)
		for n := range 2 {
			in := heard("far", "TCP", "hub")
			in.Name, in.Emitted = name, time.Unix(int64(n+1), 0)
			if err := h.hub.HeardGroup(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			h.hub.ForgetOnceSince(10 * time.Minute)
		}
		for _, e := range h.directory(operator(), group.DirectoryQuery{}) {
			if e.Name != moderation.CleanName(e.Name) || len(e.Name) > group.MaxNameBytes {
				t.Errorf("%q is shown as %q", name, e.Name)
			}
		}
	})
}

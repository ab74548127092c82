package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/interfaces"
)

// on makes an interface that is up.
func on(name string, bitrate int64, mode interfaces.Mode) rns.InterfaceStats {
	return rns.InterfaceStats{Name: name, Bitrate: bitrate, Mode: mode, Carrier: interfaces.Stats{Online: true}}
}

// announced runs an announcer for a while over interfaces that a function gives for each moment, and tells when it announced what.
func announced(t *testing.T, d, every time.Duration, up func(since time.Duration) []rns.InterfaceStats) (at [announceKinds][]time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		a := &announcer{log: slog.New(slog.DiscardHandler), every: every}
		for k := range announceKinds {
			a.announce[k] = func(context.Context) error {
				at[k] = append(at[k], time.Since(began))
				return nil
			}
		}
		var before ways
		for since := time.Duration(0); since <= d; since += announceTick {
			w := waysOf(up(since))
			a.look(t.Context(), time.Now(), w, w.beyond(before))
			before = w
			time.Sleep(announceTick)
		}
	})
	return at
}

func TestOnWiresTheGroupAnnouncesAtOnceAndThenTwoToSixTimesAnHour(t *testing.T) {
	at := announced(t, 24*time.Hour, 0, func(since time.Duration) []rns.InterfaceStats {
		if since < 10*time.Second {
			return nil
		}
		return []rns.InterfaceStats{on("tcp", 10_000_000, interfaces.ModeFull)}
	})
	for k, times := range at {
		first := 10*time.Second + time.Duration(k/announceBurst)*announceTick // a few at a time
		if len(times) < 2*24 || len(times) > 6*24 || times[0] != first {
			t.Errorf("kind %d: %d announces, %v", k, len(times), times)
		}
	}
}

// The pages once a day: MeshChat shows the names of nodes that it has heard of late.
func TestARadioHearsTheBeaconAtMostHourlyAndTheAddressEverySixHours(t *testing.T) {
	at := announced(t, 7*24*time.Hour, 0, func(time.Duration) []rns.InterfaceStats {
		return []rns.InterfaceStats{on("tcp", 10_000_000, interfaces.ModeFull), on("rnode", 1200, interfaces.ModeFull)}
	})
	var all []time.Duration
	const day = 24 * time.Hour
	for k, least := range []time.Duration{kindDelivery: 4*time.Hour + 30*time.Minute, kindBeacon: time.Hour, kindPages: day - day/10} {
		most := []time.Duration{kindDelivery: 5*time.Hour + 20*time.Minute, kindBeacon: 90 * time.Minute, kindPages: day + day/10}[k] + 2*slowGap + announceTick
		for i := 1; i < len(at[k]); i++ {
			if gap := at[k][i] - at[k][i-1]; gap < least || gap > most {
				t.Errorf("kind %d: %v between two announces", k, gap)
			}
		}
		all = append(all, at[k]...)
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if d := (a - b).Abs(); d < slowGap {
				t.Errorf("two announces within %v", d)
			}
		}
	}
}

func TestANewPeerOnAWireHearsOfTheGroupSoon(t *testing.T) {
	at := announced(t, 2*time.Minute, 0, func(since time.Duration) []rns.InterfaceStats {
		list := []rns.InterfaceStats{on("one", 10_000_000, interfaces.ModeFull)}
		if since >= 4*time.Second {
			list = append(list, on("two", 10_000_000, interfaces.ModeFull))
		}
		return list
	})
	for k, times := range at {
		if len(times) != 2 || times[1] < newPeerGap || times[1] > newPeerGap+2*announceTick {
			t.Errorf("kind %d: %v", k, times)
		}
	}
}

func TestNothingIsAnnouncedWhereNobodyWouldHearIt(t *testing.T) {
	for name, up := range map[string][]rns.InterfaceStats{
		"nothing":      nil,
		"access point": {on("ap", 1200, interfaces.ModeAccessPoint)},
		"down":         {{Name: "tcp", Mode: interfaces.ModeFull}},
	} {
		at := announced(t, time.Hour, 0, func(time.Duration) []rns.InterfaceStats { return up })
		if len(at[kindBeacon])+len(at[kindDelivery]) != 0 {
			t.Errorf("%s: %v", name, at)
		}
	}
	at := announced(t, time.Hour, cadenceOff, func(time.Duration) []rns.InterfaceStats {
		return []rns.InterfaceStats{on("tcp", 10_000_000, interfaces.ModeFull)}
	})
	if len(at[kindBeacon])+len(at[kindDelivery]) != 0 {
		t.Errorf("announced though it is off: %v", at)
	}
}

func TestABusyRadioDelaysAnnouncesAndLosesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radio := delivery.Interface{Name: "rnode", Up: true, Bitrate: 1200, Radio: &delivery.Modulation{Bandwidth: 125_000, SF: 10, CR: 5}}
		hub, store := newHub(t)
		scheduler, err := delivery.New(delivery.Config{Hub: hub, Store: store, Air: fixedAir{radio}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- scheduler.Run(ctx) }()
		synctest.Wait()
		const groups = 4
		var all []*announcer
		var at [groups][announceKinds][]time.Duration
		var every []time.Duration
		began := time.Now()
		for i := range groups {
			a := &announcer{log: slog.New(slog.DiscardHandler), may: func(late bool) bool { return scheduler.MayAnnounce(announceBytes, late) }}
			for k := range announceKinds {
				a.announce[k] = func(context.Context) error {
					at[i][k], every = append(at[i][k], time.Since(began)), append(every, time.Since(began))
					return nil
				}
			}
			all = append(all, a)
		}
		w := waysOf([]rns.InterfaceStats{on("rnode", 1200, interfaces.ModeFull)})
		for time.Since(began) < 3*24*time.Hour {
			scheduler.Charge("rnode", delivery.Answer, group.IdentityHash{}, 2000, 4, 4) // more than the share
			lookAll(t.Context(), time.Now(), all, w, false)
			time.Sleep(announceTick)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for i := range at {
			for k, most := range []time.Duration{kindDelivery: 6 * time.Hour, kindBeacon: 2*time.Hour + 30*time.Minute, kindPages: 28 * time.Hour} {
				last := time.Duration(0)
				for _, when := range append(at[i][k], time.Since(began)) {
					if gap := when - last; gap > most {
						t.Errorf("group %d, kind %d: %v between two announces", i, k, gap)
					}
					last = when
				}
			}
		}
		for i := 1; i < len(every); i++ {
			if gap := every[i] - every[i-1]; gap < slowGap {
				t.Errorf("two announces within %v", gap)
			}
		}
	})
}

// fixedAir is a network of one interface.
type fixedAir struct{ delivery.Interface }

func (a fixedAir) Interfaces() []delivery.Interface     { return []delivery.Interface{a.Interface} }
func (a fixedAir) Route(delivery.Address) (string, int) { return a.Name, 1 }

// newHub is a domain in memory.
func newHub(t *testing.T) (*group.Hub, group.Store) {
	t.Helper()
	store := memory.New()
	hub, err := group.New(group.Config{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	return hub, store
}

func TestAnnouncesTellWhatTheGroupsPolicySays(t *testing.T) {
	file := &settings{Groups: []groupSettings{{ID: groupName{"named"}, Announce: detail{"name"}}, {ID: groupName{"all"}, Announce: detail{"full"}}, {ID: groupName{"silent"}, Announce: detail{"off"}}}}
	for _, c := range []struct {
		id     group.GroupID
		public bool
		policy moderation.Announcing
		want   string
	}{
		{"main", true, 0, "full"}, {"main", false, 0, "name"}, {"main", false, moderation.AnnounceFull, "full"}, {"main", true, moderation.AnnounceOff, "off"},
		{"main", true, moderation.AnnounceName, "name"}, {"named", true, 0, "name"}, {"named", true, moderation.AnnounceFull, "full"},
		{"all", false, 0, "name"}, {"all", true, 0, "full"}, {"silent", true, 0, "off"}, {"silent", true, moderation.AnnounceName, "name"},
	} {
		if got := file.detailFor(group.Info{Group: c.id, Public: c.public, Policy: moderation.Policy{Announce: c.policy}}); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	full := groupdv1.Beacon{Public: true, Head: true, Seq: 9, Name: "Valley"}.Append(nil)
	for _, tell := range []string{"full", "name", "off"} {
		if b, err := groupdv1.ParseBeacon(beaconFor(full, tell)); err != nil || b.Head != (tell == "full") || b.Name != "Valley" {
			t.Errorf("%s: %+v, %v", tell, b, err)
		}
	}

	// It is read again after a change, and only then.
	tell, reads := "full", 0
	d := detailNow{read: func() (string, error) {
		reads++
		return tell, nil
	}}
	d.now()
	tell = "off"
	if got := d.now(); got != "full" || reads != 1 {
		t.Errorf("%s after %d reads", got, reads)
	}
	if d.changed(); d.now() != "off" || reads != 2 {
		t.Errorf("after the change %s, %d reads", d.now(), reads)
	}
}

func TestAGroupWhosePolicyIsSilenceAnnouncesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, silent := 0, true
		a := &announcer{log: slog.New(slog.DiscardHandler), off: func() bool { return silent }}
		a.announce[kindBeacon] = func(context.Context) error { n++; return nil }
		w := waysOf([]rns.InterfaceStats{on("tcp", 10_000_000, interfaces.ModeFull)})
		a.look(t.Context(), time.Now(), w, true)
		if silent = false; n != 0 {
			t.Errorf("%d announces", n)
		}
		if a.look(t.Context(), time.Now(), w, false); n != 1 {
			t.Errorf("%d announces once it may", n)
		}
	})
}

func TestTheOperatorsCadenceIsKept(t *testing.T) {
	at := announced(t, 24*time.Hour, 2*time.Hour, func(time.Duration) []rns.InterfaceStats {
		return []rns.InterfaceStats{on("tcp", 10_000_000, interfaces.ModeFull)}
	})
	for k, times := range at {
		if len(times) < 11 || len(times) > 14 {
			t.Errorf("kind %d: %d announces in a day", k, len(times))
		}
	}
}

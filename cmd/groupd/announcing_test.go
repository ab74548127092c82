package main

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

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
		if len(times) < 2*24 || len(times) > 6*24 || times[0] != 10*time.Second {
			t.Errorf("kind %d: %d announces, %v", k, len(times), times)
		}
	}
}

func TestARadioHearsTheBeaconAtMostHourlyAndTheAddressEverySixHours(t *testing.T) {
	at := announced(t, 7*24*time.Hour, 0, func(time.Duration) []rns.InterfaceStats {
		return []rns.InterfaceStats{on("tcp", 10_000_000, interfaces.ModeFull), on("rnode", 1200, interfaces.ModeFull)}
	})
	var all []time.Duration
	for k, least := range []time.Duration{kindDelivery: 5 * time.Hour, kindBeacon: time.Hour} {
		most := []time.Duration{kindDelivery: 6 * time.Hour, kindBeacon: 90 * time.Minute}[k] + slowGap + announceTick
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

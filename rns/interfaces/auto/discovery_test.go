package auto_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/auto"
)

// I-043.
func TestDefaultGroupAddressIsThatOfTheReference(t *testing.T) {
	for _, c := range []struct{ group, scope, kind, want string }{
		{"reticulum", auto.ScopeLink, auto.AddressTemporary, "ff12:0:d70b:fb1c:16e4:5e39:485e:31e1"},
		{"reticulum", auto.ScopeAdmin, auto.AddressPermanent, "ff04:0:d70b:fb1c:16e4:5e39:485e:31e1"},
		{"reticulum", auto.ScopeSite, auto.AddressTemporary, "ff15:0:d70b:fb1c:16e4:5e39:485e:31e1"},
		{"reticulum", auto.ScopeOrganisation, auto.AddressTemporary, "ff18:0:d70b:fb1c:16e4:5e39:485e:31e1"},
		{"reticulum", auto.ScopeGlobal, auto.AddressPermanent, "ff0e:0:d70b:fb1c:16e4:5e39:485e:31e1"},
	} {
		got, err := auto.GroupAddress(c.group, c.scope, c.kind)
		if err != nil || got.String() != netip.MustParseAddr(c.want).String() {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
	}
}

// I-044.
func TestTokenIsThatOfTheReference(t *testing.T) {
	if got := hex.EncodeToString(auto.Token("reticulum", addrA)); got != "5b808e9e81e81d1e58092e938807a04b66a37cee6b8e474361bd2edbeb419dc7" {
		t.Error(got)
	}
	if !bytes.Equal(auto.Token("reticulum", addrA+"%eth0"), auto.Token("reticulum", addrA)) {
		t.Error("the zone is in the token")
	}
}

// I-045, I-048, I-053.
func TestDiscoveryHasTheRhythmOfTheReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		began := time.Now()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l)})
		neighbour := netip.AddrPortFrom(netip.MustParseAddr(addrB), 50000)
		group := netip.MustParseAddrPort("[ff12:0:d70b:fb1c:16e4:5e39:485e:31e1]:29716")
		tell := func() { l.deliver(neighbour, group, auto.Token("reticulum", addrB)); synctest.Wait() }
		time.Sleep(1900 * time.Millisecond)
		if tell(); a.count() != 0 {
			t.Error("what is heard in the first 1.92 s is not ignored")
		}
		time.Sleep(21 * time.Millisecond)
		if tell(); a.count() != 1 {
			t.Error("not found after 1.92 s")
		}
		found := time.Since(began)
		for range 40 {
			time.Sleep(time.Second)
			tell()
		}
		var times []time.Duration
		for _, s := range l.toPort(29716) {
			if s.from.Addr().String() == addrA {
				times = append(times, s.at.Sub(began))
				if s.to != group || !bytes.Equal(s.payload, auto.Token("reticulum", addrA)) {
					t.Errorf("announce %+v", s)
				}
			}
		}
		for i, d := range times {
			if d != time.Duration(i)*1600*time.Millisecond {
				t.Errorf("announce %d at %v", i, d)
			}
		}
		if len(times) < 25 {
			t.Errorf("%d announces", len(times))
		}
		last := found
		unicasts := l.toPort(29717)
		for _, s := range unicasts {
			at := s.at.Sub(began)
			if d := at - last; d < 5200*time.Millisecond || d > 9200*time.Millisecond {
				t.Errorf("unicast after %v", d)
			}
			if last = at; s.to.Addr().String() != addrB || !bytes.Equal(s.payload, auto.Token("reticulum", addrA)) {
				t.Errorf("unicast %+v", s)
			}
		}
		if len(unicasts) < 4 {
			t.Errorf("%d unicasts", len(unicasts))
		}
	})
}

// I-046.
func TestPeersAreFoundByUnicastTooAndWrongTokensAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l)})
		time.Sleep(2 * time.Second)
		from := netip.AddrPortFrom(netip.MustParseAddr(addrB), 50000)
		to := netip.AddrPortFrom(netip.MustParseAddr(addrA), 29717)
		good := auto.Token("reticulum", addrB)
		for _, wrong := range [][]byte{nil, good[:31], auto.Token("village", addrB), auto.Token("reticulum", addrA), frame(1024, 0)} {
			l.deliver(from, to, wrong)
		}
		synctest.Wait()
		if s := a.Stats(); a.count() != 0 || s.Invalid != 5 {
			t.Errorf("%+v", s)
		}
		l.deliver(from, to, append(bytes.Clone(good), frame(900, 1)...)) // only the first 32 bytes count
		synctest.Wait()
		if a.peer(peerB) == nil {
			t.Error("not found by unicast")
		}
	})
}

// I-047.
func TestAPeerThatFallsSilentIsRemovedAfter22Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l)})
		time.Sleep(2 * time.Second)
		from := netip.AddrPortFrom(netip.MustParseAddr(addrB), 50000)
		l.deliver(from, netip.AddrPortFrom(netip.MustParseAddr(addrA), 29717), auto.Token("reticulum", addrB))
		synctest.Wait()
		p := a.peer(peerB)
		if p == nil {
			t.Fatal("not found")
		}
		time.Sleep(20 * time.Second)
		l.deliver(from, netip.AddrPortFrom(netip.MustParseAddr(addrA), 42671), frame(20, 1)) // data counts as well
		heard := time.Now()
		time.Sleep(22 * time.Second)
		if a.peer(peerB) != p {
			t.Error("removed too early")
		}
		time.Sleep(4100 * time.Millisecond)
		if a.count() != 0 || a.Stats().Peers != 0 {
			t.Errorf("still there %v after it was heard", time.Since(heard))
		}
		if err := p.Send(frame(20, 1)); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("send: %v", err)
		}
		l.deliver(from, netip.AddrPortFrom(netip.MustParseAddr(addrA), 29717), auto.Token("reticulum", addrB))
		synctest.Wait()
		if q := a.peer(peerB); q == nil || q == p {
			t.Error("not found again")
		}
	})
}

func TestGroupsDoNotSeeEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l), GroupID: "village"})
		b := start(t, auto.Config{Network: newHost().plug("eth0", addrB, l)})
		time.Sleep(10 * time.Second)
		if a.count() != 0 || b.count() != 0 {
			t.Error("two groups mix")
		}
	})
}

// Whatever comes, only a token of its own sender makes a peer, and only one of them.
func FuzzDiscovery(f *testing.F) {
	token, _ := hex.DecodeString("5b808e9e81e81d1e58092e938807a04b66a37cee6b8e474361bd2edbeb419dc7")
	own := netip.MustParseAddr(addrA).As16()
	f.Add(own[:], token, false)
	f.Add(own[:], append(token, 1, 2, 3), true)
	f.Add(own[:], token[:31], false)
	f.Add(own[:4], []byte{}, true)
	f.Fuzz(func(t *testing.T, source, payload []byte, unicast bool) {
		addr, ok := netip.AddrFromSlice(source)
		if !ok {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			l := newLAN()
			a := start(t, auto.Config{Network: newHost().plug("eth0", addrB, l)})
			defer a.stop()
			time.Sleep(2 * time.Second)
			to := netip.MustParseAddrPort("[ff12:0:d70b:fb1c:16e4:5e39:485e:31e1]:29716")
			if unicast {
				to = netip.AddrPortFrom(netip.MustParseAddr(addrB), 29717)
			}
			from := netip.AddrPortFrom(addr, 1)
			for range 2 {
				l.deliver(from, to, payload)
			}
			l.deliver(from, netip.AddrPortFrom(netip.MustParseAddr(addrB), 42671), payload)
			synctest.Wait()
			valid := addr.Is6() && addr.String() != addrB && len(payload) >= 32 && bytes.Equal(payload[:32], auto.Token("reticulum", addr.String()))
			if valid != (a.count() == 1) {
				t.Fatalf("%s %x: %d peers", addr, payload, a.count())
			}
		})
	})
}

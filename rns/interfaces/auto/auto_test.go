package auto_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/auto"
	"groupd/rns/interfaces/carrier"
)

const (
	addrA = "fe80::34ee:51ff:fe10:6c54"
	addrB = "fe80::b"
	peerA = "AutoInterfacePeer[eth0/" + addrA + "]"
	peerB = "AutoInterfacePeer[eth0/" + addrB + "]"
)

func frame(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n) }

// two starts two nodes on a segment, and waits until they know each other.
func two(t *testing.T, c auto.Config) (a, b *node, l *lan) {
	t.Helper()
	l = newLAN()
	ca, cb := c, c
	ca.Network, cb.Network = newHost().plug("eth0", addrA, l), newHost().plug("eth0", addrB, l)
	a, b = start(t, ca), start(t, cb)
	time.Sleep(4 * time.Second)
	if a.peer(peerB) == nil || b.peer(peerA) == nil {
		t.Fatalf("a knows %v, b knows %v", a.peers, b.peers)
	}
	return a, b, l
}

func TestTwoNodesFindEachOtherAndCarryFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, l := two(t, auto.Config{Name: "Lan"})
		// I-016.
		if p := a.peer(peerB).Properties(); p.MTU != 1196 || p.FrameLimit != 1212 || p.Bitrate != 10_000_000 || p.IFACSize != 16 || !p.Outgoing || a.Name() != "AutoInterface[Lan]" {
			t.Errorf("%s %+v", a.Name(), p)
		}
		f := frame(1212, 1)
		if err := errors.Join(a.peer(peerB).Send(f), b.peer(peerA).Send(frame(20, 2))); err != nil {
			t.Fatal(err)
		}
		if got := <-b.frames; got.by != peerA || !bytes.Equal(got.frame, f) {
			t.Errorf("%s: %d bytes", got.by, len(got.frame))
		}
		if got := <-a.frames; got.by != peerB || len(got.frame) != 20 {
			t.Errorf("%s: %d bytes", got.by, len(got.frame))
		}
		synctest.Wait()
		if s := a.peer(peerB).Stats(); s.TxFrames != 1 || s.TxBytes != 1212 || s.RxFrames != 1 || s.RxBytes != 20 || !s.Online {
			t.Errorf("%+v", s)
		}
		if err := a.peer(peerB).Send(frame(1213, 1)); !errors.Is(err, interfaces.ErrTooLarge) {
			t.Errorf("too large: %v", err)
		}
		// I-050: to the data port of the peer's own address.
		if d := l.toPort(auto.DefaultDataPort); len(d) != 2 || d[0].to.Addr().String() != addrB && d[1].to.Addr().String() != addrB {
			t.Errorf("data %v", d)
		}
		if s := a.Stats(); s.Peers != 1 || s.Found != 1 || len(s.Links) != 1 || s.Links[0].CarrierLost || s.Invalid != 0 {
			t.Errorf("%+v", s)
		}
		if err := a.Serve(t.Context(), a.attach); !errors.Is(err, interfaces.ErrRunning) {
			t.Errorf("second serve: %v", err)
		}
		p := a.peer(peerB)
		a.stop()
		if err := p.Send(f); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("after the end: %v", err)
		}
		if err := p.Run(t.Context(), nil); !errors.Is(err, interfaces.ErrDown) {
			t.Errorf("run after the end: %v", err)
		}
	})
}

// I-049.
func TestCarrierIsLostWhenOwnMulticastsDoNotComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l)})
		lost := func() bool { return a.Stats().Links[0].CarrierLost }
		time.Sleep(30 * time.Second)
		if lost() {
			t.Error("lost while multicasts come back")
		}
		l.set(func(l *lan) { l.noMulticast = true })
		time.Sleep(5 * time.Second)
		if lost() {
			t.Error("lost too early")
		}
		time.Sleep(5 * time.Second)
		if !lost() {
			t.Error("not lost")
		}
		l.set(func(l *lan) { l.noMulticast = false })
		time.Sleep(5 * time.Second)
		if lost() {
			t.Error("still lost")
		}
	})
}

// I-050.
func TestDataOfStrangersIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, l := two(t, auto.Config{})
		to := netip.AddrPortFrom(netip.MustParseAddr(addrA), 42671)
		l.deliver(netip.MustParseAddrPort("[fe80::c]:42671"), to, frame(20, 1))
		l.deliver(netip.MustParseAddrPort("[fe80::b]:1"), to, frame(20, 2)) // the source port is of no meaning
		l.deliver(netip.MustParseAddrPort("[fe80::b]:1"), to, frame(1213, 3))
		l.deliver(netip.MustParseAddrPort("[fe80::b]:1"), to, nil)
		synctest.Wait()
		if got := <-a.frames; !bytes.Equal(got.frame, frame(20, 2)) || len(a.frames) != 0 || a.Stats().Strangers != 1 {
			t.Errorf("got %v, %+v", got, a.Stats())
		}
		if s := a.peer(peerB).Stats(); s.RxDropped.TooLong != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// I-051: two machines joined by two networks.
func TestTheSameDatagramByTwoDevicesIsDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newLAN(), newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, one).plug("wlan0", "fe80::a2", two)})
		b := start(t, auto.Config{Network: newHost().plug("eth0", addrB, one).plug("wlan0", "fe80::b2", two)})
		time.Sleep(4 * time.Second)
		if a.count() != 2 || b.count() != 2 {
			t.Fatalf("%d and %d peers", a.count(), b.count())
		}
		for range 2 { // within 0.75 s, and then again
			for _, p := range a.peers {
				p.Send(frame(100, 7))
			}
			time.Sleep(700 * time.Millisecond)
			for _, p := range a.peers {
				p.Send(frame(100, 7))
			}
			time.Sleep(60 * time.Millisecond)
		}
		// Sent at 0, 0.7, 0.76 and 1.46 s: the second within 0.75 s of the first; the third after it.
		if n := len(b.frames); n != 2 || b.Stats().Duplicates != 6 {
			t.Errorf("%d frames, %+v", n, b.Stats())
		}
		// 48 others push a datagram out of memory.
		time.Sleep(time.Second)
		for i := range 48 {
			b.peers["AutoInterfacePeer[eth0/"+addrA+"]"].Send(append(frame(20, 9), byte(i)))
		}
		synctest.Wait()
		if len(a.frames) != 48 {
			t.Errorf("%d frames", len(a.frames))
		}
		for range 2 {
			b.peers["AutoInterfacePeer[eth0/"+addrA+"]"].Send(append(frame(20, 9), 0))
			synctest.Wait()
		}
		if len(a.frames) != 48 {
			t.Errorf("the oldest of 48 is forgotten")
		}
	})
}

// I-052.
func TestOnlyTheDevicesThatAreWantedAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			config auto.Config
			want   string
		}{
			"all":     {auto.Config{}, "eth0 tun0 wlan0"},
			"devices": {auto.Config{Devices: []string{"wlan0", "usb0"}}, "wlan0"},
			"ignored": {auto.Config{IgnoredDevices: []string{"tun0"}}, "eth0 wlan0"},
			"both":    {auto.Config{Devices: []string{"wlan0", "tun0"}, IgnoredDevices: []string{"tun0"}}, "wlan0"},
		} {
			l := newLAN()
			c.config.Network = newHost().plug("eth0", addrA, l).plug("wlan0", "fe80::2", l).plug("tun0", "fe80::3", l).plug("lo0", "fe80::4", l)
			a := start(t, c.config)
			synctest.Wait()
			got := ""
			for i, link := range a.Stats().Links {
				if i > 0 {
					got += " "
				}
				got += link.Device
			}
			if got != c.want {
				t.Errorf("%s: %s", name, got)
			}
			a.stop()
		}
	})
}

func TestDevicesMayComeGoAndChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		h := newHost()
		a := start(t, auto.Config{Network: h})
		b := start(t, auto.Config{Network: newHost().plug("eth0", addrB, l)})
		time.Sleep(10 * time.Second)
		h.setRefuse(errors.New("cannot assign requested address")) // as long as others are asked whether they have it
		h.plug("eth0", addrA, l)
		time.Sleep(5 * time.Second)
		if s := a.Stats(); len(s.Links) != 0 || s.LastError != "using eth0: cannot assign requested address" {
			t.Errorf("%+v", s)
		}
		h.setRefuse(nil)
		time.Sleep(1300 * time.Millisecond)
		if s := a.Stats(); len(s.Links) != 1 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Second)
		if a.count() != 1 || b.count() != 1 {
			t.Errorf("%d and %d peers", a.count(), b.count())
		}
		h.unplug("eth0")
		time.Sleep(4100 * time.Millisecond)
		if a.count() != 0 || len(a.Stats().Links) != 0 {
			t.Errorf("%+v", a.Stats())
		}
		// With another address; of two, the last is used.
		h.plug("eth0", addrA, l).plug("eth0", "fe80::a2", l)
		time.Sleep(6 * time.Second)
		if s := a.Stats(); len(s.Links) != 1 || s.Links[0].Address.String() != "fe80::a2" || a.count() != 1 || b.peer("AutoInterfacePeer[eth0/fe80::a2]") == nil {
			t.Errorf("%+v", s)
		}
		// A socket that breaks is opened anew, and the peer is found again.
		l.set(func(l *lan) {
			for s := range l.sockets {
				if s.at.Addr().String() == "fe80::a2" {
					go s.Close()
				}
			}
		})
		time.Sleep(8 * time.Second)
		if s := a.Stats(); len(s.Links) != 1 || a.count() != 1 || s.LastError == "" {
			t.Errorf("%+v", s)
		}
		b.peer("AutoInterfacePeer[eth0/fe80::a2]").Send(frame(20, 1))
		synctest.Wait()
		if len(a.frames) != 1 {
			t.Error("nothing comes any more")
		}
	})
}

func TestAPeerIsFoundOnTheOtherDeviceWhenACableIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := newLAN(), newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, one).plug("wlan0", "fe80::a2", two)})
		// Both devices of this machine have the same address, as those of bridges do.
		start(t, auto.Config{Network: newHost().plug("eth0", addrB, one).plug("wlan0", addrB, two)})
		time.Sleep(5 * time.Second)
		if a.count() != 1 {
			t.Fatalf("%d peers", a.count())
		}
		if a.peer(peerB) != nil {
			one.set(func(l *lan) { l.dead = true })
		} else {
			two.set(func(l *lan) { l.dead = true })
		}
		time.Sleep(35 * time.Second)
		if came := a.arrivals(); a.count() != 1 || len(came) != 2 || !came[1].After(came[0]) {
			t.Errorf("%d peers, came at %v", a.count(), came)
		}
	})
}

func TestPeersAreBoundedAndTheOthersCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l)})
		time.Sleep(2 * time.Second)
		for i := range auto.DefaultMaxPeers + 10 {
			b := netip.MustParseAddr("fe80::1:0").As16()
			binary.BigEndian.PutUint16(b[14:], uint16(i))
			from := netip.AddrFrom16(b)
			l.deliver(netip.AddrPortFrom(from, 1), netip.AddrPortFrom(netip.MustParseAddr(addrA), 29717), auto.Token("reticulum", from.String()))
		}
		synctest.Wait()
		if s := a.Stats(); a.count() != auto.DefaultMaxPeers || s.Peers != auto.DefaultMaxPeers || s.Refused != 10 {
			t.Errorf("%d, %+v", a.count(), s.Refused)
		}
	})
}

func TestAPeerThatSendsTooFastLosesFramesAndHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l), Options: carrier.Options{QueueFrames: 4}})
		a.mu.Lock()
		a.block = make(chan struct{})
		a.mu.Unlock()
		b := start(t, auto.Config{Network: newHost().plug("eth0", addrB, l)})
		time.Sleep(4 * time.Second)
		const extra = 10
		for i := range auto.InboxFrames + 1 + extra { // one is being taken in
			b.peer(peerA).Send(append(frame(20, 1), byte(i), byte(i>>8)))
			synctest.Wait()
		}
		if s := a.peer(peerB).Stats(); s.RxDropped.Overflow != extra {
			t.Errorf("%+v", s)
		}
		if s := a.Stats(); s.Links[0].CarrierLost {
			t.Error("discovery is held up")
		}
	})
}

func TestInboxesOfAllPeersAreBoundedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l)})
		a.mu.Lock()
		a.block = make(chan struct{})
		a.mu.Unlock()
		time.Sleep(2 * time.Second)
		const peers, size = 40, 1212 // 40 full inboxes are more than the bound
		payload, sum := frame(size, 1), 0
		for i := range peers {
			b := netip.MustParseAddr("fe80::1:0").As16()
			b[15] = byte(i)
			from := netip.AddrPortFrom(netip.AddrFrom16(b), 1)
			l.deliver(from, netip.AddrPortFrom(netip.MustParseAddr(addrA), 29717), auto.Token("reticulum", from.Addr().String()))
			synctest.Wait()
			for j := range auto.InboxFrames {
				binary.BigEndian.PutUint32(payload, uint32(i<<16|j))
				l.deliver(from, netip.AddrPortFrom(netip.MustParseAddr(addrA), 42671), payload)
				if sum += size; j%64 == 0 {
					synctest.Wait()
				}
			}
		}
		synctest.Wait()
		var overflow uint64
		a.mu.Lock()
		for _, p := range a.peers {
			overflow += p.Stats().RxDropped.Overflow
		}
		a.mu.Unlock()
		if w := a.Waiting(); w > auto.InboxBytes || w < auto.InboxBytes-size || overflow == 0 {
			t.Errorf("%d bytes wait, %d datagrams of %d bytes were lost", w, overflow, sum)
		}
		a.stop()
		if w := a.Waiting(); w != 0 {
			t.Errorf("%d bytes wait after the end", w)
		}
	})
}

func TestWhatTransportRefusesIsNoPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN()
		a := start(t, auto.Config{Network: newHost().plug("eth0", addrA, l)})
		a.mu.Lock()
		a.refuse = true
		a.mu.Unlock()
		start(t, auto.Config{Network: newHost().plug("eth0", addrB, l)})
		time.Sleep(4 * time.Second)
		if s := a.Stats(); s.Peers != 0 || s.Found != 0 || s.Refused == 0 {
			t.Errorf("%+v", s)
		}
		a.mu.Lock()
		a.refuse = false
		a.mu.Unlock()
		time.Sleep(2 * time.Second)
		if a.count() != 1 {
			t.Error("not found later")
		}
	})
}

func TestWrongConfigurationsAreRefused(t *testing.T) {
	for name, c := range map[string]auto.Config{
		"a scope":          {DiscoveryScope: "village"},
		"a type":           {MulticastAddressType: "odd"},
		"a port":           {DiscoveryPort: 65535},
		"one port for all": {DataPort: 29717},
		"few peers":        {MaxPeers: -1},
		"a long code":      {Options: carrier.Options{IFACSize: 65}},
	} {
		if _, err := auto.New(c); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := auto.FromConfig(config.Interface{}, nil); err == nil {
		t.Error("made of nothing")
	}
	c, err := config.Read([]byte("[interfaces]\n[[Default Interface]]\ntype = AutoInterface\nenabled = yes\nmode = gw\n"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := auto.FromConfig(c.Interfaces[0], nil)
	if err != nil || a.Name() != "AutoInterface[Default Interface]" || a.Properties().Mode != interfaces.ModeGateway {
		t.Errorf("%v %v", a, err)
	}
}

func ExampleNew() {
	a, err := auto.New(auto.Config{Name: "Default Interface", IgnoredDevices: []string{"tun0"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Name(), a.Properties().MTU)
	// Output: AutoInterface[Default Interface] 1196
}

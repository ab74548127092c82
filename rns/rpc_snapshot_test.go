package rns_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

func TestProgramsMarkKnownDestinations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rnstest.Start(t, rns.Config{MaxKnown: 2})
		id := rnstest.Identity(t, 1)
		d := n.NewRemote(id.PublicIdentity, "test", "d").Hash()
		if n.MarkUsed(d) || n.Retain(d, true) || n.RetainIdentity(id.Hash()) {
			t.Error("what is not known was marked")
		}
		if err := n.Remember(d, id.PublicIdentity); err != nil {
			t.Fatal(err)
		}
		if !n.MarkUsed(d) || !n.Retain(d, false) || !n.Retain(d, true) || !n.RetainIdentity(id.Hash()) || !n.RetainIdentity(id.Hash()) {
			t.Error("what is known was not")
		}
		// Retained destinations fill the table, others make room.
		other, third := rnstest.Identity(t, 2), rnstest.Identity(t, 3)
		if err := n.Remember(rns.DestinationHash{1}, other.PublicIdentity); err != nil {
			t.Fatal(err)
		}
		if err := n.Remember(rns.DestinationHash{2}, third.PublicIdentity); !errors.Is(err, rns.ErrTooMany) {
			t.Errorf("a third: %v", err)
		}
		n.Retain(d, false)
		if err := n.Remember(rns.DestinationHash{2}, third.PublicIdentity); err != nil {
			t.Errorf("in the place of one that is retained no more: %v", err)
		}
	})
}

func TestOwnDestinationsAreLocal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rnstest.Start(t, rns.Config{})
		d, err := n.NewDestination(rns.DestinationConfig{Type: rns.DestinationSingle, Identity: rnstest.Identity(t, 1), App: "test"})
		if err != nil {
			t.Fatal(err)
		}
		if !n.IsLocal(d.Hash()) || n.IsLocal(rns.DestinationHash{1}) {
			t.Error("own and others' are mixed up")
		}
	})
}

// radio is a carrier that brings packets with signals.
type radio struct {
	frames  chan []byte
	signal  interfaces.Signal
	stopped chan struct{}
}

func (r *radio) Name() string                      { return "RNodeInterface[test]" }
func (r *radio) Send([]byte) error                 { return nil }
func (r *radio) Stats() interfaces.Stats           { return interfaces.Stats{Online: true} }
func (r *radio) Signal() interfaces.Signal         { return r.signal }
func (r *radio) Radio() interfaces.RadioStats      { return interfaces.RadioStats{State: "online"} }
func (r *radio) Properties() interfaces.Properties { return interfaces.Properties{FrameLimit: 508} }

func (r *radio) Run(ctx context.Context, deliver func([]byte)) error {
	for {
		select {
		case f := <-r.frames:
			rssi := -int(f[len(f)-1])
			r.signal = interfaces.Signal{RSSI: &rssi}
			deliver(f)
		case <-r.stopped:
			return errors.New("unplugged")
		case <-ctx.Done():
			return nil
		}
	}
}

// The signals of the last 512 packets are remembered, by the hash of the packet.
func TestSignalsOfTheLastPacketsAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &radio{frames: make(chan []byte), stopped: make(chan struct{})}
		n := rnstest.Start(t, rns.Config{})
		if err := n.AddInterface(r, rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		var hashes []rns.PacketHash
		for i := range 600 {
			data := append(binary.BigEndian.AppendUint32(nil, uint32(i)), byte(i%100))
			p := rns.Packet{DestinationType: rns.DestinationPlain, Destination: [16]byte{1}, Data: data}
			hashes = append(hashes, p.Hash())
			r.frames <- p.Append(nil)
			if i == 599 {
				r.frames <- p.Append(nil) // heard twice: counts once
			}
		}
		synctest.Wait()
		for i, h := range hashes {
			s, ok := n.PacketSignal(h)
			if ok != (i >= 600-512) || ok && *s.RSSI != -(i%100) {
				t.Fatalf("packet %d: %+v, %v", i, s, ok)
			}
		}
		if s := n.Stats().Interfaces[0]; s.Radio == nil || s.Radio.State != "online" {
			t.Errorf("%+v", s)
		}
		gone := n.Detached("RNodeInterface[test]")
		select {
		case <-gone:
			t.Error("gone already")
		default:
		}
		close(r.stopped)
		<-gone
		if len(n.Stats().Interfaces) != 0 {
			t.Error("still attached")
		}
		<-n.Detached("RNodeInterface[test]")
	})
}

// A client of a shared instance waits as long as the master's radio needs: 500 bytes at 100 bit/s are 40 s.
func TestWaitsThroughAMasterCountItsSlowRadio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{Bitrate: 1e9, MTU: 262144})
		owner := rnstest.Start(t, rns.Config{}, m.Port("owner"))
		radio := new(slowRadio)
		client := start(t, rns.Config{}, func(tr *rns.Transport) {
			err := tr.AddInterface(m.Port("client"), rns.InterfaceOptions{Local: rns.LocalMaster, FirstHop: radio})
			if err != nil {
				t.Fatal(err)
			}
		})
		id := rnstest.Identity(t, 1)
		d, err := owner.NewDestination(rns.DestinationConfig{Type: rns.DestinationSingle, Identity: id, App: "test", RefuseLinks: true, OnPacket: func(*rns.ReceivedPacket) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		remote, began := client.NewRemote(id.PublicIdentity, "test"), time.Now()
		if _, err := client.OpenLink(t.Context(), remote); !errors.Is(err, rns.ErrTimeout) {
			t.Fatalf("link: %v", err)
		}
		if waited := time.Since(began); waited < 52*time.Second || waited > 54*time.Second {
			t.Errorf("the link was waited for for %v", waited)
		}
		synctest.Wait()
		if err := client.AwaitPath(t.Context(), d.Hash()); err != nil {
			t.Fatal(err)
		}
		began = time.Now()
		r, err := remote.Send(t.Context(), []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		<-r.Done()
		if waited := time.Since(began); waited < 46*time.Second || waited > 54*time.Second {
			t.Errorf("the proof was waited for for %v", waited)
		}
		if radio.asked != 2 {
			t.Errorf("asked %d times", radio.asked)
		}
	})
}

// slowRadio is what a master with a radio of 100 bit/s tells.
type slowRadio struct{ asked int }

func (r *slowRadio) Bitrate(context.Context, rns.DestinationHash) int64 {
	r.asked++
	return 100
}

package rns_test

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"

	"groupd/rns"
	"groupd/rns/interfaces"
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

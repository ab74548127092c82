package rnode_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/rnode"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest/rnodesim"
)

// radioNode is a Reticulum node with nothing but an RNode.
func radioNode(t *testing.T, d *rnodesim.Device) *rns.Transport {
	t.Helper()
	i, err := rnode.New(rnode.Config{Name: d.Name(), Radio: sf8(), Open: d.Open})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := tr.AddInterface(i, rns.InterfaceOptions{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 2)
	radio, off := context.WithCancel(t.Context())
	go func() { done <- d.Run(radio) }()
	go func() { done <- tr.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		off()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return tr
}

func TestNodesMeetOnALossyRadioInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		air := rnodesim.NewChannel(rnodesim.ChannelOptions{Loss: 0.05, Seed: 7})
		a := radioNode(t, air.NewDevice("a", rnodesim.DeviceOptions{}))
		b := radioNode(t, air.NewDevice("b", rnodesim.DeviceOptions{Chip: rnodesim.SX127x}))
		identity, err := rns.NewIdentity(bytes.NewReader(bytes.Repeat([]byte{1, 2, 3, 4}, 16)))
		if err != nil {
			t.Fatal(err)
		}
		d, err := a.NewDestination(rns.DestinationConfig{Type: rns.DestinationSingle, Identity: identity, App: "radio", Aspects: []string{"test"}})
		if err != nil {
			t.Fatal(err)
		}
		d.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) { return r.Data, true })
		time.Sleep(upAfter + time.Second)
		began := time.Now()
		if err := b.AwaitPath(t.Context(), d.Hash()); err != nil {
			t.Fatal(err)
		}
		known, ok := b.Recall(d.Hash())
		if !ok {
			t.Fatal("the destination is not known")
		}
		link, err := b.OpenLink(t.Context(), b.NewRemote(known.Identity, "radio", "test"))
		if err != nil {
			t.Fatal(err)
		}
		if link.MTU() != 500 { // I-015
			t.Errorf("MTU %d", link.MTU())
		}
		data := bytes.Repeat([]byte("radio "), 700) // needs resources both ways
		r, err := link.Request(t.Context(), "/echo", msgpack.Bin(data), rns.RequestOptions{Timeout: 10 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := r.Data.Bin(); !bytes.Equal(got, data) {
			t.Errorf("echo of %d bytes", len(got))
		}
		if took := time.Since(began); took < 2*time.Second || took > 5*time.Minute || air.Stats().Frames < 8 {
			t.Errorf("took %v, %+v", took, air.Stats())
		}
		if err := link.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(10 * time.Second)
	})
}

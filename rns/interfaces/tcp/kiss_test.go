package tcp_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns/interfaces/kiss"
	"groupd/rns/interfaces/tcp"
)

// I-010, I-036: packets are KISS frames, the port in the command does not matter, and no tunnel is set up.
func TestKISSClientTalksToATNC(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, in := newWire(), newInbox()
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial, KISSFraming: true})
		c.NotifyUp(func() { t.Error("a tunnel is set up over KISS") })
		background(t, func(ctx context.Context) { c.Run(ctx, in.deliver) })
		tnc, err := w.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer tnc.Close()
		synctest.Wait()
		packet := append([]byte{kiss.FEND, kiss.FESC}, frame(30, 7)...)
		if err := c.Send(packet); err != nil {
			t.Fatal(err)
		}
		want := kiss.AppendFrame(nil, kiss.CommandData, packet)
		got := make([]byte, len(want))
		if _, err := io.ReadFull(tnc, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("sent %x, want %x (%v)", got, want, err)
		}
		var wire []byte
		for _, command := range []byte{0x00, 0x0F, 0x10, 0x01} { // packet, ready, packet from port 1, TXDELAY
			wire = kiss.AppendFrame(wire, command, packet)
		}
		wire = kiss.AppendFrame(wire, kiss.CommandData, frame(8209, 1)) // longer than the carrier takes
		tnc.Write(wire)
		synctest.Wait()
		if all := in.all(); len(all) != 2 || !bytes.Equal(all[0], packet) || !bytes.Equal(all[1], packet) {
			t.Errorf("received %x", all)
		}
		if s := c.Stats(); s.TxBytes != uint64(len(want)) || s.RxFrames != 2 || s.RxDropped.TooLong != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// I-035.
func TestServersSpeakHDLCEvenToAKISSClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, h, in := newWire(), newHub(), newInbox()
		s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: "::", Listen: w.Listen})
		if err != nil {
			t.Fatal(err)
		}
		background(t, func(ctx context.Context) { s.Serve(ctx, h.attach) })
		c := newClient(t, tcp.ClientConfig{Dial: w.Dial, KISSFraming: true})
		background(t, func(ctx context.Context) { c.Run(ctx, in.deliver) })
		p := <-h.peers
		synctest.Wait()
		c.Send(frame(100, 1))
		p.Send(frame(100, 2))
		time.Sleep(time.Second)
		if len(in.all()) != 0 || len(h.inbox.all()) != 0 {
			t.Error("frames passed between two framings")
		}
	})
}

func FuzzKISSFraming(f *testing.F) {
	f.Add([]byte{kiss.FEND, 0, 1, kiss.FESC, kiss.TFEND, kiss.FEND}, 3)
	f.Add([]byte{kiss.FEND, 0x10, 1, 2, 3, 4, 5, kiss.FEND, kiss.FEND}, 1)
	f.Fuzz(func(t *testing.T, wire []byte, cut int) {
		framing := tcp.KISSFraming()
		const limit = 64
		d := framing.NewDecoder(limit)
		cut = min(max(cut, 0), len(wire))
		var again []byte
		deliver := func(p []byte) {
			if len(p) == 0 || len(p) > limit {
				t.Fatalf("%d bytes", len(p))
			}
			one := framing.AppendFrame(nil, p)
			if len(one) != framing.FrameLen(p) {
				t.Fatal("wrong length")
			}
			framing.NewDecoder(limit).Feed(one, func(q []byte) { again = bytes.Clone(q) })
			if !bytes.Equal(again, p) {
				t.Fatalf("%x became %x", p, again)
			}
		}
		d.Feed(wire[:cut], deliver)
		d.Feed(wire[cut:], deliver)
	})
}

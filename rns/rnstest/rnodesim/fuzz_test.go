package rnodesim_test

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"groupd/internal/vectors"
	"groupd/rns/rnstest/rnodesim"
)

// Whatever a host says, a device goes on.
func FuzzDeviceCommands(f *testing.F) {
	f.Add([]byte{0xc0, 0x08, 0x73, 0xc0, 0x50, 0, 0xc0, 0x48, 0, 0xc0})
	for _, c := range vectors.Load(f, "rnode") {
		switch c.Kind {
		case "configure":
			if c.Valid {
				f.Add(append(c.Out.Bytes("init_radio"), 0xc0, 0, 1, 2, 3, 0xc0))
			}
		case "send", "detach", "framebuffer", "command":
			f.Add(c.Out.Bytes("bytes"))
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if len(wire) > 4000 {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			d := rnodesim.NewChannel(rnodesim.ChannelOptions{}).NewDevice("a", rnodesim.DeviceOptions{Quiet: true})
			run(t, d)
			h := connect(t, d)
			h.port.Write(wire)
			time.Sleep(time.Second)
			h.port.Write([]byte{0xc0, 0xc0, 0x06, 0, 0xc0})
			h.forget()
			h.say(0x08, 0x73)
			synctest.Wait()
			if len(h.heard(0x08)) == 0 || d.Stats().Queued > rnodesim.QueuePackets {
				t.Fatalf("does not answer after %x, %+v", wire, d.Stats())
			}
		})
	})
}

// However air frames come, packets are bounded, and what was split comes together again.
func FuzzReassembler(f *testing.F) {
	f.Add([]byte("\x11first"), []byte("\x11second"), byte(3))
	f.Add([]byte{}, bytes.Repeat([]byte{1}, 255), byte(0))
	f.Fuzz(func(t *testing.T, a, b []byte, sequence byte) {
		if len(a) > 255 || len(b) > 255 {
			return
		}
		var r rnodesim.Reassembler
		for _, frame := range [][]byte{a, b, b, a} {
			if p, ok := r.Add(frame); ok && len(p) > rnodesim.MaxPacket {
				t.Fatalf("packet of %d bytes", len(p))
			}
		}
		r = rnodesim.Reassembler{}
		packet := append(append([]byte{}, a...), b...)
		if len(packet) > rnodesim.MaxPacket {
			return
		}
		for i, frame := range rnodesim.Split(packet, sequence&15) {
			if p, ok := r.Add(frame); ok && !bytes.Equal(p, packet) {
				t.Fatalf("frame %d: %x, want %x", i, p, packet)
			}
		}
	})
}

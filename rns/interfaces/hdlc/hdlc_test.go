package hdlc_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns/interfaces/hdlc"
)

// decode feeds chunks to a decoder and returns copies of the packets.
func decode(d *hdlc.Decoder, chunks ...[]byte) (packets [][]byte) {
	for _, c := range chunks {
		d.Feed(c, func(p []byte) { packets = append(packets, bytes.Clone(p)) })
	}
	return packets
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func same(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func packet(n int, first byte) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = first + byte(i)
	}
	return p
}

func TestFramesAreEscapedAsTheReferenceDoes(t *testing.T) {
	if got := hdlc.AppendFrame(nil, unhex(t, "7d7e11")); hex.EncodeToString(got) != "7e7d5d7d5e117e" {
		t.Errorf("frame %x", got)
	}
	if got := hdlc.AppendFrame([]byte{1}, nil); hex.EncodeToString(got) != "017e7e" {
		t.Errorf("empty frame %x", got)
	}
}

// I-009.
func TestFrameSplitOverArbitraryChunksIsReassembled(t *testing.T) {
	var want [][]byte
	var wire []byte
	for i := range 50 {
		p := packet(20+i*7, byte(i*5))
		want = append(want, p)
		wire = hdlc.AppendFrame(wire, p)
	}
	for size := 1; size < 200; size++ {
		var chunks [][]byte
		for rest := wire; len(rest) > 0; {
			n := min(size, len(rest))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		if got := decode(hdlc.NewDecoder(20, 500), chunks...); !same(got, want) {
			t.Fatalf("chunks of %d: %d of %d packets", size, len(got), len(want))
		}
	}
}

// I-004, I-008.
func TestGarbageBetweenGoodFramesLosesOnlyTheGarbage(t *testing.T) {
	a, b := packet(30, 0x70), packet(40, 0x10)
	fa, fb := hdlc.AppendFrame(nil, a), hdlc.AppendFrame(nil, b)
	long := bytes.Repeat([]byte{1, 2, 3, 0x7d}, 1000)
	d := hdlc.NewDecoder(20, 64)
	got := decode(d, []byte("noise before the first flag"), fa, []byte("short noise"), fb, long, long, fa, []byte{0x7e}, fb)
	if !same(got, [][]byte{a, b, a, b}) {
		t.Errorf("got %d packets: %x", len(got), got)
	}
	if short, long := d.Dropped(); short != 1 || long != 1 {
		t.Errorf("dropped %d short, %d long", short, long)
	}
}

// I-005, I-006.
func TestPacketLengthLimitsAreExact(t *testing.T) {
	for _, c := range []struct {
		n    int
		want bool
	}{{19, false}, {20, true}, {8208, true}, {8209, false}} {
		for _, fill := range []byte{0, 0x7e} { // as sent, and escaped
			p := bytes.Repeat([]byte{fill}, c.n)
			frame := hdlc.AppendFrame(nil, p)
			for _, cut := range []int{0, 5, len(frame) / 2, len(frame) - 1} {
				d := hdlc.NewDecoder(hdlc.MinPacket, 8208)
				got := decode(d, frame[:cut], frame[cut:])
				if (len(got) == 1) != c.want {
					t.Errorf("%d bytes of %x, cut at %d: %d packets", c.n, fill, cut, len(got))
				}
				if short, long := d.Dropped(); !c.want && short+long != 1 || c.want && short+long != 0 {
					t.Errorf("%d bytes: counted %d short, %d long", c.n, short, long)
				}
				if again := decode(d, hdlc.AppendFrame(nil, packet(20, 0))); len(again) != 1 {
					t.Errorf("%d bytes: the next frame is lost", c.n)
				}
			}
		}
	}
}

func TestResetForgetsTheFrameThatWasBegun(t *testing.T) {
	d := hdlc.NewDecoder(1, 500)
	decode(d, []byte{0x7e, 1, 2, 3})
	if !d.Partial() {
		t.Error("a begun frame is not partial")
	}
	d.Reset()
	if d.Partial() {
		t.Error("partial after reset")
	}
	if got := decode(d, []byte{4, 5, 0x7e, 6, 0x7e}); !same(got, [][]byte{{6}}) {
		t.Errorf("got %x", got)
	}
}

// I-007.
func TestNoiseNeverGrowsTheDecoder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := hdlc.NewDecoder(20, 500)
	chunk := make([]byte, 4096)
	allocs := testing.AllocsPerRun(200, func() {
		for i := range chunk {
			if chunk[i] = byte(r.Uint32()); chunk[i] == hdlc.Flag {
				chunk[i]++
			}
		}
		chunk[0] = hdlc.Flag
		d.Feed(chunk, func([]byte) { t.Error("noise was delivered") })
	})
	if allocs > 1 {
		t.Errorf("%v allocations per chunk of noise", allocs)
	}
}

func FuzzDecoder(f *testing.F) {
	for _, c := range vectors.Load(f, "framing") {
		switch c.Kind {
		case "hdlc_encode":
			f.Add(c.In.Bytes("payload"), uint16(3))
		case "hdlc_decode":
			f.Add(bytes.Join(c.In.BytesList("chunks"), nil), uint16(7))
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, cut uint16) {
		const longest = 600
		whole := decode(hdlc.NewDecoder(1, longest), wire)
		for _, p := range whole {
			if len(p) == 0 || len(p) > longest {
				t.Fatalf("packet of %d bytes", len(p))
			}
		}
		// However it is cut, the packets are the same.
		d := hdlc.NewDecoder(1, longest)
		at := int(cut) % (len(wire) + 1)
		got := decode(d, wire[:at], wire[at:])
		if !same(got, whole) {
			t.Fatalf("cut at %d: %x, whole: %x", at, got, whole)
		}
		// What was received can be sent on, and anything can be sent.
		for _, p := range append(whole, wire) {
			frame := hdlc.AppendFrame(nil, p)
			if len(frame) != hdlc.FrameLen(p) {
				t.Fatalf("FrameLen says %d, frame has %d bytes", hdlc.FrameLen(p), len(frame))
			}
			again := decode(hdlc.NewDecoder(1, len(wire)+1), frame)
			if len(p) > 0 && !same(again, [][]byte{p}) {
				t.Fatalf("%x came back as %x", p, again)
			}
		}
	})
}

func BenchmarkAppendFrame(b *testing.B) {
	for name, p := range map[string][]byte{"500": noise(500), "8192": noise(8192), "8192 escapes": bytes.Repeat([]byte{hdlc.Escape}, 8192)} {
		b.Run(name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				buf = hdlc.AppendFrame(buf[:0], p)
			}
		})
	}
}

func BenchmarkDecoder(b *testing.B) {
	for _, n := range []int{500, 8192} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			frame := hdlc.AppendFrame(nil, noise(n))
			d := hdlc.NewDecoder(hdlc.MinPacket, 8208)
			count := 0
			b.ReportAllocs()
			b.SetBytes(int64(n))
			for b.Loop() {
				d.Feed(frame[:len(frame)/2], func([]byte) { count++ })
				d.Feed(frame[len(frame)/2:], func([]byte) { count++ })
			}
			if count == 0 {
				b.Fatal("nothing was decoded")
			}
		})
	}
}

// noise is encrypted data, as packets are.
func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

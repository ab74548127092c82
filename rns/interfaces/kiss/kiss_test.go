package kiss_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns/interfaces/kiss"
)

// payloads feeds chunks to a decoder and returns copies of what comes with CommandData.
func payloads(d *kiss.Decoder, chunks ...[]byte) (got [][]byte) {
	for _, c := range chunks {
		d.Feed(c, func(command byte, p []byte) {
			if command == kiss.CommandData {
				got = append(got, bytes.Clone(p))
			}
		})
	}
	return got
}

func TestVectorsKISSFrames(t *testing.T) {
	vectors.RunKinds(t, "framing", []string{"kiss_encode"}, func(t *testing.T, c vectors.Case) {
		c.Out.CheckBytes("frame", kiss.AppendFrame(nil, kiss.CommandData, c.In.Bytes("payload")))
	})
}

// What the reference's readers hand on, ours must too, byte for byte. Only a packet that is too long is dropped where the
// reference cuts it and hands on the rest; no proper sender makes one.
func TestVectorsKISSReaders(t *testing.T) {
	vectors.RunKinds(t, "framing", []string{"kiss_decode"}, func(t *testing.T, c vectors.Case) {
		for reader, mtu := range map[string]int{"tcp": 262144, "serial": 564} {
			d := kiss.NewDecoder(mtu, kiss.MaskTNC)
			got := payloads(d, c.In.BytesList("chunks")...)
			if d.TooLong() > 0 {
				var want []json.RawMessage
				if err := json.Unmarshal(c.Out.JSON(reader), &want); err != nil {
					t.Fatal(err)
				}
				if !c.Lenient || len(want) != len(got)+int(d.TooLong()) {
					t.Fatalf("%s: %d packets and %d that were too long, the reference has %d", reader, len(got), d.TooLong(), len(want))
				}
				continue
			}
			c.Out.CheckBytesList(reader, got)
		}
	})
}

func TestVectorsKISSConfiguration(t *testing.T) {
	vectors.RunKinds(t, "framing", []string{"kiss_configure"}, func(t *testing.T, c vectors.Case) {
		ms := func(key string) time.Duration { return time.Duration(c.In.Int(key)) * time.Millisecond }
		settings := kiss.TNC{
			Preamble: ms("preamble_ms"), TXTail: ms("txtail_ms"), SlotTime: ms("slottime_ms"), Persistence: c.In.Int("persistence"),
		}.Settings()
		want := c.Out.Objects("commands")
		if len(want) != len(settings) {
			t.Fatalf("%d commands, want %d", len(settings), len(want))
		}
		for i, w := range want {
			if w.Text("name") != settings[i].Name {
				t.Errorf("command %d is %s, want %s", i, settings[i].Name, w.Text("name"))
			}
			w.CheckBytes("bytes", settings[i].Frame)
		}
	})
}

// I-002.
func TestFramesAreEscapedAsTheReferenceDoes(t *testing.T) {
	payload := []byte{0xc0, 0xdb, 0x01}
	got := kiss.AppendFrame(nil, kiss.CommandData, payload)
	if hex.EncodeToString(got) != "c000dbdcdbdd01c0" || kiss.FrameLen(payload) != len(got) {
		t.Errorf("frame %x, length %d", got, kiss.FrameLen(payload))
	}
}

// I-010, I-011.
func TestPortsAndRunsOfFENDsAreHarmless(t *testing.T) {
	wire := append(bytes.Repeat([]byte{kiss.FEND}, 10), 0x10, 1, 2, 3, kiss.FEND)
	wire = append(append(wire, bytes.Repeat([]byte{kiss.FEND}, 5)...), 0xF0, 4, 5, kiss.FEND)
	if got := payloads(kiss.NewDecoder(10, kiss.MaskTNC), wire); len(got) != 2 || !bytes.Equal(got[0], []byte{1, 2, 3}) || !bytes.Equal(got[1], []byte{4, 5}) {
		t.Errorf("got %x", got)
	}
	if got := payloads(kiss.NewDecoder(10, kiss.MaskNone), wire); got != nil {
		t.Errorf("an RNode has no ports, but got %x", got)
	}
}

func TestPacketLengthLimitIsExact(t *testing.T) {
	for _, n := range []int{563, 564, 565, 5000} {
		d := kiss.NewDecoder(564, kiss.MaskTNC)
		frame := kiss.AppendFrame(nil, kiss.CommandData, bytes.Repeat([]byte{kiss.FEND}, n))
		after := kiss.AppendFrame(nil, kiss.CommandData, []byte{1})
		got := payloads(d, frame[:len(frame)/2], frame[len(frame)/2:], after)
		if fits := n <= 564; fits != (len(got) == 2) || fits != (d.TooLong() == 0) {
			t.Errorf("%d bytes: %d packets, %d too long", n, len(got), d.TooLong())
		}
	}
}

func FuzzDecoder(f *testing.F) {
	for _, c := range vectors.Load(f, "framing") {
		if c.Kind == "kiss_decode" {
			f.Add(bytes.Join(c.In.BytesList("chunks"), nil), uint16(7), true)
		}
	}
	for _, c := range vectors.Load(f, "rnode") {
		if c.Kind == "receive" {
			f.Add(bytes.Join(c.In.BytesList("chunks"), nil), uint16(3), false)
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, cut uint16, tnc bool) {
		const longest = 100
		mask := byte(kiss.MaskNone)
		if tnc {
			mask = kiss.MaskTNC
		}
		type frame struct {
			command byte
			payload string
		}
		decode := func(chunks ...[]byte) (got []frame) {
			d := kiss.NewDecoder(longest, mask)
			for _, c := range chunks {
				d.Feed(c, func(command byte, p []byte) {
					if len(p) == 0 || len(p) > longest || command&^mask != 0 {
						t.Fatalf("frame of %d bytes, command %x", len(p), command)
					}
					got = append(got, frame{command, string(p)})
				})
			}
			return got
		}
		whole := decode(wire)
		at := int(cut) % (len(wire) + 1)
		parts := decode(wire[:at], wire[at:])
		if len(parts) != len(whole) {
			t.Fatalf("cut at %d: %d frames, whole %d", at, len(parts), len(whole))
		}
		for i, w := range whole {
			if parts[i] != w {
				t.Fatalf("cut at %d: frame %d differs", at, i)
			}
			if w.command == kiss.FEND {
				continue
			}
			again := decode(kiss.AppendFrame(nil, w.command, []byte(w.payload)))
			if len(again) != 1 || again[0] != w {
				t.Fatalf("%v came back as %v", w, again)
			}
		}
	})
}

func BenchmarkDecoder(b *testing.B) {
	frame := kiss.AppendFrame(nil, kiss.CommandData, bytes.Repeat([]byte{1, 2, 3, 4}, 125))
	d := kiss.NewDecoder(564, kiss.MaskTNC)
	b.ReportAllocs()
	b.SetBytes(500)
	for b.Loop() {
		d.Feed(frame, func(byte, []byte) {})
	}
}

package rnodesim_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"groupd/rns/rnstest/rnodesim"
)

func ms(d time.Duration) float64 { return math.Round(float64(d)/1e4) / 100 }

// The table of spec 3 §3.11: I-091 to I-094.
func TestAirtimeFollowsTheFormula(t *testing.T) {
	for _, c := range []struct {
		sf                             int
		bandwidth                      uint32
		cr, bitrate, preamble          int
		slot, difs                     float64
		ldro                           bool
		accounted, x126, x127, full126 float64
	}{
		{7, 125000, 5, 5468, 24, 24, 48, false, 65.21, 72.96, 68.86, 416.00},
		{8, 125000, 5, 3125, 18, 24, 48, false, 108.80, 123.39, 115.20, 727.55},
		{9, 125000, 5, 1757, 18, 49, 98, false, 203.09, 226.30, 209.92, 1291.26},
		{10, 125000, 5, 976, 18, 98, 196, false, 382.98, 452.61, 419.84, 2377.73},
		{11, 125000, 5, 537, 18, 100, 200, false, 727.97, 823.30, 757.76, 4345.86},
		{12, 125000, 5, 292, 18, 100, 200, true, 1499.14, 1646.59, 1515.52, 9347.07},
		{12, 125000, 8, 183, 18, 100, 200, true, 1882.52, 2039.81, 1908.74, 14360.58},
		{7, 250000, 5, 10937, 47, 24, 48, false, 44.38, 48.26, 46.21, 219.78},
		{8, 250000, 5, 6250, 24, 24, 48, false, 60.54, 67.84, 63.74, 369.92},
		{7, 500000, 5, 21875, 94, 24, 48, false, 34.22, 36.16, 35.14, 121.92},
		{6, 500000, 5, 37500, 47, 6, 12, false, 11.91, 12.96, 12.45, 62.88},
		{5, 500000, 5, 62500, 94, 6, 12, false, 9.49, 9.81, 9.55, 39.89},
	} {
		m := rnodesim.Modulation{Frequency: 868_000_000, Bandwidth: c.bandwidth, SF: c.sf, CR: c.cr}
		old := m
		old.Chip = rnodesim.SX127x
		if int(m.Bitrate()) != c.bitrate || m.PreambleSymbols() != c.preamble || m.LDRO() != c.ldro || ms(m.Slot()) != c.slot || ms(m.DIFS()) != c.difs {
			t.Errorf("%+v: %v bit/s, preamble %d, LDRO %v, slot %v", m, m.Bitrate(), m.PreambleSymbols(), m.LDRO(), m.Slot())
		}
		for what, pair := range map[string][2]float64{
			"accounted": {ms(m.Accounted(20)), c.accounted}, "SX126x": {ms(m.Airtime(20)), c.x126},
			"SX127x": {ms(old.Airtime(20)), c.x127}, "full": {ms(m.Airtime(255)), c.full126},
		} {
			if math.Abs(pair[0]-pair[1]) > 0.0101 {
				t.Errorf("%+v %s: %v ms, want %v", m, what, pair[0], pair[1])
			}
		}
		if m.BurstsQueue() != (c.bitrate <= 14000) { // I-096
			t.Errorf("%+v: bursts %v", m, m.BurstsQueue())
		}
	}
	if (rnodesim.Modulation{Bandwidth: 250000, SF: 12}).LDRO() || (rnodesim.Modulation{Bandwidth: 62500, SF: 10}).LDRO() {
		t.Error("LDRO is decided in whole numbers")
	}
}

func TestTableInTheRadioDocumentIsRight(t *testing.T) {
	text, err := os.ReadFile("../../../docs/radio.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		var sf, khz, bitrate, a, b, c int
		if n, _ := fmt.Sscanf(line, "| %d | %d kHz | %d | %d | %d | %d |", &sf, &khz, &bitrate, &a, &b, &c); n < 6 {
			continue
		}
		rows++
		m := rnodesim.Modulation{Bandwidth: uint32(khz) * 1000, SF: sf, CR: 5}
		if got := [4]int64{int64(m.Bitrate()), m.PacketAirtime(100).Milliseconds(), m.PacketAirtime(200).Milliseconds(), m.PacketAirtime(500).Milliseconds()}; got != [4]int64{int64(bitrate), int64(a), int64(b), int64(c)} {
			t.Errorf("%swant %v", line, got)
		}
	}
	if rows != 8 {
		t.Errorf("%d rows", rows)
	}
}

// I-087, I-088, I-090.
func TestPacketsAreSplitAtTwoHundredFiftyFourBytes(t *testing.T) {
	for _, c := range []struct {
		packet int
		frames []int
		header byte
	}{
		{1, []int{2}, 0x50}, {254, []int{255}, 0x50}, {255, []int{255, 2}, 0x51}, {500, []int{255, 247}, 0x51},
		{507, []int{255, 254}, 0x51}, {508, []int{255, 255, 1}, 0x51}, {509, nil, 0},
	} {
		frames := rnodesim.Split(make([]byte, c.packet), 5)
		if len(frames) != len(c.frames) {
			t.Errorf("%d bytes: %d frames", c.packet, len(frames))
			continue
		}
		for i, f := range frames {
			if len(f) != c.frames[i] || f[0] != c.header {
				t.Errorf("%d bytes: frame %d has %d bytes, header %x", c.packet, i, len(f), f[0])
			}
		}
	}
}

// I-089.
func TestFramesArePutTogetherByFourRules(t *testing.T) {
	var r rnodesim.Reassembler
	for i, c := range []struct{ frame, packet string }{
		{"\x10single", "single"},
		{"\x21first", ""}, {"\x21second", "firstsecond"}, // a split packet
		{"\x31lost", ""}, {"\x41begin", ""}, {"\x41end", "beginend"}, // another one comes between
		{"\x51half", ""}, {"\x60whole", "whole"}, {"\x51half", ""}, // a single one clears the half
		{"\x51", "half"}, // the empty rest
		{"", ""},
	} {
		packet, complete := r.Add([]byte(c.frame))
		if string(packet) != c.packet && complete || complete != (c.packet != "") {
			t.Errorf("step %d: %q, %v", i, packet, complete)
		}
	}
	// A packet of 508 bytes leaves an empty half behind, which the next single packet clears.
	long := bytes.Repeat([]byte{7}, 508)
	for _, f := range rnodesim.Split(long, 3) {
		if p, ok := r.Add(f); ok && !bytes.Equal(p, long) {
			t.Errorf("508 bytes came as %d", len(p))
		}
	}
	if p, ok := r.Add([]byte{0x00, 9}); !ok || !bytes.Equal(p, []byte{9}) {
		t.Errorf("after it: %x %v", p, ok)
	}
}

// I-095.
func TestContentionWindowFollowsTheOwnAirtime(t *testing.T) {
	for percent, band := range map[int]int{0: 1, 7: 1, 8: 2, 38: 2, 39: 3, 77: 3, 78: 4, 100: 4} {
		if b, low, high := rnodesim.Contention(float64(percent)/100+0.001, false); b != band || low != 15*(band-1) || band > 1 && high != 15*band-1 {
			t.Errorf("%d %%: band %d, %d to %d", percent, b, low, high)
		}
	}
	if _, _, high := rnodesim.Contention(0, false); high != 15 {
		t.Errorf("at start to %d", high)
	}
	if _, _, high := rnodesim.Contention(0, true); high != 14 {
		t.Errorf("after returning to %d", high)
	}
}

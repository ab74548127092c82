package rnodesim

import (
	"encoding/binary"
	"math"

	"groupd/rns/interfaces/kiss"
)

// Commands that a device knows (spec 3 §3.2).
const (
	commandFrequency = 0x01
	commandBandwidth = 0x02
	commandTXPower   = 0x03
	commandSF        = 0x04
	commandCR        = 0x05
	commandState     = 0x06
	commandLock      = 0x07
	commandDetect    = 0x08
	commandLeave     = 0x0A
	commandShort     = 0x0B
	commandLong      = 0x0C
	commandRXCount   = 0x21
	commandTXCount   = 0x22
	commandRSSI      = 0x23
	commandSNR       = 0x24
	commandChannel   = 0x25
	commandPhysical  = 0x26
	commandBattery   = 0x27
	commandCSMA      = 0x28
	commandTemp      = 0x29
	commandRandom    = 0x40
	commandFBExtern  = 0x41
	commandFBRead    = 0x42
	commandFBWrite   = 0x43
	commandBoard     = 0x47
	commandPlatform  = 0x48
	commandMCU       = 0x49
	commandFirmware  = 0x50
	commandReset     = 0x55
	commandDisplay   = 0x66
	commandError     = 0x90

	detectQuestion = 0x73
	detectAnswer   = 0x46
	resetByte      = 0xF8
	query          = 0xFF

	errorTXFailed = 0x02
)

// Platforms.
const (
	PlatformESP32 = 0x80
	PlatformNRF52 = 0x70
	PlatformAVR   = 0x90
)

// command handles one command of the host's, which is valid during the call only. With mu held.
func (d *Device) command(command byte, p []byte) {
	if len(p) == 0 {
		return
	}
	switch command {
	case kiss.CommandData:
		d.enqueue(p)
	case commandFrequency, commandBandwidth:
		if len(p) >= 4 {
			d.setWide(command, binary.BigEndian.Uint32(p))
		}
	case commandShort, commandLong:
		if len(p) >= 2 {
			d.setLimit(command, int(binary.BigEndian.Uint16(p)))
		}
	case commandFBWrite:
		if len(p) >= 9 && p[0] < 64 {
			copy(d.screen[p[0]][:], p[1:9])
		}
	default:
		for _, b := range p { // these act once per byte
			d.byteCommand(command, b)
		}
	}
}

// byteCommand with mu held.
func (d *Device) byteCommand(command, b byte) {
	switch command {
	case commandDetect:
		if b == detectQuestion {
			d.answer(commandDetect, []byte{detectAnswer})
		}
	case commandFirmware:
		d.answer(commandFirmware, []byte{d.opts.Major, d.opts.Minor})
	case commandPlatform:
		d.answer(commandPlatform, []byte{d.opts.Platform})
	case commandMCU:
		d.answer(commandMCU, []byte{d.opts.Platform | 0x01}) // 0x81 ESP32, 0x71 NRF52, 0x91 the larger AVR
	case commandBoard:
		d.answer(commandBoard, []byte{0x3A})
	case commandTXPower, commandSF, commandCR:
		d.setNarrow(command, b)
	case commandState:
		d.setState(b)
	case kiss.CommandReady:
		d.ready()
	case commandLeave:
		if b == query {
			d.stats.Leaves++
		}
	case commandRSSI:
		d.answer(commandRSSI, []byte{noiseFloor + 157})
	case commandRXCount:
		d.answer(commandRXCount, binary.BigEndian.AppendUint32(nil, uint32(d.stats.Received)))
	case commandTXCount:
		d.answer(commandTXCount, binary.BigEndian.AppendUint32(nil, uint32(d.stats.Sent)))
	case commandRandom:
		d.answer(commandRandom, []byte{byte(d.rand.IntN(255))})
	case commandFBExtern:
		if b == query {
			b = 0
		}
		d.answer(commandFBExtern, []byte{b})
	case commandFBRead, commandDisplay:
		if b != 0 {
			size := map[byte]int{commandFBRead: 512, commandDisplay: 1024}[command]
			var all []byte
			for _, line := range d.screen {
				all = append(all, line[:]...)
			}
			d.answer(command, append(all, make([]byte, size-len(all))...))
		}
	case commandReset:
		if b == resetByte {
			d.reboot()
		}
	}
}

// setWide sets frequency or bandwidth; 0 asks. With mu held.
func (d *Device) setWide(command byte, v uint32) {
	at := &d.set.frequency
	if command == commandBandwidth {
		at = &d.set.bandwidth
	}
	if v != 0 {
		if *at = v; d.on && command == commandBandwidth && !d.opts.Minimal {
			*at = supportedBandwidth(v, d.opts.Chip)
		}
		d.applied(command)
	}
	d.answer(command, binary.BigEndian.AppendUint32(nil, *at))
}

// setNarrow sets power, spreading factor or coding rate, clamped; 0xFF asks. With mu held.
func (d *Device) setNarrow(command, b byte) {
	var at *int
	low, high := 0, 255
	switch command {
	case commandTXPower:
		at, high = &d.set.txpower, d.opts.MaxTXPower
	case commandSF:
		at, low, high = &d.set.sf, 5, 12
	default:
		at, low, high = &d.set.cr, 5, 8
	}
	if b != query {
		if *at = int(b); !d.opts.Minimal {
			*at = min(max(*at, low), high)
		}
		d.applied(command)
	}
	d.answer(command, []byte{byte(max(*at, 0))})
}

// setLimit sets an airtime limit, percent × 100. With mu held.
func (d *Device) setLimit(command byte, v int) {
	if v >= 10_000 {
		v = 0
	}
	if command == commandShort {
		d.set.short = float64(v) / 10_000
	} else {
		d.set.long = float64(v) / 10_000
	}
	poke(d.wake)
	d.answer(command, be16(v))
}

// setState switches the radio; 0xFF asks. With mu held.
func (d *Device) setState(b byte) {
	state := func() byte {
		if d.on {
			return 1
		}
		return 0
	}
	if d.opts.Minimal {
		if b != query {
			d.switchRadio(b == 1)
		}
		d.answer(commandState, []byte{state()})
		return
	}
	switch {
	case b == query:
		d.answer(commandState, []byte{state()})
		return
	case b == 0:
		d.switchRadio(false)
		d.answer(commandState, []byte{0})
		return
	case !d.on && d.set.frequency != 0 && d.set.bandwidth != 0 && d.set.txpower >= 0 && d.set.sf != 0:
		if d.set.cr == 0 {
			d.set.cr = 5
		}
		d.set.bandwidth = supportedBandwidth(d.set.bandwidth, d.opts.Chip)
		d.switchRadio(true)
		for range 3 {
			d.physical()
		}
	}
	d.answer(commandState, []byte{state()})
	d.answer(commandState, []byte{state()})
}

// applied tells the radio of a setting, and the host what it makes of it. With mu held.
func (d *Device) applied(command byte) {
	if !d.on {
		return
	}
	d.tune()
	if !d.opts.Minimal && (command == commandBandwidth || command == commandSF || command == commandCR) {
		d.physical()
	}
}

// physical reports the physical parameters. With mu held.
func (d *Device) physical() {
	m := d.modulation()
	symbol := m.symbol()
	var p []byte
	for _, v := range []float64{
		symbol * 1e6, 1 / symbol, float64(m.PreambleSymbols()), math.Ceil(float64(m.PreambleSymbols()) * symbol * 1000),
		float64(m.Slot().Milliseconds()), float64(m.DIFS().Milliseconds()),
	} {
		p = binary.BigEndian.AppendUint16(p, uint16(int(v))) // wraps, as in the firmware
	}
	d.answer(commandPhysical, p)
}

// supportedBandwidth is the next one that the radio can do, in Hz.
func supportedBandwidth(v uint32, chip Chip) uint32 {
	steps := []uint32{7800, 10400, 15600, 20800, 31250, 41700, 62500, 125000, 250000, 500000}
	if chip == SX1280 {
		steps = []uint32{203125, 406250, 812500, 1625000}
	}
	for _, s := range steps {
		if v <= s {
			return s
		}
	}
	return steps[len(steps)-1]
}

package rnode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"groupd/rns/interfaces/kiss"
)

// Commands of the host protocol that are used here (spec 3 §3.2). An RNode is no TNC: their numbers mean other things there.
const (
	commandFrequency   = 0x01
	commandBandwidth   = 0x02
	commandTXPower     = 0x03
	commandSF          = 0x04
	commandCR          = 0x05
	commandState       = 0x06
	commandLock        = 0x07
	commandDetect      = 0x08
	commandLeave       = 0x0A
	commandShortLimit  = 0x0B
	commandLongLimit   = 0x0C
	commandRSSI        = 0x23
	commandSNR         = 0x24
	commandChannel     = 0x25
	commandPhysical    = 0x26
	commandBattery     = 0x27
	commandCSMA        = 0x28
	commandTemperature = 0x29
	commandRandom      = 0x40
	commandFBExternal  = 0x41
	commandFBRead      = 0x42
	commandFBWrite     = 0x43
	commandPlatform    = 0x48
	commandMCU         = 0x49
	commandFirmware    = 0x50
	commandReset       = 0x55
	commandDisplayRead = 0x66
	commandError       = 0x90

	detectQuestion = 0x73
	detectAnswer   = 0x46
	leaveByte      = 0xFF
	stateQuestion  = 0xFF
	resetByte      = 0xF8
)

// Sizes and versions (spec 3 §1.4, §3.3, §3.5).
const (
	// FrameLimit in bytes, access code included (HW_MTU). It is not offered to links.
	FrameLimit = 508
	// IFACSize in bytes where an access code is configured without a size (DEFAULT_IFAC_SIZE).
	IFACSize = 8
	// MinFirmwareMajor and MinFirmwareMinor are the oldest firmware that is accepted.
	MinFirmwareMajor = 1
	MinFirmwareMinor = 52
	// MaxCallsign in bytes.
	MaxCallsign = 32
	// FramebufferLines of FramebufferLine bytes each: 64 pixels in a line.
	FramebufferLines = 64
	FramebufferLine  = 8

	maxReport = 1024 // bytes: the display is the longest
)

// Radio are the settings of a radio, as configured.
type Radio struct {
	// Frequency in Hz: 137 000 000 to 3 000 000 000.
	Frequency int64
	// Bandwidth in Hz: 7 800 to 1 625 000.
	Bandwidth int64
	// TXPower in dBm: 0 to 37. The device must take exactly this, so it must be able to.
	TXPower int
	// SpreadingFactor: 5 to 12.
	SpreadingFactor int
	// CodingRate is the denominator: 5 to 8.
	CodingRate int
	// ShortLimit and LongLimit of the own airtime in percent, 0 to 100, over 15 s and an hour; the device holds packets back
	// above. nil: the device is told nothing.
	ShortLimit, LongLimit *float64
}

// Validate says what is out of range (spec 3 §3.5).
func (r Radio) Validate() error {
	within := func(option string, v, low, high int64) error {
		if v < low || v > high {
			return fmt.Errorf("%s is %d: it must be %d to %d", option, v, low, high)
		}
		return nil
	}
	limit := func(option string, v *float64) error {
		if v != nil && !(*v >= 0 && *v <= 100) {
			return fmt.Errorf("%s is %v: it must be 0 to 100 percent", option, *v)
		}
		return nil
	}
	return errors.Join(
		within("frequency", r.Frequency, 137_000_000, 3_000_000_000),
		within("bandwidth", r.Bandwidth, 7_800, 1_625_000),
		within("txpower", int64(r.TXPower), 0, 37),
		within("spreadingfactor", int64(r.SpreadingFactor), 5, 12),
		within("codingrate", int64(r.CodingRate), 5, 8),
		limit("airtime_limit_short", r.ShortLimit),
		limit("airtime_limit_long", r.LongLimit),
	)
}

// Bitrate in bit/s (spec 3 §3.9), before it is rounded. 0 when a setting is missing.
func (r Radio) Bitrate() float64 { return bitrate(r.Bandwidth, r.SpreadingFactor, r.CodingRate) }

func bitrate(bandwidth int64, sf, cr int) float64 {
	if bandwidth <= 0 || sf <= 0 || cr <= 0 {
		return 0
	}
	return float64(sf) * ((4 / float64(cr)) / (math.Pow(2, float64(sf)) / (float64(bandwidth) / 1000))) * 1000
}

// Command is one command to a device, framed.
type Command struct {
	Name  string
	Frame []byte
}

// Detect asks a device whether it is an RNode, and for firmware, platform and controller, in one write. The frames share
// their ends, which is allowed where there is no packet.
func Detect() []byte {
	return []byte{
		kiss.FEND, commandDetect, detectQuestion, kiss.FEND, commandFirmware, 0, kiss.FEND,
		commandPlatform, 0, kiss.FEND, commandMCU, 0, kiss.FEND,
	}
}

// Commands set the radio up and switch it on, in the order in which they are sent (I-064).
func (r Radio) Commands() []Command {
	wide := func(v int64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }
	one := func(name string, command byte, payload ...byte) Command {
		return Command{name, kiss.AppendFrame(nil, command, payload)}
	}
	commands := []Command{
		one("frequency", commandFrequency, wide(r.Frequency)...),
		one("bandwidth", commandBandwidth, wide(r.Bandwidth)...),
		one("txpower", commandTXPower, byte(r.TXPower)),
		one("spreadingfactor", commandSF, byte(r.SpreadingFactor)),
		one("codingrate", commandCR, byte(r.CodingRate)),
	}
	// Percent times 100, cut, not rounded (I-065).
	if r.ShortLimit != nil {
		commands = append(commands, one("airtime_limit_short", commandShortLimit, binary.BigEndian.AppendUint16(nil, uint16(*r.ShortLimit*100))...))
	}
	if r.LongLimit != nil {
		commands = append(commands, one("airtime_limit_long", commandLongLimit, binary.BigEndian.AppendUint16(nil, uint16(*r.LongLimit*100))...))
	}
	return append(commands, one("radio_on", commandState, 1))
}

// FirmwareSupported says whether a device's firmware is new enough (I-066).
func FirmwareSupported(major, minor int) bool {
	return major > MinFirmwareMajor || major == MinFirmwareMajor && minor >= MinFirmwareMinor
}

// AppendPacket appends a packet as it is written to a device.
func AppendPacket(dst, packet []byte) []byte { return kiss.AppendFrame(dst, kiss.CommandData, packet) }

// detach is what is written before a device is left (I-080). display says that it has one.
func detach(display bool) (out []byte) {
	if display {
		out = append(out, externalFramebuffer(false)...)
	}
	out = kiss.AppendFrame(out, commandState, []byte{0})
	return append(out, leave()...)
}

func leave() []byte        { return kiss.AppendFrame(nil, commandLeave, []byte{leaveByte}) }
func hardReset() []byte    { return kiss.AppendFrame(nil, commandReset, []byte{resetByte}) }
func readFramebuf() []byte { return kiss.AppendFrame(nil, commandFBRead, []byte{1}) }
func readDisplay() []byte  { return kiss.AppendFrame(nil, commandDisplayRead, []byte{1}) }
func askReady() []byte     { return kiss.AppendFrame(nil, kiss.CommandReady, []byte{1}) }

// probe asks whether the device is there, and whether its radio is on.
func probe() []byte {
	return kiss.AppendFrame(kiss.AppendFrame(nil, commandDetect, []byte{detectQuestion}), commandState, []byte{stateQuestion})
}

func externalFramebuffer(on bool) []byte {
	v := byte(0)
	if on {
		v = 1
	}
	return kiss.AppendFrame(nil, commandFBExternal, []byte{v})
}

func framebufferLine(line byte, pixels []byte) []byte {
	return kiss.AppendFrame(nil, commandFBWrite, append([]byte{line}, pixels...))
}

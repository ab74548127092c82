package rnode

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/kiss"
)

// Platforms that a device reports.
const (
	PlatformAVR   = 0x90
	PlatformESP32 = 0x80
	PlatformNRF52 = 0x70
)

// Reports is what a device told since its port was opened. What it did not tell is nil.
type Reports struct {
	// Detected: it is an RNode.
	Detected      bool
	Platform, MCU *int
	// FirmwareMajor and FirmwareMinor: 1 and 86 are firmware 1.86.
	FirmwareMajor, FirmwareMinor *int

	// Frequency and Bandwidth in Hz, TXPower in dBm, as the device has them; State 1 is on, Lock 1 that something is missing.
	Frequency, Bandwidth         *int64
	TXPower, SF, CR, State, Lock *int
	// ShortLimit and LongLimit of airtime, in percent.
	ShortLimit, LongLimit *float64

	// RSSI in dBm and SNR in dB of the packet that comes next; Quality of the last one in percent.
	RSSI    *int
	SNR     *float64
	Quality *float64

	// Channel statistics: percent, and dBm. Interference is nil when there is none now.
	AirtimeShort, AirtimeLong, ChannelLoadShort, ChannelLoadLong *float64
	CurrentRSSI, NoiseFloor, Interference                        *int
	// InterferenceAt is when there was interference last, of LastInterference dBm.
	InterferenceAt   time.Time
	LastInterference int

	// Physical parameters: symbols in ms and baud, preamble in symbols and ms, slots and spaces of channel access in ms.
	SymbolTime                                                        *float64
	SymbolRate, PreambleSymbols, PreambleTime, CSMASlotTime, CSMADIFS *int
	// Contention window: band 1 to 4, slots.
	CSMABand, CSMAMin, CSMAMax *int

	// BatteryState: 0 unknown, 1 discharging, 2 charging, 3 charged. BatteryPercent 0 to 100.
	BatteryState, BatteryPercent *int
	// Temperature in °C; nil when the device reports an impossible one.
	Temperature *int
	// Random is the last random byte.
	Random *int
	// Notices are errors that do not stop the device: 5 memory low, 6 modem timeout. The last eight.
	Notices []int
}

// Bitrate in bit/s that follows from the reports; 0 while something is missing.
func (r *Reports) Bitrate() float64 {
	if r.Bandwidth == nil || r.SF == nil || r.CR == nil {
		return 0
	}
	return bitrate(*r.Bandwidth, *r.SF, *r.CR)
}

// Display says whether the device is assumed to have one.
func (r *Reports) Display() bool {
	return r.Platform != nil && (*r.Platform == PlatformESP32 || *r.Platform == PlatformNRF52)
}

// What a device, or its silence, ends a session with.
var (
	// ErrNotDetected: nothing that answers as an RNode does is connected.
	ErrNotDetected = errors.New("no RNode answers on this port")
	// ErrFirmware: the firmware is too old.
	ErrFirmware = errors.New("the firmware of the RNode is too old")
	// ErrMismatch: the device has other settings than it was given.
	ErrMismatch = errors.New("the RNode reports other settings than it was given")
	// ErrHardware: the device reports an error that stops it.
	ErrHardware = errors.New("the RNode reports a hardware error")
	// ErrRebooted: the device started anew and has lost its settings.
	ErrRebooted = errors.New("the RNode rebooted")
	// ErrSilent: the device does not answer any more.
	ErrSilent = errors.New("the RNode does not answer any more")
	// ErrFlowControl: the device does not say that it is ready, or is full for longer than it can be.
	ErrFlowControl = errors.New("the RNode takes no packets any more")
)

// Mismatch says which reported settings differ from those configured (spec 3 §3.3). The frequency may be 100 Hz off, or not
// reported; the coding rate and the airtime limits are not compared.
func (r *Reports) Mismatch(c Radio) error {
	var problems []string
	differs := func(what string, got, want int64) {
		problems = append(problems, fmt.Sprintf("%s is %d instead of %d", what, got, want))
	}
	missing := func(what string) { problems = append(problems, what+" is not reported") }
	if r.Frequency != nil {
		if off := *r.Frequency - c.Frequency; off > 100 || off < -100 {
			differs("frequency", *r.Frequency, c.Frequency)
		}
	}
	if r.Bandwidth == nil {
		missing("bandwidth")
	} else if *r.Bandwidth != c.Bandwidth {
		differs("bandwidth", *r.Bandwidth, c.Bandwidth)
	}
	for _, x := range []struct {
		what string
		got  *int
		want int
	}{
		{"txpower", r.TXPower, c.TXPower}, {"spreadingfactor", r.SF, c.SpreadingFactor}, {"radio state", r.State, 1},
	} {
		if x.got == nil {
			missing(x.what)
		} else if *x.got != x.want {
			differs(x.what, int64(*x.got), int64(x.want))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMismatch, strings.Join(problems, ", "))
}

// quality of a signal in percent (spec 3 §3.8).
func quality(snr float64, sf int) float64 {
	least := -9 - 2*float64(sf-7)
	q := 100 * (snr - least) / (6 - least)
	return min(100, max(0, math.Round(q*10)/10))
}

// apply takes one report. Reports that are unknown or too short are ignored; of those that are too long, the beginning
// counts. An error stops the device.
func (r *Reports) apply(command byte, p []byte, now time.Time) error {
	last := int(p[len(p)-1]) // of reports of one byte, each byte counts, so the last one stays
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(p[at:])) }
	hundredths := func(at int) *float64 { return new(float64(u16(at)) / 100) }
	switch {
	case command == commandDetect:
		r.Detected = last == detectAnswer
	case command == commandPlatform:
		r.Platform = &last
	case command == commandMCU:
		r.MCU = &last
	case command == commandFirmware && len(p) >= 2:
		r.FirmwareMajor, r.FirmwareMinor = new(int(p[0])), new(int(p[1]))
	case command == commandFrequency && len(p) >= 4:
		r.Frequency = new(int64(binary.BigEndian.Uint32(p)))
	case command == commandBandwidth && len(p) >= 4:
		r.Bandwidth = new(int64(binary.BigEndian.Uint32(p)))
	case command == commandTXPower:
		r.TXPower = &last
	case command == commandSF:
		r.SF = &last
	case command == commandCR:
		r.CR = &last
	case command == commandState && last != stateQuestion: // an echo is no answer
		r.State = &last
	case command == commandLock:
		r.Lock = &last
	case command == commandShortLimit && len(p) >= 2:
		r.ShortLimit = hundredths(0)
	case command == commandLongLimit && len(p) >= 2:
		r.LongLimit = hundredths(0)
	case command == commandRSSI:
		r.RSSI = new(last - 157)
	case command == commandSNR:
		r.SNR = new(float64(int8(last)) * 0.25)
		if r.SF != nil {
			r.Quality = new(quality(*r.SNR, *r.SF))
		}
	case command == commandChannel && len(p) >= 11:
		r.AirtimeShort, r.AirtimeLong = hundredths(0), hundredths(2)
		r.ChannelLoadShort, r.ChannelLoadLong = hundredths(4), hundredths(6)
		r.CurrentRSSI, r.NoiseFloor, r.Interference = new(int(p[8])-157), new(int(p[9])-157), nil
		if p[10] != 0xFF {
			r.Interference = new(int(p[10]) - 157)
			r.InterferenceAt, r.LastInterference = now, *r.Interference
		}
	case command == commandPhysical && len(p) >= 12:
		r.SymbolTime = new(float64(u16(0)) / 1000)
		r.SymbolRate, r.PreambleSymbols, r.PreambleTime = new(u16(2)), new(u16(4)), new(u16(6))
		r.CSMASlotTime, r.CSMADIFS = new(u16(8)), new(u16(10))
	case command == commandBattery && len(p) >= 2:
		r.BatteryState, r.BatteryPercent = new(int(p[0])), new(min(100, int(p[1])))
	case command == commandCSMA && len(p) >= 3:
		r.CSMABand, r.CSMAMin, r.CSMAMax = new(int(p[0])), new(int(p[1])), new(int(p[2]))
	case command == commandTemperature:
		r.Temperature = nil
		if t := last - 120; t >= -30 && t <= 90 {
			r.Temperature = &t
		}
	case command == commandRandom:
		r.Random = &last
	case command == commandError:
		return r.hardware(p)
	}
	return nil
}

// hardware takes error codes: 5 and 6 are noted (I-077).
func (r *Reports) hardware(codes []byte) error {
	for _, code := range codes {
		switch code {
		case 0x05, 0x06:
			// A new slice: snapshots of the old one are out.
			r.Notices = append(append([]int(nil), r.Notices[max(0, len(r.Notices)-7):]...), int(code))
		case 0x01:
			return fmt.Errorf("%w: the radio could not be started (1)", ErrHardware)
		case 0x02:
			return fmt.Errorf("%w: transmitting failed (2)", ErrHardware)
		case 0x03:
			return fmt.Errorf("%w: the EEPROM is locked (3)", ErrHardware)
		case 0x04:
			return fmt.Errorf("%w: the queue is full (4)", ErrHardware)
		default:
			return fmt.Errorf("%w: unknown (%d)", ErrHardware, code)
		}
	}
	return nil
}

// reader decodes what a device sends. Its functions are called in order; nil ones are not.
type reader struct {
	decoder *kiss.Decoder
	reports Reports

	packet func(data []byte, s interfaces.Signal)
	ready  func(value byte)
	reset  func() error
	screen func(command byte, data []byte)

	long uint64 // packets longer than FrameLimit
}

func newReader() *reader { return &reader{decoder: kiss.NewDecoder(maxReport, kiss.MaskNone)} }

// feed takes what was read. After an error nothing more is taken from the chunk.
func (r *reader) feed(chunk []byte, now time.Time) (err error) {
	r.decoder.Feed(chunk, func(command byte, p []byte) {
		if err == nil {
			err = r.frame(command, p, now)
		}
	})
	return err
}

func (r *reader) frame(command byte, p []byte, now time.Time) error {
	switch command {
	case kiss.CommandData:
		s := interfaces.Signal{RSSI: r.reports.RSSI, SNR: r.reports.SNR, Quality: r.reports.Quality}
		r.reports.RSSI, r.reports.SNR = nil, nil
		if len(p) > FrameLimit {
			r.long++
		} else if r.packet != nil {
			r.packet(p, s)
		}
	case kiss.CommandReady:
		if r.ready != nil {
			r.ready(p[len(p)-1])
		}
	case commandReset:
		if r.reset != nil && p[0] == resetByte {
			return r.reset()
		}
	case commandFBRead, commandDisplayRead:
		if r.screen != nil {
			r.screen(command, p)
		}
	default:
		return r.reports.apply(command, p, now)
	}
	return nil
}

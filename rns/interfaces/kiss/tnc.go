package kiss

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/serial"
)

// Commands of TNCs (spec 3 §2.8).
const (
	commandTXDelay     = 0x01
	commandPersistence = 0x02
	commandSlotTime    = 0x03
	commandTXTail      = 0x04
)

// Fixed by what others expect (spec 3 §1.4, §2.8).
const (
	// Bitrate in bit/s that is assumed of TNCs (BITRATE_GUESS).
	Bitrate = 1200
	// BeaconLength is the least length in bytes of a beacon; a shorter callsign is padded with zeros.
	BeaconLength = 15
	// FlowTimeout is when a TNC that does not ask for the next packet gets it nevertheless.
	FlowTimeout = 5 * time.Second
	// SettleTime is how long a TNC is left alone after its port was opened.
	SettleTime = 2 * time.Second
)

// Defaults of TNC.
const (
	DefaultPreamble    = 350 * time.Millisecond
	DefaultTXTail      = 20 * time.Millisecond
	DefaultPersistence = 64
	DefaultSlotTime    = 20 * time.Millisecond
)

// TNC are the settings that a TNC is given.
type TNC struct {
	// Preamble before a transmission, TXTail after it, SlotTime of channel access. The steps are 10 ms, the most 2.55 s.
	Preamble, TXTail, SlotTime time.Duration
	// Persistence of channel access, 0 to 255.
	Persistence int
}

// DefaultTNC are the settings that the reference has where nothing is configured.
func DefaultTNC() TNC {
	return TNC{Preamble: DefaultPreamble, TXTail: DefaultTXTail, SlotTime: DefaultSlotTime, Persistence: DefaultPersistence}
}

// Setting is one command of a configuration.
type Setting struct {
	// Name: "preamble", "txtail", "persistence", "slottime", "flow_control".
	Name string
	// Frame is what is written.
	Frame []byte
}

// Settings are the commands that configure a TNC, in the order in which they are sent (I-056). Flow control is switched on
// whatever the configuration says, as in the reference.
func (t TNC) Settings() []Setting {
	tens := func(d time.Duration) int { return int(d / (10 * time.Millisecond)) }
	one := func(name string, command byte, v int) Setting {
		return Setting{name, AppendFrame(nil, command, []byte{byte(min(max(v, 0), 255))})}
	}
	return []Setting{
		one("preamble", commandTXDelay, tens(t.Preamble)),
		one("txtail", commandTXTail, tens(t.TXTail)),
		one("persistence", commandPersistence, t.Persistence),
		one("slottime", commandSlotTime, tens(t.SlotTime)),
		one("flow_control", CommandReady, 1),
	}
}

// Config describes a KISSInterface (spec 3 §2.8).
type Config struct {
	// Name is the title of the section in the configuration.
	Name string
	// Line is the port and its settings.
	Line serial.Line
	// TNC settings, such as DefaultTNC.
	TNC TNC
	// FlowControl: the next packet waits until the TNC asks for it, or for FlowTimeout.
	FlowControl bool
	// Callsign, and Interval after the first transmission at which it is sent as a packet of its own. Without either there is
	// no beacon.
	Callsign string
	Interval time.Duration
	serial.Options
	// Open opens the port. nil: the serial port that Line describes.
	Open serial.OpenFunc
}

// Interface carries packets through a KISS TNC. Make it with New.
type Interface struct {
	*serial.Carrier
	config Config
}

var (
	_ interfaces.Interface  = (*Interface)(nil)
	_ interfaces.UpNotifier = (*Interface)(nil)
)

// New checks the configuration. Nothing is opened before Run.
func New(config Config) (*Interface, error) {
	line, err := config.Line.Complete()
	if err != nil && config.Open == nil {
		return nil, fmt.Errorf("KISS interface: %w", err)
	}
	if config.Open == nil {
		config.Open = serial.Opener(line)
	}
	if config.Interval < 0 || config.TNC.Preamble < 0 || config.TNC.TXTail < 0 || config.TNC.SlotTime < 0 {
		return nil, errors.New("KISS interface: negative time")
	}
	if config.Callsign == "" {
		config.Interval = 0
	}
	if len(config.Callsign) > serial.FrameLimit {
		return nil, errors.New("KISS interface: id_callsign is too long")
	}
	c, err := serial.NewCarrier("KISSInterface["+config.Name+"]", carrier.Kind{
		Bitrate:    Bitrate,
		FrameLimit: serial.FrameLimit,
		IFACSize:   serial.IFACSize,
	}, config.Options)
	if err != nil {
		return nil, fmt.Errorf("KISS interface: %w", err)
	}
	return &Interface{Carrier: c, config: config}, nil
}

// Run carries packets until ctx ends. A port that cannot be opened, or breaks, is opened again after a wait.
func (i *Interface) Run(ctx context.Context, deliver func(frame []byte)) error {
	return i.Carrier.Run(ctx, i.config.Open, func(p serial.Port) serial.Session {
		s := &session{iface: i, port: p, deliver: deliver, decoder: NewDecoder(serial.FrameLimit, MaskTNC)}
		s.beacon = serial.Beacon{Interval: i.config.Interval}
		return s
	}, nil)
}

// session is one opening of the port.
type session struct {
	iface   *Interface
	port    serial.Port
	deliver func([]byte)
	decoder *Decoder
	tooLong uint64
	beacon  serial.Beacon // the writer's

	mu     sync.Mutex
	locked time.Time // until when the next packet waits for the TNC
}

func (s *session) Start(ctx context.Context) error {
	if err := serial.Settle(ctx, SettleTime); err != nil {
		return err
	}
	for _, c := range s.iface.config.TNC.Settings() {
		if _, err := s.port.Write(c.Frame); err != nil {
			return fmt.Errorf("setting %s of the TNC: %w", c.Name, err)
		}
	}
	return nil
}

func (s *session) Feed(chunk []byte) error {
	s.decoder.Feed(chunk, func(command byte, payload []byte) {
		switch command {
		case CommandData:
			s.iface.Received(len(payload))
			s.deliver(payload)
		case CommandReady:
			s.lock(time.Time{})
			s.iface.Wake()
		}
	})
	if n := s.decoder.TooLong(); n != s.tooLong {
		s.iface.Drop(interfaces.RxDrops{TooLong: n - s.tooLong})
		s.tooLong = n
	}
	return nil
}

func (s *session) Idle() {
	if s.decoder.Partial() {
		s.decoder.Reset()
		s.iface.Drop(interfaces.RxDrops{Unfinished: 1})
	}
}

func (s *session) lock(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = until
}

func (s *session) lockedUntil() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.locked
}

func (s *session) Timer(now time.Time) ([]byte, time.Time, error) {
	if s.Ready(now) && s.beacon.Due(now) {
		s.beacon.Sent()
		s.close(now)
		return AppendFrame(nil, CommandData, padded(s.iface.config.Callsign)), time.Time{}, nil
	}
	next := s.beacon.At()
	if until := s.lockedUntil(); until.After(now) && (next.IsZero() || next.Before(until)) {
		next = until
	}
	return nil, next, nil
}

// padded is a callsign as it is sent. The reference beacons for ever once it padded one; we beacon after traffic only.
func padded(callsign string) []byte {
	b := []byte(callsign)
	for len(b) < BeaconLength {
		b = append(b, 0)
	}
	return b
}

func (s *session) Ready(now time.Time) bool { return !s.lockedUntil().After(now) }

// Append closes the gate, before the TNC can ask for the next packet.
func (s *session) Append(dst, p []byte) []byte {
	s.close(time.Now())
	return AppendFrame(dst, CommandData, p)
}

// Sent counts the packet without framing (spec 3 §1.7).
func (s *session) Sent(now time.Time, p []byte, _ int) int {
	s.beacon.Traffic(now)
	return len(p)
}

// close makes the next packet wait.
func (s *session) close(now time.Time) {
	if s.iface.config.FlowControl {
		s.lock(now.Add(FlowTimeout))
	}
}

func (s *session) Leave() ([]byte, time.Duration) { return nil, 0 }

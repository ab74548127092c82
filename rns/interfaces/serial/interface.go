package serial

import (
	"context"
	"fmt"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/hdlc"
)

// Fixed by what others expect (spec 3 §1.4, §2.7, §2.8).
const (
	// FrameLimit in bytes of serial lines and KISS TNCs (HW_MTU). It is not offered to links.
	FrameLimit = 564
	// IFACSize in bytes where an access code is configured without a size (DEFAULT_IFAC_SIZE).
	IFACSize = 8
)

// SettleTime is how long a serial port is left alone after it was opened (spec 3 §2.7).
const SettleTime = 500 * time.Millisecond

// Config describes a SerialInterface (spec 3 §2.7).
type Config struct {
	// Name is the title of the section in the configuration.
	Name string
	// Line is the port and its settings.
	Line Line
	Options
	// Open opens the port. nil: the serial port that Line describes. A port that is not there, or goes, is tried again
	// every ReopenWait; the reference gives up when it is not there at start.
	Open OpenFunc
}

// Interface carries packets over a serial line. Make it with New.
type Interface struct {
	*Carrier
	open OpenFunc
}

var (
	_ interfaces.Interface       = (*Interface)(nil)
	_ interfaces.UpNotifier      = (*Interface)(nil)
	_ interfaces.FailureNotifier = (*Interface)(nil)
)

// New checks the configuration. Nothing is opened before Run.
func New(config Config) (*Interface, error) {
	line, err := config.Line.Complete()
	if err != nil && config.Open == nil {
		return nil, fmt.Errorf("serial interface: %w", err)
	}
	if config.Open == nil {
		config.Open = Opener(line)
	}
	c, err := NewCarrier("SerialInterface["+config.Name+"]", carrier.Kind{
		Bitrate:    int64(max(line.Speed, 0)),
		FrameLimit: FrameLimit,
		IFACSize:   IFACSize,
	}, config.Options)
	if err != nil {
		return nil, fmt.Errorf("serial interface: %w", err)
	}
	return &Interface{Carrier: c, open: config.Open}, nil
}

// Run carries packets until ctx ends. A port that cannot be opened, or breaks, is opened again after a wait.
func (i *Interface) Run(ctx context.Context, deliver func(frame []byte)) error {
	return i.Carrier.Run(ctx, i.open, func(Port) Session {
		return &lineSession{carrier: i.Carrier, deliver: deliver, decoder: hdlc.NewDecoder(1, FrameLimit)}
	}, nil)
}

// lineSession is one opening of the port.
type lineSession struct {
	carrier     *Carrier
	deliver     func([]byte)
	decoder     *hdlc.Decoder
	short, long uint64
}

func (s *lineSession) Start(ctx context.Context) error { return Settle(ctx, SettleTime) }

func (s *lineSession) Feed(chunk []byte) error {
	s.decoder.Feed(chunk, func(p []byte) {
		s.carrier.Received(len(p))
		s.deliver(p)
	})
	short, long := s.decoder.Dropped()
	s.carrier.Drop(interfaces.RxDrops{TooShort: short - s.short, TooLong: long - s.long})
	s.short, s.long = short, long
	return nil
}

// Idle forgets half a frame (I-055).
func (s *lineSession) Idle() {
	if s.decoder.Partial() {
		s.decoder.Reset()
		s.carrier.Drop(interfaces.RxDrops{Unfinished: 1})
	}
}

func (s *lineSession) Timer(time.Time) ([]byte, time.Time, error) { return nil, time.Time{}, nil }
func (s *lineSession) Ready(time.Time) bool                       { return true }
func (s *lineSession) Append(dst, p []byte) []byte                { return hdlc.AppendFrame(dst, p) }
func (s *lineSession) Leave() ([]byte, time.Duration)             { return nil, 0 }

// Sent counts flags and escapes (spec 3 §1.7).
func (s *lineSession) Sent(_ time.Time, _ []byte, framed int) int { return framed }

// Settle waits, unless ctx ends before.
func Settle(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

package carrier

import (
	"errors"
	"fmt"
	"log/slog"

	"groupd/rns/config"
	"groupd/rns/interfaces"
)

// Bounds of the write queue, unless configured.
const (
	DefaultQueueFrames = 2048
	DefaultQueueBytes  = 2 << 20
)

// Options are common to carriers. The zero Options are what the reference does by default.
type Options struct {
	// Mode of the interface. Zero: full.
	Mode interfaces.Mode
	// Bitrate in bit/s, an estimate. 0: that of the kind.
	Bitrate int64
	// IFACSize in bytes, where an access code of another length than that of the kind is configured. 0: that of the kind.
	IFACSize int
	// ReceiveOnly: we must not transmit here (option "outgoing = no").
	ReceiveOnly bool
	// QueueFrames and QueueBytes bound the write queue of each interface (0: 2048 frames, 2 MiB). A frame that does not fit
	// is dropped with ErrQueueFull.
	QueueFrames, QueueBytes int
	// Logger for what goes up and down. nil: discard.
	Logger *slog.Logger
}

// Kind is what a kind of carrier has by default (spec 3 §1.4).
type Kind struct {
	// Bitrate in bit/s.
	Bitrate int64
	// MTU in bytes that links may be upgraded to; 0: none.
	MTU int
	// IFACSize in bytes of the access code.
	IFACSize int
	// FrameLimit in bytes, access code included. 0: MTU and access code.
	FrameLimit int
}

// FromConfig are the common options of a section of the configuration.
func FromConfig(i config.Interface, log *slog.Logger) Options {
	mode, _ := interfaces.ParseMode(i.Mode)
	return Options{Mode: mode, Bitrate: i.Bitrate, IFACSize: i.IFACSize, ReceiveOnly: !i.Outgoing, Logger: log}
}

// Complete checks the options and fills in what the kind has by default.
func (o Options) Complete(k Kind) (Options, error) {
	if o.IFACSize < 0 || o.IFACSize > interfaces.MaxIFACSize {
		return o, fmt.Errorf("access code of %d bytes: the longest is %d", o.IFACSize, interfaces.MaxIFACSize)
	}
	if o.Bitrate < 0 || o.QueueFrames < 0 || o.QueueBytes < 0 {
		return o, errors.New("negative bitrate or queue length")
	}
	o.Mode = o.Mode.Or(interfaces.ModeFull)
	Default(&o.Bitrate, k.Bitrate)
	Default(&o.IFACSize, k.IFACSize)
	Default(&o.QueueFrames, DefaultQueueFrames)
	Default(&o.QueueBytes, DefaultQueueBytes)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Properties of complete options.
func (o Options) Properties(k Kind) interfaces.Properties {
	limit := k.FrameLimit
	if limit == 0 {
		limit = max(k.MTU, interfaces.BaseMTU) + o.IFACSize
	}
	return interfaces.Properties{
		Mode: o.Mode, Bitrate: o.Bitrate, MTU: k.MTU, FrameLimit: limit, IFACSize: k.IFACSize, Outgoing: !o.ReceiveOnly,
	}
}

// Default sets what is not set.
func Default[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

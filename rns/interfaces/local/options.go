package local

import (
	"log/slog"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/hdlc"
)

// Fixed by what others expect (spec 3 §1.4, §4.3).
const (
	// Bitrate in bit/s, unless forced.
	Bitrate = 1_000_000_000
	// MTU in bytes that links between programs may use, and the longest frame.
	MTU = 262144
)

// Tunables, each with a field.
const (
	// DefaultQueueFrames and DefaultQueueBytes bound the write queue of each side. A resource's largest window (75 parts of
	// the largest link packets) fits.
	DefaultQueueFrames = 4096
	DefaultQueueBytes  = 24 << 20
	// DefaultWriteTimeout closes a connection on which not one byte could be written for so long.
	DefaultWriteTimeout = 60 * time.Second
	// DefaultReconnectWait is between a client's attempts to find its master again. The reference waits 8 s.
	DefaultReconnectWait = time.Second
	// DefaultAnswerDelay keeps stock programs from losing answers that come faster than those of a stock master. They hold
	// the interpreter's lock for up to 5 ms after they have sent, and only then note what they have asked for.
	DefaultAnswerDelay = 5 * time.Millisecond
	// DefaultMaxClients is how many programs a Server serves at once.
	DefaultMaxClients = 64
)

// Options are common to both sides. The zero Options are what the reference does.
type Options struct {
	// Bitrate in bit/s (option "force_shared_instance_bitrate"). 0: Bitrate.
	Bitrate int64
	// QueueFrames and QueueBytes bound the write queue of a connection (0: 4096 frames, 24 MiB). A frame that does not fit is
	// dropped with ErrQueueFull.
	QueueFrames, QueueBytes int
	// WriteTimeout closes a connection that takes not one byte for so long. 0: 60 s.
	WriteTimeout time.Duration
	// Logger for what comes and goes. nil: discard.
	Logger *slog.Logger
}

func (o Options) complete() Options {
	if o.Bitrate <= 0 {
		o.Bitrate = Bitrate
	}
	if o.QueueFrames <= 0 {
		o.QueueFrames = DefaultQueueFrames
	}
	if o.QueueBytes <= 0 {
		o.QueueBytes = DefaultQueueBytes
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = DefaultWriteTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o Options) properties() interfaces.Properties {
	return interfaces.Properties{Mode: interfaces.ModeFull, Bitrate: o.Bitrate, MTU: MTU, FrameLimit: MTU, Outgoing: true}
}

// engine makes the two sides of an interface.
func (o Options) engine(name string) (carrier.Face, *carrier.Engine) {
	return carrier.New(name, o.properties(), o.QueueFrames, o.QueueBytes, framing())
}

func framing() carrier.Framing { return carrier.HDLC{Min: hdlc.MinPacket} }

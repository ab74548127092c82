package tcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/hdlc"
)

// Fixed by what others expect (spec 3 §1.4, §2.1).
const (
	// DefaultBitrate in bit/s is assumed of every TCP connection (BITRATE_GUESS).
	DefaultBitrate = 10_000_000
	// IFACSize in bytes is used where an access code is configured without a size (DEFAULT_IFAC_SIZE).
	IFACSize = 16
	// MinFixedMTU in bytes is the smallest that may be configured.
	MinFixedMTU = interfaces.BaseMTU
)

// Tunables, each with a field in Options, ClientConfig or ServerConfig.
const (
	// DefaultQueueFrames and DefaultQueueBytes bound the write queue of a connection. The bytes are raised to four frames
	// of the longest kind where that is more.
	DefaultQueueFrames = carrier.DefaultQueueFrames
	DefaultQueueBytes  = carrier.DefaultQueueBytes
	// DefaultWriteTimeout closes a connection on which not one byte could be written for so long.
	DefaultWriteTimeout = 60 * time.Second
	// DefaultConnectTimeout bounds one attempt to connect, name resolution included (INITIAL_CONNECT_TIMEOUT).
	DefaultConnectTimeout = 5 * time.Second
	// DefaultReconnectWait is the wait before a new attempt (RECONNECT_WAIT). Each further attempt in a row waits half
	// as long again, up to DefaultMaxReconnectWait; all waits are up to a fifth longer, at random, so that the clients of
	// a server that restarts do not all come at once. The reference always waits 5 s.
	DefaultReconnectWait    = 5 * time.Second
	DefaultMaxReconnectWait = 60 * time.Second
	// DefaultMaxConnections is how many connections a Server has at once.
	DefaultMaxConnections = 128
)

// Options are common to Client and Server. The zero Options are what the reference does by default.
type Options struct {
	// Mode of the interface. Zero: full.
	Mode interfaces.Mode
	// Bitrate in bit/s, an estimate. 0: 10 000 000. The MTU offered to links follows from it (8192 by default).
	Bitrate int64
	// FixedMTU in bytes replaces the MTU that follows from the bitrate. 0: none. Less than 500 is an error.
	FixedMTU int
	// IFACSize in bytes, where an access code of another length than 16 is configured. 0: 16.
	IFACSize int
	// ReceiveOnly: we must not transmit here (option "outgoing = no").
	ReceiveOnly bool
	// I2PTunneled: the connection goes through an I2P tunnel, so keepalives are slower (spec 3 §2.1).
	I2PTunneled bool
	// QueueFrames and QueueBytes bound the write queue (0: 2048 frames, 2 MiB). A frame that does not fit is dropped with
	// ErrQueueFull.
	QueueFrames, QueueBytes int
	// WriteTimeout closes a connection that takes not one byte for so long. 0: 60 s.
	WriteTimeout time.Duration
	// Logger for connects and disconnects. nil: discard.
	Logger *slog.Logger
}

// complete checks the options and fills in defaults.
func (o Options) complete() (Options, error) {
	if o.FixedMTU != 0 && o.FixedMTU < MinFixedMTU {
		return o, fmt.Errorf("fixed MTU of %d bytes: the smallest is %d", o.FixedMTU, MinFixedMTU)
	}
	if o.IFACSize < 0 || o.IFACSize > interfaces.MaxIFACSize {
		return o, fmt.Errorf("access code of %d bytes: the longest is %d", o.IFACSize, interfaces.MaxIFACSize)
	}
	if o.Bitrate < 0 || o.QueueFrames < 0 || o.QueueBytes < 0 || o.WriteTimeout < 0 {
		return o, errors.New("negative bitrate, queue length or timeout")
	}
	o.Mode = o.Mode.Or(interfaces.ModeFull)
	carrier.Default(&o.Bitrate, DefaultBitrate)
	carrier.Default(&o.IFACSize, IFACSize)
	carrier.Default(&o.QueueFrames, DefaultQueueFrames)
	carrier.Default(&o.QueueBytes, DefaultQueueBytes)
	carrier.Default(&o.WriteTimeout, DefaultWriteTimeout)
	o.QueueBytes = max(o.QueueBytes, 4*(2*o.properties().FrameLimit+2))
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// properties that follow from complete options.
func (o Options) properties() interfaces.Properties {
	mtu := o.FixedMTU
	if mtu == 0 {
		mtu = interfaces.MTUForBitrate(o.Bitrate)
	}
	return interfaces.Properties{
		Mode:    o.Mode,
		Bitrate: o.Bitrate,
		MTU:     mtu,
		// Access code or not, frames may be longer by it, as in the reference (spec 3 §1.3).
		FrameLimit: max(mtu, interfaces.BaseMTU) + o.IFACSize,
		IFACSize:   IFACSize,
		Outgoing:   !o.ReceiveOnly,
	}
}

// hdlcFraming is what connections speak unless KISS is asked for.
func hdlcFraming() carrier.Framing { return carrier.HDLC{Min: hdlc.MinPacket} }

// DialFunc connects; net.Dialer.DialContext is one.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// ListenFunc listens; net.ListenConfig.Listen is one.
type ListenFunc func(ctx context.Context, network, address string) (net.Listener, error)

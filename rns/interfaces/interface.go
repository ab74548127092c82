package interfaces

import (
	"context"
	"errors"
	"time"
)

// What Send answers when a frame is not taken. All of them mean that the frame is dropped (and counted in Stats);
// a caller that needs delivery sends again later, as Reticulum does anyway.
var (
	// ErrQueueFull: the bounded write queue has no room. The newest frame, the one in hand, is the one dropped.
	ErrQueueFull = errors.New("interface write queue is full")
	// ErrDown: the carrier cannot carry now (not connected, unplugged) or will never again (closed).
	ErrDown = errors.New("interface is down")
	// ErrTooLarge: the frame is longer than Properties.FrameLimit.
	ErrTooLarge = errors.New("frame is larger than the interface carries")
	// ErrRunning is returned by Run and Serve when they are called while an earlier call has not returned.
	ErrRunning = errors.New("interface is already running")
)

// BaseMTU is the packet limit of Reticulum in bytes, without access code (MTU). Every carrier takes at least this
// plus the access code. Links get it where Properties.MTU is 0 (spec 3 §0, spec 2 §1.12).
const BaseMTU = 500

// Linger is how long Run goes on sending what is queued when its context has ended, so that last words (closed links)
// get out.
const Linger = 250 * time.Millisecond

// MaxIFACSize is the longest access code in bytes: an Ed25519 signature has no more (spec 1 §5.2).
const MaxIFACSize = 64

// Properties say what a carrier is. They are fixed while Run runs; a carrier that learns better values
// (a radio that reports its bitrate) offers its interface anew.
type Properties struct {
	// Mode is how transport treats the carrier. Zero means full.
	Mode Mode
	// Bitrate is an estimate in bit/s, used for announce caps and time-outs. 0 means unknown.
	Bitrate int64
	// MTU is the hardware MTU in bytes which links over this carrier may be upgraded to, access code not included
	// (HW_MTU; spec 2 §1.12). 0 means none: links stay at 500 and their signalling bytes are removed.
	MTU int
	// FrameLimit is the largest frame in bytes that Send takes and deliver brings, access code included.
	FrameLimit int
	// IFACSize is the length in bytes of the access code that this kind of carrier uses unless it is configured
	// otherwise: 16 on IP, 8 on serial lines and radio (spec 3 §1.4). It does not say that one is used.
	IFACSize int
	// Outgoing is whether we may transmit (option "outgoing"). Transport does not call Send where it is false.
	Outgoing bool
}

// Interface is one carrier with one far side: a connection, or a shared medium such as a radio channel.
// It is unreliable and may reorder, duplicate and lose frames. All methods but Run may be called from any goroutine
// at any time.
type Interface interface {
	// Name is the name string of spec 3 §6.1, such as "TCPInterface[Home/example.org:4242]". It is the same at every
	// call. Its SHA-256 identifies the interface in stored paths, so it should be unique within a process.
	Name() string

	// Properties do not change while Run runs.
	Properties() Properties

	// Run carries frames until ctx ends, and then returns nil, or until the carrier is gone for good (a spawned
	// connection was closed, all reconnects failed), and then says why. When ctx ends it still tries to send what is
	// queued, for at most Linger. When it returns, every goroutine it started has ended, what is left in the queue
	// is dropped, and Send answers ErrDown.
	//
	// deliver is called once per received frame, in order, never concurrently. It may block, which is the
	// backpressure: nothing is read meanwhile. It must not block any more when ctx has ended, since Run waits for it.
	// The frame is valid only during the call.
	//
	// Frames may be sent before Run is called; whether they are kept until it is, is up to the carrier.
	Run(ctx context.Context, deliver func(frame []byte)) error

	// Send queues a copy of frame for transmission. It never blocks. A nil error says that the frame was queued, not
	// that it was or will be carried. Errors are ErrQueueFull, ErrDown and ErrTooLarge.
	Send(frame []byte) error

	// Stats is a snapshot.
	Stats() Stats
}

// UpNotifier is an Interface that says when its carrier comes up: once when first connected and again after each
// reconnect. Transport uses it to introduce itself anew (spec 3 §2.3). A carrier without it is up when Run runs.
type UpNotifier interface {
	// NotifyUp sets the function to be called. It must be called before Run. f is called from a goroutine of the
	// interface; it must not block, and may call Send.
	NotifyUp(f func())
}

// FailureNotifier is an Interface that says when it has failed and will try again: its device was unplugged or cannot be opened,
// its program has ended. That a connection over a network was lost, or is not there yet, is no such failure.
type FailureNotifier interface {
	// NotifyFailure sets the function to be called. It must be called before Run. f is called from a goroutine of the
	// interface, and must not block.
	NotifyFailure(f func(why error))
}

// Spawner is a carrier that waits for others and makes one Interface for each that comes: a TCP server.
// It carries nothing itself.
type Spawner interface {
	// Name is the name string of spec 3 §6.1, such as "TCPServerInterface[Home/0.0.0.0:4242]".
	Name() string

	// Serve accepts until ctx ends, and then returns nil, or until it cannot listen (any more), and then says why.
	// When it returns, every goroutine it started has ended.
	//
	// attach is called for each new Interface, from a goroutine of the spawner, and must start its Run; a nil
	// return means that it was refused, and Run will never be called. The carrier ends the interface's Run when the far
	// side goes away; detach, which may be called more than once, removes it from transport: it ends Run, and
	// returns when Run has returned.
	// Before Serve returns it has called detach of every interface.
	Serve(ctx context.Context, attach func(Interface) (detach func())) error
}

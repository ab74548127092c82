package rns

import "errors"

// Errors of the package, to be tested with [errors.Is]. Bad packets from the air are not errors of ours: they are
// dropped and counted; the errors named "malformed" come only from the pure parsers.
var (
	// ErrNoPath means that no path to the destination is known and none was found in time.
	ErrNoPath = errors.New("no path to the destination")
	// ErrClosed means that the transport, destination or link was closed, by us or by the other end.
	ErrClosed = errors.New("closed")
	// ErrTooLarge means that data does not fit: a packet over its MTU, a message over a limit.
	ErrTooLarge = errors.New("too large")
	// ErrNoInterface means that a packet could be sent on no interface.
	ErrNoInterface = errors.New("no interface to send on")
	// ErrRejected means that the other end refused a resource or request.
	ErrRejected = errors.New("rejected by the other end")
	// ErrCancelled means that the other end, or we, cancelled a running transfer.
	ErrCancelled = errors.New("cancelled")
	// ErrLinkClosed means that the link ended before the operation did.
	ErrLinkClosed = errors.New("link closed")
	// ErrMalformed is wrapped by every parser when bytes do not have the required form.
	ErrMalformed = errors.New("malformed")
	// ErrBadKey means that key material has a wrong length or is unusable (an X25519 key of low order).
	ErrBadKey = errors.New("bad key")
	// ErrBadName means that an app name or aspect contains a dot or is not UTF-8.
	ErrBadName = errors.New("bad destination name")
	// ErrBadSignature means that a signature does not verify.
	ErrBadSignature = errors.New("bad signature")

	// ErrTimeout means that the other end did not answer in time, or that the deadline of a [Stream] passed. It also is a
	// [net.Error] whose Timeout is true, and os.ErrDeadlineExceeded, as the timeouts of a net.Conn are.
	ErrTimeout error = timeoutError{}
)

// timeoutError implements net.Error without importing net, and is os.ErrDeadlineExceeded, which this package cannot name.
type timeoutError struct{}

func (timeoutError) Error() string   { return "timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func (timeoutError) Is(target error) bool { return target.Error() == "i/o timeout" }

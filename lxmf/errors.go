package lxmf

import "errors"

// Errors of the package, to be tested with [errors.Is]. A bad message from the network is not an error of ours: the router
// drops and counts it; ErrMalformed comes only from the pure parsers.
var (
	// ErrMalformed means that bytes are not a packed message, field or announce data.
	ErrMalformed = errors.New("malformed message")
	// ErrTooLarge means that a message does not fit the method it was to be sent by, or is over a limit.
	ErrTooLarge = errors.New("message too large")
	// ErrQueueFull means that too many messages wait, for this recipient or in all. Nothing was queued; try later.
	ErrQueueFull = errors.New("queue full")
	// ErrClosed means that the router or delivery has been closed.
	ErrClosed = errors.New("closed")
	// ErrUnknownRecipient means that the recipient's key is not known and no announce brought it in time.
	ErrUnknownRecipient = errors.New("recipient not known")
	// ErrNotDelivered means that all attempts were made and none was proved.
	ErrNotDelivered = errors.New("no proof of delivery")
	// ErrRejected means that the recipient refused the message, usually because of its size.
	ErrRejected = errors.New("rejected by the recipient")
	// ErrCancelled means that the message was cancelled here.
	ErrCancelled = errors.New("cancelled")
	// ErrStampCost means that the recipient asks for a stamp that costs more than we are willing to compute.
	ErrStampCost = errors.New("stamp cost too high")
	// ErrNoNode means that there is no propagation node to leave the message with.
	ErrNoNode = errors.New("no propagation node")
	// ErrNotOurs means that a sealed message is for somebody else.
	ErrNotOurs = errors.New("not for one of our addresses")
	// ErrUndecryptable means that a sealed message is for us and cannot be opened.
	ErrUndecryptable = errors.New("message cannot be opened")
	// ErrNotHeld is returned by a [Store] for held messages that it does not have.
	ErrNotHeld = errors.New("no such held message")
)

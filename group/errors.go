package group

import (
	"errors"
	"time"

	"groupd/moderation"
)

// ErrNoRow is returned by Store reads of one row that does not exist.
var ErrNoRow = errors.New("no such row")

// ErrNotDurable is wrapped by the error of a Store.Update whose commit or fsync failed: nothing of it is kept.
var ErrNotDurable = errors.New("could not be committed")

// ErrClosed is returned by a Store or Subscription after Close.
var ErrClosed = errors.New("closed")

// Kind is the class of an Error; each is one status of the request protocol.
type Kind uint8

const (
	KindInternal      Kind = iota // a bug or a broken database; Err says more, for the log only
	KindNotIdentified             // the caller must identify on the link, then repeat
	KindDenied                    // needs a permission or a rank
	KindNotMember
	KindPending
	KindBanned
	KindMuted
	KindInvalid // Field names what is wrong
	KindNotFound
	KindRateLimited   // RetryAfter is set
	KindStampRequired // Limit is the cost
	KindTooLarge      // Limit is the largest allowed, Needed what was asked for
	KindFull          // a table is at its bound; Limit is that bound
	KindConflict      // the name is taken, the reference is ambiguous (Choices), the client id was used for something else
	KindUnsupported
	KindNotDurable // could not be committed: nothing is decided, do not prove, let the sender try again
)

// String is the kind's word, as in the request protocol.
func (k Kind) String() string {
	switch k {
	case KindInternal:
		return "INTERNAL"
	case KindNotIdentified:
		return "NOT_IDENTIFIED"
	case KindDenied:
		return "DENIED"
	case KindNotMember:
		return "NOT_MEMBER"
	case KindPending:
		return "PENDING"
	case KindBanned:
		return "BANNED"
	case KindMuted:
		return "MUTED"
	case KindInvalid:
		return "INVALID"
	case KindNotFound:
		return "NOT_FOUND"
	case KindRateLimited:
		return "RATE_LIMITED"
	case KindStampRequired:
		return "STAMP_REQUIRED"
	case KindTooLarge:
		return "TOO_LARGE"
	case KindFull:
		return "FULL"
	case KindConflict:
		return "CONFLICT"
	case KindUnsupported:
		return "UNSUPPORTED"
	case KindNotDurable:
		return "NOT_DURABLE"
	}
	return "UNKNOWN"
}

// Error is what every Hub method returns when it refuses or fails. Msg is one lower-case sentence that may be shown to
// the caller; Err is the cause and may not.
type Error struct {
	Kind       Kind
	Op         string // the method, lower case: "post", "kick"
	Field      string // of KindInvalid: the input's name in lower snake case
	Msg        string
	Reason     moderation.Reason // of a refusal by the rules
	RetryAfter time.Duration
	Limit      int64
	Needed     int64
	Choices    []Member // of an ambiguous reference: at most MaxChoices candidates
	Err        error
}

func (e *Error) Error() string {
	s := e.Op + ": " + e.Msg
	if e.Field != "" {
		s = e.Op + ": " + e.Field + ": " + e.Msg
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Decided reports whether the refusal is a decision that would be the same again: a face proves delivery exactly when
// the call succeeded or the error is Decided.
func (e *Error) Decided() bool { return e.Kind != KindNotDurable && e.Kind != KindInternal }

// KindOf is the Kind of err, KindInternal for an error that is not an *Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// Refused reports whether err is a decision, not a failure: see Error.Decided.
func Refused(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Decided()
}

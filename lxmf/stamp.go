package lxmf

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"runtime"

	"groupd/lxmf/internal/workblock"
)

// StampValue expands the work block of a message and returns the value of a stamp: the number of leading zero bits of its
// hash. The expansion costs some ten milliseconds of one core, so check first whatever is cheaper. It ends early with the
// context, whose error it returns.
func StampValue(ctx context.Context, id MessageID, stamp []byte) (int, error) {
	b, err := workblock.Expand(ctx, id[:], StampRounds)
	if err != nil {
		return 0, err
	}
	return b.Value(stamp), nil
}

// CheckStamp reports whether a stamp satisfies a cost, and its value. Stamps that are not [StampLength] bytes long are
// refused without work. Equality with the target counts, so the value of a valid stamp may be one below the cost.
func CheckStamp(ctx context.Context, id MessageID, stamp []byte, cost int) (value int, ok bool, err error) {
	if len(stamp) != StampLength {
		return 0, false, nil
	}
	b, err := workblock.Expand(ctx, id[:], StampRounds)
	if err != nil {
		return 0, false, err
	}
	sum := b.Sum(stamp)
	return workblock.LeadingZeros(sum), workblock.Meets(sum, cost), nil
}

// MakeStamp computes a stamp of the given cost for a message, on all cores. It takes 2^cost hashes on average: cost 16 is
// milliseconds, cost 24 seconds, and each further one doubles it. It ends early with the context, whose error it returns.
func MakeStamp(ctx context.Context, rand io.Reader, id MessageID, cost int) ([]byte, error) {
	if cost > MaxStampCost {
		return nil, fmt.Errorf("%w: %d", ErrStampCost, cost)
	}
	b, err := workblock.Expand(ctx, id[:], StampRounds)
	if err != nil {
		return nil, err
	}
	stamp, err := b.Search(ctx, rand, cost, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	return stamp[:], nil
}

// TicketStamp returns the stamp that the holder of a ticket puts on a message: the first 16 bytes of SHA-256(ticket ‖ id).
func TicketStamp(ticket [TicketLength]byte, id MessageID) []byte {
	h := sha256.New()
	h.Write(ticket[:])
	h.Write(id[:])
	return h.Sum(nil)[:TicketLength]
}

// CheckTicketStamp reports whether a stamp was made with a ticket. Such a stamp is valid at any cost and has the value
// [TicketStampValue]. Whether the ticket has expired is the caller's to know.
func CheckTicketStamp(ticket [TicketLength]byte, id MessageID, stamp []byte) bool {
	return subtle.ConstantTimeCompare(TicketStamp(ticket, id), stamp) == 1
}

// SplitPropagationStamp splits what is uploaded to a propagation node into the message, whose SHA-256 is its transient id,
// and the stamp behind it. Data with no room for both is [ErrMalformed].
func SplitPropagationStamp(data []byte) (blob, stamp []byte, err error) {
	if len(data) <= Overhead+StampLength {
		return nil, nil, fmt.Errorf("%w: propagated message of %d bytes", ErrMalformed, len(data))
	}
	n := len(data) - StampLength
	return data[:n:n], data[n:], nil
}

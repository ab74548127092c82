package lxmf

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"

	"groupd/lxmf/internal/workblock"
	"groupd/rns"
)

// StampWork is what a stamp proves work on: 32 bytes that name one message, peering or request, and the length of the work
// block made of them (spec 4 §4.1). It is comparable.
type StampWork struct {
	material [sha256.Size]byte
	rounds   int
}

// MessageWork is the work that a message's stamp proves, over [StampRounds].
func MessageWork(id MessageID) StampWork { return StampWork{id, StampRounds} }

// PropagationWork is the work that the stamp for a propagation node proves, over [PropagationStampRounds]. The id is the
// transient id: SHA-256 of the sealed message without the stamp.
func PropagationWork(transientID [sha256.Size]byte) StampWork {
	return StampWork{transientID, PropagationStampRounds}
}

// PeeringWork is the work that a peering key proves, over [PeeringKeyRounds]. The receiver of the offers comes first.
func PeeringWork(receiver, sender rns.IdentityHash) StampWork {
	w := StampWork{rounds: PeeringKeyRounds}
	copy(w.material[copy(w.material[:], receiver[:]):], sender[:])
	return w
}

// RequestWork is the work that the stamp on a request of the group protocol proves: as many rounds as for a peering key,
// so that it is cheap to check and stock programs' generators can make it. What the material is made of is that
// protocol's matter (docs/requests.md).
func RequestWork(material [sha256.Size]byte) StampWork { return StampWork{material, PeeringKeyRounds} }

// Value expands the work block and returns the value of a stamp: the number of leading zero bits of its hash. The
// expansion is the dear part: some ten milliseconds of one core for a message, so check first whatever is cheaper. It ends
// early with the context, whose error it returns.
func (w StampWork) Value(ctx context.Context, stamp []byte) (int, error) {
	b, err := workblock.Expand(ctx, w.material[:], w.rounds)
	if err != nil {
		return 0, err
	}
	return b.Value(stamp), nil
}

// Check reports whether a stamp satisfies a cost, and its value. Stamps that are not [StampLength] bytes long are refused
// without work. Equality with the target counts, so the value of a valid stamp may be one below the cost.
func (w StampWork) Check(ctx context.Context, stamp []byte, cost int) (value int, ok bool, err error) {
	if len(stamp) != StampLength {
		return 0, false, nil
	}
	b, err := workblock.Expand(ctx, w.material[:], w.rounds)
	if err != nil {
		return 0, false, err
	}
	sum := b.Sum(stamp)
	return workblock.LeadingZeros(sum), workblock.Meets(sum, cost), nil
}

// Make computes a stamp of the given cost, on all cores. It takes 2^cost hashes on average: cost 16 is milliseconds, cost
// 24 seconds, and each further one doubles it. It ends early with the context, whose error it returns; a cost over
// [MaxStampCost] is [ErrStampCost].
func (w StampWork) Make(ctx context.Context, rand io.Reader, cost int) ([]byte, error) {
	if cost > MaxStampCost {
		return nil, fmt.Errorf("%w: %d", ErrStampCost, cost)
	}
	b, err := workblock.Expand(ctx, w.material[:], w.rounds)
	if err != nil {
		return nil, err
	}
	stamp, err := b.Search(ctx, rand, cost, runtime.GOMAXPROCS(0))
	if err != nil {
		return nil, err
	}
	return stamp[:], nil
}

// StampValue is [StampWork.Value] for a message.
func StampValue(ctx context.Context, id MessageID, stamp []byte) (int, error) {
	return MessageWork(id).Value(ctx, stamp)
}

// CheckStamp is [StampWork.Check] for a message.
func CheckStamp(ctx context.Context, id MessageID, stamp []byte, cost int) (value int, ok bool, err error) {
	return MessageWork(id).Check(ctx, stamp, cost)
}

// MakeStamp is [StampWork.Make] for a message.
func MakeStamp(ctx context.Context, rand io.Reader, id MessageID, cost int) ([]byte, error) {
	return MessageWork(id).Make(ctx, rand, cost)
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

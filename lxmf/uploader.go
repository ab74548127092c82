package lxmf

import (
	"context"
	"crypto/sha256"

	"groupd/rns"
)

// Uploader leaves messages with a propagation node. The router owns the messages, their order and repetitions; the Uploader
// owns the choice of the node, the link to it and the stamp that it asks for.
type Uploader interface {
	// Ready reports whether there is a node to upload to; without one, propagated messages fail at once with [ErrNoNode]. It
	// is called from several goroutines and must not block.
	Ready() bool
	// Upload makes one attempt: it opens the link when there is none, makes the stamp, and returns nil when the node has
	// proved that it has the message. [ErrRejected] and [ErrStampCost] end the message. [ErrNoNode], [ErrNotDelivered] and
	// [ErrTooLarge] end the round: it waits for [Router.NodeHeard], if its TTL lets it. After any other error the router tries
	// again ten seconds later, five times in all.
	// ctx ends when the message is cancelled or the router ends. It is called from many goroutines, but only once at a time
	// for one recipient of one delivery.
	Upload(ctx context.Context, u *Upload) error
}

// Upload is a message on its way to a propagation node.
type Upload struct {
	From *Delivery
	To   rns.DestinationHash
	ID   MessageID
	// Blob is the sealed message (see [Seal]) without the node's stamp. It is the same at each attempt, and so is its transient
	// id: a node that has it already will know it.
	Blob []byte
	// MaxStampCost is the highest cost that a stamp may be made for.
	MaxStampCost int
	// Progress may be told which part of the upload is done, from 0 to 1, from any goroutine.
	Progress func(float64)
}

// TransientID returns the SHA-256 of the blob, by which propagation nodes know the message.
func (u *Upload) TransientID() [sha256.Size]byte { return sha256.Sum256(u.Blob) }

// SetUploader says who leaves messages with propagation nodes; nil: nobody. Messages under way stay with the one they have.
func (r *Router) SetUploader(u Uploader) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up = u
}

// uploader returns what SetUploader was given, nil when there is none.
func (r *Router) uploader() Uploader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up
}

// NodeHeard makes uploads that failed or wait due at once, since a propagation node has shown up, or another was chosen.
func (r *Router) NodeHeard() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.recipients {
		rec.nodeHeard.Store(true)
		rec.wake()
	}
}

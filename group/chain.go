package group

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// canonicalVersion is the first byte of canonical content. Other layouts get other versions.
const canonicalVersion = 1

// Canonical is what an entry's digest covers, version 1: one byte version, one byte kind, author (16), target (16), ref (8),
// server time and author time (8 each, microseconds since 1970, 0 for none), message id (32), codec (4), then title, text
// and fields, each as its length (4) and its bytes. Integers are big endian. It depends on content alone: not on seq, rev,
// names or the database.
func (e Entry) Canonical() []byte {
	b := make([]byte, 0, 110+len(e.Title)+len(e.Text)+len(e.Fields))
	b = append(b, canonicalVersion, byte(e.Kind))
	b = append(b, e.Author[:]...)
	b = append(b, e.Target[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Ref))
	for _, t := range []int64{micros(e.Time), micros(e.AuthorTime)} {
		b = binary.BigEndian.AppendUint64(b, uint64(t))
	}
	b = append(b, e.MessageID[:]...)
	b = binary.BigEndian.AppendUint32(b, e.Codec)
	for _, part := range [][]byte{e.Title, e.Text, e.Fields} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

// ContentDigest is SHA-256(salt ‖ canonical content).
func (e Entry) ContentDigest() Hash {
	h := sha256.New()
	h.Write(e.Salt)
	h.Write(e.Canonical())
	return Hash(h.Sum(nil))
}

// ChainHash is SHA-256(previous ‖ digest): the hash of an entry with this digest after one with that hash. The first
// entry's previous hash is zero.
func ChainHash(previous, digest Hash) Hash {
	return sha256.Sum256(append(previous[:], digest[:]...))
}

// VerifyChain recomputes every digest and hash of a group, a page at a time. It returns the first entry that does not
// fit: its content does not give its digest, its hash does not follow from the one before, or it is missing. 0: all fit.
func (h *Hub) VerifyChain(ctx context.Context, g GroupID) (bad Seq, err error) {
	const op = "verify chain"
	var previous Hash
	next := Seq(0)
	for done := false; !done; {
		err := h.store.View(ctx, func(tx ReadTx) error {
			head, err := tx.Head(g)
			if errors.Is(err, ErrNoRow) {
				return &Error{Kind: KindNotFound, Op: op, Field: "group", Msg: "no such group"}
			}
			if err != nil {
				return err
			}
			if next == 0 {
				next = max(head.Oldest, 1)
				if next > 1 {
					first, err := tx.Entry(g, next)
					if err != nil {
						return err
					}
					previous = first.Hash // older ones are gone: the chain is checked from here
					next++
				}
			}
			entries, err := tx.Entries(g, next-1, 0, false, MaxPage)
			if err != nil {
				return err
			}
			for _, e := range entries {
				switch {
				case e.Seq != next, !e.Deleted && (len(e.Salt) != SaltSize || e.ContentDigest() != e.Digest), ChainHash(previous, e.Digest) != e.Hash:
					bad, done = next, true
					return nil
				}
				previous, next = e.Hash, next+1
			}
			if next > head.Seq {
				done = true
				if next-1 != head.Seq || previous != head.Chain {
					bad = max(head.Seq, 1)
				}
			} else if len(entries) == 0 {
				bad, done = next, true
			}
			return nil
		})
		if err != nil {
			return 0, h.failed(op, fmt.Errorf("group %q: %w", g, err))
		}
	}
	return bad, nil
}

package sqlite

import (
	"context"
	"iter"

	"groupd/lxmf"
	"groupd/rns"
)

const queuedColumns = "id, source_hash, destination_hash, packed, method, propagate, priority, max_stamp_cost, public_key, ratchet, queued_at, expires_at"

func scanQueued(r row) (m lxmf.QueuedMessage, err error) {
	err = r.Scan(fixed{m.ID[:]}, fixed{m.From[:]}, fixed{m.To[:]}, raw{&m.Packed}, &m.Method, &m.Propagate, &m.Priority,
		&m.MaxStampCost, raw{&m.Identity}, raw{&m.Ratchet}, moment{&m.QueuedAt}, moment{&m.Expires})
	return m, err
}

// PutQueued implements lxmf.QueueStore.
func (s lxmfStore) PutQueued(ctx context.Context, m lxmf.QueuedMessage) error {
	return s.db.update(ctx, func(c *conn) error {
		return c.exec("INSERT INTO lxmf_queued ("+queuedColumns+`) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)
			ON CONFLICT (id) DO UPDATE SET method = ?5, propagate = ?6, priority = ?7, max_stamp_cost = ?8, public_key = ?9,
			ratchet = ?10, queued_at = ?11, expires_at = ?12`,
			m.ID[:], m.From[:], m.To[:], blob(m.Packed), m.Method, m.Propagate, m.Priority, m.MaxStampCost,
			bytes(m.Identity), bytes(m.Ratchet), micros(m.QueuedAt), micros(m.Expires))
	})
}

// Queued implements lxmf.QueueStore. Their number and bytes are bounded by the router, so they are read at once.
func (s lxmfStore) Queued(ctx context.Context) iter.Seq2[lxmf.QueuedMessage, error] {
	return func(yield func(lxmf.QueuedMessage, error) bool) {
		var all []lxmf.QueuedMessage
		if err := s.db.view(ctx, func(c *conn) (err error) {
			all, err = list(c, scanQueued, "SELECT "+queuedColumns+" FROM lxmf_queued ORDER BY no")
			return err
		}); err != nil {
			yield(lxmf.QueuedMessage{}, err)
			return
		}
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// DeleteQueued implements lxmf.QueueStore.
func (s lxmfStore) DeleteQueued(ctx context.Context, ids ...lxmf.MessageID) error {
	return s.db.update(ctx, func(c *conn) error {
		for _, id := range ids {
			if err := c.exec("DELETE FROM lxmf_queued WHERE id = ?1", id[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropQueued implements lxmf.QueueStore.
func (s lxmfStore) DropQueued(ctx context.Context, from rns.DestinationHash) error {
	return s.db.update(ctx, func(c *conn) error {
		return c.exec("DELETE FROM lxmf_queued WHERE source_hash = ?1", from[:])
	})
}

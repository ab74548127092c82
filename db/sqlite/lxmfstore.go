package sqlite

import (
	"context"
	"errors"
	"iter"

	"groupd/group"
	"groupd/lxmf"
)

// LXMFStore returns the engine behind the message router. Its Seen asks the ids that the groups keep of what they accepted.
func (db *DB) LXMFStore() lxmf.Store { return lxmfStore{db} }

type lxmfStore struct{ db *DB }

// Seen implements lxmf.Store.
func (s lxmfStore) Seen(ctx context.Context, id lxmf.MessageID) (seen bool, err error) {
	err = s.db.view(ctx, func(c *conn) error {
		t := tx{c}
		groups, err := t.Groups()
		if err != nil {
			return err
		}
		for _, g := range groups {
			if seen, err = t.Seen(g.ID, g.SeenID(group.MessageID(id))); err != nil || seen {
				return err
			}
		}
		return nil
	})
	return seen, err
}

// PutHeld implements lxmf.Store.
func (s lxmfStore) PutHeld(ctx context.Context, m lxmf.HeldMessage, evict ...lxmf.HeldKey) error {
	return s.db.update(ctx, func(c *conn) error {
		if err := deleteHeld(c, evict); err != nil {
			return err
		}
		return c.exec(`INSERT INTO lxmf_held (key, destination_hash, source_hash, packed, method, hops, received_at)
			VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT (key) DO NOTHING`,
			m.Key[:], m.Destination[:], m.Source[:], blob(m.Packed), m.Method, m.Hops, micros(m.ReceivedAt))
	})
}

const heldColumns = "key, destination_hash, source_hash, packed, method, hops, received_at"

func scanHeld(r row) (m lxmf.HeldMessage, err error) {
	err = r.Scan(fixed{m.Key[:]}, fixed{m.Destination[:]}, fixed{m.Source[:]}, raw{&m.Packed}, &m.Method, &m.Hops, moment{&m.ReceivedAt})
	return m, err
}

// Held implements lxmf.Store. Their number is bounded by the router, so they are read at once.
func (s lxmfStore) Held(ctx context.Context) iter.Seq2[lxmf.HeldMessage, error] {
	return func(yield func(lxmf.HeldMessage, error) bool) {
		var all []lxmf.HeldMessage
		if err := s.db.view(ctx, func(c *conn) (err error) {
			all, err = list(c, scanHeld, "SELECT "+heldColumns+" FROM lxmf_held ORDER BY no")
			return err
		}); err != nil {
			yield(lxmf.HeldMessage{}, err)
			return
		}
		for _, m := range all {
			if !yield(m, nil) {
				return
			}
		}
	}
}

// GetHeld implements lxmf.Store.
func (s lxmfStore) GetHeld(ctx context.Context, key lxmf.HeldKey) (m lxmf.HeldMessage, err error) {
	err = s.db.view(ctx, func(c *conn) (err error) {
		m, err = find(c, scanHeld, "SELECT "+heldColumns+" FROM lxmf_held WHERE key = ?1", key[:])
		return err
	})
	if errors.Is(err, group.ErrNoRow) {
		return lxmf.HeldMessage{}, lxmf.ErrNotHeld
	}
	return m, err
}

// DeleteHeld implements lxmf.Store.
func (s lxmfStore) DeleteHeld(ctx context.Context, keys ...lxmf.HeldKey) error {
	return s.db.update(ctx, func(c *conn) error { return deleteHeld(c, keys) })
}

func deleteHeld(c *conn, keys []lxmf.HeldKey) error {
	for _, k := range keys {
		if err := c.exec("DELETE FROM lxmf_held WHERE key = ?1", k[:]); err != nil {
			return err
		}
	}
	return nil
}

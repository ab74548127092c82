package sqlite

import (
	"context"
	"errors"
	"time"

	"groupd/group"
	"groupd/rns"
)

// RNSStore returns an rns.Store that keeps in the database what cannot be learned again, so that it is in the backup: the ratchets
// of our own destinations and the times of their announces. What was heard of others stays where files keeps it.
func (db *DB) RNSStore(files rns.Store) rns.Store { return rnsStore{Store: files, db: db} }

type rnsStore struct {
	rns.Store
	db *DB
}

// LoadOwnRatchets implements rns.Store.
func (s rnsStore) LoadOwnRatchets(ctx context.Context, d rns.DestinationHash) (file []byte, err error) {
	err = s.db.view(ctx, func(c *conn) error {
		return c.one(func(r row) error { return r.Scan(raw{&file}) }, "SELECT file FROM rns_own_ratchets WHERE destination_hash = ?1", d[:])
	})
	if errors.Is(err, group.ErrNoRow) {
		return nil, nil
	}
	return file, err
}

// SaveOwnRatchets implements rns.Store.
func (s rnsStore) SaveOwnRatchets(ctx context.Context, d rns.DestinationHash, file []byte) error {
	return s.db.update(ctx, func(c *conn) error {
		return c.exec("INSERT INTO rns_own_ratchets (destination_hash, file) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET file = ?2", d[:], blob(file))
	})
}

// LastAnnounced implements rns.Store.
func (s rnsStore) LastAnnounced(ctx context.Context, d rns.DestinationHash) (at time.Time, err error) {
	var seconds int64
	err = s.db.view(ctx, func(c *conn) error {
		return c.one(func(r row) error { return r.Scan(&seconds) }, "SELECT announced_at FROM rns_last_announced WHERE destination_hash = ?1", d[:])
	})
	if errors.Is(err, group.ErrNoRow) {
		return time.Time{}, nil
	}
	return time.Unix(seconds, 0), err
}

// SaveLastAnnounced implements rns.Store.
func (s rnsStore) SaveLastAnnounced(ctx context.Context, d rns.DestinationHash, at time.Time) error {
	return s.db.update(ctx, func(c *conn) error {
		return c.exec("INSERT INTO rns_last_announced (destination_hash, announced_at) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET announced_at = ?2",
			d[:], at.Unix())
	})
}

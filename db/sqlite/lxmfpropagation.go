package sqlite

import (
	"context"

	"groupd/lxmf"
	"groupd/rns"
)

// Nodes implements lxmf.PropagationStore.
func (s lxmfStore) Nodes(ctx context.Context) (all []lxmf.KnownNode, err error) {
	err = s.db.view(ctx, func(c *conn) (err error) {
		all, err = list(c, func(r row) (n lxmf.KnownNode, err error) {
			err = r.Scan(fixed{n.Address[:]}, moment{&n.FirstHeard})
			return n, err
		}, "SELECT address, first_heard FROM lxmf_nodes ORDER BY no")
		return err
	})
	return all, err
}

// PutNode implements lxmf.PropagationStore.
func (s lxmfStore) PutNode(ctx context.Context, n lxmf.KnownNode, evict ...rns.DestinationHash) error {
	return s.db.update(ctx, func(c *conn) error {
		for _, a := range evict {
			if err := c.exec("DELETE FROM lxmf_nodes WHERE address = ?1", a[:]); err != nil {
				return err
			}
		}
		return c.exec("INSERT INTO lxmf_nodes (address, first_heard) VALUES (?1,?2) ON CONFLICT (address) DO NOTHING", n.Address[:], micros(n.FirstHeard))
	})
}

// Collected implements lxmf.PropagationStore.
func (s lxmfStore) Collected(ctx context.Context) (all []lxmf.TransientID, err error) {
	err = s.db.view(ctx, func(c *conn) (err error) {
		all, err = list(c, func(r row) (id lxmf.TransientID, err error) {
			err = r.Scan(fixed{id[:]})
			return id, err
		}, "SELECT id FROM lxmf_collected ORDER BY no")
		return err
	})
	return all, err
}

// PutCollected implements lxmf.PropagationStore.
func (s lxmfStore) PutCollected(ctx context.Context, keep int, ids ...lxmf.TransientID) error {
	return s.db.update(ctx, func(c *conn) error {
		for _, id := range ids {
			if err := c.exec("INSERT INTO lxmf_collected (id) VALUES (?1) ON CONFLICT (id) DO NOTHING", id[:]); err != nil {
				return err
			}
		}
		return c.exec("DELETE FROM lxmf_collected WHERE no <= (SELECT no FROM lxmf_collected ORDER BY no DESC LIMIT 1 OFFSET ?1)", keep)
	})
}

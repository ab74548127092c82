package memory

import (
	"bytes"

	"groupd/group"
)

func (t *tx) Delivery(g group.GroupID, id group.IdentityHash) (group.Delivery, error) {
	d, ok := t.rows.of(g).deliveries[id]
	if !ok {
		return group.Delivery{}, group.ErrNoRow
	}
	return d, nil
}

func (t *tx) Deliveries(g group.GroupID, after group.IdentityHash, limit int) ([]group.Delivery, error) {
	var out []group.Delivery
	for _, d := range sortedByHash(t.rows.of(g).deliveries) {
		if len(out) < limit && bytes.Compare(d.Identity[:], after[:]) > 0 {
			out = append(out, d)
		}
	}
	return out, nil
}

func (t *tx) PutDelivery(d group.Delivery) error {
	gr, err := t.open(d.Group)
	if err != nil {
		return err
	}
	d.Progress = copyProgress(d.Progress)
	put(t, gr.deliveries, d.Identity, d)
	return nil
}

func (t *tx) PutProgress(g group.GroupID, id group.IdentityHash, p group.Progress) error {
	gr, err := t.open(g)
	if err != nil {
		return err
	}
	if d, ok := gr.deliveries[id]; ok {
		d.Progress = copyProgress(p)
		put(t, gr.deliveries, id, d)
	}
	return nil
}

func (t *tx) DeleteDelivery(g group.GroupID, id group.IdentityHash) error {
	drop(t, t.rows.of(g).deliveries, id)
	return nil
}

func copyProgress(p group.Progress) group.Progress {
	p.Due, p.Proved, p.SpentAt = at(p.Due), at(p.Proved), at(p.SpentAt)
	return p
}

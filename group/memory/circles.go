package memory

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"groupd/group"
)

func (t *tx) Circle(g group.GroupID) (group.Circle, error) {
	c := t.rows.of(g).circle
	if c == nil {
		return group.Circle{}, group.ErrNoRow
	}
	return *c, nil
}

func (t *tx) PutCircle(c group.Circle) error {
	gr, err := t.open(c.Group)
	if err != nil {
		return err
	}
	c.Until, c.Established = at(c.Until), at(c.Established)
	set(t, &gr.circle, &c)
	return nil
}

func (t *tx) Invitees(g group.GroupID) ([]group.Invitee, error) {
	return slices.SortedFunc(maps.Values(t.rows.of(g).invitees), func(a, b group.Invitee) int {
		return cmp.Or(a.Invited.Compare(b.Invited), bytes.Compare(a.Who[:], b.Who[:]))
	}), nil
}

func (t *tx) PutInvitee(i group.Invitee) error {
	gr, err := t.open(i.Group)
	if err != nil {
		return err
	}
	i.Invited, i.Expires, i.Answered = at(i.Invited), at(i.Expires), at(i.Answered)
	put(t, gr.invitees, i.Who, i)
	return nil
}

func (t *tx) DeleteInvitee(g group.GroupID, who group.AnyHash) error {
	drop(t, t.rows.of(g).invitees, who)
	return nil
}

func (t *tx) Epochs(g group.GroupID, before uint32, limit int) ([]group.Epoch, error) {
	list := slices.SortedFunc(maps.Values(t.rows.of(g).epochs), func(a, b group.Epoch) int { return cmp.Compare(b.Number, a.Number) })
	list = slices.DeleteFunc(list, func(e group.Epoch) bool { return before > 0 && e.Number >= before })
	return list[:min(limit, len(list))], nil
}

func (t *tx) EpochsDue(until time.Time, limit int) ([]group.Epoch, error) {
	var list []group.Epoch
	for _, gr := range t.rows.groups {
		for _, e := range gr.epochs {
			if !e.Ends.IsZero() && !e.Ends.After(until) {
				list = append(list, e)
			}
		}
	}
	slices.SortFunc(list, func(a, b group.Epoch) int { return cmp.Or(a.Ends.Compare(b.Ends), cmp.Compare(a.Group, b.Group)) })
	return list[:min(limit, len(list))], nil
}

func (t *tx) PutEpoch(e group.Epoch) error {
	gr, err := t.open(e.Group)
	if err != nil {
		return err
	}
	e.Created, e.Ends = at(e.Created), at(e.Ends)
	put(t, gr.epochs, e.Number, e)
	return nil
}

func (t *tx) DropEpochs(g group.GroupID, before uint32) error {
	for n := range t.rows.of(g).epochs {
		if n < before {
			drop(t, t.rows.of(g).epochs, n)
		}
	}
	return nil
}

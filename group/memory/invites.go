package memory

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"groupd/group"
)

// invites lists a group's invites that fit, by ID.
func (t *tx) invites(g group.GroupID, want func(group.Invite) bool) []group.Invite {
	list := slices.SortedFunc(maps.Values(t.rows.of(g).invites), func(a, b group.Invite) int { return cmp.Compare(a.ID, b.ID) })
	return slices.DeleteFunc(list, func(i group.Invite) bool { return !want(i) })
}

// firstInvite is the first one that fits.
func (t *tx) firstInvite(g group.GroupID, want func(group.Invite) bool) (group.Invite, error) {
	if list := t.invites(g, want); len(list) > 0 {
		return list[0], nil
	}
	return group.Invite{}, group.ErrNoRow
}

func (t *tx) Invite(g group.GroupID, id int64) (group.Invite, error) {
	return t.firstInvite(g, func(i group.Invite) bool { return i.ID == id })
}

func (t *tx) InviteByCode(g group.GroupID, code group.Hash) (group.Invite, error) {
	return t.firstInvite(g, func(i group.Invite) bool { return i.Code == code })
}

func (t *tx) InvitesFor(g group.GroupID, h, other group.AnyHash) ([]group.Invite, error) {
	return t.invites(g, func(i group.Invite) bool { return !i.For.IsZero() && (i.For == h || i.For == other) }), nil
}

func (t *tx) Invites(g group.GroupID, after int64, limit int) ([]group.Invite, error) {
	list := t.invites(g, func(i group.Invite) bool { return i.ID > after })
	return list[:min(limit, len(list))], nil
}

func (t *tx) InvitesBy(g group.GroupID, by group.IdentityHash, after int64, limit int) ([]group.Invite, error) {
	list := t.invites(g, func(i group.Invite) bool { return i.By == by && i.ID > after })
	return list[:min(limit, len(list))], nil
}

func (t *tx) CountInvites(g group.GroupID) (int, error) { return len(t.rows.of(g).invites), nil }

func (t *tx) CountInvitesBy(g group.GroupID, by group.IdentityHash) (int, error) {
	return len(t.invites(g, func(i group.Invite) bool { return i.By == by })), nil
}

func (t *tx) PutInvite(i group.Invite) (int64, error) {
	gr, err := t.open(i.Group)
	if err != nil {
		return 0, err
	}
	if i.ID == 0 {
		set(t, &t.rows.lastInvite, t.rows.lastInvite+1)
		i.ID = t.rows.lastInvite
	}
	i.Created, i.Expires = at(i.Created), at(i.Expires)
	put(t, gr.invites, i.ID, i)
	return i.ID, nil
}

func (t *tx) DeleteInvite(g group.GroupID, id int64) error {
	drop(t, t.rows.of(g).invites, id)
	return nil
}

// deleteInvites removes those that fit.
func (t *tx) deleteInvites(g group.GroupID, want func(group.Invite) bool) (int, error) {
	list := t.invites(g, want)
	for _, i := range list {
		drop(t, t.rows.of(g).invites, i.ID)
	}
	return len(list), nil
}

func (t *tx) DeleteInvitesBy(g group.GroupID, by group.IdentityHash) (int, error) {
	return t.deleteInvites(g, func(i group.Invite) bool { return i.By == by })
}

func (t *tx) DeleteInvitesUntil(g group.GroupID, until time.Time) (int, error) {
	return t.deleteInvites(g, func(i group.Invite) bool { return !i.Expires.After(until) })
}

func (t *tx) MoveInvites(g group.GroupID, from, to group.IdentityHash) error {
	for _, i := range t.invites(g, func(i group.Invite) bool { return i.By == from }) {
		i.By = to
		put(t, t.rows.of(g).invites, i.ID, i)
	}
	return nil
}

// countDirect counts direct invites that fit.
func (t *tx) countDirect(want func(group.DirectInvite) bool) (n int, err error) {
	for _, d := range t.rows.direct {
		if want(d) {
			n++
		}
	}
	return n, nil
}

func (t *tx) CountDirectTo(h, other group.AnyHash, after time.Time) (int, error) {
	return t.countDirect(func(d group.DirectInvite) bool {
		return (d.Target == h || d.Target == other || d.Address == group.Address(h)) && d.Created.After(after)
	})
}

func (t *tx) CountDirectBy(by group.IdentityHash, after time.Time) (int, error) {
	return t.countDirect(func(d group.DirectInvite) bool { return d.By == by && d.Created.After(after) })
}

func (t *tx) CountDirect() (int, error) { return len(t.rows.direct), nil }

func (t *tx) AddDirectInvite(d group.DirectInvite) error {
	d.Created = at(d.Created)
	set(t, &t.rows.direct, append(slices.Clone(t.rows.direct), d))
	return nil
}

func (t *tx) PruneDirectInvites(until time.Time) (int, error) {
	left := slices.DeleteFunc(slices.Clone(t.rows.direct), func(d group.DirectInvite) bool { return !d.Created.After(until) })
	n := len(t.rows.direct) - len(left)
	set(t, &t.rows.direct, left)
	return n, nil
}

func (t *tx) InvitesBlocked(h group.AnyHash) (bool, error) {
	for _, b := range t.rows.blocks {
		if b.Identity == group.IdentityHash(h) || b.Address == group.Address(h) {
			return true, nil
		}
	}
	return false, nil
}

func (t *tx) CountInviteBlocks() (int, error) { return len(t.rows.blocks), nil }

func (t *tx) PutInviteBlock(b group.InviteBlock) error {
	b.Created = at(b.Created)
	put(t, t.rows.blocks, b.Identity, b)
	return nil
}

func (t *tx) DeleteInviteBlock(id group.IdentityHash) error {
	drop(t, t.rows.blocks, id)
	return nil
}

func (t *tx) DropOldestInviteBlock() error {
	list := slices.SortedFunc(maps.Values(t.rows.blocks), func(a, b group.InviteBlock) int {
		return cmp.Or(a.Created.Compare(b.Created), bytes.Compare(a.Identity[:], b.Identity[:]))
	})
	if len(list) > 0 {
		drop(t, t.rows.blocks, list[0].Identity)
	}
	return nil
}

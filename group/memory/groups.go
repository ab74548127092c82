package memory

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"groupd/group"
)

// everywhere lists what f finds in each group, by group.
func everywhere[T any](t *tx, limit int, f func(*groupRows) (T, bool)) []T {
	var out []T
	for _, id := range slices.Sorted(maps.Keys(t.rows.groups)) {
		if gr := t.rows.groups[id]; gr.group != nil && len(out) < limit {
			if v, ok := f(gr); ok {
				out = append(out, v)
			}
		}
	}
	return out
}

func (t *tx) Memberships(h group.AnyHash, limit int) ([]group.Member, error) {
	return everywhere(t, limit, func(gr *groupRows) (group.Member, bool) {
		for _, m := range gr.members {
			if h.Names(m.Identity) {
				return copyMember(m), true
			}
		}
		return group.Member{}, false
	}), nil
}

func (t *tx) RequestsOf(h group.AnyHash, limit int) ([]group.Request, error) {
	return everywhere(t, limit, func(gr *groupRows) (group.Request, bool) {
		for _, r := range gr.requests {
			if h.Names(r.Identity) {
				return copyRequest(r), true
			}
		}
		return group.Request{}, false
	}), nil
}

func (t *tx) InvitesTo(h, other group.AnyHash, limit int) ([]group.Invite, error) {
	var out []group.Invite
	for id := range t.rows.groups {
		list, err := t.InvitesFor(id, h, other)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b group.Invite) int { return cmp.Compare(a.ID, b.ID) })
	return out[:min(limit, len(out))], nil
}

func (t *tx) UntoldInvites(g group.GroupID, limit int) ([]group.Invite, error) {
	list := t.invites(g, func(i group.Invite) bool { return i.Telling != group.TellNothing })
	return list[:min(limit, len(list))], nil
}

func (t *tx) CountGroups() (int, error) {
	all, err := t.Groups()
	return len(all), err
}

func (t *tx) CountGroupsOf(creator group.IdentityHash) (int, error) {
	all, err := t.Groups()
	return len(slices.DeleteFunc(all, func(g group.Group) bool { return g.Creator != creator })), err
}

func (t *tx) GroupsToErase() ([]group.GroupID, error) {
	return slices.Sorted(maps.Keys(t.rows.erasable)), nil
}

func (t *tx) RemoveGroup(id group.GroupID) error {
	gr, err := t.open(id)
	if err != nil {
		return err
	}
	drop(t, t.rows.groups, id)
	set(t, &gr.epochs, make(map[uint32]group.Epoch))
	put(t, t.rows.erasable, id, gr)
	return nil
}

func (t *tx) EraseGroup(id group.GroupID, limit int) (int, error) {
	gr := t.rows.erasable[id]
	if gr == nil {
		return 0, nil
	}
	n := t.dropEntries(gr, 1<<62, limit)
	if n > 0 {
		return n, nil
	}
	for k := range t.rows.outcomes {
		if k.group == id {
			drop(t, t.rows.outcomes, k)
		}
	}
	drop(t, t.rows.erasable, id)
	return 1, nil
}

func (t *tx) RemovedGroup(id group.GroupID) (group.RemovedGroup, error) {
	if r, ok := t.rows.removed[id]; ok {
		return r, nil
	}
	return group.RemovedGroup{}, group.ErrNoRow
}

func (t *tx) RemovedGroups() ([]group.RemovedGroup, error) {
	return slices.SortedFunc(maps.Values(t.rows.removed), func(a, b group.RemovedGroup) int { return strings.Compare(string(a.ID), string(b.ID)) }), nil
}

func (t *tx) PutRemovedGroup(r group.RemovedGroup, keep int) error {
	r.Removed = at(r.Removed)
	put(t, t.rows.removed, r.ID, r)
	newest := slices.SortedFunc(maps.Values(t.rows.removed), func(a, b group.RemovedGroup) int {
		return cmp.Or(b.Removed.Compare(a.Removed), strings.Compare(string(a.ID), string(b.ID)))
	})
	for _, old := range newest[min(keep, len(newest)):] {
		drop(t, t.rows.removed, old.ID)
	}
	return nil
}

func (t *tx) DeleteRemovedGroup(id group.GroupID) error {
	drop(t, t.rows.removed, id)
	return nil
}

func (t *tx) ServerLog(before int64, limit int) ([]group.ServerLine, error) {
	var out []group.ServerLine
	for _, l := range slices.Backward(t.rows.log) {
		if (before == 0 || l.ID < before) && len(out) < limit {
			out = append(out, l)
		}
	}
	return out, nil
}

func (t *tx) AddServerLine(l group.ServerLine, keep int) error {
	set(t, &t.rows.lines, t.rows.lines+1)
	l.ID, l.Time = t.rows.lines, at(l.Time)
	list := append(t.rows.log, l)
	set(t, &t.rows.log, list[max(0, len(list)-keep):])
	return nil
}

package memory

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"groupd/group"
)

func (t *tx) ReactionRows(g group.GroupID, after group.Reaction, limit int) ([]group.Reaction, error) {
	var out []group.Reaction
	for _, rows := range t.rows.of(g).reactions {
		for _, r := range rows {
			if compareReactions(r, after) > 0 {
				out = append(out, r)
			}
		}
	}
	slices.SortFunc(out, compareReactions)
	return out[:min(limit, len(out))], nil
}

func compareReactions(a, b group.Reaction) int {
	return cmp.Or(cmp.Compare(a.Seq, b.Seq), bytes.Compare(a.Who[:], b.Who[:]), strings.Compare(a.Text, b.Text))
}

func (t *tx) AuditAfter(g group.GroupID, after int64, limit int) ([]group.Audit, error) {
	var out []group.Audit
	for _, a := range t.rows.of(g).audit {
		if a.ID > after && len(out) < limit {
			out = append(out, a)
		}
	}
	return out, nil
}

func (t *tx) SeenIDs(g group.GroupID, after group.SeenID, limit int) ([]group.SeenID, error) {
	var out []group.SeenID
	for id := range t.rows.of(g).seen {
		if bytes.Compare(id[:], after[:]) > 0 {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b group.SeenID) int { return bytes.Compare(a[:], b[:]) })
	return out[:min(limit, len(out))], nil
}

func (t *tx) AttachedBlobs(g group.GroupID, after group.Hash, limit int) ([]group.Blob, error) {
	found := make(map[group.Hash]group.Blob)
	for _, row := range t.rows.of(g).attachments {
		for _, a := range row.list {
			if old, had := found[a.Hash]; !row.held && compareHashes(a.Hash, after) > 0 && (!had || old.Lost) {
				found[a.Hash] = group.Blob{Hash: a.Hash, Size: a.Size, Lost: a.Lost}
			}
		}
	}
	out := slices.SortedFunc(maps.Values(found), func(a, b group.Blob) int { return compareHashes(a.Hash, b.Hash) })
	return out[:min(limit, len(out))], nil
}

func (t *tx) Leaving(id group.IdentityHash) (bool, error) {
	for _, gr := range t.rows.erasable {
		if gr.group.Identity == id {
			return true, nil
		}
	}
	return false, nil
}

func (t *tx) BeginImport(g group.Group) error {
	gr := newGroupRows()
	g = copyGroup(g)
	gr.group = &g
	put(t, t.rows.importing, g.ID, gr)
	return nil
}

func (t *tx) FinishImport(filled group.GroupID, g group.Group) error {
	gr := t.rows.importing[filled]
	if gr == nil {
		return group.ErrNoRow
	}
	drop(t, t.rows.importing, filled)
	gr = gr.named(g.ID)
	g = copyGroup(g)
	gr.group = &g
	put(t, t.rows.groups, g.ID, gr)
	return nil
}

// named is a copy of a group's rows that belong to another ID.
func (gr *groupRows) named(id group.GroupID) *groupRows {
	out := *gr
	out.members = named(gr.members, func(m *group.Member) { m.Group = id })
	out.entries = named(gr.entries, func(e *group.Entry) { e.Group = id })
	out.requests = named(gr.requests, func(q *group.Request) { q.Group = id })
	out.bans = named(gr.bans, func(b *group.Ban) { b.Group = id })
	out.invites = named(gr.invites, func(i *group.Invite) { i.Group = id })
	out.deliveries = named(gr.deliveries, func(d *group.Delivery) { d.Group = id })
	out.expected = named(gr.expected, func(e *group.Expected) { e.Group = id })
	out.invitees = named(gr.invitees, func(i *group.Invitee) { i.Group = id })
	out.epochs = named(gr.epochs, func(e *group.Epoch) { e.Group = id })
	out.reactions = named(gr.reactions, func(rows *map[reactionKey]group.Reaction) {
		*rows = named(*rows, func(r *group.Reaction) { r.Group = id })
	})
	if gr.circle != nil {
		c := *gr.circle
		c.Group = id
		out.circle = &c
	}
	out.reports, out.audit = slices.Clone(gr.reports), slices.Clone(gr.audit)
	for i := range out.reports {
		out.reports[i].Group = id
	}
	for i := range out.audit {
		out.audit[i].Group = id
	}
	return &out
}

// named is a copy of rows, each of which is given its new name.
func named[K comparable, V any](rows map[K]V, name func(*V)) map[K]V {
	out := make(map[K]V, len(rows))
	for k, v := range rows {
		name(&v)
		out[k] = v
	}
	return out
}

func (t *tx) AbandonImports() error {
	for id, gr := range t.rows.importing {
		drop(t, t.rows.importing, id)
		put(t, t.rows.erasable, id, gr)
	}
	return nil
}

// everywhereHas reports whether a row of any group fits.
func (t *tx) everywhereHas(has func(*groupRows) bool) bool {
	for _, all := range []map[group.GroupID]*groupRows{t.rows.groups, t.rows.importing, t.rows.erasable} {
		for _, gr := range all {
			if has(gr) {
				return true
			}
		}
	}
	return false
}

func (t *tx) KeepInvite(i group.Invite) error {
	if i.ID <= 0 || t.everywhereHas(func(gr *groupRows) bool { _, has := gr.invites[i.ID]; return has }) {
		i.ID = 0
	}
	set(t, &t.rows.lastInvite, max(t.rows.lastInvite, i.ID))
	_, err := t.PutInvite(i)
	return err
}

func (t *tx) KeepReport(p group.Report) error {
	gr, err := t.open(p.Group)
	if err != nil {
		return err
	}
	taken := func(gr *groupRows) bool {
		return slices.ContainsFunc(gr.reports, func(o group.Report) bool { return o.ID == p.ID })
	}
	if n := len(gr.reports); p.ID <= 0 || n > 0 && gr.reports[n-1].ID > p.ID || t.everywhereHas(taken) {
		p.ID = t.rows.reports + 1
	}
	set(t, &t.rows.reports, max(t.rows.reports, p.ID))
	p.Created = at(p.Created)
	set(t, &gr.reports, append(slices.Clone(gr.reports), p))
	return nil
}

func (t *tx) KeepAudit(a group.Audit) error {
	gr, err := t.open(a.Group)
	if err != nil {
		return err
	}
	taken := func(gr *groupRows) bool {
		return slices.ContainsFunc(gr.audit, func(o group.Audit) bool { return o.ID == a.ID })
	}
	if n := len(gr.audit); a.ID <= 0 || n > 0 && gr.audit[n-1].ID > a.ID || t.everywhereHas(taken) {
		a.ID = t.rows.audits + 1
	}
	set(t, &t.rows.audits, max(t.rows.audits, a.ID))
	a.Time = at(a.Time)
	set(t, &gr.audit, append(slices.Clone(gr.audit), a))
	return nil
}

func (t *tx) Expected(g group.GroupID, h, other group.AnyHash) ([]group.Expected, error) {
	return slices.DeleteFunc(sortedByHash(t.rows.of(g).expected), func(e group.Expected) bool { return e.Target != h && e.Target != other }), nil
}

func (t *tx) ExpectedList(g group.GroupID, after group.AnyHash, limit int) ([]group.Expected, error) {
	out := slices.DeleteFunc(sortedByHash(t.rows.of(g).expected), func(e group.Expected) bool { return bytes.Compare(e.Target[:], after[:]) <= 0 })
	return out[:min(limit, len(out))], nil
}

func (t *tx) CountExpected(g group.GroupID) (int, error) { return len(t.rows.of(g).expected), nil }

func (t *tx) ExpectedIn(h, other group.AnyHash) ([]group.GroupID, error) {
	var out []group.GroupID
	for _, id := range slices.Sorted(maps.Keys(t.rows.groups)) {
		gr := t.rows.groups[id]
		_, one := gr.expected[h]
		_, two := gr.expected[other]
		if gr.group != nil && (one || two) {
			out = append(out, id)
		}
	}
	return out, nil
}

func (t *tx) PutExpected(e group.Expected) error {
	gr, err := t.open(e.Group)
	if err != nil {
		return err
	}
	e.Created = at(e.Created)
	put(t, gr.expected, e.Target, e)
	return nil
}

func (t *tx) DeleteExpected(g group.GroupID, target group.AnyHash) error {
	drop(t, t.rows.of(g).expected, target)
	return nil
}

// Left counts groups of which something is left that nobody sees: they are being filled, or are to be erased.
func (s *Store) Left() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.rows.importing) + len(s.rows.erasable)
}

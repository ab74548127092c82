package memory

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"groupd/group"
)

// rollback undoes what the transaction wrote, last write first.
func (t *tx) rollback() {
	for _, f := range slices.Backward(t.undo) {
		f()
	}
	t.undo = nil
}

// put sets a map's value and remembers how to set it back.
func put[K comparable, V any](t *tx, m map[K]V, k K, v V) {
	old, had := m[k]
	t.undo = append(t.undo, func() {
		if had {
			m[k] = old
		} else {
			delete(m, k)
		}
	})
	m[k] = v
}

// drop deletes a map's value and remembers how to set it back.
func drop[K comparable, V any](t *tx, m map[K]V, k K) {
	if old, had := m[k]; had {
		t.undo = append(t.undo, func() { m[k] = old })
		delete(m, k)
	}
}

// set changes a variable and remembers how to set it back.
func set[V any](t *tx, p *V, v V) {
	old := *p
	t.undo = append(t.undo, func() { *p = old })
	*p = v
}

// open is a group's rows for writing: what foreign keys are to a database.
func (t *tx) open(g group.GroupID) (*groupRows, error) {
	gr := t.rows.groups[g]
	if gr == nil {
		gr = t.rows.importing[g]
	}
	if gr == nil || gr.group == nil {
		return nil, fmt.Errorf("group %q: %w", g, group.ErrNoRow)
	}
	return gr, nil
}

func (t *tx) SetMeta(key string, value []byte) error {
	if value == nil {
		drop(t, t.rows.meta, key)
		return nil
	}
	put(t, t.rows.meta, key, clone(value))
	return nil
}

func (t *tx) PutGroup(g group.Group) error {
	gr := t.rows.groups[g.ID]
	if gr == nil {
		gr = newGroupRows()
		put(t, t.rows.groups, g.ID, gr)
	}
	g = copyGroup(g)
	set(t, &gr.group, &g)
	return nil
}

func (t *tx) PutHead(g group.GroupID, h group.Head) error {
	gr, err := t.open(g)
	if err != nil {
		return err
	}
	set(t, &gr.head, h)
	return nil
}

func (t *tx) PutMember(m group.Member) error {
	gr, err := t.open(m.Group)
	if err != nil {
		return err
	}
	m = copyMember(m)
	old, had := gr.members[m.Identity]
	if present := btoi(m.Present) - btoi(old.Present); present != 0 {
		set(t, &gr.present, gr.present+present)
	}
	if !had || old.Rev != m.Rev {
		set(t, &gr.membersByRev, insert(gr.membersByRev, revOf[group.IdentityHash]{m.Rev, m.Identity}))
	}
	put(t, gr.members, m.Identity, m)
	return nil
}

func (t *tx) DropOldestDeparted(g group.GroupID) error {
	gr, err := t.open(g)
	if err != nil {
		return err
	}
	var oldest *group.Member
	for _, m := range gr.members {
		if m.Present {
			continue
		}
		if oldest == nil || m.Left.Before(oldest.Left) || (m.Left.Equal(oldest.Left) && bytes.Compare(m.Identity[:], oldest.Identity[:]) < 0) {
			oldest = &m
		}
	}
	if oldest != nil {
		drop(t, gr.members, oldest.Identity)
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (t *tx) TouchMember(g group.GroupID, id group.IdentityHash, heard, command time.Time, publicKey, ratchet []byte) error {
	gr, err := t.open(g)
	if err != nil {
		return err
	}
	m, ok := gr.members[id]
	if !ok {
		return group.ErrNoRow
	}
	if !heard.IsZero() {
		m.LastHeard = at(heard)
	}
	if !command.IsZero() {
		m.LastCommand = at(command)
	}
	if publicKey != nil {
		m.PublicKey = clone(publicKey)
	}
	if ratchet != nil {
		m.Ratchet = clone(ratchet)
	}
	put(t, gr.members, id, m)
	return nil
}

func (t *tx) AppendEntry(e group.Entry, original []byte) error {
	gr, err := t.open(e.Group)
	if err != nil {
		return err
	}
	if _, had := gr.entries[e.Seq]; had {
		return fmt.Errorf("entry %d exists", e.Seq)
	}
	e = copyEntry(e)
	put(t, gr.entries, e.Seq, e)
	if len(original) > 0 {
		put(t, gr.originals, e.Seq, clone(original))
	}
	if !e.MessageID.IsZero() {
		put(t, gr.byMessage, e.MessageID, e.Seq)
	}
	i, _ := slices.BinarySearch(gr.seqs, e.Seq)
	set(t, &gr.seqs, insertAt(gr.seqs, i, e.Seq))
	set(t, &gr.entriesByRev, insert(gr.entriesByRev, revOf[group.Seq]{e.Rev, e.Seq}))
	return nil
}

func (t *tx) PutTombstone(e group.Entry) error {
	gr, err := t.open(e.Group)
	if err != nil {
		return err
	}
	old, had := gr.entries[e.Seq]
	if !had {
		return group.ErrNoRow
	}
	e = copyEntry(e)
	put(t, gr.entries, e.Seq, e)
	drop(t, gr.originals, e.Seq)
	drop(t, gr.byMessage, old.MessageID)
	drop(t, gr.reactions, e.Seq)
	t.dropReports(gr, e.Seq)
	t.dropAttachments(gr, e.Seq, false)
	set(t, &gr.entriesByRev, insert(gr.entriesByRev, revOf[group.Seq]{e.Rev, e.Seq}))
	return nil
}

func (t *tx) PutRequest(r group.Request) error {
	gr, err := t.open(r.Group)
	if err != nil {
		return err
	}
	put(t, gr.requests, r.Identity, copyRequest(r))
	return nil
}

func (t *tx) DeleteRequest(g group.GroupID, id group.IdentityHash) error {
	drop(t, t.rows.of(g).requests, id)
	return nil
}

func (t *tx) PutBan(b group.Ban) error {
	gr, err := t.open(b.Group)
	if err != nil {
		return err
	}
	put(t, gr.bans, b.Target, copyBan(b))
	return nil
}

func (t *tx) DeleteBan(g group.GroupID, target group.AnyHash) error {
	drop(t, t.rows.of(g).bans, target)
	return nil
}

func (t *tx) AddSeen(g group.GroupID, id group.SeenID) error {
	gr, err := t.open(g)
	if err != nil {
		return err
	}
	put(t, gr.seen, id, struct{}{})
	return nil
}

func (t *tx) PutOutcome(o group.Outcome) error {
	put(t, t.rows.outcomes, outcomeKey{o.Group, o.Identity, string(o.ClientID)}, copyOutcome(o))
	return nil
}

// oldestOutcomes lists keys by age, those that want accepts.
func (t *tx) oldestOutcomes(want func(group.Outcome) bool) []outcomeKey {
	var keys []outcomeKey
	for k, o := range t.rows.outcomes {
		if want(o) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b outcomeKey) int { return t.rows.outcomes[a].Created.Compare(t.rows.outcomes[b].Created) })
	return keys
}

func (t *tx) PruneOutcomes(before time.Time, limit int) (int, error) {
	keys := t.oldestOutcomes(func(o group.Outcome) bool { return o.Created.Before(before) })
	keys = keys[:min(limit, len(keys))]
	for _, k := range keys {
		drop(t, t.rows.outcomes, k)
	}
	return len(keys), nil
}

func (t *tx) DropOldestOutcome(id group.IdentityHash) error {
	if keys := t.oldestOutcomes(func(o group.Outcome) bool { return o.Identity == id }); len(keys) > 0 {
		drop(t, t.rows.outcomes, keys[0])
	}
	return nil
}

func (t *tx) PutClaimCode(c group.ClaimCode) error {
	gr, err := t.open(c.Group)
	if err != nil {
		return err
	}
	c.Created, c.Expires = at(c.Created), at(c.Expires)
	set(t, &gr.claim, &c)
	return nil
}

func (t *tx) DeleteClaimCode(g group.GroupID) error {
	if gr := t.rows.groups[g]; gr != nil {
		set(t, &gr.claim, nil)
	}
	return nil
}

func (t *tx) AddAudit(a group.Audit, keep int) error {
	gr, err := t.open(a.Group)
	if err != nil {
		return err
	}
	set(t, &t.rows.audits, t.rows.audits+1)
	a.ID, a.Time = t.rows.audits, at(a.Time)
	list := append(gr.audit, a)
	set(t, &gr.audit, list[max(0, len(list)-keep):])
	return nil
}

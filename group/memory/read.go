package memory

import (
	"bytes"
	"slices"
	"sort"
	"strings"

	"groupd/group"
	"groupd/moderation"
)

// tx is a transaction on the live rows, with what it takes to undo it.
type tx struct {
	rows *rows
	undo []func()
}

func (t *tx) Meta(key string) ([]byte, error) { return clone(t.rows.meta[key]), nil }

func (t *tx) Groups() ([]group.Group, error) {
	var out []group.Group
	for _, gr := range t.rows.groups {
		if gr.group != nil {
			out = append(out, copyGroup(*gr.group))
		}
	}
	slices.SortFunc(out, func(a, b group.Group) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}

func (t *tx) Group(id group.GroupID) (group.Group, error) {
	gr := t.rows.groups[id]
	if gr == nil || gr.group == nil {
		return group.Group{}, group.ErrNoRow
	}
	return copyGroup(*gr.group), nil
}

func (t *tx) Head(id group.GroupID) (group.Head, error) {
	gr := t.rows.groups[id]
	if gr == nil || gr.group == nil {
		return group.Head{}, group.ErrNoRow
	}
	return gr.head, nil
}

func (t *tx) Member(g group.GroupID, id group.IdentityHash) (group.Member, error) {
	m, ok := t.rows.of(g).members[id]
	if !ok {
		return group.Member{}, group.ErrNoRow
	}
	return copyMember(m), nil
}

func (t *tx) MemberByHash(g group.GroupID, h group.AnyHash) (group.Member, error) {
	gr := t.rows.of(g)
	if m, ok := gr.members[group.IdentityHash(h)]; ok {
		return copyMember(m), nil
	}
	for _, m := range gr.members {
		if m.Address == group.Address(h) {
			return copyMember(m), nil
		}
	}
	return group.Member{}, group.ErrNoRow
}

func (t *tx) MembersByPrefix(g group.GroupID, prefix string, limit int) ([]group.Member, error) {
	return t.members(g, limit, func(m group.Member) bool {
		return m.Present && (strings.HasPrefix(m.Address.String(), prefix) || strings.HasPrefix(m.Identity.String(), prefix))
	})
}

func (t *tx) MembersBySkeleton(g group.GroupID, skeleton string, limit int) ([]group.Member, error) {
	return t.members(g, limit, func(m group.Member) bool { return m.Skeleton == skeleton })
}

func (t *tx) members(g group.GroupID, limit int, want func(group.Member) bool) ([]group.Member, error) {
	var out []group.Member
	for _, m := range t.rows.of(g).members {
		if want(m) {
			out = append(out, copyMember(m))
		}
	}
	slices.SortFunc(out, func(a, b group.Member) int { return bytes.Compare(a.Identity[:], b.Identity[:]) })
	return out[:min(limit, len(out))], nil
}

func (t *tx) MembersByRev(g group.GroupID, after group.Rev, presentOnly bool, limit int) ([]group.Member, error) {
	gr := t.rows.of(g)
	var out []group.Member
	for _, item := range gr.membersByRev[firstAfter(gr.membersByRev, after):] {
		if len(out) >= limit {
			break
		}
		if m := gr.members[item.key]; m.Rev == item.rev && (m.Present || !presentOnly) {
			out = append(out, copyMember(m))
		}
	}
	return out, nil
}

func (t *tx) CountMembers(g group.GroupID) (int, error) {
	return t.rows.of(g).present, nil
}

func (t *tx) CountDeparted(g group.GroupID) (int, error) {
	gr := t.rows.of(g)
	return len(gr.members) - gr.present, nil
}

func (t *tx) CountRole(g group.GroupID, r moderation.Role) (int, error) {
	n := 0
	for _, m := range t.rows.of(g).members {
		if m.Present && m.Role == r {
			n++
		}
	}
	return n, nil
}

func (t *tx) Entry(g group.GroupID, seq group.Seq) (group.Entry, error) {
	e, ok := t.rows.of(g).entries[seq]
	if !ok {
		return group.Entry{}, group.ErrNoRow
	}
	return copyEntry(e), nil
}

func (t *tx) Entries(g group.GroupID, after, before group.Seq, newest bool, limit int) ([]group.Entry, error) {
	gr := t.rows.of(g)
	from := sort.Search(len(gr.seqs), func(i int) bool { return gr.seqs[i] > after })
	to := len(gr.seqs)
	if before != 0 {
		to = sort.Search(len(gr.seqs), func(i int) bool { return gr.seqs[i] >= before })
	}
	if from >= to {
		return nil, nil
	}
	seqs := slices.Clone(gr.seqs[from:to])
	if newest {
		slices.Reverse(seqs)
	}
	var out []group.Entry
	for _, seq := range seqs[:min(limit, len(seqs))] {
		out = append(out, copyEntry(gr.entries[seq]))
	}
	return out, nil
}

func (t *tx) EntriesByRev(g group.GroupID, after group.Rev, limit int) ([]group.Entry, error) {
	gr := t.rows.of(g)
	var out []group.Entry
	for _, item := range gr.entriesByRev[firstAfter(gr.entriesByRev, after):] {
		if len(out) >= limit {
			break
		}
		if e := gr.entries[item.key]; e.Rev == item.rev {
			out = append(out, copyEntry(e))
		}
	}
	return out, nil
}

func (t *tx) EntriesByAuthor(g group.GroupID, author group.IdentityHash, after group.Seq, limit int) ([]group.Entry, error) {
	gr := t.rows.of(g)
	var out []group.Entry
	for _, seq := range gr.seqs {
		e := gr.entries[seq]
		if len(out) < limit && seq > after && e.Author == author && e.Kind.Authored() && !e.Deleted {
			out = append(out, copyEntry(e))
		}
	}
	return out, nil
}

func (t *tx) EntryByMessageID(g group.GroupID, id group.MessageID) (group.Entry, error) {
	gr := t.rows.of(g)
	seq, ok := gr.byMessage[id]
	if !ok || id.IsZero() {
		return group.Entry{}, group.ErrNoRow
	}
	return copyEntry(gr.entries[seq]), nil
}

func (t *tx) Original(g group.GroupID, seq group.Seq) ([]byte, error) {
	b := t.rows.of(g).originals[seq]
	if len(b) == 0 {
		return nil, group.ErrNoRow
	}
	return clone(b), nil
}

func (t *tx) Request(g group.GroupID, id group.IdentityHash) (group.Request, error) {
	r, ok := t.rows.of(g).requests[id]
	if !ok {
		return group.Request{}, group.ErrNoRow
	}
	return copyRequest(r), nil
}

func (t *tx) RequestByHash(g group.GroupID, h group.AnyHash) (group.Request, error) {
	for _, r := range t.rows.of(g).requests {
		if r.Identity == group.IdentityHash(h) || r.Address == group.Address(h) {
			return copyRequest(r), nil
		}
	}
	return group.Request{}, group.ErrNoRow
}

func (t *tx) Requests(g group.GroupID, limit int) ([]group.Request, error) {
	all := sortedByHash(t.rows.of(g).requests)
	slices.SortStableFunc(all, func(a, b group.Request) int { return a.Created.Compare(b.Created) })
	var out []group.Request
	for _, r := range all[:min(limit, len(all))] {
		out = append(out, copyRequest(r))
	}
	return out, nil
}

func (t *tx) CountRequests(g group.GroupID) (int, error) { return len(t.rows.of(g).requests), nil }

func (t *tx) BansMatching(g group.GroupID, h, other group.AnyHash) ([]group.Ban, error) {
	var out []group.Ban
	for _, b := range sortedByHash(t.rows.of(g).bans) {
		for _, want := range []group.AnyHash{h, other} {
			if !want.IsZero() && (b.Target == want || b.Identity == group.IdentityHash(want) || b.Address == group.Address(want)) {
				out = append(out, copyBan(b))
				break
			}
		}
	}
	return out, nil
}

func (t *tx) Bans(g group.GroupID, after group.AnyHash, limit int) ([]group.Ban, error) {
	var out []group.Ban
	for _, b := range sortedByHash(t.rows.of(g).bans) {
		if len(out) < limit && bytes.Compare(b.Target[:], after[:]) > 0 {
			out = append(out, copyBan(b))
		}
	}
	return out, nil
}

func (t *tx) CountBans(g group.GroupID) (int, error) { return len(t.rows.of(g).bans), nil }

func (t *tx) Seen(g group.GroupID, id group.SeenID) (bool, error) {
	_, ok := t.rows.of(g).seen[id]
	return ok, nil
}

func (t *tx) Outcome(g group.GroupID, id group.IdentityHash, clientID []byte) (group.Outcome, error) {
	o, ok := t.rows.outcomes[outcomeKey{g, id, string(clientID)}]
	if !ok {
		return group.Outcome{}, group.ErrNoRow
	}
	return copyOutcome(o), nil
}

func (t *tx) CountAllOutcomes() (int, error) { return len(t.rows.outcomes), nil }

func (t *tx) CountOutcomes(id group.IdentityHash) (int, error) {
	n := 0
	for k := range t.rows.outcomes {
		if k.identity == id {
			n++
		}
	}
	return n, nil
}

func (t *tx) ClaimCode(g group.GroupID) (group.ClaimCode, error) {
	c := t.rows.of(g).claim
	if c == nil {
		return group.ClaimCode{}, group.ErrNoRow
	}
	return *c, nil
}

func (t *tx) Audit(g group.GroupID, before int64, limit int) ([]group.Audit, error) {
	var out []group.Audit
	for _, a := range slices.Backward(t.rows.of(g).audit) {
		if len(out) < limit && (before == 0 || a.ID < before) {
			out = append(out, a)
		}
	}
	return out, nil
}

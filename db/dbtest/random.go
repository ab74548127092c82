package dbtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"groupd/group"
)

// model is a store as simple as can be: slices searched from end to end.
type model struct {
	entries []group.Entry
	members []group.Member
	rev     group.Rev
}

// step makes one random change in the store and in the model.
func (m *model) step(r *rand.Rand, tx group.Tx) error {
	m.rev++
	switch n := r.IntN(10); {
	case n < 5 || len(m.entries) == 0:
		e := newEntry(main, group.Seq(len(m.entries)+1), m.rev)
		e.Author = fill16[group.IdentityHash](fmt.Sprint("author", r.IntN(4)))
		e.Kind = []group.EntryKind{group.EntryPost, group.EntryPost, group.EntryAction, group.EntryJoin}[r.IntN(4)]
		m.entries = append(m.entries, e)
		return tx.AppendEntry(e, []byte("o"))
	case n < 7:
		i := r.IntN(len(m.entries))
		if m.entries[i].Deleted {
			return nil
		}
		m.entries[i] = m.entries[i].Tombstone(m.rev, when(int(m.rev)), group.IdentityHash{1})
		return tx.PutTombstone(m.entries[i])
	case n < 8 || len(m.members) == 0:
		mem := newMember(main, fmt.Sprint("m", len(m.members)), m.rev)
		m.members = append(m.members, mem)
		return tx.PutMember(mem)
	default:
		mem := &m.members[r.IntN(len(m.members))]
		mem.Rev, mem.Status = m.rev, fmt.Sprint("rev ", m.rev)
		if mem.Present = !mem.Present; mem.Present {
			mem.Joined = when(int(m.rev))
		} else {
			mem.Left = when(int(m.rev))
		}
		return tx.PutMember(*mem)
	}
}

// pick filters, sorts and cuts, the slow way.
func pick[T any](all []T, limit int, want func(T) bool, order func(a, b T) int) []T {
	var out []T
	for _, v := range all {
		if want(v) {
			out = append(out, v)
		}
	}
	slices.SortFunc(out, order)
	return out[:min(limit, len(out))]
}

func (m *model) compare(t *testing.T, r *rand.Rand, tx group.ReadTx) {
	limit := 1 + r.IntN(12)
	after := group.Rev(r.IntN(int(m.rev) + 2))
	low, high := group.Seq(r.IntN(len(m.entries)+2)), group.Seq(r.IntN(len(m.entries)+3))
	author := fill16[group.IdentityHash](fmt.Sprint("author", r.IntN(5)))
	at := fmt.Sprintf("after rev %d, seq %d to %d, limit %d: ", after, low, high, limit)

	rising := func(a, b group.Entry) int { return int(a.Seq) - int(b.Seq) }
	falling := func(a, b group.Entry) int { return int(b.Seq) - int(a.Seq) }
	between := func(e group.Entry) bool { return e.Seq > low && (high == 0 || e.Seq < high) }
	got(t, at+"entries by rev", pick(m.entries, limit, func(e group.Entry) bool { return e.Rev > after },
		func(a, b group.Entry) int { return int(a.Rev) - int(b.Rev) }))(tx.EntriesByRev(main, after, limit))
	got(t, at+"entries", pick(m.entries, limit, between, rising))(tx.Entries(main, low, high, false, limit))
	got(t, at+"entries, newest", pick(m.entries, limit, between, falling))(tx.Entries(main, low, high, true, limit))
	got(t, at+"entries by author", pick(m.entries, limit, func(e group.Entry) bool {
		return e.Author == author && !e.Deleted && e.Kind.Authored() && e.Seq > low
	}, rising))(tx.EntriesByAuthor(main, author, low, limit))
	byRev := func(a, b group.Member) int { return int(a.Rev) - int(b.Rev) }
	got(t, at+"members by rev", pick(m.members, limit, func(v group.Member) bool { return v.Rev > after }, byRev))(tx.MembersByRev(main, after, false, limit))
	got(t, at+"present members by rev", pick(m.members, limit, func(v group.Member) bool { return v.Rev > after && v.Present }, byRev))(tx.MembersByRev(main, after, true, limit))
}

func testRandomHistories(t *testing.T, open Open) {
	for seed := range uint64(3) {
		s, reopen := openGroups(t, open)
		r := rand.New(rand.NewPCG(seed, 1))
		var m model
		for range 25 {
			update(t, s, func(tx group.Tx) error {
				var errs []error
				for range 1 + r.IntN(10) {
					errs = append(errs, m.step(r, tx))
				}
				return errors.Join(errs...)
			})
			view(t, s, func(tx group.ReadTx) error {
				for range 3 {
					m.compare(t, r, tx)
				}
				return nil
			})
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		s = reopen()
		view(t, s, func(tx group.ReadTx) error { m.compare(t, r, tx); return nil })
	}
}

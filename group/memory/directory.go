package memory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"groupd/group"
)

func (t *tx) Listed(limit int) ([]group.ListedGroup, error) {
	list := slices.SortedFunc(maps.Values(t.rows.listed), func(a, b group.ListedGroup) int { return cmp.Compare(a.Number, b.Number) })
	return list[:min(limit, len(list))], nil
}

func (t *tx) PutListed(l group.ListedGroup) error {
	for _, other := range t.rows.listed {
		if other.Number == l.Number && other.Identity != l.Identity {
			return fmt.Errorf("two groups with the number %d", l.Number)
		}
	}
	l.Emitted, l.First, l.Last = at(l.Emitted), at(l.First), at(l.Last)
	put(t, t.rows.listed, l.Identity, l)
	return nil
}

func (t *tx) DeleteListed(id group.IdentityHash) error {
	drop(t, t.rows.listed, id)
	return nil
}

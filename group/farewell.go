package group

import (
	"errors"
	"slices"
	"sync"
)

const (
	maxFarewells = 64 // members of one group who are told that it was deleted: those heard last
	keptFarewell = 16 // groups whose members are still to be told; beyond that the oldest tells nobody
)

// Farewell is what the members of a group that was deleted are told, once. The group is gone by then: it is all that is left, in memory.
type Farewell struct {
	Name string       // as its members called it
	By   IdentityHash // who deleted it; zero: the operator
	To   []Member     // whom to tell
}

// farewells are those that nobody has taken yet. The zero value is ready.
type farewells struct {
	mu   sync.Mutex // leaf
	m    map[IdentityHash]Farewell
	last []IdentityHash // the oldest first
}

func (f *farewells) put(g IdentityHash, w Farewell) {
	if len(w.To) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.m == nil {
		f.m = make(map[IdentityHash]Farewell)
	}
	f.last = append(slices.DeleteFunc(f.last, func(id IdentityHash) bool { return id == g }), g)
	f.m[g] = w
	if len(f.last) > keptFarewell {
		delete(f.m, f.last[0])
		f.last = f.last[1:]
	}
}

// Farewell hands out what is to be told to the members of a group that was deleted, to the face that still has its key; false when that
// was done, or nobody is to be told.
func (h *Hub) Farewell(g IdentityHash) (Farewell, bool) {
	f := &h.farewells
	f.mu.Lock()
	defer f.mu.Unlock()
	w, ok := f.m[g]
	delete(f.m, g)
	f.last = slices.DeleteFunc(f.last, func(id IdentityHash) bool { return id == g })
	return w, ok
}

// farewell is what there is to be told when the caller deletes the group: to all members but himself and those who pause, at most maxFarewells.
func (s *scene) farewell() (Farewell, error) {
	w := Farewell{Name: s.group.Name(), By: s.caller.Identity}
	for after := Rev(0); ; {
		page, err := s.tx.MembersByRev(s.group.ID, after, true, MaxPage)
		if err != nil {
			return w, err
		}
		for _, m := range page {
			if m.Identity != s.caller.Identity && len(m.PublicKey) > 0 {
				w.To = append(w.To, m)
			}
		}
		w.To = heardLast(w.To)
		if len(page) < MaxPage {
			break
		}
		after = page[len(page)-1].Rev
	}
	var failed error
	w.To = slices.DeleteFunc(w.To, func(m Member) bool {
		d, err := s.tx.Delivery(s.group.ID, m.Identity)
		if err != nil && !errors.Is(err, ErrNoRow) {
			failed = err
		}
		return d.Paused || s.now.Before(d.PausedUntil)
	})
	return w, failed
}

// heardLast are the maxFarewells of a list who were heard last.
func heardLast(list []Member) []Member {
	slices.SortFunc(list, func(a, b Member) int {
		if c := b.LastHeard.Compare(a.LastHeard); c != 0 {
			return c
		}
		return slices.Compare(a.Identity[:], b.Identity[:])
	})
	return list[:min(len(list), maxFarewells)]
}

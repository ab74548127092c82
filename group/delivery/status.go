package delivery

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"groupd/group"
)

// Status is how it stands with delivery, for people.
type Status struct {
	Groups     []GroupStatus     // by ID
	Interfaces []InterfaceStatus // by name
}

// GroupStatus is one group.
type GroupStatus struct {
	Group     group.GroupID
	Members   int           // who are sent anything
	Behind    int           // of them, who do not have everything
	Waiting   int           // of those behind, who are not tried until they are heard
	AtNode    int           // whose last parcel is at a propagation node
	InFlight  int           // to whom a parcel is on its way
	Oldest    time.Duration // how long the one is behind who is longest, those Waiting left out
	Confirmed int           // parcels proved within a day
}

// InterfaceStatus is the account of one interface.
type InterfaceStatus struct {
	Name      string
	Slow      bool // airtime is scarce
	Estimated bool
	Share     float64                    // part of the time that is for groups
	Duty      float64                    // legal part of an hour; 0: no limit
	Hour      time.Duration              // transmitted within the last hour
	Waiting   int                        // members whose turn comes next
	Spent     map[Priority]time.Duration // airtime since the start, proofs included
	Parcels   map[Priority]uint64
	Members   []Spender     // who spent most since the start, at most 10
	Others    time.Duration // spent by members that are not told apart any more
}

// Spender is how much airtime went to one member.
type Spender struct {
	Identity group.IdentityHash
	Spent    time.Duration
}

// topSpenders is how many are shown.
const topSpenders = 10

// status makes the picture.
func (b *book) status(now time.Duration) Status {
	var s Status
	for _, r := range b.groups {
		g := GroupStatus{Group: r.id, Members: len(r.tickets), Confirmed: int(r.confirmed.used(now))}
		for _, t := range r.tickets {
			if t.flying {
				g.InFlight++
			}
			if t.state == group.DeliveryAtNode {
				g.AtNode++
			}
			if !t.behind {
				continue
			}
			g.Behind++
			if t.state == group.DeliveryWaits {
				g.Waiting++
			} else {
				g.Oldest = max(g.Oldest, now-t.since)
			}
		}
		s.Groups = append(s.Groups, g)
	}
	slices.SortFunc(s.Groups, func(a, b GroupStatus) int { return cmp.Compare(a.Group, b.Group) })
	for _, name := range slices.Sorted(maps.Keys(b.lanes)) {
		s.Interfaces = append(s.Interfaces, b.lanes[name].status(now))
	}
	return s
}

func (l *lane) status(now time.Duration) InterfaceStatus {
	i := InterfaceStatus{
		Name: l.Name, Slow: l.Slow(), Estimated: l.Estimated, Share: l.share, Duty: l.Duty, Hour: l.hour.used(now), Waiting: l.waiting(), Others: l.others,
		Spent: make(map[Priority]time.Duration), Parcels: make(map[Priority]uint64),
	}
	for p := range Priority(priorities) {
		if l.spent[p] != 0 {
			i.Spent[p] = l.spent[p]
		}
		if l.parcels[p] != 0 {
			i.Parcels[p] = l.parcels[p]
		}
	}
	for id, d := range l.who {
		i.Members = append(i.Members, Spender{id, d})
	}
	slices.SortFunc(i.Members, func(a, b Spender) int {
		return cmp.Or(cmp.Compare(b.Spent, a.Spent), slices.Compare(a.Identity[:], b.Identity[:]))
	})
	i.Members = i.Members[:min(len(i.Members), topSpenders)]
	return i
}

// announce decides about an announce on all slow interfaces.
func (b *book) announce(now time.Duration, bytes int, late bool) bool {
	for _, l := range b.lanes {
		if !l.Up || !l.Slow() {
			continue
		}
		air := l.Airtime(bytes)
		if l.overDuty(now, Announce, air) > 0 || !late && (l.waiting() > 0 || l.wait(now, Announce, air) > 0) {
			return false
		}
	}
	for _, l := range b.lanes {
		if l.Up {
			air := l.Airtime(bytes)
			l.charge(now, Announce, group.IdentityHash{}, air, air)
			l.parcels[Announce]++
		}
	}
	return true
}

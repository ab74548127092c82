package rns

import (
	"container/list"
	"time"
)

const (
	// tunnelTime is how long a tunnel, and each of its paths, lives after its last announce or connection.
	tunnelTime = 28800 * time.Second
	// maxTunnels bounds the tunnels; when there are as many, the one is forgotten that nothing was heard of for longest.
	maxTunnels = 1024
	// maxSavedRandoms is how many random fields of a tunnel's path are saved.
	maxSavedRandoms = 32
)

// tunnel is what was known over a connection, for when it is made again (spec 1 §6.19).
type tunnel struct {
	id      TunnelID
	on      *attached // nil: not connected
	paths   map[DestinationHash]*tunnelPath
	expires time.Time
	place   *list.Element
}

// tunnelPath is a path over a tunnel.
type tunnelPath struct {
	destination DestinationHash
	heard       time.Time
	nextHop     TruncatedHash
	hops        uint8
	answers     bool
	expires     time.Time
	randoms     randomFields
	announce    PacketHash
	raw         announceBytes // "": in the store
}

// tunnelTable holds the tunnels. It is owned by the loop.
type tunnelTable struct {
	limit, pathLimit int
	entries          map[TunnelID]*tunnel
	order            list.List // of *tunnel, those heard of last at the back
	paths            int       // of all tunnels
	evicted          uint64
	full             uint64 // paths not taken in
}

func newTunnelTable(limit, paths int) tunnelTable {
	return tunnelTable{limit: limit, pathLimit: paths, entries: make(map[TunnelID]*tunnel)}
}

// connect binds a tunnel to the interface over which it was introduced. Paths of a tunnel that was known are for the
// caller to restore.
func (t *tunnelTable) connect(id TunnelID, on *attached, now time.Time) *tunnel {
	u := t.entries[id]
	if u == nil {
		if len(t.entries) >= t.limit {
			t.remove(t.order.Front().Value.(*tunnel))
			t.evicted++
		}
		u = &tunnel{id: id, paths: make(map[DestinationHash]*tunnelPath)}
		u.place = t.order.PushBack(u)
		t.entries[id] = u
	}
	if old := on.tunnel; old != nil && old != u && old.on == on {
		old.on = nil
	}
	if u.on != nil && u.on != on {
		u.on.tunnel = nil
	}
	u.on, on.tunnel = on, u
	t.extend(u, now)
	return u
}

func (t *tunnelTable) extend(u *tunnel, now time.Time) {
	u.expires = now.Add(tunnelTime)
	t.order.MoveToBack(u.place)
}

// heard notes a path that was learned over a tunnel.
func (t *tunnelTable) heard(u *tunnel, p *pathEntry, expires, now time.Time) {
	t.extend(u, now)
	q := u.paths[p.destination]
	if q == nil {
		if t.paths >= t.pathLimit {
			t.full++
			return
		}
		q = &tunnelPath{destination: p.destination}
		u.paths[p.destination] = q
		t.paths++
	}
	q.heard, q.nextHop, q.hops, q.expires = now, p.nextHop(), p.hops, expires
	q.randoms, q.announce, q.raw, q.answers = p.fields(), p.announce(), p.raw, p.answers
}

// drop forgets a path of a tunnel.
func (t *tunnelTable) drop(u *tunnel, d DestinationHash) {
	if u.paths[d] != nil {
		delete(u.paths, d)
		t.paths--
	}
}

// detach notes that a connection is gone. The paths stay.
func (t *tunnelTable) detach(a *attached) {
	if a.tunnel != nil {
		a.tunnel.on, a.tunnel = nil, nil
	}
}

// cull forgets what is too old.
func (t *tunnelTable) cull(now time.Time) {
	for at := t.order.Front(); at != nil; {
		u := at.Value.(*tunnel)
		at = at.Next()
		if !now.Before(u.expires) || u.expires.Sub(now) > 2*tunnelTime {
			t.remove(u)
			continue
		}
		for d, p := range u.paths {
			if now.Sub(p.heard) > tunnelTime {
				t.drop(u, d)
			}
		}
	}
}

func (t *tunnelTable) remove(u *tunnel) {
	t.paths -= len(u.paths)
	if u.on != nil {
		u.on.tunnel = nil
	}
	delete(t.entries, u.id)
	t.order.Remove(u.place)
}

// restores decides whether a tunnel's path replaces the present one, which may be nil.
func (t *pathTable) restores(p *tunnelPath, current *pathEntry, now time.Time) bool {
	if current == nil {
		return now.Before(p.expires)
	}
	return (p.hops <= current.hops || t.instant(now) >= current.expires) && p.randoms.newest() >= current.fields().newest()
}

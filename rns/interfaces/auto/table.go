package auto

import (
	"crypto/sha256"
	"net/netip"
	"time"
)

// table is what is known of links and peers. It has no clock, lock or socket.
type table struct {
	group    string
	maxPeers int
	links    map[string]*link // by device
	peers    map[netip.Addr]*known
	recent   [recentDatagrams]datagram
	oldest   int // in recent
}

// link is a device that is used.
type link struct {
	Link
	token                [tokenSize]byte
	group, unicast, data Socket
	echoed               time.Time // when our own multicast was heard
	lost                 bool      // it was not for too long
	failed               bool      // sockets are closed, or about to be
	sendError            string    // of the last announcement
}

// known is a peer: present → leaving → forgotten.
type known struct {
	peer    *peer
	link    *link
	heard   time.Time
	told    time.Time // when it was last told our address by unicast, or was found
	leaving bool
}

// datagram that was seen.
type datagram struct {
	hash [sha256.Size]byte
	at   time.Time
}

// found is what a discovery datagram was.
type found uint8

const (
	foundInvalid found = iota // not a token of this group and sender
	foundEcho                 // our own
	foundKnown                // a peer that is known
	foundNew                  // a peer that is new
	foundFull                 // a peer that is new, and there are too many
)

func newTable(group string, maxPeers int) *table {
	return &table{group: group, maxPeers: maxPeers, links: make(map[string]*link), peers: make(map[netip.Addr]*known)}
}

// discovered takes in a discovery datagram that came on a link. For a new peer the caller calls add.
func (t *table) discovered(now time.Time, on *link, from netip.Addr, payload []byte) found {
	if len(payload) < tokenSize || !from.Is6() || token(t.group, from) != [tokenSize]byte(payload) {
		return foundInvalid
	}
	for _, l := range t.links {
		if l.Address == from {
			l.echoed = now
			return foundEcho
		}
	}
	if k := t.peers[from]; k != nil {
		k.refresh(now, on)
		return foundKnown
	}
	if len(t.peers) >= t.maxPeers {
		return foundFull
	}
	return foundNew
}

// add makes a peer known that was found on a link.
func (t *table) add(now time.Time, on *link, p *peer) {
	t.peers[p.address] = &known{peer: p, link: on, heard: now, told: now}
}

// refresh notes that a peer is there. What comes by another link does not count: we send by this one. When nothing comes
// by it any more, the peer is removed, and found again on the other.
func (k *known) refresh(now time.Time, on *link) {
	if k.link == on && !k.leaving {
		k.heard = now
	}
}

// received finds the peer that sent a datagram, nil for a stranger. It says whether the datagram was seen a moment ago,
// by another way; if not, it is remembered.
func (t *table) received(now time.Time, on *link, from netip.Addr, payload []byte) (p *peer, duplicate bool) {
	k := t.peers[from]
	if k == nil || k.leaving {
		return nil, false
	}
	hash := sha256.Sum256(payload)
	for i := range t.recent {
		if d := &t.recent[i]; d.hash == hash && now.Sub(d.at) < recentTime {
			return k.peer, true
		}
	}
	t.recent[t.oldest] = datagram{hash, now}
	t.oldest = (t.oldest + 1) % len(t.recent)
	k.refresh(now, on)
	return k.peer, false
}

// expire marks as leaving who was not heard for too long, and who is on a link that failed, and returns them.
func (t *table) expire(now time.Time) (gone []*known) {
	for _, k := range t.peers {
		if !k.leaving && (k.link.failed || now.Sub(k.heard) > peeringTimeout) {
			k.leaving = true
			gone = append(gone, k)
		}
	}
	return gone
}

// forget is called when a peer that was leaving is gone.
func (t *table) forget(p *peer) {
	if k := t.peers[p.address]; k != nil && k.peer == p {
		delete(t.peers, p.address)
	}
}

// dueForUnicast returns the peers that are to be told our address by unicast now.
func (t *table) dueForUnicast(now time.Time) (due []*known) {
	for _, k := range t.peers {
		if !k.leaving && now.Sub(k.told) > reverseInterval {
			k.told = now
			due = append(due, k)
		}
	}
	return due
}

// checkEchoes returns the links whose carrier was lost or came back.
func (t *table) checkEchoes(now time.Time) (changed []*link) {
	for _, l := range t.links {
		if lost := now.Sub(l.echoed) > echoTimeout; lost != l.lost {
			l.lost = lost
			changed = append(changed, l)
		}
	}
	return changed
}

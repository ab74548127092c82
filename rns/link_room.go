package rns

// How the places for links (Config.MaxLinks) are shared: anybody may open links to us, and keep them open for nothing.
const (
	// linkOwnShare is the part, one of so many, that is left for links that we open.
	linkOwnShare = 8
	// linkStrangerShare is the part that links of those who have not said who they are may take: one of so many.
	linkStrangerShare = 2
)

// roomForLink reports whether there is a place for one more link. An incoming one takes that of a stranger when strangers have all of
// theirs, or others and strangers together have all that is not for our own: of the interface with most strangers, so that who floods us
// closes links of his own, the oldest that is still being made, or else the oldest. Who has identified keeps his link.
func (e *engine) roomForLink(l *Link) bool {
	places := e.t.config.MaxLinks
	strangerPlaces := max(1, places/linkStrangerShare)
	if l.initiator {
		return len(e.links) < places
	}
	if len(e.links) < strangerPlaces {
		return true
	}
	incoming, strangers := 0, make(map[*attached][]*Link)
	count, crowd := 0, l.arrived
	for _, other := range e.links {
		if other.initiator {
			continue
		}
		incoming++
		if other.Remote() != nil {
			continue
		}
		count++
		on := other.arrived
		strangers[on] = append(strangers[on], other)
		if len(strangers[on]) > len(strangers[crowd]) {
			crowd = on
		}
	}
	if len(e.links) < places && incoming < places-places/linkOwnShare && count < strangerPlaces {
		return true
	}
	if count == 0 {
		return false
	}
	victim := strangers[crowd][0]
	for _, other := range strangers[crowd] {
		if a, b := other.State().usable(), victim.State().usable(); a != b && b || a == b && other.born.Before(victim.born) {
			victim = other
		}
	}
	delete(e.links, victim.id)
	victim.shutdown()
	e.t.links.counters.crowdedOut.Add(1)
	return true
}

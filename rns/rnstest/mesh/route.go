package mesh

import "groupd/rns"

// maxRoute is after how many nodes a route is called a loop.
const maxRoute = 32

// routed reports whether the nodes' path tables lead from one end to another now, and every hop of that is in range. Where
// the sender knows no path, one that a transport node in its range knows counts, since it would be told when it asks.
// By the scheduler.
func (n *network) routed(from, to *end) bool {
	at := from.port.node
	path, ok := from.PathInfo(to.d.Hash())
	if !ok {
		for _, relay := range n.relays {
			if _, knows := relay.PathInfo(to.d.Hash()); knows && n.inRange(at, relay.number) && n.follow(relay.number, to) {
				return true
			}
		}
		return false
	}
	return n.step(at, path, to)
}

// follow is routed from a transport node.
func (n *network) follow(at int, to *end) bool {
	for range maxRoute {
		path, ok := n.nodes[at].PathInfo(to.d.Hash())
		if !ok {
			return false
		}
		next, there := n.next(at, path, to)
		if there || next < 0 {
			return there
		}
		at = next
	}
	return false
}

func (n *network) step(at int, path rns.PathInfo, to *end) bool {
	next, there := n.next(at, path, to)
	return there || next >= 0 && n.follow(next, to)
}

// next is the node that a path leads to, or −1; there reports whether that is the destination itself.
func (n *network) next(at int, path rns.PathInfo, to *end) (next int, there bool) {
	if path.NextHop == rns.TruncatedHash(to.d.Hash()) {
		return -1, n.inRange(at, to.port.node)
	}
	relay, ok := n.byTransport[path.NextHop]
	if !ok || !n.inRange(at, relay.number) {
		return -1, false
	}
	return relay.number, false
}

// inRange reports whether two nodes have a medium in common, and hear each other on it.
func (n *network) inRange(a, b int) bool {
	ra, rb := n.radioOf[a], n.radioOf[b]
	if ra.radio.on != nil && ra.radio.on == rb.radio.on && ra.hears(rb) {
		return true
	}
	return n.wired[[2]int{min(a, b), max(a, b)}]
}

package rns

import (
	"fmt"
	"sync/atomic"
	"time"

	"groupd/rns/interfaces"
)

// DropReason says why something was dropped. Nothing that comes from the air is an error; it is counted here.
type DropReason uint8

// The reasons, in the order a packet meets them.
const (
	DropTooShort         DropReason = iota // frame of 2 bytes or fewer
	DropIFAC                               // access code missing, wrong, or present on an open interface
	DropMalformed                          // shorter than its header, or 128 hops
	DropTooLong                            // over 516 bytes, and no link packet
	DropNotOurs                            // addressed to another transport node
	DropTooFar                             // PLAIN or GROUP over more than one hop
	DropDuplicate                          // seen before
	DropAnnounceType                       // announce that is not of a SINGLE destination
	DropAnnounceQueue                      // announce, while too many waited for verification
	DropAnnounceInvalid                    // announce whose signature, key or destination hash is wrong
	DropAnnounceConflict                   // announce with another key than the destination is known with
	DropAnnounceOwn                        // announce of a destination of ours
	DropAnnounceOld                        // announce that the path table does not take: old, a copy, or a detour
	DropKnownFull                          // announce of a new destination, all those known being retained
	DropNoDestination                      // DATA or link request for nobody here, or of another type
	DropNoLink                             // link packet for no link of ours
	DropDestinationQueue                   // DATA, while the destination's queue was full; a retry is taken
	DropLinkQueue                          // link packet that its link did not take: its queue was full, or it is data from another interface
	DropUndecryptable                      // DATA that no key of the destination opens
	DropProof                              // proof that fits no open receipt
	DropPathRequest                        // malformed path request, or a copy
	DropPathAnswer                         // path request for a destination of ours, over the limit
	DropHandlerQueue                       // announce event, the oldest, while handlers were slow
	DropSendQueue                          // own packet that the carrier's queue had no room for
	DropSendDown                           // own packet while the carrier was down
	DropSendTooLarge                       // own packet over the carrier's frame limit
	DropNoInterface                        // own packet with no interface to go to
	DropCheckQueue                         // link proof or tunnel of others, while too many signatures waited
	DropRelayTurn                          // link packet of others that it is not our turn to pass on
	DropRelayLink                          // link request of others that cannot be passed on
	DropRelayProof                         // link proof of others that is wrong
	DropTunnel                             // introduction of a tunnel that is wrong
	DropAnnounceHeld                       // announce of an unknown destination in a burst, no room to hold it
	DropAnnounceRate                       // announce used, not passed on: its destination announces itself too often
	DropAnnounceLarge                      // announce used, not passed on: with a transport id it is too large
	DropAnnounceTable                      // announce or path answer not sent: too many wait
	DropDiscovery                          // path request for an unknown destination that we do not look for: too many
	DropStoredAnnounce                     // path of the store, its announce missing there or broken
	DropTrials                             // DATA that the newest ratchets do not open, the others not tried: too much opened with none

	dropReasons int = iota
)

// String names the reason in a few words, fit for a metric label with underscores.
func (r DropReason) String() string {
	if names := dropNames(); int(r) < len(names) {
		return names[r]
	}
	return fmt.Sprintf("drop reason %d", uint8(r))
}

func dropNames() [dropReasons]string {
	return [...]string{
		DropTooShort: "too_short", DropIFAC: "ifac", DropMalformed: "malformed", DropTooLong: "too_long", DropNotOurs: "not_ours",
		DropTooFar: "too_far", DropDuplicate: "duplicate", DropAnnounceType: "announce_type",
		DropAnnounceQueue: "announce_queue", DropAnnounceInvalid: "announce_invalid",
		DropAnnounceConflict: "announce_conflict", DropAnnounceOwn: "announce_own", DropAnnounceOld: "announce_old",
		DropKnownFull: "known_full", DropNoDestination: "no_destination", DropNoLink: "no_link",
		DropDestinationQueue: "destination_queue", DropLinkQueue: "link_queue", DropUndecryptable: "undecryptable",
		DropProof: "proof", DropPathRequest: "path_request", DropPathAnswer: "path_answer",
		DropHandlerQueue: "handler_queue", DropSendQueue: "send_queue", DropSendDown: "send_down",
		DropSendTooLarge: "send_too_large", DropNoInterface: "no_interface", DropCheckQueue: "check_queue",
		DropRelayTurn: "relay_turn", DropRelayLink: "relay_link", DropRelayProof: "relay_proof", DropTunnel: "tunnel",
		DropAnnounceHeld: "announce_held", DropAnnounceRate: "announce_rate", DropAnnounceLarge: "announce_large",
		DropAnnounceTable: "announce_table", DropDiscovery: "discovery",
		DropStoredAnnounce: "stored_announce", DropTrials: "trials",
	}
}

// dropCounters counts drops from any goroutine.
type dropCounters [dropReasons]atomic.Uint64

func (c *dropCounters) count(r DropReason) { c[r].Add(1) }

// Stats is a snapshot of a transport. Counters start at New and never fall.
type Stats struct {
	Interfaces []InterfaceStats
	// Paths, Known (destinations), Links, Receipts (open), Destinations (ours) and Duplicates (hashes remembered)
	// are the present sizes of the tables.
	Paths, Known, Links, Receipts, Destinations, Duplicates int
	// Transport is whether we forward for others. Then these are the sizes of what is kept for that: links between
	// others, packets whose proofs are to be passed back, announces and path answers that wait to be sent, announce
	// rates, destinations looked for, tunnels and their paths, blackholed identities.
	Transport                                                                              bool
	RelayedLinks, Reverse, Scheduled, Rates, Discoveries, Tunnels, TunnelPaths, Blackholes int
	// RelayedPackets and RelayedAnnounces count transmissions for others, announces and path answers apart.
	RelayedPackets, RelayedAnnounces uint64
	// Evicted counts what full tables of these let go or did not take, by table.
	Evicted map[string]uint64
	// LocalClients is how many programs use our instance; Client: we use that of another program.
	LocalClients int
	Client       bool
	// ProbeResponder is the address that answers probes; zero: none.
	ProbeResponder DestinationHash
	// Listeners are the spawners.
	Listeners []ListenerStats
	// PathsEvicted, KnownDropped and ReceiptsCulled count what full tables let go.
	PathsEvicted, KnownDropped, ReceiptsCulled uint64
	// Drops counts what was dropped, by reason; reasons that never occurred are absent.
	Drops map[DropReason]uint64
}

// InterfaceStats is one attached interface.
type InterfaceStats struct {
	Name    string
	Mode    interfaces.Mode
	Bitrate int64 // bit/s, 0 unknown
	MTU     int   // bytes that links over it may use; 0: 500
	IFAC    bool  // whether packets carry an access code
	// RxPackets and RxAnnounces count what passed access code and parser, TxPackets what the carrier took.
	RxPackets, RxAnnounces, TxPackets uint64
	// Drops counts what this interface brought or was to carry and what was dropped before the loop saw it.
	Drops map[DropReason]uint64
	// Carrier is what the carrier itself counts.
	Carrier interfaces.Stats

	Gravity int
	Local   LocalRole
	// Parent is the name of the listener that made it; empty: none.
	Parent string
	// IFACSize in bytes, IFACName and IFACSignature (64 bytes; nil: open) describe the access code.
	IFACSize      int
	IFACName      string
	IFACSignature []byte
	// AnnouncesToInternal as configured.
	AnnouncesToInternal bool
	// Rate limits how often one destination's announces are passed on; Target 0: not at all.
	Rate    AnnounceRate
	Traffic TrafficStats
	// Radio is what a radio tells about itself and its channel; nil where there is none.
	Radio *interfaces.RadioStats
}

// TrafficStats are the announces and path requests of an interface.
type TrafficStats struct {
	// Frequencies per second.
	AnnouncesIn, AnnouncesOut, PathRequestsIn, PathRequestsOut float64
	// HeldAnnounces wait since too many came in, AnnounceQueue for the announce cap.
	HeldAnnounces, AnnounceQueue int
	// Burst and PathRequestBurst are since when too many come in, by the wall clock; zero: they do not.
	Burst, PathRequestBurst time.Time
}

// ListenerStats is a listener.
type ListenerStats struct {
	Name    string
	Mode    interfaces.Mode
	Local   LocalRole
	Peers   int // interfaces that it made and that are attached
	Gravity int
	// Bitrate (bit/s) and MTU (bytes) of what it makes; 0: not known.
	Bitrate int64
	MTU     int
	// IFACSize in bytes, IFACName and IFACSignature (64 bytes; nil: open) describe the access code.
	IFACSize      int
	IFACName      string
	IFACSignature []byte
}

func (c *dropCounters) snapshot() map[DropReason]uint64 {
	m := make(map[DropReason]uint64)
	for i := range c {
		if n := c[i].Load(); n != 0 {
			m[DropReason(i)] = n
		}
	}
	return m
}

// Stats returns a snapshot. After Run it holds the counters only.
func (t *Transport) Stats() Stats {
	s := Stats{Drops: t.drops.snapshot()}
	var on []*attached
	var traffic []TrafficStats
	_ = t.do(func(e *engine) {
		on = append(on, e.interfaces...)
		m := e.moment()
		for _, a := range on {
			traffic = append(traffic, a.trafficStats(m))
		}
		s.Paths, s.PathsEvicted = e.paths.len(), e.paths.evicted
		s.Known, s.KnownDropped = e.known.len(), e.known.dropped
		s.Receipts, s.ReceiptsCulled = len(e.receipts.open), e.receipts.culled
		s.Links, s.Destinations, s.Duplicates = len(e.links), len(e.destinations), e.duplicates.len()
		e.relayStats(&s)
	})
	for i, a := range on {
		own := a.stats()
		own.Traffic = traffic[i]
		s.Interfaces = append(s.Interfaces, own)
	}
	return s
}

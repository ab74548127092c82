package lxmf

import "sync/atomic"

// Stats is a snapshot of a router's counters. Counters start at NewRouter and never fall; those marked "now" are sizes.
type Stats struct {
	// Inbound. Every received message is counted once more under what became of it.
	Received     uint64 // packets and resources taken from the network
	Accepted     uint64 // handed to the application
	Proved       uint64 // proofs sent, those of duplicates and refused messages included
	Empty        uint64 // empty packets, proved
	Duplicates   uint64 // known ids, proved
	Malformed    uint64 // not a message, proved
	TooLarge     uint64 // over the delivery limit: packets proved, resources refused
	Foreign      uint64 // for another destination than the one it came to, proved
	NotDelivery  uint64 // from a source that is not its author's lxmf.delivery address, proved
	Forged       uint64 // signature wrong, proved
	StampRefused uint64 // stamp missing or wrong, proved
	Ignored      uint64 // from somebody whose messages are ignored, proved
	Overload     uint64 // not taken since too much waited, not proved
	StoreErrors  uint64 // not taken since storage failed, not proved
	Undecided    uint64 // given up since the application decided nothing, not proved
	Dropped      uint64 // dropped by the application, not proved
	Held         uint64 // held for their author's key, proved
	HeldVerified uint64 // held messages that were verified later
	HeldForged   uint64 // held messages whose signature turned out wrong
	HeldDropped  uint64 // held messages dropped for room or age
	HeldNow      int
	UndecidedNow int
	Backchannels int    // now: links by which somebody who identified can be answered
	ResourceBusy uint64 // resources not answered since too much waited
	Spooled      uint64 // resources that went to the spool, counted once more under what became of them
	SpoolFull    uint64 // resources not answered since the spool had no room

	// Stamps, of messages and of whatever else uses the Stamper.
	StampsMade    uint64
	StampsChecked uint64 // work blocks expanded, or found, and a stamp judged
	StampsBad     uint64 // of those
	StampsBusy    uint64 // not checked since too many waited
	StampsNow     int    // waiting to be checked

	// Tickets.
	TicketsIssued    uint64 // made
	TicketsReceived  uint64 // kept, or replaced an older one
	TicketsUsed      uint64 // messages sent with one instead of work
	TicketsAccepted  uint64 // messages received with one of ours
	TicketsForgotten uint64 // correspondents forgotten for want of room
	TicketPairs      int    // now: correspondents with whom there are some

	// Outbound.
	Queued        uint64
	QueueFull     uint64 // refused with ErrQueueFull
	Displaced     uint64 // failed with ErrQueueFull, to make room for a higher priority
	Restored      uint64 // kept messages that went on after a restart
	ExpiredKept   uint64 // kept messages whose time was over at the restart, or that were too many
	Transmissions uint64 // packets and resources sent, repetitions included
	Delivered     uint64
	Uploaded      uint64 // left with a propagation node
	FellBack      uint64 // of those propagated, not meant to be at first
	DeliveredLate uint64 // of those, after they had been given up
	Failed        uint64
	Rejected      uint64
	Cancelled     uint64
	QueueNow      int
	QueueBytes    int64 // now
	LinksNow      int   // own links
}

// counters are the atomic form of Stats.
type counters struct {
	received, accepted, proved, empty, duplicates, malformed, tooLarge, foreign, notDelivery, forged, stampRefused, ignored,
	overload, storeErrors, undecided, dropped, held, heldVerified, heldForged, heldDropped, resourceBusy, spooled, spoolFull,
	ticketsIssued, ticketsReceived, ticketsUsed, ticketsAccepted, ticketsForgotten,
	queued, queueFull, transmissions, delivered, deliveredLate, failed, rejected, cancelled,
	displaced, restored, expiredKept, uploaded, fellBack atomic.Uint64
}

func (c *counters) snapshot() Stats {
	return Stats{
		Received: c.received.Load(), Accepted: c.accepted.Load(), Proved: c.proved.Load(), Empty: c.empty.Load(),
		Duplicates: c.duplicates.Load(), Malformed: c.malformed.Load(), TooLarge: c.tooLarge.Load(),
		Foreign: c.foreign.Load(), NotDelivery: c.notDelivery.Load(), Forged: c.forged.Load(),
		StampRefused: c.stampRefused.Load(), Ignored: c.ignored.Load(), Overload: c.overload.Load(), StoreErrors: c.storeErrors.Load(),
		Undecided: c.undecided.Load(), Dropped: c.dropped.Load(), Held: c.held.Load(),
		HeldVerified: c.heldVerified.Load(), HeldForged: c.heldForged.Load(), HeldDropped: c.heldDropped.Load(),
		TicketsIssued: c.ticketsIssued.Load(), TicketsReceived: c.ticketsReceived.Load(), TicketsUsed: c.ticketsUsed.Load(),
		TicketsAccepted: c.ticketsAccepted.Load(), TicketsForgotten: c.ticketsForgotten.Load(),
		ResourceBusy: c.resourceBusy.Load(), Spooled: c.spooled.Load(), SpoolFull: c.spoolFull.Load(), Queued: c.queued.Load(), QueueFull: c.queueFull.Load(),
		Transmissions: c.transmissions.Load(), Delivered: c.delivered.Load(), DeliveredLate: c.deliveredLate.Load(),
		Failed: c.failed.Load(), Rejected: c.rejected.Load(), Cancelled: c.cancelled.Load(), Displaced: c.displaced.Load(),
		Restored: c.restored.Load(), ExpiredKept: c.expiredKept.Load(), Uploaded: c.uploaded.Load(), FellBack: c.fellBack.Load(),
	}
}

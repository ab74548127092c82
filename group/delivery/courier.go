package delivery

import (
	"context"
	"time"

	"groupd/group"
)

// Courier makes parcels for members in one delivery mode of one group, and carries them. It knows nothing of the
// scheduler, of shares or of quiet hours. Its methods are called from many goroutines, but never two at a time for one
// member.
type Courier interface {
	// Address is the destination that it writes to: what the Air is asked the way to. It must be quick.
	Address(m group.IdentityHash) Address

	// Prepare makes one parcel of what the recipient misses, as much as one parcel of this mode holds: nothing is sent yet.
	// Parcel.To is the newest change that it covers. When nothing of what he misses is to be sent to him (his own posts, no
	// mention, events), the parcel is empty (Bytes 0) with To at what he need not be sent: the cursor moves there. An empty one
	// with To at Recipient.After says that there is nothing for him at all, up to what the group had before Prepare was called.
	Prepare(ctx context.Context, r Recipient, way Way) (Parcel, error)

	// Carry sends a parcel that Prepare of the same courier made, and returns when it is known what became of it, or when
	// ctx ends (then NotProved). It sends once: trying again is the scheduler's business.
	Carry(ctx context.Context, p Parcel) Outcome
}

// Address is a destination's hash in Reticulum.
type Address [16]byte

// Recipient is who is to be told, and from where on.
type Recipient struct {
	Group  group.GroupID
	Member group.Member
	group.Preferences
	After     group.Rev // his cursor: he has everything up to it
	Emergency bool      // an emergency post is among what he misses: nothing else needs to be in the parcel
	Moved     bool      // he was moved from relay to digest for a large backlog: the parcel tells him
	Node      bool      // leave it at a propagation node instead of sending it to him; relay and digest only
}

// Way is how a parcel travels.
type Way struct {
	Interface string
	Hops      int  // Unknown: no path is known
	Slow      bool // airtime is scarce: pack several lines into one message
	MaxBytes  int  // a parcel of more bytes on the air is not carried; 0: no limit
}

// Unknown are the hops to who cannot be reached as far as is known.
const Unknown = 128

// Parcel is what one courier sends one member at once.
type Parcel struct {
	To        group.Rev // newest change in it, at least Recipient.After
	Bytes     int       // on the air, headers included, of all packets; 0: nothing to send
	Packets   int       // at least 1 unless empty
	Proofs    int       // packets that come back
	Backlog   int       // bytes that would follow until he has everything, as far as is known
	Interface string    // by which it goes
	Priority  Priority
	Payload   any // the courier's own
}

// Outcome is what became of a parcel.
type Outcome uint8

const (
	NotProved  Outcome = iota // no proof came
	Proved                    // it was proved: he has it
	LeftAtNode                // a propagation node proved it
	NoNode                    // there is no propagation node to leave it at: nothing was sent
	Unreached                 // there is no way to him: nothing but a path request was sent
)

// String is the outcome in words.
func (o Outcome) String() string {
	return [...]string{"not proved", "proved", "left at node", "no node", "unreached"}[min(o, Unreached)]
}

// Priority orders what wants the air; lower values go first.
type Priority uint8

const (
	Emergency Priority = iota
	Answer             // to requests, commands and strangers
	Push               // push and notify
	Relay
	Digest
	Announce
	Other      // what the scheduler did not send: relayed for others, links, paths
	priorities = iota
)

// String is the priority's word.
func (p Priority) String() string {
	return [...]string{"emergency", "answers", "push", "relay", "digests", "announces", "other"}[min(p, Other)]
}

// priorityOf is the class of a mode's parcels.
func priorityOf(m group.DeliveryMode) Priority {
	switch m {
	case group.DeliverRelay:
		return Relay
	case group.DeliverDigest:
		return Digest
	}
	return Push
}

// Air is the network as far as delivery must know it. Its methods must be quick: a snapshot may be a second old.
type Air interface {
	// Interfaces are those that something can be sent by, in any order. Names are unique. It is not called by two goroutines at a time.
	Interfaces() []Interface
	// Route tells by which interface and over how many hops a destination is reached. Where no path is known it names the
	// interface that a search would cost most, and Unknown hops.
	Route(to Address) (iface string, hops int)
}

// SlowBitrate is the speed in bit/s below which airtime is scarce.
const SlowBitrate = 100_000

// Interface is one way to the network.
type Interface struct {
	Name    string
	Up      bool
	Bitrate int64       // bit/s; 0: not known, and airtime is not counted
	Radio   *Modulation // of a LoRa radio, whose airtime is not just bytes over bitrate; nil: none
	Duty    float64     // legal part of any hour that we may transmit, 0 … 1; 0: no limit
	Share   float64     // part of the time that is for groups; 0: what the groups' policies say, at most MostShare, and Duty where that is less
	// Transmitted is the airtime of all that was ever sent by it, ours included; 0: not known.
	Transmitted time.Duration
	Estimated   bool // these are another program's interfaces, and what it sends is not known exactly
}

// Slow reports whether airtime is scarce.
func (i Interface) Slow() bool {
	return i.Radio != nil || i.Bitrate > 0 && i.Bitrate < SlowBitrate
}

// Airtime is how long a packet of n bytes, headers included, is on the air.
func (i Interface) Airtime(n int) time.Duration {
	switch {
	case n <= 0:
		return 0
	case i.Radio != nil:
		return i.Radio.Airtime(n)
	case i.Bitrate > 0:
		return time.Duration(float64(n) * 8 / float64(i.Bitrate) * float64(time.Second))
	}
	return 0
}

// ProofBytes is the size of the proof of a packet on the air, header included (Reticulum manual: an implicit proof is a
// signature).
const ProofBytes = 19 + 64

// Cost is what a parcel costs on the air: what we transmit, and in all, with the proofs that come back.
func (i Interface) Cost(p Parcel) (ours, all time.Duration) {
	if p.Bytes <= 0 {
		return 0, 0
	}
	n := max(p.Packets, 1)
	ours = time.Duration(n) * i.Airtime((p.Bytes+n-1)/n)
	return ours, ours + time.Duration(p.Proofs)*i.Airtime(ProofBytes)
}

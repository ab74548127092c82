package lxmf

import (
	"fmt"

	"groupd/rns"
)

// Wire constants: fixed by the protocol; changing one breaks the network. Lengths are in bytes, section numbers are those
// of spec 4.
const (
	// AppName and DeliveryAspect name the destination that receives messages, lxmf.delivery; its hash is a person's LXMF
	// address (§1.1).
	AppName        = "lxmf"
	DeliveryAspect = "delivery"
	// PropagationAspect names the destination of a propagation node, lxmf.propagation.
	PropagationAspect = "propagation"

	// HeaderLength is what stands before the payload of a packed message: destination, source, signature (§1.2).
	HeaderLength = 2*rns.TruncatedHashLength + rns.SignatureLength
	// StampLength is the length of a proof of work, TicketLength that of a ticket and of the stamp made with one (§1.3).
	StampLength  = 32
	TicketLength = 16
	// Overhead is the nominal overhead of a message (LXMF_OVERHEAD): header, 8 bytes of timestamp, 8 of structure (§1.7).
	Overhead = HeaderLength + 8 + 8

	// MaxOpportunisticInbound is the largest plaintext of an opportunistic message that is accepted, and sent to a direct
	// neighbour: 8 bytes over what Reticulum itself allows (§1.7).
	MaxOpportunisticInbound = rns.EncryptedMDU + 8
	// MaxOpportunistic is the largest one sent over more than one hop: 391 bytes make a packet of 499, which becomes 515
	// in transport, more than some radios carry (§1.7).
	MaxOpportunistic = rns.EncryptedMDU
	// MaxLinkPacket is the largest message sent as one packet over a link of the base MTU; larger ones are resources.
	MaxLinkPacket = 431

	// MaxPaper is the largest paper message: what a QR code of the lowest error correction holds (§1.7).
	MaxPaper = (2953 - len("lxm://")) * 6 / 8

	// MinStampCost and MaxStampCost bound the stamp costs that may be announced (§4.4).
	MinStampCost = 1
	MaxStampCost = 254
	// TicketStampValue is the value of a stamp made with a ticket (§1.7).
	TicketStampValue = 256

	// StampRounds, PropagationStampRounds and PeeringKeyRounds are the lengths of the work blocks, in rounds of 256 bytes
	// (§4.1).
	StampRounds            = 3000
	PropagationStampRounds = 1000
	PeeringKeyRounds       = 25
)

// Method says how a message travels (§2.1).
type Method uint8

// Methods of delivery. MethodAuto is ours and never on the wire: opportunistic when the message fits and no link is open,
// else direct.
const (
	MethodAuto          Method = 0x00
	MethodOpportunistic Method = 0x01 // one packet to the recipient's destination (OPPORTUNISTIC)
	MethodDirect        Method = 0x02 // over a link, as a packet or a resource (DIRECT)
	MethodPropagated    Method = 0x03 // through a propagation node (PROPAGATED)
	MethodPaper         Method = 0x05 // a QR code or URI (PAPER)
)

// String returns the protocol's name of the method, in lower case.
func (m Method) String() string {
	switch m {
	case MethodAuto:
		return "auto"
	case MethodOpportunistic:
		return "opportunistic"
	case MethodDirect:
		return "direct"
	case MethodPropagated:
		return "propagated"
	case MethodPaper:
		return "paper"
	}
	return fmt.Sprintf("method %#02x", uint8(m))
}

// Representation says in what form a message travels by its method (§2.1).
type Representation uint8

// Representations.
const (
	RepresentationUnknown  Representation = 0x00
	RepresentationPacket   Representation = 0x01
	RepresentationResource Representation = 0x02
	RepresentationPaper    Representation = 0x05
)

// State is the state of an outgoing message, with the numbers of §2.1.
//
//	generating → queued → sending → sent → delivered
//	                 ↑________|       |
//	                 |________________|  no proof: again
//	any of them → rejected, cancelled, failed; failed → delivered when a proof comes late
type State uint8

// States of an outgoing message.
const (
	StateGenerating State = 0x00 // its stamp is being made
	StateQueued     State = 0x01 // waits: for a path, a link, its turn, or the recipient's next announce (OUTBOUND)
	StateSending    State = 0x02 // is being transferred over a link
	StateSent       State = 0x04 // was transmitted in a packet, its proof is awaited; or a propagation node has it, which is the end
	StateDelivered  State = 0x08 // the recipient has proved it
	StateRejected   State = 0xfd // the recipient refused it, for its size
	StateCancelled  State = 0xfe // was cancelled here
	StateFailed     State = 0xff // all attempts failed, or its time was over
)

// String returns the name of the state.
func (s State) String() string {
	switch s {
	case StateGenerating:
		return "generating"
	case StateQueued:
		return "queued"
	case StateSending:
		return "sending"
	case StateSent:
		return "sent"
	case StateDelivered:
		return "delivered"
	case StateRejected:
		return "rejected"
	case StateCancelled:
		return "cancelled"
	case StateFailed:
		return "failed"
	}
	return fmt.Sprintf("state %#02x", uint8(s))
}

// Final reports whether the state is one of the four that end every message. [Outgoing.Done] is closed in them, and in StateSent
// when a propagation node has the message.
func (s State) Final() bool {
	return s == StateDelivered || s == StateRejected || s == StateCancelled || s == StateFailed
}

package lxmf

import (
	"time"

	"groupd/rns"
)

// Airtime is an estimate of what one message puts on the air at the first hop, when nothing is lost. Headers are counted, what a
// carrier adds (access codes, preambles) is not.
type Airtime struct {
	// Method is how it would travel now.
	Method Method
	// Packets and Bytes are transmitted by us, link set-up included where no link is open; Answers and AnswerBytes by the next
	// node: proofs, and requests for the parts of a resource.
	Packets, Bytes       int
	Answers, AnswerBytes int
	// Hops is the distance of the recipient; 0: not known. Every further hop transmits about as much again.
	Hops int
	// Bitrate is that of the interface that leads there, in bit/s, and Time what all bytes take at it; 0: not known.
	Bitrate int64
	Time    time.Duration
}

// Sizes of packets on the air, headers included, in bytes.
const (
	airLinkRequest  = 2*rns.X25519KeyLength + 3 // keys and signalled MTU, without header
	airLinkProof    = rns.HeaderMinSize + rns.SignatureLength + rns.X25519KeyLength + 3
	airPacketProof  = rns.HeaderMinSize + rns.SignatureLength
	airLinkedProof  = rns.HeaderMinSize + 32 + rns.SignatureLength
	airPart         = rns.MDU // of a resource, without header
	airPartsAtOnce  = 10      // asked for in one request, once the transfer has begun
	airAdvertise    = 180     // plaintext of an advertisement, about
	airPartsRequest = 37 + 4*airPartsAtOnce
)

// airLinked is the size of a packet on a link with n bytes of plaintext.
func airLinked(n int) int { return rns.HeaderMinSize + airToken(n) }

// airToken is the size of n bytes encrypted.
func airToken(n int) int {
	const block = 16
	return (n/block+1)*block + rns.TokenOverhead
}

// Airtime estimates what the message puts on the air if it is sent now, by the path that is known.
func (o *Outgoing) Airtime() Airtime {
	return o.r.estimate(o.key, o.Method(), len(o.message.Packed()))
}

// Estimate is [Outgoing.Airtime] before the message is sent. The stamp that the recipient may ask for is not counted: 34 bytes.
func (r *Router) Estimate(o *Outbound) (Airtime, error) {
	m, err := r.pack(o, o.Fields)
	if err != nil {
		return Airtime{}, err
	}
	return r.estimate(recipientKey{from: o.From, to: o.To}, o.Method, len(m.Packed())), nil
}

func (r *Router) estimate(key recipientKey, method Method, packed int) Airtime {
	var a Airtime
	relayed := 0 // longer header of packets in transport
	if path, ok := r.transport.PathInfo(key.to); ok {
		a.Hops, a.Bitrate = path.Hops, path.Bitrate
		if path.Hops > 1 {
			relayed = rns.TruncatedHashLength
		}
	}
	linked := r.linked(key)
	opportunistic := packed - rns.TruncatedHashLength
	limit := MaxOpportunistic
	if a.Hops == 1 {
		limit = MaxOpportunisticInbound
	}
	switch {
	case method == MethodPropagated:
		packed, linked = sealedLength(packed)+1+9+1+3+StampLength, false // to the node, by a link of its own
		a.Hops, a.Bitrate, relayed = 0, 0, 0
	case method == MethodDirect, opportunistic > limit, method == MethodAuto && linked && packed <= MaxLinkPacket:
		method = MethodDirect
	default:
		a.Method = MethodOpportunistic
		a.add(1, rns.HeaderMinSize+relayed+rns.X25519KeyLength+airToken(opportunistic))
		a.answer(1, airPacketProof)
		return a.timed()
	}
	a.Method = method
	if !linked {
		a.add(2, rns.HeaderMinSize+relayed+airLinkRequest+airLinked(9))
		a.answer(1, airLinkProof)
	}
	if packed <= MaxLinkPacket {
		a.add(1, airLinked(packed))
		a.answer(1, airLinkedProof)
		return a.timed()
	}
	sealed := airToken(packed + 4)
	parts := (sealed + airPart - 1) / airPart
	requests := (parts + airPartsAtOnce - 1) / airPartsAtOnce
	a.add(1+parts, airLinked(airAdvertise)+sealed+parts*rns.HeaderMinSize)
	a.answer(1+requests, requests*airLinked(min(airPartsRequest, 37+4*parts))+rns.HeaderMinSize+64)
	return a.timed()
}

func (a *Airtime) add(packets, bytes int) {
	a.Packets += packets
	a.Bytes += bytes
}

func (a *Airtime) answer(packets, bytes int) {
	a.Answers += packets
	a.AnswerBytes += bytes
}

// timed fills in the time.
func (a Airtime) timed() Airtime {
	if a.Bitrate > 0 {
		a.Time = time.Duration(float64(a.Bytes+a.AnswerBytes) * 8 / float64(a.Bitrate) * float64(time.Second))
	}
	return a
}

// linked reports whether a link to a recipient is open.
func (r *Router) linked(key recipientKey) bool {
	if key.from.backchannel(key.to) != nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.recipients[key]
	return rec != nil && rec.linked.Load()
}

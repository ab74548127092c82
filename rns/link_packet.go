package rns

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"fmt"
	"time"

	"groupd/rns/internal/token"
	"groupd/rns/msgpack"
)

// Send sends data in one packet of context NONE and returns its receipt, which concludes with the other end's proof;
// whether it proves is up to its application. data is at most [Link.MDU] bytes, more is [ErrTooLarge]. ctx bounds the
// wait for room in the queues. The receipt fails after 6 round trips plus a second, and when the link closes.
func (l *Link) Send(ctx context.Context, data []byte) (*Receipt, error) {
	var receipt *Receipt
	err := l.do(ctx, func(now time.Time) error {
		if !l.now.state.usable() {
			return ErrNotActive
		}
		hash, err := l.sendSealed(now, ContextNone, data)
		if err != nil {
			return err
		}
		receipt = newReceipt(hash, now)
		l.receipts.add(receipt, now.Add(l.trafficTimeout()+linkReceiptGrace))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return receipt, nil
}

// trafficTimeout is how long answers are waited for: 6 round trips, at least 5 ms.
func (l *Link) trafficTimeout() time.Duration {
	return max(linkTrafficFactor*l.now.rtt, linkTrafficMin)
}

// sendSealed encrypts plaintext and sends it. Longer plaintexts than the link's MDU are [ErrTooLarge].
func (l *Link) sendSealed(now time.Time, context Context, plaintext []byte) (PacketHash, error) {
	if l.key == nil || l.now.state == LinkClosed {
		return PacketHash{}, ErrNotActive
	}
	if mdu := LinkMDU(l.now.mtu); len(plaintext) > mdu {
		return PacketHash{}, fmt.Errorf("%d bytes, %d fit a packet of this link: %w", len(plaintext), mdu, ErrTooLarge)
	}
	raw := appendLinkHeader(make([]byte, 0, linkHeaderLength+token.SealedSize(len(plaintext))), l.id, PacketData, context)
	raw, err := l.key.Seal(raw, l.rand, plaintext)
	if err != nil {
		return PacketHash{}, err
	}
	return l.transmit(now, raw), nil
}

// sendClear sends a payload as it is: keepalives, proofs, resource parts, cache queries.
func (l *Link) sendClear(now time.Time, kind PacketType, context Context, payload []byte) {
	raw := appendLinkHeader(make([]byte, 0, linkHeaderLength+len(payload)), l.id, kind, context)
	l.transmit(now, append(raw, payload...))
}

// transmit gives a packet to the carrier and returns its hash.
func (l *Link) transmit(now time.Time, raw []byte) PacketHash {
	hash := linkPacketHash(raw)
	l.watch.outbound = now
	l.carrier.sendRaw(outFrame{raw: raw, on: l.now.on, hash: hash})
	return hash
}

// sign signs with the key that the other end verifies our proofs with: the initiator's is made for the link, the
// responder's is that of its identity.
func (l *Link) sign(message []byte) []byte {
	if l.initiator {
		return ed25519.Sign(l.keys.signing, message)
	}
	return l.identity.Sign(message)
}

// verifyPeer checks a signature of the other end.
func (l *Link) verifyPeer(message, signature []byte) bool {
	if l.initiator {
		return l.now.remote.Verify(message, signature)
	}
	return ed25519.Verify(l.request.signing[:], message, signature)
}

// provePacket sends the proof of a received packet.
func (l *Link) provePacket(now time.Time, hash PacketHash) {
	payload := appendPacketProof(make([]byte, 0, linkPacketProofLength), hash, l.sign)
	l.sendClear(now, PacketProof, ContextNone, payload)
}

// handle takes in one packet that is addressed to the link.
func (l *Link) handle(now time.Time, p linkPacket) {
	if l.now.state == LinkClosed {
		return
	}
	if p.PacketType == PacketData {
		l.handleData(now, p)
		return
	}
	if p.PacketType != PacketProof {
		return
	}
	switch p.Context {
	case ContextLinkReqProof:
		l.handleLinkProof(now, p)
	case ContextNone:
		l.handlePacketProof(now, p)
	case ContextResourceProof:
		if p.on == l.now.on && l.key != nil {
			l.handleResourcePacket(now, p, p.Data)
		}
	}
}

// handleData dispatches data by context. Only what is authentic counts as a sign of life, as far as the protocol
// allows: keepalives and resource parts are clear.
func (l *Link) handleData(now time.Time, p linkPacket) {
	if l.key == nil {
		return
	}
	switch p.Context {
	case ContextKeepalive:
		l.handleKeepalive(now, p.Data)
		return
	case ContextResource, ContextCacheRequest:
		if p.Context == ContextResource {
			l.alive(now)
		}
		l.handleResourcePacket(now, p, p.Data)
		return
	}
	plaintext, ok := l.key.Open(p.Data)
	if !ok {
		l.shared.counters.badToken.Add(1)
		return
	}
	l.alive(now)
	switch p.Context {
	case ContextLinkRTT:
		l.handleRTT(now, p, plaintext)
		return
	case ContextLinkClose:
		if subtle.ConstantTimeCompare(plaintext, l.id[:]) == 1 {
			l.close(now, l.peerReason(), false)
		}
		return
	}
	if l.now.state == LinkHandshake {
		l.activateWithoutRTT(now, p)
		if l.held > 0 { // the application hears of the link first
			l.deferred = append(l.deferred, p)
			return
		}
	}
	switch p.Context {
	case ContextNone:
		l.deliver(p, plaintext)
	case ContextRequest:
		l.handleRequest(now, p, plaintext)
	case ContextResponse:
		l.handleResponse(now, plaintext)
	case ContextChannel:
		l.handleChannel(now, p, plaintext)
	case ContextLinkIdentify:
		l.handleIdentify(now, plaintext)
	case ContextResourceAdv, ContextResourceReq, ContextResourceHMU, ContextResourceICL, ContextResourceRCL:
		l.handleResourcePacket(now, p, plaintext)
	}
}

// handleKeepalive answers the initiator's keepalive when nothing else went out for an interval.
func (l *Link) handleKeepalive(now time.Time, payload []byte) {
	switch {
	case len(payload) != 1:
	case l.initiator && payload[0] == linkKeepaliveResponder:
		l.alive(now)
	case !l.initiator && payload[0] == linkKeepaliveInitiator && l.now.state.usable():
		l.alive(now)
		if l.watch.answers(now) {
			l.sendClear(now, PacketData, ContextKeepalive, []byte{linkKeepaliveResponder})
		}
	}
}

// handleRTT completes the establishment at the responder (spec 2 §1.10). An LRRTT that cannot be read ends the link; one
// for a link that is active already changes nothing, unless it was activated by other evidence.
func (l *Link) handleRTT(now time.Time, p linkPacket, plaintext []byte) {
	if l.initiator {
		return
	}
	seconds, ok := msgpack.Raw(plaintext).Number()
	if !ok {
		l.close(now, l.ownReason(), true)
		return
	}
	claimed, sane := claimedRTT(seconds)
	l.prompt.Store(isPrompt(seconds))
	switch {
	case l.now.state == LinkHandshake:
		measured := now.Sub(l.requestedAt)
		if !sane {
			claimed = measured
		}
		l.establish(now, p, responderRTT(measured, claimed))
	case l.rttGuessed && sane:
		l.rttGuessed = false
		l.now.rtt = claimed
		l.watch.rtt, l.watch.keepalive = claimed, keepaliveInterval(claimed)
		l.publish()
	}
}

// activateWithoutRTT makes a responder's link active because the initiator sent something only the holder of the link's
// key can, though its LRRTT has not come: lost, or overtaken. The reference would wait for it in vain (spec 2, D7). The
// round trip time is then a guess, and the keepalive interval the shortest, which answers any initiator.
func (l *Link) activateWithoutRTT(now time.Time, p linkPacket) {
	l.rttGuessed = true
	l.establish(now, p, min(now.Sub(l.requestedAt), hopTimeout))
	l.watch.keepalive = linkKeepaliveMin
}

// establish makes a responder's link active and hands it to the application.
func (l *Link) establish(now time.Time, p linkPacket, rtt time.Duration) {
	l.now.hops = int(p.Hops)
	l.activate(now, linkRTTKnown, rtt)
	l.shared.validated(l)
	if f := l.target.linkOpened(); f != nil {
		l.hold(func() { f(l) })
	}
}

// handleIdentify takes the first valid identity of the initiator; it sticks. One that is blackholed ends the link.
func (l *Link) handleIdentify(now time.Time, plaintext []byte) {
	if l.initiator || l.now.remote != nil {
		return
	}
	remote, err := parseIdentify(l.id, plaintext)
	if err != nil {
		l.shared.counters.badIdentify.Add(1)
		return
	}
	if l.blackholed != nil && l.blackholed(remote.Hash()) {
		l.close(now, l.ownReason(), true)
		return
	}
	l.now.remote = remote
	l.publish()
	if l.handlers.Load().OnIdentified == nil {
		return
	}
	l.hold(func() {
		if f := l.handlers.Load().OnIdentified; f != nil {
			f(l, remote)
		}
	})
}

// received makes what the application gets of a packet.
func (l *Link) received(p linkPacket, plaintext []byte) *ReceivedPacket {
	hash := p.packetHash()
	prove := func() error {
		return l.submit(context.Background(), func(now time.Time) { l.provePacket(now, hash) })
	}
	r := &ReceivedPacket{
		Data: plaintext, Hash: hash, Link: l, Hops: int(p.Hops), Interface: p.on.name(), At: p.at,
		prove: func(notBefore time.Time) error {
			if wait := time.Until(notBefore); wait > 0 {
				time.AfterFunc(wait, func() { _ = prove() })
				return nil
			}
			return prove()
		},
	}
	if d, ok := l.target.(*Destination); ok {
		r.Destination = d
	}
	return r
}

// deliver hands data to the application.
func (l *Link) deliver(p linkPacket, plaintext []byte) {
	if l.handlers.Load().OnPacket == nil {
		l.shared.counters.unhandled.Add(1)
		return
	}
	received := l.received(p, plaintext)
	taken := l.events.offer(l, func() {
		if f := l.handlers.Load().OnPacket; f != nil {
			f(received)
		}
	}, len(plaintext))
	if !taken {
		l.shared.counters.eventsFull.Add(1)
	}
}

// handlePacketProof concludes the receipt that the proof is for. A proof is taken from any interface (spec 2 §1.14).
func (l *Link) handlePacketProof(now time.Time, p linkPacket) {
	hash, signature, ok := parsePacketProof(p.Data)
	if !ok {
		l.shared.counters.badProof.Add(1)
		return
	}
	ours := l.receipts.has(hash) || (l.channel != nil && l.channel.sent(hash))
	if !ours || l.key == nil {
		return
	}
	if !l.verifyPeer(hash[:], signature) {
		l.shared.counters.badProof.Add(1)
		return
	}
	l.alive(now)
	l.receipts.deliver(hash, now)
	if l.channel != nil {
		l.channel.proved(now, hash)
	}
}

// linkReceipts are the receipts of packets sent on a link, oldest first.
type linkReceipts struct {
	byHash map[PacketHash]*Receipt
	order  []linkReceipt
}

type linkReceipt struct {
	*Receipt
	deadline time.Time
}

// add keeps a receipt until its deadline. When there are too many, the oldest is culled.
func (r *linkReceipts) add(receipt *Receipt, deadline time.Time) {
	if r.byHash == nil {
		r.byHash = make(map[PacketHash]*Receipt)
	}
	r.trim()
	if len(r.byHash) >= linkMaxReceipts {
		r.pop().fail(ReceiptCulled, ErrTimeout)
	}
	r.byHash[receipt.Hash()] = receipt
	r.order = append(r.order, linkReceipt{receipt, deadline})
}

// trim forgets concluded receipts at the head of the order.
func (r *linkReceipts) trim() {
	for len(r.order) > 0 && r.byHash[r.order[0].Hash()] == nil {
		r.order = r.order[1:]
	}
}

func (r *linkReceipts) pop() *Receipt {
	r.trim()
	oldest := r.order[0].Receipt
	r.order = r.order[1:]
	delete(r.byHash, oldest.Hash())
	return oldest
}

func (r *linkReceipts) has(hash PacketHash) bool { return r.byHash[hash] != nil }

func (r *linkReceipts) deliver(hash PacketHash, now time.Time) {
	if receipt := r.byHash[hash]; receipt != nil {
		delete(r.byHash, hash)
		receipt.deliver(now)
		r.trim()
	}
}

// deadline is that of the oldest: all of a link wait equally long.
func (r *linkReceipts) deadline() time.Time {
	if len(r.order) == 0 {
		return time.Time{}
	}
	return r.order[0].deadline
}

func (r *linkReceipts) expire(now time.Time) {
	for len(r.order) > 0 && !now.Before(r.order[0].deadline) {
		if oldest := r.order[0]; r.byHash[oldest.Hash()] != nil {
			delete(r.byHash, oldest.Hash())
			oldest.fail(ReceiptFailed, ErrTimeout)
		}
		r.order = r.order[1:]
	}
}

func (r *linkReceipts) fail(err error) {
	for _, receipt := range r.byHash {
		receipt.fail(ReceiptFailed, err)
	}
	r.byHash, r.order = nil, nil
}

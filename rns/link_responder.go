package rns

import (
	"time"
)

// linkRequested is called by the transport's loop with every link request for a destination of ours. It does only what
// is cheap; keys are agreed on in the new link's goroutine. Nothing is ever answered to a bad request.
func (t *Transport) linkRequested(p Packet, on *attached, d *Destination) {
	if t.links.hurried(on, time.Now()) {
		return
	}
	l, ok := newResponderLink(t, &t.links, t.linkEnvironment(), p, on, d)
	if !ok {
		return
	}
	evicted, ok := t.links.admit(l, on)
	if evicted != nil {
		evicted.drop()
	}
	if !ok {
		return
	}
	t.goTracked(func() { l.serve(t.registerLink, d.linkProofDelay()) })
}

// newResponderLink checks a link request and makes the link it asks for, without keys yet (spec 2 §1.6).
func newResponderLink(carrier linkCarrier, shared *linkShared, env linkEnvironment, p Packet, on *attached,
	d linkTarget) (*Link, bool) {
	if !d.acceptsLinks() || p.DestinationType != DestinationSingle {
		return nil, false
	}
	request, err := parseLinkRequest(p.Data)
	if err != nil || !request.mode.Enabled() {
		shared.counters.badRequest.Add(1)
		return nil, false
	}
	id, _ := p.LinkID()
	l := newLink(carrier, shared, env, id, false)
	l.destination, l.target, l.identity = p.Destination, d, d.Identity()
	l.request, l.arrived = request, on
	// Every carrier takes 500 bytes, so a smaller MTU has no sense.
	l.now.mtu = max(MTU, min(request.mtu, linkInterfaceMTU(on)))
	l.now.on, l.now.hops = on, int(p.Hops)
	l.expires = time.Now().Add(responderTimeout(l.now.hops))
	l.publish()
	return l, true
}

// serve is the life of an incoming link: keys, proof, and then like any other.
func (l *Link) serve(register func(*Link) error, delay time.Duration) {
	proof, ok := l.agree()
	if ok && register(l) != nil { // before the proof goes out, or the first packets would be lost
		l.shared.counters.refused.Add(1)
		ok = false
	}
	if !ok {
		l.abandon()
		return
	}
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.stop:
		}
	}
	l.sendLinkProof(time.Now(), proof)
	l.run()
}

// agree derives the key and makes the payload of the proof. It fails for a key of low order.
func (l *Link) agree() (proof []byte, ok bool) {
	keys, err := newResponderKeys(l.rand)
	if err != nil {
		return nil, false
	}
	return l.agreeWith(keys)
}

// agreeWith is agree with given one-time keys.
func (l *Link) agreeWith(keys linkKeys) (proof []byte, ok bool) {
	key, err := deriveLinkKey(l.id, keys.exchange, l.request.exchange[:])
	if err != nil {
		l.shared.counters.badRequest.Add(1)
		return nil, false
	}
	proof, err = appendLinkProof(nil, l.id, keys, l.identity, l.now.mtu)
	if err != nil {
		return nil, false
	}
	l.keys, l.key = keys, key
	l.prepareResources()
	l.transition(linkKeysAgreed)
	return proof, true
}

// sendLinkProof sends the LRPROOF, on the interface the request came in on.
func (l *Link) sendLinkProof(now time.Time, proof []byte) {
	l.requestedAt = now
	l.sendClear(now, PacketProof, ContextLinkReqProof, proof)
}

// abandon closes a link that never came to be. Nobody knows of it yet.
func (l *Link) abandon() {
	l.close(time.Now(), CloseTimeout, false)
	l.children.Wait()
}

// acceptsLinks reports whether link requests are answered.
func (d *Destination) acceptsLinks() bool { return !d.config.RefuseLinks && d.config.Identity != nil }

func (d *Destination) linkOpened() func(*Link)       { return d.config.OnLink }
func (d *Destination) requestPaths() *requestPaths   { return &d.paths }
func (d *Destination) maxRequest() int               { return d.config.MaxRequestSize }
func (d *Destination) linkProofDelay() time.Duration { return d.config.LinkProofDelay }
func (d *Destination) answerDelay() time.Duration    { return d.config.AnswerDelay }
func (d *Destination) boundsStrangers() bool         { return d.config.BoundStrangers }

// HandleRequest sets the handler of a path for requests that come over links to this destination; nil removes it. It
// takes effect for links that are open already, too.
func (d *Destination) HandleRequest(path string, h RequestHandler) { d.paths.handle(path, h) }

// HandleAnyRequest sets the handler of all paths that have none; nil removes it. Without one, requests for unknown paths
// get no answer, as the protocol has none for them.
func (d *Destination) HandleAnyRequest(h RequestHandler) { d.paths.handleAny(h) }

// linkEnvironment is what this transport's links are given.
func (t *Transport) linkEnvironment() linkEnvironment {
	return linkEnvironment{log: t.log, rand: t.config.Rand, wall: t.config.Clock, blackholed: t.Blackholed}
}

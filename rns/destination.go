package rns

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns/internal/token"
)

const (
	// destinationQueue is how many packets wait for a destination's goroutine. When it is full the newest is dropped,
	// counted, and forgotten, so that a retry is accepted.
	destinationQueue = 256
	// answerQueue is how many path requests wait for a destination's announcer; more are dropped and counted.
	answerQueue = 16
)

// DestinationConfig says what a destination of ours is.
type DestinationConfig struct {
	// Type is DestinationSingle, DestinationGroup or DestinationPlain.
	Type DestinationType
	// Identity holds the keys of a SINGLE or GROUP destination. nil: a new one is made, and its hash in hex becomes
	// one more aspect, as in the reference. PLAIN destinations have none.
	Identity *Identity
	// App and Aspects are the name. No part may contain a dot.
	App     string
	Aspects []string
	// GroupKey is the symmetric key of a GROUP destination: 64 bytes, or 32 for AES-128.
	GroupKey []byte
	// OnPacket gets the packets that decrypt, in the order of arrival, from a goroutine of the destination's own. While
	// it blocks, up to 256 packets wait; more are dropped, counted, and accepted when they are sent again. Nothing is
	// proved unless [ReceivedPacket.Prove] is called. nil: single packets are dropped undecrypted.
	OnPacket func(*ReceivedPacket)
	// OnLink gets each link that somebody opened to the destination, once it is active, before any packet of it is
	// handled: set its handlers here.
	OnLink func(*Link)
	// RefuseLinks: link requests get no answer.
	RefuseLinks bool
	// LinkProofDelay is how long the answer to a link request is held back. The initiator measures it, and gives our proofs six
	// times as long: 50 ms where a packet is proved after a commit.
	LinkProofDelay time.Duration
	// AnswerDelay is how long a request waits for its answer, and a packet for its proof, at least. A stock peer notes
	// that it has sent something only after it went out, and loses an answer that is faster than that: on loopback and
	// fast LANs, when its machine is busy: without a delay, a mebibyte that a stock program sent over a stream took 9 to 13 s
	// instead of 2, and one link in three was given up. 25 ms are enough there, and nothing on a radio; 0 is none. What comes over
	// links that we opened is answered at once. Links of which our own
	// implementation is the initiator are not held back: it notes first, and says so in its LRRTT.
	AnswerDelay time.Duration
	// BoundStrangers limits what comes as a resource, requests included, over links whose other end has not identified:
	// one at a time on each interface, among all destinations that have this set, and none larger than the interface
	// carries in 2 minutes. A larger one is refused; while another is under way there is no answer, so that the sender
	// tries again, some five times.
	BoundStrangers bool
	// AppData gives what announces and path responses carry: at most [MaxAnnounceAppData] bytes, or
	// [MaxAnnounceAppDataRatchet] with ratchets. It is called from a goroutine of the destination's own and must not
	// call Announce. nil: none.
	AppData func() []byte
	// Ratchets switches on ratchets. nil: none.
	Ratchets *RatchetConfig
	// MaxRequestSize limits requests over links, in bytes. 0: no limit beyond that of resources.
	MaxRequestSize int
}

// localPacket is DATA on its way to a destination's goroutine.
type localPacket struct {
	data []byte
	hash PacketHash
	hops int
	on   *attached
	at   time.Time
}

// Destination is a destination of ours: others reach us there. It has two goroutines while the transport runs, one that
// decrypts and calls OnPacket, and one that announces. All methods may be called from any goroutine.
type Destination struct {
	t      *Transport
	config DestinationConfig // not changed any more
	hash   DestinationHash
	nameID NameHash
	name   string
	group  *token.Key // GROUP only
	paths  requestPaths

	inbox   chan *localPacket
	answers chan *attached
	calls   chan announceCall
	closing chan struct{}
	once    sync.Once

	keys      atomic.Pointer[[]ratchetKey] // what decrypts, newest first; replaced by the announcer, never changed
	announce  announceState                // the announcer's
	emissions emissions
}

// NewDestination makes a destination of ours and registers it, before Run or while the transport runs. It fails with
// [ErrInUse] when there is one with that address, [ErrBadName], and [ErrBadKey] when the keys do not fit the type or
// stored ratchets cannot be read.
func (t *Transport) NewDestination(c DestinationConfig) (*Destination, error) {
	d, err := newDestination(t, c)
	if err != nil {
		return nil, fmt.Errorf("destination %s: %w", FullName(c.App, c.Aspects...), err)
	}
	if err := d.loadAnnounceState(context.Background()); err != nil {
		return nil, fmt.Errorf("destination %s: %w", d.name, err)
	}
	var refused error
	err = t.do(func(e *engine) {
		switch {
		case e.stopping:
			refused = ErrClosed
		case e.destinations[d.hash] != nil:
			refused = fmt.Errorf("destination %s: %w", d.name, ErrInUse)
		default:
			e.destinations[d.hash] = d
			e.paths.expire(d.hash)
			if e.life != nil {
				d.start(e.life)
			}
			if e.master != nil {
				e.register(d)
			}
		}
	})
	if err = errors.Join(err, refused); err != nil {
		return nil, err
	}
	return d, nil
}

// newDestination checks the configuration.
func newDestination(t *Transport, c DestinationConfig) (*Destination, error) {
	c.Aspects, c.GroupKey = slices.Clone(c.Aspects), slices.Clone(c.GroupKey)
	if err := CheckName(c.App, c.Aspects...); err != nil {
		return nil, err
	}
	d := &Destination{
		t:       t,
		inbox:   make(chan *localPacket, destinationQueue),
		answers: make(chan *attached, answerQueue),
		calls:   make(chan announceCall),
		closing: make(chan struct{}),
	}
	var owner *IdentityHash
	switch c.Type {
	case DestinationPlain:
		if c.Identity != nil {
			return nil, fmt.Errorf("%w: PLAIN destinations have no identity", ErrBadKey)
		}
	case DestinationSingle, DestinationGroup:
		if c.Identity == nil {
			id, err := NewIdentity(t.config.Rand)
			if err != nil {
				return nil, err
			}
			c.Identity = id
			h := id.Hash()
			c.Aspects = append(c.Aspects, hex.EncodeToString(h[:]))
		}
		h := c.Identity.Hash()
		owner = &h
	default:
		return nil, fmt.Errorf("%v cannot be made: %w", c.Type, ErrBadName)
	}
	if c.Type == DestinationGroup {
		key, err := token.NewKey(c.GroupKey)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
		}
		d.group = key
	}
	if c.Ratchets != nil {
		if c.Type != DestinationSingle {
			return nil, fmt.Errorf("%w: only SINGLE destinations have ratchets", ErrBadKey)
		}
		r := c.Ratchets.withDefaults()
		c.Ratchets = &r
	}
	d.config = c
	d.nameID = HashName(c.App, c.Aspects...)
	d.hash = HashDestinationName(owner, d.nameID)
	d.name = FullName(c.App, c.Aspects...)
	return d, nil
}

// Hash returns the address.
func (d *Destination) Hash() DestinationHash { return d.hash }

// Name returns the full name, without identity.
func (d *Destination) Name() string { return d.name }

// NameHash returns the hash of the full name.
func (d *Destination) NameHash() NameHash { return d.nameID }

// Type returns the type.
func (d *Destination) Type() DestinationType { return d.config.Type }

// Identity returns the identity; nil for PLAIN.
func (d *Destination) Identity() *Identity { return d.config.Identity }

// Close takes the destination off the transport: packets for it are dropped, its goroutines end, links stay open, see [Destination.CloseLinks].
// It does not wait for an OnPacket that is running. Closing again does nothing.
func (d *Destination) Close() error {
	d.once.Do(func() {
		close(d.closing)
		_ = d.t.do(func(e *engine) {
			if e.destinations[d.hash] == d {
				delete(e.destinations, d.hash)
			}
		})
	})
	return nil
}

// CloseLinks begins to close the links that others have opened to the destination, as [Link.Close] does, and does not wait for that. Close
// the destination first, or others may open new ones.
func (d *Destination) CloseLinks() {
	_ = d.t.do(func(e *engine) {
		for _, l := range e.links {
			if l.target == linkTarget(d) {
				l.shutdown()
			}
		}
	})
}

// start begins the destination's goroutines. It is called by the loop.
func (d *Destination) start(life context.Context) {
	d.t.wg.Go(func() { d.receive(life) })
	if d.config.Type == DestinationSingle {
		d.t.wg.Go(func() { d.announcer(life) })
	}
}

// offer puts a packet into the queue. It reports false when that is full. It is called by the loop.
func (d *Destination) offer(p *localPacket) bool {
	select {
	case d.inbox <- p:
		return true
	default:
		return false
	}
}

// answer asks the announcer to answer a path request that came in on this interface. It is called by the loop.
func (d *Destination) answer(on *attached) bool {
	select {
	case d.answers <- on:
		return true
	default:
		return false
	}
}

// receive is the life of the goroutine that decrypts, which with many ratchets takes long, and delivers.
func (d *Destination) receive(life context.Context) {
	for {
		select {
		case <-life.Done():
			return
		case <-d.closing:
			return
		case p := <-d.inbox:
			plain, ratchet, ok := d.decrypt(p)
			if !ok {
				continue // counted
			}
			d.config.OnPacket(&ReceivedPacket{
				Data:        plain,
				Hash:        p.hash,
				Destination: d,
				Hops:        p.hops,
				Interface:   p.on.name(),
				Ratchet:     ratchet,
				At:          p.at,
				prove:       func(notBefore time.Time) error { return d.prove(p.hash, p.on, notBefore) },
			})
		}
	}
}

// decrypt opens a payload, and counts it when that fails. Where an interface has brought too much that nothing opens, only
// the newest ratchets are tried for a while: garbage is cheap to send, and each try costs a key agreement.
func (d *Destination) decrypt(p *localPacket) (plain []byte, used RatchetID, ok bool) {
	reason, tried := DropUndecryptable, 0
	switch d.config.Type {
	case DestinationPlain:
		return p.data, used, true
	case DestinationGroup:
		plain, ok = d.group.Open(p.data)
	default:
		var keys []ratchetKey
		if k := d.keys.Load(); k != nil {
			keys = *k
		}
		if len(keys) > trialFew && !p.on.trials.left(time.Now()) {
			keys, reason = keys[:trialFew], DropTrials
		}
		plain, used, tried, ok = d.config.Identity.decrypt(p.data, keys, d.config.Ratchets != nil && d.config.Ratchets.Enforce)
	}
	if !ok {
		p.on.trials.spend(tried)
		p.on.count(reason)
	}
	return plain, used, ok
}

// Decrypt opens what was encrypted to the destination and came another way than in a packet to it, such as on paper. It tries
// all ratchets, each a key agreement, so the caller must bound how often strangers can cause it. False: nothing opens it, or
// the destination has no keys.
func (d *Destination) Decrypt(sealed []byte) (plaintext []byte, ok bool) {
	switch d.config.Type {
	case DestinationPlain:
		return nil, false
	case DestinationGroup:
		return d.group.Open(sealed)
	}
	var keys []ratchetKey
	if k := d.keys.Load(); k != nil {
		keys = *k
	}
	plaintext, _, _, ok = d.config.Identity.decrypt(sealed, keys, d.config.Ratchets != nil && d.config.Ratchets.Enforce)
	return plaintext, ok
}

// prove sends the proof of a packet on the interface that it came in on.
func (d *Destination) prove(hash PacketHash, on *attached, notBefore time.Time) error {
	if d.config.Identity == nil {
		return ErrNotProvable
	}
	p := NewProof(d.config.Identity, hash, !d.t.config.ExplicitProofs)
	p.Raw = p.Append(nil)
	f := outFrame{raw: p.Raw, on: on, hash: p.Hash(), notBefore: notBefore}
	if time.Now().Before(notBefore) {
		d.t.sendRaw(f)
		return nil
	}
	result := make(chan error, 1)
	f.result = result
	d.t.sendRaw(f)
	return d.t.outcome(context.Background(), result)
}

// ReceivedPacket is a packet that was decrypted: a single one, or one of a link.
type ReceivedPacket struct {
	// Data is the plaintext. It belongs to the receiver.
	Data []byte
	Hash PacketHash
	// Destination is ours; nil on links that we opened.
	Destination *Destination
	// Link is nil for single packets.
	Link *Link
	// Hops is the distance it came; 1: from a direct neighbour.
	Hops int
	// Interface is the name of the interface it came in on.
	Interface string
	// Ratchet is the id of the ratchet it was encrypted to; zero: none.
	Ratchet RatchetID
	// At is when it came in.
	At time.Time

	prove  func(notBefore time.Time) error // which is held back until then
	proved atomic.Bool
}

// Prove tells the sender that the packet was taken care of: do it once that is so. It may be called from any goroutine,
// any time later, and has an effect at most once. It fails with [ErrClosed] when link or transport are gone, with
// [ErrNotProvable] for PLAIN packets, and when the carrier did not take the proof; the sender then sends again. Where
// [DestinationConfig].AnswerDelay holds the proof back, Prove does not wait and such failures pass unnoticed.
func (p *ReceivedPacket) Prove() error {
	if p.prove == nil {
		return ErrNotProvable
	}
	if p.proved.Swap(true) {
		return nil
	}
	var delay time.Duration
	switch {
	case p.Link != nil:
		delay = p.Link.answerDelay()
	case p.Destination != nil:
		delay = p.Destination.config.AnswerDelay
	}
	return p.prove(p.At.Add(delay))
}

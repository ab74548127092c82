package rns

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"groupd/rns/internal/token"
)

// RemoteDestination is a destination of somebody else, to send to. It may be used from any goroutine and needs no
// closing.
type RemoteDestination struct {
	t        *Transport
	kind     DestinationType
	hash     DestinationHash
	name     string
	identity *PublicIdentity // nil for PLAIN
	group    *token.Key      // GROUP only
	ratchet  atomic.Pointer[[]byte]
}

// NewRemote makes a SINGLE destination of the identity. No part of the name may contain a dot.
func (t *Transport) NewRemote(id *PublicIdentity, app string, aspects ...string) *RemoteDestination {
	h := id.Hash()
	return &RemoteDestination{
		t: t, kind: DestinationSingle, identity: id,
		hash: HashDestination(&h, app, aspects...), name: FullName(app, aspects...),
	}
}

// NewRemotePlain makes a PLAIN destination: everybody in direct reach can read what is sent there.
func (t *Transport) NewRemotePlain(app string, aspects ...string) *RemoteDestination {
	return &RemoteDestination{
		t: t, kind: DestinationPlain,
		hash: HashDestination(nil, app, aspects...), name: FullName(app, aspects...),
	}
}

// NewRemoteGroup makes a GROUP destination: everybody in direct reach who has the key, 64 or 32 bytes, can read what is
// sent there. A key of another length is [ErrBadKey].
func (t *Transport) NewRemoteGroup(id *PublicIdentity, key []byte, app string, aspects ...string) (*RemoteDestination, error) {
	k, err := token.NewKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadKey, err)
	}
	h := id.Hash()
	return &RemoteDestination{
		t: t, kind: DestinationGroup, identity: id, group: k,
		hash: HashDestination(&h, app, aspects...), name: FullName(app, aspects...),
	}, nil
}

// Hash returns the address.
func (d *RemoteDestination) Hash() DestinationHash { return d.hash }

// Name returns the full name, without identity.
func (d *RemoteDestination) Name() string { return d.name }

// Type returns the type.
func (d *RemoteDestination) Type() DestinationType { return d.kind }

// Identity returns whose destination it is; nil for PLAIN.
func (d *RemoteDestination) Identity() *PublicIdentity { return d.identity }

// SetRatchet sets the 32-byte public key that packets to a SINGLE destination are encrypted to, in place of the one
// that its announces carried. nil goes back to that.
func (d *RemoteDestination) SetRatchet(public []byte) {
	if public == nil {
		d.ratchet.Store(nil)
		return
	}
	public = slices.Clone(public)
	d.ratchet.Store(&public)
}

// Send encrypts data and sends it as one packet: by the path to the destination, or on all interfaces when none is
// known. It returns when a carrier has it. At most [EncryptedMDU] bytes pass everywhere ([PlainMDU] to PLAIN
// destinations); somewhat more pass to neighbours; what makes a packet of more than 500 bytes is [ErrTooLarge]. The other
// errors are [ErrNoInterface], [ErrClosed], [ErrBadKey], that of ctx, and those of the interface: when ctx ended, the
// packet may be sent all the same.
//
// The receipt tells when the other end has proved the packet, which it need not do; nil for PLAIN destinations, which
// prove nothing. It fails after 6 s and 6 s per hop, or more where the first hop is a slow radio: 12 s for a neighbour,
// 774 s when no path is known. To send again is to call Send again.
func (d *RemoteDestination) Send(ctx context.Context, data []byte) (*Receipt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	payload, err := d.seal(data)
	if err != nil {
		return nil, fmt.Errorf("sending to %s: %w", d.hash.Short(), err)
	}
	p := Packet{DestinationType: d.kind, PacketType: PacketData, Destination: d.hash, Data: payload}
	raw, err := p.Pack(MTU)
	if err != nil {
		return nil, fmt.Errorf("sending to %s: %w", d.hash.Short(), err)
	}
	f := outFrame{raw: raw, hash: p.Hash(), result: make(chan error, 1)}
	if d.identity != nil {
		f.receipt, f.signer = newReceipt(f.hash, time.Now()), d.identity
		f.bitrate = d.t.firstHopBitrate(ctx, d.hash)
	}
	if err := d.t.queue(ctx, f); err != nil {
		return nil, fmt.Errorf("sending to %s: %w", d.hash.Short(), err)
	}
	return f.receipt, nil
}

// seal encrypts a payload as the type demands.
func (d *RemoteDestination) seal(data []byte) ([]byte, error) {
	switch d.kind {
	case DestinationPlain:
		return data, nil
	case DestinationGroup:
		return d.group.Seal(nil, d.t.config.Rand, data)
	}
	var ratchet []byte
	if r := d.ratchet.Load(); r != nil {
		ratchet = *r
	} else if known, ok := d.t.Recall(d.hash); ok {
		ratchet = known.Ratchet
	}
	return d.identity.Encrypt(d.t.config.Rand, data, ratchet)
}

// queue gives a packet to the loop and waits until it is sent.
func (t *Transport) queue(ctx context.Context, f outFrame) error {
	select {
	case t.outbound <- f:
	case <-ctx.Done():
		return ctx.Err()
	case <-t.done:
		return ErrClosed
	}
	return t.outcome(ctx, f.result)
}

// outcome waits for what became of something, and prefers it to the end of ctx or of the transport when both came.
func (t *Transport) outcome(ctx context.Context, result <-chan error) error {
	ended := ErrClosed
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		ended = ctx.Err()
	case <-t.done:
	}
	select {
	case err := <-result:
		return err
	default:
		return ended
	}
}

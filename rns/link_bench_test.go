package rns

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/internal/token"
)

// bench is a link without goroutine, transport and clock: packets are put in by hand, and what it sends is looked at.
type bench struct {
	*Link
	now  time.Time
	sent []Packet // since last looked at
	raw  [][]byte

	unregistered, failed int
	rebalanced           []int
}

func (b *bench) sendRaw(f outFrame) {
	p, err := ParsePacket(f.raw)
	if err != nil || p.Hash() != f.hash {
		panic("a link sent nonsense")
	}
	b.sent, b.raw = append(b.sent, p), append(b.raw, f.raw)
}

func (b *bench) unregisterLink(*Link)                   { b.unregistered++ }
func (b *bench) rebalancePath(_ DestinationHash, n int) { b.rebalanced = append(b.rebalanced, n) }
func (b *bench) linkFailed(DestinationHash)             { b.failed++ }

// take returns what was sent since the last call.
func (b *bench) take() [][]byte {
	raw := b.raw
	b.sent, b.raw = nil, nil
	return raw
}

// benchTarget is a destination.
type benchTarget struct {
	identity *Identity
	refuse   bool
	onLink   func(*Link)
	paths    requestPaths
	limit    int
	bounds   bool
}

func (d *benchTarget) Identity() *Identity         { return d.identity }
func (d *benchTarget) acceptsLinks() bool          { return !d.refuse }
func (d *benchTarget) linkOpened() func(*Link)     { return d.onLink }
func (d *benchTarget) requestPaths() *requestPaths { return &d.paths }
func (d *benchTarget) maxRequest() int             { return d.limit }
func (d *benchTarget) answerDelay() time.Duration  { return 0 }
func (d *benchTarget) boundsStrangers() bool       { return d.bounds }

// counting is a random source that is no such thing.
type counting byte

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		*c++
		p[i] = byte(*c)
	}
	return len(p), nil
}

func benchEnvironment(rand io.Reader) linkEnvironment {
	if rand == nil {
		rand = new(counting)
	}
	return linkEnvironment{log: slog.New(slog.DiscardHandler), rand: rand, wall: time.Now}
}

// benchInterface is an interface that offers links an MTU.
func benchInterface(mtu int) *attached {
	return &attached{label: "bench", properties: interfaces.Properties{MTU: mtu, Bitrate: 1000000}}
}

func loadTestIdentity(t testing.TB, private []byte) *Identity {
	t.Helper()
	id, err := LoadIdentity(private)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func benchIdentity(t testing.TB, n byte) *Identity {
	return loadTestIdentity(t, bytes.Repeat([]byte{n}, PrivateKeyLength))
}

// benchInitiator makes a pending initiator and returns its request too.
func benchInitiator(t testing.TB, rand io.Reader, destination DestinationHash, identity *PublicIdentity, route linkRoute) (*bench, []byte) {
	t.Helper()
	b := &bench{now: time.Now()}
	l, raw, err := newInitiatorLink(b, new(linkShared), benchEnvironment(rand), destination, identity, route)
	if err != nil {
		t.Fatal(err)
	}
	b.Link = l
	b.requestedAt = b.now
	return b, raw
}

// benchResponder makes a responder of a request; ok is false when it refuses.
func benchResponder(t testing.TB, rand io.Reader, raw []byte, on *attached, d linkTarget) (b *bench, ok bool) {
	t.Helper()
	p, err := ParsePacket(raw)
	if err != nil {
		t.Fatal(err)
	}
	p.Hops++
	b = &bench{now: time.Now()}
	l, ok := newResponderLink(b, new(linkShared), benchEnvironment(rand), p, on, d)
	if !ok {
		return nil, false
	}
	b.Link = l
	return b, true
}

// handleRaw puts in a packet as it came from an interface.
func (b *bench) handleRaw(t testing.TB, raw []byte, on *attached) {
	t.Helper()
	p, err := ParsePacket(bytes.Clone(raw))
	if err != nil {
		t.Fatal(err)
	}
	p.Hops++
	b.handle(b.now, linkPacket{Packet: p, on: on, at: b.now})
	b.settle()
}

// settle runs handlers, and what they asked of the link, until nothing is left.
func (b *bench) settle() {
	for {
		b.children.Wait()
		select {
		case f := <-b.calls:
			f(b.now)
			continue
		default:
		}
		if b.held == 0 && len(b.deferred) > 0 {
			p := b.deferred[0]
			b.deferred = nil
			b.handle(b.now, p)
			continue
		}
		return
	}
}

// benchActive makes one end of an active link with a given key. peerSigning verifies what the other end signs; own is
// the identity of a responder or holds the signing key of an initiator.
func benchActive(t testing.TB, initiator bool, id LinkID, derived []byte, mtu int, d linkTarget, rand io.Reader) *bench {
	t.Helper()
	b := &bench{now: time.Now()}
	b.Link = newLink(b, new(linkShared), benchEnvironment(rand), id, initiator)
	key, err := token.NewKey(derived)
	if err != nil {
		t.Fatal(err)
	}
	b.key = key
	b.identity = benchIdentity(t, 1)
	b.keys.signing = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	copy(b.Link.request.signing[:], b.keys.signing[ed25519.SeedSize:])
	if initiator {
		b.Link.now.remote = b.identity.PublicIdentity
	} else {
		b.target = d
	}
	b.Link.now.on, b.Link.now.mtu = benchInterface(mtu), mtu
	b.prepareResources()
	if !initiator {
		b.transition(linkKeysAgreed)
		b.activate(b.now, linkRTTKnown, 100*time.Millisecond)
	} else {
		b.activate(b.now, linkProved, 100*time.Millisecond)
	}
	return b
}

// setSigners gives the ends of a benchActive link the signing keys of a vector.
func (b *bench) setSigners(initiatorSeed []byte, responder *Identity) {
	b.keys.signing = ed25519.NewKeyFromSeed(initiatorSeed)
	copy(b.Link.request.signing[:], b.keys.signing[ed25519.SeedSize:])
	b.identity = responder
	if b.initiator {
		b.Link.now.remote = responder.PublicIdentity
	}
}

func activeResponder(t testing.TB, d *benchTarget) *bench {
	return benchActive(t, false, LinkID{1, 2, 3}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, d, nil)
}

func activeInitiator(t testing.TB) *bench {
	return benchActive(t, true, LinkID{1, 2, 3}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, nil, nil)
}

// packetTo makes a packet for a bench, sealed with its own key.
func (b *bench) packetTo(t testing.TB, context Context, plaintext []byte) []byte {
	t.Helper()
	raw, err := b.key.Seal(appendLinkHeader(nil, b.id, PacketData, context), new(counting), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func BenchmarkLinkPacket(b *testing.B) {
	for _, mtu := range []int{500, 8192} {
		link := benchActive(b, false, LinkID{1}, bytes.Repeat([]byte{7}, DerivedKeyLength), mtu, &benchTarget{}, nil)
		data := make([]byte, LinkMDU(mtu))
		b.Run(fmt.Sprint("Seal", mtu), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := link.sendSealed(link.now, ContextNone, data); err != nil {
					b.Fatal(err)
				}
				link.take()
			}
		})
		b.Run(fmt.Sprint("Open", mtu), func(b *testing.B) {
			raw := link.packetTo(b, ContextNone, data)
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				p, err := ParsePacket(raw)
				if err != nil {
					b.Fatal(err)
				}
				link.handleData(link.now, linkPacket{Packet: p, on: link.Link.now.on})
			}
		})
	}
}

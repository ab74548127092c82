package rns

import (
	"bytes"
	"context"
	"groupd/rns/msgpack"
	"testing"
	"time"
)

func FuzzRequest(f *testing.F) {
	f.Add(packRequest(time.Unix(1700000000, 0), PathHash("/status"), msgpack.Nil()))
	f.Add(packRequest(time.Time{}, PathHash(""), msgpack.Bin([]byte{1, 2, 3})))
	f.Add([]byte{0x93, 0xc0, 0xc4, 0x10})
	f.Fuzz(func(t *testing.T, raw []byte) {
		at, path, data, err := unpackRequest(raw)
		if err != nil {
			return
		}
		_, path2, data2, err := unpackRequest(packRequest(at, path, data))
		if err != nil || path2 != path || !bytes.Equal(data2, data) {
			t.Errorf("read back %x %x, %v", path2, data2, err)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add(packResponse(RequestID{1, 2, 3}, msgpack.Bin([]byte("ok"))))
	f.Add(packResponse(RequestID{}, msgpack.Map()))
	f.Fuzz(func(t *testing.T, raw []byte) {
		id, value, err := unpackResponse(raw)
		if err != nil {
			return
		}
		id2, value2, err := unpackResponse(packResponse(id, value))
		if err != nil || id2 != id || !bytes.Equal(value2, value) {
			t.Errorf("read back %v %x, %v", id2, value2, err)
		}
	})
}

// FuzzLinkPacket gives a link whatever a peer with its key could send, in any context, clear or sealed.
func FuzzLinkPacket(f *testing.F) {
	for c := range 256 {
		f.Add(byte(c), false, []byte{0xff})
		f.Add(byte(c), true, []byte{0xcb, 0x3f, 0xd0, 0, 0, 0, 0, 0, 0})
	}
	f.Add(byte(ContextRequest), true, packRequest(time.Time{}, PathHash("/p"), msgpack.Nil()))
	f.Add(byte(ContextChannel), true, []byte{0, 1, 0, 0, 0, 0, 'x'})
	f.Add(byte(ContextChannel), true, []byte{0xff, 0, 0, 0, 0, 0, 0x80, 5, 'x'})
	f.Add(byte(ContextLinkIdentify), true, bytes.Repeat([]byte{1}, 128))
	f.Fuzz(func(t *testing.T, kind byte, proof bool, data []byte) {
		if len(data) > 431 {
			return
		}
		for _, initiator := range []bool{true, false} {
			d := &benchTarget{}
			d.paths.handleAny(func(_ context.Context, r *Request) (msgpack.Raw, bool) { return r.Data, true })
			b := benchActive(t, initiator, LinkID{9}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, d, nil)
			b.SetHandlers(LinkHandlers{
				OnPacket:   func(p *ReceivedPacket) { _ = p.Prove() },
				OnResource: func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
			})
			b.Channel().Handle(func(uint16, []byte) {})
			if _, err := b.Channel().OpenStream(5); err != nil {
				t.Fatal(err)
			}
			b.settle()
			packetKind := PacketData
			if proof {
				packetKind = PacketProof
			}
			b.handleRaw(t, append(appendLinkHeader(nil, b.id, packetKind, Context(kind)), data...), b.Link.now.on)
			if b.State() != LinkClosed {
				b.handleRaw(t, b.packetTo(t, Context(kind), data), b.Link.now.on)
			}
			if b.State() != LinkClosed {
				b.tick(b.now.Add(time.Hour))
			}
		}
	})
}

// FuzzLinkRequestAndProof reads the payloads that are not encrypted.
func FuzzLinkRequestAndProof(f *testing.F) {
	for _, n := range []int{64, 67, 96, 99, 128} {
		f.Add(bytes.Repeat([]byte{0x20}, n))
	}
	identity := benchIdentity(f, 3)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := parseLinkRequest(data); err == nil && r.mtu == 0 {
			t.Error("an MTU of 0")
		}
		if p, err := parseLinkProof(data); err == nil && p.verify(LinkID{1}, identity.PublicIdentity) {
			t.Error("a proof out of nothing")
		}
		if who, err := parseIdentify(LinkID{1}, data); err == nil {
			t.Errorf("%v identified", who.Hash())
		}
	})
}

package rns

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns/internal/x25519"
	"groupd/rns/msgpack"
)

// TestVectorsLinkTranscript holds L-001, L-006, L-012, L-013, L-014, L-020, L-036, L-039, L-042, L-046, L-048, L-051, L-057, L-058, C-058.
func TestVectorsLinkTranscript(t *testing.T) {
	vectors.RunKinds(t, "links", []string{"transcript"}, func(t *testing.T, c vectors.Case) {
		id := loadTestIdentity(t, c.In.Bytes("destination_private_key"))
		on := benchInterface(c.In.Int("interface_mtu"))
		hash := id.Hash()
		destination := HashDestination(&hash, c.In.Text("app_name"), c.In.Texts("aspects")...)
		c.Out.CheckBytes("destination_hash", destination[:])

		a, raw := benchInitiator(t, bytes.NewReader(slices.Concat(c.In.Bytes("initiator_x25519_private"), c.In.Bytes("initiator_ed25519_seed"))),
			destination, id.PublicIdentity, linkRoute{hops: 1, on: on})
		c.Out.Object("link_request").CheckBytes("raw", raw)
		linkID := a.ID()
		c.Out.CheckBytes("link_id", linkID[:])

		b, ok := benchResponder(t, nil, raw, on, &benchTarget{identity: id})
		if !ok {
			t.Fatal("request refused")
		}
		exchange, err := x25519.NewPrivateKey(c.In.Bytes("responder_x25519_private"))
		if err != nil {
			t.Fatal(err)
		}
		secret, err := deriveLinkSecret(linkID, exchange, a.keys.exchange.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		c.Out.CheckBytes("derived_key", secret)
		proof, ok := b.agreeWith(linkKeys{exchange: exchange})
		if !ok {
			t.Fatal("no keys")
		}
		b.sendLinkProof(b.now, proof)
		sent := b.take()
		if len(sent) != 1 {
			t.Fatalf("%d packets sent", len(sent))
		}
		c.Out.Object("link_proof").CheckBytes("raw", sent[0])

		// Both ends, with the times of the vector.
		rtt := time.Duration(c.In.Float("rtt") * float64(time.Second))
		ivs := c.In.Bytes("rtt_iv")
		a.rand = bytes.NewReader(ivs)
		a.requestedAt = a.now.Add(-rtt)
		a.handleRaw(t, sent[0], on)
		if a.State() != LinkActive || a.MTU() != c.Out.Int("mtu") || a.MDU() != c.Out.Int("mdu") || a.RTT() != rtt {
			t.Fatalf("initiator: %v, mtu %d, mdu %d, rtt %v", a.State(), a.MTU(), a.MDU(), a.RTT())
		}
		if want := c.Out.Float("keepalive_seconds"); math.Abs(a.watch.keepalive.Seconds()-want) > 1e-6 {
			t.Errorf("keepalive every %v, want %v s", a.watch.keepalive, want)
		}
		a.take() // its round trip time is rounded to nanoseconds, so the packet is made again
		a.rand = bytes.NewReader(ivs)
		if _, err := a.sendSealed(a.now, ContextLinkRTT, msgpack.Float(c.In.Float("rtt"))); err != nil {
			t.Fatal(err)
		}
		sent = a.take()
		c.Out.Object("rtt_packet").CheckBytes("raw", sent[0])
		b.handleRaw(t, sent[0], on)
		if b.State() != LinkActive || b.MTU() != c.Out.Int("mtu") || b.RTT() != rtt {
			t.Fatalf("responder: %v, mtu %d, rtt %v", b.State(), b.MTU(), b.RTT())
		}
		for _, e := range c.Out.Objects("events") {
			replayLinkEvent(t, e, a, b, on)
		}
		if a.State() != LinkClosed || b.State() != LinkClosed {
			t.Errorf("at the end %v and %v", a.State(), b.State())
		}
	})
}

// replayLinkEvent has one end of a link do what the vector says, compares what it sent, and gives it to the other.
func replayLinkEvent(t *testing.T, e vectors.Object, initiator, responder *bench, on *attached) {
	from, to := initiator, responder
	if e.Text("from") == "responder" {
		from, to = responder, initiator
	}
	if e.Has("iv") {
		from.rand = bytes.NewReader(e.Bytes("iv"))
	}
	send := func(kind Context) {
		if _, err := from.sendSealed(from.now, kind, e.Bytes("plaintext")); err != nil {
			t.Fatal(err)
		}
	}
	switch e.Text("what") {
	case "identify":
		who := loadTestIdentity(t, e.Bytes("private_key"))
		if got := appendIdentify(nil, from.ID(), who); !bytes.Equal(got, e.Bytes("plaintext")) {
			t.Errorf("identification %x", got)
		}
		send(ContextLinkIdentify)
		defer func() {
			if h := to.Remote().Hash(); h != e.Hash16("identity_hash") {
				t.Errorf("identified as %v", h)
			}
		}()
	case "data":
		send(ContextNone)
	case "data_proof":
		from.provePacket(from.now, PacketHash(e.Bytes("proves")))
	case "keepalive":
		from.sendClear(from.now, PacketData, ContextKeepalive, []byte{linkKeepaliveInitiator})
	case "keepalive_response":
		from.sendClear(from.now, PacketData, ContextKeepalive, []byte{linkKeepaliveResponder})
	case "close":
		from.close(from.now, from.ownReason(), true)
		defer func() {
			if want := from.ownReason(); from.Link.now.reason != want || to.Link.now.reason != want {
				t.Errorf("closed by %v and %v", from.Link.now.reason, to.Link.now.reason)
			}
		}()
	default:
		t.Fatalf("event %q", e.Text("what"))
	}
	sent := from.take()
	if len(sent) != 1 {
		t.Fatalf("%s: %d packets sent", e.Text("what"), len(sent))
	}
	e.CheckBytes("raw", sent[0])
	p, err := ParsePacket(sent[0])
	if err != nil {
		t.Fatal(err)
	}
	hash := p.Hash()
	e.CheckBytes("packet_hash", hash[:])

	var got []byte
	to.SetHandlers(LinkHandlers{OnPacket: func(r *ReceivedPacket) { got = r.Data }})
	var receipt *Receipt
	if e.Text("what") == "data_proof" {
		receipt = newReceipt(PacketHash(e.Bytes("proves")), to.now)
		to.receipts.add(receipt, to.now.Add(time.Second))
	}
	to.handleRaw(t, sent[0], on)
	if e.Text("what") == "data" && !bytes.Equal(got, e.Bytes("plaintext")) {
		t.Errorf("delivered %x", got)
	}
	if receipt != nil && receipt.Status() != ReceiptDelivered {
		t.Error("the proof was not taken")
	}
}

// TestVectorsLinkRequest holds L-007, L-008, L-009, L-010, L-011, L-151, C-036.
func TestVectorsLinkRequest(t *testing.T) {
	vectors.RunKinds(t, "links", []string{"link_request"}, func(t *testing.T, c vectors.Case) {
		id := loadTestIdentity(t, c.In.Bytes("destination_private_key"))
		h := id.Hash()
		destination := HashDestination(&h, c.In.Text("app_name"), c.In.Texts("aspects")...)
		p, err := ParsePacket(c.In.Bytes("raw"))
		if err != nil {
			t.Fatal(err)
		}
		// What the loop decides: the destination exists, and the packet is not for another transport node.
		here := DestinationHash(p.Destination) == destination && p.HeaderType == Header1
		var b *bench
		var proof []byte
		ok := false
		if here {
			b, ok = benchResponder(t, nil, c.In.Bytes("raw"), benchInterface(0),
				&benchTarget{identity: id, refuse: !c.In.Bool("accepts_links")})
		}
		if ok {
			private := bytes.Repeat([]byte{5}, X25519KeyLength)
			if c.In.Has("responder_x25519_private") {
				private = c.In.Bytes("responder_x25519_private")
			}
			exchange, err := x25519.NewPrivateKey(private)
			if err != nil {
				t.Fatal(err)
			}
			proof, ok = b.agreeWith(linkKeys{exchange: exchange})
		}
		if !c.Valid {
			if ok {
				t.Fatal("accepted")
			}
			return
		}
		if !ok {
			t.Fatal("refused")
		}
		linkID := b.ID()
		c.Out.CheckBytes("link_id", linkID[:])
		if c.Lenient && c.Out.Int("mtu") < MTU {
			// We raise an MTU below 500, which no carrier has, as spec 2 §7 advises.
			if b.MTU() != MTU {
				t.Errorf("mtu %d", b.MTU())
			}
			return
		}
		b.sendLinkProof(b.now, proof)
		c.Out.CheckBytes("link_proof", b.take()[0])
		if b.MTU() != c.Out.Int("mtu") {
			t.Errorf("mtu %d", b.MTU())
		}
	})
}

// TestVectorsLinkProof holds L-015, L-016, L-017, L-152.
func TestVectorsLinkProof(t *testing.T) {
	vectors.RunKinds(t, "links", []string{"link_proof"}, func(t *testing.T, c vectors.Case) {
		identity, err := NewPublicIdentity(c.In.Bytes("destination_public_key"))
		if err != nil {
			t.Fatal(err)
		}
		request, err := ParsePacket(c.In.Bytes("link_request"))
		if err != nil {
			t.Fatal(err)
		}
		asked, err := parseLinkRequest(request.Data)
		if err != nil {
			t.Fatal(err)
		}
		on := benchInterface(asked.mtu)
		a, raw := benchInitiator(t, bytes.NewReader(slices.Concat(c.In.Bytes("initiator_x25519_private"), c.In.Bytes("initiator_ed25519_seed"))),
			request.Destination, identity, linkRoute{hops: 1, on: on})
		if !bytes.Equal(raw, c.In.Bytes("link_request")) {
			t.Fatalf("request %x", raw)
		}
		a.rand = new(counting)
		a.handleRaw(t, c.In.Bytes("raw"), on)
		if !c.Valid {
			// Whatever the reference does, a bad proof changes nothing here.
			if a.State() != LinkPending || len(a.take()) != 0 {
				t.Errorf("state %v", a.State())
			}
			return
		}
		if a.State() != LinkActive || a.MTU() != c.Out.Int("mtu") {
			t.Errorf("state %v, mtu %d", a.State(), a.MTU())
		}
		// The keys are right if the other end could read what we send.
		b := benchActive(t, false, a.ID(), c.Out.Bytes("derived_key"), a.MTU(), &benchTarget{}, nil)
		sent := a.take()
		if len(sent) != 1 {
			t.Fatalf("%d packets sent", len(sent))
		}
		if _, ok := b.key.Open(sent[0][HeaderMinSize:]); !ok {
			t.Error("another key")
		}
	})
}

// TestVectorsInLink holds L-053, L-054.
func TestVectorsInLink(t *testing.T) {
	vectors.RunKinds(t, "links", []string{"in_link"}, func(t *testing.T, c vectors.Case) {
		link := c.In.Object("link")
		b := benchActive(t, c.In.Text("receiver") == "initiator", LinkID(link.Hash16("link_id")), link.Bytes("derived_key"),
			link.Int("mtu"), &benchTarget{}, nil)
		remote := b.Link.now.remote
		b.watch.outbound = b.now.Add(-time.Hour)
		var delivered [][]byte
		b.SetHandlers(LinkHandlers{OnPacket: func(r *ReceivedPacket) { delivered = append(delivered, r.Data) }})
		b.handleRaw(t, c.In.Bytes("raw"), b.Link.now.on)
		if got := b.State().String(); got != c.Out.Text("status") {
			t.Errorf("status %v, want %s", got, c.Out.Text("status"))
		}
		c.Out.CheckBytesList("delivered", delivered)
		if got := len(b.take()); got != c.Out.Int("answers") {
			t.Errorf("%d answers, want %d", got, c.Out.Int("answers"))
		}
		switch got := b.Link.now.remote; {
		case c.Out.Has("remote_identity_hash"):
			if got == nil || got.Hash() != c.Out.Hash16("remote_identity_hash") {
				t.Errorf("identified as %v", got)
			}
		case got != remote:
			t.Errorf("identified as %v", got)
		}
	})
}

// TestVectorsLinkPacketProofs holds L-057, L-058, L-059, C-053.
func TestVectorsLinkPacketProofs(t *testing.T) {
	vectors.RunKinds(t, "proofs", []string{"link_proof", "link_validate"}, func(t *testing.T, c vectors.Case) {
		p, err := ParsePacket(c.In.Bytes("packet"))
		if err != nil {
			t.Fatal(err)
		}
		derived := bytes.Repeat([]byte{7}, DerivedKeyLength)
		if c.Kind == "link_proof" {
			b := benchActive(t, true, LinkID(p.Destination), derived, MTU, nil, nil)
			b.setSigners(c.In.Bytes("signer_ed25519_seed"), benchIdentity(t, 1))
			b.provePacket(b.now, p.Hash())
			c.Out.CheckBytes("proof_packet", b.take()[0])
			return
		}
		b := benchActive(t, false, LinkID(p.Destination), derived, MTU, &benchTarget{}, nil)
		copy(b.Link.request.signing[:], c.In.Bytes("signer_ed25519_public"))
		receipt := newReceipt(p.Hash(), b.now)
		b.receipts.add(receipt, b.now.Add(time.Second))
		proof := Packet{DestinationType: DestinationLink, PacketType: PacketProof, Destination: p.Destination, Data: c.In.Bytes("proof_data")}
		b.handleRaw(t, proof.Append(nil), b.Link.now.on)
		if got := receipt.Status() == ReceiptDelivered; got != c.Valid {
			t.Errorf("taken: %v", got)
		}
	})
}

// TestVectorsRequests holds L-066, L-067, L-068, L-071, L-072.
func TestVectorsRequests(t *testing.T) {
	vectors.RunKinds(t, "requests", []string{"exchange"}, func(t *testing.T, c vectors.Case) {
		link := c.In.Object("link")
		id, derived, mtu := LinkID(link.Hash16("link_id")), link.Bytes("derived_key"), link.Int("mtu")
		response, _ := c.In.Typed("response")
		d := &benchTarget{}
		var seen *Request
		d.paths.handle(c.In.Text("path"), func(_ context.Context, r *Request) (msgpack.Raw, bool) {
			seen = r
			return response, true
		})
		a := benchActive(t, true, id, derived, mtu, nil, bytes.NewReader(c.In.Bytes("request_iv")))
		b := benchActive(t, false, id, derived, mtu, d, bytes.NewReader(c.In.Bytes("response_iv")))
		hash := PathHash(c.In.Text("path"))
		c.Out.CheckBytes("path_hash", hash[:])
		data, _ := c.In.Typed("data")
		// The time of the vector is finer than a time.Time; it stands behind the head of the array and its own code.
		packed := packRequest(fromUnixSeconds(c.In.Float("requested_at")), hash, data)
		copy(packed[1:], msgpack.Float(c.In.Float("requested_at")))
		c.Out.CheckBytes("packed_request", packed)
		pending, err := a.startRequest(a.now, packed, RequestOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c.Out.CheckBytes("request_id", pending.id[:])
		sent := a.take()
		c.Out.CheckBytes("request_packet", sent[0])
		b.handleRaw(t, sent[0], b.Link.now.on)
		if seen == nil || seen.Path != c.In.Text("path") || seen.ID != pending.id || !bytes.Equal(seen.Data, data) {
			t.Fatalf("the handler saw %+v", seen)
		}
		sent = b.take()
		if !c.Out.Has("response_packet") {
			if len(sent) != 0 {
				t.Fatal("answered")
			}
			return
		}
		if got := packResponse(pending.id, response); !bytes.Equal(got, c.Out.Bytes("packed_response")) {
			t.Errorf("response %x", got)
		}
		c.Out.CheckBytes("response_packet", sent[0])
		a.handleRaw(t, sent[0], a.Link.now.on)
		select {
		case r := <-pending.result:
			if r.err != nil || !bytes.Equal(r.response.Data, response) {
				t.Errorf("result %+v", r)
			}
		default:
			t.Error("the response was not taken")
		}
	})
}

// TestVectorsUnansweredRequests holds L-073, L-076.
func TestVectorsUnansweredRequests(t *testing.T) {
	vectors.RunKinds(t, "requests", []string{"unanswered"}, func(t *testing.T, c vectors.Case) {
		link := c.In.Object("link")
		d := &benchTarget{limit: c.In.Int("max_request_size")}
		if c.In.Has("registered_path") {
			d.paths.handle(c.In.Text("registered_path"), func(_ context.Context, r *Request) (msgpack.Raw, bool) {
				// Policies are the handler's matter.
				return msgpack.Bool(true), c.In.Text("policy") == "all"
			})
		}
		b := benchActive(t, false, LinkID(link.Hash16("link_id")), link.Bytes("derived_key"), link.Int("mtu"), d, nil)
		b.handleRaw(t, c.In.Bytes("raw"), b.Link.now.on)
		if sent := b.take(); len(sent) != 0 {
			t.Errorf("answered with %x", sent)
		}
		if got := b.State().String(); got != c.Out.Text("link_status") {
			t.Errorf("status %v", got)
		}
	})
}

// TestVectorsRequestsAsResources holds L-066, L-069, L-071.
func TestVectorsRequestsAsResources(t *testing.T) {
	vectors.RunKinds(t, "requests", []string{"request_resource", "response_resource"}, func(t *testing.T, c vectors.Case) {
		if c.Kind == "response_resource" {
			id := RequestID(c.In.Hash16("request_id"))
			c.Out.CheckBytes("packed_response", packResponse(id, msgpack.Bin(c.In.Bytes("data"))))
			return
		}
		at := c.In.Float("requested_at")
		packed := packRequest(fromUnixSeconds(at), PathHash(c.In.Text("path")), msgpack.Bin(c.In.Bytes("data")))
		copy(packed[1:], msgpack.Float(at))
		c.Out.CheckBytes("packed_request", packed)
		a := benchActive(t, true, LinkID{1}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, nil, nil)
		pending, err := a.startRequest(a.now, packed, RequestOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c.Out.CheckBytes("request_id", pending.id[:])
		sent := a.take()
		plaintext, ok := a.key.Open(sent[0][HeaderMinSize:])
		if !ok || len(sent) != 1 {
			t.Fatalf("%d packets sent", len(sent))
		}
		adv, err := parseResourceAdv(plaintext)
		if err != nil {
			t.Fatal(err)
		}
		c.Out.CheckBytes("advertised_q", adv.id[:])
		if want := resourceFlags(c.Out.Int("advertised_flags")); adv.flags|resourceCompressed != want|resourceCompressed {
			t.Errorf("flags %x, want %x", adv.flags, want)
		}
	})
}

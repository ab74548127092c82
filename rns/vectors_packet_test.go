package rns_test

import (
	"bytes"
	"io"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns"
	"groupd/rns/internal/token"
)

// checkFields compares a packet with a parsed header of the vectors.
func checkFields(t *testing.T, want vectors.Object, p *rns.Packet) {
	t.Helper()
	numbers := map[string]int{
		"header_type":    int(p.HeaderType) + 1,
		"transport_type": int(p.TransportType),
		"hops":           int(p.Hops),
		"context":        int(p.Context),
		"context_flag":   0,
	}
	// The access-code bit is the interface's business: the parser ignores it and no packet has it.
	if got, want := int(p.Flags()), want.Int("flags")&0x7f; got != want {
		t.Errorf("flags are %#x, want %#x", got, want)
	}
	if p.ContextFlag {
		numbers["context_flag"] = 1
	}
	for key, got := range numbers {
		if want := want.Int(key); got != want {
			t.Errorf("%s is %d, want %d", key, got, want)
		}
	}
	if got, want := p.DestinationType.String(), want.Text("destination_type"); got != want {
		t.Errorf("destination type %s, want %s", got, want)
	}
	if got, want := p.PacketType.String(), want.Text("packet_type"); got != want {
		t.Errorf("packet type %s, want %s", got, want)
	}
	if p.HeaderType == rns.Header2 {
		want.CheckBytes("transport_id", p.TransportID[:])
	} else {
		want.CheckBytes("transport_id", nil)
	}
	want.CheckBytes("destination_hash", p.Destination[:])
	want.CheckBytes("data", p.Data)
	hash, short := p.Hash(), p.TruncatedHash()
	want.CheckBytes("packet_hash", hash[:])
	want.CheckBytes("truncated_hash", short[:])
}

// checkPacked compares a packet that was built with raw and fields of the case, and parses it back.
func checkPacked(t *testing.T, c vectors.Case, p rns.Packet) {
	t.Helper()
	raw, err := p.Pack(rns.MTU)
	if err != nil {
		t.Fatal(err)
	}
	c.Out.CheckBytes("raw", raw)
	checkFields(t, c.Out.Object("fields"), &p)
	back, err := rns.ParsePacket(raw)
	if err != nil {
		t.Fatal(err)
	}
	checkFields(t, c.Out.Object("fields"), &back)
}

func seal(t *testing.T, key, iv, plaintext []byte) []byte {
	t.Helper()
	k, err := token.NewKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Seal(nil, bytes.NewReader(iv), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestVectorsPackets holds C-037, C-038, C-039, C-045, C-047.
func TestVectorsPackets(t *testing.T) {
	vectors.Run(t, "packets", func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "pack_plain", "pack_group", "pack_single":
			checkPacked(t, c, buildPacket(t, c))
		case "pack_link":
			link := c.In.Object("link")
			p := rns.Packet{
				DestinationType: rns.DestinationLink,
				PacketType:      packetType(t, c.In.Text("packet_type")),
				Context:         rns.Context(c.In.Int("context")),
				Destination:     link.Hash16("link_id"),
				Data:            c.In.Bytes("payload"),
			}
			if c.In.Has("iv") {
				p.Data = seal(t, link.Bytes("derived_key"), c.In.Bytes("iv"), p.Data)
			}
			checkPacked(t, c, p)
		case "pack_header2":
			checkPacked(t, c, rns.Packet{
				HeaderType:      rns.Header2,
				DestinationType: destinationType(t, c.In.Text("destination_type")),
				PacketType:      packetType(t, c.In.Text("packet_type")),
				TransportType:   rns.TransportType(c.In.Int("transport_type")),
				TransportID:     c.In.Hash16("transport_id"),
				Destination:     c.In.Hash16("destination_hash"),
				Context:         rns.Context(c.In.Int("context")),
				ContextFlag:     c.In.Int("context_flag") != 0,
				Hops:            uint8(c.In.Int("hops")),
				Data:            c.In.Bytes("data"),
			})
		case "pack_too_big":
			p := rns.Packet{Data: make([]byte, sealedLength(t, c.In.Text("destination_type"), c.In.Int("payload_length")))}
			if raw, err := p.Pack(c.In.Int("mtu")); err == nil {
				t.Fatalf("packed into %d bytes", len(raw))
			}
		case "unpack":
			p, err := rns.ParsePacket(c.In.Bytes("raw"))
			if (err == nil) != c.Valid {
				t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
			}
			if c.Valid {
				checkFields(t, c.Out.Object("fields"), &p)
				raw := p.Append(nil)
				raw[0] |= c.In.Bytes("raw")[0] & 0x80
				c.In.CheckBytes("raw", raw)
			}
		case "originate":
			p := parsePacket(t, c.In.Bytes("raw"))
			sent := p.Originate(c.In.Int("path_hops"), c.In.Hash16("next_hop"))
			c.Out.CheckBytes("sent", sent.Append(nil))
			if sent.Hash() != p.Hash() {
				t.Fatal("the packet hash changed")
			}
		case "forward":
			checkForward(t, c)
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

func parsePacket(t *testing.T, raw []byte) rns.Packet {
	t.Helper()
	p, err := rns.ParsePacket(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sealedLength returns the length of the data of a packet with a payload of n bytes.
func sealedLength(t *testing.T, destination string, n int) int {
	t.Helper()
	switch destinationType(t, destination) {
	case rns.DestinationPlain:
		return n
	case rns.DestinationSingle:
		return rns.X25519KeyLength + token.SealedSize(n)
	}
	return token.SealedSize(n)
}

func buildPacket(t *testing.T, c vectors.Case) rns.Packet {
	t.Helper()
	app, aspects := c.In.Text("app_name"), c.In.Texts("aspects")
	p := rns.Packet{Data: c.In.Bytes("payload")}
	if c.In.Has("context") {
		p.Context = rns.Context(c.In.Int("context"))
	}
	switch c.Kind {
	case "pack_plain":
		p.DestinationType = rns.DestinationPlain
		p.Destination = rns.HashDestination(nil, app, aspects...)
		p.Hops = uint8(c.In.Int("hops"))
	case "pack_group":
		id := rns.IdentityHash(c.In.Hash16("identity_hash"))
		p.DestinationType = rns.DestinationGroup
		p.Destination = rns.HashDestination(&id, app, aspects...)
		p.Data = seal(t, c.In.Bytes("key"), c.In.Bytes("iv"), p.Data)
	case "pack_single":
		id := loadIdentity(t, c.In.Bytes("private_key"))
		hash := id.Hash()
		p.DestinationType = rns.DestinationSingle
		p.Destination = rns.HashDestination(&hash, app, aspects...)
		if !c.In.Has("iv") { // a context that is never encrypted
			break
		}
		var ratchet []byte
		if c.In.Has("ratchet_public") {
			ratchet = c.In.Bytes("ratchet_public")
		}
		rand := io.MultiReader(bytes.NewReader(c.In.Bytes("ephemeral_private")), bytes.NewReader(c.In.Bytes("iv")))
		sealed, err := id.Encrypt(rand, p.Data, ratchet)
		if err != nil {
			t.Fatal(err)
		}
		p.Data = sealed
	}
	return p
}

func checkForward(t *testing.T, c vectors.Case) {
	t.Helper()
	p := parsePacket(t, c.In.Bytes("raw"))
	if p.TransportID != c.In.Hash16("transport_identity_hash") {
		t.Fatal("not addressed to us")
	}
	sent := p.Forward(p.Hops+1, c.In.Int("path_hops"), c.In.Hash16("next_hop"))
	if sent.Hash() != p.Hash() {
		t.Fatal("the packet hash changed")
	}
	if p.PacketType == rns.PacketLinkRequest {
		const withoutUpgrade = 508 // of the interface that such a case came in on
		incoming := withoutUpgrade
		if c.In.Has("incoming_interface_mtu") {
			incoming = c.In.Int("incoming_interface_mtu")
		}
		data, err := rns.ClampLinkRequest(sent.Data, incoming, c.In.Int("outgoing_interface_mtu"))
		if err != nil {
			t.Fatal(err)
		}
		sent.Data = data
		before, _ := p.LinkID()
		if after, ok := sent.LinkID(); !ok || before != after {
			t.Fatal("the link id changed")
		}
	}
	c.Out.CheckBytes("sent", sent.Append(nil))
}

// TestVectorsPacketHashes holds C-041, C-042.
func TestVectorsPacketHashes(t *testing.T) {
	first := make(map[string]rns.PacketHash)
	for _, c := range vectors.Load(t, "packet_hashes") {
		if c.Kind != "hash" {
			continue
		}
		if _, ok := first[c.In.Text("group")]; !ok {
			p := parsePacket(t, c.In.Bytes("raw"))
			first[c.In.Text("group")] = p.Hash()
		}
	}
	vectors.Run(t, "packet_hashes", func(t *testing.T, c vectors.Case) {
		p := parsePacket(t, c.In.Bytes("raw"))
		hash := p.Hash()
		c.Out.CheckBytes("packet_hash", hash[:])
		switch c.Kind {
		case "hash":
			short := p.TruncatedHash()
			c.Out.CheckBytes("hashable_part", p.HashablePart())
			c.Out.CheckBytes("truncated_hash", short[:])
			if got, want := hash == first[c.In.Text("group")], c.Out.Bool("same_as_first"); got != want {
				t.Fatalf("same as the first is %v, want %v", got, want)
			}
		case "link_id":
			id, ok := p.LinkID()
			if !ok {
				t.Fatal("no link request")
			}
			c.Out.CheckBytes("link_id", id[:])
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

// TestVectorsProofs holds C-052, C-054.
func TestVectorsProofs(t *testing.T) {
	vectors.Run(t, "proofs", func(t *testing.T, c vectors.Case) {
		sent := parsePacket(t, c.In.Bytes("packet"))
		hash := sent.Hash()
		switch c.Kind {
		case "proof":
			id := loadIdentity(t, c.In.Bytes("private_key"))
			p := rns.NewProof(id, hash, c.In.Bool("implicit"))
			c.Out.CheckBytes("packet_hash", hash[:])
			c.Out.CheckBytes("proof_destination_hash", p.Destination[:])
			c.Out.CheckBytes("proof_data", p.Data)
			c.Out.CheckBytes("proof_packet", p.Append(nil))
			if !rns.CheckProof(id.PublicIdentity, hash, p.Data) {
				t.Fatal("own proof proves nothing")
			}
			if named, explicit := rns.ProofHash(p.Data); explicit == c.In.Bool("implicit") || explicit && named != hash {
				t.Fatalf("names %s, explicit is %v", named, explicit)
			}
		case "validate":
			id := publicIdentity(t, c.In.Bytes("public_key"))
			if got := rns.CheckProof(id, hash, c.In.Bytes("proof_data")); got != c.Valid {
				t.Fatalf("proves is %v, want %v (%s)", got, c.Valid, c.Reason)
			}
		case "link_proof":
			data := rns.LinkPacketProof(hash, c.In.Bytes("signer_ed25519_seed"))
			c.Out.CheckBytes("packet_hash", hash[:])
			c.Out.CheckBytes("proof_data", data)
			p := rns.Packet{
				DestinationType: rns.DestinationLink,
				PacketType:      rns.PacketProof,
				Destination:     c.In.Object("link").Hash16("link_id"),
				Data:            data,
			}
			c.Out.CheckBytes("proof_packet", p.Append(nil))
			if !rns.CheckLinkPacketProof(c.In.Bytes("signer_ed25519_public"), hash, data) {
				t.Fatal("own proof proves nothing")
			}
		case "link_validate":
			got := rns.CheckLinkPacketProof(c.In.Bytes("signer_ed25519_public"), hash, c.In.Bytes("proof_data"))
			if got != c.Valid {
				t.Fatalf("proves is %v, want %v (%s)", got, c.Valid, c.Reason)
			}
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

// TestVectorsPathRequests holds C-140, C-142.
func TestVectorsPathRequests(t *testing.T) {
	vectors.Run(t, "path_requests", func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "request":
			var self *rns.IdentityHash
			if c.In.Has("transport_id") {
				id := rns.IdentityHash(c.In.Hash16("transport_id"))
				self = &id
			}
			p := rns.NewPathRequest(c.In.Hash16("destination_hash"), self, c.In.Bytes("tag"))
			c.Out.CheckBytes("request_destination_hash", p.Destination[:])
			c.Out.CheckBytes("data", p.Data)
			c.Out.CheckBytes("raw", p.Append(nil))
		case "read":
			wanted, requester, tag, ok := rns.ParsePathRequest(c.In.Bytes("data"))
			if ok != c.Valid {
				t.Fatalf("read is %v, want %v (%s)", ok, c.Valid, c.Reason)
			}
			if !c.Valid {
				return
			}
			c.Out.CheckBytes("destination_hash", wanted[:])
			if requester.IsZero() {
				c.Out.CheckBytes("transport_id", nil)
			} else {
				c.Out.CheckBytes("transport_id", requester[:])
			}
			c.Out.CheckBytes("tag", tag)
			c.Out.CheckBytes("unique_tag", append(wanted[:], tag...))
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

package rns_test

import (
	"bytes"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns"
)

func loadIdentity(t *testing.T, private []byte) *rns.Identity {
	t.Helper()
	id, err := rns.LoadIdentity(private)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func publicIdentity(t *testing.T, public []byte) *rns.PublicIdentity {
	t.Helper()
	id, err := rns.NewPublicIdentity(public)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestVectorsAnnounces holds C-061, C-063, C-064, C-066, C-068.
func TestVectorsAnnounces(t *testing.T) {
	vectors.Run(t, "announces", func(t *testing.T, c vectors.Case) {
		p, a, err := hearAnnounce(t, c.In)
		if c.Lenient && p.DestinationType != rns.DestinationSingle {
			// The reference lets destination type LINK pass; we refuse every announce that is not typed SINGLE.
			if err == nil {
				t.Fatal("accepted an announce that is not typed SINGLE")
			}
			return
		}
		if (err == nil) != c.Valid {
			t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
		}
		if !c.Valid {
			return
		}
		id := a.Identity.Hash()
		hash := p.Hash()
		if c.Lenient {
			return
		}
		c.Out.CheckBytes("destination_hash", a.Destination[:])
		c.Out.CheckBytes("public_key", a.Identity.PublicKey())
		c.Out.CheckBytes("identity_hash", id[:])
		c.Out.CheckBytes("name_hash", a.Name[:])
		c.Out.CheckBytes("random_hash", a.Random[:])
		c.Out.CheckBytes("ratchet", a.Ratchet)
		c.Out.CheckBytes("signature", a.Signature)
		c.Out.CheckBytes("signed_data", a.SignedData())
		c.Out.CheckBytes("packet_hash", hash[:])
		if c.Out.Has("app_data") != (a.AppData != nil) {
			t.Fatalf("app data is %x, want %s", a.AppData, c.Out.JSON("app_data"))
		}
		c.Out.CheckBytes("app_data", a.AppData)
		if a.Ratchet != nil {
			ratchet := rns.RatchetIDOf(a.Ratchet)
			c.Out.CheckBytes("ratchet_id", ratchet[:])
		}
		if got, want := a.Emitted().Unix(), int64(c.Out.Int("emitted")); got != want {
			t.Fatalf("emitted %d, want %d", got, want)
		}
		if got, want := int(p.Context), c.Out.Int("context"); got != want {
			t.Fatalf("context %d, want %d", got, want)
		}
		if got, want := int(p.Hops), c.Out.Int("hops"); got != want {
			t.Fatalf("hops %d, want %d", got, want)
		}
		if p.HeaderType == rns.Header2 {
			c.Out.CheckBytes("transport_id", p.TransportID[:])
		}
		if got, want := int(p.Hops)+1, c.Out.Int("path_hops"); got != want {
			t.Fatalf("path hops %d, want %d", got, want)
		}
		hop := p.ReceivedFrom()
		c.Out.CheckBytes("next_hop", hop[:])
		if c.In.Has("private_key") {
			rebuildAnnounce(t, c)
		}
	})
}

// hearAnnounce parses and validates as a node would that knows what the case says it knows.
func hearAnnounce(t *testing.T, in vectors.Object) (rns.Packet, *rns.Announce, error) {
	t.Helper()
	raw := in.Bytes("raw")
	if len(raw) > 0 && raw[0]&0x80 != 0 {
		return rns.Packet{}, nil, rns.ErrMalformed // the interface drops it
	}
	p, err := rns.ParsePacket(raw)
	if err != nil {
		return p, nil, err
	}
	a, err := rns.ParseAnnounce(&p)
	if err != nil {
		return p, nil, err
	}
	var checks rns.AnnounceChecks
	for _, key := range in.Keys() {
		switch key {
		case "known_public_key":
			known := publicIdentity(t, in.Bytes(key))
			checks.Known = func(rns.DestinationHash) *rns.PublicIdentity { return known }
		case "blackholed_identity":
			bad := rns.IdentityHash(in.Hash16(key))
			checks.Blackholed = func(id rns.IdentityHash) bool { return id == bad }
		}
	}
	return p, a, a.Validate(checks)
}

func rebuildAnnounce(t *testing.T, c vectors.Case) {
	t.Helper()
	random, err := rns.NewRandomField(bytes.NewReader(c.In.Bytes("random_hash")), time.Unix(int64(c.In.Int("time")), 0))
	if err != nil {
		t.Fatal(err)
	}
	content := rns.AnnounceContent{
		Identity:     loadIdentity(t, c.In.Bytes("private_key")),
		Name:         rns.HashName(c.In.Text("app_name"), c.In.Texts("aspects")...),
		Random:       random,
		AppData:      c.In.Bytes("app_data"),
		PathResponse: c.In.Bool("path_response"),
	}
	limit := rns.MaxAnnounceAppData
	if c.In.Has("ratchet_private") {
		content.Ratchet, err = rns.RatchetPublic(c.In.Bytes("ratchet_private"))
		if err != nil {
			t.Fatal(err)
		}
		limit = rns.MaxAnnounceAppDataRatchet
	}
	p, err := rns.NewAnnounce(content)
	if len(content.AppData) > limit {
		if err == nil {
			t.Fatal("built an announce that cannot be relayed")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Hops = uint8(c.In.Int("hops"))
	if c.In.Has("transport_id") {
		p = p.RelayedAnnounce(c.In.Hash16("transport_id"), p.Hops, p.Context)
	}
	c.In.CheckBytes("raw", p.Append(nil))
}

package rns_test

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns"
)

// TestVectorsIdentities holds C-001.
func TestVectorsIdentities(t *testing.T) {
	vectors.Run(t, "identities", func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "private":
			id, err := rns.LoadIdentity(c.In.Bytes("private_key"))
			if (err == nil) != c.Valid {
				t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
			}
			if !c.Valid {
				return
			}
			hash, full := id.Hash(), rns.FullHash(id.PublicKey())
			c.Out.CheckBytes("x25519_private", id.PrivateKey()[:rns.X25519KeyLength])
			c.Out.CheckBytes("ed25519_seed", id.PrivateKey()[rns.X25519KeyLength:])
			c.Out.CheckBytes("x25519_public", id.EncryptionKey())
			c.Out.CheckBytes("ed25519_public", id.SigningKey())
			c.Out.CheckBytes("public_key", id.PublicKey())
			c.Out.CheckBytes("hash", hash[:])
			c.Out.CheckBytes("full_hash", full[:])
			c.Out.CheckBytes("private_file", id.PrivateKey())
			c.Out.CheckBytes("public_file", id.PublicKey())
			if got, want := hash.String(), c.Out.Text("hexhash"); got != want {
				t.Fatalf("hex hash %s, want %s", got, want)
			}
		case "public":
			id, err := rns.NewPublicIdentity(c.In.Bytes("public_key"))
			if (err == nil) != c.Valid {
				t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
			}
			if !c.Valid {
				return
			}
			hash := id.Hash()
			c.Out.CheckBytes("hash", hash[:])
			c.Out.CheckBytes("x25519_public", id.EncryptionKey())
			c.Out.CheckBytes("ed25519_public", id.SigningKey())
		case "ratchet":
			public, err := rns.RatchetPublic(c.In.Bytes("ratchet_private"))
			if err != nil {
				t.Fatal(err)
			}
			id := rns.RatchetIDOf(public)
			c.Out.CheckBytes("ratchet_public", public)
			c.Out.CheckBytes("ratchet_id", id[:])
		case "hash":
			full := rns.FullHash(c.In.Bytes("data"))
			short := rns.TruncatedHashOf(c.In.Bytes("data"))
			c.Out.CheckBytes("full_hash", full[:])
			c.Out.CheckBytes("truncated_hash", short[:])
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

// TestVectorsSignatures holds C-024.
func TestVectorsSignatures(t *testing.T) {
	vectors.Run(t, "signatures", func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "sign":
			id := loadIdentity(t, c.In.Bytes("private_key"))
			c.Out.CheckBytes("public_key", id.PublicKey())
			signature := id.Sign(c.In.Bytes("message"))
			c.Out.CheckBytes("signature", signature)
			if !id.Verify(c.In.Bytes("message"), signature) {
				t.Fatal("own signature does not verify")
			}
		case "verify":
			id := publicIdentity(t, c.In.Bytes("public_key"))
			if got := id.Verify(c.In.Bytes("message"), c.In.Bytes("signature")); got != c.Valid {
				t.Fatalf("verifies is %v, want %v (%s)", got, c.Valid, c.Reason)
			}
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

// TestVectorsIdentityEncryption holds C-012, C-013, C-015, C-016, C-017.
func TestVectorsIdentityEncryption(t *testing.T) {
	vectors.Run(t, "identity_encryption", func(t *testing.T, c vectors.Case) {
		id := loadIdentity(t, c.In.Bytes("private_key"))
		sealed := c.In.Bytes("token")
		plaintext, used, ok := id.Decrypt(sealed, c.In.BytesList("ratchets"), c.In.Bool("enforce_ratchets"))
		if ok != c.Valid {
			t.Fatalf("opened is %v, want %v (%s)", ok, c.Valid, c.Reason)
		}
		if !c.Valid {
			if plaintext != nil || !used.IsZero() {
				t.Fatalf("failed, but gave %x and ratchet %s", plaintext, used)
			}
			return
		}
		c.Out.CheckBytes("plaintext", plaintext)
		if used.IsZero() {
			c.Out.CheckBytes("ratchet_id", nil)
		} else {
			c.Out.CheckBytes("ratchet_id", used[:])
		}
		if !c.In.Has("encrypted_with") {
			return
		}
		with := c.In.Object("encrypted_with")
		var ratchet []byte
		for _, key := range with.Keys() {
			if key == "ratchet_public" {
				ratchet = with.Bytes(key)
			}
		}
		rand := io.MultiReader(bytes.NewReader(with.Bytes("ephemeral_private")), bytes.NewReader(with.Bytes("iv")))
		again, err := id.Encrypt(rand, plaintext, ratchet)
		if err != nil {
			t.Fatal(err)
		}
		c.In.CheckBytes("token", again)
	})
}

// TestVectorsDestinations holds C-028.
func TestVectorsDestinations(t *testing.T) {
	vectors.Run(t, "destinations", func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "name":
			app, aspects := c.In.Text("app_name"), c.In.Texts("aspects")
			if err := rns.CheckName(app, aspects...); (err == nil) != c.Valid {
				t.Fatalf("error is %v, valid is %v", err, c.Valid)
			}
			if !c.Valid {
				return
			}
			name, hash := rns.HashName(app, aspects...), rns.HashDestination(nil, app, aspects...)
			if got, want := rns.FullName(app, aspects...), c.Out.Text("full_name"); got != want {
				t.Fatalf("full name %q, want %q", got, want)
			}
			c.Out.CheckBytes("name_hash", name[:])
			c.Out.CheckBytes("hash_without_identity", hash[:])
		case "destination":
			checkDestination(t, c)
		case "from_name":
			app, aspects := rns.SplitName(c.In.Text("full_name"))
			id := rns.IdentityHash(c.In.Hash16("identity_hash"))
			hash := rns.HashDestination(&id, app, aspects...)
			if want := c.Out.Text("app_name"); app != want {
				t.Fatalf("app name %q, want %q", app, want)
			}
			got, _ := json.Marshal(aspects)
			want, _ := json.Marshal(c.Out.Texts("aspects"))
			if !bytes.Equal(got, want) {
				t.Fatalf("aspects %s, want %s", got, want)
			}
			c.Out.CheckBytes("hash", hash[:])
		case "hash_material":
			id, err := rns.IdentityHashFromBytes(c.In.Bytes("identity_hash"))
			if (err == nil) != c.Valid {
				t.Fatalf("error is %v, valid is %v", err, c.Valid)
			}
			if c.Valid {
				hash := rns.HashDestination(&id, c.In.Text("app_name"), c.In.Texts("aspects")...)
				c.Out.CheckBytes("hash", hash[:])
			}
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

// destinationType finds a type by its name in the vectors.
func destinationType(t *testing.T, name string) rns.DestinationType {
	t.Helper()
	for typ := rns.DestinationSingle; typ <= rns.DestinationLink; typ++ {
		if typ.String() == name {
			return typ
		}
	}
	t.Fatalf("unknown destination type %q", name)
	return 0
}

func packetType(t *testing.T, name string) rns.PacketType {
	t.Helper()
	for typ := rns.PacketData; typ <= rns.PacketProof; typ++ {
		if typ.String() == name {
			return typ
		}
	}
	t.Fatalf("unknown packet type %q", name)
	return 0
}

func checkDestination(t *testing.T, c vectors.Case) {
	t.Helper()
	app, aspects := c.In.Text("app_name"), c.In.Texts("aspects")
	var id *rns.PublicIdentity
	if c.In.Has("public_key") {
		id = publicIdentity(t, c.In.Bytes("public_key"))
	}
	if c.In.Has("generated_private_key") {
		id = loadIdentity(t, c.In.Bytes("generated_private_key")).PublicIdentity
		aspects = append(aspects, id.Hash().String())
		c.Out.CheckBytes("public_key", id.PublicKey())
	}
	hash, err := rns.DestinationAddress(destinationType(t, c.In.Text("type")), id, app, aspects...)
	if (err == nil) != c.Valid {
		t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
	}
	if !c.Valid {
		return
	}
	full := rns.FullName(app, aspects...)
	if id != nil {
		full += "." + id.Hash().String()
	}
	if want := c.Out.Text("name"); full != want {
		t.Fatalf("name %q, want %q", full, want)
	}
	name := rns.HashName(app, aspects...)
	c.Out.CheckBytes("name_hash", name[:])
	c.Out.CheckBytes("hash", hash[:])
	if got, want := hash.String(), c.Out.Text("hexhash"); got != want {
		t.Fatalf("hex hash %s, want %s", got, want)
	}
}

// TestVectorsTunnel: C-154.
func TestVectorsTunnel(t *testing.T) {
	vectors.Run(t, "tunnel", func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "synthesize":
			id := loadIdentity(t, c.In.Bytes("transport_private_key"))
			on := rns.HashInterface(c.In.Text("interface_name"))
			random := rns.TruncatedHash(c.In.Hash16("random_hash"))
			p := rns.TunnelSynthesisOf(id, on, random)
			signed := len(p.Data) - rns.SignatureLength
			c.Out.CheckBytes("interface_hash", on[:])
			c.Out.CheckBytes("public_key", id.PublicKey())
			c.Out.CheckBytes("signed_data", p.Data[:signed])
			c.Out.CheckBytes("signature", p.Data[signed:])
			c.Out.CheckBytes("data", p.Data)
			c.Out.CheckBytes("destination_hash", p.Destination[:])
			c.Out.CheckBytes("raw", p.Append(nil))
			s, err := rns.ParseTunnelSynthesis(p.Data)
			if err != nil {
				t.Fatal(err)
			}
			tunnel := s.ID()
			c.Out.CheckBytes("tunnel_id", tunnel[:])
			if s.Interface != on || s.Random != random || !s.Identity.Equal(id.PublicIdentity) {
				t.Fatalf("read back as %+v", s)
			}
		case "synthesize_data":
			s, err := rns.ParseTunnelSynthesis(c.In.Bytes("data"))
			if (err == nil) != c.Valid {
				t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
			}
			if c.Valid {
				tunnel := s.ID()
				c.Out.CheckBytes("tunnel_id", tunnel[:])
			}
		default:
			t.Fatalf("unknown kind %q", c.Kind)
		}
	})
}

// TestVectorsLinkSignalling holds L-004, L-005.
func TestVectorsLinkSignalling(t *testing.T) {
	vectors.RunKinds(t, "links", []string{"signalling"}, func(t *testing.T, c vectors.Case) {
		mtu, mode := c.In.Int("mtu"), rns.LinkMode(c.In.Int("mode"))
		got, err := rns.Signalling(mtu, mode)
		if (err == nil) != c.Valid {
			t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
		}
		if !c.Valid {
			return
		}
		c.Out.CheckBytes("signalling", got[:])
		if got, want := rns.LinkMDU(mtu), c.Out.Int("mdu"); got != want {
			t.Fatalf("MDU %d, want %d", got, want)
		}
		if m, k, ok := rns.ParseSignalling(got[:]); m != mtu || k != mode || !ok {
			t.Fatalf("read back as %d, %d, %v", m, k, ok)
		}
	})
}

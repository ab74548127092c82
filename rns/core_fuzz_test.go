package rns_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns"
)

// seedPackets adds every packet of the vectors that stands in a field named raw.
func seedPackets(f *testing.F, areas ...string) {
	for _, area := range areas {
		for _, c := range vectors.Load(f, area) {
			for _, o := range []vectors.Object{c.In, c.Out} {
				if o.Has("raw") {
					f.Add(o.Bytes("raw"))
				}
			}
		}
	}
}

func FuzzParsePacket(f *testing.F) {
	seedPackets(f, "packets", "packet_hashes", "announces", "path_requests")
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := rns.ParsePacket(raw)
		if err != nil {
			return
		}
		want := bytes.Clone(raw)
		want[0] &= 0x7f
		if got := p.Append(nil); !bytes.Equal(got, want) || p.Size() != len(raw) {
			t.Fatalf("%x packs as %x", raw, got)
		}
		hash := p.Hash()
		for _, o := range []rns.Packet{p.Originate(3, [16]byte{1}), p.Forward(p.Hops+1, 2, [16]byte{2}), p.Forward(p.Hops+1, 1, [16]byte{3}), p.RelayedAnnounce(rns.IdentityHash{4}, 5, p.Context)} {
			if o.Hash() != hash {
				t.Fatalf("the hash of %x changed on the way", raw)
			}
		}
		id, ok := p.LinkID()
		if !ok {
			return
		}
		if data, err := rns.ClampLinkRequest(p.Data, 1064, 600); err == nil {
			p.Data = data
			if after, _ := p.LinkID(); after != id {
				t.Fatalf("the link id of %x changed on the way", raw)
			}
		}
	})
}

func FuzzParseAnnounce(f *testing.F) {
	seedPackets(f, "announces")
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := rns.ParsePacket(raw)
		if err != nil {
			return
		}
		a, err := rns.ParseAnnounce(&p)
		if err != nil {
			return
		}
		size := len(a.Identity.PublicKey()) + len(a.Name) + len(a.Random) + len(a.Ratchet) + len(a.Signature) + len(a.AppData)
		if size != len(p.Data) {
			t.Fatalf("fields of %d bytes from %d", size, len(p.Data))
		}
		_ = a.Validate(rns.AnnounceChecks{})
	})
}

func FuzzDecrypt(f *testing.F) {
	for _, c := range vectors.Load(f, "identity_encryption") {
		f.Add(c.In.Bytes("private_key"), c.In.Bytes("token"))
	}
	f.Fuzz(func(t *testing.T, private, sealed []byte) {
		id, err := rns.LoadIdentity(private)
		if err != nil {
			return
		}
		if plaintext, _, ok := id.Decrypt(sealed, [][]byte{private[:32], nil}, false); ok && len(plaintext)+80 > len(sealed) {
			t.Fatal("more plaintext than token")
		}
	})
}

func FuzzParseTunnelSynthesis(f *testing.F) {
	for _, c := range vectors.Load(f, "tunnel") {
		if c.Kind == "synthesize_data" {
			f.Add(c.In.Bytes("data"))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := rns.ParseTunnelSynthesis(data); err == nil && !bytes.HasPrefix(data, s.Identity.PublicKey()) {
			t.Fatal("another identity")
		}
	})
}

func FuzzParseOwnRatchets(f *testing.F) {
	id := knownIdentity(f)
	f.Add(rns.PackOwnRatchets(id, []rns.OwnRatchet{{Private: [32]byte{1}, Created: time.Unix(1700000000, 0)}}))
	f.Add(rns.PackOwnRatchets(id, nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		if list, err := rns.ParseOwnRatchets(id.PublicIdentity, file); err == nil && len(list)*32 > len(file) {
			t.Fatal("more ratchets than bytes")
		}
	})
}

func FuzzParseSignalling(f *testing.F) {
	f.Add([]byte{0x20, 0x01, 0xf4})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		mtu, mode, ok := rns.ParseSignalling(b)
		if !ok || !mode.Enabled() || len(b) == 0 {
			return
		}
		again, err := rns.Signalling(mtu, mode)
		if err != nil {
			t.Fatal(err)
		}
		if m, k, ok := rns.ParseSignalling(again[:]); m != mtu || k != mode || !ok {
			t.Fatalf("%x: %d, %d", b, mtu, mode)
		}
	})
}

func benchmarkAnnounce(b *testing.B) []byte {
	b.Helper()
	random, err := rns.NewRandomField(rand.Reader, time.Unix(1700000000, 0))
	if err != nil {
		b.Fatal(err)
	}
	p, err := rns.NewAnnounce(rns.AnnounceContent{
		Identity: knownIdentity(b), Name: rns.HashName("lxmf", "delivery"), Random: random,
		Ratchet: make([]byte, rns.RatchetLength), AppData: make([]byte, 20),
	})
	if err != nil {
		b.Fatal(err)
	}
	return p.Append(nil)
}

func BenchmarkParsePacket(b *testing.B) {
	raw := benchmarkAnnounce(b)
	b.ReportAllocs()
	for b.Loop() {
		p, err := rns.ParsePacket(raw)
		if err != nil {
			b.Fatal(err)
		}
		if p.Hash().IsZero() {
			b.Fatal("no hash")
		}
	}
}

func BenchmarkVerifyAnnounce(b *testing.B) {
	raw := benchmarkAnnounce(b)
	b.ReportAllocs()
	for b.Loop() {
		p, err := rns.ParsePacket(raw)
		if err != nil {
			b.Fatal(err)
		}
		a, err := rns.ParseAnnounce(&p)
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Validate(rns.AnnounceChecks{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncryptAndDecrypt(b *testing.B) {
	id := knownIdentity(b)
	plaintext := make([]byte, rns.EncryptedMDU)
	b.ReportAllocs()
	for b.Loop() {
		sealed, err := id.Encrypt(rand.Reader, plaintext, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, ok := id.Decrypt(sealed, nil, false); !ok {
			b.Fatal("not opened")
		}
	}
}

func FuzzBlackholeList(f *testing.F) {
	f.Add([]byte(rns.PackBlackholes([]rns.Blackhole{{Identity: rns.IdentityHash{1}, Source: rns.IdentityHash{2}, Until: time.Unix(1e9, 0), Reason: "spam"}, {}})))
	f.Add([]byte{0x81, 0xc4, 0x10})
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := rns.ParseBlackholes(data)
		if err != nil {
			return
		}
		again, err := rns.ParseBlackholes(rns.PackBlackholes(list))
		if err != nil || len(again) > len(list) {
			t.Fatalf("%d entries, then %d: %v", len(list), len(again), err)
		}
	})
}

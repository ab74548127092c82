package x25519_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"testing"

	"groupd/rns/internal/x25519"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newKey(t testing.TB, private []byte) *x25519.PrivateKey {
	t.Helper()
	k, err := x25519.NewPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The vectors of RFC 7748, section 5.2; the second has the highest bit of the public key set, which does not count.
func TestAgreementsAreThoseOfTheRFC(t *testing.T) {
	for _, c := range []struct{ private, public, shared string }{
		{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
			"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d", "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
			"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	} {
		got, err := newKey(t, unhex(t, c.private)).Agree(unhex(t, c.public))
		if err != nil || hex.EncodeToString(got) != c.shared {
			t.Errorf("%x, %v, want %s", got, err, c.shared)
		}
	}
}

// A thousand agreements, each with what came of the one before, as in section 5.2.
func TestAThousandAgreementsInARow(t *testing.T) {
	k := append([]byte{9}, make([]byte, 31)...)
	u := bytes.Clone(k)
	for range 1000 {
		shared, err := newKey(t, k).Agree(u)
		if err != nil {
			t.Fatal(err)
		}
		k, u = shared, k
	}
	if want := "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"; hex.EncodeToString(k) != want {
		t.Errorf("%x, want %s", k, want)
	}
}

// compare checks one private and one public key against the standard library.
func compare(t *testing.T, private, public []byte) {
	theirs, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	ours := newKey(t, private)
	if !bytes.Equal(ours.PublicKey(), theirs.PublicKey().Bytes()) || !bytes.Equal(ours.Bytes(), private) {
		t.Errorf("private key %x: public key %x, want %x", private, ours.PublicKey(), theirs.PublicKey().Bytes())
	}
	peer, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	want, refused := theirs.ECDH(peer)
	got, err := ours.Agree(public)
	if !bytes.Equal(got, want) || (err == nil) != (refused == nil) || err != nil && !errors.Is(err, x25519.ErrLowOrder) {
		t.Errorf("private key %x, public key %x: %x, %v, want %x, %v", private, public, got, err, want, refused)
	}
}

func TestKeysAndAgreementsAreThoseOfTheStandardLibrary(t *testing.T) {
	// Points of low order, numbers not below the prime, the base point, and the edges of the private keys.
	special := [][]byte{
		make([]byte, 32), append([]byte{1}, make([]byte, 31)...), append([]byte{9}, make([]byte, 31)...), bytes.Repeat([]byte{0xff}, 32),
		unhex(t, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"), unhex(t, "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
		unhex(t, "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), unhex(t, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		unhex(t, "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), unhex(t, "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
	}
	for _, private := range special {
		for _, public := range special {
			compare(t, private, public)
		}
	}
	for range 200 {
		both := make([]byte, 64)
		rand.Read(both)
		compare(t, both[:32], both[32:])
	}
}

func TestKeysOfOtherLengthsAreRefused(t *testing.T) {
	k := newKey(t, make([]byte, 32))
	for _, n := range []int{0, 31, 33} {
		if _, err := x25519.NewPrivateKey(make([]byte, n)); !errors.Is(err, x25519.ErrKey) {
			t.Errorf("private key of %d bytes: %v", n, err)
		}
		if _, err := k.Agree(make([]byte, n)); !errors.Is(err, x25519.ErrKey) {
			t.Errorf("public key of %d bytes: %v", n, err)
		}
	}
}

func FuzzKeysAndAgreements(f *testing.F) {
	f.Add(make([]byte, 32), make([]byte, 32))
	f.Fuzz(func(t *testing.T, private, public []byte) {
		if len(private) == x25519.KeyLength && len(public) == x25519.KeyLength {
			compare(t, private, public)
		}
	})
}

func BenchmarkNewPrivateKey(b *testing.B) {
	seed := bytes.Repeat([]byte{7}, 32)
	for b.Loop() {
		newKey(b, seed)
	}
}

func BenchmarkAgree(b *testing.B) {
	k := newKey(b, bytes.Repeat([]byte{7}, 32))
	public := newKey(b, bytes.Repeat([]byte{8}, 32)).PublicKey()
	for b.Loop() {
		if _, err := k.Agree(public); err != nil {
			b.Fatal(err)
		}
	}
}

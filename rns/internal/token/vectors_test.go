package token_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns/internal/token"
)

// TestVectorsHKDF holds C-004, C-005, C-006.
func TestVectorsHKDF(t *testing.T) {
	vectors.Run(t, "hkdf", func(t *testing.T, c vectors.Case) {
		got, err := token.HKDF(c.In.Int("length"), c.In.Bytes("ikm"), c.In.Bytes("salt"), c.In.Bytes("context"))
		if (err == nil) != c.Valid {
			t.Fatalf("error is %v, valid is %v (%s)", err, c.Valid, c.Reason)
		}
		if c.Valid {
			c.Out.CheckBytes("okm", got)
		}
	})
}

// TestVectorsToken holds C-007.
func TestVectorsToken(t *testing.T) {
	vectors.RunKinds(t, "token", []string{"encrypt_256", "encrypt_128"}, func(t *testing.T, c vectors.Case) {
		key, err := token.NewKey(c.In.Bytes("key"))
		if err != nil {
			t.Fatal(err)
		}
		plaintext := c.In.Bytes("plaintext")
		sealed, err := key.Seal([]byte("head"), bytes.NewReader(c.In.Bytes("iv")), plaintext)
		if err != nil {
			t.Fatal(err)
		}
		if string(sealed[:4]) != "head" {
			t.Fatal("what was there before is gone")
		}
		sealed = sealed[4:]
		c.Out.CheckBytes("token", sealed)
		if len(sealed) != token.SealedSize(len(plaintext)) {
			t.Fatalf("%d bytes, SealedSize says %d", len(sealed), token.SealedSize(len(plaintext)))
		}
		half := len(c.In.Bytes("key")) / 2
		c.Out.CheckBytes("signing_key", c.In.Bytes("key")[:half])
		c.Out.CheckBytes("encryption_key", c.In.Bytes("key")[half:])
		c.Out.CheckBytes("ciphertext", sealed[token.IVLength:len(sealed)-token.MACLength])
		c.Out.CheckBytes("hmac", sealed[len(sealed)-token.MACLength:])
		c.Out.CheckBytes("padded", padded(t, plaintext))
		back, ok := key.Open(sealed)
		if !ok || !bytes.Equal(back, plaintext) {
			t.Fatalf("opened to %x, %v", back, ok)
		}
		if back, ok = key.OpenInPlace(sealed); !ok || !bytes.Equal(back, plaintext) {
			t.Fatalf("opened in place to %x, %v", back, ok)
		}
	})
}

// TestVectorsTokenDecrypt holds C-007, C-009, C-010.
func TestVectorsTokenDecrypt(t *testing.T) {
	vectors.RunKinds(t, "token", []string{"decrypt"}, func(t *testing.T, c vectors.Case) {
		key, err := token.NewKey(c.In.Bytes("key"))
		if err != nil {
			t.Fatal(err)
		}
		plaintext, ok := key.Open(c.In.Bytes("token"))
		if ok != c.Valid {
			t.Fatalf("opened is %v, want %v (%s)", ok, c.Valid, c.Reason)
		}
		if c.Valid {
			c.Out.CheckBytes("plaintext", plaintext)
		}
	})
}

// TestVectorsTokenKey holds C-008.
func TestVectorsTokenKey(t *testing.T) {
	vectors.RunKinds(t, "token", []string{"key"}, func(t *testing.T, c vectors.Case) {
		if _, err := token.NewKey(c.In.Bytes("key")); (err == nil) != c.Valid {
			t.Fatalf("error is %v, valid is %v", err, c.Valid)
		}
	})
}

func TestVectorsTokenPadding(t *testing.T) {
	vectors.RunKinds(t, "token", []string{"padding"}, func(t *testing.T, c vectors.Case) {
		c.Out.CheckBytes("padded", padded(t, c.In.Bytes("data")))
	})
}

// padded returns what is encrypted for a plaintext: the token decrypted block by block.
func padded(t *testing.T, plaintext []byte) []byte {
	t.Helper()
	raw := bytes.Repeat([]byte{7}, token.KeyLength256)
	key, err := token.NewKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := key.Seal(nil, bytes.NewReader(raw), plaintext)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(raw[:token.KeyLength256/2])
	if err != nil {
		t.Fatal(err)
	}
	out := sealed[token.IVLength : len(sealed)-token.MACLength]
	cipher.NewCBCDecrypter(block, sealed[:token.IVLength]).CryptBlocks(out, out)
	return out
}

func TestSealFailsWithItsRandomness(t *testing.T) {
	t.Parallel()
	key, err := token.NewKey(make([]byte, token.KeyLength256))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Seal(nil, bytes.NewReader(make([]byte, 15)), []byte("x")); err == nil {
		t.Fatal("sealed with 15 bytes of randomness")
	}
}

func FuzzOpen(f *testing.F) {
	for _, c := range vectors.Load(f, "token") {
		if c.Kind == "decrypt" {
			f.Add(c.In.Bytes("key"), c.In.Bytes("token"))
		}
	}
	f.Fuzz(func(t *testing.T, raw, sealed []byte) {
		key, err := token.NewKey(raw)
		if err != nil {
			return
		}
		plaintext, ok := key.Open(sealed)
		if ok && len(plaintext)+token.Overhead > len(sealed) {
			t.Fatal("more plaintext than token")
		}
		if again, opened := key.OpenInPlace(bytes.Clone(sealed)); opened != ok || !bytes.Equal(again, plaintext) {
			t.Fatalf("in place %x, %v, want %x, %v", again, opened, plaintext, ok)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	key, err := token.NewKey(make([]byte, token.KeyLength256))
	if err != nil {
		b.Fatal(err)
	}
	plaintext, iv := make([]byte, 431), make([]byte, token.IVLength)
	dst := make([]byte, 0, token.SealedSize(len(plaintext)))
	rand := bytes.NewReader(iv)
	b.ReportAllocs()
	b.SetBytes(int64(len(plaintext)))
	for b.Loop() {
		rand.Reset(iv)
		if _, err := key.Seal(dst, rand, plaintext); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	key, err := token.NewKey(make([]byte, token.KeyLength256))
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := key.Seal(nil, bytes.NewReader(make([]byte, token.IVLength)), make([]byte, 431))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(431)
	for b.Loop() {
		if _, ok := key.Open(sealed); !ok {
			b.Fatal("not opened")
		}
	}
}

package rns_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"groupd/rns"
	"groupd/rns/rnstest"
)

func piecewise(p *rns.PublicIdentity, message, signature []byte) bool {
	v := p.NewVerifier(signature)
	for len(message) > 0 {
		n := min(7, len(message))
		_, _ = v.Write(message[:n])
		message = message[n:]
	}
	return v.Valid()
}

func TestASignatureIsCheckedPieceByPiece(t *testing.T) {
	t.Parallel()
	id := rnstest.Identity(t, 1)
	for size := range 200 {
		message := bytes.Repeat([]byte{byte(size)}, size)
		signature := id.Sign(message)
		if !piecewise(id.Public(), message, signature) {
			t.Errorf("a good signature of %d bytes is refused", size)
		}
		if piecewise(id.Public(), append(message, 0), signature) || piecewise(rnstest.Identity(t, 2).Public(), message, signature) {
			t.Errorf("a wrong signature of %d bytes is taken", size)
		}
		if size < ed25519.SignatureSize && piecewise(id.Public(), message, signature[:size]) {
			t.Errorf("a signature cut to %d bytes is taken", size)
		}
	}
}

// FuzzVerifier: piece by piece and at once are the same, whatever key and signature.
func FuzzVerifier(f *testing.F) {
	id := rnstest.Identity(f, 1)
	full := id.Sign([]byte("message"))
	f.Add(id.Public().PublicKey(), []byte("message"), full)
	f.Add(id.Public().PublicKey(), []byte("massage"), full)
	// S that is not reduced, and points of low order.
	f.Add(id.Public().PublicKey(), []byte("message"), append(bytes.Clone(full[:32]), bytes.Repeat([]byte{0xff}, 32)...))
	low := make([]byte, 64)
	low[32] = 1
	f.Add(low, []byte("x"), append(bytes.Clone(low[32:]), make([]byte, 32)...))
	f.Add(make([]byte, 64), []byte{}, make([]byte, 64))
	f.Fuzz(func(t *testing.T, public, message, signature []byte) {
		p, err := rns.NewPublicIdentity(public)
		if err != nil {
			return
		}
		if got, want := piecewise(p, message, signature), p.Verify(message, signature); got != want {
			t.Errorf("piece by piece %v, at once %v", got, want)
		}
	})
}

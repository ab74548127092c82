package ifac_test

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns"
	"groupd/rns/internal/ifac"
)

func newCode(t testing.TB, o vectors.Object, size int) *ifac.Code {
	t.Helper()
	name, passphrase := o.Text("network_name"), o.Text("passphrase")
	if name == "" && passphrase == "" {
		return nil
	}
	c, err := ifac.New(name, passphrase, size)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// I-018, I-019.
//
// It holds C-075.
func TestVectorsIFACKey(t *testing.T) {
	vectors.RunKinds(t, "ifac", []string{"key"}, func(t *testing.T, c vectors.Case) {
		code := newCode(t, c.In, ifac.MaxSize)
		var origin []byte
		for _, part := range []string{c.In.Text("network_name"), c.In.Text("passphrase")} {
			if part != "" {
				sum := sha256.Sum256([]byte(part))
				origin = append(origin, sum[:]...)
			}
		}
		hash := sha256.Sum256(origin)
		c.Out.CheckBytes("origin", origin)
		c.Out.CheckBytes("origin_hash", hash[:])
		c.Out.CheckBytes("ifac_key", code.Key())
		id, err := rns.LoadIdentity(code.Key())
		if err != nil {
			t.Fatal(err)
		}
		identity := id.Hash()
		c.Out.CheckBytes("identity_public_key", id.PublicKey())
		c.Out.CheckBytes("identity_hash", identity[:])
		key := sha256.Sum256(code.Key())
		c.Out.CheckBytes("ifac_signature", code.Sign(key[:]))
	})
}

// I-020.
//
// It holds C-076.
func TestVectorsIFACMask(t *testing.T) {
	vectors.RunKinds(t, "ifac", []string{"mask"}, func(t *testing.T, c vectors.Case) {
		code := newCode(t, c.In, c.In.Int("size"))
		c.In.CheckBytes("ifac_key", code.Key())
		raw := c.In.Bytes("raw")
		c.Out.CheckBytes("code", code.Sign(raw))
		mask, err := code.MaskBytes(code.Sign(raw), len(raw)+code.Size())
		if err != nil {
			t.Fatal(err)
		}
		c.Out.CheckBytes("mask", mask)
		frame := code.Mask(raw)
		c.Out.CheckBytes("masked", frame)
		back, ok := code.Unmask(frame)
		if !ok || !bytes.Equal(back, raw) {
			t.Fatalf("unmasked to %x, %v", back, ok)
		}
	})
}

// I-020, I-022.
//
// It holds C-077, C-078, C-079.
func TestVectorsIFACUnmask(t *testing.T) {
	vectors.RunKinds(t, "ifac", []string{"unmask"}, func(t *testing.T, c vectors.Case) {
		packet, ok := newCode(t, c.In, c.In.Int("size")).Unmask(c.In.Bytes("received"))
		if ok != c.Valid {
			t.Fatalf("accepted is %v, want %v (%s)", ok, c.Valid, c.Reason)
		}
		if c.Valid {
			c.Out.CheckBytes("raw", packet)
		}
	})
}

// I-022.
//
// It holds C-080.
func TestAnyFlippedBitDropsTheFrame(t *testing.T) {
	t.Parallel()
	code, err := ifac.New("net", "pass", 8)
	if err != nil {
		t.Fatal(err)
	}
	frame := code.Mask(bytes.Repeat([]byte{0x05}, 40))
	for i := range 8 * len(frame) {
		broken := bytes.Clone(frame)
		broken[i/8] ^= 1 << (i % 8)
		if _, ok := code.Unmask(broken); ok {
			t.Fatalf("bit %d: accepted", i)
		}
	}
}

// I-023.
//
// It holds C-084.
func TestLargePacketsAreMaskedBeyondTheCommonLimitOfTheDerivation(t *testing.T) {
	t.Parallel()
	code, err := ifac.New("net", "", 16)
	if err != nil {
		t.Fatal(err)
	}
	packet := bytes.Repeat([]byte{0x2a}, 262144)
	back, ok := code.Unmask(code.Mask(packet))
	if !ok || !bytes.Equal(back, packet) {
		t.Fatal("a packet of 256 KiB does not come back")
	}
}

func TestAnOpenInterfacePassesPacketsUnchanged(t *testing.T) {
	t.Parallel()
	var open *ifac.Code
	packet := []byte{0x08, 0, 1}
	if got := open.Mask(packet); !bytes.Equal(got, packet) || open.Size() != 0 {
		t.Fatalf("masked to %x", got)
	}
	if got, ok := open.Unmask(packet); !ok || !bytes.Equal(got, packet) {
		t.Fatalf("unmasked to %x, %v", got, ok)
	}
}

func TestBadAccessCodeSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct {
		name, pass string
		size       int
	}{{"", "", 16}, {"n", "p", 0}, {"n", "p", 65}, {"n", "p", -1}} {
		if _, err := ifac.New(bad.name, bad.pass, bad.size); err == nil {
			t.Errorf("%+v: accepted", bad)
		}
	}
}

func FuzzUnmask(f *testing.F) {
	for _, c := range vectors.Load(f, "ifac") {
		if c.Kind == "unmask" {
			f.Add(c.In.Bytes("received"))
		}
	}
	code, err := ifac.New("island", "fjord", 16)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		packet, ok := code.Unmask(frame)
		if ok && !bytes.Equal(code.Mask(packet), frame) {
			t.Fatalf("%x came from another frame", packet)
		}
		if len(packet) > len(frame) {
			t.Fatal("longer than the frame")
		}
	})
}

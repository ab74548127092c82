package lxmf_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// TestTheNamesOfTheSpecification holds.
func TestTheNamesOfTheSpecification(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		id             *rns.Identity
		hash, delivery string
	}{
		{alice(t), "2b44abc9dbb9b093635c2a139eacd2f8", "0209e1c8cfd767110974d7d4df6c7da0"},
		{bob(t), "26880d4bdb56f975a17d93909283dabb", "1b916421a37b3e065c49912ceb0575f8"},
	} {
		p := c.id.Public()
		if p.Hash().String() != c.hash || lxmf.DeliveryHash(p).String() != c.delivery {
			t.Errorf("%s has the address %s", p.Hash(), lxmf.DeliveryHash(p))
		}
	}
	id := alice(t).Public().Hash()
	for want, name := range map[string][]string{
		"e111d9cb1ecff0443fca5e4ed0b3d589": {"lxmf", "propagation"}, "5c7509ef33017900a2b2e0c8300eea61": {"nomadnetwork", "node"},
	} {
		if got := rns.HashDestination(&id, name[0], name[1:]...).String(); got != want {
			t.Errorf("%v: %s", name, got)
		}
	}
	for want, name := range map[string][]string{
		"6ec60bc318e2c0f0d908": {"lxmf", "delivery"}, "e03a09b77ac21b22258e": {"lxmf", "propagation"},
		"4576672b3f55049c2e46": {"lxmf", "propagation", "control"}, "213e6311bcec54ab4fde": {"nomadnetwork", "node"},
		"db370f50a7f92e5e51f6": {"call", "audio"}, "d11f60fdef3493ff0588": {"lxst", "telephony"}, "ac9fd3a81e4036f86e1d": {"rrc", "hub"},
	} {
		got := rns.HashName(name[0], name[1:]...)
		if hex.EncodeToString(got[:]) != want {
			t.Errorf("%v: %x", name, got)
		}
	}
}

// TestHowAPayloadIsWritten holds.
func TestHowAPayloadIsWritten(t *testing.T) {
	t.Parallel()
	m := packed(t, alice(t), lxmf.Draft{Timestamp: 3})
	if want := []byte{0x94, 0xcb, 0x40, 8, 0, 0, 0, 0, 0, 0, 0xc4, 0, 0xc4, 0, 0x80}; !bytes.Equal(m.Payload(), want) {
		t.Errorf("an empty message is %x, want %x", m.Payload(), want)
	}
	var f lxmf.Fields
	f.Set(0x80, msgpack.Int(200))
	f.Set(1, msgpack.Bin(make([]byte, 256)))
	f.Set(0x7f, msgpack.Int(-33))
	m = packed(t, alice(t), lxmf.Draft{Destination: rns.DestinationHash{1}, Title: []byte("a"), Content: []byte("b"), Fields: f})
	want := append([]byte{0xc4, 1, 'a', 0xc4, 1, 'b', 0x83, 0xcc, 0x80, 0xcc, 200, 1, 0xc5, 1, 0}, make([]byte, 256)...)
	want = append(want, 0x7f, 0xd0, 0xdf)
	if !bytes.Equal(m.Payload()[10:], want) {
		t.Errorf("title, content and fields are %x, want %x", m.Payload()[10:], want)
	}
	hashed := slices.Concat(m.Destination[:], m.Source[:], m.Payload())
	id := sha256.Sum256(hashed)
	if m.ID() != id || !bytes.Equal(m.SignedPart(), append(hashed, id[:]...)) {
		t.Error("id or signed part is over other bytes")
	}
}

// signed signs a payload as it stands; with a stamp, id and signature are over the payload given as signedAs.
func signed(t *testing.T, payload, signedAs []byte) []byte {
	t.Helper()
	source := lxmf.DeliveryHash(alice(t).Public())
	destination := lxmf.DeliveryHash(bob(t).Public())
	hashed := slices.Concat(destination[:], source[:], signedAs)
	id := sha256.Sum256(hashed)
	return slices.Concat(destination[:], source[:], alice(t).Sign(append(hashed, id[:]...)), payload)
}

// TestWhatOthersWriteIsRead holds, from memory and from disk.
func TestWhatOthersWriteIsRead(t *testing.T) {
	t.Parallel()
	bin := func(s string) []byte { return msgpack.Bin([]byte(s)) }
	text := slices.Concat(bin("t"), bin("c"))
	time64 := []byte{0xcb, 0x40, 8, 0, 0, 0, 0, 0, 0}
	array := func(n byte, parts ...[]byte) []byte { return append([]byte{0x90 | n}, slices.Concat(parts...)...) }
	plain := array(4, time64, text, []byte{0x80})
	stamp := bin("stamp")
	for name, c := range map[string]struct {
		payload, signedAs []byte
		parsed, verified  bool
	}{
		"as it should be":                    {plain, plain, true, true},
		"X-012 timestamp of 32 bits":         {array(4, []byte{0xca, 0x40, 0x40, 0, 0}, text, []byte{0x80}), nil, true, true},
		"X-013 integer in nine bytes":        {array(4, []byte{0xcf, 0, 0, 0, 0, 0, 0, 0, 3}, text, []byte{0x80}), nil, true, true},
		"X-014 stamped, not canonical":       {array(5, []byte{0xca, 0x40, 0x40, 0, 0}, text, []byte{0xde, 0, 0}, stamp), plain, true, true},
		"X-014 the same, signed as it is":    {array(5, []byte{0xca, 0x40, 0x40, 0, 0}, text, []byte{0xde, 0, 0}, stamp), array(4, []byte{0xca, 0x40, 0x40, 0, 0}, text, []byte{0xde, 0, 0}), true, false},
		"X-015 trailing bytes":               {append(bytes.Clone(plain), 9, 9), plain, true, false},
		"X-015 stamped, trailing bytes":      {append(array(5, time64, text, []byte{0x80}, stamp), 9, 9), plain, true, true},
		"X-016 more elements":                {array(7, time64, text, []byte{0x80}, stamp, []byte{1}, bin("x")), plain, true, true},
		"X-017 fields nil":                   {array(4, time64, text, []byte{0xc0}), nil, true, true},
		"X-017 fields a list":                {array(4, time64, text, []byte{0x90}), nil, false, false},
		"X-017 fields a text":                {array(4, time64, text, []byte{0xa1, 'x'}), nil, false, false},
		"X-018 a key twice":                  {array(4, time64, text, []byte{0x82, 1, 1, 1, 1}), nil, false, false},
		"X-018 a key twice, in other widths": {array(4, time64, text, []byte{0x82, 1, 1, 0xcc, 1, 1}), nil, false, false},
		"X-018 a key twice, deeper":          {array(4, time64, text, []byte{0x81, 1, 0x82, 1, 1, 1, 1}), nil, false, false},
		"X-018 a map as key":                 {array(4, time64, text, []byte{0x81, 0x80, 1}), nil, false, false},
		"X-018 text that is not UTF-8":       {array(4, time64, text, []byte{0x81, 1, 0xa1, 0xff}), nil, false, false},
	} {
		if c.signedAs == nil {
			c.signedAs = c.payload
		}
		whole := signed(t, c.payload, c.signedAs)
		for where, read := range map[string]func([]byte) (*lxmf.Message, error){"memory": lxmf.Unpack, "disk": onDisk} {
			m, err := read(whole)
			switch {
			case !c.parsed:
				if !errors.Is(err, lxmf.ErrMalformed) {
					t.Errorf("%s, from %s: %v", name, where, err)
				}
			case err != nil:
				t.Errorf("%s, from %s: %v", name, where, err)
			case m.Verify(alice(t).Public()) != c.verified || string(m.Title) != "t" || string(m.Content) != "c":
				t.Errorf("%s, from %s: verified %v, %q %q", name, where, !c.verified, m.Title, m.Content)
			}
		}
	}
}

// TestFieldsNobodyKnowsSurvive holds: byte for byte, text apart from bytes, at every depth.
func TestFieldsNobodyKnowsSurvive(t *testing.T) {
	t.Parallel()
	raw := msgpack.Raw{0x84,
		0xcd, 0x01, 0x00, 0x92, 0xa1, 'x', 0xc4, 1, 'x', // 256: [text, bytes]
		0xa3, 'k', 'e', 'y', 0xd9, 1, 'y', // a text key, a length in more bytes than needed
		0x40, 0x82, 0, 0xc4, 1, 7, 1, 0x81, 2, 0x81, 3, 0xcc, 4, // maps in maps
		0xc4, 1, 'b', 0xd4, 5, 6, // bytes as key, an extension
	}
	f, err := lxmf.ParseFields(raw)
	if err != nil {
		t.Fatal(err)
	}
	if f.Len() != 4 || !bytes.Equal(f.Raw(), raw) {
		t.Errorf("read as %x", f.Raw())
	}
	f.Set(lxmf.FieldRenderer, msgpack.Int(1))
	f.Delete(lxmf.FieldRenderer)
	if !bytes.Equal(f.Raw(), raw) {
		t.Errorf("changed and changed back: %x", f.Raw())
	}
	reaction, _ := f.Get(lxmf.FieldReaction)
	inner, err := lxmf.ParseFields(reaction)
	if err != nil || inner.Len() != 2 {
		t.Errorf("the map within: %v", err)
	}
}

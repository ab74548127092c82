package lxmf_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"groupd/lxmf"
	"groupd/rns/msgpack"
)

// TestDataFieldsComeBackAsTheyWereSet: those of programs, in the forms of spec 4 §1.9.
func TestDataFieldsComeBackAsTheyWereSet(t *testing.T) {
	t.Parallel()
	var f, ping lxmf.Fields
	ping.Set(2, msgpack.Array(msgpack.Str("echo")))
	source := bytes.Repeat([]byte{9}, 16)
	icon := msgpack.Array(msgpack.Str("account"), msgpack.Bin([]byte{1, 2, 3}), msgpack.Bin([]byte{4, 5, 6}))
	f.SetEmbeddedMessages([]byte("one"), nil)
	f.SetTelemetry([]byte{0x80})
	f.SetTelemetryStream(lxmf.TelemetryEntry{Source: source, Timestamp: 5, Packed: []byte{0x81}}, lxmf.TelemetryEntry{Icon: icon})
	f.SetCommands(ping, lxmf.Fields{})
	f.SetCustomType("my.type")
	const want = "85" + "0192c4036f6e65c400" + "02c40180" +
		"039294c41009090909090909090909090909090909" + "05c40181c0" + "94c40000c40093a76163636f756e74c403010203c403040506" +
		"099281" + "0291a46563686f" + "80" + "ccfba76d792e74797065"
	if got := hex.EncodeToString(f.Raw()); got != want {
		t.Errorf("packed as\n%s, want\n%s", got, want)
	}
	g, err := lxmf.ParseFields(f.Raw())
	if err != nil {
		t.Fatal(err)
	}
	if got := g.EmbeddedMessages(); len(got) != 2 || string(got[0]) != "one" {
		t.Errorf("messages %q", got)
	}
	if got, ok := g.Telemetry(); !ok || !bytes.Equal(got, []byte{0x80}) {
		t.Errorf("telemetry %x", got)
	}
	if got := g.TelemetryStream(); len(got) != 2 || !bytes.Equal(got[0].Source, source) || got[0].Timestamp != 5 || got[0].Icon != nil ||
		!bytes.Equal(got[1].Icon, icon) {
		t.Errorf("stream %+v", got)
	}
	if got := g.Commands(); len(got) != 2 || !got[0].Has(2) || got[1].Len() != 0 {
		t.Errorf("commands %v", got)
	}
	if got, ok := g.CustomType(); !ok || got != "my.type" {
		t.Errorf("type %q", got)
	}
}

func TestWrongTypesInDataFieldsAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, value := range []msgpack.Raw{msgpack.Nil(), msgpack.Int(1), msgpack.Map(), msgpack.Array(msgpack.Nil()), msgpack.Array(msgpack.Array(msgpack.Nil(), msgpack.Nil(), msgpack.Nil()))} {
		var f lxmf.Fields
		for key := int64(0); key < 256; key++ {
			f.Set(key, value)
		}
		_, telemetry := f.Telemetry()
		_, custom := f.CustomType()
		if f.EmbeddedMessages() != nil || f.TelemetryStream() != nil || f.Commands() != nil || telemetry || custom {
			t.Errorf("%x was read as a field", value)
		}
	}
}

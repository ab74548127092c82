package hdlc_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"groupd/rns/interfaces/hdlc"
)

// framingCase is a case of framing.json.
type framingCase struct {
	id, kind string
	lenient  bool
	payload  []byte
	frame    []byte
	chunks   [][]byte
	readers  map[string][][]byte
}

func vectorCases(t testing.TB) (cases []framingCase) {
	t.Helper()
	dir := os.Getenv("GROUPD_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "testdata", "vectors")
	}
	text, err := os.ReadFile(filepath.Join(dir, "framing.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		ID, Kind string
		Lenient  bool
		In       struct {
			Payload json.RawMessage
			Chunks  []json.RawMessage
		}
		Out json.RawMessage
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	data := func(raw json.RawMessage) []byte {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, v := range list {
		if !strings.HasPrefix(v.Kind, "hdlc_") {
			continue
		}
		c := framingCase{id: v.ID, kind: v.Kind, lenient: v.Lenient}
		switch v.Kind {
		case "hdlc_encode":
			var out struct{ Frame json.RawMessage }
			if err := json.Unmarshal(v.Out, &out); err != nil {
				t.Fatal(err)
			}
			c.payload, c.frame = data(v.In.Payload), data(out.Frame)
		case "hdlc_decode":
			var out map[string][]json.RawMessage
			if err := json.Unmarshal(v.Out, &out); err != nil {
				t.Fatal(err)
			}
			for _, chunk := range v.In.Chunks {
				c.chunks = append(c.chunks, data(chunk))
			}
			c.readers = make(map[string][][]byte)
			for reader, packets := range out {
				c.readers[reader] = [][]byte{}
				for _, p := range packets {
					c.readers[reader] = append(c.readers[reader], data(p))
				}
			}
		default:
			t.Fatalf("%s: unknown kind %s", v.ID, v.Kind)
		}
		cases = append(cases, c)
	}
	if len(cases) == 0 {
		t.Fatal("no hdlc cases")
	}
	return cases
}

func TestVectorsFraming(t *testing.T) {
	for _, c := range vectorCases(t) {
		t.Run(c.id, func(t *testing.T) {
			if c.kind == "hdlc_encode" {
				if got := hdlc.AppendFrame(nil, c.payload); !bytes.Equal(got, c.frame) {
					t.Errorf("frame %x, want %x", got, c.frame)
				}
				return
			}
			// Socket readers must agree byte for byte. Serial readers of the reference toggle at flags, cut long packets and
			// hand on packets of any length; ours does not, on purpose, so it agrees where senders are proper, and on
			// packets that are long enough to be any.
			for reader, limits := range map[string]struct {
				min, max int
				exact    bool
			}{
				"tcp":    {hdlc.MinPacket, 262144 + 16, true},
				"local":  {hdlc.MinPacket, 2 * 262144, true},
				"serial": {hdlc.MinPacket, 564, !c.lenient},
				"pipe":   {hdlc.MinPacket, 1064, !c.lenient},
			} {
				want, ok := c.readers[reader]
				if !ok {
					t.Errorf("no result of the %s reader", reader)
				}
				want = slices.DeleteFunc(want, func(p []byte) bool { return len(p) < hdlc.MinPacket })
				if got := decode(hdlc.NewDecoder(limits.min, limits.max), c.chunks...); limits.exact && !same(got, want) {
					t.Errorf("%s reader: %x, want %x", reader, got, want)
				}
			}
		})
	}
}

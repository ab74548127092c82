package hdlc_test

import (
	"encoding/json"
	"slices"
	"testing"

	"groupd/internal/vectors"
	"groupd/rns/interfaces/hdlc"
)

func TestVectorsHDLCFrames(t *testing.T) {
	vectors.RunKinds(t, "framing", []string{"hdlc_encode"}, func(t *testing.T, c vectors.Case) {
		c.Out.CheckBytes("frame", hdlc.AppendFrame(nil, c.In.Bytes("payload")))
	})
}

// What the reference's socket readers hand on, ours must too, byte for byte.
func TestVectorsHDLCSocketReaders(t *testing.T) {
	vectors.RunKinds(t, "framing", []string{"hdlc_decode"}, func(t *testing.T, c vectors.Case) {
		chunks := c.In.BytesList("chunks")
		c.Out.CheckBytesList("tcp", decode(hdlc.NewDecoder(hdlc.MinPacket, 262144+16), chunks...))
		c.Out.CheckBytesList("local", decode(hdlc.NewDecoder(hdlc.MinPacket, 1<<24), chunks...))
	})
}

// The reference's serial readers toggle at flags, cut long packets and hand on packets of any length. Ours does not, on
// purpose, so it agrees where senders are proper, except for what is too short to be a packet.
func TestVectorsHDLCSerialReaders(t *testing.T) {
	proper := func(c vectors.Case) bool { return c.Kind == "hdlc_decode" && !c.Lenient }
	vectors.RunIf(t, "framing", proper, func(t *testing.T, c vectors.Case) {
		for reader, mtu := range map[string]int{"serial": 564, "pipe": 1064} {
			got := decode(hdlc.NewDecoder(1, mtu), c.In.BytesList("chunks")...)
			var want []json.RawMessage
			if err := json.Unmarshal(c.Out.JSON(reader), &want); err != nil {
				t.Fatal(err)
			}
			if len(got) != len(want) {
				got = slices.DeleteFunc(got, func(p []byte) bool { return len(p) < hdlc.MinPacket })
			}
			c.Out.CheckBytesList(reader, got)
		}
	})
}

package rns

import (
	"bytes"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns/internal/bz2"
)

// TestVectorsChannelEnvelopes holds L-128.
func TestVectorsChannelEnvelopes(t *testing.T) {
	vectors.RunKinds(t, "channels", []string{"envelope"}, func(t *testing.T, c vectors.Case) {
		e := channelEnvelope{uint16(c.In.Int("msgtype")), uint16(c.In.Int("sequence")), c.In.Bytes("data")}
		raw := appendChannelEnvelope(nil, e)
		c.Out.CheckBytes("raw", raw)
		got, err := parseChannelEnvelope(raw)
		if err != nil || got.kind != e.kind || got.sequence != e.sequence || !bytes.Equal(got.data, e.data) {
			t.Errorf("read back %+v, %v", got, err)
		}
	})
}

// benchPair makes both ends of a link with a channel open.
func benchPair(t *testing.T, link vectors.Object, initiatorSeed []byte, responder *Identity) (a, b *bench) {
	t.Helper()
	id, derived, mtu := LinkID(link.Hash16("link_id")), link.Bytes("derived_key"), link.Int("mtu")
	a = benchActive(t, true, id, derived, mtu, nil, nil)
	b = benchActive(t, false, id, derived, mtu, &benchTarget{}, nil)
	for _, end := range []*bench{a, b} {
		end.setSigners(initiatorSeed, responder)
		end.Channel()
		end.settle()
	}
	return a, b
}

// TestVectorsChannelPackets holds L-129, L-130.
func TestVectorsChannelPackets(t *testing.T) {
	vectors.RunKinds(t, "channels", []string{"packet"}, func(t *testing.T, c vectors.Case) {
		responder := loadTestIdentity(t, append(bytes.Repeat([]byte{1}, X25519KeyLength), c.In.Bytes("responder_ed25519_seed")...))
		a, b := benchPair(t, c.In.Object("link"), c.In.Bytes("initiator_ed25519_seed"), responder)
		from, to := a, b
		kind := uint16(c.In.Int("msgtype"))
		if c.Description == "two messages from the responder over a link, each proved by the other end" {
			from, to = b, a
		}
		var got [][]byte
		if err := to.Channel().HandleType(kind, func(data []byte) { got = append(got, data) }); err != nil {
			t.Fatal(err)
		}
		for i, m := range c.In.Objects("messages") {
			want := c.Out.Objects("packets")[i]
			from.rand = bytes.NewReader(m.Bytes("iv"))
			w := &channelSend{kind: kind, data: m.Bytes("data"), done: make(chan error, 1)}
			if err := from.queueChannel(from.now, w); err != nil || <-w.done != nil {
				t.Fatal(err)
			}
			sent := from.take()
			want.CheckBytes("raw", sent[0])
			to.handleRaw(t, sent[0], to.Link.now.on)
			proof := to.take()
			want.CheckBytes("proof", proof[0])
			from.handleRaw(t, proof[0], from.Link.now.on)
			if len(from.channel.ring) != 0 {
				t.Error("the proof was not taken")
			}
			if !bytes.Equal(got[i], m.Bytes("data")) {
				t.Errorf("delivered %x", got[i])
			}
		}
	})
}

// TestVectorsChannelReceive holds L-129, L-131.
func TestVectorsChannelReceive(t *testing.T) {
	vectors.RunKinds(t, "channels", []string{"receive"}, func(t *testing.T, c vectors.Case) {
		b := benchActive(t, false, LinkID{1}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, &benchTarget{}, nil)
		type message struct {
			kind uint16
			data []byte
		}
		var got []message
		for _, kind := range c.In.Ints("registered_msgtypes") {
			if err := b.Channel().HandleType(uint16(kind), func(data []byte) { got = append(got, message{uint16(kind), data}) }); err != nil {
				t.Fatal(err)
			}
		}
		b.settle()
		b.channel.receiver.next = uint16(c.In.Int("next_sequence"))
		for i, raw := range c.In.BytesList("envelopes") {
			b.handleChannel(b.now, linkPacket{Packet: Packet{DestinationType: DestinationLink}}, raw)
			b.settle()
			step := c.Out.Objects("steps")[i]
			want := step.Objects("delivered")
			if len(got) != len(want) {
				t.Fatalf("envelope %d: %d messages delivered, want %d", i, len(got), len(want))
			}
			for j, m := range want {
				if got[j].kind != uint16(m.Int("msgtype")) || !bytes.Equal(got[j].data, m.Bytes("data")) {
					t.Errorf("envelope %d: message %d is %+v", i, j, got[j])
				}
			}
			got = nil
			if next := b.channel.receiver.next; int(next) != step.Int("next_sequence") {
				t.Errorf("envelope %d: next sequence %d, want %d", i, next, step.Int("next_sequence"))
			}
		}
	})
}

// TestVectorsChannelLimits holds L-132, L-137.
func TestVectorsChannelLimits(t *testing.T) {
	vectors.RunKinds(t, "channels", []string{"register", "mdu", "too_big"}, func(t *testing.T, c vectors.Case) {
		switch c.Kind {
		case "register":
			b := benchActive(t, true, LinkID{1}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, nil, nil)
			err := b.Channel().HandleType(uint16(c.In.Int("msgtype")), func([]byte) {})
			if (err == nil) != c.Valid {
				t.Errorf("registered with %v", err)
			}
		case "mdu":
			if got := channelMDU(c.In.Int("link_mdu")); got != c.Out.Int("channel_mdu") {
				t.Errorf("channel mdu %d", got)
			}
		case "too_big":
			if fits := c.In.Int("data_length") <= channelMDU(c.In.Int("link_mdu")); fits != c.Valid {
				t.Errorf("fits: %v", fits)
			}
		}
	})
}

// TestVectorsStreamMessages holds L-138, L-139.
func TestVectorsStreamMessages(t *testing.T) {
	vectors.RunKinds(t, "streams", []string{"message"}, func(t *testing.T, c vectors.Case) {
		raw, err := appendStreamMessage(nil, streamMessage{id: uint16(c.In.Int("stream_id")), eof: c.In.Bool("eof"), data: c.In.Bytes("data")},
			c.In.Bool("compressed"))
		if !c.Valid {
			if err == nil {
				t.Fatal("written")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Out.CheckBytes("raw", raw)
	})
	vectors.RunKinds(t, "streams", []string{"unpack"}, func(t *testing.T, c vectors.Case) {
		m, err := parseStreamMessage(c.In.Bytes("raw"))
		if !c.Valid {
			if err == nil {
				t.Fatal("accepted")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if int(m.id) != c.Out.Int("stream_id") || m.eof != c.Out.Bool("eof") {
			t.Errorf("got %+v", m)
		}
		c.Out.CheckBytes("data", m.data)
	})
}

// TestVectorsStreamWrites holds L-140.
func TestVectorsStreamWrites(t *testing.T) {
	vectors.RunKinds(t, "streams", []string{"write"}, func(t *testing.T, c vectors.Case) {
		id, data := uint16(c.In.Int("stream_id")), c.In.Bytes("data")
		chunks := c.Out.Objects("chunks")
		var chunker streamChunker
		for i, want := range chunks {
			wanted, err := parseChannelEnvelope(want.Bytes("envelope"))
			if err != nil {
				t.Fatal(err)
			}
			if i == len(chunks)-1 {
				last, err := appendStreamMessage(nil, streamMessage{id: id, eof: true}, false)
				if err != nil || len(data) != 0 {
					t.Fatalf("%d bytes left, %v", len(data), err)
				}
				want.CheckBytes("envelope", appendChannelEnvelope(nil, channelEnvelope{channelStreamType, uint16(i), last}))
				return
			}
			message, consumed, err := chunker.next(id, data)
			if err != nil {
				t.Fatal(err)
			}
			if consumed != want.Int("consumed") {
				t.Fatalf("chunk %d carries %d bytes, want %d", i, consumed, want.Int("consumed"))
			}
			// Another compressor gives other bytes: compare the header, and the data after decompression.
			if !bytes.Equal(message[:2], wanted.data[:2]) {
				t.Errorf("chunk %d: header %x, want %x", i, message[:2], wanted.data[:2])
			}
			m, err := parseStreamMessage(message)
			if err != nil || !bytes.Equal(m.data, data[:consumed]) {
				t.Errorf("chunk %d: reads as %d bytes, %v", i, len(m.data), err)
			}
			data = data[consumed:]
		}
	})
}

func TestVectorsStreamReads(t *testing.T) {
	vectors.RunKinds(t, "streams", []string{"read"}, func(t *testing.T, c vectors.Case) {
		b := benchActive(t, false, LinkID{1}, bytes.Repeat([]byte{7}, DerivedKeyLength), MTU, &benchTarget{}, nil)
		s, err := b.Channel().OpenStream(uint16(c.In.Int("stream_id")))
		if err != nil {
			t.Fatal(err)
		}
		b.settle()
		for _, raw := range c.In.BytesList("envelopes") {
			b.handleChannel(b.now, linkPacket{Packet: Packet{DestinationType: DestinationLink}}, raw)
		}
		if err := s.SetReadDeadline(time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		c.Out.CheckBytes("data", s.buffer)
		if s.eof != c.Out.Bool("eof") {
			t.Errorf("at the end: %v", s.eof)
		}
	})
}

func FuzzChannelEnvelope(f *testing.F) {
	for _, c := range vectors.Load(f, "channels") {
		if c.Kind == "envelope" {
			f.Add(c.On(f).Out.Bytes("raw"))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := parseChannelEnvelope(raw)
		if err != nil {
			return
		}
		again, err := parseChannelEnvelope(appendChannelEnvelope(nil, e))
		if err != nil || again.kind != e.kind || again.sequence != e.sequence || !bytes.Equal(again.data, e.data) {
			t.Errorf("read back %+v, %v", again, err)
		}
		var r channelReceiver
		for i := range 3 {
			if r.place(e.sequence+uint16(i)) == channelNew {
				r.take(e.sequence+uint16(i), channelMessage{})
			}
		}
		if len(r.held) > channelAhead+1 {
			t.Errorf("%d messages held", len(r.held))
		}
	})
}

func FuzzStreamMessage(f *testing.F) {
	for _, c := range vectors.Load(f, "streams") {
		if c.Kind == "unpack" {
			f.Add(c.On(f).In.Bytes("raw"))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parseStreamMessage(raw)
		if err != nil {
			return
		}
		if raw[0]&0x40 != 0 && len(m.data) > streamMaxChunk {
			t.Fatalf("%d bytes came out of a chunk", len(m.data))
		}
		packed, err := bz2.Compress(m.data)
		if err != nil {
			t.Fatal(err)
		}
		for _, compressed := range []bool{false, true} {
			data := m.data
			if compressed {
				data = packed
			}
			if compressed && len(m.data) > streamMaxChunk {
				continue
			}
			b, err := appendStreamMessage(nil, streamMessage{id: m.id, eof: m.eof, data: data}, compressed)
			if err != nil {
				t.Fatal(err)
			}
			again, err := parseStreamMessage(b)
			if err != nil || again.id != m.id || again.eof != m.eof || !bytes.Equal(again.data, m.data) {
				t.Errorf("compressed %v: read back %d bytes, %v", compressed, len(again.data), err)
			}
		}
	})
}

package lxmf_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// alice and bob are the two of spec 4 §1.10.
func alice(t testing.TB) *rns.Identity { return repeatedKey(t, 0x11, 0x12) }
func bob(t testing.TB) *rns.Identity   { return repeatedKey(t, 0x21, 0x22) }
func carol(t testing.TB) *rns.Identity { return repeatedKey(t, 0x31, 0x32) }

func repeatedKey(t testing.TB, x, ed byte) *rns.Identity {
	t.Helper()
	id, err := rns.LoadIdentity(append(bytes.Repeat([]byte{x}, 32), bytes.Repeat([]byte{ed}, 32)...))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// hello is message V1: renderer markdown, no stamp.
func hello(t testing.TB) *lxmf.Message {
	t.Helper()
	d := lxmf.Draft{
		Destination: lxmf.DeliveryHash(bob(t).PublicIdentity),
		Timestamp:   1700000000.25,
		Title:       []byte("Hi"),
		Content:     []byte("Hello"),
	}
	d.Fields.SetRenderer(lxmf.RendererMarkdown)
	m, err := lxmf.Pack(alice(t), d)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestTheMessageOfTheSpecificationIsPackedAsPrinted holds.
func TestTheMessageOfTheSpecificationIsPackedAsPrinted(t *testing.T) {
	t.Parallel()
	if got := lxmf.DeliveryHash(alice(t).PublicIdentity).String(); got != "0209e1c8cfd767110974d7d4df6c7da0" {
		t.Errorf("Alice's address is %s", got)
	}
	m := hello(t)
	for what, pair := range map[string][2]string{
		"payload":   {hex.EncodeToString(m.Payload()), "94cb41d954fc40100000c4024869c40548656c6c6f810f02"},
		"id":        {m.ID().String(), "d6969cfb364153ddae5cfd5e01df05b06d5c7d3dda3b6faab4755bcb0d0a279f"},
		"signature": {hex.EncodeToString(m.Signature()), "c47d5bdc6df2c6df0f0383f3ad82c051c4e357c1c4e5c9713340441a6f6179abc24f1099ded02cd58079c2b3f2863c03af63eeb4e52eb023d229469e6a36dc02"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", what, pair[0], pair[1])
		}
	}
	if len(m.Packed()) != 120 {
		t.Errorf("%d bytes, want 120", len(m.Packed()))
	}
}

// X-011, X-080 (V2), X-083: the stamp is the fifth element.
func TestAStampChangesNeitherIDNorSignature(t *testing.T) {
	t.Parallel()
	m := hello(t)
	stamp := make([]byte, lxmf.StampLength)
	stamp[31] = 4
	stamped := m.WithStamp(stamp)
	back, err := lxmf.Unpack(stamped.Packed())
	if err != nil {
		t.Fatal(err)
	}
	if back.ID() != m.ID() || !bytes.Equal(back.Signature(), m.Signature()) || !back.Verify(alice(t).PublicIdentity) {
		t.Error("the stamped message is another one")
	}
	if value, ok, err := lxmf.CheckStamp(t.Context(), m.ID(), back.Stamp, 10); err != nil || !ok || value != 10 {
		t.Errorf("stamp: value %d, %v, %v", value, ok, err)
	}
	if _, ok, _ := lxmf.CheckStamp(t.Context(), m.ID(), back.Stamp, 8); !ok {
		t.Error("a stamp of value 10 does not pass for 8")
	}
	if _, ok, _ := lxmf.CheckStamp(t.Context(), m.ID(), back.Stamp, 11); ok {
		t.Error("a stamp of value 10 passes for 11")
	}
	if back.WithStamp(nil).ID() != m.ID() || !bytes.Equal(back.WithStamp(nil).Packed(), m.Packed()) {
		t.Error("taking the stamp away does not give the message back")
	}
	if !bytes.Equal(m.WithStamp([]byte{}).Packed()[lxmf.HeaderLength:lxmf.HeaderLength+1], []byte{0x95}) {
		t.Error("an empty stamp is no stamp")
	}
}

// X-087 (V6).
func TestATicketStampIsWhatTheSpecificationPrints(t *testing.T) {
	t.Parallel()
	ticket := [lxmf.TicketLength]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	id := hello(t).ID()
	if got := hex.EncodeToString(lxmf.TicketStamp(ticket, id)); got != "f1c28a17f78028d23361079660c690b6" {
		t.Errorf("stamp %s", got)
	}
	if lxmf.CheckTicketStamp(ticket, id, ticket[:]) {
		t.Error("the bare ticket passes as a stamp")
	}
}

// TestAReactionIsWrittenAsClientsReadIt holds X-021 (V3).
func TestAReactionIsWrittenAsClientsReadIt(t *testing.T) {
	t.Parallel()
	d := lxmf.Draft{Destination: lxmf.DeliveryHash(bob(t).PublicIdentity), Timestamp: 1700000001}
	want := lxmf.Reaction{Target: hello(t).ID(), Text: "👍"}
	d.Fields.SetReaction(want)
	m, err := lxmf.Pack(alice(t), d)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.ID().String(); got != "0d2f5d9ffa4c762e547142d8882dec5e6318b0ac59b249f3366f94aebdc51930" {
		t.Errorf("id %s", got)
	}
	back, err := lxmf.Unpack(m.Packed())
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := back.Fields.Reaction(); !ok || got != want {
		t.Errorf("read back as %+v, %v", got, ok)
	}
}

// TestStrangeTimestampsDoNoHarm holds X-026.
func TestStrangeTimestampsDoNoHarm(t *testing.T) {
	t.Parallel()
	for _, ts := range []float64{0, -1, 1e300, -1e300, math.NaN(), math.Inf(1), math.Inf(-1)} {
		m, err := lxmf.Pack(alice(t), lxmf.Draft{Timestamp: ts, Content: []byte("x")})
		if err != nil {
			t.Fatal(err)
		}
		back, err := lxmf.Unpack(m.Packed())
		if err != nil || !back.Verify(alice(t).PublicIdentity) {
			t.Errorf("%v: %v", ts, err)
			continue
		}
		if y := back.Time().Year(); y < 1 || y > 9999 {
			t.Errorf("%v is in the year %d", ts, y)
		}
	}
	at := time.Date(2026, 7, 1, 12, 30, 0, 250_000_000, time.UTC)
	m, err := lxmf.Pack(alice(t), lxmf.Draft{Timestamp: lxmf.Timestamp(at)})
	if err != nil || !m.Time().Equal(at) {
		t.Errorf("%v became %v, %v", at, m.Time(), err)
	}
}

// TestEveryFieldComesBackAsItWasSet holds X-028.
func TestEveryFieldComesBackAsItWasSet(t *testing.T) {
	t.Parallel()
	var f lxmf.Fields
	files := []lxmf.Attachment{{Name: "a.txt", Data: []byte("x")}, {Name: "", Data: []byte{}}}
	image := lxmf.Image{Format: "webp", Data: []byte{1, 2}}
	audio := lxmf.Audio{Mode: 0x10, Data: []byte{3}}
	icon := lxmf.Icon{Name: "account", Foreground: [3]byte{1, 2, 3}, Background: [3]byte{4, 5, 6}}
	ticket := lxmf.Ticket{Expires: 1.5, Value: [lxmf.TicketLength]byte{7}}
	id := lxmf.MessageID{9, 9}
	f.SetAttachments(files...)
	f.SetImage(image)
	f.SetAudio(audio)
	f.SetIcon(icon)
	f.SetTicket(ticket)
	f.SetThread([]byte{5})
	f.SetRenderer(lxmf.RendererMicron)
	f.SetReplyTo(id)
	f.SetReplyQuote("quoted")
	f.SetComment(id)
	f.SetContinuation(id)

	m, err := lxmf.Pack(alice(t), lxmf.Draft{Fields: f})
	if err != nil {
		t.Fatal(err)
	}
	back, err := lxmf.Unpack(m.Packed())
	if err != nil {
		t.Fatal(err)
	}
	g := back.Fields
	if got := g.Attachments(); len(got) != 2 || got[0].Name != "a.txt" || !bytes.Equal(got[0].Data, []byte("x")) {
		t.Errorf("attachments %v", got)
	}
	if got, ok := g.Image(); !ok || got.Format != image.Format || !bytes.Equal(got.Data, image.Data) {
		t.Errorf("image %v", got)
	}
	if got, ok := g.Audio(); !ok || got.Mode != audio.Mode {
		t.Errorf("audio %v", got)
	}
	if got, ok := g.Icon(); !ok || got != icon {
		t.Errorf("icon %v", got)
	}
	if got, ok := g.Ticket(); !ok || got != ticket {
		t.Errorf("ticket %v", got)
	}
	if got, ok := g.Thread(); !ok || !bytes.Equal(got, []byte{5}) {
		t.Errorf("thread %v", got)
	}
	if got, ok := g.Renderer(); !ok || got != lxmf.RendererMicron {
		t.Errorf("renderer %v", got)
	}
	if got, ok := g.ReplyQuote(); !ok || got != "quoted" {
		t.Errorf("quote %q", got)
	}
	for what, get := range map[string]func() (lxmf.MessageID, bool){
		"reply": g.ReplyTo, "comment": g.Comment, "continuation": g.Continuation,
	} {
		if got, ok := get(); !ok || got != id {
			t.Errorf("%s to %v", what, got)
		}
	}
	// Names, formats and icon names are text, data is bytes.
	raw, _ := g.Get(lxmf.FieldAttachments)
	if !bytes.HasPrefix(raw, []byte{0x92, 0x92, 0xa5, 'a', '.', 't', 'x', 't', 0xc4, 1, 'x'}) {
		t.Errorf("attachments are packed as %x", raw)
	}

	g.Delete(lxmf.FieldTicket, lxmf.FieldImage)
	if g.Has(lxmf.FieldTicket) || g.Has(lxmf.FieldImage) || !g.Has(lxmf.FieldAudio) {
		t.Error("deletion took the wrong fields")
	}
	if !back.Fields.Has(lxmf.FieldTicket) {
		t.Error("changing a copy changed the message")
	}
}

func TestWrongTypesInKnownFieldsAreNoFields(t *testing.T) {
	t.Parallel()
	var f lxmf.Fields
	for key := int64(0); key < 256; key++ {
		f.Set(key, msgpack.Map(msgpack.Entry{Key: msgpack.Str("x"), Value: msgpack.Nil()}))
	}
	_, image := f.Image()
	_, audio := f.Audio()
	_, icon := f.Icon()
	_, ticket := f.Ticket()
	_, thread := f.Thread()
	_, renderer := f.Renderer()
	_, reply := f.ReplyTo()
	_, quote := f.ReplyQuote()
	_, reaction := f.Reaction()
	_, comment := f.Comment()
	if f.Attachments() != nil || image || audio || icon || ticket || thread || renderer || reply || quote || reaction || comment {
		t.Error("nonsense was read as a field")
	}
}

func TestMoreFieldsThanAllowedAreRefused(t *testing.T) {
	t.Parallel()
	build := func(n int) msgpack.Raw {
		b := msgpack.AppendMap(nil, n)
		for i := range n {
			b = msgpack.AppendNil(msgpack.AppendInt(b, int64(i)))
		}
		return b
	}
	if _, err := lxmf.ParseFields(build(lxmf.MaxFields)); err != nil {
		t.Error(err)
	}
	if _, err := lxmf.ParseFields(build(lxmf.MaxFields + 1)); !errors.Is(err, lxmf.ErrMalformed) {
		t.Errorf("one more: %v", err)
	}
}

// TestDeepNestingIsRefusedWithoutExhaustingTheStack holds.
func TestDeepNestingIsRefusedWithoutExhaustingTheStack(t *testing.T) {
	t.Parallel()
	packed := append(make([]byte, lxmf.HeaderLength), 0x94, 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 0xc4, 0, 0xc4, 0, 0x81, 0x01)
	packed = append(packed, strings.Repeat("\x91", 200_000)...)
	if _, err := lxmf.Unpack(append(packed, 0xc0)); !errors.Is(err, lxmf.ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

func TestFieldsThatAreNotCanonicalCannotBePacked(t *testing.T) {
	t.Parallel()
	fields, err := lxmf.ParseFields(msgpack.Raw{0x81, 0x01, 0xcc, 0x05}) // 5 in two bytes
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lxmf.Pack(alice(t), lxmf.Draft{Fields: fields}); !errors.Is(err, lxmf.ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

func TestAPropagationNodeIsAnnouncedAsInTheSpecification(t *testing.T) {
	t.Parallel()
	p := lxmf.PropagationData{Time: 1700000000, Active: true, TransferLimit: 256, SyncLimit: 10240,
		StampCost: 16, StampCostFlexibility: 3, PeeringCost: 18}
	p.SetName("Node")
	if got := hex.EncodeToString(p.Append(nil)); got != "97c2ce6553f100c3cd0100cd2800931003128101c4044e6f6465" {
		t.Error(got)
	}
}

func TestWireConstants(t *testing.T) {
	t.Parallel()
	for what, pair := range map[string][2]int{
		"header":                {lxmf.HeaderLength, 96},
		"overhead":              {lxmf.Overhead, 112},
		"opportunistic":         {lxmf.MaxOpportunistic, 383},
		"opportunistic inbound": {lxmf.MaxOpportunisticInbound, 391},
		"link packet":           {lxmf.MaxLinkPacket, rns.LinkMDU(rns.MTU)},
		"paper":                 {lxmf.MaxPaper, 2210},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %d, want %d", what, pair[0], pair[1])
		}
	}
}

func BenchmarkPack(b *testing.B) {
	from := alice(b)
	d := lxmf.Draft{Timestamp: 1700000000.25, Content: bytes.Repeat([]byte("x"), 200)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lxmf.Pack(from, d); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnpack(b *testing.B) {
	packed := hello(b).Packed()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := lxmf.Unpack(packed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	m, p := hello(b), alice(b).PublicIdentity
	b.ReportAllocs()
	for b.Loop() {
		if !m.Verify(p) {
			b.Fatal("not verified")
		}
	}
}

func BenchmarkCheckStamp(b *testing.B) {
	m := hello(b)
	stamp := make([]byte, lxmf.StampLength)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := lxmf.CheckStamp(b.Context(), m.ID(), stamp, 8); err != nil {
			b.Fatal(err)
		}
	}
}

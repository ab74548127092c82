package rns

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"testing"
	"time"

	"groupd/internal/vectors"
	"groupd/rns/internal/bz2"
	"groupd/rns/internal/token"
	"groupd/rns/msgpack"
)

// resourceVectorLink is a link with the keys of a vector, which records what is sent.
type resourceVectorLink struct {
	t       *testing.T
	link    LinkID
	key     *token.Key
	mtu     int
	entropy io.Reader // prefix and random hashes
	ivs     [][]byte  // for seal, in turn; when used up, zeros
	sent    []resourceVectorPacket
}

type resourceVectorPacket struct {
	context Context
	plain   []byte
	raw     []byte
}

func newResourceVectorLink(t *testing.T, v vectors.Case) *resourceVectorLink {
	t.Helper()
	in := v.In.Object("link")
	key, err := token.NewKey(in.Bytes("derived_key"))
	if err != nil {
		t.Fatal(err)
	}
	return &resourceVectorLink{t: t, link: LinkID(in.Hash16("link_id")), key: key, mtu: in.Int("mtu"), entropy: resourceZeros{}}
}

type resourceZeros struct{}

func (resourceZeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (l *resourceVectorLink) id() LinkID                   { return l.link }
func (l *resourceVectorLink) sdu() int                     { return l.mtu - resourceSDUOverhead }
func (l *resourceVectorLink) rtt() time.Duration           { return 50 * time.Millisecond }
func (l *resourceVectorLink) rand() io.Reader              { return l.entropy }
func (l *resourceVectorLink) open(b []byte) ([]byte, bool) { return l.key.Open(b) }
func (l *resourceVectorLink) post(f func(time.Time)) bool  { f(resourceVectorTime()); return true }
func resourceVectorTime() time.Time                        { return time.Unix(1_700_000_000, 0) }
func (l *resourceVectorLink) turn() (*bz2.Compressor, func(), error) {
	return new(bz2.Compressor), func() {}, nil
}

func (l *resourceVectorLink) seal(plain []byte) []byte {
	iv := make([]byte, token.IVLength)
	if len(l.ivs) > 0 {
		iv, l.ivs = l.ivs[0], l.ivs[1:]
	}
	b, err := l.key.Seal(nil, bytes.NewReader(iv), plain)
	if err != nil {
		l.t.Fatal(err)
	}
	return b
}

func (l *resourceVectorLink) sendData(ctx Context, payload []byte, encrypted bool) {
	body := payload
	if encrypted {
		body = l.seal(payload)
	}
	l.record(PacketData, ctx, payload, body)
}

func (l *resourceVectorLink) sendProof(ctx Context, payload []byte) {
	l.record(PacketProof, ctx, payload, payload)
}

func (l *resourceVectorLink) record(kind PacketType, ctx Context, plain, body []byte) {
	p := Packet{PacketType: kind, DestinationType: DestinationLink, Context: ctx, Destination: l.link, Data: body}
	l.sent = append(l.sent, resourceVectorPacket{ctx, bytes.Clone(plain), p.Append(nil)})
}

// TestVectorsResources holds L-035, L-085, L-086, L-087, L-089, L-090, L-093, L-094, L-096, L-101, L-102, L-112, L-118.
func TestVectorsResources(t *testing.T) {
	t.Parallel()
	kinds := map[string]func(*testing.T, vectors.Case){
		"resource": vectorResource, "transfer": vectorTransfer, "segments": vectorSegments,
		"advertisement": vectorAdvertisement, "proof": vectorProof, "part": vectorPart, "cancel": vectorCancel,
		"part_request": vectorPartRequest, "hashmap_update": vectorHashmapUpdate,
	}
	vectors.Run(t, "resources", func(t *testing.T, c vectors.Case) {
		f := kinds[c.Kind]
		if f == nil {
			t.Fatalf("unknown kind %q", c.Kind)
		}
		f(t, c)
	})
}

func resourceVectorMetadata(t *testing.T, v vectors.Case) msgpack.Raw {
	t.Helper()
	packed, ok := v.In.Typed("metadata")
	if !ok {
		t.Fatal("metadata cannot be packed")
	}
	return packed
}

func resourceVectorOptions(t *testing.T, v vectors.Case) resourceSendOptions {
	t.Helper()
	o := resourceSendOptions{metadata: resourceVectorMetadata(t, v), noCompress: !v.In.Bool("auto_compress")}
	if v.In.Has("request_id") {
		id := RequestID(v.In.Hash16("request_id"))
		response := v.In.Bool("is_response")
		o.id, o.request, o.response = &id, !response, response
	}
	return o
}

// vectorResource builds a segment with the given randomness. Compressed bytes may differ from the reference's, so that of
// compressed cases only what does not depend on them is compared, and the reference's form is given to the receiver.
func vectorResource(t *testing.T, v vectors.Case) {
	l := newResourceVectorLink(t, v)
	l.entropy = io.MultiReader(bytes.NewReader(v.In.Bytes("prefix")), bytes.NewReader(v.In.Bytes("random_hash")), resourceZeros{})
	l.ivs = [][]byte{v.In.Bytes("iv"), v.In.Bytes("advertisement_iv")}
	table := newLinkResources(l, resourceHooks{}, resourceLimits{}, newResourceBudget(0))
	s, err := table.send(resourceVectorTime(), ResourceBytes(v.In.Bytes("data")), resourceVectorOptions(t, v))
	if err != nil {
		t.Fatal(err)
	}
	for _, j := range table.jobs() {
		j.run()(resourceVectorTime())
	}
	c := s.current
	if c == nil {
		t.Fatal("no segment was built")
	}
	body := append(bytes.Clone(s.metadata), v.In.Bytes("data")...)
	v.Out.CheckBytes("payload", body)
	if got := appendResourceProof(nil, c.hash, c.proof); !bytes.Equal(got, v.Out.Bytes("proof_data")) {
		t.Errorf("proof data:\n got %x\nwant %x", got, v.Out.Bytes("proof_data"))
	}
	if !bytes.Equal(c.proof[:], v.Out.Bytes("expected_proof")) || !bytes.Equal(c.hash[:16], v.Out.Bytes("truncated_hash")) {
		t.Error("hash or proof differs")
	}
	if c.compressed != v.Out.Bool("compressed") || c.sdu != v.Out.Int("part_size") {
		t.Errorf("compressed %v, part size %d", c.compressed, c.sdu)
	}
	if len(l.sent) != 1 {
		t.Fatalf("%d packets sent", len(l.sent))
	}
	a, err := parseResourceAdv(l.sent[0].plain)
	if err != nil {
		t.Fatal(err)
	}
	w := v.Out.Object("advertisement_fields")
	if a.size != int64(w.Int("d")) || a.index != int64(w.Int("i")) || a.segments != int64(w.Int("l")) ||
		int(a.flags) != w.Int("f") || !bytes.Equal(a.hash[:], w.Bytes("h")) || !bytes.Equal(a.random[:], w.Bytes("r")) ||
		!bytes.Equal(a.origin[:], w.Bytes("o")) || a.hasID != w.Has("q") || a.hasID && !bytes.Equal(a.id[:], w.Bytes("q")) {
		t.Errorf("advertised %+v", a)
	}
	checkReferenceAdvertisement(t, v, l)
	if c.compressed {
		return
	}
	v.Out.CheckBytes("body", body)
	v.Out.CheckBytes("stream", c.stream)
	v.Out.CheckBytes("hashmap", c.mapHashes(0, c.parts))
	if !bytes.Equal(l.sent[0].plain, v.Out.Bytes("advertisement")) {
		t.Errorf("advertisement:\n got %x\nwant %x", l.sent[0].plain, v.Out.Bytes("advertisement"))
	}
	if !bytes.Equal(l.sent[0].raw, v.Out.Bytes("advertisement_packet")) {
		t.Error("advertisement packet differs")
	}
	if a.transfer != int64(w.Int("t")) || a.parts != int64(w.Int("n")) || c.parts != v.Out.Int("part_count") {
		t.Errorf("t %d, n %d", a.transfer, a.parts)
	}
	if !v.Out.Has("parts") {
		return
	}
	for i, p := range v.Out.Objects("parts") {
		l.sendData(ContextResource, c.part(i), false)
		got := l.sent[len(l.sent)-1].raw
		if len(c.part(i)) != p.Int("length") {
			t.Errorf("part %d has %d bytes", i, len(c.part(i)))
		}
		p.CheckBytes("map_hash", appendMapHash(nil, c.hashes[i]))
		if p.Has("raw") {
			p.CheckBytes("raw", got)
		} else {
			sum := sha256.Sum256(got)
			p.CheckBytes("raw_sha256", sum[:])
		}
	}
}

// checkReferenceAdvertisement reads the reference's own packet and body, and writes the advertisement again.
func checkReferenceAdvertisement(t *testing.T, v vectors.Case, l *resourceVectorLink) {
	t.Helper()
	a, err := parseResourceAdv(v.Out.Bytes("advertisement"))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.check(l.sdu()); err != nil {
		t.Error(err)
	}
	if again := a.append(nil); !bytes.Equal(again, v.Out.Bytes("advertisement")) {
		t.Errorf("written again:\n got %x\nwant %x", again, v.Out.Bytes("advertisement"))
	}
	w := v.Out.Object("advertisement_fields")
	if a.transfer != int64(w.Int("t")) || a.partCount(l.sdu()) != v.Out.Int("part_count") || a.parts != int64(w.Int("n")) {
		t.Errorf("t %d, %d parts", a.transfer, a.partCount(l.sdu()))
	}
	if !v.Out.Bool("compressed") || v.Out.JSON("body")[0] != '"' {
		return
	}
	sealed, err := l.key.Seal(nil, bytes.NewReader(v.In.Bytes("iv")), append(bytes.Clone(v.In.Bytes("prefix")), v.Out.Bytes("body")...))
	if err != nil {
		t.Fatal(err)
	}
	v.Out.CheckBytes("stream", sealed)
	plan := assemblePlan{stream: sealed, hash: a.hash, random: a.random, compressed: true, limit: a.size, open: l.open}
	body, proof, err := plan.assemble()
	if err != nil {
		t.Fatal(err)
	}
	v.Out.CheckBytes("payload", body)
	if !bytes.Equal(proof[:], v.Out.Bytes("expected_proof")) {
		t.Error("proof of the reference's body differs")
	}
}

// vectorTransfer plays the sender's recorded packets to our receiver, and the receiver's to our sender.
func vectorTransfer(t *testing.T, v vectors.Case) {
	now := resourceVectorTime()
	l := newResourceVectorLink(t, v)
	var got *ReceivedResource
	table := newLinkResources(l, resourceHooks{
		offer:    func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
		received: func(r *ReceivedResource) { got = r; _ = r.Prove() },
	}, resourceLimits{}, newResourceBudget(0))
	send := newResourceVectorLink(t, v)
	send.entropy = io.MultiReader(bytes.NewReader(v.In.Bytes("prefix")), bytes.NewReader(v.In.Bytes("random_hash")), resourceZeros{})
	send.ivs = [][]byte{v.In.Bytes("iv")}
	out := newLinkResources(send, resourceHooks{}, resourceLimits{}, newResourceBudget(0))
	sendErr := error(ErrTimeout)
	if _, err := out.send(now, ResourceBytes(v.In.Bytes("data")), resourceSendOptions{
		metadata: resourceVectorMetadata(t, v), done: func(err error) { sendErr = err },
	}); err != nil {
		t.Fatal(err)
	}
	work := func(r *linkResources) {
		for _, j := range r.jobs() {
			j.run()(now)
		}
	}
	work(out)
	compressed := out.outgoing[0].current.compressed
	var parts, ours [][]byte
	for i, step := range v.Out.Objects("steps") {
		var packet Packet
		from, what, whole := step.Text("from"), step.Text("what"), step.Has("raw")
		if whole {
			var err error
			if packet, err = ParsePacket(step.Bytes("raw")); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case from == "sender" && what == "RESOURCE":
			parts = append(parts, nil)
			if len(out.outgoing) == 0 {
				t.Fatalf("our sender ended before step %d: %v", i, sendErr)
			}
			part := out.outgoing[0].current.part(len(parts) - 1)
			if whole {
				part = packet.Data
			}
			table.handle(now, ContextResource, part, PacketHash{byte(i)})
			work(table)
		case from == "sender":
			plain, ok := l.open(packet.Data)
			if !ok || !bytes.Equal(plain, step.Bytes("plaintext")) {
				t.Fatalf("step %d does not decrypt", i)
			}
			if !compressed && what != "RESOURCE_ICL" {
				found := false
				for _, p := range send.sent {
					found = found || bytes.Equal(p.plain, plain)
				}
				if !found {
					t.Errorf("step %d: our sender did not send this %s", i, what)
				}
			}
			table.handle(now, packet.Context, plain, PacketHash{byte(i)})
		case what == "RESOURCE_PRF":
			out.handleProof(now, packet.Data)
			if sendErr != nil && !compressed {
				t.Errorf("our sender does not take the recorded proof: %v", sendErr)
			}
			last := l.sent[len(l.sent)-1]
			if !bytes.Equal(last.raw, step.Bytes("raw")) {
				t.Errorf("proof packet:\n got %x\nwant %x", last.raw, step.Bytes("raw"))
			}
		default:
			if !compressed {
				out.handle(now, packet.Context, step.Bytes("plaintext"), PacketHash{byte(i), 1})
			}
			ours = append(ours, step.Bytes("plaintext"))
		}
	}
	if got == nil || got.Err != nil || !bytes.Equal(got.Data, v.In.Bytes("data")) ||
		!bytes.Equal(got.Metadata, resourceVectorMetadata(t, v)) || !bytes.Equal(got.Hash[:], v.Out.Bytes("hash")) {
		t.Fatalf("received %+v", got)
	}
	// Our first request is that of the reference, as the window starts alike.
	if first := l.sent[0]; first.context != ContextResourceReq || !bytes.Equal(first.plain, ours[0]) {
		t.Errorf("first request:\n got %x\nwant %x", first.plain, ours[0])
	}
	if compressed {
		return
	}
	sentParts := 0
	for _, p := range send.sent {
		if p.context == ContextResource {
			sentParts++
		}
	}
	if sentParts != len(parts) {
		t.Errorf("our sender sent %d parts, the reference %d", sentParts, len(parts))
	}
}

func vectorSegments(t *testing.T, v vectors.Case) {
	l := newResourceVectorLink(t, v)
	s, err := newResourceSender(l, ResourceBytes(v.In.Bytes("data")), resourceVectorOptions(t, v))
	if err != nil {
		t.Fatal(err)
	}
	if s.total != int64(v.Out.Int("total_size")) || s.segments != int64(len(v.Out.Objects("segments"))) {
		t.Fatalf("%d bytes in %d segments", s.total, s.segments)
	}
	for _, w := range v.Out.Objects("segments") {
		number := func(key string) int64 { return int64(w.Int(key)) }
		index := number("index")
		offset, length := s.segmentBounds(index)
		if offset != number("data_offset") || length != number("data_length") {
			t.Errorf("segment %d: %d bytes at %d", index, length, offset)
		}
		plan := segmentPlan{
			index: int(index), source: s.source, offset: offset, length: length, compress: s.compress, sdu: l.sdu(),
			seal: l.seal,
		}
		if index == 1 {
			plan.metadata = s.metadata
		}
		plan.entropy.prefix = [4]byte{1}
		plan.entropy.random[0] = [4]byte(w.Bytes("random_hash"))
		c, err := plan.build()
		if err != nil {
			t.Fatal(err)
		}
		if index == 1 {
			s.origin = c.hash
		}
		s.current = c
		a := s.adv()
		if a.transfer != number("adv_t") || a.size != number("adv_d") || a.parts != number("adv_n") ||
			a.index != number("adv_i") || a.segments != number("adv_l") || int64(a.flags) != number("adv_f") ||
			length+int64(len(plan.metadata)) != number("payload_length") {
			t.Errorf("segment %d: advertised %+v", index, a)
		}
		w.CheckBytes("adv_h", a.hash[:])
		w.CheckBytes("adv_o", a.origin[:])
		w.CheckBytes("expected_proof", c.proof[:])
	}
}

func vectorAdvertisement(t *testing.T, v vectors.Case) {
	l := newResourceVectorLink(t, v)
	status := "ACTIVE"
	table := newLinkResources(l, resourceHooks{
		offer: func(ResourceOffer) ResourceDecision {
			t.Error("offered to the application")
			return ResourceDecision{}
		},
		teardown: func() {
			status = "CLOSED"
			l.sendData(ContextLinkClose, l.link[:], true)
		},
	}, resourceLimits{}, newResourceBudget(0))
	packet, err := ParsePacket(v.In.Bytes("raw"))
	if err != nil {
		t.Fatal(err)
	}
	plain, ok := l.open(packet.Data)
	if !ok || !bytes.Equal(plain, v.In.Bytes("advertisement")) {
		t.Fatal("does not decrypt")
	}
	table.handle(resourceVectorTime(), packet.Context, plain, PacketHash{})
	answers := []int{}
	for _, p := range l.sent {
		answers = append(answers, int(p.context))
	}
	if status != v.Out.Text("link_status") || len(answers) != len(v.Out.Ints("answer_contexts")) ||
		len(answers) > 0 && answers[0] != v.Out.Ints("answer_contexts")[0] {
		t.Errorf("link %s, answers %v, want %s, %v", status, answers, v.Out.Text("link_status"), v.Out.Ints("answer_contexts"))
	}
}

func vectorProof(t *testing.T, v vectors.Case) {
	packet, err := ParsePacket(v.In.Bytes("raw"))
	if err != nil || packet.Context != ContextResourceProof || packet.PacketType != PacketProof ||
		!bytes.Equal(packet.Data, v.In.Bytes("proof_data")) {
		t.Fatalf("packet %+v, %v", packet, err)
	}
	s := newResourceSim(t, MTU, 1)
	x := s.a.send(ResourceBytes([]byte("x")), resourceSendOptions{})
	s.until(time.Minute, func() bool { return x.sender.current != nil })
	x.sender.current.hash = ResourceHash(v.In.Bytes("resource_hash"))
	x.sender.current.proof = resourceProof(v.In.Bytes("expected_proof"))
	s.a.table.handleProof(s.now, packet.Data)
	if proved := x.done == 1 && x.err == nil; proved != v.Valid {
		t.Errorf("proved %v", proved)
	}
	if v.Valid {
		if got := appendResourceProof(nil, ResourceHash(v.In.Bytes("resource_hash")), resourceProof(v.In.Bytes("expected_proof"))); !bytes.Equal(got, v.In.Bytes("proof_data")) {
			t.Errorf("got %x", got)
		}
	}
}

func vectorPart(t *testing.T, v vectors.Case) {
	l := newResourceVectorLink(t, v)
	budget := newResourceBudget(0)
	table := newLinkResources(l, resourceHooks{
		offer:    func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
		received: func(*ReceivedResource) { t.Error("concluded") },
	}, resourceLimits{}, budget)
	adv, err := ParsePacket(v.In.Bytes("advertisement_packet"))
	if err != nil {
		t.Fatal(err)
	}
	plain, ok := l.open(adv.Data)
	if !ok {
		t.Fatal("advertisement does not decrypt")
	}
	table.handle(resourceVectorTime(), adv.Context, plain, PacketHash{})
	part, err := ParsePacket(v.In.Bytes("part_packet"))
	if err != nil {
		t.Fatal(err)
	}
	before := len(l.sent)
	table.handle(resourceVectorTime(), part.Context, part.Data, PacketHash{})
	if len(table.jobs()) != 0 || len(l.sent) != before+len(v.Out.Ints("answer_contexts")) || budget.counters.Stray.Load() != 1 {
		t.Errorf("the part was taken; %d packets sent", len(l.sent)-before)
	}
}

func vectorCancel(t *testing.T, v vectors.Case) {
	l := newResourceVectorLink(t, v)
	l.ivs = [][]byte{v.In.Bytes("iv")}
	l.sendData(Context(v.Out.Int("context")), v.Out.Bytes("plaintext"), true)
	if !bytes.Equal(l.sent[0].raw, v.Out.Bytes("raw")) {
		t.Errorf("got %x", l.sent[0].raw)
	}
	hash, err := parseResourceHash(v.Out.Bytes("plaintext"))
	if err != nil || !bytes.Equal(hash[:], v.In.Bytes("resource_hash")) {
		t.Errorf("got %s, %v", hash, err)
	}
	// What our own ends send is the same.
	s := newResourceSim(t, MTU, 1)
	var plain []byte
	s.tap = func(from *resourceEnd, p resourcePacket) bool {
		if p.context == Context(v.Out.Int("context")) {
			plain, _ = from.open(p.payload)
		}
		return true
	}
	x := s.a.send(ResourceBytes([]byte("x")), resourceSendOptions{})
	s.b.decide = func(ResourceOffer) ResourceDecision { return ResourceDecision{} }
	s.until(time.Second, func() bool { return x.sender.current != nil })
	want := x.sender.current.hash
	if Context(v.Out.Int("context")) == ContextResourceICL {
		s.a.table.cancel(s.now, x.sender, nil)
	}
	s.until(time.Minute, func() bool { return plain != nil })
	if !bytes.Equal(plain, want[:]) {
		t.Errorf("our own end sent %x, want %s", plain, want)
	}
}

func vectorPartRequest(t *testing.T, v vectors.Case) {
	r := partRequest{hash: ResourceHash(v.In.Bytes("resource_hash"))}
	for _, h := range v.In.BytesList("map_hashes") {
		r.wanted = append(r.wanted, h...)
	}
	if v.In.Has("last_map_hash") {
		r.exhausted, r.last = true, mapHashAt(v.In.Bytes("last_map_hash"), 0)
	}
	checkPlainPacket(t, v, ContextResourceReq, r.append(nil))
	got, err := parsePartRequest(v.Out.Bytes("plaintext"))
	if err != nil || got.hash != r.hash || got.exhausted != r.exhausted || got.last != r.last ||
		!bytes.Equal(got.wanted, r.wanted) {
		t.Errorf("parsed %+v, %v", got, err)
	}
}

func vectorHashmapUpdate(t *testing.T, v vectors.Case) {
	u := hashmapUpdate{hash: ResourceHash(v.In.Bytes("resource_hash")), block: int64(v.In.Int("segment")), hashes: v.In.Bytes("hashmap")}
	checkPlainPacket(t, v, ContextResourceHMU, u.append(nil))
	got, err := parseHashmapUpdate(v.Out.Bytes("plaintext"))
	if err != nil || got.hash != u.hash || got.block != u.block || !bytes.Equal(got.hashes, u.hashes) {
		t.Errorf("parsed %+v, %v", got, err)
	}
}

func checkPlainPacket(t *testing.T, v vectors.Case, ctx Context, plain []byte) {
	t.Helper()
	l := newResourceVectorLink(t, v)
	l.ivs = [][]byte{v.In.Bytes("iv")}
	l.sendData(ctx, plain, true)
	if !bytes.Equal(plain, v.Out.Bytes("plaintext")) || !bytes.Equal(l.sent[0].raw, v.Out.Bytes("raw")) {
		t.Errorf("plaintext:\n got %x\nwant %x", plain, v.Out.Bytes("plaintext"))
	}
}

// TestResourceExampleOfTheSpecification checks the table in spec 2 §9.
//
// It holds L-085, L-086, L-087, L-090.
func TestResourceExampleOfTheSpecification(t *testing.T) {
	t.Parallel()
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	key, err := token.NewKey(unhex("dc128ec6cc6f7995eb07db4a78fc66fd1c1f3e42dd5788d9913a16fd88984264" +
		"144a976d6097427f37795752368896d4b0c3282621a4a070e7cab1daae71ba71"))
	if err != nil {
		t.Fatal(err)
	}
	l := &resourceVectorLink{
		t: t, link: LinkID(unhex("0c5c1464b93d7c07272556132b814899")), key: key, mtu: MTU,
		entropy: io.MultiReader(bytes.NewReader(unhex("a1a2a3a4b1b2b3b4")), resourceZeros{}),
		ivs:     [][]byte{unhex("000102030405060708090a0b0c0d0e0f")},
	}
	body := make([]byte, 1024)
	for i := range body {
		body[i] = byte(i)
	}
	table := newLinkResources(l, resourceHooks{}, resourceLimits{}, newResourceBudget(0))
	s, err := table.send(resourceVectorTime(), ResourceBytes(body), resourceSendOptions{noCompress: true})
	if err != nil {
		t.Fatal(err)
	}
	table.jobs()[0].run()(resourceVectorTime())
	h := "3bd7c869550e561560f8346ca62e1048e6e7b2a85136c31ff7dc11b4e8efac17"
	adv := "8ba174cd0440a164cd0400a16e03a168c420" + h + "a172c404b1b2b3b4a16fc420" + h +
		"a16901a16c01a171c0a16601a16dc40c0a92bfbbb6b5a706aea20793"
	if got := hex.EncodeToString(l.sent[0].plain); got != adv {
		t.Errorf("advertisement:\n got %s\nwant %s", got, adv)
	}
	if got := hex.EncodeToString(s.current.proof[:]); got != "043fcaa9dedc43c6a055ae820e0ae66ae649ddec275d2b8eeb4211b50ad7f49b" {
		t.Errorf("proof %s", got)
	}
	query := resourceProofPacketHash(l.link, s.current.hash, s.current.proof)
	if got := query.String(); got != "ae5d3ec31d3a4cc571f7ec8726d35a44c08519b5d5243a50f32dd7de03d4edab" {
		t.Errorf("cache query %s", got)
	}
	block, err := makeMetadataBlock(msgpack.Map(msgpack.Entry{Key: msgpack.Str("name"), Value: msgpack.Bin([]byte("a.txt"))}))
	if got := hex.EncodeToString(block); err != nil || got != "00000d81a46e616d65c405612e747874" {
		t.Errorf("metadata block %s, %v", got, err)
	}
}

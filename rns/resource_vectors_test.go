package rns

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"groupd/rns/internal/token"
	"groupd/rns/msgpack"
)

// vectorBytes is bytes as the vector files write them: hex, or a recipe for many.
type vectorBytes []byte

func (b *vectorBytes) UnmarshalJSON(j []byte) error {
	if len(j) > 0 && j[0] == '"' {
		var s string
		if err := json.Unmarshal(j, &s); err != nil {
			return err
		}
		v, err := hex.DecodeString(s)
		*b = append(vectorBytes{}, v...)
		return err
	}
	var g struct {
		Gen, Seed, Unit string
		Length          int
	}
	if err := json.Unmarshal(j, &g); err != nil || g.Gen == "" {
		return err
	}
	out := make([]byte, 0, g.Length+sha256.Size)
	if g.Gen == "repeat" {
		unit, err := hex.DecodeString(g.Unit)
		if err != nil {
			return err
		}
		out = bytes.Repeat(unit, g.Length/len(unit)+1)
	} else {
		seed, err := hex.DecodeString(g.Seed)
		if err != nil {
			return err
		}
		for i := uint32(0); len(out) < g.Length; i++ {
			sum := sha256.Sum256(binary.BigEndian.AppendUint32(bytes.Clone(seed), i))
			out = append(out, sum[:]...)
		}
	}
	*b = out[:g.Length]
	return nil
}

// vectorDigest is expected bytes: hex, or their length and hash.
type vectorDigest struct {
	exact  []byte
	length int
	sum    []byte
}

func (d *vectorDigest) UnmarshalJSON(j []byte) error {
	if len(j) > 0 && j[0] == '"' {
		var b vectorBytes
		err := b.UnmarshalJSON(j)
		d.exact = b
		return err
	}
	var v struct {
		Length int
		Sha256 vectorBytes
	}
	err := json.Unmarshal(j, &v)
	d.length, d.sum = v.Length, v.Sha256
	return err
}

func (d *vectorDigest) check(t *testing.T, name string, got []byte) {
	t.Helper()
	if d.sum == nil {
		if !bytes.Equal(got, d.exact) {
			t.Errorf("%s:\n got %x\nwant %x", name, got, d.exact)
		}
		return
	}
	if sum := sha256.Sum256(got); len(got) != d.length || !bytes.Equal(sum[:], d.sum) {
		t.Errorf("%s: got %d bytes with hash %x, want %d with %x", name, len(got), sum, d.length, d.sum)
	}
}

// vectorTyped is a msgpack value as the vector files write it.
type vectorTyped struct {
	T string
	V json.RawMessage
}

func (v *vectorTyped) pack(t *testing.T) msgpack.Raw {
	t.Helper()
	if v == nil {
		return nil
	}
	get := func(dst any) {
		if err := json.Unmarshal(v.V, dst); err != nil {
			t.Fatal(err)
		}
	}
	switch v.T {
	case "nil":
		return msgpack.Nil()
	case "int":
		var s string
		get(&s)
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return msgpack.Int(n)
	case "str":
		var s string
		get(&s)
		return msgpack.Str(s)
	case "bin":
		var b vectorBytes
		get(&b)
		return msgpack.Bin(b)
	case "array":
		var vs []*vectorTyped
		get(&vs)
		var out []msgpack.Raw
		for _, e := range vs {
			out = append(out, e.pack(t))
		}
		return msgpack.Array(out...)
	case "map":
		var vs [][2]*vectorTyped
		get(&vs)
		var out []msgpack.Entry
		for _, e := range vs {
			out = append(out, msgpack.Entry{Key: e[0].pack(t), Value: e[1].pack(t)})
		}
		return msgpack.Map(out...)
	}
	t.Fatalf("typed value of kind %q", v.T)
	return nil
}

type resourceVector struct {
	ID, Kind, Description string
	Valid                 bool
	In                    struct {
		Link struct {
			LinkID     vectorBytes `json:"link_id"`
			DerivedKey vectorBytes `json:"derived_key"`
			MTU, MDU   int
		}
		Data            vectorBytes
		Metadata        *vectorTyped
		AutoCompress    bool        `json:"auto_compress"`
		RequestID       vectorBytes `json:"request_id"`
		IsResponse      bool        `json:"is_response"`
		Prefix, IV      vectorBytes
		RandomHash      vectorBytes `json:"random_hash"`
		AdvertisementIV vectorBytes `json:"advertisement_iv"`
		Advertisement   vectorBytes
		Raw             vectorBytes
		ResourceHash    vectorBytes   `json:"resource_hash"`
		ExpectedProof   vectorBytes   `json:"expected_proof"`
		ProofData       vectorBytes   `json:"proof_data"`
		AdvPacket       vectorBytes   `json:"advertisement_packet"`
		PartPacket      vectorBytes   `json:"part_packet"`
		MapHashes       []vectorBytes `json:"map_hashes"`
		LastMapHash     vectorBytes   `json:"last_map_hash"`
		Segment         int64
		Hashmap         vectorBytes
	}
	Out struct {
		Payload, Body, Stream vectorDigest
		Compressed            bool
		PartSize              int `json:"part_size"`
		PartCount             int `json:"part_count"`
		Parts                 []struct {
			Length    int
			MapHash   vectorBytes `json:"map_hash"`
			Raw       vectorBytes
			RawSHA256 vectorBytes `json:"raw_sha256"`
		}
		Hashmap       vectorDigest
		ExpectedProof vectorBytes `json:"expected_proof"`
		TruncatedHash vectorBytes `json:"truncated_hash"`
		Advertisement vectorBytes
		Fields        struct {
			T, D, N, I, L int64
			F             uint8
			H, R, O, Q    vectorBytes
		} `json:"advertisement_fields"`
		AdvPacket vectorBytes `json:"advertisement_packet"`
		ProofData vectorBytes `json:"proof_data"`

		Hash  vectorBytes
		Steps []struct {
			From, What     string
			Context        uint8
			Plaintext, Raw vectorBytes
			RawSHA256      vectorBytes `json:"raw_sha256"`
			Length         int
		}

		TotalSize int64 `json:"total_size"`
		Segments  []struct {
			Index         int64
			DataOffset    int64       `json:"data_offset"`
			DataLength    int64       `json:"data_length"`
			PayloadLength int64       `json:"payload_length"`
			RandomHash    vectorBytes `json:"random_hash"`
			T             int64       `json:"adv_t"`
			D             int64       `json:"adv_d"`
			N             int64       `json:"adv_n"`
			H             vectorBytes `json:"adv_h"`
			O             vectorBytes `json:"adv_o"`
			I             int64       `json:"adv_i"`
			L             int64       `json:"adv_l"`
			F             uint8       `json:"adv_f"`
			ExpectedProof vectorBytes `json:"expected_proof"`
		}

		LinkStatus     string `json:"link_status"`
		AnswerContexts []int  `json:"answer_contexts"`
		Concluded      bool
		Context        uint8
		Plaintext, Raw vectorBytes
	}
}

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

func newResourceVectorLink(t *testing.T, v *resourceVector) *resourceVectorLink {
	t.Helper()
	key, err := token.NewKey(v.In.Link.DerivedKey)
	if err != nil {
		t.Fatal(err)
	}
	return &resourceVectorLink{
		t: t, link: LinkID(v.In.Link.LinkID), key: key, mtu: v.In.Link.MTU, entropy: resourceZeros{},
	}
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

// resourceVectorDir is where the vector files are.
func resourceVectorDir() string {
	if dir := os.Getenv("GROUPD_VECTORS"); dir != "" {
		return dir
	}
	return filepath.Join("..", "testdata", "vectors")
}

func TestVectorsResources(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(resourceVectorDir(), "resources.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []*resourceVector
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]func(*testing.T, *resourceVector){
		"resource": vectorResource, "transfer": vectorTransfer, "segments": vectorSegments,
		"advertisement": vectorAdvertisement, "proof": vectorProof, "part": vectorPart, "cancel": vectorCancel,
		"part_request": vectorPartRequest, "hashmap_update": vectorHashmapUpdate,
	}
	if len(vectors) == 0 {
		t.Fatal("no cases")
	}
	for _, v := range vectors {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			f := kinds[v.Kind]
			if f == nil {
				t.Fatalf("unknown kind %q", v.Kind)
			}
			f(t, v)
		})
	}
}

func (v *resourceVector) options(t *testing.T) resourceSendOptions {
	o := resourceSendOptions{metadata: v.In.Metadata.pack(t), noCompress: !v.In.AutoCompress}
	if v.In.RequestID != nil {
		id := RequestID(v.In.RequestID)
		o.id, o.request, o.response = &id, !v.In.IsResponse, v.In.IsResponse
	}
	return o
}

// vectorResource builds a segment with the given randomness. Compressed bytes may differ from the reference's, so that of
// compressed cases only what does not depend on them is compared, and the reference's form is given to the receiver.
func vectorResource(t *testing.T, v *resourceVector) {
	l := newResourceVectorLink(t, v)
	l.entropy = io.MultiReader(bytes.NewReader(v.In.Prefix), bytes.NewReader(v.In.RandomHash), resourceZeros{})
	l.ivs = [][]byte{v.In.IV, v.In.AdvertisementIV}
	table := newLinkResources(l, resourceHooks{}, resourceLimits{}, newResourceBudget(0))
	s, err := table.send(resourceVectorTime(), ResourceBytes(v.In.Data), v.options(t))
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
	body := append(bytes.Clone(s.metadata), v.In.Data...)
	v.Out.Payload.check(t, "payload", body)
	if got := appendResourceProof(nil, c.hash, c.proof); !bytes.Equal(got, v.Out.ProofData) {
		t.Errorf("proof data:\n got %x\nwant %x", got, v.Out.ProofData)
	}
	if !bytes.Equal(c.proof[:], v.Out.ExpectedProof) || !bytes.Equal(c.hash[:16], v.Out.TruncatedHash) {
		t.Error("hash or proof differs")
	}
	if c.compressed != v.Out.Compressed || c.sdu != v.Out.PartSize {
		t.Errorf("compressed %v, part size %d", c.compressed, c.sdu)
	}
	if len(l.sent) != 1 {
		t.Fatalf("%d packets sent", len(l.sent))
	}
	a, err := parseResourceAdv(l.sent[0].plain)
	if err != nil {
		t.Fatal(err)
	}
	w := v.Out.Fields
	if a.size != w.D || a.index != w.I || a.segments != w.L || uint8(a.flags) != w.F ||
		!bytes.Equal(a.hash[:], w.H) || !bytes.Equal(a.random[:], w.R) || !bytes.Equal(a.origin[:], w.O) ||
		a.hasID != (w.Q != nil) || a.hasID && !bytes.Equal(a.id[:], w.Q) {
		t.Errorf("advertised %+v, want %+v", a, w)
	}
	checkReferenceAdvertisement(t, v, l)
	if c.compressed {
		return
	}
	v.Out.Body.check(t, "body", body)
	v.Out.Stream.check(t, "stream", c.stream)
	v.Out.Hashmap.check(t, "hashmap", c.mapHashes(0, c.parts))
	if !bytes.Equal(l.sent[0].plain, v.Out.Advertisement) {
		t.Errorf("advertisement:\n got %x\nwant %x", l.sent[0].plain, v.Out.Advertisement)
	}
	if !bytes.Equal(l.sent[0].raw, v.Out.AdvPacket) {
		t.Error("advertisement packet differs")
	}
	if a.transfer != w.T || a.parts != w.N || c.parts != v.Out.PartCount {
		t.Errorf("t %d, n %d", a.transfer, a.parts)
	}
	for i, p := range v.Out.Parts {
		l.sendData(ContextResource, c.part(i), false)
		got := l.sent[len(l.sent)-1].raw
		sum := sha256.Sum256(got)
		if len(c.part(i)) != p.Length || !bytes.Equal(appendMapHash(nil, c.hashes[i]), p.MapHash) ||
			p.Raw != nil && !bytes.Equal(got, p.Raw) || p.RawSHA256 != nil && !bytes.Equal(sum[:], p.RawSHA256) {
			t.Errorf("part %d differs", i)
		}
	}
}

// checkReferenceAdvertisement reads the reference's own packet and body, and writes the advertisement again.
func checkReferenceAdvertisement(t *testing.T, v *resourceVector, l *resourceVectorLink) {
	t.Helper()
	a, err := parseResourceAdv(v.Out.Advertisement)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.check(l.sdu()); err != nil {
		t.Error(err)
	}
	if again := a.append(nil); !bytes.Equal(again, v.Out.Advertisement) {
		t.Errorf("written again:\n got %x\nwant %x", again, v.Out.Advertisement)
	}
	if a.transfer != v.Out.Fields.T || a.partCount(l.sdu()) != v.Out.PartCount || a.parts != v.Out.Fields.N {
		t.Errorf("t %d, %d parts", a.transfer, a.partCount(l.sdu()))
	}
	if !v.Out.Compressed || v.Out.Body.sum != nil {
		return
	}
	sealed, err := l.key.Seal(nil, bytes.NewReader(v.In.IV), append(bytes.Clone(v.In.Prefix), v.Out.Body.exact...))
	if err != nil {
		t.Fatal(err)
	}
	v.Out.Stream.check(t, "stream of the reference", sealed)
	plan := assemblePlan{stream: sealed, hash: a.hash, random: a.random, compressed: true, limit: a.size, open: l.open}
	body, proof, err := plan.assemble()
	if err != nil {
		t.Fatal(err)
	}
	v.Out.Payload.check(t, "payload of the reference", body)
	if !bytes.Equal(proof[:], v.Out.ExpectedProof) {
		t.Error("proof of the reference's body differs")
	}
}

// vectorTransfer plays the sender's recorded packets to our receiver, and the receiver's to our sender.
func vectorTransfer(t *testing.T, v *resourceVector) {
	now := resourceVectorTime()
	l := newResourceVectorLink(t, v)
	var got *ReceivedResource
	table := newLinkResources(l, resourceHooks{
		offer:    func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
		received: func(r *ReceivedResource) { got = r; _ = r.Prove() },
	}, resourceLimits{}, newResourceBudget(0))
	send := newResourceVectorLink(t, v)
	send.entropy = io.MultiReader(bytes.NewReader(v.In.Prefix), bytes.NewReader(v.In.RandomHash), resourceZeros{})
	send.ivs = [][]byte{v.In.IV}
	out := newLinkResources(send, resourceHooks{}, resourceLimits{}, newResourceBudget(0))
	sendErr := error(ErrTimeout)
	if _, err := out.send(now, ResourceBytes(v.In.Data), resourceSendOptions{
		metadata: v.In.Metadata.pack(t), done: func(err error) { sendErr = err },
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
	for i, step := range v.Out.Steps {
		var packet Packet
		if step.Raw != nil {
			var err error
			if packet, err = ParsePacket(step.Raw); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case step.From == "sender" && step.What == "RESOURCE":
			parts = append(parts, nil)
			part := out.outgoing[0].current.part(len(parts) - 1)
			if step.Raw != nil {
				part = packet.Data
			}
			table.handle(now, ContextResource, part, PacketHash{byte(i)})
			work(table)
		case step.From == "sender":
			plain, ok := l.open(packet.Data)
			if !ok || !bytes.Equal(plain, step.Plaintext) {
				t.Fatalf("step %d does not decrypt", i)
			}
			if !compressed && step.What != "RESOURCE_ICL" {
				found := false
				for _, p := range send.sent {
					found = found || bytes.Equal(p.plain, plain)
				}
				if !found {
					t.Errorf("step %d: our sender did not send this %s", i, step.What)
				}
			}
			table.handle(now, packet.Context, plain, PacketHash{byte(i)})
		case step.What == "RESOURCE_PRF":
			out.handleProof(now, packet.Data)
			if sendErr != nil && !compressed {
				t.Errorf("our sender does not take the recorded proof: %v", sendErr)
			}
			last := l.sent[len(l.sent)-1]
			if !bytes.Equal(last.raw, step.Raw) {
				t.Errorf("proof packet:\n got %x\nwant %x", last.raw, step.Raw)
			}
		default:
			if !compressed {
				out.handle(now, packet.Context, step.Plaintext, PacketHash{byte(i), 1})
			}
			ours = append(ours, step.Plaintext)
		}
	}
	if got == nil || got.Err != nil || !bytes.Equal(got.Data, v.In.Data) ||
		!bytes.Equal(got.Metadata, v.In.Metadata.pack(t)) || !bytes.Equal(got.Hash[:], v.Out.Hash) {
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

func vectorSegments(t *testing.T, v *resourceVector) {
	l := newResourceVectorLink(t, v)
	s, err := newResourceSender(l, ResourceBytes(v.In.Data), v.options(t))
	if err != nil {
		t.Fatal(err)
	}
	if s.total != v.Out.TotalSize || s.segments != int64(len(v.Out.Segments)) {
		t.Fatalf("%d bytes in %d segments", s.total, s.segments)
	}
	for _, w := range v.Out.Segments {
		offset, length := s.segmentBounds(w.Index)
		if offset != w.DataOffset || length != w.DataLength {
			t.Errorf("segment %d: %d bytes at %d, want %d at %d", w.Index, length, offset, w.DataLength, w.DataOffset)
		}
		plan := segmentPlan{
			index: int(w.Index), source: s.source, offset: offset, length: length, compress: s.compress, sdu: l.sdu(),
			seal: l.seal,
		}
		if w.Index == 1 {
			plan.metadata = s.metadata
		}
		plan.entropy.prefix = [4]byte{1}
		plan.entropy.random[0] = [4]byte(w.RandomHash)
		c, err := plan.build()
		if err != nil {
			t.Fatal(err)
		}
		if w.Index == 1 {
			s.origin = c.hash
		}
		s.current = c
		a := s.adv()
		if a.transfer != w.T || a.size != w.D || a.parts != w.N || a.index != w.I || a.segments != w.L ||
			uint8(a.flags) != w.F || !bytes.Equal(a.hash[:], w.H) || !bytes.Equal(a.origin[:], w.O) ||
			!bytes.Equal(c.proof[:], w.ExpectedProof) || length+int64(len(plan.metadata)) != w.PayloadLength {
			t.Errorf("segment %d: advertised %+v, want %+v", w.Index, a, w)
		}
	}
}

func vectorAdvertisement(t *testing.T, v *resourceVector) {
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
	packet, err := ParsePacket(v.In.Raw)
	if err != nil {
		t.Fatal(err)
	}
	plain, ok := l.open(packet.Data)
	if !ok || !bytes.Equal(plain, v.In.Advertisement) {
		t.Fatal("does not decrypt")
	}
	table.handle(resourceVectorTime(), packet.Context, plain, PacketHash{})
	answers := []int{}
	for _, p := range l.sent {
		answers = append(answers, int(p.context))
	}
	if status != v.Out.LinkStatus || len(answers) != len(v.Out.AnswerContexts) ||
		len(answers) > 0 && answers[0] != v.Out.AnswerContexts[0] {
		t.Errorf("link %s, answers %v, want %s, %v", status, answers, v.Out.LinkStatus, v.Out.AnswerContexts)
	}
}

func vectorProof(t *testing.T, v *resourceVector) {
	packet, err := ParsePacket(v.In.Raw)
	if err != nil || packet.Context != ContextResourceProof || packet.PacketType != PacketProof ||
		!bytes.Equal(packet.Data, v.In.ProofData) {
		t.Fatalf("packet %+v, %v", packet, err)
	}
	s := newResourceSim(t, MTU, 1)
	x := s.a.send(ResourceBytes([]byte("x")), resourceSendOptions{})
	s.until(time.Minute, func() bool { return x.sender.current != nil })
	x.sender.current.hash = ResourceHash(v.In.ResourceHash)
	x.sender.current.proof = resourceProof(v.In.ExpectedProof)
	s.a.table.handleProof(s.now, packet.Data)
	if proved := x.done == 1 && x.err == nil; proved != v.Valid {
		t.Errorf("proved %v", proved)
	}
	if v.Valid {
		if got := appendResourceProof(nil, ResourceHash(v.In.ResourceHash), resourceProof(v.In.ExpectedProof)); !bytes.Equal(got, v.In.ProofData) {
			t.Errorf("got %x", got)
		}
	}
}

func vectorPart(t *testing.T, v *resourceVector) {
	l := newResourceVectorLink(t, v)
	budget := newResourceBudget(0)
	table := newLinkResources(l, resourceHooks{
		offer:    func(ResourceOffer) ResourceDecision { return ResourceDecision{Accept: true} },
		received: func(*ReceivedResource) { t.Error("concluded") },
	}, resourceLimits{}, budget)
	adv, err := ParsePacket(v.In.AdvPacket)
	if err != nil {
		t.Fatal(err)
	}
	plain, ok := l.open(adv.Data)
	if !ok {
		t.Fatal("advertisement does not decrypt")
	}
	table.handle(resourceVectorTime(), adv.Context, plain, PacketHash{})
	part, err := ParsePacket(v.In.PartPacket)
	if err != nil {
		t.Fatal(err)
	}
	before := len(l.sent)
	table.handle(resourceVectorTime(), part.Context, part.Data, PacketHash{})
	if len(table.jobs()) != 0 || len(l.sent) != before+len(v.Out.AnswerContexts) || budget.counters.Stray.Load() != 1 {
		t.Errorf("the part was taken; %d packets sent", len(l.sent)-before)
	}
}

func vectorCancel(t *testing.T, v *resourceVector) {
	l := newResourceVectorLink(t, v)
	l.ivs = [][]byte{v.In.IV}
	l.sendData(Context(v.Out.Context), v.Out.Plaintext, true)
	if !bytes.Equal(l.sent[0].raw, v.Out.Raw) {
		t.Errorf("got %x", l.sent[0].raw)
	}
	hash, err := parseResourceHash(v.Out.Plaintext)
	if err != nil || !bytes.Equal(hash[:], v.In.ResourceHash) {
		t.Errorf("got %s, %v", hash, err)
	}
	// What our own ends send is the same.
	s := newResourceSim(t, MTU, 1)
	var plain []byte
	s.tap = func(from *resourceEnd, p resourcePacket) bool {
		if p.context == Context(v.Out.Context) {
			plain, _ = from.open(p.payload)
		}
		return true
	}
	x := s.a.send(ResourceBytes([]byte("x")), resourceSendOptions{})
	s.b.decide = func(ResourceOffer) ResourceDecision { return ResourceDecision{} }
	s.until(time.Second, func() bool { return x.sender.current != nil })
	want := x.sender.current.hash
	if Context(v.Out.Context) == ContextResourceICL {
		s.a.table.cancel(s.now, x.sender, nil)
	}
	s.until(time.Minute, func() bool { return plain != nil })
	if !bytes.Equal(plain, want[:]) {
		t.Errorf("our own end sent %x, want %s", plain, want)
	}
}

func vectorPartRequest(t *testing.T, v *resourceVector) {
	r := partRequest{hash: ResourceHash(v.In.ResourceHash)}
	for _, h := range v.In.MapHashes {
		r.wanted = append(r.wanted, h...)
	}
	if v.In.LastMapHash != nil {
		r.exhausted, r.last = true, mapHashAt(v.In.LastMapHash, 0)
	}
	checkPlainPacket(t, v, ContextResourceReq, r.append(nil))
	got, err := parsePartRequest(v.Out.Plaintext)
	if err != nil || got.hash != r.hash || got.exhausted != r.exhausted || got.last != r.last ||
		!bytes.Equal(got.wanted, r.wanted) {
		t.Errorf("parsed %+v, %v", got, err)
	}
}

func vectorHashmapUpdate(t *testing.T, v *resourceVector) {
	u := hashmapUpdate{hash: ResourceHash(v.In.ResourceHash), block: v.In.Segment, hashes: v.In.Hashmap}
	checkPlainPacket(t, v, ContextResourceHMU, u.append(nil))
	got, err := parseHashmapUpdate(v.Out.Plaintext)
	if err != nil || got.hash != u.hash || got.block != u.block || !bytes.Equal(got.hashes, u.hashes) {
		t.Errorf("parsed %+v, %v", got, err)
	}
}

func checkPlainPacket(t *testing.T, v *resourceVector, ctx Context, plain []byte) {
	t.Helper()
	l := newResourceVectorLink(t, v)
	l.ivs = [][]byte{v.In.IV}
	l.sendData(ctx, plain, true)
	if !bytes.Equal(plain, v.Out.Plaintext) || !bytes.Equal(l.sent[0].raw, v.Out.Raw) {
		t.Errorf("plaintext:\n got %x\nwant %x", plain, v.Out.Plaintext)
	}
}

// TestResourceExampleOfTheSpecification checks the table in spec 2 §9.
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

package requests

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	groupdv1 "groupd/proto/groupd/v1"
)

// allCodecs is what a modern client accepts.
func allCodecs() []groupdv1.Codec {
	return []groupdv1.Codec{groupdv1.Codec_PLAIN, groupdv1.Codec_DEFLATE, groupdv1.Codec_DEFLATE_DICTIONARY_1}
}

// chatter makes n items of a lively group, from a seed.
func chatter(r *rand.Rand, n int) *entryList {
	words := strings.Fields(`hello everyone is anyone on the mesh tonight I think the node works again thanks good morning ok 73 guten Morgen
		alle zusammen спасибо да 你好 /page/index.mu https://example.org weather antenna battery 868.1 MHz ha ha ha`)
	people := make([]*groupdv1.Sender, 1+r.IntN(6))
	for i := range people {
		id := make([]byte, 16)
		binary.BigEndian.PutUint64(id, r.Uint64())
		binary.BigEndian.PutUint64(id[8:], r.Uint64())
		people[i] = &groupdv1.Sender{Identity: id, Name: fmt.Sprintf("member %d", i)}
	}
	style := r.IntN(4)
	l := &entryList{byRev: r.IntN(2) == 0, fromEnd: r.IntN(2) == 0, base: &groupdv1.PageView{Generation: r.Uint64(), FromRev: 100, More: r.IntN(2) == 0}}
	l.fromEnd = l.fromEnd && !l.byRev
	rev, at := uint64(100), int64(1800000000)
	for i := range n {
		rev += 1 + r.Uint64N(3)
		at += r.Int64N(900)
		if l.byRev && r.IntN(8) == 0 {
			p := people[r.IntN(len(people))]
			l.items = append(l.items, item{rev: rev, member: &groupdv1.Member{Identity: p.GetIdentity(), Name: p.GetName(), Rev: rev, Role: 1, Joined: at}})
			continue
		}
		var text []string
		switch style {
		case 0: // everybody says the same
			text = []string{"ok"}
		case 1: // noise
			b := make([]byte, r.IntN(40))
			for i := range b {
				b[i] = byte(' ' + r.IntN(90))
			}
			text = []string{string(b)}
		default:
			for range r.IntN(14) {
				text = append(text, words[r.IntN(len(words))])
			}
		}
		if r.IntN(40) == 0 {
			text = []string{strings.Repeat("long ", 200)}
		}
		l.items = append(l.items, item{rev: rev, entry: &groupdv1.Entry{
			Seq: uint64(i + 1), Rev: rev, Time: at, Sender: people[r.IntN(len(people))], Text: strings.Join(text, " "),
		}})
	}
	l.base.ToRev = rev + uint64(r.IntN(2))
	return l
}

func sealer(t testing.TB, accept []groupdv1.Codec, json bool) func(*groupdv1.PageView) ([]byte, error) {
	t.Helper()
	k := &compressor{}
	c := &call{form: form{json: json}}
	return func(v *groupdv1.PageView) ([]byte, error) { return c.encodePage(k, accept, v) }
}

func TestTheMostEntriesThatFitAreSent(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		l := chatter(r, 1+r.IntN(90))
		accept := allCodecs()[:1+r.IntN(3)]
		encode := sealer(t, accept, r.IntN(5) == 0)
		budget := MinReply + r.IntN(900)
		reply, n, fits, err := l.pack(budget, encode)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for k := 1; k <= len(l.items); k++ { // the slow model: try every number
			b, err := encode(l.view(k))
			if err != nil {
				t.Fatal(err)
			}
			if len(b) <= budget {
				want = k
			}
		}
		if n != want || (n > 0 && !fits) {
			t.Errorf("seed %d, %d bytes, codecs %v: packed %d of %d items, %d fit", seed, budget, accept, n, len(l.items), want)
		}
		if fits && len(reply) > budget {
			t.Errorf("seed %d: %d bytes in a budget of %d", seed, len(reply), budget)
		}
	}
}

func TestMostThatFitAgreesWithTryingAll(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 3))
		sizes := make([]int, 1+r.IntN(60))
		for i := 1; i < len(sizes); i++ {
			sizes[i] = max(sizes[i-1]+r.IntN(60)-r.IntN(24), 0)
		}
		budget := r.IntN(800)
		want, worst := 0, 0 // sizes may fall by as much as wiggle allows, not more
		for n := 1; n < len(sizes); n++ {
			worst = max(worst, sizes[n])
			sizes[n] = max(sizes[n], worst-wiggle)
			if sizes[n] <= budget {
				want = n
			}
		}
		asked := map[int]bool{}
		got, err := mostThatFit(len(sizes)-1, r.IntN(70), budget, func(n int) (int, error) {
			if asked[n] {
				t.Fatalf("seed %d: asked twice for %d", seed, n)
			}
			asked[n] = true
			return sizes[n], nil
		})
		if err != nil || got != want {
			t.Fatalf("seed %d: %d, %v; want %d of %v in %d", seed, got, err, want, sizes, budget)
		}
	}
}

func TestAnEntryThatIsTooLongComesAsADescriptor(t *testing.T) {
	long := strings.Repeat("größer ", 2000)
	for _, budget := range []int{MinReply, 250, BasePacket, 1000} {
		l := &entryList{byRev: true, base: &groupdv1.PageView{Generation: 1 << 63, FromRev: 6, ToRev: 8}, items: []item{
			{rev: 7, entry: &groupdv1.Entry{Seq: 5, Rev: 7, Time: 1800000000, Text: long, Title: "news",
				Sender: &groupdv1.Sender{Identity: bytes.Repeat([]byte{200}, 16), Name: strings.Repeat("n", 96)}}},
			{rev: 8, entry: &groupdv1.Entry{Seq: 6, Rev: 8, Text: "next"}},
		}}
		reply, n, fits, err := l.pack(budget, sealer(t, nil, false))
		if err != nil || !fits || n != 0 || len(reply) > budget {
			t.Fatalf("budget %d: %d bytes, %d whole, fits %v, %v", budget, len(reply), n, fits, err)
		}
		v := openReply(t, reply)
		e := v.GetEntries()[0]
		if e.GetSeq() != 5 || e.GetFullLength() != uint32(len(long)+len("news")) || !strings.HasPrefix(long, e.GetText()) || !utf8.ValidString(e.GetText()) {
			t.Errorf("budget %d: descriptor is %v", budget, e)
		}
		if v.GetToRev() != 7 || !v.GetMore() {
			t.Errorf("budget %d: the cursor goes to %d, more %v", budget, v.GetToRev(), v.GetMore())
		}
		if budget-len(reply) > 3 && e.GetTitle() != "" {
			t.Errorf("budget %d: %d bytes are left empty", budget, budget-len(reply))
		}
	}
}

func TestTheBarestDescriptorFitsTheSmallestReply(t *testing.T) {
	id := bytes.Repeat([]byte{200}, 16)
	other := bytes.Repeat([]byte{201}, 16)
	worst := []item{
		{rev: 1<<64 - 2, entry: &groupdv1.Entry{Seq: 1<<64 - 1, Rev: 1<<64 - 2, Time: -1 << 62, Kind: 12, Deleted: true, AuthorTime: -1,
			Sender: &groupdv1.Sender{Identity: id, Name: strings.Repeat("ü", 48)}, Subject: &groupdv1.Sender{Identity: other, Name: strings.Repeat("ö", 48)},
			Title: strings.Repeat("t", 900), Text: strings.Repeat("x", 64<<10), About: 1<<64 - 1, MessageHash: bytes.Repeat([]byte{5}, 32),
			FieldsLength: 1<<32 - 1, TextCodec: 1<<32 - 1}},
		{rev: 1<<64 - 2, member: &groupdv1.Member{Identity: id, Name: strings.Repeat("ü", 48), Role: 4, Permissions: 1<<32 - 1, Joined: 1 << 40,
			LastHeard: 1 << 40, StatusText: strings.Repeat("s", 140), Rev: 1<<64 - 2, Gone: true, Muted: true, MutedUntil: 1 << 40}},
		{rev: 1<<64 - 2, group: &groupdv1.GroupState{PublicName: strings.Repeat("p", 96), PrivateName: strings.Repeat("q", 96),
			Topic: strings.Repeat("t", 400), Joining: 2, Public: true, Lockdown: true, ReadOnly: true, SlowModeS: 1<<32 - 1, ExpiresAt: 1 << 36, Over: true, Epoch: 1<<32 - 1, Forming: true}},
	}
	for i, it := range worst {
		l := &entryList{byRev: true, items: []item{it, it}, chain: func(uint64) []byte { return bytes.Repeat([]byte{1}, 32) },
			base: &groupdv1.PageView{Generation: 1<<64 - 1, FromRev: 1 << 63, ToRev: 1<<64 - 1, More: true, Filtered: 1<<32 - 1}}
		reply, _, fits, err := l.pack(MinReply, sealer(t, nil, false))
		if err != nil || !fits || len(reply) > MinReply {
			t.Errorf("item %d: %d bytes, fits %v, %v", i, len(reply), fits, err)
		}
	}
}

func TestTheSmallestCodecWins(t *testing.T) {
	k := &compressor{}
	pack := func(body string, accept ...groupdv1.Codec) []byte {
		b, err := k.seal([]byte(body), accept)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	chat := "Good morning everyone, does anyone know how to update the firmware of my RNode?"
	all := allCodecs()
	if b := pack(chat, all...); groupdv1.Codec(b[1]) != groupdv1.Codec_DEFLATE_DICTIONARY_1 || len(b) > len(chat)*2/3 {
		t.Errorf("a line of chat took codec %d and %d of %d bytes", b[1], len(b), len(chat))
	}
	if b := pack(strings.Repeat("\x01\x90\x07", 300), all...); groupdv1.Codec(b[1]) != groupdv1.Codec_DEFLATE {
		t.Errorf("a repetition took codec %d", b[1])
	}
	if b := pack("\x91\x07\xf3", all...); groupdv1.Codec(b[1]) != groupdv1.Codec_PLAIN {
		t.Errorf("three odd bytes took codec %d", b[1])
	}
	if b := pack(chat); groupdv1.Codec(b[1]) != groupdv1.Codec_PLAIN {
		t.Errorf("a client that accepts nothing got codec %d", b[1])
	}
	if b := pack(chat, 77, groupdv1.Codec_DEFLATE); groupdv1.Codec(b[1]) != groupdv1.Codec_DEFLATE {
		t.Errorf("an unknown codec in the list led to codec %d", b[1])
	}
}

// openReply reads the page in a protobuf reply to /messages.
func openReply(t testing.TB, reply []byte) *groupdv1.PageView {
	t.Helper()
	m := &groupdv1.MessagesReply{}
	if err := proto.Unmarshal(reply, m); err != nil {
		t.Fatal(err)
	}
	page, err := groupdv1.OpenPage(m.GetPage(), 0)
	if err != nil {
		t.Fatal(err)
	}
	v, err := page.Spell()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestACopyOfARowHasAllOfIt: rows are copied to be shortened; a new field must not get lost there.
func TestACopyOfARowHasAllOfIt(t *testing.T) {
	entry, member, state := &groupdv1.Entry{}, &groupdv1.Member{}, &groupdv1.GroupState{}
	for _, m := range []proto.Message{entry, member, state} {
		full := m.ProtoReflect()
		fields := full.Descriptor().Fields()
		for i := range fields.Len() {
			switch f := fields.Get(i); {
			case f.IsList():
				full.Mutable(f).List().AppendMutable()
			case f.Message() != nil:
				full.Mutable(f)
			case f.Kind() == protoreflect.StringKind:
				full.Set(f, protoreflect.ValueOfString("x"))
			case f.Kind() == protoreflect.BytesKind:
				full.Set(f, protoreflect.ValueOfBytes([]byte{1}))
			case f.Kind() == protoreflect.BoolKind:
				full.Set(f, protoreflect.ValueOfBool(true))
			case f.Kind() == protoreflect.EnumKind:
				full.Set(f, protoreflect.ValueOfEnum(2))
			case f.Kind() == protoreflect.Uint32Kind:
				full.Set(f, protoreflect.ValueOfUint32(7))
			case f.Kind() == protoreflect.Int64Kind:
				full.Set(f, protoreflect.ValueOfInt64(7))
			default:
				full.Set(f, protoreflect.ValueOfUint64(7))
			}
		}
	}
	for _, c := range [][2]proto.Message{{entry, cloneEntry(entry)}, {member, cloneMember(member)}, {state, cloneGroup(state)}} {
		if !proto.Equal(c[0], c[1]) {
			t.Errorf("%v was copied as %v", c[0], c[1])
		}
	}
}

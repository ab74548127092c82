package groupdv1_test

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	groupdv1 "groupd/proto/groupd/v1"
)

func TestDictionary1NeverChanges(t *testing.T) {
	d := groupdv1.Dictionary1()
	sum := sha256.Sum256(d)
	if got := hex.EncodeToString(sum[:]); got != "184252844186980797a83d18df0f6c0ef1615a51eb7f112483af0871d146df38" {
		t.Errorf("dictionary 1 is now %s: clients in the field cannot read our pages; make it dictionary 2", got)
	}
	if !utf8.Valid(d) || len(d) > 32<<10 {
		t.Errorf("dictionary has %d bytes", len(d))
	}
}

// someView makes a page of the kind that occurs, from a seed.
func someView(r *rand.Rand) *groupdv1.PageView {
	people := make([]*groupdv1.Sender, 1+r.IntN(5))
	for i := range people {
		id := make([]byte, 16)
		binary.BigEndian.PutUint64(id, r.Uint64())
		people[i] = &groupdv1.Sender{Identity: id, Name: strings.Repeat("n", r.IntN(12))}
	}
	someone := func() *groupdv1.Sender {
		if i := r.IntN(len(people) + 1); i < len(people) {
			return people[i]
		}
		return nil
	}
	v := &groupdv1.PageView{Generation: r.Uint64(), More: r.IntN(2) == 0, Filtered: uint32(r.IntN(3))}
	if r.IntN(2) == 0 {
		v.FromRev = uint64(r.IntN(1000))
		v.ToRev = v.FromRev + uint64(r.IntN(100))
	}
	seq, rev, at := r.Uint64N(1<<40), r.Uint64N(1<<40), r.Int64N(1<<34)
	for range r.IntN(30) {
		e := &groupdv1.Entry{Seq: seq, Rev: rev, Time: at, Sender: someone(), Text: strings.Repeat("grün ", r.IntN(9))}
		if r.IntN(4) == 0 {
			e.Kind, e.Deleted = groupdv1.Kind(r.IntN(13)), r.IntN(2) == 0
			e.Subject, e.About, e.Title = someone(), r.Uint64N(99), strings.Repeat("t", r.IntN(3))
			e.FullLength, e.AuthorTime, e.FieldsLength = uint32(r.IntN(2000)), r.Int64N(1<<33), uint32(r.IntN(50))
		}
		if r.IntN(9) == 0 {
			e.Text, e.Binary = "", []byte{0xff, byte(r.IntN(256))}
			e.MessageHash = bytes.Repeat([]byte{7}, 32)
		}
		v.Entries = append(v.Entries, e)
		seq += 1 + r.Uint64N(2)*r.Uint64N(50)
		rev += 1 + r.Uint64N(2)*r.Uint64N(1000)
		at += r.Int64N(4000) - 5
		if r.IntN(20) == 0 {
			rev, at = r.Uint64(), -at
		}
	}
	for range r.IntN(3) {
		v.Members = append(v.Members, &groupdv1.Member{Identity: bytes.Repeat([]byte{9}, 16), Rev: r.Uint64N(99), Name: "m"})
	}
	if r.IntN(3) == 0 {
		v.Group, v.ChainHash = &groupdv1.GroupState{PublicName: "g", Topic: "t"}, bytes.Repeat([]byte{3}, 32)
	}
	return v
}

func TestColumnsSpellTheSameRowsAgain(t *testing.T) {
	for seed := range uint64(500) {
		want := someView(rand.New(rand.NewPCG(seed, 1)))
		body, err := proto.Marshal(groupdv1.Columns(want))
		if err != nil {
			t.Fatal(err)
		}
		page, err := groupdv1.OpenPage(groupdv1.AppendPage(nil, groupdv1.Codec_PLAIN, body), 0)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		got, err := page.Spell()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !proto.Equal(got, want) {
			t.Fatalf("seed %d:\n got %v\nwant %v", seed, got, want)
		}
	}
}

func TestARunOfPostsByOneMemberNeedsFewBytesEach(t *testing.T) {
	me := &groupdv1.Sender{Identity: bytes.Repeat([]byte{1}, 16), Name: "ada"}
	v := &groupdv1.PageView{Generation: 1}
	size := func() int {
		b, err := proto.Marshal(groupdv1.Columns(v))
		if err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	add := func() {
		n := uint64(len(v.Entries))
		v.Entries = append(v.Entries, &groupdv1.Entry{Seq: 70000 + n, Rev: 90000 + n, Time: 1800000000 + 7*int64(n), Sender: me, Text: "hello"})
	}
	add()
	add()
	two := size()
	for range 10 {
		add()
	}
	if each := float64(size()-two) / 10; each != 5+3 { // the text, its length, the sender, the time
		t.Errorf("%.1f bytes for each further post of 5 bytes", each)
	}
}

func TestPagesThatContradictThemselvesAreRefused(t *testing.T) {
	corrupt := map[string]*groupdv1.Page{
		"text ends early":          {Count: 1, TextLengths: []uint32{5}, Text: []byte("four")},
		"text of nobody":           {Count: 1, Text: []byte("x")},
		"sender out of range":      {Count: 1, From: []uint32{1}},
		"subject out of range":     {Count: 1, Notes: []*groupdv1.Note{{Subject: 3}}},
		"note on no entry":         {Count: 1, Notes: []*groupdv1.Note{{Entry: 1}}},
		"more kinds than entries":  {Count: 1, Kinds: []uint32{0, 1}},
		"more seqs than entries":   {Count: 1, Seqs: []int64{1}},
		"columns without entries":  {From: []uint32{0}},
		"revs out of range":        {FromRev: math.MaxUint64, Revs: 1},
		"kind out of range":        {Count: 1, Kinds: []uint32{32}},
		"length beyond all memory": {Count: 2, TextLengths: []uint32{math.MaxUint32, math.MaxUint32}, Text: []byte("x")},
	}
	for name, p := range corrupt {
		if v, err := p.Spell(); !errors.Is(err, groupdv1.ErrPageCorrupt) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	if _, err := (&groupdv1.Page{Count: groupdv1.MaxPageEntries + 1}).Spell(); !errors.Is(err, groupdv1.ErrPageTooLarge) {
		t.Errorf("too many entries: %v", err)
	}
}

func deflate(t testing.TB, body, dictionary []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriterDict(&out, flate.BestCompression, dictionary)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAPageThatUnpacksToTooMuchStopsEarly(t *testing.T) {
	bomb := deflate(t, make([]byte, 16<<20), nil)
	if len(bomb) > 100<<10 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	allocated := testing.AllocsPerRun(1, func() {
		if _, err := groupdv1.OpenPage(groupdv1.AppendPage(nil, groupdv1.Codec_DEFLATE, bomb), 0); !errors.Is(err, groupdv1.ErrPageTooLarge) {
			t.Errorf("got %v", err)
		}
	})
	if allocated > 200 {
		t.Errorf("%v allocations", allocated)
	}
}

func TestPageFormsOfAnyOtherKindAreRefused(t *testing.T) {
	body, err := proto.Marshal(&groupdv1.Page{Count: 1, FirstSeq: 3})
	if err != nil {
		t.Fatal(err)
	}
	packed := deflate(t, body, nil)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"nothing":          {nil, groupdv1.ErrPageShort},
		"one byte":         {[]byte{1}, groupdv1.ErrPageShort},
		"version 0":        {append([]byte{0, 0}, body...), groupdv1.ErrPageVersion},
		"version 2":        {append([]byte{2, 0}, body...), groupdv1.ErrPageVersion},
		"codec 9":          {append([]byte{1, 9}, body...), groupdv1.ErrPageCodec},
		"no message":       {[]byte{1, 0, 0x7b}, groupdv1.ErrPageCorrupt},
		"cut stream":       {groupdv1.AppendPage(nil, groupdv1.Codec_DEFLATE, packed[:len(packed)-1]), groupdv1.ErrPageCorrupt},
		"bytes after it":   {append(groupdv1.AppendPage(nil, groupdv1.Codec_DEFLATE, packed), 0), groupdv1.ErrPageCorrupt},
		"plain, too large": {append([]byte{1, 0}, make([]byte, groupdv1.MaxPageBody+1)...), groupdv1.ErrPageTooLarge},
	} {
		if _, err := groupdv1.OpenPage(c.data, 0); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBeaconsReadBackAsTheyWereWritten(t *testing.T) {
	for _, b := range []groupdv1.Beacon{
		{Joining: groupdv1.Joining_CLOSED},
		{Joining: groupdv1.Joining_OPEN, Public: true, JoinCost: 12, PostCost: 8, Name: "MeshChat Public Chat"},
		{Joining: groupdv1.Joining_APPROVE, Head: true, Generation: math.MaxUint64, Seq: 1, Deletions: math.MaxUint64, Name: "Grüße"},
	} {
		form := b.Append(nil)
		if len(form) > groupdv1.MaxBeacon {
			t.Errorf("%d bytes", len(form))
		}
		got, err := groupdv1.ParseBeacon(append(form, "what comes later"...))
		if err != nil || got != b {
			t.Errorf("got %+v, %v; want %+v", got, err, b)
		}
		for n := range form {
			if _, err := groupdv1.ParseBeacon(form[:n]); !errors.Is(err, groupdv1.ErrBeacon) {
				t.Errorf("%d of %d bytes went through", n, len(form))
			}
		}
	}
	long := groupdv1.Beacon{Joining: groupdv1.Joining_OPEN, Name: strings.Repeat("ü", 60)}
	got, err := groupdv1.ParseBeacon(long.Append(nil))
	if err != nil || got.Name != strings.Repeat("ü", 48) {
		t.Errorf("a long name became %q, %v", got.Name, err)
	}
}

func FuzzOpenPage(f *testing.F) {
	for seed := range uint64(8) {
		body, err := proto.Marshal(groupdv1.Columns(someView(rand.New(rand.NewPCG(seed, 2)))))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(groupdv1.AppendPage(nil, groupdv1.Codec_PLAIN, body))
		f.Add(groupdv1.AppendPage(nil, groupdv1.Codec_DEFLATE, deflate(f, body, nil)))
		f.Add(groupdv1.AppendPage(nil, groupdv1.Codec_DEFLATE_DICTIONARY_1, deflate(f, body, groupdv1.Dictionary1())))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		page, err := groupdv1.OpenPage(data, 64<<10)
		if err != nil {
			return
		}
		view, err := page.Spell()
		if err != nil {
			return
		}
		again, err := groupdv1.Columns(view).Spell()
		if err != nil {
			t.Fatalf("what was spelled cannot be put in columns: %v", err)
		}
		if len(again.GetEntries()) != len(view.GetEntries()) {
			t.Fatalf("%d entries became %d", len(view.GetEntries()), len(again.GetEntries()))
		}
		for i, e := range view.GetEntries() {
			if a := again.GetEntries()[i]; a.GetSeq() != e.GetSeq() || a.GetRev() != e.GetRev() || a.GetTime() != e.GetTime() || a.GetText() != e.GetText() {
				t.Fatalf("entry %d became\n%v\n%v", i, a, e)
			}
		}
	})
}

func FuzzParseBeacon(f *testing.F) {
	f.Add(groupdv1.Beacon{Joining: groupdv1.Joining_OPEN, Head: true, Generation: 5, Seq: 300, Deletions: 2, Name: "x"}.Append(nil))
	f.Add(groupdv1.Beacon{Joining: groupdv1.Joining_CLOSED, Name: "y"}.Append(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := groupdv1.ParseBeacon(data)
		if err != nil {
			return
		}
		again, err := groupdv1.ParseBeacon(b.Append(nil))
		if err != nil || again != b {
			t.Fatalf("%+v became %+v, %v", b, again, err)
		}
	})
}

func TestRequestStampsReadBackAsTheyWereWritten(t *testing.T) {
	s := groupdv1.RequestStamp{Day: groupdv1.StampDay(time.Date(2026, 11, 20, 23, 59, 59, 0, time.UTC)), Stamp: [32]byte{1, 31: 2}}
	if s.Day != 20777 || groupdv1.StampDay(time.Unix(-5, 0)) != 0 {
		t.Errorf("day %d", s.Day)
	}
	form := s.Append(nil)
	got, err := groupdv1.ParseRequestStamp(form)
	if err != nil || got != s || len(form) != groupdv1.RequestStampLength {
		t.Errorf("%d bytes, %+v, %v", len(form), got, err)
	}
	for _, bad := range [][]byte{nil, form[:1], form[:len(form)-1], append(form, 0), append([]byte{2}, form[1:]...)} {
		if _, err := groupdv1.ParseRequestStamp(bad); !errors.Is(err, groupdv1.ErrRequestStamp) {
			t.Errorf("%x went through", bad)
		}
	}
}

func FuzzParseRequestStamp(f *testing.F) {
	f.Add(groupdv1.RequestStamp{Day: 20777, Stamp: [32]byte{1}}.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := groupdv1.ParseRequestStamp(data)
		if err == nil && !bytes.Equal(s.Append(nil), data) {
			t.Fatalf("%x became %+v", data, s)
		}
	})
}

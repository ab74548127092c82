package groupdv1_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	groupdv1 "groupd/proto/groupd/v1"
)

// The files in testdata are vectors for readers in any language, in the form of testdata/vectors/README.md. pages.json and beacons.json
// are made here with -update, requests.json by the test of the same flag in api/requests.
type vector struct {
	ID          string          `json:"id"`
	Kind        string          `json:"kind"`
	Description string          `json:"description"`
	Valid       bool            `json:"valid"`
	Reason      string          `json:"reason,omitempty"`
	In          vectorIn        `json:"in"`
	Out         json.RawMessage `json:"out,omitempty"`
}

type vectorIn struct {
	Path  string `json:"path,omitempty"`
	Bytes string `json:"bytes"`
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write pages.json and beacons.json anew")
	flag.Parse()
	os.Exit(m.Run())
}

func updating() bool { return flag.Lookup("update").Value.(flag.Getter).Get().(bool) }

// vectorsIn reads one file of testdata.
func vectorsIn(t *testing.T, name string) []vector {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(raw, &vs); err != nil || len(vs) == 0 {
		t.Fatalf("%s: %d cases, %v", name, len(vs), err)
	}
	return vs
}

func (v vector) bytes(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.In.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeVectors(t *testing.T, name string, vs []vector) {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("[\n")
	for i, v := range vs {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(line)
		if i < len(vs)-1 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
	}
	out.WriteString("]\n")
	if err := os.WriteFile(filepath.Join("testdata", name), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func compactJSON(t *testing.T, m proto.Message) json.RawMessage {
	t.Helper()
	loose, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var tight bytes.Buffer
	if err := json.Compact(&tight, loose); err != nil {
		t.Fatal(err)
	}
	return tight.Bytes()
}

// examplePages are views worth having a vector of.
func examplePages() map[string]*groupdv1.PageView {
	ada := &groupdv1.Sender{Identity: bytes.Repeat([]byte{1}, 16), Name: "ada"}
	grace := &groupdv1.Sender{Identity: bytes.Repeat([]byte{2}, 16), Name: "grace"}
	const at, generation = 1_800_000_000, 0x1122334455667788
	post := func(n uint64, who *groupdv1.Sender, text string) *groupdv1.Entry {
		return &groupdv1.Entry{Seq: 40 + n, Rev: 90 + n, Time: at + 60*int64(n), Sender: who, Text: text}
	}
	kick := post(3, ada, "spam")
	kick.Kind, kick.Subject = groupdv1.Kind_KICK, grace
	tomb := post(4, grace, "")
	tomb.Deleted, tomb.Subject, tomb.Rev = true, ada, 300
	edit := post(5, ada, "Good evening everyone")
	edit.Kind, edit.About = groupdv1.Kind_EDIT, 41
	long := post(6, grace, "the first bytes of a long")
	long.Title, long.FullLength = "story", 5120
	odd := post(7, ada, "")
	odd.Binary, odd.TextCodec, odd.MessageHash, odd.FieldsLength = []byte{0xff, 0xfe}, 3, bytes.Repeat([]byte{7}, 32), 88
	odd.AuthorTime = odd.Time - 3600
	edited := post(1, ada, "")
	edited.EditedBy = 45
	loved := post(8, grace, "who comes?")
	loved.Pinned, loved.Reactions = true, []*groupdv1.ReactionCount{{Text: "👍", Count: 12, Mine: true}, {Text: "❤", Count: 1}}
	return map[string]*groupdv1.PageView{
		"1 an empty page at the end of the list": {Generation: generation, FromRev: 97, ToRev: 97},
		"2 three posts by two members": {Generation: generation, FromRev: 97, ToRev: 97, Entries: []*groupdv1.Entry{
			post(1, ada, "Good morning everyone"), post(2, grace, "Good morning! Does anyone know how to update the firmware of an RNode?"), post(3, ada, "Guten Morgen, ja")}},
		"3 an event, a deleted entry, an edit, a descriptor, text in another codec": {Generation: generation, FromRev: 90, ToRev: 300, More: true, Filtered: 2,
			Entries: []*groupdv1.Entry{kick, tomb, edit, long, odd}, ChainHash: bytes.Repeat([]byte{0xcc}, 32)},
		"4 a member and the group changed": {Generation: generation, FromRev: 300, ToRev: 305,
			Members: []*groupdv1.Member{{Identity: grace.GetIdentity(), Name: "grace", Role: groupdv1.Role_ROLE_MODERATOR, Permissions: 635, Joined: at, LastHeard: at + 99, StatusText: "on the ridge", Rev: 302},
				{Identity: ada.GetIdentity(), Name: "ada", Rev: 303, Gone: true}},
			Group: &groupdv1.GroupState{PublicName: "Valley Mesh", Topic: "Nodes on the ridge", Joining: groupdv1.Joining_APPROVE, Public: true}},
		"5 only events, and they were filtered: go on from next_seq": {Generation: generation, More: true, Filtered: 500, NextSeq: 201},
		"7 an edited entry and its edit, reactions, a pin, an entry of which only these changed": {Generation: generation, FromRev: 90, ToRev: 301,
			Entries: []*groupdv1.Entry{edited, edit, loved, {Seq: 12, Rev: 301, Time: at - 900, Pinned: true, Unchanged: true}}},
		"8 the oldest entry that is kept, and nothing else": {Generation: generation, FromRev: 500, ToRev: 500, Oldest: 4711},
		"6 entries that are not in a row": {Generation: generation, Entries: []*groupdv1.Entry{
			{Seq: 9, Rev: 500, Time: at}, {Seq: 2, Rev: 12, Time: at - 5000, Sender: ada}, {Seq: 300, Rev: 13, Time: at + 1<<33, Sender: ada, Text: "x"}}},
	}
}

func TestVectorsOfPages(t *testing.T) {
	if updating() {
		views := examplePages()
		var vs []vector
		for i := 1; i <= len(views); i++ {
			for what, view := range views {
				if what[0] != byte('0'+i) {
					continue
				}
				body, err := proto.MarshalOptions{Deterministic: true}.Marshal(groupdv1.Columns(view))
				if err != nil {
					t.Fatal(err)
				}
				for i, form := range [][]byte{body, deflate(t, body, nil), deflate(t, body, groupdv1.Dictionary1())} {
					codec := groupdv1.Codec(i)
					vs = append(vs, vector{ID: "pages-" + what[:1] + "-" + codec.String(), Kind: "page", Description: what[2:], Valid: true,
						In: vectorIn{Bytes: hex.EncodeToString(groupdv1.AppendPage(nil, codec, form))}, Out: compactJSON(t, view)})
				}
			}
		}
		bad := func(id, reason string, form []byte) {
			vs = append(vs, vector{ID: "pages-bad-" + id, Kind: "page", Description: reason, Reason: reason, In: vectorIn{Bytes: hex.EncodeToString(form)}})
		}
		form := func(p *groupdv1.Page) []byte {
			body, err := proto.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			return groupdv1.AppendPage(nil, groupdv1.Codec_PLAIN, body)
		}
		packed := deflate(t, []byte("\x38\x00"), nil)
		bad("short", "only one byte", []byte{1})
		bad("version", "a version that does not exist yet", []byte{2, 0})
		bad("codec", "a codec that does not exist yet", []byte{1, 9})
		bad("cut", "the DEFLATE stream is cut off", groupdv1.AppendPage(nil, groupdv1.Codec_DEFLATE, packed[:len(packed)-1]))
		bad("after", "bytes after the DEFLATE stream", append(groupdv1.AppendPage(nil, groupdv1.Codec_DEFLATE, packed), 0))
		bad("text", "the texts end early", form(&groupdv1.Page{Count: 1, TextLengths: []uint32{5}, Text: []byte("four")}))
		bad("rest", "text that belongs to no entry", form(&groupdv1.Page{Count: 1, Text: []byte("x")}))
		bad("sender", "a sender that is not in the list", form(&groupdv1.Page{Count: 1, From: []uint32{2}, Senders: []*groupdv1.Sender{{}}}))
		bad("note", "a note on an entry that is not there", form(&groupdv1.Page{Count: 1, Notes: []*groupdv1.Note{{Entry: 1}}}))
		bad("column", "a column longer than the page", form(&groupdv1.Page{Count: 1, Kinds: []uint32{0, 2}}))
		bad("count", "more entries than a page may hold", form(&groupdv1.Page{Count: groupdv1.MaxPageEntries + 1}))
		writeVectors(t, "pages.json", vs)
	}
	for _, v := range vectorsIn(t, "pages.json") {
		t.Run(v.ID, func(t *testing.T) {
			page, err := groupdv1.OpenPage(v.bytes(t), 0)
			var view *groupdv1.PageView
			if err == nil {
				view, err = page.Spell()
			}
			if !v.Valid {
				if err == nil {
					t.Fatalf("went through: %v", view)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := &groupdv1.PageView{}
			if err := protojson.Unmarshal(v.Out, want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(view, want) {
				t.Errorf("got  %v\nwant %v", view, want)
			}
			if v.bytes(t)[1] == byte(groupdv1.Codec_PLAIN) {
				body, err := proto.MarshalOptions{Deterministic: true}.Marshal(groupdv1.Columns(want))
				if err != nil || !bytes.Equal(groupdv1.AppendPage(nil, groupdv1.Codec_PLAIN, body), v.bytes(t)) {
					t.Errorf("written as %x, %v", body, err)
				}
			}
		})
	}
}

// beaconOut is a beacon in the vectors.
type beaconOut struct {
	Joining    string `json:"joining"`
	Public     bool   `json:"public"`
	JoinCost   uint8  `json:"join_cost"`
	PostCost   uint8  `json:"post_cost"`
	Head       bool   `json:"head"`
	Generation uint64 `json:"generation,string"`
	Seq        uint64 `json:"seq,string"`
	Deletions  uint64 `json:"deletions,string"`
	Name       string `json:"name"`
}

func TestVectorsOfBeacons(t *testing.T) {
	if updating() {
		var vs []vector
		add := func(id, what string, b groupdv1.Beacon) {
			out, err := json.Marshal(beaconOut{b.Joining.String(), b.Public, b.JoinCost, b.PostCost, b.Head, b.Generation, b.Seq, b.Deletions, b.Name})
			if err != nil {
				t.Fatal(err)
			}
			vs = append(vs, vector{ID: "beacons-" + id, Kind: "beacon", Description: what, Valid: true, In: vectorIn{Bytes: hex.EncodeToString(b.Append(nil))}, Out: out})
		}
		add("open", "a public group anyone can join", groupdv1.Beacon{Joining: groupdv1.Joining_OPEN, Public: true, Head: true, Generation: 0x1122334455667788, Seq: 4711, Deletions: 3, Name: "Valley Mesh"})
		add("private", "a private group that tells only its name", groupdv1.Beacon{Joining: groupdv1.Joining_APPROVE, JoinCost: 12, Name: "Private Group"})
		add("closed", "a group without a name that takes nobody", groupdv1.Beacon{Joining: groupdv1.Joining_CLOSED, PostCost: 8})
		later := groupdv1.Beacon{Joining: groupdv1.Joining_OPEN, Name: "ü"}
		add("later", "flags and bytes of a later time are ignored", later)
		b := append(later.Append(nil), 1, 2, 3)
		b[1] |= 0xf0
		vs[3].In.Bytes = hex.EncodeToString(b)
		for _, bad := range [][2]string{{"length", ""}, {"version", "0201000000"}, {"name", "010100000361"}, {"head", "010900001122"},
			{"varint", "01090000112233445566778880"}, {"text", "0101000001ff"}} {
			vs = append(vs, vector{ID: "beacons-bad-" + bad[0], Kind: "beacon", Description: "not a beacon", Reason: "wrong " + bad[0], In: vectorIn{Bytes: bad[1]}})
		}
		writeVectors(t, "beacons.json", vs)
	}
	for _, v := range vectorsIn(t, "beacons.json") {
		t.Run(v.ID, func(t *testing.T) {
			b, err := groupdv1.ParseBeacon(v.bytes(t))
			if !v.Valid {
				if err == nil {
					t.Fatalf("went through: %+v", b)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want beaconOut
			if err := json.Unmarshal(v.Out, &want); err != nil {
				t.Fatal(err)
			}
			if got := (beaconOut{b.Joining.String(), b.Public, b.JoinCost, b.PostCost, b.Head, b.Generation, b.Seq, b.Deletions, b.Name}); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestVectorsOfRequests(t *testing.T) {
	for _, v := range vectorsIn(t, "requests.json") {
		t.Run(v.ID, func(t *testing.T) {
			var out struct {
				Message string          `json:"message"`
				JSON    json.RawMessage `json:"json"`
			}
			if err := json.Unmarshal(v.Out, &out); err != nil {
				t.Fatal(err)
			}
			kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(out.Message))
			if err != nil {
				t.Fatal(err)
			}
			got, want := kind.New().Interface(), kind.New().Interface()
			if err := proto.Unmarshal(v.bytes(t), got); err != nil {
				t.Fatal(err)
			}
			if err := protojson.Unmarshal(out.JSON, want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(got, want) {
				t.Errorf("got  %v\nwant %v", got, want)
			}
			if again, err := (proto.MarshalOptions{Deterministic: true}).Marshal(want); err != nil || !bytes.Equal(again, v.bytes(t)) {
				t.Errorf("written as %x, %v", again, err)
			}
		})
	}
}

package requests

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// onlyStatus cuts field 1 out of a reply and checks that the rest is protobuf.
func onlyStatus(t testing.TB, b []byte) []byte {
	t.Helper()
	var out []byte
	for rest := b; len(rest) > 0; {
		n := protowire.ConsumeField
		num, _, size := n(rest)
		if size < 0 {
			t.Fatalf("answer %x is not protobuf", b)
		}
		if num == statusField {
			out = append(out, rest[:size]...)
		}
		rest = rest[size:]
	}
	return out
}

func jsonStatus(t testing.TB, b []byte) *groupdv1.Status {
	t.Helper()
	var fields struct {
		Status json.RawMessage `json:"status"`
	}
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatalf("answer %s: %v", b, err)
	}
	st := &groupdv1.Status{}
	if fields.Status != nil {
		if err := protojson.Unmarshal(fields.Status, st); err != nil {
			t.Fatalf("status %s: %v", fields.Status, err)
		}
	}
	return st
}

func TestEveryPathAnswersAGoodRequest(t *testing.T) {
	s := newServer(t, newFake(30))
	answered := map[string]bool{}
	for _, q := range samples() {
		ask(t, s, ada(), q.path, q.request, q.reply)
		m := q.reply.ProtoReflect()
		if m.Has(m.Descriptor().Fields().ByNumber(statusField)) {
			t.Errorf("%s: %v", q.path, q.reply)
		}
		answered[Prefix+q.path] = true
	}
	for _, p := range s.Paths() {
		if !answered[p] {
			t.Errorf("%s has no sample", p)
		}
	}
}

func TestEveryReplyHasItsStatusInFieldOne(t *testing.T) {
	for _, r := range newServer(t, newFake(0)).routes {
		f := r.newReply().ProtoReflect().Descriptor().Fields().ByNumber(statusField)
		if f == nil || f.Message() == nil || f.Message().FullName() != "groupd.v1.Status" {
			t.Errorf("%s: field 1 is %v", r.path, f)
		}
	}
}

// Numbers that no entry can have reach the domain as the largest one there can be, not as a fault of the database.
func TestNumbersBeyondAllEntriesAreNoFault(t *testing.T) {
	const beyond = math.MaxUint64
	asked := &groupdv1.MessagesRequest{AfterRev: proto.Uint64(beyond), BeforeSeq: proto.Uint64(7), Seqs: []uint64{3, beyond}, CompleteRev: beyond, Limit: math.MaxUint32}
	want := &groupdv1.MessagesRequest{AfterRev: proto.Uint64(math.MaxInt64), BeforeSeq: proto.Uint64(7), Seqs: []uint64{3, math.MaxInt64}, CompleteRev: math.MaxInt64, Limit: math.MaxUint32}
	text, err := protojson.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct {
		form
		body []byte
	}{{form{}, mustMarshal(asked)}, {form{json: true}, text}} {
		var got groupdv1.MessagesRequest
		if err := f.decode(f.body, &got); err != nil || !proto.Equal(&got, want) {
			t.Errorf("JSON %v: %v, %v", f.json, &got, err)
		}
	}
}

func TestBadDataAlwaysGetsAStatus(t *testing.T) {
	s := newServer(t, newFake(40))
	r := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for _, path := range append(s.Paths(), "", "/", "/api/v1", "/api/v1/nothing", "/api/v2/info", "/page/index.mu", strings.Repeat("/api/v1/info", 99)) {
		var good []byte
		for _, q := range samples() {
			if Prefix+q.path == path {
				good = mustMarshal(q.request)
			}
		}
		answer := func(what string, data msgpack.Raw) *groupdv1.Status {
			out := s.Handle(t.Context(), ada(), path, data, BasePacket)
			if !out.Valid() {
				t.Fatalf("%s, %s: answer %x is not msgpack", path, what, []byte(out))
			}
			return statusOfReply(t, out)
		}
		for n := range good { // truncated in the message, and in the msgpack around it
			answer(fmt.Sprintf("first %d bytes", n), msgpack.Bin(good[:n]))
			if st := answer("cut msgpack", msgpack.Bin(good)[:n+1]); st.GetCode() != groupdv1.Code_INVALID {
				t.Errorf("%s: cut msgpack got %v", path, st)
			}
		}
		for range 60 {
			answer("random bytes", msgpack.Bin(noise(r.IntN(80))))
			answer("random msgpack", msgpack.Raw(noise(r.IntN(80))))
			flipped := slices.Clone(good)
			if len(flipped) > 0 {
				flipped[r.IntN(len(flipped))] ^= 1 << r.IntN(8)
			}
			answer("a flipped bit", msgpack.Bin(flipped))
		}
		for what, data := range map[string]msgpack.Raw{
			"nothing at all": nil, "a number": msgpack.Int(7), "true": msgpack.Bool(true), "a float": msgpack.Float(1.5),
			"an array": msgpack.Array(msgpack.Bin(good)), "a map": msgpack.Map(msgpack.Entry{Key: msgpack.Str("a"), Value: msgpack.Nil()}),
			"two values": append(msgpack.Bin(good), msgpack.Nil()...),
		} {
			if st := answer(what, data); st.GetCode() != groupdv1.Code_INVALID {
				t.Errorf("%s, %s: %v", path, what, st)
			}
		}
		if st := answer("too large", msgpack.Bin(make([]byte, MaxRequest+1))); st.GetCode() != groupdv1.Code_TOO_LARGE || st.GetLimit() != MaxRequest {
			t.Errorf("%s, too large: %v", path, st)
		}
		for _, text := range []string{"{", "[]", "null", "hello", `{"no_such_field":1}`, `{"client_id":5}`, "{}{}", strings.Repeat(`{"who":`, 5000)} {
			answer("JSON "+text[:min(len(text), 20)], msgpack.Str(text))
			answer("JSON bytes "+text[:min(len(text), 20)], msgpack.Bin([]byte(text)))
		}
	}
}

func TestAnUnknownPathIsUnsupported(t *testing.T) {
	s := newServer(t, newFake(0))
	for _, path := range []string{"", "/api/v1/messages/", "/api/v1/nothing", "/info", "/api/v2/info"} {
		for _, c := range []group.Caller{{}, ada()} {
			if st := statusOfReply(t, s.Handle(t.Context(), c, path, msgpack.Nil(), BasePacket)); st.GetCode() != groupdv1.Code_UNSUPPORTED {
				t.Errorf("%q: %v", path, st)
			}
		}
	}
}

func TestALinkWithoutIdentityIsAskedToIdentify(t *testing.T) {
	h := newFake(5)
	s := newServer(t, h)
	for _, q := range samples() {
		h.asked = nil
		got := ask(t, s, group.Caller{}, q.path, q.request, q.reply)
		st := statusOfReply(t, msgpack.Bin(got))
		switch q.path {
		case "/info", "/disclosure", "/directory", "/groups":
			if st.GetCode() != groupdv1.Code_OK {
				t.Errorf("%s: %v", q.path, st)
			}
		case "/batch":
			for _, it := range q.reply.(*groupdv1.BatchReply).GetItems() {
				if st := statusOfReply(t, msgpack.Bin(it.GetData())); st.GetCode() != groupdv1.Code_NOT_IDENTIFIED {
					t.Errorf("in a batch: %v", st)
				}
			}
		default:
			if st.GetCode() != groupdv1.Code_NOT_IDENTIFIED || len(h.asked) != 0 {
				t.Errorf("%s: %v, asked %v", q.path, st, h.asked)
			}
		}
	}
}

func TestEveryKindOfErrorHasItsStatus(t *testing.T) {
	ada := newFake(0).people[0]
	for want, e := range map[string]*group.Error{
		`code:DENIED message:"no"`:                           {Kind: group.KindDenied, Msg: "no"},
		`code:NOT_IDENTIFIED message:"who are you"`:          {Kind: group.KindNotIdentified, Msg: "who are you"},
		`code:NOT_MEMBER message:"join first"`:               {Kind: group.KindNotMember, Msg: "join first"},
		`code:PENDING message:"wait"`:                        {Kind: group.KindPending, Msg: "wait"},
		`code:BANNED message:"out" retry_after_s:2`:          {Kind: group.KindBanned, Msg: "out", RetryAfter: 1100 * time.Millisecond},
		`code:MUTED message:"hush"`:                          {Kind: group.KindMuted, Msg: "hush"},
		`code:INVALID message:"too long" field:"name"`:       {Kind: group.KindInvalid, Msg: "too long", Field: "name"},
		`code:NOT_FOUND message:"none"`:                      {Kind: group.KindNotFound, Msg: "none"},
		`code:RATE_LIMITED message:"slow" retry_after_s:60`:  {Kind: group.KindRateLimited, Msg: "slow", RetryAfter: time.Minute},
		`code:STAMP_REQUIRED message:"work" stamp_cost:12`:   {Kind: group.KindStampRequired, Msg: "work", Limit: 12},
		`code:TOO_LARGE message:"big" limit:10 needed:11`:    {Kind: group.KindTooLarge, Msg: "big", Limit: 10, Needed: 11},
		`code:FULL message:"full" limit:200`:                 {Kind: group.KindFull, Msg: "full", Limit: 200},
		`code:CONFLICT message:"taken"`:                      {Kind: group.KindConflict, Msg: "taken"},
		`code:UNSUPPORTED message:"not here"`:                {Kind: group.KindUnsupported, Msg: "not here"},
		`code:CONFLICT message:"who" choices:{name:"ada" }`:  {Kind: group.KindConflict, Msg: "who", Choices: []group.Member{ada}},
		`code:NOT_FOUND message:"wrapped" field:"the field"`: {Kind: group.KindNotFound, Msg: "wrapped", Field: "the field", Err: errors.New("secret cause")},
	} {
		st := statusOf(fmt.Errorf("outside: %w", e))
		for _, c := range st.GetChoices() {
			if len(c.GetAddress()) != 16 {
				t.Errorf("choice without address: %v", c)
			}
			c.Address = nil
		}
		got := strings.Join(strings.Fields(fmt.Sprint(st)), " ")
		if got != strings.ReplaceAll(want, " }", "}") {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestOurOwnFaultsGetALogIDAndNoDetails(t *testing.T) {
	var log bytes.Buffer
	for name, h := range map[string]*fakeHub{
		"bug":        {err: errors.New("secret path /var/lib")},
		"disk":       {err: &group.Error{Kind: group.KindNotDurable, Op: "kick", Msg: "disk", Err: group.ErrNotDurable}},
		"panic":      {explode: "a member's secret text"},
		"nil access": {explode: func() (err any) { defer func() { err = recover() }(); var p *group.Info; _ = p.Group; return nil }()},
	} {
		log.Reset()
		h.people = newFake(0).people
		s, err := New(Config{Hub: h, Group: "main", Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range samples() {
			if q.path == "/disclosure" || q.path == "/batch" {
				continue
			}
			got := ask(t, s, ada(), q.path, q.request, q.reply)
			st := statusOfReply(t, msgpack.Bin(got))
			if st.GetCode() != groupdv1.Code_INTERNAL || len(st.GetLogId()) != 8 || !strings.Contains(log.String(), st.GetLogId()) {
				t.Errorf("%s, %s: %v", name, q.path, st)
			}
			if strings.Contains(st.GetMessage(), "secret") || strings.Contains(log.String(), "member's secret") {
				t.Errorf("%s, %s: told too much", name, q.path)
			}
		}
	}
}

func TestClientIDsReachTheDomain(t *testing.T) {
	h := newFake(3)
	s := newServer(t, h)
	for _, q := range samples() {
		f := q.request.ProtoReflect().Descriptor().Fields().ByName("client_id")
		r, _ := s.find(q.path)
		if (r.effect == changes) != (f != nil) && q.path != "/batch" {
			t.Errorf("%s changes something: %v, has a client id: %v", q.path, r.effect == changes, f != nil)
		}
		if f == nil {
			continue
		}
		h.callers = nil
		ask(t, s, ada(), q.path, q.request, q.reply)
		if !slices.ContainsFunc(h.callers, func(c group.Caller) bool { return bytes.Equal(c.ClientID, []byte{0xc1, 0x1e}) && c.Identity == id(1) }) {
			t.Errorf("%s: the domain saw %+v", q.path, h.callers)
		}
	}
}

func TestPeopleAreFoundByHashAddressOrName(t *testing.T) {
	h := newFake(0)
	s := newServer(t, h)
	linus := group.AnyHash(id(3))
	address := group.AnyHash(group.AddressOf(id(3)))
	for _, c := range []struct {
		who  *groupdv1.Who
		want group.AnyHash
		code groupdv1.Code
	}{
		{&groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: linus[:]}}, linus, 0},
		{&groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: address[:]}}, address, 0},
		{&groupdv1.Who{Who: &groupdv1.Who_Name{Name: "linus"}}, linus, 0},
		{&groupdv1.Who{Who: &groupdv1.Who_Name{Name: address.String()}}, address, 0},
		{&groupdv1.Who{Who: &groupdv1.Who_Name{Name: "<" + strings.ToUpper(address.String()) + ">"}}, address, 0},
		{&groupdv1.Who{Who: &groupdv1.Who_Name{Name: "nobody"}}, group.AnyHash{}, groupdv1.Code_NOT_FOUND},
		{&groupdv1.Who{Who: &groupdv1.Who_Name{}}, group.AnyHash{}, groupdv1.Code_INVALID},
		{&groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: linus[:15]}}, group.AnyHash{}, groupdv1.Code_INVALID},
		{&groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: make([]byte, 16)}}, group.AnyHash{}, groupdv1.Code_INVALID},
		{&groupdv1.Who{}, group.AnyHash{}, groupdv1.Code_INVALID},
		{nil, group.AnyHash{}, groupdv1.Code_INVALID},
	} {
		h.seen = nil
		reply := &groupdv1.Ack{}
		ask(t, s, ada(), "/members/kick", &groupdv1.KickRequest{Who: c.who}, reply)
		if reply.GetStatus().GetCode() != c.code {
			t.Errorf("%v: %v", c.who, reply.GetStatus())
		}
		if c.code == groupdv1.Code_INVALID && reply.GetStatus().GetField() != "who" {
			t.Errorf("%v: field %q", c.who, reply.GetStatus().GetField())
		}
		if c.code == groupdv1.Code_OK && h.seen[0].(group.KickInput).Target != c.want {
			t.Errorf("%v: kicked %v", c.who, h.seen[0])
		}
	}
}

func TestTheJSONTwinSaysTheSame(t *testing.T) {
	for _, q := range samples() {
		if q.path == "/batch" {
			continue // its items are told apart in their own test
		}
		binary := ask(t, newServer(t, newFake(30)), ada(), q.path, q.request, q.reply)
		text, err := protojson.Marshal(q.request)
		if err != nil {
			t.Fatal(err)
		}
		s := newServer(t, newFake(30))
		for _, data := range []msgpack.Raw{msgpack.Str(string(text)), msgpack.Bin(text)} {
			out, _ := s.handle(t.Context(), ada(), deadLine{}, Prefix+q.path, data, 4096)
			answer, isText := out.Str()
			if b, ok := out.Bin(); ok {
				answer = string(b)
			}
			if data.Kind() != out.Kind() || isText != (data.Kind() == msgpack.KindStr) {
				t.Errorf("%s: asked with %v, answered with %v", q.path, data.Kind(), out.Kind())
			}
			twin := q.reply.ProtoReflect().New().Interface()
			if err := protojson.Unmarshal([]byte(answer), twin); err != nil {
				t.Fatalf("%s: %s: %v", q.path, answer, err)
			}
			if m, ok := twin.(*groupdv1.MessagesReply); ok {
				if !proto.Equal(m.GetView(), openReply(t, binary)) {
					t.Errorf("%s: %s\n%v", q.path, answer, openReply(t, binary))
				}
			} else if !proto.Equal(twin, q.reply) {
				t.Errorf("%s:\n%v\n%v", q.path, twin, q.reply)
			}
		}
	}
}

func TestAStringWithoutTextIsAnEmptyRequestInJSON(t *testing.T) {
	s := newServer(t, newFake(1))
	for _, text := range []string{"", " ", "{}"} {
		out := s.Handle(t.Context(), ada(), "/api/v1/info", msgpack.Str(text), BasePacket)
		if got, ok := out.Str(); !ok || !strings.Contains(got, `"public_name":"Valley Mesh"`) {
			t.Errorf("%q: %x", text, []byte(out))
		}
	}
}

func TestManyAskAtOnce(t *testing.T) {
	s := newServer(t, newFake(200))
	done := make(chan error)
	for range 24 {
		go func() {
			for range 5 {
				for _, q := range samples() {
					out := s.Handle(context.Background(), ada(), Prefix+q.path, msgpack.Bin(mustMarshal(q.request)), BasePacket)
					if !out.Valid() {
						done <- fmt.Errorf("%s: %x", q.path, []byte(out))
						return
					}
				}
			}
			done <- nil
		}()
	}
	for range 24 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func FuzzHandle(f *testing.F) {
	for _, q := range samples() {
		text, err := protojson.Marshal(q.request)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(Prefix+q.path, []byte(msgpack.Bin(mustMarshal(q.request))), uint16(BasePacket), true)
		f.Add(Prefix+q.path, []byte(msgpack.Str(string(text))), uint16(BasePacket), true)
		f.Add(Prefix+q.path, []byte(msgpack.Nil()), uint16(0), false)
	}
	for _, q := range []*groupdv1.MessagesRequest{
		{AfterRev: proto.Uint64(0), Accept: allCodecs(), MaxBytes: MinReply, Chain: true, Hashes: true},
		{Newest: 9, NoEvents: true, Quote: true}, {Seqs: []uint64{6, 1}, Headlines: true}, {BeforeSeq: proto.Uint64(5)}, {AfterSeq: proto.Uint64(5)},
	} {
		f.Add(Prefix+"/messages", []byte(msgpack.Bin(mustMarshal(q))), uint16(BasePacket), true)
	}
	f.Add("", []byte{0xc1}, uint16(20), true)
	f.Fuzz(func(t *testing.T, path string, data []byte, room uint16, known bool) {
		s := newServer(t, newFake(60))
		var c group.Caller
		if known {
			c = ada()
		}
		out := s.Handle(t.Context(), c, path, msgpack.Raw(data), int(room))
		if !out.Valid() {
			t.Fatalf("answer %x is not msgpack", []byte(out))
		}
		if st := statusOfReply(t, out); st.GetCode() == groupdv1.Code_INTERNAL {
			t.Fatalf("internal error: %v", st)
		}
	})
}

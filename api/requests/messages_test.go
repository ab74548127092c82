package requests

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// page asks /messages and opens the page.
func page(t testing.TB, s *Server, q *groupdv1.MessagesRequest) (*groupdv1.PageView, int) {
	t.Helper()
	reply := &groupdv1.MessagesReply{}
	b := ask(t, s, ada(), "/messages", q, reply)
	if reply.GetStatus() != nil {
		t.Fatalf("%v: %v", q, reply.GetStatus())
	}
	return openReply(t, b), len(b)
}

func seqsOf(v *groupdv1.PageView) []uint64 {
	var seqs []uint64
	for _, e := range v.GetEntries() {
		seqs = append(seqs, e.GetSeq())
	}
	return seqs
}

func TestMaxBytesIsObeyedExactly(t *testing.T) {
	s := newServer(t, newFake(120))
	r := rand.New(rand.NewPCG(4, 4))
	for range 300 {
		q := &groupdv1.MessagesRequest{MaxBytes: uint32(MinReply + r.IntN(3000)), Accept: allCodecs()[:1+r.IntN(3)], Chain: r.IntN(2) == 0, NoEvents: r.IntN(3) == 0, Headlines: r.IntN(4) == 0}
		switch r.IntN(5) {
		case 0:
			q.AfterRev = proto.Uint64(r.Uint64N(120))
		case 1:
			q.AfterSeq = proto.Uint64(r.Uint64N(120))
		case 2:
			q.BeforeSeq = proto.Uint64(1 + r.Uint64N(120))
		case 3:
			q.Newest = uint32(1 + r.IntN(130))
		}
		v, n := page(t, s, q)
		if n > int(q.GetMaxBytes()) {
			t.Errorf("%v: %d bytes", q, n)
		}
		if len(v.GetEntries())+len(v.GetMembers()) == 0 && v.GetMore() {
			t.Errorf("%v: an empty page, and more to come", q)
		}
	}
	for path, q := range map[string]proto.Message{
		"/members":          &groupdv1.MembersRequest{MaxBytes: MinReply},
		"/members/requests": &groupdv1.WaitingRequest{MaxBytes: MinReply},
	} {
		if b := ask(t, s, ada(), path, q, &groupdv1.Ack{}); len(b) > MinReply {
			t.Errorf("%s: %d bytes", path, len(b))
		}
	}
}

func TestMaxBytesOfZeroIsOnePacketOfTheLink(t *testing.T) {
	s := newServer(t, newFake(120))
	for _, room := range []int{MinReply, BasePacket, 1100, 8000} {
		out := s.Handle(t.Context(), ada(), "/api/v1/messages", msgpack.Nil(), room)
		b, _ := out.Bin()
		if len(b) > room || len(b) < room/3 {
			t.Errorf("room %d: %d bytes", room, len(b))
		}
	}
	// The base packet: link payload 431, less what the response needs for itself.
	response := msgpack.Array(msgpack.Bin(make([]byte, 16)), msgpack.Bin(make([]byte, BasePacket)))
	if len(response) != 431 {
		t.Errorf("a reply of %d bytes makes a response of %d", BasePacket, len(response))
	}
}

func TestTooFewBytesAreSaidToBeTooFew(t *testing.T) {
	s := newServer(t, newFake(10))
	for path, q := range map[string]proto.Message{
		"/messages":         &groupdv1.MessagesRequest{MaxBytes: MinReply - 1},
		"/members":          &groupdv1.MembersRequest{MaxBytes: 1},
		"/members/requests": &groupdv1.WaitingRequest{MaxBytes: 20},
		"/batch":            &groupdv1.BatchRequest{MaxBytes: 20},
	} {
		b := ask(t, s, ada(), path, q, &groupdv1.Ack{})
		st := statusOfReply(t, msgpack.Bin(b))
		if st.GetCode() != groupdv1.Code_TOO_LARGE || (st.GetNeeded() != MinReply && len(b) > 4) || len(b) > max(4, maxBytesOf(q)) {
			t.Errorf("%s: %v in %d bytes", path, st, len(b))
		}
	}
	// Errors keep to the budget too.
	h := newFake(10)
	h.err = &group.Error{Kind: group.KindNotMember, Op: "messages", Msg: strings.Repeat("long words ", 40)}
	if b := ask(t, newServer(t, h), ada(), "/messages", &groupdv1.MessagesRequest{MaxBytes: MinReply}, &groupdv1.MessagesReply{}); len(b) > MinReply {
		t.Errorf("a refusal of %d bytes", len(b))
	}
}

func maxBytesOf(q proto.Message) int {
	m := q.ProtoReflect()
	return int(m.Get(m.Descriptor().Fields().ByName("max_bytes")).Uint())
}

// syncAll follows the cursor from the beginning until there is no more.
func syncAll(t *testing.T, s *Server, q *groupdv1.MessagesRequest) (entries []*groupdv1.Entry, members map[string]*groupdv1.Member, state *groupdv1.GroupState, filtered uint32) {
	t.Helper()
	members = map[string]*groupdv1.Member{}
	var cursor uint64
	for range 10_000 {
		q.AfterRev = proto.Uint64(cursor)
		v, _ := page(t, s, q)
		if v.GetFromRev() != cursor {
			t.Fatalf("asked after %d, the page begins at %d", cursor, v.GetFromRev())
		}
		entries = append(entries, v.GetEntries()...)
		for _, m := range v.GetMembers() {
			members[string(m.GetIdentity())] = m
		}
		if v.GetGroup() != nil {
			state = v.GetGroup()
		}
		filtered += v.GetFiltered()
		if v.GetMore() && v.GetToRev() <= cursor {
			t.Fatalf("the page stalls at %d: %v", cursor, v)
		}
		cursor = v.GetToRev()
		if !v.GetMore() {
			return entries, members, state, filtered
		}
	}
	t.Fatal("no end")
	return nil, nil, nil, 0
}

func TestAClientThatFollowsTheCursorSeesEverything(t *testing.T) {
	h := newFake(150)
	h.info.Rev = 77 // the topic changed in the middle
	h.entries[73].Rev = 78
	h.entries[74].Rev = 79
	for i := 75; i < len(h.entries); i++ {
		h.entries[i].Rev = group.Rev(i + 5)
	}
	h.head.Rev = h.entries[len(h.entries)-1].Rev
	h.people[1].Rev = h.head.Rev + 1 // grace changed her name since
	h.people = []group.Member{h.people[0], h.people[2], h.people[1]}
	h.head.Rev++
	s := newServer(t, h)
	for _, bytes := range []uint32{MinReply, 300, BasePacket, 2000, 100_000} {
		for _, limit := range []uint32{0, 1, 7} {
			for _, noEvents := range []bool{false, true} {
				entries, members, state, filtered := syncAll(t, s, &groupdv1.MessagesRequest{
					MaxBytes: bytes, Limit: limit, NoEvents: noEvents, Accept: allCodecs()})
				events := 0
				for _, e := range h.entries {
					if !e.Kind.Authored() {
						events++
					}
				}
				want := len(h.entries)
				if noEvents {
					want -= events
				} else {
					events = 0
				}
				if len(entries) != want || int(filtered) != events || len(members) != 3 || state.GetTopic() != h.info.Topic {
					t.Errorf("%d bytes, limit %d, no events %v: %d entries, %d filtered, %d members, topic %q; want %d and %d",
						bytes, limit, noEvents, len(entries), filtered, len(members), state.GetTopic(), want, events)
				}
				for i := 1; i < len(entries); i++ {
					if entries[i].GetRev() <= entries[i-1].GetRev() {
						t.Fatalf("rev %d after %d", entries[i].GetRev(), entries[i-1].GetRev())
					}
				}
			}
		}
	}
}

func TestALongTextIsFetchedWholeBySeq(t *testing.T) {
	h := newFake(10)
	s := newServer(t, h)
	want := string(h.entries[5].Text) // the long story
	v, _ := page(t, s, &groupdv1.MessagesRequest{Seqs: []uint64{6}})
	e := v.GetEntries()[0]
	if int(e.GetFullLength()) != len(want) || !strings.HasPrefix(want, e.GetText()) || len(e.GetText()) < 250 {
		t.Fatalf("the descriptor is %v", e)
	}
	v, _ = page(t, s, &groupdv1.MessagesRequest{Seqs: []uint64{6}, MaxBytes: e.GetFullLength() + 200})
	if e = v.GetEntries()[0]; e.GetText() != want || e.GetFullLength() != 0 {
		t.Errorf("got %d of %d bytes, full length %d", len(e.GetText()), len(want), e.GetFullLength())
	}
}

func TestHistoryIsReadBackwardsFromTheNewest(t *testing.T) {
	h := newFake(100)
	s := newServer(t, h)
	var all []uint64
	q := &groupdv1.MessagesRequest{}
	for before := uint64(0); ; before = all[0] {
		if before > 0 {
			q = &groupdv1.MessagesRequest{BeforeSeq: proto.Uint64(before)}
		}
		v, _ := page(t, s, q)
		seqs := seqsOf(v)
		if len(seqs) == 0 {
			t.Fatalf("nothing before %d", before)
		}
		all = append(seqs, all...)
		if !v.GetMore() {
			break
		}
	}
	for i, seq := range all {
		if seq != uint64(i+1) {
			t.Fatalf("entry %d is seq %d", i, seq)
		}
	}
	if len(all) != 100 {
		t.Errorf("%d entries", len(all))
	}
}

func TestSelectorsChooseEntries(t *testing.T) {
	h := newFake(40)
	s := newServer(t, h)
	for _, c := range []struct {
		q    *groupdv1.MessagesRequest
		want []uint64
		more bool
	}{
		{&groupdv1.MessagesRequest{Newest: 3}, []uint64{38, 39, 40}, true},
		{&groupdv1.MessagesRequest{Newest: 3, Limit: 2}, []uint64{39, 40}, true},
		{&groupdv1.MessagesRequest{Limit: 2}, []uint64{39, 40}, true},
		{&groupdv1.MessagesRequest{BeforeSeq: proto.Uint64(3)}, []uint64{1, 2}, false},
		{&groupdv1.MessagesRequest{AfterSeq: proto.Uint64(38)}, []uint64{39, 40}, false},
		{&groupdv1.MessagesRequest{AfterSeq: proto.Uint64(0), Limit: 2}, []uint64{1, 2}, true},
		{&groupdv1.MessagesRequest{AfterSeq: proto.Uint64(40)}, nil, false},
		{&groupdv1.MessagesRequest{AfterRev: proto.Uint64(1 << 60)}, nil, false},
		{&groupdv1.MessagesRequest{Seqs: []uint64{9, 2, 9, 4000}}, []uint64{2, 9}, false},
	} {
		c.q.MaxBytes = 4000
		v, _ := page(t, s, c.q)
		if got := seqsOf(v); !slices.Equal(got, c.want) || v.GetMore() != c.more {
			t.Errorf("%v: %v, more %v", c.q, got, v.GetMore())
		}
	}
	for _, q := range []*groupdv1.MessagesRequest{
		{Newest: 3, AfterRev: proto.Uint64(0)}, {BeforeSeq: proto.Uint64(0)}, {AfterSeq: proto.Uint64(0), Seqs: []uint64{1}},
	} {
		reply := &groupdv1.MessagesReply{}
		ask(t, s, ada(), "/messages", q, reply)
		if reply.GetStatus().GetCode() != groupdv1.Code_INVALID {
			t.Errorf("%v: %v", q, reply)
		}
	}
	reply := &groupdv1.MessagesReply{}
	ask(t, s, ada(), "/messages", &groupdv1.MessagesRequest{Seqs: make([]uint64, MaxSeqs+1)}, reply)
	if st := reply.GetStatus(); st.GetCode() != groupdv1.Code_TOO_LARGE || st.GetLimit() != MaxSeqs {
		t.Errorf("too many seqs: %v", st)
	}
}

func TestDeletedEntriesAppearAsTombstones(t *testing.T) {
	h := newFake(12)
	v, _ := page(t, newServer(t, h), &groupdv1.MessagesRequest{Seqs: []uint64{10}})
	e := v.GetEntries()[0]
	if !e.GetDeleted() || e.GetText() != "" || e.GetKind() != groupdv1.Kind_POST || e.GetSender().GetName() != "ada" {
		t.Errorf("got %v", e)
	}
}

func TestEventsNameWhomTheyAreAbout(t *testing.T) {
	h := newFake(0)
	h.add(group.Entry{Kind: group.EntryKick, Author: id(1), Target: group.AnyHash(id(3)), Text: []byte("spam")})
	h.add(group.Entry{Kind: group.EntryBan, Author: id(1), Target: group.AnyHash(group.AddressOf(id(3)))})
	h.add(group.Entry{Kind: group.EntryBan, Target: group.AnyHash(id(99))})
	v, _ := page(t, newServer(t, h), &groupdv1.MessagesRequest{})
	got := v.GetEntries()
	for i, want := range []string{"linus", "linus", ""} {
		if s := got[i].GetSubject(); s.GetName() != want || len(s.GetIdentity()) != 16 {
			t.Errorf("entry %d is about %v", i, s)
		}
	}
	if got[2].GetSender() != nil {
		t.Errorf("the operator has no name, not %v", got[2].GetSender())
	}
}

func TestHeadlinesAreFirstLines(t *testing.T) {
	h := newFake(0)
	for _, text := range []string{"one\ntwo", "short", strings.Repeat("ü", 60), "line\r\n"} {
		h.add(group.Entry{Kind: group.EntryPost, Author: id(1), Text: []byte(text)})
	}
	v, _ := page(t, newServer(t, h), &groupdv1.MessagesRequest{Headlines: true})
	for i, want := range []struct {
		text string
		full uint32
	}{{"one", 7}, {"short", 0}, {strings.Repeat("ü", 40), 120}, {"line", 6}} {
		if e := v.GetEntries()[i]; e.GetText() != want.text || e.GetFullLength() != want.full {
			t.Errorf("entry %d: %q of %d", i, e.GetText(), e.GetFullLength())
		}
	}
}

func TestHashesAndChainComeWhenAskedFor(t *testing.T) {
	h := newFake(3)
	h.entries[1].MessageID[0] = 0xaa
	h.entries[2].AuthorTime = h.entries[2].Time.Add(-3600e9)
	s := newServer(t, h)
	v, _ := page(t, s, &groupdv1.MessagesRequest{Hashes: true, Chain: true})
	if got := v.GetEntries(); len(got[0].GetMessageHash()) != 0 || len(got[1].GetMessageHash()) != 32 || v.GetChainHash()[0] != 3 {
		t.Errorf("got %v", v)
	}
	if e := v.GetEntries()[2]; e.GetTime()-e.GetAuthorTime() != 3600 {
		t.Errorf("the author's time is %d, ours %d", e.GetAuthorTime(), e.GetTime())
	}
	v, _ = page(t, s, &groupdv1.MessagesRequest{})
	if got := v.GetEntries(); len(got[1].GetMessageHash()) != 0 || v.GetChainHash() != nil {
		t.Errorf("not asked for: %v", v)
	}
}

func TestAQuoteSaysWhatAPageWouldTakeAndSendsNone(t *testing.T) {
	s := newServer(t, newFake(100))
	for _, q := range []*groupdv1.MessagesRequest{{AfterRev: proto.Uint64(20)}, {Newest: 30, Accept: allCodecs()}, {Seqs: []uint64{6}}} {
		q.Quote = true
		reply := &groupdv1.MessagesReply{}
		if b := ask(t, s, ada(), "/messages", q, reply); len(b) > 10 || reply.GetPage() != nil {
			t.Errorf("%v: the quote takes %d bytes", q, len(b))
		}
		q.Quote, q.MaxBytes = false, uint32(reply.GetBytes())
		v, n := page(t, s, q)
		if n != int(reply.GetBytes()) || len(v.GetEntries()) != int(reply.GetCount()) {
			t.Errorf("%v: %d bytes for %d entries, quoted %v", q, n, len(v.GetEntries()), reply)
		}
	}
	reply := &groupdv1.MembersReply{}
	ask(t, s, ada(), "/members", &groupdv1.MembersRequest{Quote: true}, reply)
	whole := ask(t, s, ada(), "/members", &groupdv1.MembersRequest{}, &groupdv1.MembersReply{})
	if reply.GetCount() != 3 || int(reply.GetBytes()) != len(whole) {
		t.Errorf("quoted %v, took %d bytes", reply, len(whole))
	}
}

func TestJSONPagesKeepToMaxBytesToo(t *testing.T) {
	s := newServer(t, newFake(60))
	for _, most := range []int{500, 1000, 4000, 20_000} {
		out := s.Handle(t.Context(), ada(), "/api/v1/messages", msgpack.Str(fmt.Sprintf(`{"after_rev":"0","max_bytes":%d}`, most)), BasePacket)
		text, _ := out.Str()
		m := &groupdv1.MessagesReply{}
		if err := protojson.Unmarshal([]byte(text), m); err != nil {
			t.Fatal(err)
		}
		if len(text) > most || len(m.GetView().GetEntries())+len(m.GetView().GetMembers()) == 0 {
			t.Errorf("%d bytes: got %d with %d entries", most, len(text), len(m.GetView().GetEntries()))
		}
	}
}

func TestTheMemberListIsReadInParts(t *testing.T) {
	h := newFake(0)
	h.people = nil
	for i := range 200 {
		m := group.Member{Identity: group.IdentityHash{byte(i), 1}, Present: i%9 != 0, DisplayName: fmt.Sprintf("member %d", i), Rev: group.Rev(i + 1), Role: moderation.RoleMember}
		if i == 50 {
			m.DisplayName, m.Status = strings.Repeat("ö", 48), strings.Repeat("word ", 28)
		}
		h.people = append(h.people, m)
	}
	h.head.Rev = 200
	s := newServer(t, h)
	for _, q := range []*groupdv1.MembersRequest{{}, {MaxBytes: MinReply}, {MaxBytes: 5000}, {Limit: 7, MaxBytes: 1000}} {
		q.Changes = true
		got, cut := 0, 0
		for q.AfterRev = 0; ; {
			reply := &groupdv1.MembersReply{}
			b := ask(t, s, ada(), "/members", q, reply)
			if reply.GetStatus() != nil || len(b) > max(int(q.GetMaxBytes()), BasePacket) || (q.GetMaxBytes() > 0 && len(b) > int(q.GetMaxBytes())) {
				t.Fatalf("%v: %v in %d bytes", q, reply.GetStatus(), len(b))
			}
			for _, m := range reply.GetMembers() {
				if m.GetIdentity()[0] != byte(got) || m.GetGone() != (got%9 == 0) {
					t.Fatalf("row %d is %v", got, m)
				}
				got++
				if m.GetCut() {
					cut++
				}
			}
			if q.GetLimit() > 0 && len(reply.GetMembers()) > int(q.GetLimit()) {
				t.Errorf("%d rows", len(reply.GetMembers()))
			}
			if !reply.GetMore() {
				break
			}
			if reply.GetToRev() <= q.GetAfterRev() {
				t.Fatalf("the list stalls at %d", q.GetAfterRev())
			}
			q.AfterRev = reply.GetToRev()
		}
		if got != 200 || (cut > 0) != (q.GetMaxBytes() == MinReply) {
			t.Errorf("%v: %d rows, %d cut", q, got, cut)
		}
	}
}

func TestWhoWaitsIsReadInParts(t *testing.T) {
	h := newFake(0)
	h.waiting = nil
	for i := range 50 {
		r := group.Request{Identity: group.IdentityHash{byte(i), 1}, DisplayName: fmt.Sprintf("guest %d", i), Greeting: "let me in"}
		if i == 20 {
			r.DisplayName, r.Greeting = strings.Repeat("ö", 48), strings.Repeat("bitte ", 80)
		}
		h.waiting = append(h.waiting, r)
	}
	s := newServer(t, h)
	for _, most := range []uint32{0, MinReply, 5000} {
		q := &groupdv1.WaitingRequest{MaxBytes: most}
		for {
			reply := &groupdv1.WaitingReply{}
			b := ask(t, s, ada(), "/members/requests", q, reply)
			if reply.GetStatus() != nil || reply.GetTotal() != 50 || (most > 0 && len(b) > int(most)) {
				t.Fatalf("%v: %v in %d bytes", q, reply, len(b))
			}
			for _, a := range reply.GetApplicants() {
				if a.GetIdentity()[0] != byte(q.GetOffset()) {
					t.Fatalf("row %d is %v", q.GetOffset(), a)
				}
				q.Offset++
			}
			if !reply.GetMore() {
				break
			}
			if len(reply.GetApplicants()) == 0 {
				t.Fatalf("the list stalls at %d", q.GetOffset())
			}
		}
		if q.GetOffset() != 50 {
			t.Errorf("%d bytes: %d rows", most, q.GetOffset())
		}
	}
	reply := &groupdv1.WaitingReply{}
	ask(t, s, ada(), "/members/requests", &groupdv1.WaitingRequest{Offset: 1 << 31, Limit: 3}, reply)
	if len(reply.GetApplicants()) != 0 || reply.GetMore() {
		t.Errorf("past the end: %v", reply)
	}
}

func TestDeletingSaysWhatWasNotThere(t *testing.T) {
	h := newFake(9)
	s := newServer(t, h)
	reply := &groupdv1.DeleteReply{}
	ask(t, s, ada(), "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{4, 999}}, reply)
	if reply.GetDeleted() != 2 || !slices.Equal(reply.GetMissing(), []uint64{999}) {
		t.Errorf("got %v", reply)
	}
	ask(t, s, ada(), "/messages/delete", &groupdv1.DeleteRequest{AllBy: &groupdv1.Who{Who: &groupdv1.Who_Name{Name: "linus"}}}, reply)
	if in := h.seen[len(h.seen)-1].(group.DeleteInput); in.Author != group.AnyHash(id(3)) || in.Seqs != nil {
		t.Errorf("the domain was asked for %+v", in)
	}
	for _, q := range []*groupdv1.DeleteRequest{{}, {Seqs: []uint64{1}, AllBy: &groupdv1.Who{}}} {
		ask(t, s, ada(), "/messages/delete", q, reply)
		if reply.GetStatus().GetCode() != groupdv1.Code_INVALID {
			t.Errorf("%v: %v", q, reply)
		}
	}
}

func TestPermissionsThatDoNotExistAreRefused(t *testing.T) {
	s := newServer(t, newFake(0))
	who := &groupdv1.Who{Who: &groupdv1.Who_Name{Name: "grace"}}
	for field, q := range map[string]*groupdv1.PermissionsRequest{
		"role":   {Who: who, Role: 9},
		"add":    {Who: who, Add: 1 << 20},
		"remove": {Who: who, Remove: 1 << 31},
	} {
		reply := &groupdv1.PermissionsReply{}
		ask(t, s, ada(), "/members/permissions/update", q, reply)
		if st := reply.GetStatus(); st.GetCode() != groupdv1.Code_INVALID || st.GetField() != field {
			t.Errorf("%v: %v", q, st)
		}
	}
	if groupdv1.Permission_PERMISSION_SETTINGS != groupdv1.Permission(moderation.PermSettings) || groupdv1.Role_ROLE_OWNER != groupdv1.Role(moderation.RoleOwner) ||
		groupdv1.Joining_CLOSED != groupdv1.Joining(moderation.JoiningClosed) || groupdv1.StandingCode_STANDING_BANNED != groupdv1.StandingCode(moderation.StandingBanned) ||
		groupdv1.Kind_GROUP_NAME != kindOut(group.EntryGroupName) || groupdv1.Kind_POST != kindOut(group.EntryPost) {
		t.Error("the schema's numbers are not the domain's")
	}
}

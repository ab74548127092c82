package requests

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

const valley = group.GroupID("valley")

// person is somebody with a key of his own, made from his name.
func person(name string) group.Caller {
	a, b := sha256.Sum256([]byte("x25519 "+name)), sha256.Sum256([]byte("ed25519 "+name))
	key := append(a[:], b[:]...)
	id, err := group.IdentityOf(key)
	if err != nil {
		panic(err)
	}
	return group.Caller{Identity: id, PublicKey: key}
}

// realServer is a server over the real domain, with one private group that nobody owns yet, and the claim code for it.
func realServer(t testing.TB) (s *Server, hub *group.Hub, store *memory.Store, code string) {
	t.Helper()
	store = memory.New()
	hub, err := group.New(group.Config{Store: store, Rand: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	operator := group.Caller{Local: true}
	if _, err := hub.CreateGroup(t.Context(), operator, group.NewGroup{
		ID: valley, PublicKey: person("the group").PublicKey, PrivateKey: make([]byte, 64),
		PublicName: "Private Group", PrivateName: "Cottle Family Chat",
	}); err != nil {
		t.Fatal(err)
	}
	issued, err := hub.NewClaimCode(t.Context(), operator, valley)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = New(Config{Hub: hub, Group: valley, Version: "0.2.0"}); err != nil {
		t.Fatal(err)
	}
	return s, hub, store, issued.Code
}

func byName(n string) *groupdv1.Who { return &groupdv1.Who{Who: &groupdv1.Who_Name{Name: n}} }

func TestAGroupLivesByRequestsAlone(t *testing.T) {
	s, hub, _, code := realServer(t)
	ada, grace, linus, mallory := person("ada"), person("grace"), person("linus"), person("mallory")
	do := func(c group.Caller, path string, q proto.Message, want groupdv1.Code) *groupdv1.Ack {
		t.Helper()
		b, _ := s.Handle(t.Context(), c, Prefix+path, msgpack.Bin(mustMarshal(q)), BasePacket).Bin()
		st := statusOfReply(t, msgpack.Bin(b))
		if st.GetCode() != want {
			t.Fatalf("%s: %v, want %v", path, st, want)
		}
		return &groupdv1.Ack{Status: st}
	}
	ok := groupdv1.Code_OK

	// A stranger sees the public name, and no more.
	info := &groupdv1.InfoReply{}
	ask(t, s, group.Caller{}, "/info", &groupdv1.InfoRequest{}, info)
	if info.GetPublicName() != "Private Group" || info.GetPrivateName() != "" || info.GetClaimed() || info.GetJoining() != groupdv1.Joining_APPROVE || info.GetStanding() != nil || info.GetLimits().GetTextBytes() == 0 {
		t.Errorf("a stranger is told %v", info)
	}
	do(grace, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_NOT_MEMBER)

	// The owner claims the group, once.
	do(ada, "/claim", &groupdv1.ClaimRequest{Code: "AAAA-BBBB-CCCC", Name: "ada"}, groupdv1.Code_DENIED)
	claimed := &groupdv1.JoinReply{}
	ask(t, s, ada, "/claim", &groupdv1.ClaimRequest{Code: strings.ToLower(code), Name: "ada"}, claimed)
	if claimed.GetStanding().GetRole() != groupdv1.Role_ROLE_OWNER || len(claimed.GetDisclosure()) != 3 {
		t.Fatalf("claiming: %v", claimed)
	}
	do(grace, "/claim", &groupdv1.ClaimRequest{Code: code}, groupdv1.Code_DENIED)

	// Two ask to join; one is let in by name, one by address, with a role.
	joined := &groupdv1.JoinReply{}
	ask(t, s, grace, "/join", &groupdv1.JoinRequest{Name: "grace", Greeting: "hello", DisclosureVersion: 1}, joined)
	if joined.GetStanding().GetCode() != groupdv1.StandingCode_STANDING_PENDING || len(joined.GetDisclosure()) != 0 {
		t.Errorf("joining: %v", joined)
	}
	do(linus, "/join", &groupdv1.JoinRequest{Name: "linus"}, ok)
	do(grace, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_PENDING)
	do(grace, "/members/requests", &groupdv1.WaitingRequest{}, groupdv1.Code_PENDING)
	waiting := &groupdv1.WaitingReply{}
	ask(t, s, ada, "/members/requests", &groupdv1.WaitingRequest{}, waiting)
	if waiting.GetTotal() != 2 || waiting.GetApplicants()[0].GetName() != "grace" || waiting.GetApplicants()[0].GetGreeting() != "hello" {
		t.Errorf("waiting: %v", waiting)
	}
	do(ada, "/members/approve", &groupdv1.ApproveRequest{Who: byName("grace")}, ok)
	do(ada, "/members/approve", &groupdv1.ApproveRequest{Who: byName(group.AddressOf(linus.Identity).String())}, ok)
	do(ada, "/members/approve", &groupdv1.ApproveRequest{Who: byName("nobody")}, groupdv1.Code_NOT_FOUND)

	// Names, topic, profile, permissions; each seen by another member.
	do(linus, "/topic/update", &groupdv1.TopicRequest{Topic: "x"}, groupdv1.Code_DENIED)
	do(ada, "/members/permissions/update", &groupdv1.PermissionsRequest{Who: byName("grace"), Role: groupdv1.Role_ROLE_MODERATOR, Add: uint32(moderation.PermName)}, ok)
	do(grace, "/topic/update", &groupdv1.TopicRequest{Topic: "Sunday lunch"}, ok)
	do(grace, "/display-name/update", &groupdv1.DisplayNameRequest{PrivateName: proto.String("Cottles")}, ok)
	do(linus, "/profile/update", &groupdv1.ProfileRequest{StatusText: proto.String("at sea")}, ok)
	do(linus, "/profile/update", &groupdv1.ProfileRequest{Name: proto.String("grace")}, groupdv1.Code_CONFLICT)
	ask(t, s, linus, "/info", &groupdv1.InfoRequest{}, info)
	if info.GetTopic() != "Sunday lunch" || info.GetPrivateName() != "Cottles" || info.GetMembers() != 3 || !info.GetClaimed() || info.GetGeneration() == 0 || len(info.GetChainHash()) != 32 {
		t.Errorf("linus is told %v", info)
	}

	// Posts, deletion, history from a cursor.
	for i, c := range []group.Caller{ada, grace, linus, ada, linus} {
		if _, err := hub.Post(t.Context(), c, valley, group.PostInput{Text: fmt.Appendf(nil, "post %d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	sync := func(c group.Caller) (texts []string, members map[string]string, topic string) {
		t.Helper()
		members = map[string]string{}
		for cursor := uint64(0); ; {
			reply := &groupdv1.MessagesReply{}
			b := ask(t, s, c, "/messages", &groupdv1.MessagesRequest{AfterRev: proto.Uint64(cursor), Accept: allCodecs()}, reply)
			if reply.GetStatus() != nil || len(b) > BasePacket {
				t.Fatalf("%v in %d bytes", reply.GetStatus(), len(b))
			}
			v := openReply(t, b)
			for _, e := range v.GetEntries() {
				switch {
				case e.GetDeleted():
					texts = append(texts, fmt.Sprintf("[%s's, deleted by %s]", e.GetSender().GetName(), e.GetSubject().GetName()))
				case e.GetKind() == groupdv1.Kind_POST:
					texts = append(texts, e.GetSender().GetName()+": "+e.GetText())
				case e.GetKind() == groupdv1.Kind_KICK || e.GetKind() == groupdv1.Kind_BAN:
					texts = append(texts, fmt.Sprintf("[%s %s %s: %s]", e.GetSender().GetName(), e.GetKind(), e.GetSubject().GetName(), e.GetText()))
				}
			}
			for _, m := range v.GetMembers() {
				members[m.GetName()] = fmt.Sprint(m.GetRole(), " ", m.GetGone(), " ", m.GetStatusText())
			}
			if v.GetGroup() != nil {
				topic = v.GetGroup().GetTopic()
			}
			if !v.GetMore() {
				return texts, members, topic
			}
			if v.GetToRev() <= cursor {
				t.Fatalf("stalled at %d", cursor)
			}
			cursor = v.GetToRev()
		}
	}
	texts, members, topic := sync(linus)
	if want := []string{"ada: post 0", "grace: post 1", "linus: post 2", "ada: post 3", "linus: post 4"}; !slices.Equal(texts, want) {
		t.Errorf("history: %q", texts)
	}
	if members["grace"] != "ROLE_MODERATOR false " || members["linus"] != "ROLE_MEMBER false at sea" || topic != "Sunday lunch" {
		t.Errorf("members %v, topic %q", members, topic)
	}
	var seqOf = func(text string) (seq uint64) {
		v := openReply(t, ask(t, s, ada, "/messages", &groupdv1.MessagesRequest{MaxBytes: 9000}, &groupdv1.MessagesReply{}))
		for _, e := range v.GetEntries() {
			if e.GetText() == text {
				seq = e.GetSeq()
			}
		}
		return seq
	}
	do(linus, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{seqOf("post 0")}}, groupdv1.Code_DENIED)
	deleted := &groupdv1.DeleteReply{}
	ask(t, s, grace, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{seqOf("post 4"), 4000}, ClientId: []byte{1}}, deleted)
	again := &groupdv1.DeleteReply{}
	ask(t, s, grace, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{seqOf("post 4"), 4000}, ClientId: []byte{1}}, again)
	if deleted.GetDeleted() != 1 || !slices.Equal(deleted.GetMissing(), []uint64{4000}) {
		t.Errorf("deleting: %v", deleted)
	}

	// Kick, ban in advance, unban.
	do(linus, "/members/kick", &groupdv1.KickRequest{Who: byName("grace")}, groupdv1.Code_DENIED)
	do(grace, "/members/kick", &groupdv1.KickRequest{Who: byName("ada")}, groupdv1.Code_DENIED)
	do(grace, "/members/kick", &groupdv1.KickRequest{Who: byName("linus"), Reason: "manners", DurationS: 60}, ok)
	do(grace, "/members/ban", &groupdv1.BanRequest{Who: byName(group.AddressOf(mallory.Identity).String()), Reason: "known"}, ok)
	do(mallory, "/join", &groupdv1.JoinRequest{Name: "mallory"}, groupdv1.Code_BANNED)
	st := do(linus, "/messages", &groupdv1.MessagesRequest{}, groupdv1.Code_BANNED).GetStatus()
	if !strings.Contains(st.GetMessage(), "manners") {
		t.Errorf("linus is told %v", st)
	}
	do(grace, "/members/unban", &groupdv1.UnbanRequest{Who: byName("linus")}, ok)
	do(grace, "/members/unban", &groupdv1.UnbanRequest{Who: &groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: mallory.Identity[:]}}}, ok)
	do(mallory, "/join", &groupdv1.JoinRequest{Name: "mallory"}, ok)
	do(grace, "/members/reject", &groupdv1.RejectRequest{Who: byName("mallory"), Reason: "no"}, ok)
	do(linus, "/join", &groupdv1.JoinRequest{Name: "linus"}, ok)

	texts, members, _ = sync(ada)
	for _, want := range []string{"[linus's, deleted by grace]", "[grace KICK linus: manners]"} {
		if !slices.Contains(texts, want) {
			t.Errorf("ada does not see %s in %q", want, texts)
		}
	}
	if !strings.Contains(members["linus"], "true") {
		t.Errorf("ada thinks linus is still there: %v", members)
	}
	list := &groupdv1.MembersReply{}
	ask(t, s, ada, "/members", &groupdv1.MembersRequest{}, list)
	if len(list.GetMembers()) != 2 || list.GetTotal() != 2 {
		t.Errorf("the list: %v", list)
	}
	do(ada, "/leave", &groupdv1.LeaveRequest{}, groupdv1.Code_DENIED) // the last owner
	do(grace, "/leave", &groupdv1.LeaveRequest{}, ok)
	do(grace, "/leave", &groupdv1.LeaveRequest{}, groupdv1.Code_NOT_MEMBER)
}

func TestARepeatedRequestChangesNothingMore(t *testing.T) {
	s, hub, _, code := realServer(t)
	ada, linus := person("ada"), person("linus")
	twice := func(c group.Caller, path string, q proto.Message) {
		t.Helper()
		r, _ := s.find(path)
		head := func() string {
			in, err := hub.Info(t.Context(), group.Caller{Local: true}, valley)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(in.Head)
		}
		first := ask(t, s, c, path, q, r.newReply())
		after := head()
		if st := statusOfReply(t, msgpack.Bin(first)); st.GetCode() != groupdv1.Code_OK {
			t.Fatalf("%s: %v", path, st)
		}
		second := ask(t, s, c, path, q, r.newReply())
		if string(first) != string(second) {
			t.Errorf("%s: first\n%x, then\n%x", path, first, second)
		}
		if now := head(); now != after {
			t.Errorf("%s: done twice: %s, then %s", path, after, now)
		}
	}
	n := byte(0)
	cid := func() []byte { n++; return []byte{0xc1, n} }
	twice(ada, "/claim", &groupdv1.ClaimRequest{Code: code, Name: "ada", ClientId: cid()})
	twice(linus, "/join", &groupdv1.JoinRequest{Name: "linus", ClientId: cid()})
	twice(ada, "/members/approve", &groupdv1.ApproveRequest{Who: byName("linus"), ClientId: cid()})
	twice(ada, "/members/permissions/update", &groupdv1.PermissionsRequest{Who: byName("linus"), Role: groupdv1.Role_ROLE_MODERATOR, ClientId: cid()})
	twice(ada, "/topic/update", &groupdv1.TopicRequest{Topic: "x", ClientId: cid()})
	twice(ada, "/display-name/update", &groupdv1.DisplayNameRequest{PublicName: proto.String("y"), ClientId: cid()})
	twice(linus, "/profile/update", &groupdv1.ProfileRequest{Name: proto.String("linus t"), ClientId: cid()})
	post, err := hub.Post(t.Context(), linus, valley, group.PostInput{Text: []byte("hello")})
	if err != nil {
		t.Fatal(err)
	}
	twice(linus, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{uint64(post.Seq)}, ClientId: cid()})
	twice(ada, "/members/kick", &groupdv1.KickRequest{Who: byName("linus t"), ClientId: cid()})
	twice(ada, "/members/unban", &groupdv1.UnbanRequest{Who: byName("linus t"), ClientId: cid()})
	twice(ada, "/members/ban", &groupdv1.BanRequest{Who: byName("linus t"), ClientId: cid()})
	twice(person("guest"), "/join", &groupdv1.JoinRequest{Name: "guest", ClientId: cid()})
	twice(ada, "/members/reject", &groupdv1.RejectRequest{Who: byName("guest"), ClientId: cid()})
	twice(person("guest"), "/join", &groupdv1.JoinRequest{Name: "guest", ClientId: cid()})
	twice(person("guest"), "/leave", &groupdv1.LeaveRequest{ClientId: cid()})

	// A name that never meant anybody is not found, with an id or without.
	for _, q := range []*groupdv1.KickRequest{{Who: byName("nobody"), ClientId: cid()}, {Who: byName("nobody")}} {
		reply := &groupdv1.Ack{}
		ask(t, s, ada, "/members/kick", q, reply)
		if reply.GetStatus().GetCode() != groupdv1.Code_NOT_FOUND || reply.GetStatus().GetField() != "who" {
			t.Errorf("kicking nobody: %v", reply)
		}
	}

	// The same id for something else.
	id := cid()
	twice(ada, "/topic/update", &groupdv1.TopicRequest{Topic: "z", ClientId: id})
	reply := &groupdv1.Ack{}
	ask(t, s, ada, "/display-name/update", &groupdv1.DisplayNameRequest{PublicName: proto.String("z"), ClientId: id}, reply)
	if reply.GetStatus().GetCode() != groupdv1.Code_CONFLICT || reply.GetStatus().GetField() != "client_id" {
		t.Errorf("another request with the same id: %v", reply)
	}
	ask(t, s, ada, "/topic/update", &groupdv1.TopicRequest{Topic: "z", ClientId: make([]byte, group.MaxClientID+1)}, reply)
	if reply.GetStatus().GetCode() != groupdv1.Code_INVALID || reply.GetStatus().GetField() != "client_id" {
		t.Errorf("a client id that is too long: %v", reply)
	}
}

func TestHistoryDoesNotEndInAHeapOfEvents(t *testing.T) {
	s, _, store, code := realServer(t)
	ada := person("ada")
	ask(t, s, ada, "/claim", &groupdv1.ClaimRequest{Code: code, Name: "ada"}, &groupdv1.JoinReply{})
	const posts, events = 12, 1300
	var head group.Head
	if err := store.Update(t.Context(), func(tx group.Tx) (err error) {
		if head, err = tx.Head(valley); err != nil {
			return err
		}
		for i := range posts + events + posts {
			head.Seq++
			head.Rev++
			e := group.Entry{Group: valley, Seq: head.Seq, Rev: head.Rev, Kind: group.EntryPost, Author: ada.Identity, Time: start(), Text: []byte("hello"), Salt: make([]byte, 32)}
			if i >= posts && i < posts+events {
				e.Kind = group.EntryTopic
			}
			if err := tx.AppendEntry(e, nil); err != nil {
				return err
			}
		}
		return tx.PutHead(valley, head)
	}); err != nil {
		t.Fatal(err)
	}
	read := func(q *groupdv1.MessagesRequest) *groupdv1.PageView {
		t.Helper()
		q.NoEvents, q.MaxBytes, q.Limit = true, MinReply, 5
		return openReply(t, ask(t, s, ada, "/messages", q, &groupdv1.MessagesReply{}))
	}
	back, forth, byRev, filtered := 0, 0, 0, 0
	for q, n := (&groupdv1.MessagesRequest{}), 0; n < 100; n++ {
		v := read(q)
		back += len(v.GetEntries())
		if !v.GetMore() {
			break
		}
		before := v.GetNextSeq()
		if len(v.GetEntries()) > 0 {
			before = v.GetEntries()[0].GetSeq()
		}
		q = &groupdv1.MessagesRequest{BeforeSeq: proto.Uint64(before)}
	}
	for q, n := (&groupdv1.MessagesRequest{AfterSeq: proto.Uint64(0)}), 0; n < 100; n++ {
		v := read(q)
		forth += len(v.GetEntries())
		if !v.GetMore() {
			break
		}
		after := v.GetNextSeq()
		if e := v.GetEntries(); len(e) > 0 {
			after = e[len(e)-1].GetSeq()
		}
		q = &groupdv1.MessagesRequest{AfterSeq: proto.Uint64(after)}
	}
	for cursor, n := uint64(0), 0; n < 100; n++ {
		v := read(&groupdv1.MessagesRequest{AfterRev: proto.Uint64(cursor)})
		byRev += len(v.GetEntries())
		filtered += int(v.GetFiltered())
		cursor = v.GetToRev()
		if !v.GetMore() {
			break
		}
	}
	// What claiming the group wrote counts as events too.
	if back != 2*posts || forth != 2*posts || byRev != 2*posts || filtered != int(head.Seq)-2*posts {
		t.Errorf("%d posts backwards, %d forwards, %d by rev with %d filtered; there are %d posts and %d entries", back, forth, byRev, filtered, 2*posts, head.Seq)
	}
}

// BenchmarkPageOf20 is a page of 20 from the middle of 100,000 posts by 10,000 members, by rev, as a client of today asks for it.
func BenchmarkPageOf20(b *testing.B) {
	s, _, store, code := realServer(b)
	ada := person("ada")
	ask(b, s, ada, "/claim", &groupdv1.ClaimRequest{Code: code, Name: "ada"}, &groupdv1.JoinReply{})
	const members, posts = 10_000, 100_000
	words := strings.Fields("hello everyone is anyone on the mesh tonight I think the node works again thanks good morning ok the antenna is up")
	r := rand.New(rand.NewPCG(1, 1))
	rev := group.Rev(1000)
	who := make([]group.IdentityHash, members)
	err := store.Update(context.Background(), func(tx group.Tx) error {
		for i := range who {
			who[i] = person(fmt.Sprint("member ", i)).Identity
			rev++
			name := fmt.Sprint("member ", i)
			if err := tx.PutMember(group.Member{Group: valley, Identity: who[i], Address: group.AddressOf(who[i]), Present: true,
				Role: moderation.RoleMember, DisplayName: name, Skeleton: name, Rev: rev, Joined: time.Unix(1_800_000_000, 0)}); err != nil {
				return err
			}
		}
		head, err := tx.Head(valley)
		if err != nil {
			return err
		}
		for i := range posts {
			var text []string
			for range 3 + r.IntN(10) {
				text = append(text, words[r.IntN(len(words))])
			}
			rev++
			head.Seq++
			head.Rev = rev
			if err := tx.AppendEntry(group.Entry{Group: valley, Seq: head.Seq, Rev: rev, Written: rev, Kind: group.EntryPost, Author: who[r.IntN(40)],
				Time: time.Unix(1_800_000_000+int64(i)*30, 0), Text: []byte(strings.Join(text, " ")), Salt: make([]byte, 32)}, nil); err != nil {
				return err
			}
		}
		return tx.PutHead(valley, head)
	})
	if err != nil {
		b.Fatal(err)
	}
	request := msgpack.Bin(mustMarshal(&groupdv1.MessagesRequest{
		AfterRev: proto.Uint64(uint64(rev - posts/2)), Limit: 20, MaxBytes: 4000, Accept: allCodecs()}))
	for b.Loop() {
		out, _ := s.Handle(b.Context(), ada, Prefix+"/messages", request, BasePacket).Bin()
		if len(out) < 300 {
			b.Fatalf("answer %x", out)
		}
	}
}

// BenchmarkPackOnePacket fills one packet of a LoRa link with as many entries as fit, compressed: what costs most in a page.
func BenchmarkPackOnePacket(b *testing.B) {
	l := chatter(rand.New(rand.NewPCG(3, 1)), 64)
	encode := sealer(b, allCodecs(), false)
	b.ReportAllocs()
	for b.Loop() {
		if _, n, _, err := l.pack(BasePacket, encode); err != nil || n == 0 {
			b.Fatal(n, err)
		}
	}
}

package requests

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/api/signed"
	"groupd/group"
	"groupd/group/memory"
	"groupd/lxmf"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// author is somebody who can sign.
type author struct {
	group.Caller
	keys *rns.Identity
}

func newAuthor(n byte) author {
	keys, err := rns.LoadIdentity(bytes.Repeat([]byte{n}, 64))
	if err != nil {
		panic(err)
	}
	return author{group.Caller{Identity: group.IdentityHash(keys.Hash()), PublicKey: keys.PublicKey()}, keys}
}

// signs packs a message to the group with this address.
func (a author) signs(to group.Address, text string, change ...func(*lxmf.Draft)) *lxmf.Message {
	d := lxmf.Draft{Destination: rns.DestinationHash(to), Timestamp: float64(time.Now().UnixMilli()) / 1000, Content: []byte(text)}
	for _, c := range change {
		c(&d)
	}
	m, err := lxmf.Pack(a.keys, d)
	if err != nil {
		panic(err)
	}
	return m
}

// place is a group of two who can sign, one of them its owner.
type place struct {
	t         *testing.T
	s         *Server
	hub       *group.Hub
	store     *memory.Store
	to        group.Address
	ada, bert author
}

func newPlace(t *testing.T) *place {
	t.Helper()
	none := moderation.Rate{Burst: -1}
	p := &place{t: t, store: memory.New(), ada: newAuthor(11), bert: newAuthor(12)}
	var err error
	if p.hub, err = group.New(group.Config{Store: p.store, Blobs: memory.NewBlobs(), Rand: rand.NewChaCha8([32]byte{1}), Limits: group.Limits{MemberRate: none, GroupRate: none}}); err != nil {
		t.Fatal(err)
	}
	g, err := p.hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{ID: valley, PublicKey: person("the group").PublicKey, PrivateKey: make([]byte, 64), PublicName: "Valley", Public: true})
	if err != nil {
		t.Fatal(err)
	}
	p.to = g.Address
	for name, a := range map[string]author{"ada": p.ada, "bert": p.bert} {
		if _, err := p.hub.Join(t.Context(), a.Caller, valley, group.JoinInput{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.hub.UpdatePermissions(t.Context(), group.Caller{Local: true}, valley, group.PermissionsInput{Target: group.AnyHash(p.ada.Identity), Role: moderation.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	if p.s, err = New(Config{Hub: p.hub, Group: valley}); err != nil {
		t.Fatal(err)
	}
	return p
}

// asks sends a request that must be answered with this code.
func (p *place) asks(a author, path string, q proto.Message, reply interface {
	proto.Message
	GetStatus() *groupdv1.Status
}, want groupdv1.Code) []byte {
	p.t.Helper()
	b := ask(p.t, p.s, a.Caller, path, q, reply)
	if got := reply.GetStatus(); got.GetCode() != want {
		p.t.Fatalf("%s: %v, want %v", path, got, want)
	}
	return b
}

func (p *place) send(a author, text string) uint64 {
	p.t.Helper()
	r := &groupdv1.SendReply{}
	p.asks(a, "/messages/send", &groupdv1.SendRequest{Message: a.signs(p.to, text).Packed()}, r, groupdv1.Code_OK)
	return r.GetSeq()
}

func (p *place) page(a author, q *groupdv1.MessagesRequest) *groupdv1.PageView {
	p.t.Helper()
	return openReply(p.t, p.asks(a, "/messages", q, &groupdv1.MessagesReply{}, groupdv1.Code_OK))
}

func TestAPostSentBothWaysIsOne(t *testing.T) {
	p := newPlace(t)
	m := p.ada.signs(p.to, "the bridge is open")
	one, two, three := &groupdv1.SendReply{}, &groupdv1.SendReply{}, &groupdv1.SendReply{}
	p.asks(p.ada, "/messages/send", &groupdv1.SendRequest{Message: m.Packed()[32:], Bare: true, Ref: 1}, one, groupdv1.Code_OK)
	p.asks(p.ada, "/messages/send", &groupdv1.SendRequest{Message: m.Packed()}, two, groupdv1.Code_OK)
	byLXMF, err := p.hub.Post(t.Context(), p.ada.Caller, valley, signed.Post(m))
	if err != nil || !byLXMF.Duplicate || uint64(byLXMF.Seq) != one.GetSeq() || !two.GetDuplicate() || two.GetSeq() != one.GetSeq() || one.GetSeq() == 0 {
		t.Errorf("first %v, then %v, then %+v, %v", one, two, byLXMF, err)
	}
	v := p.page(p.bert, &groupdv1.MessagesRequest{Newest: 1, Hashes: true})
	id := m.ID()
	if e := v.GetEntries()[0]; e.GetText() != "the bridge is open" || e.GetAbout() != 1 || !bytes.Equal(e.GetMessageHash(), id[:]) {
		t.Errorf("bert sees %v", e)
	}
	p.asks(p.ada, "/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{one.GetSeq()}}, &groupdv1.DeleteReply{}, groupdv1.Code_OK)
	if p.asks(p.ada, "/messages/send", &groupdv1.SendRequest{Message: m.Packed()}, three, groupdv1.Code_OK); !three.GetDuplicate() || three.GetSeq() != 0 {
		t.Errorf("after it was deleted: %v", three)
	}
}

func TestWhatIsSentIsReadLikeMail(t *testing.T) {
	p := newPlace(t)
	first := p.ada.signs(p.to, "who comes?")
	p.asks(p.ada, "/messages/send", &groupdv1.SendRequest{Message: first.Packed()}, &groupdv1.SendReply{}, groupdv1.Code_OK)
	for text, want := range map[string]string{"/me waves": `ACTION "waves"`, "//etc/hosts": `POST "/etc/hosts"`} {
		p.send(p.bert, text)
		e := p.page(p.ada, &groupdv1.MessagesRequest{Newest: 1}).GetEntries()[0]
		if got := fmt.Sprintf("%s %q", e.GetKind(), e.GetText()); got != want {
			t.Errorf("%q became %s, want %s", text, got, want)
		}
	}
	answer := p.bert.signs(p.to, "I do", func(d *lxmf.Draft) { d.Fields.SetReplyTo(first.ID()) })
	p.asks(p.bert, "/messages/send", &groupdv1.SendRequest{Message: answer.Packed()}, &groupdv1.SendReply{}, groupdv1.Code_OK)
	v := p.page(p.ada, &groupdv1.MessagesRequest{Newest: 4}).GetEntries()
	if v[3].GetAbout() != v[0].GetSeq() {
		t.Errorf("the answer is about %d, want %d", v[3].GetAbout(), v[0].GetSeq())
	}
}

func TestMessagesThatAreNotTheCallersAreNotSent(t *testing.T) {
	p := newPlace(t)
	good := p.ada.signs(p.to, "hello").Packed()
	broken := bytes.Clone(good)
	broken[len(broken)-2] ^= 1
	stripped := func(d *lxmf.Draft) { d.Fields.SetReaction(lxmf.Reaction{Target: lxmf.MessageID{1}, Text: "x"}) }
	head := func() group.Head {
		info, err := p.hub.Info(t.Context(), p.ada.Caller, valley)
		if err != nil {
			t.Fatal(err)
		}
		return info.Head
	}
	before := head()
	for what, q := range map[string]*groupdv1.SendRequest{
		"nothing":                {},
		"a few bytes":            {Message: good[:20]},
		"half a message":         {Message: good[:100]},
		"a few bytes, bare":      {Message: good[32:50], Bare: true},
		"another text":           {Message: broken},
		"bare that is not":       {Message: good, Bare: true},
		"somebody else's":        {Message: p.bert.signs(p.to, "hello").Packed()},
		"somebody else's, bare":  {Message: p.bert.signs(p.to, "hello").Packed()[32:], Bare: true},
		"to another group":       {Message: p.ada.signs(group.Address{1}, "hello").Packed()},
		"to another group, bare": {Message: p.ada.signs(group.Address{1}, "hello").Packed()[32:], Bare: true},
		"a command":              {Message: p.ada.signs(p.to, " /kick bert").Packed()},
		"a reaction":             {Message: p.ada.signs(p.to, "", stripped).Packed()},
		"not UTF-8":              {Message: p.ada.signs(p.to, "caf\xe9").Packed()},
		"a title not UTF-8":      {Message: p.ada.signs(p.to, "hello", func(d *lxmf.Draft) { d.Title = []byte("caf\xe9") }).Packed()},
		"nothing to read":        {Message: p.ada.signs(p.to, " ").Packed()},
		"the server's words":     {Message: p.ada.signs(p.to, "※ bert was banned").Packed()},
		"an answer to nothing":   {Message: p.ada.signs(p.to, "yes").Packed(), Ref: 99},
	} {
		r := &groupdv1.SendReply{}
		if ask(t, p.s, p.ada.Caller, "/messages/send", q, r); r.GetStatus().GetCode() != groupdv1.Code_INVALID || r.GetStatus().GetField() == "" && what != "the server's words" {
			t.Errorf("%s: %v", what, r.GetStatus())
		}
	}
	relayed := p.ada.signs(p.to, "bert: hello", func(d *lxmf.Draft) { d.Fields.Set(lxmf.FieldCustomType, msgpack.Str(signed.MarkerType)) })
	p.asks(p.ada, "/messages/send", &groupdv1.SendRequest{Message: relayed.Packed()}, &groupdv1.SendReply{}, groupdv1.Code_DENIED)
	stranger := newAuthor(13)
	p.asks(stranger, "/messages/send", &groupdv1.SendRequest{Message: stranger.signs(p.to, "hi").Packed()}, &groupdv1.SendReply{}, groupdv1.Code_NOT_MEMBER)
	if head() != before {
		t.Error("what was refused left a trace")
	}
}

func TestEditsByRequest(t *testing.T) {
	p := newPlace(t)
	seq := p.send(p.ada, "the brigde is open")
	r := &groupdv1.SendReply{}
	p.asks(p.ada, "/messages/edit", &groupdv1.EditRequest{Seq: seq, Text: "the bridge is open", Title: "News"}, r, groupdv1.Code_OK)
	m := p.ada.signs(p.to, "the bridge is closed")
	p.asks(p.ada, "/messages/edit", &groupdv1.EditRequest{Seq: seq, Message: m.Packed()[32:], Bare: true}, r, groupdv1.Code_OK)
	v := p.page(p.bert, &groupdv1.MessagesRequest{Newest: 3})
	first, edit, last := v.GetEntries()[0], v.GetEntries()[1], v.GetEntries()[2]
	if first.GetText() != "" || first.GetEditedBy() != r.GetSeq() || edit.GetText() != "" || edit.GetEditedBy() != r.GetSeq() || edit.GetTitle() != "" ||
		last.GetText() != "the bridge is closed" || last.GetKind() != groupdv1.Kind_EDIT || last.GetAbout() != seq {
		t.Errorf("bert sees %v", v)
	}
	proof := &groupdv1.ProofReply{}
	p.asks(p.bert, "/messages/proof", &groupdv1.ProofRequest{Seq: r.GetSeq(), MaxBytes: 2000}, proof, groupdv1.Code_OK)
	if !bytes.Equal(proof.GetOriginal(), m.Packed()) {
		t.Error("the signed edit can not be proved")
	}
	for what, q := range map[string]*groupdv1.EditRequest{
		"nothing": {Seq: seq}, "both forms": {Seq: seq, Text: "x", Message: m.Packed()}, "somebody else's": {Seq: seq, Message: p.bert.signs(p.to, "x").Packed()},
	} {
		r := &groupdv1.SendReply{}
		if ask(t, p.s, p.ada.Caller, "/messages/edit", q, r); r.GetStatus().GetCode() != groupdv1.Code_INVALID {
			t.Errorf("%s: %v", what, r.GetStatus())
		}
	}
	p.asks(p.bert, "/messages/edit", &groupdv1.EditRequest{Seq: seq, Text: "x"}, &groupdv1.SendReply{}, groupdv1.Code_DENIED)
	p.asks(p.ada, "/messages/edit", &groupdv1.EditRequest{Seq: 999, Text: "x"}, &groupdv1.SendReply{}, groupdv1.Code_NOT_FOUND)
}

func TestAProofProves(t *testing.T) {
	p := newPlace(t)
	p.send(p.bert, "before")
	seq := p.send(p.ada, "I was here")
	r := &groupdv1.ProofReply{}
	p.asks(p.bert, "/messages/proof", &groupdv1.ProofRequest{Seq: seq, MaxBytes: 2000}, r, groupdv1.Code_OK)
	m, err := lxmf.Unpack(r.GetOriginal())
	if err != nil {
		t.Fatal(err)
	}
	key, err := rns.NewPublicIdentity(r.GetPublicKey())
	if err != nil || !m.Verify(key) || m.Source != lxmf.DeliveryHash(key) || string(m.Content) != "I was here" {
		t.Errorf("the signature does not fit: %v, %v", m, err)
	}
	digest := sha256.Sum256(append(r.GetSalt(), r.GetCanonical()...))
	chain := sha256.Sum256(append(r.GetPrevious(), digest[:]...))
	if v := p.page(p.bert, &groupdv1.MessagesRequest{Seqs: []uint64{seq}, Chain: true}); !bytes.Equal(v.GetChainHash(), chain[:]) {
		t.Errorf("the chain says %x, the proof %x", v.GetChainHash(), chain)
	}
	if want := append([]byte{1, 1}, p.ada.Identity[:]...); !bytes.HasPrefix(r.GetCanonical(), want) || !bytes.Contains(r.GetCanonical(), []byte("I was here")) {
		t.Errorf("canonical content %x", r.GetCanonical())
	}
	small := &groupdv1.ProofReply{}
	if p.asks(p.bert, "/messages/proof", &groupdv1.ProofRequest{Seq: seq, MaxBytes: 300}, small, groupdv1.Code_TOO_LARGE); small.GetStatus().GetNeeded() <= 300 {
		t.Errorf("in too little room: %v", small)
	}
	p.asks(p.bert, "/messages/proof", &groupdv1.ProofRequest{Seq: 1, MaxBytes: 2000}, &groupdv1.ProofReply{}, groupdv1.Code_NOT_FOUND)
	p.asks(p.bert, "/messages/proof", &groupdv1.ProofRequest{MaxBytes: 2000}, &groupdv1.ProofReply{}, groupdv1.Code_NOT_FOUND)
}

func TestAReactionDoesNotSendTheTextAgain(t *testing.T) {
	p := newPlace(t)
	var seq uint64
	for i := range 3 {
		seq = p.send(p.ada, fmt.Sprint(i, strings.Repeat(" a long story", 300)))
	}
	cursor := p.page(p.bert, &groupdv1.MessagesRequest{Newest: 1}).GetToRev()
	p.asks(p.ada, "/messages/react", &groupdv1.ReactRequest{Seq: seq, Text: "👍"}, &groupdv1.ReactReply{}, groupdv1.Code_OK)
	p.asks(p.ada, "/messages/pin", &groupdv1.PinRequest{Seq: seq - 1}, &groupdv1.PinReply{}, groupdv1.Code_OK)
	q := &groupdv1.MessagesRequest{AfterRev: proto.Uint64(cursor), CompleteRev: cursor, MaxBytes: 20_000}
	b := p.asks(p.bert, "/messages", q, &groupdv1.MessagesReply{}, groupdv1.Code_OK)
	v := openReply(t, b)
	if len(b) > 64 || len(v.GetEntries()) != 2 || !v.GetEntries()[0].GetUnchanged() || v.GetEntries()[0].GetReactions()[0].GetCount() != 1 || !v.GetEntries()[1].GetPinned() {
		t.Errorf("a page of %d bytes: %v", len(b), v)
	}
	q.CompleteRev = 0 // nobody knows what he has
	if v := p.page(p.bert, q); len(v.GetEntries()) != 2 || v.GetEntries()[0].GetText() == "" {
		t.Errorf("without complete_rev: %d entries", len(v.GetEntries()))
	}
	list := &groupdv1.PinReply{}
	if p.asks(p.bert, "/messages/pin", &groupdv1.PinRequest{}, list, groupdv1.Code_OK); fmt.Sprint(list.GetPinned()) != fmt.Sprint([]uint64{seq - 1}) {
		t.Errorf("pinned: %v", list)
	}
	p.asks(p.bert, "/messages/pin", &groupdv1.PinRequest{Seq: seq}, &groupdv1.PinReply{}, groupdv1.Code_DENIED)
}

// An entry with as many reactions as it can have fits the smallest page all the same, without them and marked as shortened.
func TestReactionsGiveWayWhereThereIsNoRoom(t *testing.T) {
	p := newPlace(t)
	seq := p.send(p.ada, "hm")
	cursor := p.page(p.bert, &groupdv1.MessagesRequest{Newest: 1}).GetToRev()
	if err := p.store.Update(t.Context(), func(tx group.Tx) error {
		e, err := tx.Entry(valley, group.Seq(seq))
		if err != nil {
			return err
		}
		for i := range group.MaxReactionKinds {
			if _, err := tx.AddReaction(group.Reaction{Group: valley, Seq: e.Seq, Who: p.bert.Identity, Text: fmt.Sprintf("reaction %07d", i)}); err != nil {
				return err
			}
		}
		head, err := tx.Head(valley)
		if err != nil {
			return err
		}
		head.Rev++
		e.Rev, e.Reactions = head.Rev, group.MaxReactionKinds
		if err := tx.MarkEntry(e); err != nil {
			return err
		}
		return tx.PutHead(valley, head)
	}); err != nil {
		t.Fatal(err)
	}
	for _, complete := range []uint64{0, cursor} {
		for room := uint32(MinReply); room < 1100; room += 53 {
			q := &groupdv1.MessagesRequest{AfterRev: proto.Uint64(cursor), CompleteRev: complete, MaxBytes: room}
			b := p.asks(p.bert, "/messages", q, &groupdv1.MessagesReply{}, groupdv1.Code_OK)
			v := openReply(t, b)
			e := v.GetEntries()[0]
			if len(b) > int(room) || v.GetToRev() <= cursor || (len(e.GetReactions()) == 0) != (e.GetFullLength() > 0) {
				t.Fatalf("in %d bytes: %d bytes, %v", room, len(b), v)
			}
			if room > 1000 && len(e.GetReactions()) != group.MaxReactionKinds {
				t.Errorf("in %d bytes: %d reactions", room, len(e.GetReactions()))
			}
		}
	}
}

func TestSearchComesInPages(t *testing.T) {
	p := newPlace(t)
	want := 0
	for i := range 60 {
		a, text := p.ada, fmt.Sprintf("goat number %d is on the bridge", i)
		if i%3 == 0 {
			a, text = p.bert, "no animals here"
		}
		if p.send(a, text); a.keys == p.ada.keys {
			want++
		}
	}
	q := &groupdv1.SearchRequest{Text: "Bridge goat", Author: byName("ada"), MaxBytes: MinReply, Accept: allCodecs()}
	got, pages, before := 0, 0, uint64(1<<62)
	for {
		b := p.asks(p.bert, "/messages/search", q, &groupdv1.MessagesReply{}, groupdv1.Code_OK)
		if len(b) > MinReply {
			t.Fatalf("a page of %d bytes", len(b))
		}
		v := openReply(t, b)
		for i, e := range v.GetEntries() {
			if !strings.Contains(e.GetText(), "goat") || e.GetSeq() >= before || (i > 0 && e.GetSeq() <= v.GetEntries()[i-1].GetSeq()) {
				t.Errorf("found %v", e)
			}
		}
		got, pages = got+len(v.GetEntries()), pages+1
		if !v.GetMore() {
			break
		}
		before = v.GetEntries()[0].GetSeq()
		q.BeforeSeq = before
	}
	if got != want || pages < 3 {
		t.Errorf("%d hits on %d pages, want %d", got, pages, want)
	}
	for what, q := range map[string]*groupdv1.SearchRequest{
		"nothing": {}, "signs": {Text: "*\"'"}, "before time began": {Since: -1}, "after its end": {Until: 1 << 60}, "an empty name": {Author: &groupdv1.Who{}},
	} {
		r := &groupdv1.MessagesReply{}
		if ask(t, p.s, p.bert.Caller, "/messages/search", q, r); r.GetStatus().GetCode() != groupdv1.Code_INVALID {
			t.Errorf("looking for %s: %v", what, r.GetStatus())
		}
	}
	p.asks(p.bert, "/messages/search", &groupdv1.SearchRequest{Text: strings.Repeat("x", 300)}, &groupdv1.MessagesReply{}, groupdv1.Code_TOO_LARGE)
	for _, text := range []string{`goat" OR "x`, "goat NEAR bridge", "goat AND", "words:goat", "goat*", "-goat", "'; DROP TABLE groups; --"} {
		p.asks(p.bert, "/messages/search", &groupdv1.SearchRequest{Text: text}, &groupdv1.MessagesReply{}, groupdv1.Code_OK)
	}
}

func TestReportsFitTheSmallestReply(t *testing.T) {
	h := newFake(0)
	h.reported = nil
	for i := range 40 {
		h.reported = append(h.reported, group.Report{ID: int64(i + 1), Seq: group.Seq(i + 1), By: id(2), Reason: strings.Repeat("é", 100), Created: start()})
	}
	h.people[1].DisplayName = strings.Repeat("n", 96)
	s := newServer(t, h)
	for room := uint32(MinReply); room < 9000; room = room*4/3 + 1 {
		r := &groupdv1.ReportsReply{}
		b := ask(t, s, ada(), "/reports", &groupdv1.ReportsRequest{MaxBytes: room}, r)
		if len(b) > int(room) || len(r.GetReports()) == 0 || r.GetTotal() != 40 || (len(r.GetReports()) < 40) != r.GetMore() {
			t.Errorf("in %d bytes: %d bytes, %d reports, more %v, %v", room, len(b), len(r.GetReports()), r.GetMore(), r.GetStatus())
		}
		if first := r.GetReports()[0]; first.GetCut() != (len(first.GetReason()) < 200) {
			t.Errorf("in %d bytes the reason has %d, cut %v", room, len(first.GetReason()), first.GetCut())
		}
	}
}

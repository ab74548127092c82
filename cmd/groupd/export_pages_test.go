package main

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/api/pages"
	"groupd/api/requests"
	"groupd/api/signed"
	"groupd/db/blobs"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// machine is a server's database and domain, without a network.
type machine struct {
	t   testing.TB
	dir string
	db  *sqlite.DB
	hub *group.Hub
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir()}
	var err error
	if m.db, err = sqlite.Open(t.Context(), filepath.Join(m.dir, fileDatabase)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.db.Close() })
	contents, err := blobs.Open(filepath.Join(m.dir, folderFiles), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	none := moderation.Rate{Burst: -1}
	m.hub, err = group.New(group.Config{
		Store: m.db, Blobs: contents, NewIdentity: newKeys, Limits: group.Limits{MemberRate: none, GroupRate: none, JoinRate: none, GroupJoinRate: none, AttachFloor: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *machine) transfer() transfer { return transfer{m.db, m.hub} }

// lives runs what the server does by itself for a while.
func (m *machine) lives(d time.Duration) {
	ctx, cancel := context.WithTimeout(m.t.Context(), d)
	defer cancel()
	if err := m.hub.Run(ctx); err != nil {
		m.t.Fatal(err)
	}
}

// author is somebody with keys and a program.
type author struct {
	group.Caller
	keys *rns.Identity
}

func newAuthor(t testing.TB, name string) author {
	t.Helper()
	sum := sha512.Sum512([]byte(name))
	keys, err := rns.LoadIdentity(sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return author{group.Caller{Identity: group.IdentityHash(keys.Hash()), PublicKey: keys.Public().PublicKey()}, keys}
}

// posts sends a signed message to the group.
func (m *machine) posts(a author, text string, change ...func(*lxmf.Draft)) group.PostResult {
	m.t.Helper()
	d := lxmf.Draft{Destination: rns.DestinationHash{1}, Timestamp: lxmf.Timestamp(time.Now()), Content: []byte(text)}
	for _, c := range change {
		c(&d)
	}
	packed, err := lxmf.Pack(a.keys, d)
	if err != nil {
		m.t.Fatal(err)
	}
	r, err := m.hub.Post(m.t.Context(), a.Caller, "main", signed.Post(packed))
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

func answering(to group.PostResult) func(*lxmf.Draft) {
	return func(d *lxmf.Draft) { d.Fields.SetReplyQuote(fmt.Sprint(to.Seq)) }
}

func withFiles(files ...lxmf.Attachment) func(*lxmf.Draft) {
	return func(d *lxmf.Draft) { d.Fields.SetAttachments(files...) }
}

// valleyNet is a group with a history, and the people who look at it.
func valleyNet(m *machine) (people map[string]author) {
	t, ctx, local := m.t, m.t.Context(), group.Caller{Local: true}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	people = make(map[string]author)
	for _, name := range []string{"Ann", "Bob", "Mod", "Mal", "Waits", "Stranger", "Gone"} {
		people[name] = newAuthor(t, name)
	}
	_, err := m.hub.CreateGroup(ctx, local, group.NewGroup{ID: "main", PublicName: "Valley Net", Public: true, Topic: "weather", Owner: group.AnyHash(people["Ann"].Identity)})
	must(err)
	for _, name := range []string{"Ann", "Bob", "Mod", "Mal", "Gone"} {
		_, err := m.hub.Join(ctx, people[name].Caller, "main", group.JoinInput{Name: name + " ⛰", Mode: group.DeliverRelay})
		must(err)
	}
	_, err = m.hub.UpdatePermissions(ctx, local, "main", group.PermissionsInput{Target: group.AnyHash(people["Mod"].Identity), Role: moderation.RoleModerator})
	must(err)
	r := rand.New(rand.NewPCG(1, 1))
	words := strings.Fields("goats weather ⛰ `!bold >heading snow the valley *rain* water [link`:/page/index.mu] up hill down \\ tomorrow")
	first := m.posts(people["Ann"], "hello valley", withFiles(lxmf.Attachment{Name: "map.txt", Data: bytes.Repeat([]byte("goat "), 20_000)}, lxmf.Attachment{Name: "empty", Data: nil}))
	for i := range 150 {
		time.Sleep(time.Duration(r.IntN(3600)) * time.Second)
		var text []string
		for range 1 + r.IntN(40) {
			text = append(text, words[r.IntN(len(words))])
		}
		who := people[[]string{"Ann", "Bob", "Mod", "Mal", "Gone"}[r.IntN(5)]]
		p := m.posts(who, strings.Join(text, " "), answering(first))
		switch i % 10 {
		case 1:
			_, err = m.hub.React(ctx, people["Bob"].Caller, "main", group.ReactInput{Seq: p.Seq, Text: "👍"})
		case 2:
			_, err = m.hub.Pin(ctx, people["Mod"].Caller, "main", p.Seq, false)
		case 3:
			_, err = m.hub.Delete(ctx, people["Mod"].Caller, "main", group.DeleteInput{Seqs: []group.Seq{p.Seq}})
			if who.Identity == people["Ann"].Identity {
				err = nil // above him
			}
		case 4:
			_, err = m.hub.Report(ctx, people["Bob"].Caller, "main", group.ReportInput{Seq: p.Seq, Reason: "goats"})
		case 5:
			m.posts(who, "a file", withFiles(lxmf.Attachment{Name: fmt.Sprint(i, ".txt"), Data: []byte(strings.Join(text, ","))}))
		case 6:
			_, err = m.hub.UpdateTopic(ctx, local, "main", fmt.Sprint("topic ", i))
		case 7:
			var e *lxmf.Message
			e, err = lxmf.Pack(who.keys, lxmf.Draft{Destination: rns.DestinationHash{1}, Timestamp: lxmf.Timestamp(time.Now()), Content: []byte(fmt.Sprint("better ", i))})
			must(err)
			_, err = m.hub.Edit(ctx, who.Caller, "main", group.EditInput{Seq: p.Seq, Post: signed.Post(e)})
		}
		must(err)
	}
	_, err = m.hub.Leave(ctx, people["Gone"].Caller, "main")
	must(err)
	_, err = m.hub.Ban(ctx, people["Mod"].Caller, "main", group.BanInput{Target: group.AnyHash(people["Mal"].Identity), Reason: "noise", Purge: true})
	must(err)
	m.lives(25 * time.Hour) // what can still be brought back does not come out, and the page that offers it is another
	_, err = m.hub.Mute(ctx, people["Mod"].Caller, "main", group.MuteInput{Target: group.AnyHash(people["Bob"].Identity), Reason: "noise", Duration: 24 * time.Hour})
	must(err)
	_, err = m.hub.CreateInvite(ctx, people["Ann"].Caller, "main", group.InviteInput{Uses: 3})
	must(err)
	approve := moderation.JoiningApprove
	_, err = m.hub.UpdateSettings(ctx, local, "main", group.SettingsInput{Joining: &approve, Change: func(p *moderation.Policy) { p.Question = "which valley?" }})
	must(err)
	_, err = m.hub.Join(ctx, people["Waits"].Caller, "main", group.JoinInput{Name: "Waits", Greeting: "this one"})
	must(err)
	m.lives(time.Minute)
	return people
}

// seen is everything that somebody can be told of the group by requests and by pages.
func (m *machine) seen(who group.Caller) map[string]string {
	t, ctx := m.t, m.t.Context()
	out := make(map[string]string)
	face, err := requests.New(requests.Config{Hub: m.hub, Group: "main", Version: Version})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string, q proto.Message) []byte {
		body, err := proto.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		reply := face.Handle(ctx, who, requests.Prefix+path, msgpack.Bin(body), requests.BasePacket)
		out[fmt.Sprintf("%s {%v}", path, q)] = hex.EncodeToString(reply)
		b, _ := reply.Bin()
		return b
	}
	codecs := map[string][]groupdv1.Codec{"plain": nil, "deflate": {groupdv1.Codec_DEFLATE}, "dictionary": {groupdv1.Codec_DEFLATE, groupdv1.Codec_DEFLATE_DICTIONARY_1}}
	for _, accept := range codecs {
		for _, size := range []uint32{0, 1500, 60_000} {
			some := func(more ...func(*groupdv1.MessagesRequest)) {
				q := &groupdv1.MessagesRequest{MaxBytes: size, Accept: accept, Hashes: true, Chain: true}
				for _, f := range more {
					f(q)
				}
				ask("/messages", q)
			}
			some(func(q *groupdv1.MessagesRequest) { q.Newest = 30 })
			some(func(q *groupdv1.MessagesRequest) { q.Newest = 30; q.Headlines = true })
			some(func(q *groupdv1.MessagesRequest) { q.Newest = 200; q.NoEvents = true })
			some(func(q *groupdv1.MessagesRequest) { q.Newest = 30; q.Quote = true })
			some(func(q *groupdv1.MessagesRequest) { q.Seqs = []uint64{1, 7, 20, 33, 99, 100_000} })
			for at := uint64(0); at < 240; at += 61 {
				some(func(q *groupdv1.MessagesRequest) { q.AfterSeq = proto.Uint64(at) })
				some(func(q *groupdv1.MessagesRequest) { q.BeforeSeq = proto.Uint64(at + 1) })
				some(func(q *groupdv1.MessagesRequest) { q.AfterRev = proto.Uint64(2 * at) })
				some(func(q *groupdv1.MessagesRequest) { q.AfterRev = proto.Uint64(2 * at); q.CompleteRev = at })
			}
		}
	}
	for _, one := range []struct {
		path string
		q    proto.Message
	}{
		{"/info", &groupdv1.InfoRequest{}}, {"/disclosure", &groupdv1.DisclosureRequest{}}, {"/members", &groupdv1.MembersRequest{}}, {"/members/requests", &groupdv1.WaitingRequest{}},
		{"/bans", &groupdv1.BansRequest{}}, {"/audit", &groupdv1.AuditRequest{}}, {"/invites/list", &groupdv1.InvitesRequest{}}, {"/settings", &groupdv1.SettingsRequest{}},
		{"/reports", &groupdv1.ReportsRequest{}}, {"/messages/search", &groupdv1.SearchRequest{Text: "goats snow"}}, {"/groups", &groupdv1.GroupsRequest{}},
	} {
		ask(one.path, one.q)
	}
	for seq := uint64(1); seq < 240; seq += 3 {
		ask("/messages/proof", &groupdv1.ProofRequest{Seq: seq, MaxBytes: 8000})
		ask("/messages/attachment", &groupdv1.AttachmentRequest{Seq: seq, MaxBytes: 4000})
	}

	info, err := m.hub.Info(ctx, group.Caller{Local: true}, "main")
	if err != nil {
		t.Fatal(err)
	}
	browser, err := pages.New(pages.Config{Hub: m.hub, Group: "main", Address: info.Address, Version: Version, Rand: rand.NewChaCha8([32]byte{3})})
	if err != nil {
		t.Fatal(err)
	}
	visit := func(path string, variables ...string) {
		var data []msgpack.Entry
		for i := 0; i+1 < len(variables); i += 2 {
			data = append(data, msgpack.Entry{Key: msgpack.Str("var_" + variables[i]), Value: msgpack.Str(variables[i+1])})
		}
		out[path+fmt.Sprint(variables)] = string(browser.Handle(ctx, who, rns.LinkID{1}, path, msgpack.Map(data...)))
	}
	for _, path := range browser.Paths() {
		visit(path)
		for seq := 1; seq < 240; seq += 61 {
			for _, name := range []string{"seq", "before", "after", "from", "n", "page"} {
				visit(path, name, fmt.Sprint(seq))
			}
		}
		for _, name := range []string{"Ann", "Mal", "Gone"} {
			visit(path, "who", hex.EncodeToString(newAuthorHash(t, name)))
		}
		visit(path, "q", "goats", "text", "goats")
	}
	return out
}

func newAuthorHash(t testing.TB, name string) []byte {
	id := newAuthor(t, name).Identity
	return id[:]
}

// sameGeneration gives a database the generation of another: it is all that may differ.
func sameGeneration(t *testing.T, from, to *machine) {
	t.Helper()
	var raw []byte
	err := from.db.View(t.Context(), func(tx group.ReadTx) (err error) { raw, err = tx.Meta("generation"); return err })
	if err == nil {
		err = to.db.Update(t.Context(), func(tx group.Tx) error {
			if have, err := tx.Meta("generation"); err != nil || bytes.Equal(have, raw) || len(have) != len(raw) {
				t.Errorf("the generation is %x, %v; where the group comes from it is %x", have, err, raw)
			}
			return tx.SetMeta("generation", raw)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A circle that is being formed has rows of its own: who was invited, and the number of its key.
func TestACircleThatIsBeingFormedIsTheSameElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, ctx := newMachine(t), t.Context()
		ann, bob, carl := newAuthor(t, "Ann"), newAuthor(t, "Bob"), newAuthor(t, "Carl")
		_, err := old.hub.CreateGroup(ctx, group.Caller{Local: true}, group.NewGroup{ID: "main", Preset: "circle", PrivateName: "Us", Owner: group.AnyHash(ann.Identity)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := old.hub.Join(ctx, ann.Caller, "main", group.JoinInput{Name: "Ann"}); err != nil {
			t.Fatal(err)
		}
		for _, who := range []author{bob, carl} {
			if _, err := old.hub.CreateInvite(ctx, ann.Caller, "main", group.InviteInput{For: group.AnyHash(group.AddressOf(who.Identity))}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := old.hub.Join(ctx, bob.Caller, "main", group.JoinInput{Name: "Bob"}); err != nil {
			t.Fatal(err)
		}
		old.posts(ann, "hello circle")
		var file bytes.Buffer
		if _, err := old.transfer().export(ctx, "main", group.ExportInput{Identity: true}, &file); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"circle", "invitee", "epoch"} {
			if !strings.Contains(file.String(), `"kind":"`+kind+`"`) {
				t.Errorf("there is no %s in\n%s", kind, file.String())
			}
		}
		fresh := newMachine(t)
		if _, err := fresh.transfer().load(ctx, bytes.NewReader(file.Bytes()), group.ImportInput{}); err != nil {
			t.Fatal(err)
		}
		sameGeneration(t, old, fresh)
		for name, who := range map[string]author{"Ann": ann, "Bob": bob, "Carl": carl, "Dan": newAuthor(t, "Dan")} {
			want, have := old.seen(who.Caller), fresh.seen(who.Caller)
			for what, page := range want {
				if have[what] != page {
					t.Errorf("%s asks for %s\n got %.400q\nwant %.400q", name, what, have[what], page)
				}
			}
		}
		if _, err := fresh.hub.Join(ctx, carl.Caller, "main", group.JoinInput{Name: "Carl"}); err != nil {
			t.Errorf("the invite does not hold: %v", err)
		}
	})
}

func TestExportThenImportGivesTheSamePages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newMachine(t)
		people := valleyNet(old)
		var file bytes.Buffer
		wrote, err := old.transfer().export(t.Context(), "main", group.ExportInput{Identity: true}, &file)
		if err != nil {
			t.Fatal(err)
		}
		fresh := newMachine(t)
		got, err := fresh.transfer().load(t.Context(), bytes.NewReader(file.Bytes()), group.ImportInput{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Verified < 100 || got.Unchecked != 0 || got.Missing != 0 || wrote.Missing != 0 {
			t.Errorf("%d signatures were right, %d not checked, contents missing: %d and %d", got.Verified, got.Unchecked, wrote.Missing, got.Missing)
		}
		sameGeneration(t, old, fresh)
		compared, large := 0, 0
		for name, who := range people {
			want, have := old.seen(who.Caller), fresh.seen(who.Caller)
			for what, page := range want {
				if compared++; len(page) > 200 {
					large++
				}
				if have[what] != page {
					t.Errorf("%s asks for %s\n got %.400q\nwant %.400q", name, what, have[what], page)
				}
			}
		}
		if compared < 5000 || large < 3000 {
			t.Errorf("only %d pages were compared, %d of them with something on them", compared, large)
		}
		t.Logf("%d pages are the same", compared)

		// And the group goes on where it was.
		head := got.Head
		p := fresh.posts(people["Ann"], "the group goes on")
		if p.Seq != head.Seq+1 {
			t.Errorf("the next entry is %d, after %d", p.Seq, head.Seq)
		}
		if bad, err := fresh.hub.VerifyChain(t.Context(), "main"); bad != 0 || err != nil {
			t.Errorf("the chain does not fit from %d on: %v", bad, err)
		}
		page, err := fresh.hub.Messages(t.Context(), people["Mod"].Caller, "main", group.Query{AfterRev: head.Rev, EntriesOnly: true})
		if err != nil || len(page.Entries) != 1 || string(page.Entries[0].Text) != "the group goes on" {
			t.Errorf("a client goes on from its cursor: %+v, %v", page.Entries, err)
		}
		if key, err := fresh.hub.PrivateKey(t.Context(), group.Caller{Local: true}, "main"); err != nil || len(key) != 64 {
			t.Errorf("the key: %d bytes, %v", len(key), err)
		}
	})
}

package requests

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// mirror is a client as docs/requests.md describes it: it knows what pages told it and nothing else.
type mirror struct {
	cursor   uint64
	complete uint64 // the cursor when it last had everything
	entries  map[uint64]*groupdv1.Entry
	members  map[string]*groupdv1.Member
	group    *groupdv1.GroupState
	cut      []uint64 // entries that came shortened
}

// sync asks for pages of random sizes until there is no more; between happens between them.
func (m *mirror) sync(t *testing.T, s *Server, c group.Caller, r *rand.Rand, between func()) {
	t.Helper()
	for more := true; more; {
		limit := uint32(MinReply + r.IntN(1500))
		b := askFor(t, s, c, &groupdv1.MessagesRequest{AfterRev: proto.Uint64(m.cursor), CompleteRev: m.complete, MaxBytes: limit, Accept: allCodecs()})
		if len(b) > int(limit) {
			t.Fatalf("a page of %d bytes, at most %d were asked for", len(b), limit)
		}
		v := openReply(t, b)
		if v.GetToRev() < m.cursor || (v.GetMore() && v.GetToRev() == m.cursor) {
			t.Fatalf("the cursor stands still at %d", m.cursor)
		}
		m.apply(v)
		if more = v.GetMore(); more {
			between()
		}
	}
	for _, seq := range m.cut {
		if e := m.entries[seq]; e != nil && e.GetFullLength() > 0 {
			m.apply(openReply(t, askFor(t, s, c, &groupdv1.MessagesRequest{Seqs: []uint64{seq}, MaxBytes: e.GetFullLength() + 4096})))
		}
	}
	m.cut, m.complete = nil, m.cursor
}

func askFor(t *testing.T, s *Server, c group.Caller, q *groupdv1.MessagesRequest) []byte {
	t.Helper()
	reply := &groupdv1.MessagesReply{}
	b := ask(t, s, c, "/messages", q, reply)
	if reply.GetStatus() != nil {
		t.Fatal(reply.GetStatus())
	}
	return b
}

func (m *mirror) apply(v *groupdv1.PageView) {
	for _, e := range v.GetEntries() {
		old := m.entries[e.GetSeq()]
		switch {
		case !e.GetUnchanged():
			m.entries[e.GetSeq()] = e
		case old != nil:
			old.Rev, old.Reactions, old.Pinned, old.EditedBy = e.GetRev(), e.GetReactions(), e.GetPinned(), e.GetEditedBy()
		}
		if e.GetFullLength() > 0 {
			m.cut = append(m.cut, e.GetSeq())
		}
	}
	for _, p := range v.GetMembers() {
		if p.GetCut() {
			panic("a member's row was cut in a page that had room for it")
		}
		m.members[string(p.GetIdentity())] = p
	}
	if v.GetGroup() != nil {
		m.group = v.GetGroup()
	}
	maps.DeleteFunc(m.entries, func(seq uint64, _ *groupdv1.Entry) bool { return seq < v.GetOldest() })
	m.cursor = max(m.cursor, v.GetToRev())
}

// lines is what a client shows: every entry it has, with the text of the newest edit.
func (m *mirror) lines() map[uint64]string {
	newest := map[uint64]*groupdv1.Entry{}
	for _, seq := range slices.Sorted(maps.Keys(m.entries)) {
		if e := m.entries[seq]; e.GetKind() == groupdv1.Kind_EDIT && !e.GetDeleted() {
			newest[e.GetAbout()] = e
		}
	}
	out := map[uint64]string{}
	for seq, e := range m.entries {
		text := e.GetText()
		if e.GetKind() == groupdv1.Kind_EDIT && !e.GetDeleted() {
			text = newest[e.GetAbout()].GetText()
		} else if edit := newest[seq]; edit != nil {
			text = edit.GetText()
		}
		var reactions []string
		for _, c := range e.GetReactions() {
			reactions = append(reactions, fmt.Sprint(c.GetText(), c.GetCount(), c.GetMine()))
		}
		out[seq] = fmt.Sprintf("%s deleted %v by %x of %d: %q, %v, pinned %v, with %v", e.GetKind(), e.GetDeleted(), e.GetSender().GetIdentity(), e.GetAbout(), text, reactions,
			e.GetPinned(), fileLines(e.GetAttachments()))
	}
	return out
}

// truth is the same from what the store holds.
func truth(t *testing.T, store group.Store, who group.Caller) (lines map[uint64]string, members map[string]string) {
	t.Helper()
	lines, members = map[uint64]string{}, map[string]string{}
	if err := store.View(t.Context(), func(tx group.ReadTx) error {
		all, err := tx.Entries(valley, 0, 0, false, 1_000_000)
		if err != nil {
			return err
		}
		texts := map[group.Seq]string{}
		for _, e := range all {
			if e.Kind == group.EntryEdit && !e.Deleted {
				texts[e.Ref] = string(e.Text) // of several the newest
			}
		}
		for _, e := range all {
			of := e.Seq
			if e.Kind == group.EntryEdit {
				of = e.Ref
			}
			text, edited := texts[of]
			if !edited || e.Deleted {
				text = string(e.Text)
			}
			counts, err := tx.ReactionsTo(valley, e.Seq, who.Identity)
			if err != nil {
				return err
			}
			var reactions []string
			for _, c := range counts {
				reactions = append(reactions, fmt.Sprint(c.Text, c.Count, c.Mine))
			}
			var author []byte
			if !e.Author.IsZero() {
				author = e.Author[:]
			}
			files, err := tx.Attachments(valley, e.Seq)
			if err != nil {
				return err
			}
			lines[uint64(e.Seq)] = fmt.Sprintf("%s deleted %v by %x of %d: %q, %v, pinned %v, with %v", kindOut(e.Kind), e.Deleted, author, e.Ref, text, reactions, e.Pinned,
				fileLines(attachmentRows(files)))
		}
		rows, err := tx.MembersByRev(valley, 0, false, 1_000_000)
		for _, m := range rows {
			members[string(m.Identity[:])] = memberLine(memberRow(m))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return lines, members
}

func fileLines(files []*groupdv1.Attachment) (lines []string) {
	for _, a := range files {
		lines = append(lines, fmt.Sprintf("%s %q of %d, %x", a.GetKind(), a.GetName(), a.GetSize(), a.GetHash()))
	}
	return lines
}

func memberLine(m *groupdv1.Member) string {
	return fmt.Sprintf("%q %s %d gone %v %q", m.GetName(), m.GetRole(), m.GetPermissions(), m.GetGone(), m.GetStatusText())
}

// life is a group in which everything happens.
type life struct {
	t     *testing.T
	r     *rand.Rand
	hub   *group.Hub
	store group.Store
	crowd []group.Caller
	boss  group.Caller
}

// step does one thing; that it may be refused is part of life.
func (l *life) step(n int) {
	ctx, hub, r := l.t.Context(), l.hub, l.r
	who, other := l.crowd[r.IntN(len(l.crowd))], l.crowd[r.IntN(len(l.crowd))]
	head := group.Seq(0)
	if info, err := hub.Info(ctx, group.Caller{Local: true}, valley); err == nil {
		head = info.Head.Seq
	}
	seq := group.Seq(1 + r.IntN(int(head)))
	if r.IntN(2) == 0 {
		seq = head - min(head-1, group.Seq(r.IntN(20)))
	}
	text := strings.Repeat(fmt.Sprintf("thing %d said ", n), 1+r.IntN(4)*r.IntN(12))
	reaction := []string{"👍", "❤", "😂", "ok"}[r.IntN(4)]
	var err error
	switch k := r.IntN(100); {
	case k < 35:
		in := group.PostInput{Text: []byte(text), Ref: seq * group.Seq(r.IntN(2))}
		for i := range r.IntN(5) * r.IntN(2) { // some bring files, and some the same
			content := fmt.Sprintf("file %d", r.IntN(50))
			in.Files = true
			in.Attachments = append(in.Attachments, group.AttachmentInput{
				Attachment: group.Attachment{Kind: group.AttachFile, Name: fmt.Sprint(i, ".txt"), Size: int64(len(content)), Hash: sha256.Sum256([]byte(content)), At: int64(i)},
				Open:       func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
			})
		}
		_, err = hub.Post(ctx, who, valley, in)
	case k < 50:
		_, err = hub.Edit(ctx, who, valley, group.EditInput{Seq: seq, Post: group.PostInput{Text: []byte("edit: " + text)}})
	case k < 65:
		_, err = hub.React(ctx, who, valley, group.ReactInput{Seq: seq, Text: reaction, Off: r.IntN(4) == 0})
	case k < 70:
		_, err = hub.Pin(ctx, l.boss, valley, seq, r.IntN(3) == 0)
	case k < 77:
		_, err = hub.Delete(ctx, []group.Caller{who, l.boss}[r.IntN(2)], valley, group.DeleteInput{Seqs: []group.Seq{seq}})
	case k < 78:
		_, err = hub.Delete(ctx, l.boss, valley, group.DeleteInput{Author: group.AnyHash(other.Identity)})
	case k < 82:
		name := fmt.Sprint("name ", n)
		_, err = hub.UpdateProfile(ctx, who, valley, group.ProfileInput{Name: &name})
	case k < 84:
		_, err = hub.UpdateTopic(ctx, l.boss, valley, fmt.Sprint("topic ", n))
	case k < 86:
		name := fmt.Sprint("group ", n)
		_, err = hub.UpdateDisplayName(ctx, l.boss, valley, group.NamesInput{Private: &name})
	case k < 89:
		_, err = hub.Kick(ctx, l.boss, valley, group.KickInput{Target: group.AnyHash(other.Identity), Reason: "spam"})
	case k < 90:
		_, err = hub.Ban(ctx, l.boss, valley, group.BanInput{Target: group.AnyHash(other.Identity), Duration: time.Hour, Purge: r.IntN(3) > 0})
	case k < 91:
		_, err = hub.UndoBan(ctx, l.boss, valley, group.AnyHash(other.Identity))
	case k < 92:
		switch r.IntN(4) {
		case 0:
			_, err = hub.Forget(ctx, who, valley)
		case 1:
			_, err = hub.Transfer(ctx, l.boss, valley, group.TransferInput{From: group.AnyHash(other.Identity), To: group.AnyHash(who.Identity)})
		default:
			_, err = hub.Leave(ctx, who, valley)
		}
	case k < 97:
		_, err = hub.Join(ctx, who, valley, group.JoinInput{Name: "back"})
	case k < 98:
		err = l.store.Update(ctx, func(tx group.Tx) error {
			g, err := tx.Group(valley)
			if err != nil {
				return err
			}
			g.Policy.RetainCount = uint32(r.IntN(2) * (40 + r.IntN(200)))
			g.Policy.RetainAge = moderation.Seconds(r.IntN(2) * (5 + r.IntN(20)) * 24 * 3600)
			return tx.PutGroup(g)
		})
	default: // what is no longer kept goes, what is hidden is hidden, or a part of it
		span, cancel := context.WithTimeout(ctx, time.Duration(1+r.IntN(60_000))*time.Millisecond>>r.IntN(12))
		err = hub.Run(span)
		cancel()
	}
	if err != nil && !group.Refused(err) {
		l.t.Fatal(err)
	}
}

// A client away for a month holds after one sync exactly what the server holds, whatever happened meanwhile.
func TestAClientAwayForAMonthMissesNothing(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { awayForAMonth(t, memory.New(), rand.New(rand.NewPCG(seed, 7))) })
		})
	}
	t.Run("on disk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			db, err := sqlite.Open(t.Context(), t.TempDir()+"/groupd.db")
			if err != nil {
				t.Fatal(err)
			}
			awayForAMonth(t, db, rand.New(rand.NewPCG(12, 7)))
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

func awayForAMonth(t *testing.T, store group.Store, r *rand.Rand) {
	none := moderation.Rate{Burst: -1}
	hub, err := group.New(group.Config{Store: store, Blobs: memory.NewBlobs(), Rand: rand.NewChaCha8([32]byte{1}), Limits: group.Limits{MemberRate: none, GroupRate: none, JoinRate: none, GroupJoinRate: none}})
	if err != nil {
		t.Fatal(err)
	}
	operator := group.Caller{Local: true}
	if _, err := hub.CreateGroup(t.Context(), operator, group.NewGroup{ID: valley, PublicKey: person("the group").PublicKey, PrivateKey: make([]byte, 64), PublicName: "Valley", Public: true}); err != nil {
		t.Fatal(err)
	}
	l := &life{t: t, r: r, hub: hub, store: store, boss: person("boss")}
	away := person("away")
	for i, c := range append([]group.Caller{l.boss, away}, person("a"), person("b"), person("c"), person("d"), person("e")) {
		if _, err := hub.Join(t.Context(), c, valley, group.JoinInput{Name: fmt.Sprint("person ", i)}); err != nil {
			t.Fatal(err)
		}
		if i > 1 {
			l.crowd = append(l.crowd, c)
		}
	}
	if _, err := hub.UpdatePermissions(t.Context(), operator, valley, group.PermissionsInput{Target: group.AnyHash(l.boss.Identity), Role: moderation.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Hub: hub, Group: valley})
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() *mirror {
		return &mirror{entries: map[uint64]*groupdv1.Entry{}, members: map[string]*groupdv1.Member{}}
	}
	whole, part := fresh(), fresh() // one that had everything when it left, and one that began with the newest entries
	for n := range 100 {
		l.step(n)
		if n%5 == 0 { // what he did himself he sees as his
			seq := group.Seq(1 + r.IntN(n+8))
			if _, err := hub.React(t.Context(), away, valley, group.ReactInput{Seq: seq, Text: "👍"}); err != nil && !group.Refused(err) {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Duration(r.IntN(120)) * time.Minute)
		if n == 60 {
			whole.sync(t, s, away, r, func() { l.step(r.IntN(1000)) })
		}
	}
	whole.sync(t, s, away, r, func() { l.step(r.IntN(1000)) })
	part.apply(openReply(t, askFor(t, s, away, &groupdv1.MessagesRequest{Newest: 20, MaxBytes: 100_000})))
	part.complete = part.cursor // what he did not fetch does not concern him
	began := slices.Min(slices.Collect(maps.Keys(part.entries)))
	left := time.Now()
	for n := 100; time.Since(left) < 30*24*time.Hour; n++ {
		l.step(n)
		time.Sleep(time.Duration(r.IntN(240)) * time.Minute)
	}
	newcomer := fresh()
	newcomer.sync(t, s, away, r, func() { l.step(r.IntN(1000)) })
	for _, m := range []*mirror{whole, part, newcomer} {
		m.sync(t, s, away, r, func() {})
	}

	lines, members := truth(t, store, away)
	for what, m := range map[string]*mirror{"who had everything": whole, "who begins now": newcomer, "who began with a part": part} {
		have := m.lines()
		for seq, line := range lines {
			if got, ok := have[seq]; got != line && (ok || m != part || seq >= began) {
				t.Errorf("%s has of %d\n     %s\nwant %s", what, seq, got, line)
			}
		}
		for seq := range have {
			if _, ok := lines[seq]; !ok {
				t.Errorf("%s has %d, which is gone", what, seq)
			}
		}
		if m != part {
			for id, line := range members {
				if got := memberLine(m.members[id]); got != line {
					t.Errorf("%s has the member\n     %s\nwant %s", what, got, line)
				}
			}
			if len(m.members) != len(members) {
				t.Errorf("%s has %d members, want %d", what, len(m.members), len(members))
			}
		}
	}
	info, err := hub.Info(t.Context(), away, valley)
	if err != nil || whole.group.GetTopic() != info.Topic || whole.group.GetPrivateName() != info.PrivateName || whole.cursor != uint64(info.Head.Rev) {
		t.Errorf("the group is %v, want %q, %q (%v)", whole.group, info.PrivateName, info.Topic, err)
	}
}

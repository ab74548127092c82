package group_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
)

// TestACursorGivesTheServersStateWhateverHappened lets members do random things while clients synchronise now and then, with
// random limits, pages cut short, and losses; in the end each has exactly what the server has.
func TestACursorGivesTheServersStateWhateverHappened(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 7))
		h := newHouse(t, open, func(_ *group.NewGroup, c *group.Config) {
			c.Limits.JoinRate.Burst, c.Limits.MemberRate.Burst, c.Limits.GroupRate.Burst = -1, -1, -1
		})
		h.joined("owner", moderation.RoleOwner)
		readers := []*reader{h.reader(operator()), h.reader(operator()), h.reader(operator())}
		for range 150 {
			h.anything(r)
			for _, reader := range readers {
				if r.IntN(8) == 0 {
					reader.page(r)
				}
			}
		}
		want := h.truth()
		for i, reader := range readers {
			for reader.page(r) {
			}
			if len(reader.entries) != len(want.entries) || len(reader.members) != len(want.members) || reader.cursor != want.cursor {
				t.Fatalf("seed %d, client %d: %d entries, %d members, cursor %d; the server has %d, %d, %d", seed, i,
					len(reader.entries), len(reader.members), reader.cursor, len(want.entries), len(want.members), want.cursor)
			}
			for seq, e := range want.entries {
				if !reflect.DeepEqual(reader.entries[seq], e) {
					t.Fatalf("seed %d, client %d, entry %d:\n%+v, the server has\n%+v", seed, i, seq, reader.entries[seq], e)
				}
			}
			for id, m := range want.members {
				if got := reader.members[id]; got.Rev != m.Rev || got.Present != m.Present || got.DisplayName != m.DisplayName || got.Role != m.Role {
					t.Fatalf("seed %d, client %d, member %s:\n%+v, the server has\n%+v", seed, i, m.DisplayName, got, m)
				}
			}
			if info := must(h.hub.Info(t.Context(), operator(), valley))(t); reader.info.Topic != info.Topic || reader.info.Rev != info.Rev {
				t.Fatalf("seed %d, client %d: the topic is %q, on the server %q", seed, i, reader.info.Topic, info.Topic)
			}
		}
		if bad := must(h.hub.VerifyChain(t.Context(), valley))(t); bad != 0 {
			t.Errorf("seed %d: the chain breaks at %d", seed, bad)
		}
	}
}

// anything does one random thing as one of ten people. What is refused is refused.
func (h *house) anything(r *rand.Rand) {
	ctx, hub := h.t.Context(), h.hub
	c, other := person(fmt.Sprint("p", r.IntN(10))), person(fmt.Sprint("p", r.IntN(10)))
	by := c
	if r.IntN(2) == 0 {
		by = operator()
	}
	head := h.head()
	seq := group.Seq(1 + r.IntN(int(head.Seq)+1))
	text := fmt.Sprint("text ", r.IntN(100))
	var err error
	switch r.IntN(12) {
	case 0, 1, 2:
		_, err = hub.Post(ctx, c, valley, group.PostInput{Text: []byte(text), Ref: min(seq, head.Seq)})
	case 3, 4:
		_, err = hub.Join(ctx, c, valley, group.JoinInput{Name: text})
	case 5:
		_, err = hub.Leave(ctx, c, valley)
	case 6:
		_, err = hub.Delete(ctx, by, valley, group.DeleteInput{Seqs: []group.Seq{seq}})
	case 7:
		_, err = hub.Kick(ctx, by, valley, group.KickInput{Target: hash(other), Reason: text})
	case 8:
		_, err = hub.Unban(ctx, by, valley, hash(other))
	case 9:
		_, err = hub.UpdateTopic(ctx, by, valley, text)
	case 10:
		_, err = hub.UpdateProfile(ctx, c, valley, group.ProfileInput{Name: &text, Status: &text})
	case 11:
		_, err = hub.UpdatePermissions(ctx, by, valley, group.PermissionsInput{Target: hash(other), Role: moderation.Role(1 + r.IntN(3)), Add: moderation.PermKick})
	}
	if err != nil && !group.Refused(err) {
		h.t.Fatal(err)
	}
}

// page fetches one page of random size; sometimes the page is cut by the face, sometimes it is lost on the way. It reports
// whether there is more.
func (r *reader) page(rnd *rand.Rand) bool {
	t := r.house.t
	limit := 1 + rnd.IntN(9)
	p := must(r.house.hub.Messages(t.Context(), r.caller, valley, group.Query{AfterRev: r.cursor, Limit: limit}))(t)
	if n := len(p.Entries) + len(p.Members); n > limit || (p.More && n < limit) {
		t.Fatalf("a page of %d rows, limit %d, more %v", n, limit, p.More)
	}
	if rnd.IntN(3) == 0 {
		cut := p.Cut(rnd.IntN(6))
		if cut.To > p.To || cut.To < r.cursor {
			t.Fatalf("a page to %d was cut to one to %d, from cursor %d", p.To, cut.To, r.cursor)
		}
		p = cut
	}
	if rnd.IntN(5) == 0 {
		return true // lost
	}
	r.apply(p)
	return p.More
}

// truth reads everything from the store.
func (h *house) truth() *reader {
	r := h.reader(operator())
	err := h.store.View(h.t.Context(), func(tx group.ReadTx) error {
		head, err := tx.Head(valley)
		entries, err2 := tx.Entries(valley, 0, 0, false, 1_000_000)
		members, err3 := tx.MembersByRev(valley, 0, false, 1_000_000)
		for i, e := range entries {
			if e.Seq != group.Seq(i+1) {
				h.t.Errorf("a gap before entry %d", e.Seq)
			}
			r.entries[e.Seq] = e
		}
		for _, m := range members {
			r.members[m.Identity] = m
		}
		r.cursor = head.Rev
		return errors.Join(err, err2, err3)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func TestEveryRevBelongsToOneRow(t *testing.T) {
	h := newHouse(t, open)
	r := rand.New(rand.NewPCG(3, 3))
	h.joined("owner", moderation.RoleOwner)
	for range 200 {
		h.anything(r)
	}
	truth := h.truth()
	seen := map[group.Rev]string{must(h.hub.Info(t.Context(), operator(), valley))(t).Rev: "the group"}
	note := func(rev group.Rev, what string) {
		if other, taken := seen[rev]; taken {
			t.Errorf("%s and %s share rev %d", what, other, rev)
		}
		seen[rev] = what
		if rev > truth.cursor {
			t.Errorf("%s has rev %d, above the head's %d", what, rev, truth.cursor)
		}
	}
	for seq, e := range truth.entries {
		note(e.Rev, fmt.Sprint("entry ", seq))
	}
	for _, m := range truth.members {
		note(m.Rev, m.DisplayName)
	}
}

func TestPagesBySeq(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleMember) // entry 1
	for i := 2; i <= 10; i++ {
		h.post(ann, fmt.Sprint(i))
	}
	bob := h.joined("Bob", moderation.RoleMember) // entry 11
	for i := 12; i <= 14; i++ {
		h.post(bob, fmt.Sprint(i))
	}
	for _, c := range []struct {
		name    string
		q       group.Query
		want    []group.Seq
		more    bool
		omitted int
	}{
		{"newest three", group.Query{Newest: true, Limit: 3}, []group.Seq{12, 13, 14}, true, 0},
		{"newest of all", group.Query{Newest: true, Limit: 50}, []group.Seq{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, false, 0},
		{"before", group.Query{Before: 4, Limit: 2}, []group.Seq{2, 3}, true, 0},
		{"before the first", group.Query{Before: 1}, nil, false, 0},
		{"before, to the start", group.Query{Before: 3, Limit: 2}, []group.Seq{1, 2}, false, 0},
		{"after", group.Query{After: 4, Limit: 2}, []group.Seq{5, 6}, true, 0},
		{"after the last", group.Query{After: 14}, nil, false, 0},
		{"from the start", group.Query{BySeq: true, Limit: 2}, []group.Seq{1, 2}, true, 0},
		{"single ones", group.Query{Seqs: []group.Seq{9, 2, 99, 2}}, []group.Seq{2, 9}, false, 0},
		{"newest four that people wrote", group.Query{Newest: true, Limit: 4, NoEvents: true}, []group.Seq{10, 12, 13, 14}, true, 1},
		{"after, without events", group.Query{After: 10, NoEvents: true}, []group.Seq{12, 13, 14}, false, 1},
	} {
		p := must(h.hub.Messages(t.Context(), ann, valley, c.q))(t)
		var got []group.Seq
		for _, e := range p.Entries {
			got = append(got, e.Seq)
		}
		if !slices.Equal(got, c.want) || p.More != c.more || p.Omitted != c.omitted {
			t.Errorf("%s: %v, more %v, omitted %d; want %v, %v, %d", c.name, got, p.More, p.Omitted, c.want, c.more, c.omitted)
		}
		if p.Head.Seq != 14 || p.Generation == 0 || p.To != p.Head.Rev {
			t.Errorf("%s: head %+v, generation %d, to %d", c.name, p.Head, p.Generation, p.To)
		}
		for i := 1; i < len(p.Authors); i++ {
			if bytes.Compare(p.Authors[i-1].Identity[:], p.Authors[i].Identity[:]) >= 0 {
				t.Errorf("%s: authors are not in order", c.name)
			}
		}
		for _, e := range p.Entries {
			if !slices.ContainsFunc(p.Authors, func(m group.Member) bool { return m.Identity == e.Author }) {
				t.Errorf("%s: the author of entry %d is not named", c.name, e.Seq)
			}
		}
	}
	_, err := h.hub.Messages(t.Context(), ann, valley, group.Query{Seqs: make([]group.Seq, group.MaxPage+1)})
	refused(t, "too many seqs", err, group.KindTooLarge)
	if p := must(h.hub.Messages(t.Context(), ann, valley, group.Query{AfterRev: 1 << 40}))(t); len(p.Entries) != 0 || p.More {
		t.Errorf("a cursor from another life: %+v", p)
	}
	if p := must(h.hub.Messages(t.Context(), ann, valley, group.Query{NoEvents: true, EntriesOnly: true, Limit: 500}))(t); p.Omitted != 2 || len(p.Members) != 0 || p.To != p.Head.Rev {
		t.Errorf("omitted %d, %d members", p.Omitted, len(p.Members))
	}
}

func TestMembersInPages(t *testing.T) {
	h := newHouse(t)
	for i := range 25 {
		h.joined(fmt.Sprint("m", i), moderation.RoleMember)
	}
	gone := person("m3")
	must(h.hub.Leave(t.Context(), gone, valley))(t)
	names := make(map[string]bool)
	var q group.MembersQuery
	for q.Limit = 7; ; {
		p := must(h.hub.Members(t.Context(), operator(), valley, q))(t)
		for _, m := range p.Members {
			names[m.DisplayName] = true
		}
		if p.Total != 24 {
			t.Errorf("%d in all", p.Total)
		}
		if q.AfterRev = p.To; !p.More {
			break
		}
	}
	if len(names) != 24 || names["m3"] {
		t.Errorf("%d names, m3 among them: %v", len(names), names["m3"])
	}
	q.Changes = true
	must(h.hub.Leave(t.Context(), person("m4"), valley))(t)
	if p := must(h.hub.Members(t.Context(), operator(), valley, q))(t); len(p.Members) != 1 || p.Members[0].Present {
		t.Errorf("what changed: %+v", p.Members)
	}
	_, err := h.hub.Members(t.Context(), person("Mal"), valley, group.MembersQuery{})
	refused(t, "a stranger", err, group.KindNotMember)
}

func TestTheTimeThatIsShown(t *testing.T) {
	server := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for author, want := range map[time.Time]time.Time{
		{}: server, server.Add(-23 * time.Hour): server.Add(-23 * time.Hour), server.Add(-25 * time.Hour): server, server.AddDate(50, 0, 0): server,
	} {
		if got := (group.Entry{Time: server, AuthorTime: author}).ShownTime(); got != want {
			t.Errorf("the author says %v: %v is shown", author, got)
		}
	}
}

func BenchmarkSyncPageOf20FromTheMiddle(b *testing.B) {
	store := memory.New()
	hub, err := group.New(group.Config{Store: store, Limits: group.Limits{MemberRate: moderation.Rate{Burst: -1}, GroupRate: moderation.Rate{Burst: -1}}})
	if err != nil {
		b.Fatal(err)
	}
	ann := person("Ann")
	_, err = hub.CreateGroup(b.Context(), operator(), group.NewGroup{ID: valley, PublicKey: person("g").PublicKey, PrivateKey: []byte("k"), PublicName: "g", Public: true})
	if err == nil {
		_, err = hub.Join(b.Context(), ann, valley, group.JoinInput{Name: "Ann"})
	}
	for i := 0; i < 20_000 && err == nil; i++ {
		_, err = hub.Post(b.Context(), operator(), valley, group.PostInput{Text: []byte("the goats are on the upper meadow")})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := hub.Messages(b.Context(), ann, valley, group.Query{AfterRev: 10_000, Limit: 20})
		if err != nil || len(p.Entries) != 20 {
			b.Fatal(err, len(p.Entries))
		}
	}
}

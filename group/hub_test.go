package group_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
)

const valley = group.GroupID("valley")

// house is a hub with one group, and the people around it.
type house struct {
	t     *testing.T
	hub   *group.Hub
	store *memory.Store
}

func operator() group.Caller { return group.Caller{Local: true} }

// person is somebody with a key of his own, made from his name.
func person(name string) group.Caller {
	a, b := sha256.Sum256([]byte("x25519 "+name)), sha256.Sum256([]byte("ed25519 "+name))
	key := append(a[:], b[:]...)
	id, _ := group.IdentityOf(key)
	return group.Caller{Identity: id, PublicKey: key}
}

func hash(c group.Caller) group.AnyHash { return group.AnyHash(c.Identity) }

// newHouse makes a private group that approves.
func newHouse(t *testing.T, change ...func(*group.NewGroup, *group.Config)) *house {
	t.Helper()
	h := &house{t: t, store: memory.New()}
	key := person("the group").PublicKey
	n := group.NewGroup{ID: valley, PublicKey: key, PrivateKey: []byte("private"), PublicName: "Private Group", PrivateName: "Cottle Family Chat"}
	cfg := group.Config{Store: h.store, Rand: rand.NewChaCha8([32]byte{1})}
	for _, c := range change {
		c(&n, &cfg)
	}
	var err error
	if h.hub, err = group.New(cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := h.hub.CreateGroup(t.Context(), operator(), n); err != nil {
		t.Fatal(err)
	}
	return h
}

// open makes the group public and open.
func open(n *group.NewGroup, _ *group.Config) { n.Public = true }

// must fails the test unless err is nil.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused fails the test unless err has that kind.
func refused(t *testing.T, what string, err error, want group.Kind) *group.Error {
	t.Helper()
	var e *group.Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Fatalf("%s: %v, want %s", what, err, want)
	}
	if e.Msg == "" || e.Op == "" {
		t.Errorf("%s: an error without words: %+v", what, e)
	}
	return e
}

// joined makes somebody a member, with a role.
func (h *house) joined(name string, role moderation.Role) group.Caller {
	h.t.Helper()
	c := person(name)
	r, err := h.hub.Join(h.t.Context(), c, valley, group.JoinInput{Name: name})
	if err == nil && r.Standing == moderation.StandingPending {
		_, err = h.hub.Approve(h.t.Context(), operator(), valley, hash(c))
	}
	if err == nil && role > moderation.RoleMember {
		_, err = h.hub.UpdatePermissions(h.t.Context(), operator(), valley, group.PermissionsInput{Target: hash(c), Role: role})
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) post(c group.Caller, text string) group.PostResult {
	h.t.Helper()
	return must(h.hub.Post(h.t.Context(), c, valley, group.PostInput{Text: []byte(text)}))(h.t)
}

// message is a post in LXMF form.
func message(text string) group.PostInput {
	return group.PostInput{Text: []byte(text), MessageID: sha256.Sum256([]byte(text)), Original: []byte("signed " + text), AuthorTime: time.Now()}
}

// reader is a member's client: it has what the pages it fetched told it, and nothing else.
type reader struct {
	house   *house
	caller  group.Caller
	cursor  group.Rev
	entries map[group.Seq]group.Entry
	members map[group.IdentityHash]group.Member
	info    group.Info
}

func (h *house) reader(c group.Caller) *reader {
	return &reader{house: h, caller: c, entries: make(map[group.Seq]group.Entry), members: make(map[group.IdentityHash]group.Member)}
}

// fetch reads until there is no more, and returns the entries that were new or changed, as words.
func (r *reader) fetch() []string {
	t := r.house.t
	t.Helper()
	var news []string
	for more := true; more; {
		p := must(r.house.hub.Messages(t.Context(), r.caller, valley, group.Query{AfterRev: r.cursor, Limit: 3}))(t)
		r.apply(p)
		for _, e := range p.Entries {
			news = append(news, r.words(e))
		}
		more = p.More
	}
	return news
}

func (r *reader) apply(p group.Page) {
	for _, m := range append(p.Authors, p.Members...) {
		if old, ok := r.members[m.Identity]; !ok || old.Rev <= m.Rev {
			r.members[m.Identity] = m
		}
	}
	for _, e := range p.Entries {
		r.entries[e.Seq] = e
	}
	if p.Info != nil {
		r.info = *p.Info
	}
	r.cursor = p.To
}

func (r *reader) name(h group.AnyHash) string {
	if h.IsZero() {
		return "the operator"
	}
	if m, ok := r.members[group.IdentityHash(h)]; ok {
		return m.DisplayName
	}
	return "somebody"
}

func (r *reader) words(e group.Entry) string {
	s := fmt.Sprintf("%s %s", r.name(group.AnyHash(e.Author)), e.Kind)
	if e.Deleted {
		return fmt.Sprintf("%d deleted by %s", e.Seq, r.name(group.AnyHash(e.DeletedBy)))
	}
	if !e.Target.IsZero() {
		s += " " + r.name(e.Target)
	}
	if len(e.Text) > 0 {
		s += ": " + string(e.Text)
	}
	return s
}

// sees fails the test unless the next fetch brings exactly these.
func (r *reader) sees(want ...string) {
	r.house.t.Helper()
	got := r.fetch()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.house.t.Fatalf("the other member sees\n%q, want\n%q", got, want)
	}
}

package pages_test

import (
	"context"
	"crypto/sha512"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"groupd/api/pages"
	"groupd/group"
	"groupd/group/memory"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
)

const valley = group.GroupID("valley")

// site is a group with its pages, in memory.
type site struct {
	t     *testing.T
	hub   *group.Hub
	store group.Store
	pages *pages.Server
	now   time.Time     // of the nonces
	skew  time.Duration // of the Hub's clock
	links byte
}

func operator() group.Caller { return group.Caller{Local: true} }

// keys is a public key that belongs to nobody: this face verifies nothing.
func keys(name string) []byte {
	sum := sha512.Sum512([]byte(name))
	return sum[:]
}

// caller is somebody who has identified.
func caller(name string) group.Caller {
	id, err := group.IdentityOf(keys(name))
	if err != nil {
		panic(err)
	}
	return group.Caller{Identity: id, PublicKey: keys(name)}
}

func newSite(t *testing.T, change func(*group.NewGroup)) *site {
	t.Helper()
	s := &site{t: t, store: memory.New(), now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	var err error
	s.hub, err = group.New(group.Config{
		Store: s.store, Now: func() time.Time { return time.Now().Add(s.skew) }, Rand: rand.NewChaCha8([32]byte{1}), Blobs: memory.NewBlobs(), Limits: group.Limits{MemberRate: moderation.Rate{Burst: -1}, GroupRate: moderation.Rate{Burst: -1}, AttachFloor: -1},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := group.NewGroup{ID: valley, PublicKey: keys("the group"), PrivateKey: make([]byte, 64), Public: true, PublicName: "Valley Net", Topic: "Weather and paths"}
	n.Policy.NoAutoMute = true
	if change != nil {
		change(&n)
	}
	g, err := s.hub.CreateGroup(t.Context(), operator(), n)
	if err != nil {
		t.Fatal(err)
	}
	s.pages = s.serve(g.Address)
	return s
}

// serve starts the pages, as after a restart.
func (s *site) serve(address group.Address) *pages.Server {
	s.t.Helper()
	p, err := pages.New(pages.Config{Hub: s.hub, Group: valley, Address: address, Version: "1.2.3", Logger: slog.New(loud{s.t}), Rand: rand.NewChaCha8([32]byte{2}), Now: func() time.Time { return s.now }})
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// loud is a log in which nothing may be said aloud: an error is a bug of a page, such as one that is too large.
type loud struct{ t *testing.T }

func (loud) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (l loud) WithAttrs([]slog.Attr) slog.Handler         { return l }
func (l loud) WithGroup(string) slog.Handler              { return l }
func (l loud) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	l.t.Error(text)
	return nil
}

func (s *site) join(names ...string) {
	s.t.Helper()
	for _, name := range names {
		if _, err := s.hub.Join(s.t.Context(), caller(name), valley, group.JoinInput{Name: name}); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) posts(name, text string) group.Seq {
	s.t.Helper()
	r, err := s.hub.Post(s.t.Context(), caller(name), valley, group.PostInput{Text: []byte(text)})
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Seq
}

// packed is a request's data as clients send it.
func packed(data map[string]string) msgpack.Raw {
	if data == nil {
		return msgpack.Nil()
	}
	var entries []msgpack.Entry
	for k, v := range data {
		entries = append(entries, msgpack.Entry{Key: msgpack.Str(k), Value: msgpack.Str(v)})
	}
	return msgpack.Map(entries...)
}

// browser is somebody with a client and a link of his own; name "" has not identified.
func (s *site) browser(name string, d micron.Dialect) *micron.Browser {
	s.links++
	link := rns.LinkID{s.links}
	var who group.Caller
	if name != "" {
		who = caller(name)
	}
	return &micron.Browser{Dialect: d, Get: func(path string, data map[string]string) []byte {
		b := s.pages.Handle(context.Background(), who, link, path, packed(data))
		s.check(path, b)
		return b
	}}
}

// check is what holds for every page. X-156: no two boxes have one name, since not all programs send both.
func (s *site) check(path string, b []byte) {
	s.t.Helper()
	if len(b) > pages.MaxPage {
		s.t.Errorf("%s has %d bytes:\n%s", path, len(b), b)
	}
	if !strings.HasPrefix(string(b), "#!c=") {
		s.t.Errorf("%s has no cache header:\n%s", path, b)
	}
	for _, d := range micron.Dialects() {
		doc := micron.Parse(b, d)
		if pages.Widest(doc) > pages.Columns {
			s.t.Errorf("%s is %d columns wide for %v:\n%s", path, pages.Widest(doc), d, strings.Join(doc.Plain(), "\n"))
		}
		boxes := make(map[string]bool)
		for _, f := range doc.Fields() {
			if f.Kind == micron.Checkbox && boxes[f.Name] {
				s.t.Errorf("%s has two boxes called %s", path, f.Name)
			}
			boxes[f.Name] = true
		}
		for _, l := range doc.Links() {
			if strings.ContainsAny(l.URL+l.Data, `'"\<> `) {
				s.t.Errorf("%s: a link to %q with %q", path, l.URL, l.Data)
			}
		}
	}
}

func (s *site) open(b *micron.Browser, url string) string {
	s.t.Helper()
	if err := b.Open(url); err != nil {
		s.t.Fatalf("%s: %v", url, err)
	}
	return b.Text()
}

func (s *site) follow(b *micron.Browser, label string) string {
	s.t.Helper()
	if err := b.Follow(label); err != nil {
		s.t.Fatalf("%q: %v on\n%s", label, err, b.Text())
	}
	return b.Text()
}

func (s *site) fill(b *micron.Browser, name, text string) {
	s.t.Helper()
	if err := b.Fill("g_"+name, text); err != nil {
		s.t.Fatalf("%s: %v on\n%s", name, err, b.Text())
	}
}

// says fails unless a page has all of these texts.
func (s *site) says(page string, texts ...string) {
	s.t.Helper()
	flat := strings.Join(strings.Fields(page), " ")
	for _, text := range texts {
		if !strings.Contains(flat, text) {
			s.t.Errorf("there is no %q on\n%s", text, page)
		}
	}
}

func TestAVisitorReadsWritesAndFindsWhatHeWrote(t *testing.T) {
	for _, d := range micron.Dialects() {
		t.Run(d.String(), func(t *testing.T) {
			s := newSite(t, nil)
			s.join("Ann", "Bob")
			first := s.posts("Ann", "Snow on the pass.\nTake chains.")

			b := s.browser("", d)
			s.says(s.open(b, ":/page/index.mu"), "Valley Net", "Topic: Weather and paths", "A public group. Anybody may join. 2 members, newest #3.", "Ann: Snow on the pass.", "How to join", "Address: ")
			s.says(s.follow(b, "History"), "Bob joined.", fmt.Sprintf("#%d", first))
			s.says(s.follow(b, fmt.Sprintf("#%d", first)), "Ann", "Snow on the pass.", "Take chains.")
			s.says(s.open(b, ":/page/post.mu"), "To write, you have to identify first.", "Identify")

			b = s.browser("Bob", d)
			s.open(b, ":/page/index.mu")
			s.says(b.Text(), "You are Bob, member.")
			s.follow(b, "Write")
			s.fill(b, "text", "How deep is it?")
			s.says(s.follow(b, "Send"), "Posted as #4.")
			s.says(s.follow(b, "See it"), "How deep is it?", "Bob")
			s.open(b, ":/page/history.mu")
			s.fill(b, "q", "chains")
			s.says(s.follow(b, "Search"), "Ann: Snow on the pass. Take chains.")
			s.says(s.follow(b, "Help"), "/join NAME")
			s.says(s.open(b, ":/page/disclosure.mu"), "Any member can see, keep and share what you send here.")
		})
	}
}

package pages_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
)

// state is what a form could have changed.
func (s *site) state() string {
	s.t.Helper()
	in, err := s.hub.Info(s.t.Context(), operator(), valley)
	if err != nil {
		s.t.Fatal(err)
	}
	reports, err := s.hub.Reports(s.t.Context(), operator(), valley, 0, 10)
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprint(in.Head.Seq, in.Head.Rev, in.Head.Deletions, in.Rev, in.Topic, in.Members, reports.Total)
}

// form is a form of a page, and how it is sent.
type form struct {
	name  string
	open  string            // where it is
	fill  map[string]string // what is typed
	label string            // of what sends it
	done  string            // what the page then says
	typed string            // what the form shows when it comes back
}

// readingForms are the forms of the reading pages. #4 is Bob's post, #3 Ann's; Bob may pin.
func readingForms() []form {
	return []form{
		{"post", ":/page/post.mu", map[string]string{"text": "Hello there"}, "Send", "Posted as #5.", "Hello there"},
		{"answer", ":/page/post.mu`to=3", map[string]string{"text": "So it is"}, "Send", "Posted as #5.", "So it is"},
		{"edit", ":/page/post.mu`edit=4", map[string]string{"text": "Better words"}, "Send", "The new text of #4 is there.", "Better words"},
		{"react", ":/page/entry.mu`seq=3", map[string]string{"reaction": "+1"}, "React", "Your reaction is there.", ""},
		{"pin", ":/page/entry.mu`seq=3", nil, "Pin", "It is pinned.", ""},
		{"report", ":/page/entry.mu`seq=3|do=report", map[string]string{"reason": "rude"}, "Report it", "The moderators are told.", "rude"},
		{"delete", ":/page/entry.mu`seq=4|do=delete", nil, "Yes, delete it", "#4 is deleted here.", ""},
	}
}

func talking(t *testing.T) *site {
	t.Helper()
	s := newSite(t, func(n *group.NewGroup) { n.Policy.PinRole = moderation.RoleMember })
	s.join("Ann", "Bob")
	s.posts("Ann", "Snow on the pass")
	s.posts("Bob", "Old words")
	return s
}

// ask asks for a page as a program would.
func (s *site) ask(who group.Caller, link byte, path string, data map[string]string) string {
	b := s.pages.Handle(context.Background(), who, rns.LinkID{link}, path, packed(data))
	s.check(path, b)
	return strings.Join(micron.Parse(b, micron.NomadNet).Plain(), "\n")
}

// sends opens a form as Bob, fills it in, and returns what his client sends, without sending it.
func (s *site) sends(f form, d micron.Dialect) (b *micron.Browser, path string, data map[string]string) {
	s.t.Helper()
	b = s.browser("Bob", d)
	s.open(b, f.open)
	for name, text := range f.fill {
		s.fill(b, name, text)
	}
	get := b.Get
	b.Get = func(p string, d map[string]string) []byte {
		path, data = p, maps.Clone(d)
		return nil
	}
	if err := b.Follow(f.label); err == nil {
		s.t.Fatalf("%s: an answer without a request", f.name)
	}
	b.Get = get
	return b, path, data
}

func TestALinkOnSomebodyElsesPageChangesNothing(t *testing.T) {
	for _, f := range readingForms() {
		t.Run(f.name, func(t *testing.T) {
			s := talking(t)
			_, path, data := s.sends(f, micron.NomadNet)
			nonce := data["var_n"]
			if nonce == "" {
				t.Fatalf("no nonce in %v", data)
			}
			before := s.state()
			bob, ann := caller("Bob"), caller("Ann")
			without := func(keys ...string) map[string]string {
				d := maps.Clone(data)
				for _, k := range keys {
					delete(d, k)
				}
				return d
			}
			guessed := maps.Clone(data)
			guessed["var_n"] = "AAAAAAAAAAA"
			link := s.links
			for what, page := range map[string]string{
				"without a nonce":      s.ask(bob, link, path, without("var_n")),
				"with a guess":         s.ask(bob, link, path, guessed),
				"over another link":    s.ask(bob, 99, path, data),
				"by another identity":  s.ask(ann, link, path, data),
				"by nobody":            s.ask(group.Caller{}, link, path, data),
				"by a stranger":        s.ask(caller("Eve"), link, path, data),
				"with no field at all": s.ask(bob, link, path, without("var_n", "field_g_text", "field_g_reason", "field_g_reaction")),
			} {
				if got := s.state(); got != before {
					t.Fatalf("%s: %s became %s", what, before, got)
				}
				if strings.Contains(page, f.done) {
					t.Errorf("%s: it says that it is done:\n%s", what, page)
				}
			}
			if f.typed != "" {
				s.says(s.ask(bob, 99, path, data), f.typed, "This form was open for too long.")
			}
			if page := s.ask(bob, link, path, data); !strings.Contains(strings.Join(strings.Fields(page), " "), f.done) || s.state() == before {
				t.Errorf("the form itself:\n%s", page)
			}
		})
	}
}

func TestAFormIsDoneOnceHoweverOftenItIsSent(t *testing.T) {
	for _, d := range micron.Dialects() {
		for _, f := range readingForms() {
			t.Run(d.String()+" "+f.name, func(t *testing.T) {
				s := talking(t)
				_, path, data := s.sends(f, d)
				s.says(s.ask(caller("Bob"), s.links, path, data), f.done)
				after := s.state()
				for range 2 {
					if page := s.ask(caller("Bob"), s.links, path, data); strings.Contains(page, f.done) {
						t.Errorf("it says again that it is done:\n%s", page)
					} else if f.name != "delete" {
						s.says(page, "This was sent already, and is not done twice.")
					}
					if s.state() != after {
						t.Fatalf("%s became %s", after, s.state())
					}
				}
			})
		}
	}
}

func TestAFormThatWasOpenForTenMinutesIsShownAgainWithWhatWasTyped(t *testing.T) {
	for what, passes := range map[string]func(s *site){
		"ten minutes": func(s *site) { s.now = s.now.Add(10 * time.Minute) },
		"a restart": func(s *site) {
			in, err := s.hub.Info(s.t.Context(), operator(), valley)
			if err != nil {
				s.t.Fatal(err)
			}
			s.pages = s.serve(in.Address)
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := talking(t)
			b := s.browser("Bob", micron.NomadNet)
			s.open(b, ":/page/post.mu`to=3")
			s.fill(b, "text", "So it is, `Ann`")
			before := s.state()
			passes(s)
			s.says(s.follow(b, "Send"), "This form was open for too long. Please send it once more.", "Your answer:", "Check the text")
			if got, err := b.Value("g_text"), error(nil); got != "So it is, 'Ann'" || err != nil || s.state() != before {
				t.Errorf("the form holds %q", got)
			}
			s.says(s.follow(b, "Send"), "Posted as #5.")
			s.says(s.open(b, ":/page/entry.mu`seq=5"), "In answer to #3", "So it is, 'Ann'")
		})
	}
}

// A link that broke comes back without an identity.
func TestWhatWasTypedOutlivesTheLink(t *testing.T) {
	for _, d := range micron.Dialects() {
		s := talking(t)
		_, path, data := s.sends(form{"answer", ":/page/post.mu`to=3", map[string]string{"text": "So it is"}, "Send", "", ""}, d)
		b := s.browser("", d)
		get := b.Get
		b.Get = func(string, map[string]string) []byte { return get(path, data) }
		s.says(s.open(b, ":/page/post.mu"), "To write, you have to identify first.", "Then go on with what you typed:", "So it is")
		bob := s.browser("Bob", d)
		b.Get = bob.Get
		s.says(s.follow(b, "Go on"), "Ann: Snow on the pass", "Your answer:", "So it is")
		s.says(s.follow(b, "Send"), "Posted as #5.")
		s.says(s.open(b, ":/page/entry.mu`seq=5"), "In answer to #3", "So it is")
	}
}

package pages_test

import (
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

const (
	notTwice = "This was sent already, and is not done twice."
	tooLate  = "This form was open for too long. Please send it once more."
)

// entriesNow is how many entries the group has.
func (s *site) entriesNow() group.Seq { return mustInfo(s.t, s).Head.Seq }

// The post is there and its answer never came: whatever the program or the person then does, the post is there once.
func TestAPostWhoseAnswerWasLostIsNotPostedTwice(t *testing.T) {
	for what, c := range map[string]struct {
		text   string
		passes func(s *site)
	}{
		"the link broke":                {"Snow on the pass", func(s *site) {}},
		"the server began anew":         {"Snow on the pass", func(s *site) { s.pages = s.serve(mustInfo(s.t, s).Address) }},
		"it took more than ten minutes": {"Snow on the pass", func(s *site) { s.now = s.now.Add(time.Hour) }},
		"lines and signs":               {"Snow\non the `pass` [high]\n\nand <ice>", func(s *site) {}},
	} {
		for _, d := range micron.Dialects() {
			t.Run(what+" "+d.String(), func(t *testing.T) {
				s := talking(t)
				_, path, data := s.sends(form{"answer", ":/page/post.mu`to=3", map[string]string{"text": c.text}, "Send", "", ""}, d)
				link := s.links
				s.says(s.ask(caller("Bob"), link, path, data), "Posted as #5.")
				c.passes(s)
				for i, link := range []byte{link, 88, 88} {
					if page := s.ask(caller("Bob"), link, path, data); !strings.Contains(page, notTwice) || s.entriesNow() != 5 {
						t.Errorf("sent again %d: %d entries\n%s", i, s.entriesNow(), page)
					}
				}

				// Over a new link nobody has identified yet: what was typed comes along, and is known when it comes in.
				b := s.browser("", d)
				get := b.Get
				b.Get = func(string, map[string]string) []byte { return get(path, data) }
				s.says(s.open(b, ":/page/post.mu"), "Then go on with what you typed:")
				b.Get = s.browser("Bob", d).Get
				s.says(s.follow(b, "Go on"), notTwice)
				if s.entriesNow() != 5 {
					t.Errorf("%d entries", s.entriesNow())
				}
			})
		}
	}
}

// Of forms that call several methods, too, it is known that they were sent.
func TestOtherFormsWhoseAnswerWasLostAreNotDoneTwice(t *testing.T) {
	for _, f := range readingForms() {
		t.Run(f.name, func(t *testing.T) {
			s := talking(t)
			_, path, data := s.sends(f, micron.NomadNet)
			s.says(s.ask(caller("Bob"), s.links, path, data), f.done)
			s.pages = s.serve(mustInfo(t, s).Address)
			before := s.state()
			page := s.ask(caller("Bob"), 88, path, data)
			if f.name != "delete" { // there the page says that the post is deleted
				s.says(page, notTwice)
			}
			if strings.Contains(page, tooLate) || s.state() != before {
				t.Errorf("sent again:\n%s", page)
			}
		})
	}
}

// What was refused is not said to be sent: it can be sent again as it is, and is done then.
func TestAFormThatWasRefusedCanBeSentAgain(t *testing.T) {
	for _, d := range micron.Dialects() {
		s := talking(t)
		slow := moderation.Seconds(60)
		if _, err := s.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.SlowMode = slow }}); err != nil {
			t.Fatal(err)
		}
		s.posts("Ann", "the first")
		b := s.browser("Ann", d)
		s.open(b, ":/page/post.mu")
		s.fill(b, "text", "the second")
		var path string
		var data map[string]string
		get := b.Get
		b.Get = func(p string, sent map[string]string) []byte {
			path, data = p, maps.Clone(sent)
			return get(p, sent)
		}
		if page := s.follow(b, "Send"); strings.Contains(page, "Posted as") {
			t.Fatalf("not refused:\n%s", page)
		}
		if page := s.ask(caller("Ann"), s.links, path, data); strings.Contains(page, notTwice) {
			t.Errorf("loaded again, it says that it was sent:\n%s", page)
		} else {
			s.says(page, "the second")
		}
		if _, err := s.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.SlowMode = 0 }}); err != nil {
			t.Fatal(err)
		}
		s.says(s.ask(caller("Ann"), s.links, path, data), "Posted as #")
		s.says(s.ask(caller("Ann"), s.links, path, data), notTwice)
	}
}

// MeshChat shows a form that it has kept when somebody goes back to it. What he types there is another text, and is not thrown away.
func TestAnotherTextInAFormThatWasSentIsNotLost(t *testing.T) {
	for _, d := range micron.Dialects() {
		s := talking(t)
		b, path, data := s.sends(form{"post", ":/page/post.mu", map[string]string{"text": "One"}, "Send", "", ""}, d)
		s.says(s.ask(caller("Bob"), s.links, path, data), "Posted as #5.")
		s.fill(b, "text", "Two")
		s.says(s.follow(b, "Send"), "This form was sent before, with something else in it. Please send it once more.")
		if got := b.Value("g_text"); got != "Two" || s.entriesNow() != 5 {
			t.Errorf("the form holds %q", got)
		}
		s.says(s.follow(b, "Send"), "Posted as #6.")
	}
}

// NomadNet's Back from the second page sends the first form again: nothing was done yet, and it asks again.
func TestGoingBackFromASecondPageIsNoSendingAgain(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		who := "`who=" + hash("Bob").String()
		for page, c := range map[string]struct {
			fill, tick []string
			label, ask string
		}{
			"kick.mu":     {fill: []string{"for", "2h"}, label: "Go on", ask: "Kick Bob?"},
			"ban.mu":      {fill: []string{"reason", "no"}, label: "Go on", ask: "Ban Bob?"},
			"role.mu":     {tick: []string{"role", "owner"}, label: "Change the role", ask: "Make Bob owner?"},
			"transfer.mu": {fill: []string{"to", hash("Bo").String()}, label: "Go on", ask: "Give the membership of Bob"},
		} {
			v := w.visitor(d, "Ann").opens(page + who).fills(c.fill...).ticks(c.tick...)
			path, data := v.sends(c.label)
			v.follows(c.label).reads(c.ask)
			if again := strings.Join(strings.Fields(w.ask(v.caller, v.link, path, data)), " "); !strings.Contains(again, c.ask) || strings.Contains(again, notTwice) {
				t.Errorf("%s, on Back: %s", page, again)
			}
		}
	})
}

// Who writes much takes longer than a form is open, and what he wrote fits no page: it is kept for him.
func TestALongTextThatCameTooLateIsKept(t *testing.T) {
	long := strings.Repeat("The way up was long.\nSnow lay on the `pass` <again>.\n\n", 60)
	for _, d := range micron.Dialects() {
		s := talking(t)
		b := s.browser("Bob", d)
		s.open(b, ":/page/post.mu`to=3")
		s.fill(b, "text", long)
		want := b.Value("g_text")
		s.now = s.now.Add(11 * time.Minute)
		s.says(s.follow(b, "Send"), tooLate, "Your text of 3 KB, \"The way up was long.", "is kept for an hour")
		name := keptName(t, b)
		s.says(s.ask(caller("Ann"), 77, "/page/post.mu", map[string]string{"var_kept": name}), "Send")
		if page := s.ask(caller("Ann"), 77, "/page/post.mu", map[string]string{"var_kept": name}); strings.Contains(page, "The way up") {
			t.Errorf("another sees it:\n%s", page)
		}
		s.now = s.now.Add(11 * time.Minute)
		s.says(s.follow(b, "Send"), tooLate, "is kept for an hour")
		s.says(s.follow(b, "Send"), "Posted as #5.")
		page, err := s.hub.Messages(t.Context(), operator(), valley, group.Query{Seqs: []group.Seq{5}})
		if err != nil || string(page.Entries[0].Text) != strings.TrimSpace(want) || page.Entries[0].Ref != 3 {
			t.Errorf("posted is %v, %v", page.Entries, err)
		}
		if page := s.open(b, ":/page/post.mu`kept="+name); strings.Contains(page, "too long to be shown") {
			t.Errorf("it is there still:\n%s", page)
		}

		// Another text goes before what is kept, and what is kept is over in an hour.
		s.open(b, ":/page/post.mu")
		s.fill(b, "text", long)
		s.now = s.now.Add(11 * time.Minute)
		s.follow(b, "Send")
		s.fill(b, "text", "short")
		s.says(s.follow(b, "Send"), "Posted as #6.")
		s.says(s.open(b, ":/page/entry.mu`seq=6"), "short")
		s.open(b, ":/page/post.mu")
		s.fill(b, "text", long)
		s.now = s.now.Add(11 * time.Minute)
		s.follow(b, "Send")
		s.now = s.now.Add(time.Hour)
		if page := s.follow(b, "Send"); strings.Contains(page, "The way up") {
			t.Errorf("it is kept for too long:\n%s", page)
		}
	}
}

// What was answered may go while somebody writes: his text stays.
func TestAnAnswerToWhatIsGoneIsNotLost(t *testing.T) {
	s := talking(t)
	b := s.browser("Bob", micron.NomadNet)
	s.open(b, ":/page/post.mu`to=3")
	s.fill(b, "text", "So it is")
	s.now = s.now.Add(11 * time.Minute)
	_, path, data := s.sends(form{"answer", ":/page/post.mu`to=3", map[string]string{"text": "So it is"}, "Send", "", ""}, micron.NomadNet)
	data["var_to"] = "9999" // as if it had gone
	s.says(s.ask(caller("Bob"), s.links, path, data), "not here any more: your text becomes a post of its own.", "So it is")
}

// NomadNet's fields take several lines.
func TestAnActionMayBeginWithALine(t *testing.T) {
	for typed, want := range map[string]string{"/me waves": "* Bob waves", "/ME\nwaves": "* Bob waves", "//me waves": "Bob: /me waves", " waves": "Bob: waves"} {
		s := talking(t)
		b := s.browser("Bob", micron.NomadNet)
		s.open(b, ":/page/post.mu")
		s.fill(b, "text", typed)
		s.says(s.follow(b, "Send"), "Posted as #5.")
		s.says(s.open(b, ":/page/history.mu"), want)
	}
}

// Who goes leaves nothing behind that he typed.
func TestATextThatWasKeptGoesWithItsAuthor(t *testing.T) {
	for page, label := range map[string]string{"leave.mu": "Yes, leave", "forget.mu": "Yes, erase it all"} {
		s := talking(t)
		b := s.browser("Bob", micron.NomadNet)
		s.open(b, ":/page/post.mu")
		s.fill(b, "text", strings.Repeat("The way up was long. ", 150))
		s.now = s.now.Add(11 * time.Minute)
		s.says(s.follow(b, "Send"), "is kept for an hour")
		name := keptName(t, b)
		s.open(b, ":/page/"+page)
		s.follow(b, label)
		s.join("Bob")
		if page := s.open(b, ":/page/post.mu`kept="+name); strings.Contains(page, "too long to be shown") {
			t.Errorf("it is there still:\n%s", page)
		}
	}
}

// keptName is what the form that is shown calls the text by that is kept.
func keptName(t *testing.T, b *micron.Browser) string {
	t.Helper()
	found := regexp.MustCompile(`[|` + "`" + `]kept=([A-Za-z0-9_-]+)`).FindSubmatch(b.Raw)
	if found == nil {
		t.Fatalf("no text is kept:\n%s", b.Raw)
	}
	return string(found[1])
}

// A form that was opened for one text that is kept does not post another one.
func TestAnOldFormDoesNotPostWhatWasKeptLater(t *testing.T) {
	s := talking(t)
	tooLateWith := func(b *micron.Browser, text string) {
		s.open(b, ":/page/post.mu")
		s.fill(b, "text", strings.Repeat(text, 150))
		s.now = s.now.Add(11 * time.Minute)
		s.says(s.follow(b, "Send"), "is kept for an hour")
	}
	first, second := s.browser("Bob", micron.NomadNet), s.browser("Bob", micron.NomadNet)
	tooLateWith(first, "The way up was long. ")
	tooLateWith(second, "The way down was short. ")
	if page := s.follow(first, "Send"); strings.Contains(page, "Posted") {
		t.Errorf("it posted the other text:\n%s", page)
	}
	s.says(s.follow(second, "Send"), "Posted as #5.")
}

// Who takes several reactions back, and may take back only some of them just now, takes back the others by loading the page again.
func TestReactionsThatWereLeftAreTakenBackWhenThePageIsLoadedAgain(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		w.join("Bob", 0)
		post := fmt.Sprint("entry.mu`seq=", w.post("Ann", "Snow on the pass"))
		must(w.hub.UpdateSettings(t.Context(), caller("Ann"), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.Flood = moderation.Quota{Count: 4, Per: 60} }}))(t)
		v := w.visitor(d, "Bob").opens(post)
		for _, text := range []string{"+1", "yes", "no"} {
			v.fills("reaction", text).follows("React").reads("Your reaction is there.")
		}
		path, data := v.sends("Take mine back")
		v.follows("Take mine back").reads("Take mine back").misses("are taken back") // it was too much at once
		must(w.hub.Unmute(t.Context(), caller("Ann"), valley, hash("Bob")))(t)
		time.Sleep(5 * time.Minute)
		w.ask(v.caller, v.link, path, data)
		v.opens(post).misses("Reactions:", "Take mine back")
	})
}

// A link that broke comes back without an identity, and the text fits no page: it is there when its author is known again.
func TestALongTextOutlivesTheLink(t *testing.T) {
	long := strings.Repeat("The way up was long.\nSnow lay on the pass.\n\n", 60)
	for _, done := range []bool{false, true} {
		for _, d := range micron.Dialects() {
			s := talking(t)
			_, path, data := s.sends(form{"answer", ":/page/post.mu`to=3", map[string]string{"text": long}, "Send", "", ""}, d)
			if done { // and only the answer was lost
				s.says(s.ask(caller("Bob"), s.links, path, data), "Posted as #5.")
			}
			b := s.browser("", d)
			get := b.Get
			b.Get = func(string, map[string]string) []byte { return get(path, data) }
			s.says(s.open(b, ":/page/post.mu"), "Then go on with what you typed:", "Your text of", "\"The way up was long.", "is kept for an hour")
			name := keptName(t, b)
			b.Get = get
			s.says(s.follow(b, "Go on"), "Then go on with what you typed:", "is kept for an hour") // not identified yet
			if keptName(t, b) != name {
				t.Error("it has another name")
			}
			if page := s.ask(caller("Ann"), 77, "/page/post.mu", map[string]string{"var_kept": "AAAAAAAA"}); strings.Contains(page, "The way up") {
				t.Errorf("another sees it:\n%s", page)
			}
			b.Get = s.browser("Bob", d).Get
			page := s.follow(b, "Go on")
			if done {
				if s.says(page, notTwice); strings.Contains(page, "is kept") || s.entriesNow() != 5 {
					t.Errorf("it can be posted twice, of %d entries:\n%s", s.entriesNow(), page)
				}
				continue
			}
			s.says(page, tooLate, "Ann: Snow on the pass", "Your answer:", "is kept for an hour. Leave this empty")
			s.says(s.follow(b, "Send"), "Posted as #5.")
			found, err := s.hub.Messages(t.Context(), operator(), valley, group.Query{Seqs: []group.Seq{5}})
			if err != nil || string(found.Entries[0].Text) != strings.TrimSpace(data["field_g_text"]) || found.Entries[0].Ref != 3 {
				t.Errorf("posted is %v, %v", found.Entries, err)
			}
			if page := s.ask(caller("Ann"), 77, "/page/post.mu", map[string]string{"var_kept": name}); strings.Contains(page, "The way up") {
				t.Errorf("it is there still:\n%s", page)
			}
		}
	}
}

// Who has not identified pushes out no text of a member's.
func TestStrangersPushOutNoTextThatIsKept(t *testing.T) {
	s := talking(t)
	b := s.browser("Bob", micron.NomadNet)
	s.open(b, ":/page/post.mu")
	s.fill(b, "text", strings.Repeat("The way up was long. ", 150))
	s.now = s.now.Add(11 * time.Minute)
	s.says(s.follow(b, "Send"), "is kept for an hour")
	for i := range 40 {
		s.says(s.ask(group.Caller{}, 90, "/page/post.mu", map[string]string{"field_g_text": strings.Repeat(fmt.Sprint("spam ", i, " "), 400)}), "is kept for an hour")
	}
	s.says(s.follow(b, "Send"), "Posted as #5.")
}

package pages_test

import (
	"fmt"
	"strings"
	"testing"

	"groupd/group"
	"groupd/internal/micron"
)

// What was deleted is said to be deleted, by whom it matters, and is no answer any more.
func TestWhatWasDeletedIsSaidAndNotShown(t *testing.T) {
	s := talking(t) // #3 is Ann's, #4 Bob's
	answer := func(text string) group.Seq {
		return must(s.hub.Post(t.Context(), caller("Bob"), valley, group.PostInput{Text: []byte(text), Ref: 3}))(t).Seq
	}
	first, second, third := answer("by himself"), answer("by a moderator"), answer("by nobody")
	must(s.hub.Delete(t.Context(), caller("Bob"), valley, group.DeleteInput{Seqs: []group.Seq{first}}))(t)
	must(s.hub.Delete(t.Context(), operator(), valley, group.DeleteInput{Seqs: []group.Seq{second}}))(t)
	b := s.browser("Ann", micron.NomadNet)
	s.says(s.open(b, ":/page/entry.mu`seq=3"), fmt.Sprintf("Answers: #%d In the history", third))
	s.says(s.open(b, ":/page/history.mu"), "Bob deleted this.", "A post of Bob was removed.", "Bob (to #3): by nobody")
	s.says(s.open(b, fmt.Sprintf(":/page/entry.mu`seq=%d", second)), "A post of Bob was removed.")
	if strings.Contains(b.Text(), "by a moderator") {
		t.Errorf("it is there still:\n%s", b.Text())
	}
}

// In lists a post takes so many bytes that a page has several.
func TestALongPostDoesNotFillAList(t *testing.T) {
	s := newSite(t, nil)
	s.join("Ann")
	for i := range 6 {
		s.posts("Ann", fmt.Sprint("post ", i, strings.Repeat(" on and on", 300)))
	}
	b := s.browser("Ann", micron.NomadNet)
	for page, most := range map[string]int{"history.mu": 240, "index.mu": 120, "post.mu`to=3": 240, "entry.mu`seq=3|do=report": 240} {
		text := s.open(b, ":/page/"+page)
		if n := strings.Count(text, "on and on") * len(" on and on") / max(1, strings.Count(text, "Ann:")); n > most || n < most/2 {
			t.Errorf("a post takes %d bytes of %s:\n%s", n, page, text)
		}
	}
}

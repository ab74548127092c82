package group_test

import (
	"testing"

	"groupd/group"
)

func TestAPostNamesWhoStandsInItAsAWord(t *testing.T) {
	for text, want := range map[string]bool{
		"ann, are you there?": true, "@Ann look": true, "thanks ANN": true, "Ann": true, "(ann)": true, "annann ann": true,
		"": false, "Hannah and Anna": false, "annex": false, "man": false, "ännann": false, "\xffann\xff": true,
	} {
		e := group.Entry{Kind: group.EntryPost, Text: []byte(text)}
		if got := e.Names(group.Member{DisplayName: "Ann"}); got != want {
			t.Errorf("%q: %v", text, got)
		}
		if e.Names(group.Member{}) {
			t.Errorf("%q names who has no name", text)
		}
		e.Kind = group.EntryTopic
		if e.Names(group.Member{DisplayName: "Ann"}) {
			t.Errorf("a topic of %q names somebody", text)
		}
	}
	if e := (group.Entry{Kind: group.EntryAction, Title: []byte("For Ann B.")}); !e.Names(group.Member{DisplayName: "ann b."}) {
		t.Error("a title names her")
	}
}

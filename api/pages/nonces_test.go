package pages

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"groupd/group"
	"groupd/rns"
)

// clock is a time that a test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newNonces() (*nonces, *clock) {
	c := &clock{time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	return &nonces{now: c.now, rand: rand.NewChaCha8([32]byte{1})}, c
}

func issue(t *testing.T, n *nonces, h holder, form string, member bool) string {
	t.Helper()
	value, err := n.issue(h, form, member)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestAFormCanBeSentOnceWithinTenMinutesByWhomItWasShownTo(t *testing.T) {
	n, c := newNonces()
	ann := holder{rns.LinkID{1}, group.IdentityHash{1}}
	value := issue(t, n, ann, "post", true)
	for what, got := range map[string]sent{
		"over another link":   n.take(holder{rns.LinkID{2}, ann.identity}, "post", value, "x"),
		"by another identity": n.take(holder{ann.link, group.IdentityHash{2}}, "post", value, "x"),
		"as another form":     n.take(ann, "delete", value, "x"),
		"with another nonce":  n.take(ann, "post", "AAAAAAAAAAA", "x"),
		"with no nonce":       n.take(ann, "post", "", "x"),
	} {
		if got != sentLate && got != sentElse {
			t.Errorf("it was taken %s", what)
		}
	}
	if n.take(ann, "post", value, "x") != sentFirst {
		t.Error("it was not taken")
	}
	if n.take(ann, "post", value, "x") != sentAgain || n.take(ann, "post", value, "y") != sentOther {
		t.Error("it was taken twice")
	}
	n.release(holder{rns.LinkID{2}, ann.identity}, value)
	if n.take(ann, "post", value, "y") != sentOther {
		t.Error("it was released by another link")
	}
	n.release(ann, value)
	if n.take(ann, "post", value, "y") != sentFirst {
		t.Error("what came to nothing can not be sent again")
	}

	value = issue(t, n, ann, "post", true)
	c.t = c.t.Add(nonceFor - time.Second)
	second := issue(t, n, ann, "post", true)
	c.t = c.t.Add(time.Second)
	if n.take(ann, "post", value, "x") != sentLate {
		t.Error("it was taken after ten minutes")
	}
	if n.take(ann, "post", second, "x") != sentFirst {
		t.Error("a second form of the same kind was not taken")
	}
}

func TestFormsHaveABound(t *testing.T) {
	n, _ := newNonces()
	ann := holder{rns.LinkID{1}, group.IdentityHash{1}}
	first := issue(t, n, ann, "post", true)
	for i := range maxNonceOf {
		issue(t, n, ann, fmt.Sprint("form", i), true)
	}
	if live := len(n.list); live != maxNonceOf || n.take(ann, "post", first, "x") != sentLate {
		t.Errorf("%d forms of one person", live)
	}

	n, _ = newNonces()
	mine := issue(t, n, ann, "post", true)
	stranger := func(i int) holder {
		return holder{rns.LinkID{2, byte(i), byte(i >> 8)}, group.IdentityHash{2, byte(i), byte(i >> 8)}}
	}
	oldest := issue(t, n, stranger(0), "join", false)
	for i := range maxNonces {
		issue(t, n, stranger(i+1), "join", false)
	}
	if live := len(n.list); live != maxNonces {
		t.Errorf("%d forms", live)
	}
	if n.take(stranger(0), "join", oldest, "x") != sentLate || n.take(ann, "post", mine, "x") != sentFirst {
		t.Error("strangers pushed out a member's form")
	}

	n, _ = newNonces()
	everywhere := func(i int) holder { return holder{rns.LinkID{2, byte(i), byte(i >> 8)}, ann.identity} }
	oldest = issue(t, n, everywhere(0), "post", true)
	for i := range maxNonceBy {
		issue(t, n, everywhere(i+1), "post", true)
	}
	if live := len(n.list); live != maxNonceBy || n.take(everywhere(0), "post", oldest, "x") != sentLate {
		t.Errorf("%d forms of one person", live)
	}
}

// Where all forms are members', a stranger gets none, and none of them goes.
func TestAStrangerNeverPushesOutAMembersForm(t *testing.T) {
	n, c := newNonces()
	member := func(i int) holder {
		return holder{rns.LinkID{3, byte(i), byte(i >> 8)}, group.IdentityHash{3, byte(i), byte(i >> 8)}}
	}
	var values []string
	for i := range maxNonces {
		values = append(values, issue(t, n, member(i), "post", true))
	}
	stranger := holder{rns.LinkID{4}, group.IdentityHash{4}}
	for range 10 {
		if value, err := n.issue(stranger, "join", false); !errors.Is(err, errNoRoom) {
			t.Fatalf("a stranger got %q, %v", value, err)
		}
	}
	for i, value := range values {
		if n.take(member(i), "post", value, "x") != sentFirst {
			t.Fatalf("the form of member %d is gone", i)
		}
	}
	c.t = c.t.Add(nonceFor)
	if _, err := n.issue(stranger, "join", false); err != nil {
		t.Errorf("when they are over: %v", err)
	}
}

// Who has the most loses his oldest, so that one member with many links leaves the others theirs.
func TestAMemberDoesNotPushOutTheFormsOfOthers(t *testing.T) {
	n, _ := newNonces()
	member := func(who, link int) holder {
		return holder{rns.LinkID{3, byte(link), byte(link >> 8)}, group.IdentityHash{3, byte(who), byte(who >> 8)}}
	}
	var values []string
	for i := range maxNonces - maxNonceBy {
		values = append(values, issue(t, n, member(i, 0), "post", true))
	}
	for i := range 3 * maxNonceBy {
		issue(t, n, member(9999, i), "post", true)
	}
	for i := range maxNonceBy - 1 { // there is room for others
		values = append(values, issue(t, n, member(5000+i, 0), "post", true))
	}
	if live := len(n.list); live != maxNonces {
		t.Errorf("%d forms", live)
	}
	for i, value := range values[:maxNonces-maxNonceBy] {
		if n.take(member(i, 0), "post", value, "x") != sentFirst {
			t.Fatalf("the form of member %d is gone", i)
		}
	}
}

func TestDraftsHaveABound(t *testing.T) {
	c := &clock{time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	d := &drafts{now: c.now, most: maxDrafts}
	who := func(i int) group.IdentityHash { return group.IdentityHash{byte(i + 1)} }
	better := func(i int) string { return d.of(who(i), draftName(fmt.Sprint("better ", i))) }
	for i := range maxDrafts + 1 {
		d.keep(who(i), fmt.Sprint("text ", i))
		d.keep(who(i), fmt.Sprint("better ", i))
	}
	if len(d.list) != maxDrafts || better(0) != "" || better(1) != "better 1" || d.of(who(1), draftName("text 1")) != "" || d.of(who(2), draftName("better 1")) != "" {
		t.Errorf("%d drafts", len(d.list))
	}
	if d.keep(who(1), string(make([]byte, maxDraft+1))) != "" || better(1) != "" {
		t.Error("one that is too long is kept, or an old one instead of it")
	}
	d.forget(who(2))
	c.t = c.t.Add(draftFor - time.Second)
	if better(2) != "" || better(3) != "better 3" || d.of(group.IdentityHash{}, draftName("")) != "" {
		t.Error("the wrong one is kept")
	}
	c.t = c.t.Add(time.Second)
	if better(3) != "" || len(d.list) != 0 {
		t.Errorf("%d drafts are kept for too long", len(d.list))
	}
}

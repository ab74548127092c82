package pages

import (
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
		"over another link":   n.take(holder{rns.LinkID{2}, ann.identity}, "post", value),
		"by another identity": n.take(holder{ann.link, group.IdentityHash{2}}, "post", value),
		"as another form":     n.take(ann, "delete", value),
		"with another nonce":  n.take(ann, "post", "AAAAAAAAAAA"),
		"with no nonce":       n.take(ann, "post", ""),
	} {
		if got != sentLate {
			t.Errorf("it was taken %s", what)
		}
	}
	if n.take(ann, "post", value) != sentFirst {
		t.Error("it was not taken")
	}
	if n.take(ann, "post", value) != sentAgain {
		t.Error("it was taken twice")
	}

	value = issue(t, n, ann, "post", true)
	c.t = c.t.Add(nonceFor - time.Second)
	second := issue(t, n, ann, "post", true)
	c.t = c.t.Add(time.Second)
	if n.take(ann, "post", value) != sentLate {
		t.Error("it was taken after ten minutes")
	}
	if n.take(ann, "post", second) != sentFirst {
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
	if live, dropped := n.stats(); live != maxNonceOf || dropped != 1 || n.take(ann, "post", first) != sentLate {
		t.Errorf("%d forms of one person, %d dropped", live, dropped)
	}

	n, _ = newNonces()
	mine := issue(t, n, ann, "post", true)
	stranger := func(i int) holder { return holder{rns.LinkID{2, byte(i), byte(i >> 8)}, group.IdentityHash{2}} }
	oldest := issue(t, n, stranger(0), "join", false)
	for i := range maxNonces {
		issue(t, n, stranger(i+1), "join", false)
	}
	if live, dropped := n.stats(); live != maxNonces || dropped != 2 {
		t.Errorf("%d forms, %d dropped", live, dropped)
	}
	if n.take(stranger(0), "join", oldest) != sentLate || n.take(ann, "post", mine) != sentFirst {
		t.Error("strangers pushed out a member's form")
	}

	n, _ = newNonces()
	member := func(i int) holder { return holder{rns.LinkID{3, byte(i), byte(i >> 8)}, group.IdentityHash{3}} }
	oldest = issue(t, n, member(0), "post", true)
	for i := range maxNonces {
		issue(t, n, member(i+1), "post", true)
	}
	if live, _ := n.stats(); live != maxNonces || n.take(member(0), "post", oldest) != sentLate {
		t.Errorf("%d forms of members", live)
	}
}

package lxmf

import (
	"crypto/rand"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
)

func TestAuthorsAreLookedUpOnceInAWhileAndBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id, err := rns.NewIdentity(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		a := authors{keep: 4}
		asked := 0
		known := func(rns.DestinationHash) *rns.PublicIdentity { asked++; return id.Public() }
		find := func(n int, look func(rns.DestinationHash) *rns.PublicIdentity) *rns.PublicIdentity {
			return a.find(rns.DestinationHash{byte(n), byte(n >> 8)}, look)
		}
		stranger := func(rns.DestinationHash) *rns.PublicIdentity { asked++; return nil }
		for range 2 {
			if find(0, stranger) != nil {
				t.Fatal("found somebody whom nobody knows")
			}
		}
		if asked != 2 {
			t.Fatalf("asked %d times for a stranger, want 2: he may become known", asked)
		}
		for range 3 {
			if find(0, known) != id.Public() {
				t.Fatal("not found")
			}
		}
		if asked != 3 {
			t.Fatalf("asked %d times for an author, want once", asked-2)
		}
		time.Sleep(authorsAge)
		if find(0, known); asked != 4 {
			t.Fatal("not asked again after a while")
		}
		for n := range 1000 {
			find(n, known)
			if size := len(a.current) + len(a.previous); size > 2*a.keep {
				t.Fatalf("%d remembered, want %d at most", size, 2*a.keep)
			}
		}
	})
}

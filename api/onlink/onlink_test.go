package onlink_test

import (
	"testing"

	"groupd/api/onlink"
	"groupd/group"
	"groupd/rns"
	"groupd/rns/rnstest"
)

func TestWhoHasNotIdentifiedIsNobody(t *testing.T) {
	if c := onlink.Caller(nil); !c.Identity.IsZero() || c.PublicKey != nil {
		t.Errorf("%+v", c)
	}
	id := rnstest.Identity(t, 1).Public()
	if c := onlink.Caller(id); c.Identity != group.IdentityHash(id.Hash()) || len(c.PublicKey) != 64 || c.Local {
		t.Errorf("%+v", c)
	}
}

func TestOneLinkDoesNotTakeThePlacesOfAllFiles(t *testing.T) {
	var f onlink.Files
	for n := range onlink.MaxFiles {
		if !f.Begin(rns.LinkID{byte(n / onlink.MaxFilesEach)}) {
			t.Fatalf("no place for file %d", n)
		}
		if n == onlink.MaxFilesEach-1 && f.Begin(rns.LinkID{}) {
			t.Errorf("one more over the same link")
		}
	}
	if f.Begin(rns.LinkID{99}) {
		t.Error("more than the group sends at once")
	}
	for range onlink.MaxFilesEach {
		f.End(rns.LinkID{})
	}
	if f.Links() != onlink.MaxFiles/onlink.MaxFilesEach-1 {
		t.Errorf("%d links are remembered", f.Links())
	}
	if !f.Begin(rns.LinkID{99}) {
		t.Error("a place that was given back is not there")
	}
}

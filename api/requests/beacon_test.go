package requests

import (
	"context"
	"errors"
	"testing"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

func TestTheBeaconTellsTheHeadOfPublicGroupsOnly(t *testing.T) {
	h := newFake(7)
	h.head.Deletions = 2
	s := newServer(t, h)
	read := func() groupdv1.Beacon {
		t.Helper()
		form, err := s.Beacon(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, err := groupdv1.ParseBeacon(form)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := groupdv1.Beacon{Joining: groupdv1.Joining_APPROVE, Public: true, Head: true, Generation: 0x1122334455667788, Seq: 7, Deletions: 2, Name: "Valley Mesh"}
	if b := read(); b != want {
		t.Errorf("a public group announces %+v", b)
	}
	h.info.Public = false
	if b := read(); b != (groupdv1.Beacon{Joining: groupdv1.Joining_APPROVE, Name: "Valley Mesh"}) {
		t.Errorf("a private group announces %+v", b)
	}
	h.info.Policy.Announce = moderation.AnnounceFull
	if b := read(); !b.Head || b.Seq != 7 || b.Public {
		t.Errorf("a private group that announces all announces %+v", b)
	}
	h.info.Public, h.info.Policy.Announce = true, moderation.AnnounceName
	if b := read(); b != (groupdv1.Beacon{Joining: groupdv1.Joining_APPROVE, Public: true, Name: "Valley Mesh"}) {
		t.Errorf("a public group that announces its name announces %+v", b)
	}
	h.err = &group.Error{Kind: group.KindInternal, Op: "info"}
	if _, err := s.Beacon(t.Context()); !errors.Is(err, h.err) {
		t.Errorf("got %v", err)
	}
}

func TestOnlySoManyPagesArePackedAtOnce(t *testing.T) {
	c := newCompressors()
	var lent []*compressor
	for range maxCompressors {
		k, err := c.borrow(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lent = append(lent, k)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.borrow(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("one more than there are: %v", err)
	}
	c.giveBack(lent[0])
	if _, err := c.borrow(t.Context()); err != nil {
		t.Errorf("after one came back: %v", err)
	}
}

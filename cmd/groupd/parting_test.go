package main

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// writes is a visitor with a program for messages. told is what it got since it was asked last; send writes to an address and says what became
// of it within a minute.
type writes struct {
	*visitor
	router *lxmf.Router
	mail   *lxmf.Delivery

	mu  sync.Mutex
	got []string
}

func (s *started) writes(number byte) *writes {
	s.t.Helper()
	w := &writes{visitor: s.visitor(number)}
	var err error
	if w.router, err = lxmf.NewRouter(lxmf.RouterConfig{Transport: w.Transport}); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- w.router.Run(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Error(err)
		}
	})
	if w.mail, err = w.router.AddDelivery(lxmf.DeliveryConfig{Identity: w.keys, OnMessage: func(in *lxmf.Inbound) {
		in.Prove()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.got = append(w.got, string(in.Message.Content))
	}}); err != nil {
		s.t.Fatal(err)
	}
	if err := w.mail.Announce(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	return w
}

func (w *writes) told() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := strings.Join(w.got, "\n")
	w.got = nil
	return all
}

func (w *writes) send(to group.Address, text string) lxmf.State {
	w.t.Helper()
	out, err := w.router.Send(w.t.Context(), &lxmf.Outbound{From: w.mail, To: rns.DestinationHash(to), Content: []byte(text)})
	if err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	return out.State()
}

// TestMembersAreToldThatTheirGroupWasDeleted: once, all but who did it and who wants nothing sent; then its address answers nobody.
func TestMembersAreToldThatTheirGroupWasDeleted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "")
		defer s.stop()
		ctx := t.Context()
		keys := rnstest.Identity(t, 99)
		hill := group.NewGroup{ID: "hill", PublicKey: keys.Public().PublicKey(), PrivateKey: keys.PrivateKey(), PublicName: "Private Group", PrivateName: "Hill Net", Joining: moderation.JoiningOpen}
		info := s.makes(hill)
		ann, bob, cy := s.writes(1), s.writes(2), s.writes(3)
		stranger := s.writes(4)
		join := func() {
			t.Helper()
			for name, w := range map[string]*writes{"Ann": ann, "Bob": bob, "Cy": cy} {
				if _, err := s.hub.Join(ctx, w.caller(), "hill", group.JoinInput{Name: name}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.hub.SetOwner(ctx, group.Caller{Local: true}, "hill", group.AnyHash(ann.caller().Identity)); err != nil {
				t.Fatal(err)
			}
			pause := true
			if _, err := s.hub.UpdateNotifications(ctx, cy.caller(), "hill", group.NotificationsInput{Paused: &pause}); err != nil {
				t.Fatal(err)
			}
		}
		join()
		if err := bob.RequestPath(ctx, rns.DestinationHash(info.Address)); err != nil {
			t.Fatal(err)
		}
		if st := bob.send(info.Address, "hello"); st != lxmf.StateDelivered {
			t.Fatalf("before: %v", st)
		}
		for _, w := range []*writes{ann, bob, cy, stranger} {
			w.told()
		}
		if err := s.hub.DeleteGroup(ctx, ann.caller(), "hill"); err != nil { // and the node finds out by itself
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		const want = "Hill Net was deleted by one of its owners, with all that was in it."
		if got := bob.told(); strings.Count(got, want) != 1 || len(got) > 200 {
			t.Errorf("a member is told %q", got)
		}
		for name, w := range map[string]*writes{"who deleted it": ann, "who pauses": cy, "a stranger": stranger} {
			if got := w.told(); got != "" {
				t.Errorf("%s is told %q", name, got)
			}
		}
		if st := bob.send(info.Address, "are you there?"); st == lxmf.StateDelivered {
			t.Error("its address takes messages")
		}
		if s.stores("Hill Net") {
			t.Error("what it was called is on the disk")
		}

		// A group with the same keys, at once after another end.
		time.Sleep(time.Hour)
		s.makes(hill)
		join()
		s.deletes("hill")
		time.Sleep(5 * time.Second)
		if got := bob.told(); !strings.Contains(got, "Hill Net was deleted by the operator of its server") {
			t.Errorf("a member is told %q", got)
		}
		again := s.makes(hill)
		l := bob.opens(again.PublicKey, "meshchat", "group")
		if got, err := bob.asks(l, "/api/v1/info", msgpack.Str(`{}`)); err != nil || !contains(got, "Private Group") {
			t.Errorf("%s, %v", got, err)
		}
		time.Sleep(farewellTime)
		if got, err := bob.asks(l, "/api/v1/info", msgpack.Str(`{}`)); err != nil || !contains(got, "Private Group") {
			t.Errorf("when nothing is left of the old one: %s, %v", got, err)
		}
	})
}

// TestMembersAreToldAlthoughAnotherGroupGetsItsIDSoon: the operator makes it anew, twice.
func TestMembersAreToldAlthoughAnotherGroupGetsItsIDSoon(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "")
		defer s.stop()
		bob := s.writes(1)
		first := s.makes(group.NewGroup{ID: "hill", PublicName: "Old Hill", Public: true})
		if err := bob.RequestPath(t.Context(), rns.DestinationHash(first.Address)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.hub.Join(t.Context(), bob.caller(), "hill", group.JoinInput{Name: "Bob"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.medium.Cut("b") // Bob is away
		bob.told()
		for _, name := range []string{"New Hill", "Newer Hill"} {
			s.deletes("hill")
			time.Sleep(5 * time.Second) // until it is erased
			s.makes(group.NewGroup{ID: "hill", PublicName: name, Public: true})
		}
		time.Sleep(2 * time.Minute)
		s.medium.Heal("b")
		if err := bob.mail.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := bob.told(); strings.Count(got, "Old Hill was deleted by the operator of its server") != 1 {
			t.Errorf("he is told %q", got)
		}
		if st := bob.send(first.Address, "are you there?"); st == lxmf.StateDelivered {
			t.Error("its address takes messages")
		}
	})
}

// TestWhoIsFarAwayIsToldForTenMinutesThatTheGroupIsGone, and not longer.
func TestWhoIsFarAwayIsToldForTenMinutesThatTheGroupIsGone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "")
		defer s.stop()
		for at, told := range map[time.Duration]bool{5 * time.Minute: true, 15 * time.Minute: false} {
			info := s.makes(group.NewGroup{ID: "hill", PublicName: "Hill Net", Public: true})
			number := byte(at / time.Minute)
			far, port := s.writes(number), string(rune('a'+number))
			if err := far.RequestPath(t.Context(), rns.DestinationHash(info.Address)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.hub.Join(t.Context(), far.caller(), "hill", group.JoinInput{Name: "Far"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			s.medium.Cut(port)
			far.told()
			s.deletes("hill")
			time.Sleep(at)
			s.medium.Heal(port)
			if err := far.mail.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if got := far.told(); (got != "") != told {
				t.Errorf("after %v he is told %q", at, got)
			}
			time.Sleep(time.Hour)
		}
	})
}

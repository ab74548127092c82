package rns_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// TestPathRequestIsAnsweredByTheOwner holds C-143.
//
// It holds C-072.
func TestPathRequestIsAnsweredByTheOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t, func(c *rns.DestinationConfig) { c.AppData = func() []byte { return []byte("data") } })
		all, some := make(chan rns.Announced, 10), make(chan rns.Announced, 10)
		p.a.HandleAnnounces("", rns.AnnounceHandlerOptions{PathResponses: true}, func(x rns.Announced) { all <- x })
		p.a.HandleAnnounces("", rns.AnnounceHandlerOptions{}, func(x rns.Announced) { some <- x })
		began := time.Now()
		if err := p.a.AwaitPath(t.Context(), p.d.Hash()); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != 200*time.Millisecond {
			t.Errorf("took %v", d)
		}
		if x := next(t, all); !x.PathResponse || string(x.AppData) != "data" || x.Hops != 1 {
			t.Errorf("heard %+v", x)
		}
		none(t, some)
		if err := p.a.AwaitPath(t.Context(), p.d.Hash()); err != nil {
			t.Error(err)
		}
		if n := p.m.Stats().Frames; n != 2 {
			t.Errorf("%d frames, want request and answer", n)
		}
	})
}

func TestPathToNobodyIsAskedForAgainAndGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		nobody := rns.DestinationHash{1, 2, 3}
		began := time.Now()
		if err := p.a.AwaitPath(t.Context(), nobody); !errors.Is(err, rns.ErrNoPath) {
			t.Error(err)
		}
		if d := time.Since(began); d != rns.DefaultPathTimeout {
			t.Errorf("waited %v", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := p.a.AwaitPath(ctx, nobody); !errors.Is(err, rns.ErrNoPath) || !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if n := p.m.Stats().Frames; n < 3 || n > 4 { // the last one coincides with the end
			t.Errorf("%d requests in 75 s", n)
		}
		for range 5 {
			if err := p.a.RequestPath(t.Context(), p.d.Hash()); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		time.Sleep(time.Second)
		if !p.a.HasPath(p.d.Hash()) {
			t.Error("no path")
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := p.a.AwaitPath(ctx, nobody); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestStrangersCannotMakeUsAnswerWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		request := rns.Packet{
			DestinationType: rns.DestinationPlain,
			Destination:     rns.HashDestination(nil, "rnstransport", "path", "request"),
		}
		hash := p.d.Hash()
		answers := 0
		p.m.Tap(func(from string, frame []byte) {
			if from == "b" {
				answers++
			}
		})
		for i := range 100 {
			request.Data = append(hash[:len(hash):len(hash)], byte(i))
			for range 2 { // each comes twice
				p.m.Inject(request.Append(nil))
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if answers != 8 {
			t.Errorf("%d answers", answers)
		}
		s := p.b.Stats()
		if s.Drops[rns.DropPathRequest] != 100 || s.Drops[rns.DropPathAnswer] != 92 {
			t.Errorf("drops %v", s.Drops)
		}
	})
}

func TestThreeNodesInARow(t *testing.T) {
	// b stands between a and c and relays nothing: it is no transport node.
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		m.Cut("a", "c")
		a, b, c := rnstest.Start(t, rns.Config{}, m.Port("a")), rnstest.Start(t, rns.Config{}, m.Port("b")), rnstest.Start(t, rns.Config{}, m.Port("c"))
		id := rnstest.Identity(t, 1)
		d, got := inbox(t, c, id)
		announce(t, d)
		if a.HasPath(d.Hash()) || !b.HasPath(d.Hash()) || len(a.Paths()) != 0 {
			t.Error("wrong paths")
		}
		if p := b.Paths(); len(p) != 1 || p[0].Destination != d.Hash() || p[0].Hops != 1 {
			t.Errorf("paths %+v", p)
		}
		b.ForgetPath(d.Hash())
		if b.HasPath(d.Hash()) {
			t.Error("not forgotten")
		}
		if err := a.AwaitPath(t.Context(), d.Hash()); !errors.Is(err, rns.ErrNoPath) {
			t.Error(err)
		}
		send(t, a.NewRemote(id.Public(), "test", "inbox"), "x")
		none(t, got)
		send(t, b.NewRemote(id.Public(), "test", "inbox"), "y")
		if x := next(t, got); string(x.Data) != "y" {
			t.Errorf("got %q", x.Data)
		}
		// Having moved, a hears the next announce.
		m.Heal("a", "c")
		time.Sleep(time.Second)
		announce(t, d)
		send(t, a.NewRemote(id.Public(), "test", "inbox"), "z")
		if x := next(t, got); string(x.Data) != "z" {
			t.Errorf("got %q", x.Data)
		}
	})
}

// TestPacketOverSeveralHopsIsAddressedToTheNextNode: C-094.
func TestPacketOverSeveralHopsIsAddressedToTheNextNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		a := rnstest.Start(t, rns.Config{}, near.Port("near"), far.Port("far"))
		id := rnstest.Identity(t, 1)
		var random rns.RandomField
		p, err := rns.NewAnnounce(rns.AnnounceContent{Identity: id, Name: rns.HashName("test", "inbox"), Random: random})
		if err != nil {
			t.Fatal(err)
		}
		relay := rns.IdentityHash{7, 7, 7}
		relayed := p.RelayedAnnounce(relay, 2, rns.ContextNone)
		far.Inject(relayed.Append(nil))
		synctest.Wait()
		i, ok := a.PathInfo(p.Destination)
		if !ok || i.Hops != 3 || i.NextHop != rns.TruncatedHash(relay) || i.Interface != "far" || i.Announce != p.Hash() {
			t.Fatalf("path %+v, %v", i, ok)
		}
		var sent []byte
		far.Tap(func(_ string, frame []byte) { sent = append([]byte(nil), frame...) })
		near.Tap(func(string, []byte) { t.Error("sent on another interface") })
		r := send(t, a.NewRemote(id.Public(), "test", "inbox"), "x")
		synctest.Wait()
		got, err := rns.ParsePacket(sent)
		if err != nil {
			t.Fatal(err)
		}
		if sent[0] != 0x50 || got.TransportID != relay || got.Hops != 0 || got.Hash() != r.Hash() {
			t.Errorf("sent %x", sent)
		}
	})
}

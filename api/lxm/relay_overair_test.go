package lxm_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// wires is a network of one fast interface.
type wires struct{}

func (wires) Interfaces() []delivery.Interface {
	return []delivery.Interface{{Name: "wire", Up: true}}
}
func (wires) Route(delivery.Address) (string, int) { return "wire", 1 }

// town is a group with all that it takes, on a node of its own.
type town struct {
	t         *testing.T
	hub       *group.Hub
	store     *memory.Store
	server    *lxm.Server
	delivery  *lxmf.Delivery
	scheduler *delivery.Scheduler
	self      *rns.Identity
}

func newTown(t *testing.T, name string, port *ifacetest.Port, isGroup func(group.IdentityHash) bool) *town {
	t.Helper()
	w := &town{t: t, store: memory.New(), self: identity(t, name)}
	var err error
	if w.hub, err = group.New(group.Config{Store: w.store, Rand: rand.NewChaCha8([32]byte{1})}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: valley, PublicKey: w.self.PublicKey(), PrivateKey: w.self.PrivateKey(), PublicName: name, Public: true}); err != nil {
		t.Fatal(err)
	}
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: rnstest.Start(t, rns.Config{}, port).Transport})
	if err != nil {
		t.Fatal(err)
	}
	if w.scheduler, err = delivery.New(delivery.Config{Hub: w.hub, Store: w.store, Air: wires{}}); err != nil {
		t.Fatal(err)
	}
	w.server, err = lxm.New(lxm.Config{
		Hub: w.hub, Group: valley, Address: group.AddressOf(group.IdentityHash(w.self.Hash())), Server: isGroup,
		Send:     func(ctx context.Context, o lxm.Outbound) error { return lxm.Via(router, w.delivery)(ctx, o) },
		Estimate: func(o lxm.Outbound) (lxmf.Airtime, error) { return router.Estimate(o.LXMF(w.delivery)) },
		Carry: func(ctx context.Context, o lxm.Outbound) (delivery.Outcome, error) {
			return lxm.Carried(ctx, router, o.LXMF(w.delivery))
		},
		ModeFor: func(string) group.DeliveryMode { return w.scheduler.ModeFor(valley, "wire") },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.scheduler.Register(valley, group.DeliverRelay, w.server.Relay())
	w.scheduler.Register(valley, group.DeliverDigest, w.server.Digest())
	if w.delivery, err = router.AddDelivery(lxmf.DeliveryConfig{Identity: w.self, OnMessage: w.server.OnMessage}); err != nil {
		t.Fatal(err)
	}
	running(t, w.server.Run)
	running(t, router.Run)
	running(t, w.scheduler.Run)
	return w
}

// admits makes another identity a member who is relayed to.
func (w *town) admits(id *rns.Identity) {
	w.t.Helper()
	c := group.Caller{Identity: group.IdentityHash(id.Hash()), PublicKey: id.PublicKey()}
	if _, err := w.hub.Join(w.t.Context(), c, valley, group.JoinInput{Mode: group.DeliverRelay}); err != nil {
		w.t.Fatal(err)
	}
}

// posts counts what people wrote.
func (w *town) posts() (n int) {
	w.t.Helper()
	p, err := w.hub.Messages(w.t.Context(), operator(), valley, group.Query{Newest: true, NoEvents: true, Limit: group.MaxPage})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(p.Entries)
}

func announceAll(t *testing.T, all ...*lxmf.Delivery) {
	t.Helper()
	for _, d := range all {
		if err := d.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
}

func TestPostsAreRelayedOverTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		medium := ifacetest.NewMedium(ifacetest.Options{Latency: 20 * time.Millisecond})
		w := newTown(t, "Valley Net", medium.Port("server"), nil)
		ann, bo := newClient(t, "ann", medium.Port("ann")), newClient(t, "bo", medium.Port("bo"))
		announceAll(t, w.delivery, ann.delivery, bo.delivery)
		for _, c := range []*client{ann, bo} {
			c.says(t, w.delivery.Address(), "/join "+c.name, 2)
		}
		for i := range 5 {
			out, err := ann.Send(t.Context(), &lxmf.Outbound{From: ann.delivery, To: w.delivery.Address(), Content: fmt.Appendf(nil, "news %d %s", i, strings.Repeat("x", 200*i))})
			if err != nil {
				t.Fatal(err)
			}
			<-out.Done()
		}
		for i := range 5 {
			select {
			case got := <-bo.got:
				if !strings.HasPrefix(got, fmt.Sprintf("ann: news %d", i)) {
					t.Errorf("bo reads %q, want news %d", got, i)
				}
				<-bo.methods
			case <-time.After(time.Minute):
				t.Fatalf("news %d did not come", i)
			}
		}
		time.Sleep(10 * time.Minute)
		if len(bo.got)+len(ann.got) > 0 {
			t.Error("something came twice, or to its author")
		}
	})
}

func TestTwoGroupsInEachOtherDoNotLoop(t *testing.T) {
	for name, known := range map[string]bool{"the guard knows them": true, "the marker alone": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				medium := ifacetest.NewMedium(ifacetest.Options{Latency: 20 * time.Millisecond})
				isGroup := func(id group.IdentityHash) bool {
					return known && (id == group.IdentityHash(identity(t, "Valley Net").Hash()) || id == group.IdentityHash(identity(t, "Ferry Club").Hash()))
				}
				a, b := newTown(t, "Valley Net", medium.Port("a"), isGroup), newTown(t, "Ferry Club", medium.Port("b"), isGroup)
				ann, bo := newClient(t, "ann", medium.Port("ann")), newClient(t, "bo", medium.Port("bo"))
				announceAll(t, a.delivery, b.delivery, ann.delivery, bo.delivery)
				a.admits(b.self)
				b.admits(a.self)
				ann.says(t, a.delivery.Address(), "/join Ann", 2)
				bo.says(t, b.delivery.Address(), "/join Bo", 2)
				const hours = 24
				for i := range hours {
					for _, c := range []struct {
						*client
						to *lxmf.Delivery
					}{{ann, a.delivery}, {bo, b.delivery}} {
						if _, err := c.Send(t.Context(), &lxmf.Outbound{From: c.delivery, To: c.to.Address(), Content: fmt.Appendf(nil, "hour %d", i)}); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Hour)
				}
				least, most := uint64(0), uint64(0)
				if !known {
					least, most = hours, hours // each post once
				}
				for _, w := range []*town{a, b} {
					if n := w.posts(); n != hours {
						t.Errorf("%d posts, want %d", n, hours)
					}
					if s := w.server.Stats(); s.Relayed < least || s.Relayed > most || s.Answers != 2 {
						t.Errorf("%d messages relayed, want %d; %d answers", s.Relayed, most, s.Answers)
					}
				}
				if len(ann.got)+len(bo.got) > 0 {
					t.Error("somebody was sent something")
				}
			})
		})
	}
}

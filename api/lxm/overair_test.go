package lxm_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/group/memory"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// client is a stock LXMF client on a node of its own.
type client struct {
	*lxmf.Router
	delivery *lxmf.Delivery
	name     string
	got      chan string
	methods  chan lxmf.Method
}

func newClient(t *testing.T, name string, port *ifacetest.Port) *client {
	t.Helper()
	c := &client{name: name, got: make(chan string, 100), methods: make(chan lxmf.Method, 100)}
	r, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: rnstest.Start(t, rns.Config{}, port).Transport})
	if err != nil {
		t.Fatal(err)
	}
	c.Router = r
	c.delivery, err = r.AddDelivery(lxmf.DeliveryConfig{
		Identity:    identity(t, name),
		DisplayName: func() string { return name },
		StampCost:   func() int { return 8 }, // as MeshChatX asks
		OnMessage: func(in *lxmf.Inbound) {
			in.Prove()
			c.got <- string(in.Message.Content)
			c.methods <- in.Method
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	running(t, r.Run)
	return c
}

// running runs f until the test ends.
func running(t *testing.T, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
}

// says sends a text to the group, waits for its proof, and then for so many answers.
func (c *client) says(t *testing.T, to rns.DestinationHash, text string, answers int) (got []string) {
	t.Helper()
	out, err := c.Send(t.Context(), &lxmf.Outbound{From: c.delivery, To: to, Content: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	<-out.Done()
	if out.State() != lxmf.StateDelivered {
		t.Fatalf("%q: %v, %v", text, out.State(), out.Err())
	}
	for range answers {
		select {
		case content := <-c.got:
			got = append(got, content)
			if m := <-c.methods; m != lxmf.MethodOpportunistic {
				t.Errorf("the answer to %q came by %v", text, m)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q: %d answers: %q", text, len(got), got)
		}
	}
	time.Sleep(2 * time.Second)
	if len(c.got) > 0 {
		t.Errorf("%q: one more answer: %q", text, <-c.got)
	}
	return got
}

func TestMembersTalkOverTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		medium := ifacetest.NewMedium(ifacetest.Options{Latency: 20 * time.Millisecond})
		self := identity(t, "the group")
		store := memory.New()
		hub, err := group.New(group.Config{Store: store, Rand: rand.NewChaCha8([32]byte{1})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: valley, PublicKey: self.PublicKey(), PrivateKey: self.PrivateKey(), PublicName: "Valley Net", Public: true}); err != nil {
			t.Fatal(err)
		}
		const cost = 6 // of joining
		if err := store.Update(t.Context(), func(tx group.Tx) error {
			g, err := tx.Group(valley)
			if err != nil {
				return err
			}
			g.Policy.JoinCost = cost
			return tx.PutGroup(g)
		}); err != nil {
			t.Fatal(err)
		}
		node := rnstest.Start(t, rns.Config{}, medium.Port("server"))
		router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: node.Transport})
		if err != nil {
			t.Fatal(err)
		}
		var delivery *lxmf.Delivery
		server, err := lxm.New(lxm.Config{
			Hub: hub, Group: valley,
			Send: func(ctx context.Context, o lxm.Outbound) error { return lxm.Via(router, delivery)(ctx, o) },
			Ratchet: func(d rns.DestinationHash) []byte {
				known, _ := node.Recall(d)
				return known.Ratchet
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if delivery, err = router.AddDelivery(lxmf.DeliveryConfig{Identity: self, OnMessage: server.OnMessage, StampCost: func() int { return cost }}); err != nil {
			t.Fatal(err)
		}
		running(t, server.Run)
		running(t, router.Run)
		ann, bo := newClient(t, "ann", medium.Port("ann")), newClient(t, "bo", medium.Port("bo"))
		for _, d := range []*lxmf.Delivery{delivery, ann.delivery, bo.delivery} {
			if err := d.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		to := delivery.Address()
		// The two parts may overtake each other, for each gets its own stamp.
		if got := ann.says(t, to, "/join Ann", 2); !strings.Contains(strings.Join(got, "\n"), "(1/2) Welcome to Valley Net") {
			t.Errorf("ann reads %q", got)
		}
		bo.says(t, to, "/join Bo", 2)
		ann.says(t, to, "the bridge is out", 0)
		if got := bo.says(t, to, "/history", 1); !strings.Contains(got[0], "Ann: the bridge is out") {
			t.Errorf("bo reads %q", got)
		}
		for page, want := range map[string]string{"/help": "(1/2)", "/help 2": "(2/2)"} {
			if got := bo.says(t, to, page, 1); !strings.Contains(got[0], want) {
				t.Errorf("bo reads %q", got)
			}
		}
		// Joining took work; the welcome brought a ticket, and nothing after it took any.
		for _, c := range []*client{ann, bo} {
			if s := c.Stats(); s.StampsMade != 1 || s.TicketsReceived != 1 || s.TicketsUsed == 0 {
				t.Errorf("%d stamps made, %d tickets received, %d times used", s.StampsMade, s.TicketsReceived, s.TicketsUsed)
			}
		}
		if _, err := hub.Kick(t.Context(), operator(), valley, group.KickInput{Target: group.AnyHash(identity(t, "bo").Hash())}); err != nil {
			t.Fatal(err)
		}
		if got := <-bo.got; !strings.Contains(got, "removed from Valley Net for 1 h") {
			t.Errorf("bo reads %q", got)
		}
		<-bo.methods
		bo.says(t, to, "why?", 0)
		if got := ann.says(t, to, "/who", 1); strings.Contains(got[0], "Bo") {
			t.Errorf("ann reads %q", got)
		}
	})
}

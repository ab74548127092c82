package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/requests"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// hears collects the announces that come to a visitor; each destination's last one.
func (v *visitor) hears() func() map[rns.DestinationHash]rns.Announced {
	var mu sync.Mutex
	all := make(map[rns.DestinationHash]rns.Announced)
	stop := v.HandleAnnounces("", rns.AnnounceHandlerOptions{PathResponses: true}, func(a rns.Announced) {
		mu.Lock()
		defer mu.Unlock()
		all[a.Destination] = a
	})
	v.t.Cleanup(stop)
	return func() map[rns.DestinationHash]rns.Announced {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(all)
	}
}

// addresses are a group's destinations by their names.
func addresses(g group.IdentityHash) map[string]rns.DestinationHash {
	h := rns.IdentityHash(g)
	all := make(map[string]rns.DestinationHash)
	for _, name := range [][2]string{{"lxmf", "delivery"}, {"meshchat", "group"}, {"nomadnetwork", "node"}} {
		all[name[0]+"."+name[1]] = rns.HashDestination(&h, name[0], name[1])
	}
	return all
}

// Nobody learns of a group of equals, or of a circle, by listening, for however long; the group beside them is announced by its name. Who
// was given the address asks for the way there, and finds it.
func TestNobodyHearsOfAGroupThatIsAnnouncedToNobody(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "[[group]]\nid = \"main\"\nname = \"Market Square\"\n[[group]]\nid = \"hikers\"\nname = \"The Hikers\"\npreset = \"equal\"\n[[group]]\nid = \"ridge\"\nname = \"The Ridge\"\npreset = \"circle\"\n")
		defer s.stop()
		v := s.visitor(1)
		heard := v.hears()
		time.Sleep(30 * time.Hour)
		info := func(id group.GroupID) group.Info {
			in, err := s.hub.Info(t.Context(), group.Caller{Local: true}, id)
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		for name, a := range addresses(info("main").Identity) {
			if _, ok := heard()[a]; !ok {
				t.Errorf("the square's %s was never heard", name)
			}
		}
		if d, err := lxmf.ParseAnnounceData(heard()[rns.DestinationHash(info("main").Address)].AppData); err != nil || d.Name != "Market Square" {
			t.Errorf("any client lists it as %q, %v", d.Name, err)
		}
		for _, hidden := range []group.GroupID{"hikers", "ridge"} {
			for name, a := range addresses(info(hidden).Identity) {
				if _, ok := heard()[a]; ok {
					t.Errorf("%s of %s is announced", name, hidden)
				}
			}
			v.opens(info(hidden).PublicKey, requests.App, requests.Aspect).Close()
		}
	})
}

// The owner sets what joining and writing cost those who are outside. It is announced; who does not do the work is not heard; members
// have paid by joining.
func TestWhoWritesFromOutsideDoesTheWorkThatTheOwnerAsksFor(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "[[group]]\nid = \"main\"\nname = \"Valley\"\n")
		defer s.stop()
		ctx, local := t.Context(), group.Caller{Local: true}
		info, err := s.hub.Info(ctx, local, "main")
		if err != nil {
			t.Fatal(err)
		}
		ann, eve := s.visitor(1), s.visitor(2)
		heard := eve.hears()
		code, err := s.hub.NewClaimCode(ctx, local, "main")
		if err != nil {
			t.Fatal(err)
		}
		l := ann.opens(info.PublicKey, requests.App, requests.Aspect)
		for _, q := range [][2]string{{"/claim", fmt.Sprintf(`{"code":%q,"name":"Ann"}`, code.Code)}, {"/settings/update", `{"policy":{"join_cost":6,"post_cost":9}}`}} {
			if got, err := ann.asks(l, requests.Prefix+q[0], msgpack.Str(q[1])); err != nil || contains(got, "status") {
				t.Fatalf("%s: %s, %v", q[0], got, err)
			}
		}
		time.Sleep(2 * time.Second) // the cost is read once a second
		if err := s.Announce(ctx, "main"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		at := addresses(info.Identity)
		if d, err := lxmf.ParseAnnounceData(heard()[at["lxmf.delivery"]].AppData); err != nil || d.StampCost != 9 || d.Name != "Valley" {
			t.Errorf("messages are announced to cost %+v, %v", d, err)
		}
		if b, err := groupdv1.ParseBeacon(heard()[at["meshchat.group"]].AppData); err != nil || b.JoinCost != 6 || b.PostCost != 9 {
			t.Errorf("the beacon tells %+v, %v", b, err)
		}

		router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: eve.Transport})
		if err != nil {
			t.Fatal(err)
		}
		life, end := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- router.Run(life) }()
		defer func() {
			end()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		d, err := router.AddDelivery(lxmf.DeliveryConfig{Identity: eve.keys, OnMessage: func(in *lxmf.Inbound) { in.Prove() }})
		if err == nil {
			err = d.Announce(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		bare := func(text string) {
			t.Helper()
			m, err := lxmf.Pack(eve.keys, lxmf.Draft{Destination: rns.DestinationHash(info.Address), Timestamp: lxmf.Timestamp(time.Now()), Content: []byte(text)})
			if err != nil {
				t.Fatal(err)
			}
			known, ok := eve.Recall(rns.DestinationHash(info.Address))
			if !ok {
				t.Fatal("the group is not known")
			}
			to := eve.NewRemote(known.Identity, lxmf.AppName, lxmf.DeliveryAspect)
			to.SetRatchet(known.Ratchet)
			if _, err := to.Send(ctx, m.OpportunisticData()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		standing := func() moderation.Standing {
			st, err := s.hub.Standing(ctx, eve.caller(), "main")
			if err != nil {
				t.Fatal(err)
			}
			return st.Standing
		}
		posts := func() uint64 {
			in, err := s.hub.Info(ctx, local, "main")
			if err != nil {
				t.Fatal(err)
			}
			return uint64(in.Head.Seq)
		}
		bare("/join Eve")
		if st := standing(); st != moderation.StandingStranger {
			t.Errorf("without work she is %s", st)
		}
		out, err := router.Send(ctx, &lxmf.Outbound{From: d, To: rns.DestinationHash(info.Address), Content: []byte("/join Eve")})
		if err != nil {
			t.Fatal(err)
		}
		<-out.Done()
		time.Sleep(time.Minute)
		if st := standing(); st != moderation.StandingMember {
			t.Errorf("with work she is %s: %v, %v", st, out.State(), out.Err())
		}
		before := posts()
		bare("members write without")
		if n := posts(); n != before+1 {
			t.Errorf("%d entries after %d", n, before)
		}
	})
}

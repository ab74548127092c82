package rns_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// TestIFAC holds C-083, I-021: with an access code on one side only, nothing gets through, in either direction; it is counted and not
// answered.
func TestIFAC(t *testing.T) {
	network := func(name, pass string) rns.InterfaceOptions {
		return rns.InterfaceOptions{NetworkName: name, Passphrase: pass}
	}
	for _, c := range []struct {
		name string
		a, b rns.InterfaceOptions
		want bool
	}{
		{"open", network("", ""), network("", ""), true},
		{"same name and passphrase", network("n", "p"), network("n", "p"), true},
		{"same name", network("n", ""), network("n", ""), true},
		{"another passphrase", network("n", "p"), network("n", "q"), false},
		{"another name", network("n", "p"), network("m", "p"), false},
		{"open to closed", network("", ""), network("n", "p"), false},
		{"closed to open", network("n", "p"), network("", ""), false},
		{"other sizes", rns.InterfaceOptions{Passphrase: "p", IFACSize: 8}, network("", "p"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := ifacetest.NewMedium(ifacetest.Options{})
				a, b := rnstest.StartWith(t, rns.Config{}, c.a, m.Port("a")), rnstest.StartWith(t, rns.Config{}, c.b, m.Port("b"))
				id := rnstest.Identity(t, 1)
				d, got := inbox(t, b, id)
				announce(t, d)
				if a.HasPath(d.Hash()) != c.want {
					t.Error("announce heard:", !c.want)
				}
				r := send(t, a.NewRemote(id.Public(), "test", "inbox"), "x")
				synctest.Wait()
				if !c.want {
					none(t, got)
					if m.Stats().Frames != 2 {
						t.Error("a frame without right access code was answered")
					}
					if n := a.Stats().Interfaces[0].Drops[rns.DropIFAC]; n != 1 {
						t.Errorf("%d drops counted", n)
					}
					return
				}
				if err := next(t, got).Prove(); err != nil {
					t.Fatal(err)
				}
				next(t, r.Done())
				if r.Status() != rns.ReceiptDelivered {
					t.Error(r.Status())
				}
			})
		})
	}
}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSettingTheClockChangesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		var off atomic.Int32
		clock := func() time.Time { return time.Now().AddDate(int(off.Load()), 0, 0) }
		a := rnstest.Start(t, rns.Config{Clock: clock}, m.Port("a"))
		b := rnstest.Start(t, rns.Config{}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		d, _ := inbox(t, b, id, func(c *rns.DestinationConfig) { c.Ratchets = &rns.RatchetConfig{} })
		announce(t, d)
		out := a.NewRemote(id.Public(), "test", "inbox")
		for _, years := range []int32{-20, 20} {
			began := time.Now()
			r := send(t, out, "x")
			time.Sleep(time.Second)
			off.Store(years)
			<-r.Done()
			if waited := time.Since(began).Round(time.Second); waited != 12*time.Second {
				t.Errorf("clock set by %d years: waited %v", years, waited)
			}
			if !a.HasPath(d.Hash()) {
				t.Errorf("clock set by %d years: the path is gone", years)
			}
			if k, ok := a.Recall(d.Hash()); !ok || k.Ratchet == nil {
				t.Errorf("clock set by %d years: the ratchet is gone", years)
			}
			time.Sleep(time.Minute)
			announce(t, d)
			if k, _ := a.Recall(d.Hash()); k.Emitted.Before(began) {
				t.Errorf("clock set by %d years: new announces are not taken", years)
			}
		}
		time.Sleep(8 * 24 * time.Hour)
		if a.HasPath(d.Hash()) {
			t.Error("the path never ends")
		}
	})
}

func TestInterfaceIsLostAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		announce(t, p.d)
		time.Sleep(time.Second)

		// The plug is pulled.
		p.m.Port("a").SetDown(true)
		if _, err := p.out.Send(t.Context(), []byte("x")); !errors.Is(err, interfaces.ErrDown) {
			t.Error(err)
		}
		p.m.Port("a").SetDown(false)
		send(t, p.out, "back")
		if x := next(t, p.got); string(x.Data) != "back" {
			t.Errorf("got %q", x.Data)
		}
	})
}

func TestInterfaceThatIsGoneTakesItsPathsAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		a, b := rnstest.Start(t, rns.Config{}), rnstest.Start(t, rns.Config{}, m.Port("b"))
		id := rnstest.Identity(t, 1)
		d, got := inbox(t, b, id)
		out := a.NewRemote(id.Public(), "test", "inbox")
		if _, err := out.Send(t.Context(), nil); !errors.Is(err, rns.ErrNoInterface) {
			t.Error(err)
		}
		for range 2 {
			x := mortal{m.Port("a"), make(chan struct{})}
			if err := a.AddInterface(x, rns.InterfaceOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := a.AddInterface(x, rns.InterfaceOptions{}); !errors.Is(err, rns.ErrInUse) {
				t.Error(err)
			}
			synctest.Wait()
			time.Sleep(time.Second)
			announce(t, d)
			if !a.HasPath(d.Hash()) {
				t.Error("no path")
			}
			send(t, out, "x")
			next(t, got)
			close(x.die)
			synctest.Wait()
			if a.HasPath(d.Hash()) || len(a.Stats().Interfaces) != 0 {
				t.Error("the interface is still there")
			}
		}
	})
}

func TestLifeOfATransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		tr, err := rns.New(rns.Config{})
		if err != nil {
			t.Fatal(err)
		}
		id := rnstest.Identity(t, 1)
		// Everything may be set up before Run.
		if err := tr.AddInterface(m.Port("a"), rns.InterfaceOptions{}); err != nil {
			t.Fatal(err)
		}
		d, err := tr.NewDestination(rns.DestinationConfig{Identity: id, App: "x", OnPacket: func(p *rns.ReceivedPacket) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.Remember(rns.DestinationHash{1}, id.Public()); err != nil {
			t.Error(err)
		}
		if _, ok := tr.Recall(rns.DestinationHash{1}); !ok || tr.HasPath(d.Hash()) || tr.Hops(d.Hash()) != rns.MaxHops {
			t.Error("wrong answers before Run")
		}
		announced := make(chan error, 1)
		go func() { announced <- d.Announce(t.Context()) }()
		synctest.Wait()
		n := rnstest.Run(t, tr)
		if err := next(t, announced); err != nil {
			t.Error(err)
		}
		if err := tr.Run(t.Context()); !errors.Is(err, rns.ErrClosed) {
			t.Error(err)
		}
		r := send(t, tr.NewRemote(id.Public(), "y"), "x")
		waiting := make(chan error, 1)
		go func() { waiting <- tr.AwaitPath(t.Context(), rns.DestinationHash{9}) }()
		synctest.Wait()
		n.Stop()
		if err := <-waiting; !errors.Is(err, rns.ErrClosed) {
			t.Error(err)
		}
		if <-r.Done(); !errors.Is(r.Err(), rns.ErrClosed) {
			t.Error(r.Err())
		}
		_, sendErr := tr.NewRemote(id.Public(), "y").Send(t.Context(), nil)
		_, destErr := tr.NewDestination(rns.DestinationConfig{Identity: id, App: "z"})
		for what, err := range map[string]error{
			"Send": sendErr, "NewDestination": destErr, "Announce": d.Announce(t.Context()),
			"AddInterface": tr.AddInterface(m.Port("b"), rns.InterfaceOptions{}), "AwaitPath": tr.AwaitPath(t.Context(), d.Hash()),
			"RequestPath": tr.RequestPath(t.Context(), d.Hash()), "Remember": tr.Remember(d.Hash(), id.Public()),
		} {
			if !errors.Is(err, rns.ErrClosed) {
				t.Errorf("%s after the end: %v", what, err)
			}
		}
	})
}

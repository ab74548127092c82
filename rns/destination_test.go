package rns_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// I-152, our own announces; those of others are in TestAccessPointHearsOnlyAnswers.
func TestAnnounceStaysOffAccessPoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, ap, quiet := ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{}), ifacetest.NewMedium(ifacetest.Options{})
		mode := func(p *interfaces.Properties) { p.Mode = interfaces.ModeAccessPoint }
		listen := func(p *interfaces.Properties) { p.Outgoing = false }
		b := rnstest.Start(t, rns.Config{}, full.Port("full"), ap.Port("ap", mode), quiet.Port("quiet", listen))
		a := rnstest.Start(t, rns.Config{}, ap.Port("client"))
		id := rnstest.Identity(t, 1)
		d, _ := inbox(t, b, id)
		announce(t, d)
		if full.Stats().Frames != 1 || ap.Stats().Frames != 0 {
			t.Errorf("%d on full, %d on the access point", full.Stats().Frames, ap.Stats().Frames)
		}
		if err := a.AwaitPath(t.Context(), d.Hash()); err != nil {
			t.Error("path request on an access point:", err)
		}
		send(t, b.NewRemote(rnstest.Identity(t, 2).Public(), "x"), "to nobody")
		synctest.Wait()
		if full.Stats().Frames != 2 || ap.Stats().Frames != 3 || quiet.Stats().Frames != 0 {
			t.Errorf("%d on full, %d on the access point, %d where we only listen", full.Stats().Frames, ap.Stats().Frames, quiet.Stats().Frames)
		}
	})
}

// TestDestinationsAreChecked holds C-028, C-030, C-031, C-034, C-035, C-070.
func TestDestinationsAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := rnstest.Start(t, rns.Config{})
		id := rnstest.Identity(t, 1)
		for name, c := range map[string]struct {
			config rns.DestinationConfig
			want   error
		}{
			"dot in a name":             {rns.DestinationConfig{Identity: id, App: "a.b"}, rns.ErrBadName},
			"PLAIN with identity":       {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationPlain}, rns.ErrBadKey},
			"GROUP without key":         {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationGroup}, rns.ErrBadKey},
			"ratchets of a GROUP":       {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationGroup, GroupKey: make([]byte, 64), Ratchets: &rns.RatchetConfig{}}, rns.ErrBadKey},
			"link as a type":            {rns.DestinationConfig{Identity: id, App: "a", Type: rns.DestinationLink}, rns.ErrBadName},
			"good":                      {rns.DestinationConfig{Identity: id, App: "a"}, nil},
			"good, without an identity": {rns.DestinationConfig{App: "a"}, nil},
		} {
			if _, err := n.NewDestination(c.config); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		d, err := n.NewDestination(rns.DestinationConfig{Identity: id, App: "b", Aspects: []string{"c"}})
		if err != nil {
			t.Fatal(err)
		}
		h := id.Hash()
		if d.Hash() != rns.HashDestination(&h, "b", "c") || d.Name() != "b.c" {
			t.Errorf("%s %s", d.Hash(), d.Name())
		}
		if k, ok := n.Recall(d.Hash()); !ok || !k.Identity.Equal(id.Public()) {
			t.Error("our own destination is not known")
		}
		if _, err := n.NewDestination(rns.DestinationConfig{Identity: id, App: "b", Aspects: []string{"c"}}); !errors.Is(err, rns.ErrInUse) {
			t.Error(err)
		}
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			t.Error(err)
		}
		if err := d.Announce(t.Context()); !errors.Is(err, rns.ErrClosed) {
			t.Error(err)
		}
		if _, err := n.NewDestination(rns.DestinationConfig{Identity: id, App: "b", Aspects: []string{"c"}}); err != nil {
			t.Error("after Close:", err)
		}
		plain, err := n.NewDestination(rns.DestinationConfig{App: "p", Type: rns.DestinationPlain})
		if err != nil {
			t.Fatal(err)
		}
		if err := plain.Announce(t.Context()); !errors.Is(err, rns.ErrNotAnnounced) {
			t.Error(err)
		}
	})
}

func TestAnnounceWithTooMuchAppDataIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		size := 318
		p := newTwoNodes(t, func(c *rns.DestinationConfig) { c.AppData = func() []byte { return make([]byte, size) } })
		if err := p.d.Announce(t.Context()); !errors.Is(err, rns.ErrTooLarge) {
			t.Error(err)
		}
		size = 317
		announce(t, p.d)
	})
}

// TestOwnAddressAnnouncedByAnotherIsIgnored holds C-127.
func TestOwnAddressAnnouncedByAnotherIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTwoNodes(t)
		other, _ := inbox(t, p.a, p.id)
		announce(t, other)
		time.Sleep(time.Second)
		if p.b.HasPath(p.d.Hash()) || p.b.Stats().Drops[rns.DropAnnounceOwn] != 1 {
			t.Error("our own destination was routed elsewhere")
		}
	})
}

// TestBlackholedIdentityIsNotHeard holds C-074.
func TestBlackholedIdentityIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := ifacetest.NewMedium(ifacetest.Options{})
		id := rnstest.Identity(t, 1)
		a := rnstest.Start(t, rns.Config{Blackholed: func(h rns.IdentityHash) bool { return h == id.Hash() }}, m.Port("a"))
		d, _ := inbox(t, rnstest.Start(t, rns.Config{}, m.Port("b")), id)
		announce(t, d)
		if _, ok := a.Recall(d.Hash()); ok || a.HasPath(d.Hash()) {
			t.Error("heard")
		}
	})
}

func TestLinksOfADestinationAreClosedWithoutOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{})
		one, _ := p.open(t)
		two, _ := p.open(t)
		other, err := p.b.NewDestination(rns.DestinationConfig{Identity: rnstest.Identity(t, 1), App: "test", Aspects: []string{"other"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		stays, err := p.a.OpenLink(t.Context(), p.a.NewRemote(other.Identity().Public(), "test", "other"))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.at.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if one.State() != rns.LinkActive || two.State() != rns.LinkActive {
			t.Errorf("links of a closed destination: %v, %v", one.State(), two.State())
		}
		p.at.CloseLinks()
		time.Sleep(time.Second)
		if one.State() != rns.LinkClosed || two.State() != rns.LinkClosed || stays.State() != rns.LinkActive {
			t.Errorf("%v, %v, and of another destination %v", one.State(), two.State(), stays.State())
		}
		p.at.CloseLinks()
	})
}

package rns

import (
	"strings"
	"testing"
	"time"

	"groupd/rns/interfaces"
)

// TestBlackhole: C-157, C-074.
func TestBlackholedIdentitiesAreForgotten(t *testing.T) {
	n := newRelayNode(t, relayConfig())
	x, _ := n.attachWire("x", interfaces.ModeFull, func(a *attached) { a.options.NoIngressControl = true })
	s, other := newStation(t, 1), newStation(t, 2)
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	n.hear(x, other.announce(t, 0, IdentityHash{}))
	tr := n.engine.t
	if added, err := tr.Blackhole(s.identity.Hash(), time.Now().Add(time.Hour), "spam"); !added || err != nil {
		t.Fatal(added, err)
	}
	if added, _ := tr.Blackhole(s.identity.Hash(), time.Time{}, "again"); added {
		t.Error("added twice")
	}
	if tr.HasPath(s.destination) || !tr.HasPath(other.destination) {
		t.Error("wrong paths forgotten")
	}
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	if tr.HasPath(s.destination) {
		t.Error("heard of again")
	}
	if list := tr.Blackholes(); len(list) != 1 || list[0].Reason != "spam" || list[0].Source != n.self {
		t.Errorf("%+v", list)
	}
	tr.blackholes.expire(time.Now().Add(2*time.Hour), n.self)
	if len(tr.Blackholes()) != 0 {
		t.Error("it never ends")
	}
	n.hear(x, s.announce(t, 0, IdentityHash{}))
	if !tr.HasPath(s.destination) {
		t.Error("still refused")
	}
	if added, _ := tr.Blackhole(s.identity.Hash(), time.Time{}, ""); !added {
		t.Error("not added again")
	}
	tr.blackholes.expire(time.Now().AddDate(100, 0, 0), n.self)
	if removed, err := tr.Unblackhole(s.identity.Hash()); !removed || err != nil {
		t.Error("one without end has ended")
	}
}

func TestBlackholeListIsBounded(t *testing.T) {
	var b blackholes
	for i := range maxBlackholes + 10 {
		b.add(Blackhole{Identity: IdentityHash{byte(i), byte(i >> 8), byte(i >> 16)}, Reason: string(make([]byte, 1000))})
	}
	if list := b.list(nil); len(list) != maxBlackholes || len(list[0].Reason) != maxBlackholeReason {
		t.Errorf("%d entries", len(list))
	}
}

// TestALongReasonDoesNotLiftABlackholeAtTheNextStart: it is cut between letters, since text that is not UTF-8 makes the whole entry, in
// our own file and in the list that others fetch, unreadable.
func TestALongReasonDoesNotLiftABlackholeAtTheNextStart(t *testing.T) {
	tr := newRelayNode(t, relayConfig()).engine.t
	id := IdentityHash{1}
	if _, err := tr.Blackhole(id, time.Time{}, "!"+strings.Repeat("ä", maxBlackholeReason)); err != nil {
		t.Fatal(err)
	}
	list, err := parseBlackholes(packBlackholes(tr.Blackholes()))
	if err != nil || len(list) != 1 || list[0].Identity != id || len(list[0].Reason) != maxBlackholeReason-1 {
		t.Errorf("read back %+v, %v", list, err)
	}
}

package requests

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// manyGroups is a hub with many groups.
type manyGroups struct {
	*fakeHub
	infos []group.Info
	cost  int
}

func (h *manyGroups) Groups(context.Context, group.Caller) ([]group.Info, error) { return h.infos, nil }

func (h *manyGroups) Creating() group.Creating {
	return group.Creating{Who: moderation.CreatingAnyone, Cost: h.cost}
}

func TestManyGroupsAreListedPageByPageEachOnce(t *testing.T) {
	h := &manyGroups{fakeHub: newFake(0)}
	for i := range 40 {
		in := h.info
		in.Identity, in.Group = id(byte(250-5*i)), group.GroupID(fmt.Sprint("g", i))
		in.PublicName, in.PrivateName, in.Topic = fmt.Sprint("Group ", i), "", string(bytes.Repeat([]byte("topic "), i))
		h.infos = append(h.infos, in)
	}
	s := newServer(t, h)
	for _, size := range []uint32{0, MinReply, 2000, 20_000} {
		var after []byte
		seen := map[string]bool{}
		for more, pages := true, 0; more; pages++ {
			reply := &groupdv1.GroupsReply{}
			got := ask(t, s, ada(), "/groups", &groupdv1.GroupsRequest{After: after, MaxBytes: size}, reply)
			if most := int(size); reply.GetStatus() != nil || len(got) > max(most, BasePacket) || pages > 40 {
				t.Fatalf("max_bytes %d, page %d: %d bytes, %v", size, pages, len(got), reply.GetStatus())
			}
			for _, g := range reply.GetGroups() {
				if seen[string(g.GetIdentity())] || bytes.Compare(g.GetIdentity(), after) <= 0 {
					t.Errorf("max_bytes %d: %x came twice or out of order", size, g.GetIdentity())
				}
				after, seen[string(g.GetIdentity())] = g.GetIdentity(), true
			}
			more = reply.GetMore()
		}
		if len(seen) != 40 {
			t.Errorf("max_bytes %d: %d of 40", size, len(seen))
		}
	}
	reply := &groupdv1.GroupsReply{}
	if ask(t, s, ada(), "/groups", &groupdv1.GroupsRequest{Limit: 7, MaxBytes: 20_000}, reply); len(reply.GetGroups()) != 7 || !reply.GetMore() {
		t.Errorf("of 7: %d, more %v", len(reply.GetGroups()), reply.GetMore())
	}
	if ask(t, s, ada(), "/groups", &groupdv1.GroupsRequest{After: []byte{1}}, reply); reply.GetStatus().GetField() != "after" {
		t.Errorf("a short hash: %v", reply.GetStatus())
	}
	if ask(t, s, group.Caller{}, "/groups", &groupdv1.GroupsRequest{Limit: 1}, reply); reply.GetGroups()[0].GetStanding() != 0 || reply.GetGroups()[0].GetRole() != 0 {
		t.Errorf("nobody is told what he is: %v", reply.GetGroups()[0])
	}
}

func TestAGroupIsCalledAsItsKindAsks(t *testing.T) {
	h := newFake(0)
	s := newServer(t, h)
	yes := true
	for _, c := range []struct {
		q               *groupdv1.CreateGroupRequest
		public, private string
		found           bool
	}{
		{&groupdv1.CreateGroupRequest{Name: "Boats"}, "Boats", "", true},
		{&groupdv1.CreateGroupRequest{Name: "Boats", Preset: "public"}, "Boats", "", false}, // the preset says it
		{&groupdv1.CreateGroupRequest{Name: "Boats", Preset: "private"}, "", "Boats", false},
		{&groupdv1.CreateGroupRequest{Name: "Club", PrivateName: "Boats", Preset: "private"}, "Club", "Boats", false},
		{&groupdv1.CreateGroupRequest{Name: "Club", PrivateName: "Boats"}, "Club", "Boats", true},
		{&groupdv1.CreateGroupRequest{Name: "Boats", Public: proto.Bool(false)}, "Boats", "", false},
	} {
		reply := &groupdv1.GroupReply{}
		ask(t, s, ada(), "/groups/create", c.q, reply)
		if n := h.made; reply.GetStatus() != nil || n.PublicName != c.public || n.PrivateName != c.private || n.Public != c.found {
			t.Errorf("%v: %q, %q, public %v: %v", c.q, n.PublicName, n.PrivateName, n.Public, reply.GetStatus())
		}
	}
	reply := &groupdv1.GroupReply{}
	ask(t, s, ada(), "/groups/create", &groupdv1.CreateGroupRequest{Name: "Boats", Public: &yes, Joining: groupdv1.Joining_INVITE, Policy: &groupdv1.Policy{SlowMode: proto.Uint32(30)}}, reply)
	var p moderation.Policy
	h.made.Set.Change(&p)
	if *h.made.Set.Joining != moderation.JoiningInvite || !*h.made.Set.Public || p.SlowMode != 30 {
		t.Errorf("made %+v, slow mode %d", h.made.Set, p.SlowMode)
	}
	if ask(t, s, ada(), "/groups/create", &groupdv1.CreateGroupRequest{Name: "Boats", Joining: 77}, reply); reply.GetStatus().GetField() != "joining" {
		t.Errorf("a door that does not exist: %v", reply.GetStatus())
	}
	if ask(t, s, ada(), "/groups/create", &groupdv1.CreateGroupRequest{Name: "Boats", Policy: &groupdv1.Policy{TopicRole: groupdv1.Role(257).Enum()}}, reply); reply.GetStatus().GetField() != "topic_role" {
		t.Errorf("a role that does not exist, and is not another one: %v", reply.GetStatus())
	}
}

func TestTooManyPeopleAreRefusedBeforeAnybodyIsLookedUp(t *testing.T) {
	h := newFake(0)
	s := newServer(t, h)
	many := func(n int) (list []*groupdv1.Who) {
		for range n {
			list = append(list, byName("ada"))
		}
		return list
	}
	for _, c := range []struct {
		path, field string
		request     proto.Message
	}{
		{"/groups/create", "invite", &groupdv1.CreateGroupRequest{Name: "Boats", Invite: many(group.MaxInvited + 1)}},
		{"/groups/clone", "without", &groupdv1.CloneGroupRequest{Without: many(group.MaxLeftOut + 1)}},
	} {
		reply := &groupdv1.GroupReply{}
		if ask(t, s, ada(), c.path, c.request, reply); reply.GetStatus().GetCode() != groupdv1.Code_TOO_LARGE || reply.GetStatus().GetField() != c.field || len(h.asked) != 0 {
			t.Errorf("%s: %v, asked %v", c.path, reply.GetStatus(), h.asked)
		}
	}
}

// counted is the first stamp of 8 bits, counted up from 0: the same in each run.
func counted(t *testing.T, g, asker group.IdentityHash, action groupdv1.StampAction, day uint32) []byte {
	t.Helper()
	w := lxmf.RequestWork(groupdv1.RequestStampMaterial(g, asker, action, day))
	form := groupdv1.RequestStamp{Day: day}
	for n := uint64(0); ; n++ {
		binary.BigEndian.PutUint64(form.Stamp[24:], n)
		if _, ok, err := w.Check(t.Context(), form.Stamp[:], 8); ok || err != nil {
			return form.Append(nil)
		}
	}
}

func TestWorkForANewGroupIsCheckedForThatAlone(t *testing.T) {
	h := &manyGroups{fakeHub: newFake(0), cost: 8}
	s := newServer(t, h)
	s.stamps = &checker{}
	today := groupdv1.StampDay(start())
	for _, c := range []struct {
		what  string
		stamp []byte
		good  bool
	}{
		{"for this", counted(t, id(9), id(1), groupdv1.StampMake, today), true},
		{"for joining", counted(t, id(9), id(1), groupdv1.StampJoin, today), false},
		{"at another group", counted(t, id(8), id(1), groupdv1.StampMake, today), false},
		{"by somebody else", counted(t, id(9), id(2), groupdv1.StampMake, today), false},
		{"of last week", counted(t, id(9), id(1), groupdv1.StampMake, today-7), false},
		{"none", nil, false},
	} {
		h.callers, h.asked = nil, nil
		reply := &groupdv1.GroupReply{}
		ask(t, s, ada(), "/groups/create", &groupdv1.CreateGroupRequest{Name: "Boats", Stamp: c.stamp}, reply)
		work := -1
		for i, method := range h.asked {
			if method == "create group" {
				work = h.callers[i].Work
			}
		}
		if (work >= 8) != c.good {
			t.Errorf("%s: %d bits of work reach the domain", c.what, work)
		}
	}
}

func TestAGroupIsDeletedByIdentityOrAddressAndOnlyIfItIsNamed(t *testing.T) {
	h := newFake(0)
	s := newServer(t, h)
	address := group.AddressOf(id(31))
	for _, c := range []struct {
		name []byte
		want group.GroupID
	}{{bytes.Repeat([]byte{31}, 16), "g-1"}, {address[:], "g-1"}, {bytes.Repeat([]byte{77}, 16), ""}} {
		h.seen = nil
		ack := &groupdv1.Ack{}
		ask(t, s, ada(), "/groups/delete", &groupdv1.DeleteGroupRequest{Group: c.name}, ack)
		if got := h.seen[len(h.seen)-1]; got != c.want {
			t.Errorf("%x: the domain is asked about %v, %v", c.name, got, ack.GetStatus())
		}
	}
	for _, name := range [][]byte{nil, {1, 2, 3}, make([]byte, 17)} {
		ack := &groupdv1.Ack{}
		if ask(t, s, ada(), "/groups/delete", &groupdv1.DeleteGroupRequest{Group: name}, ack); ack.GetStatus().GetField() != "group" {
			t.Errorf("%x: %v", name, ack.GetStatus())
		}
	}
}

package requests

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// longLists is a group with much to list.
type longLists struct {
	*fakeHub
	n    int
	text string // reasons and details
}

func (h *longLists) Bans(_ context.Context, _ group.Caller, _ group.GroupID, after group.AnyHash, limit int) (list []group.Ban, more bool, err error) {
	for i := int(after[0]); i < h.n; i++ {
		if len(list) == limit {
			return list, true, nil
		}
		list = append(list, group.Ban{Target: group.AnyHash(id(byte(i + 1))), DisplayName: strings.Repeat("n", 32), Reason: h.text, By: id(1), Created: start()})
	}
	return list, false, nil
}

func (h *longLists) AuditLog(_ context.Context, _ group.Caller, _ group.GroupID, q group.AuditQuery) (p group.AuditPage, err error) {
	from := int64(h.n)
	if q.Before > 0 {
		from = q.Before - 1
	}
	for i := from; i > 0; i-- {
		if len(p.Lines) == q.Limit {
			p.More = true
			return p, nil
		}
		p.Lines = append(p.Lines, group.Audit{ID: i, By: id(1), Action: "ban", Target: group.AnyHash(id(2)), Detail: h.text, Time: start()})
	}
	return p, nil
}

func (h *longLists) Invites(_ context.Context, _ group.Caller, _ group.GroupID, q group.InvitesQuery) (p group.InvitesPage, err error) {
	for i := q.After + 1; i <= int64(h.n); i++ {
		if len(p.Invites) == q.Limit {
			p.More = true
			return p, nil
		}
		p.Invites = append(p.Invites, group.Invite{ID: i, By: id(1), For: group.AnyHash(id(9)), Uses: 1, Created: start(), Expires: start().Add(time.Hour)})
	}
	return p, nil
}

func TestListsOfStaffArePagedWithinTheirBytes(t *testing.T) {
	for _, text := range []string{"", "spam", strings.Repeat("a long reason, ⛰ ", 10)} {
		h := &longLists{newFake(0), 60, text}
		s := newServer(t, h)
		for _, room := range []uint32{0, MinReply, 300, 4096, MaxReply} {
			for _, json := range []bool{false, true} {
				f := form{json: json}
				get := func(path string, request, reply proto.Message) {
					t.Helper()
					q, err := f.encode(request)
					if err != nil {
						t.Fatal(err)
					}
					out, _ := s.Handle(t.Context(), ada(), Prefix+path, msgpack.Bin(q), BasePacket).Bin()
					most := int(room)
					if room == 0 {
						most = BasePacket
					}
					if len(out) > most {
						t.Fatalf("%s: %d bytes, more than %d", path, len(out), most)
					}
					if err := f.decode(out, reply); err != nil {
						t.Fatal(path, err)
					}
				}
				var bans, lines, invites int
				for after, more := []byte(nil), true; more; {
					r := &groupdv1.BansReply{}
					get("/bans", &groupdv1.BansRequest{After: after, MaxBytes: room}, r)
					if len(r.GetBans()) == 0 {
						t.Fatalf("/bans stalls: %v", r)
					}
					bans += len(r.GetBans())
					after, more = r.GetBans()[len(r.GetBans())-1].GetTarget(), r.GetMore()
				}
				for before, more := uint64(0), true; more; {
					r := &groupdv1.AuditReply{}
					get("/audit", &groupdv1.AuditRequest{Before: before, MaxBytes: room}, r)
					if len(r.GetLines()) == 0 {
						t.Fatalf("/audit stalls: %v", r)
					}
					lines += len(r.GetLines())
					before, more = r.GetLines()[len(r.GetLines())-1].GetId(), r.GetMore()
				}
				for after, more := uint64(0), true; more; {
					r := &groupdv1.InvitesReply{}
					get("/invites/list", &groupdv1.InvitesRequest{All: true, AfterId: after, MaxBytes: room}, r)
					if len(r.GetInvites()) == 0 {
						t.Fatalf("/invites/list stalls: %v", r)
					}
					invites += len(r.GetInvites())
					after, more = r.GetInvites()[len(r.GetInvites())-1].GetId(), r.GetMore()
				}
				if got := fmt.Sprint(bans, lines, invites); got != "60 60 60" {
					t.Errorf("room %d, json %v: listed %s", room, json, got)
				}
			}
		}
	}
}

func TestBadRequestsOfStaffNameTheField(t *testing.T) {
	name := func(n string) *groupdv1.Who { return &groupdv1.Who{Who: &groupdv1.Who_Name{Name: n}} }
	for _, c := range []struct {
		path    string
		request proto.Message
		code    groupdv1.Code
		field   string
	}{
		{"/forget", &groupdv1.ForgetRequest{}, groupdv1.Code_INVALID, "confirm"},
		{"/bans", &groupdv1.BansRequest{After: []byte{1, 2, 3}}, groupdv1.Code_INVALID, "after"},
		{"/bans", &groupdv1.BansRequest{MaxBytes: 10}, groupdv1.Code_TOO_LARGE, ""},
		{"/audit", &groupdv1.AuditRequest{Who: name("nobody")}, groupdv1.Code_NOT_FOUND, ""},
		{"/audit", &groupdv1.AuditRequest{Who: &groupdv1.Who{}}, groupdv1.Code_INVALID, "who"},
		{"/audit", &groupdv1.AuditRequest{MaxBytes: 10}, groupdv1.Code_TOO_LARGE, ""},
		{"/invites/create", &groupdv1.InviteRequest{Role: 77}, groupdv1.Code_INVALID, "role"},
		{"/invites/create", &groupdv1.InviteRequest{Who: &groupdv1.Who{}}, groupdv1.Code_INVALID, "who"},
		{"/invites/create", &groupdv1.InviteRequest{Who: name("nobody"), ClientId: []byte{1}}, groupdv1.Code_NOT_FOUND, ""},
		{"/invites/list", &groupdv1.InvitesRequest{MaxBytes: 10}, groupdv1.Code_TOO_LARGE, ""},
		{"/invites/revoke", &groupdv1.RevokeInviteRequest{}, groupdv1.Code_INVALID, "id"},
		{"/members/transfer", &groupdv1.TransferRequest{}, groupdv1.Code_INVALID, "from"},
		{"/members/transfer", &groupdv1.TransferRequest{From: name("grace")}, groupdv1.Code_INVALID, "to"},
		{"/members/transfer", &groupdv1.TransferRequest{From: name("nobody"), To: name("mallory")}, groupdv1.Code_NOT_FOUND, ""},
		{"/members/unban", &groupdv1.UnbanRequest{Undo: true}, groupdv1.Code_INVALID, "who"},
	} {
		st := statusOfReply(t, newServer(t, newFake(3)).Handle(t.Context(), ada(), Prefix+c.path, msgpack.Bin(mustMarshal(c.request)), BasePacket))
		if st.GetCode() != c.code || c.field != "" && st.GetField() != c.field {
			t.Errorf("%s %v: %v", c.path, c.request, st)
		}
	}
}

func TestWhatStaffAsksReachesTheGroup(t *testing.T) {
	who := func(n byte) *groupdv1.Who {
		h := id(n)
		return &groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: h[:]}}
	}
	for _, c := range []struct {
		path    string
		request proto.Message
		method  string
		want    any
	}{
		{"/members/ban", &groupdv1.BanRequest{Who: who(5), Purge: true, Branch: true, DurationS: 60}, "ban",
			group.BanInput{Target: group.AnyHash(id(5)), Duration: time.Minute, Purge: true, Branch: true}},
		{"/members/unban", &groupdv1.UnbanRequest{Who: who(5), Undo: true}, "undo ban", group.AnyHash(id(5))},
		{"/members/unban", &groupdv1.UnbanRequest{Who: who(5)}, "unban", group.AnyHash(id(5))},
		{"/members/transfer", &groupdv1.TransferRequest{From: who(2), To: who(7)}, "transfer", group.TransferInput{From: group.AnyHash(id(2)), To: group.AnyHash(id(7))}},
		{"/invites/create", &groupdv1.InviteRequest{Who: who(7), Role: groupdv1.Role_ROLE_ADMIN, Uses: 1, DurationS: 3600, Send: true}, "invite",
			group.InviteInput{For: group.AnyHash(id(7)), Role: 3, Uses: 1, Duration: time.Hour, Send: true}},
		{"/invites/revoke", &groupdv1.RevokeInviteRequest{Id: 4}, "revoke", int64(4)},
		{"/invites/block", &groupdv1.BlockInvitesRequest{Off: true}, "block invites", true},
		{"/join", &groupdv1.JoinRequest{Name: "ada", Code: "river-maple-stone-lamp-tiger-04172"}, "join", group.JoinInput{Name: "ada", Code: "river-maple-stone-lamp-tiger-04172"}},
	} {
		h := newFake(3)
		newServer(t, h).Handle(t.Context(), ada(), Prefix+c.path, msgpack.Bin(mustMarshal(c.request)), BasePacket)
		last := len(h.asked) - 1
		if last < 0 || h.asked[last] != c.method || h.seen[last] != c.want {
			t.Errorf("%s: asked %v %+v", c.path, h.asked, h.seen)
		}
	}
}

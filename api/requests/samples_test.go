package requests

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/lxmf"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

func newServer(t testing.TB, h Hub) *Server {
	t.Helper()
	s, err := New(Config{Hub: h, Group: "main", Version: "0.2.0", Rand: bytes.NewReader(bytes.Repeat([]byte{0xab}, 1<<16)), Now: start})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ada() group.Caller { return group.Caller{Identity: id(1), PublicKey: adaKeys().PublicKey()} }

// adaKeys are those with which ada signs.
func adaKeys() *rns.Identity {
	keys, err := rns.LoadIdentity(bytes.Repeat([]byte{7}, 64))
	if err != nil {
		panic(err)
	}
	return keys
}

// packed is a message of a person's to the group with this address.
func packed(from *rns.Identity, to group.Address, text string) []byte {
	m, err := lxmf.Pack(from, lxmf.Draft{Destination: rns.DestinationHash(to), Timestamp: float64(start().Unix()), Content: []byte(text)})
	if err != nil {
		panic(err)
	}
	return m.Packed()
}

// sample is one well-formed request for each path, with a reply message to read the answer into.
type sample struct {
	path    string
	request proto.Message
	reply   proto.Message
}

func samples() []sample {
	cid := []byte{0xc1, 0x1e}
	byName := func(n string) *groupdv1.Who { return &groupdv1.Who{Who: &groupdv1.Who_Name{Name: n}} }
	byHash := func(n byte) *groupdv1.Who {
		return &groupdv1.Who{Who: &groupdv1.Who_Hash{Hash: bytes.Repeat([]byte{n}, 16)}}
	}
	return []sample{
		{"/info", &groupdv1.InfoRequest{}, &groupdv1.InfoReply{}},
		{"/disclosure", &groupdv1.DisclosureRequest{}, &groupdv1.DisclosureReply{}},
		{"/directory", &groupdv1.DirectoryRequest{Text: "repair"}, &groupdv1.DirectoryReply{}},
		{"/groups", &groupdv1.GroupsRequest{Limit: 5}, &groupdv1.GroupsReply{}},
		{"/groups/create", &groupdv1.CreateGroupRequest{Preset: "private", Name: "Cottle Family", Topic: "Sunday dinners", MyName: "ada", ClientId: cid}, &groupdv1.GroupReply{}},
		{"/groups/clone", &groupdv1.CloneGroupRequest{Name: "Ridge Two", Without: []*groupdv1.Who{byName("linus")}, ClientId: cid}, &groupdv1.GroupReply{}},
		{"/groups/delete", &groupdv1.DeleteGroupRequest{Group: bytes.Repeat([]byte{31}, 16), ClientId: cid}, &groupdv1.Ack{}},
		{"/claim", &groupdv1.ClaimRequest{Code: "K7QM-2XWD-9RTA", Name: "ada", ClientId: cid}, &groupdv1.JoinReply{}},
		{"/join", &groupdv1.JoinRequest{Name: "ada", Greeting: "Hello, I run the node on the ridge", ClientId: cid}, &groupdv1.JoinReply{}},
		{"/leave", &groupdv1.LeaveRequest{ClientId: cid}, &groupdv1.Ack{}},
		{"/messages", &groupdv1.MessagesRequest{AfterRev: proto.Uint64(3), Limit: 3}, &groupdv1.MessagesReply{}},
		{"/messages/send", &groupdv1.SendRequest{Message: packed(adaKeys(), group.AddressOf(id(9)), "The bridge is open again")[32:], Bare: true, Ref: 3, ClientId: cid}, &groupdv1.SendReply{}},
		{"/messages/edit", &groupdv1.EditRequest{Seq: 4, Text: "The bridge is open, the road is not", ClientId: cid}, &groupdv1.SendReply{}},
		{"/messages/search", &groupdv1.SearchRequest{Text: "hello number", Author: byName("grace"), Limit: 2}, &groupdv1.MessagesReply{}},
		{"/messages/attachment", &groupdv1.AttachmentRequest{Seq: 4}, &groupdv1.AttachmentReply{}},
		{"/messages/proof", &groupdv1.ProofRequest{Seq: 4, MaxBytes: 4096}, &groupdv1.ProofReply{}},
		{"/messages/react", &groupdv1.ReactRequest{Seq: 4, Text: "👍", ClientId: cid}, &groupdv1.ReactReply{}},
		{"/messages/pin", &groupdv1.PinRequest{Seq: 4, ClientId: cid}, &groupdv1.PinReply{}},
		{"/messages/report", &groupdv1.ReportRequest{Seq: 5, Reason: "spam", ClientId: cid}, &groupdv1.Ack{}},
		{"/reports", &groupdv1.ReportsRequest{}, &groupdv1.ReportsReply{}},
		{"/reports/settle", &groupdv1.SettleReportsRequest{Seq: 5, Note: "warned", ClientId: cid}, &groupdv1.Ack{}},
		{"/messages/delete", &groupdv1.DeleteRequest{Seqs: []uint64{4, 5, 999}, ClientId: cid}, &groupdv1.DeleteReply{}},
		{"/members", &groupdv1.MembersRequest{Limit: 2}, &groupdv1.MembersReply{}},
		{"/members/kick", &groupdv1.KickRequest{Who: byName("linus"), Reason: "spam", DurationS: 7200, ClientId: cid}, &groupdv1.Ack{}},
		{"/members/ban", &groupdv1.BanRequest{Who: byHash(5), Reason: "spam", ClientId: cid, Purge: true, Branch: true}, &groupdv1.BanReply{}},
		{"/members/unban", &groupdv1.UnbanRequest{Who: byHash(5), ClientId: cid, Undo: true}, &groupdv1.Ack{}},
		{"/members/transfer", &groupdv1.TransferRequest{From: byName("grace"), To: byHash(7), ClientId: cid}, &groupdv1.Ack{}},
		{"/bans", &groupdv1.BansRequest{}, &groupdv1.BansReply{}},
		{"/audit", &groupdv1.AuditRequest{Limit: 2}, &groupdv1.AuditReply{}},
		{"/invites/create", &groupdv1.InviteRequest{Uses: 3, DurationS: 86400, ClientId: cid}, &groupdv1.InviteReply{}},
		{"/invites/list", &groupdv1.InvitesRequest{All: true}, &groupdv1.InvitesReply{}},
		{"/invites/revoke", &groupdv1.RevokeInviteRequest{Id: 4, ClientId: cid}, &groupdv1.Ack{}},
		{"/invites/block", &groupdv1.BlockInvitesRequest{ClientId: cid}, &groupdv1.Ack{}},
		{"/invites/decline", &groupdv1.DeclineInviteRequest{ClientId: cid}, &groupdv1.Ack{}},
		{"/circle", &groupdv1.CircleRequest{}, &groupdv1.CircleReply{}},
		{"/circle/establish", &groupdv1.EstablishRequest{ClientId: cid}, &groupdv1.Ack{}},
		{"/keys", &groupdv1.KeysRequest{Limit: 2}, &groupdv1.KeysReply{}},
		{"/forget", &groupdv1.ForgetRequest{Confirm: true, ClientId: cid}, &groupdv1.Ack{}},
		{"/members/requests", &groupdv1.WaitingRequest{}, &groupdv1.WaitingReply{}},
		{"/members/approve", &groupdv1.ApproveRequest{Who: byName("mallory"), ClientId: cid}, &groupdv1.Ack{}},
		{"/members/reject", &groupdv1.RejectRequest{Who: byName("mallory"), Reason: "we do not know you", ClientId: cid}, &groupdv1.Ack{}},
		{"/members/permissions/update", &groupdv1.PermissionsRequest{Who: byName("grace"), Role: groupdv1.Role_ROLE_MODERATOR, Remove: 16, ClientId: cid}, &groupdv1.PermissionsReply{}},
		{"/display-name/update", &groupdv1.DisplayNameRequest{PublicName: proto.String("Valley Mesh"), ClientId: cid}, &groupdv1.Ack{}},
		{"/topic/update", &groupdv1.TopicRequest{Topic: "Nodes on the ridge", ClientId: cid}, &groupdv1.Ack{}},
		{"/members/mute", &groupdv1.MuteRequest{Who: byName("linus"), Reason: "noise", DurationS: 600, ClientId: cid}, &groupdv1.Ack{}},
		{"/members/unmute", &groupdv1.UnmuteRequest{Who: byName("linus"), ClientId: cid}, &groupdv1.Ack{}},
		{"/settings", &groupdv1.SettingsRequest{}, &groupdv1.SettingsReply{}},
		{"/settings/update", &groupdv1.SettingsUpdateRequest{Joining: groupdv1.Joining_APPROVE, Policy: &groupdv1.Policy{SlowMode: proto.Uint32(60)}, ClientId: cid}, &groupdv1.Ack{}},
		{"/lockdown", &groupdv1.LockdownRequest{On: true, DurationS: 3600, ClientId: cid}, &groupdv1.Ack{}},
		{"/notifications/update", &groupdv1.NotificationsRequest{
			Mode: groupdv1.DeliveryMode_PUSH.Enum(), Quiet: &groupdv1.QuietHours{From: 22 * 60, Until: 7 * 60, UtcOffset: -90}, Receipts: proto.Bool(true), ClientId: cid,
		}, &groupdv1.NotificationsReply{}},
		{"/subscribe", &groupdv1.SubscribeRequest{AfterRev: proto.Uint64(10), CompleteRev: 10, Accept: allCodecs()}, &groupdv1.SubscribeReply{}},
		{"/profile/update", &groupdv1.ProfileRequest{Name: proto.String("ada"), StatusText: proto.String("on the ridge"), ClientId: cid}, &groupdv1.ProfileReply{}},
		{"/batch", &groupdv1.BatchRequest{Items: []*groupdv1.BatchRequest_Item{
			{Path: "/topic/update", Data: mustMarshal(&groupdv1.TopicRequest{Topic: "Nodes", ClientId: cid})},
			{Path: "/messages", Data: mustMarshal(&groupdv1.MessagesRequest{Newest: 1})},
		}}, &groupdv1.BatchReply{}},
	}
}

func mustMarshal(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// deadLine is a link that takes nothing.
type deadLine struct{}

func (deadLine) deliver(context.Context, []byte) error { return rns.ErrLinkClosed }
func (deadLine) key() rns.LinkID                       { return rns.LinkID{} }
func (deadLine) room() int                             { return 431 }
func (deadLine) way() string                           { return "" }
func (deadLine) Turn(context.Context) (func(), error)  { return func() {}, nil }

// ask sends a protobuf request and reads the reply; it returns the reply's bytes.
func ask(t testing.TB, s *Server, c group.Caller, path string, request, into proto.Message) []byte {
	t.Helper()
	out, _ := s.handle(t.Context(), c, deadLine{}, Prefix+path, msgpack.Bin(mustMarshal(request)), BasePacket)
	b, ok := out.Bin()
	if !ok {
		t.Fatalf("%s: answer is %x", path, []byte(out))
	}
	if err := proto.Unmarshal(b, into); err != nil {
		t.Fatalf("%s: answer %x: %v", path, b, err)
	}
	return b
}

// statusOfReply reads the status of any reply; OK when there is none.
func statusOfReply(t testing.TB, out msgpack.Raw) *groupdv1.Status {
	t.Helper()
	ack := &groupdv1.Ack{}
	if b, ok := out.Bin(); ok && (len(b) == 0 || b[0] != '{') {
		// Only field 1 is read: the others belong to other messages.
		m := &groupdv1.Ack{}
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(onlyStatus(t, b), m); err != nil {
			t.Fatalf("answer %x: %v", b, err)
		}
		return m.GetStatus()
	} else if ok {
		return jsonStatus(t, b)
	}
	if s, ok := out.Str(); ok {
		return jsonStatus(t, []byte(s))
	}
	t.Fatalf("answer is neither bytes nor text: %x", []byte(out))
	return ack.GetStatus()
}

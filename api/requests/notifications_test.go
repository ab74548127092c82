package requests

import (
	"encoding/hex"
	"testing"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
)

func TestAMemberChoosesHowHeIsToldWhatIsNew(t *testing.T) {
	s, hub, _, code := realServer(t)
	ada, mallory := person("ada"), person("mallory")
	ask(t, s, ada, "/claim", &groupdv1.ClaimRequest{Code: code, Name: "ada"}, &groupdv1.JoinReply{})
	const path = "/notifications/update"

	r := &groupdv1.NotificationsReply{}
	ask(t, s, ada, path, &groupdv1.NotificationsRequest{}, r)
	want, err := rns.NewPublicIdentity(ada.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	h := want.Hash()
	to := rns.HashDestination(&h, "meshchat", "notify")
	if r.GetMode() != groupdv1.DeliveryMode_FETCH || r.GetDigestMinutes() != 360 || r.GetQuiet() != nil || hex.EncodeToString(r.GetDestination()) != to.String() {
		t.Errorf("at first: %v", r)
	}
	change := &groupdv1.NotificationsRequest{
		Mode: groupdv1.DeliveryMode_DIGEST.Enum(), DigestMinutes: proto.Uint32(120), Quiet: &groupdv1.QuietHours{From: 1320, Until: 420, UtcOffset: -210},
		Propagation: proto.Bool(true), ClientId: []byte{1},
	}
	for range 2 { // a retry answers the same
		r.Reset()
		ask(t, s, ada, path, change, r)
		if r.GetMode() != groupdv1.DeliveryMode_DIGEST || r.GetDigestMinutes() != 120 || r.GetQuiet().GetUtcOffset() != -210 || !r.GetPropagation() || r.GetSentRev() == 0 {
			t.Errorf("%v", r)
		}
	}
	out := s.Handle(t.Context(), ada, Prefix+path, msgpack.Str(`{"quiet":{},"paused":true}`), BasePacket)
	if text, _ := out.Str(); text == "" {
		t.Errorf("no JSON: %x", out)
	}
	d, err := hub.Notifications(t.Context(), ada, valley)
	if err != nil || !d.Quiet.None() || !d.Paused || d.Mode != group.DeliverDigest {
		t.Errorf("%+v %v", d, err)
	}

	r.Reset()
	ask(t, s, ada, path, &groupdv1.NotificationsRequest{PauseMinutes: proto.Uint32(90)}, r)
	if r.GetPauseMinutes() != 90 || r.GetPaused() {
		t.Errorf("a pause of 90 minutes: %v", r)
	}
	r.Reset()
	ask(t, s, ada, path, &groupdv1.NotificationsRequest{Paused: proto.Bool(false)}, r)
	if r.GetPauseMinutes() != 0 {
		t.Errorf("it has ended: %v", r)
	}

	for name, q := range map[string]*groupdv1.NotificationsRequest{
		"mode":           {Mode: groupdv1.DeliveryMode(99).Enum()},
		"digest_minutes": {DigestMinutes: proto.Uint32(4_000_000_000)},
		"pause_minutes":  {PauseMinutes: proto.Uint32(525_601)},
		"quiet":          {Quiet: &groupdv1.QuietHours{From: 1440}},
	} {
		b, _ := s.Handle(t.Context(), ada, Prefix+path, msgpack.Bin(mustMarshal(q)), BasePacket).Bin()
		if st := statusOfReply(t, msgpack.Bin(b)); st.GetCode() != groupdv1.Code_INVALID || st.GetField() != name {
			t.Errorf("%s: %v", name, st)
		}
	}
	b, _ := s.Handle(t.Context(), mallory, Prefix+path, msgpack.Bin(mustMarshal(change)), BasePacket).Bin()
	if st := statusOfReply(t, msgpack.Bin(b)); st.GetCode() != groupdv1.Code_NOT_MEMBER {
		t.Errorf("a stranger: %v", st)
	}
}

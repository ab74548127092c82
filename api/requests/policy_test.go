package requests

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/msgpack"
)

// fullPolicy has every setting set to something of its own.
func fullPolicy() moderation.Policy {
	var p moderation.Policy
	v := reflect.ValueOf(&p).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Interface().(type) {
		case string:
			f.SetString("who?")
		case bool:
			f.SetBool(true)
		case []string:
			f.Set(reflect.ValueOf([]string{"admin", "root"}))
		case moderation.Quota:
			f.Set(reflect.ValueOf(moderation.Quota{Count: uint32(i + 1), Per: moderation.Seconds(i + 100)}))
		case moderation.History, moderation.Announcing, moderation.Delivery, moderation.Role, moderation.Invitees:
			f.SetUint(2)
		default:
			f.SetUint(uint64(i%20 + 1))
		}
	}
	return p
}

func TestEverySettingIsOnTheWire(t *testing.T) {
	want := fullPolicy()
	if field, problem := want.Check(); problem != "" {
		t.Fatal(field, problem)
	}
	out := policyOut(want)
	m := out.ProtoReflect()
	if fields := m.Descriptor().Fields(); fields.Len() != reflect.TypeFor[moderation.Policy]().NumField() {
		t.Errorf("%d fields on the wire", fields.Len())
	}
	var got moderation.Policy
	policyIn(out, &got)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("came back as\n%+v, not\n%+v", got, want)
	}
	if proto.Size(policyOut(moderation.Policy{})) != 0 {
		t.Error("the defaults take room")
	}
	policyIn(&groupdv1.Policy{}, &got)
	if !reflect.DeepEqual(got, want) {
		t.Error("what is missing was changed")
	}
	policyIn(&groupdv1.Policy{ReadOnly: proto.Bool(false), SlowMode: proto.Uint32(0), Flood: &groupdv1.Quota{}, ReservedNames: &groupdv1.NameList{}}, &got)
	if got.ReadOnly || got.SlowMode != 0 || got.Flood != (moderation.Quota{}) || len(got.ReservedNames) != 0 || !got.FixedNames {
		t.Errorf("set to defaults: %+v", got)
	}
}

// TestSettingsByRequests: settings are changed in part, seen by another member, and refused whole; so are mutes and the lockdown.
func TestSettingsByRequests(t *testing.T) {
	s, hub, _, code := realServer(t)
	ada, grace := person("ada"), person("grace")
	if _, err := hub.Claim(t.Context(), ada, valley, group.ClaimInput{Code: code, Name: "ada"}); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Join(t.Context(), grace, valley, group.JoinInput{Name: "grace"}); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Approve(t.Context(), ada, valley, group.AnyHash(grace.Identity)); err != nil {
		t.Fatal(err)
	}
	do := func(c group.Caller, path string, q proto.Message, want groupdv1.Code) *groupdv1.Status {
		t.Helper()
		b, _ := s.Handle(t.Context(), c, Prefix+path, msgpack.Bin(mustMarshal(q)), BasePacket).Bin()
		st := statusOfReply(t, msgpack.Bin(b))
		if st.GetCode() != want {
			t.Fatalf("%s: %v, want %v", path, st, want)
		}
		return st
	}
	settings := func() *groupdv1.SettingsReply {
		t.Helper()
		r := new(groupdv1.SettingsReply)
		ask(t, s, grace, "/settings", &groupdv1.SettingsRequest{}, r)
		return r
	}
	const ok, invalid, denied = groupdv1.Code_OK, groupdv1.Code_INVALID, groupdv1.Code_DENIED
	change := func(p *groupdv1.Policy) *groupdv1.SettingsUpdateRequest {
		return &groupdv1.SettingsUpdateRequest{Policy: p}
	}

	do(ada, "/settings/update", &groupdv1.SettingsUpdateRequest{Joining: groupdv1.Joining_OPEN, Public: proto.Bool(true),
		Policy: &groupdv1.Policy{SlowMode: proto.Uint32(30), Question: proto.String("who?"), ReadOnly: proto.Bool(true)}}, ok)
	do(ada, "/settings/update", change(&groupdv1.Policy{SlowMode: proto.Uint32(60)}), ok)
	r := settings()
	if r.GetJoining() != groupdv1.Joining_OPEN || !r.GetPublic() || r.GetPolicy().GetSlowMode() != 60 || r.GetPolicy().GetQuestion() != "who?" || r.GetRev() == 0 {
		t.Errorf("settings are %v", r)
	}
	info := new(groupdv1.InfoReply)
	ask(t, s, group.Caller{}, "/info", &groupdv1.InfoRequest{}, info)
	if info.GetQuestion() != "who?" || !info.GetReadOnly() || info.GetSlowModeS() != 60 {
		t.Errorf("strangers are told %v", info)
	}

	for field, bad := range map[string]*groupdv1.Policy{
		"pin_role": {PinRole: groupdv1.Role(5).Enum()}, "attach_role": {AttachRole: groupdv1.Role(-1).Enum()}, "react_role": {ReactRole: groupdv1.Role(256).Enum()},
		"history": {History: groupdv1.History(3).Enum()}, "announce": {Announce: groupdv1.Announcing(-7).Enum()}, "delivery": {Delivery: groupdv1.DefaultDelivery(6).Enum()},
		"join_cost": {JoinCost: proto.Uint32(25)}, "post_cost": {PostCost: proto.Uint32(256)}, "cost_ceiling": {CostCeiling: proto.Uint32(math.MaxUint32)},
		"airtime_share": {AirtimeShare: proto.Uint32(357)}, "slow_mode": {SlowMode: proto.Uint32(math.MaxUint32)},
		"question":       {Question: proto.String("a\x1b[2Jb")},
		"flood":          {Flood: &groupdv1.Quota{Count: 5}},
		"reserved_names": {ReservedNames: &groupdv1.NameList{Names: []string{strings.Repeat("x", 1000)}}},
	} {
		bad.ReadOnly = proto.Bool(false)
		if st := do(ada, "/settings/update", change(bad), invalid); st.GetField() != field {
			t.Errorf("the field is %q, not %q", st.GetField(), field)
		}
	}
	for _, j := range []groupdv1.Joining{-1, 5} {
		if st := do(ada, "/settings/update", &groupdv1.SettingsUpdateRequest{Joining: j}, invalid); st.GetField() != "joining" {
			t.Errorf("the field is %q", st.GetField())
		}
	}
	if !settings().GetPolicy().GetReadOnly() {
		t.Error("what was refused was done in part")
	}
	do(grace, "/settings/update", change(&groupdv1.Policy{}), denied)
	do(person("sue"), "/settings", &groupdv1.SettingsRequest{}, groupdv1.Code_NOT_MEMBER)

	out := s.Handle(t.Context(), ada, Prefix+"/settings/update", msgpack.Str(`{"policy":{"slow_mode":5,"member_posts":{"count":3,"per":60}},"joining":"APPROVE"}`), BasePacket)
	if text, _ := out.Str(); strings.Contains(text, "status") {
		t.Errorf("by JSON: %s", text)
	}
	if r := settings(); r.GetPolicy().GetSlowMode() != 5 || r.GetPolicy().GetMemberPosts().GetCount() != 3 || r.GetJoining() != groupdv1.Joining_APPROVE {
		t.Errorf("by JSON: %v", r)
	}

	do(ada, "/members/mute", &groupdv1.MuteRequest{Who: byName("grace"), DurationS: 3600, Reason: "noise"}, ok)
	members := new(groupdv1.MembersReply)
	ask(t, s, grace, "/members", &groupdv1.MembersRequest{MaxBytes: 4096}, members)
	muted := false
	for _, m := range members.GetMembers() {
		muted = muted || (m.GetName() == "grace" && m.GetMuted() && m.GetMutedUntil() > 0)
	}
	if !muted {
		t.Errorf("members are %v", members)
	}
	do(grace, "/members/unmute", &groupdv1.UnmuteRequest{Who: byName("grace")}, denied)
	do(ada, "/members/mute", &groupdv1.MuteRequest{Who: byName("nobody")}, groupdv1.Code_NOT_FOUND)
	do(ada, "/members/mute", &groupdv1.MuteRequest{}, invalid)
	do(ada, "/members/unmute", &groupdv1.UnmuteRequest{Who: byName("grace")}, ok)
	do(ada, "/members/unmute", &groupdv1.UnmuteRequest{Who: byName("grace")}, groupdv1.Code_CONFLICT)

	do(grace, "/lockdown", &groupdv1.LockdownRequest{On: true}, denied)
	do(ada, "/lockdown", &groupdv1.LockdownRequest{On: true, DurationS: 60}, ok)
	if r := settings(); !r.GetLockdown() || r.GetLockdownUntil() == 0 {
		t.Errorf("locked down: %v", r)
	}
	do(ada, "/lockdown", &groupdv1.LockdownRequest{}, ok)
	if settings().GetLockdown() {
		t.Error("still locked down")
	}
}

package requests

import (
	"context"
	"math"
	"reflect"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// settings answers /settings, for members.
func (s *Server) settings(ctx context.Context, c *call, _ *groupdv1.SettingsRequest) (*groupdv1.SettingsReply, []byte, error) {
	in, err := s.hub.Settings(ctx, c.caller, s.group)
	if err != nil {
		return nil, nil, err
	}
	return &groupdv1.SettingsReply{
		Joining: groupdv1.Joining(in.Joining), Public: in.Public, Policy: policyOut(in.Policy),
		Lockdown: in.Lockdown.On, LockdownUntil: unix(in.Lockdown.Until),
		JoinCostNow: uint32(in.JoinCost), PostCostNow: uint32(in.PostCost), Rev: uint64(in.Rev), Preset: in.Preset,
	}, nil, nil
}

// updateSettings answers /settings/update; needs SETTINGS.
func (s *Server) updateSettings(ctx context.Context, c *call, q *groupdv1.SettingsUpdateRequest) (*groupdv1.Ack, []byte, error) {
	in := group.SettingsInput{Public: q.Public}
	if j := q.GetJoining(); j < groupdv1.Joining_JOINING_UNKNOWN || j > groupdv1.Joining_INVITE {
		return nil, nil, invalid("joining", "there is no such policy")
	} else if j != groupdv1.Joining_JOINING_UNKNOWN {
		joining := moderation.Joining(j)
		in.Joining = &joining
	}
	if p := q.GetPolicy(); p != nil {
		if field := policyTooLarge(p); field != "" {
			return nil, nil, invalid(field, "there is no such value")
		}
		in.Change = func(to *moderation.Policy) { policyIn(p, to) }
	}
	return ack(s.hub.UpdateSettings(ctx, c.as(q.GetClientId()), s.group, in))
}

// lockdown answers /lockdown; needs BAN or SETTINGS.
func (s *Server) lockdown(ctx context.Context, c *call, q *groupdv1.LockdownRequest) (*groupdv1.Ack, []byte, error) {
	return ack(s.hub.Lockdown(ctx, c.as(q.GetClientId()), s.group, group.LockdownInput{
		On: q.GetOn(), Duration: time.Duration(q.GetDurationS()) * time.Second,
	}))
}

// mute answers /members/mute; needs MUTE.
func (s *Server) mute(ctx context.Context, c *call, q *groupdv1.MuteRequest) (*groupdv1.Ack, []byte, error) {
	var done group.Change
	err := s.changeOf(ctx, c, q.GetClientId(), q.GetWho(), group.AmongMembers, func(caller group.Caller, target group.AnyHash) (err error) {
		done, err = s.hub.Mute(ctx, caller, s.group, group.MuteInput{
			Target: target, Reason: q.GetReason(), Duration: time.Duration(q.GetDurationS()) * time.Second,
		})
		return err
	})
	return ack(done, err)
}

// unmute answers /members/unmute; needs MUTE.
func (s *Server) unmute(ctx context.Context, c *call, q *groupdv1.UnmuteRequest) (*groupdv1.Ack, []byte, error) {
	var done group.Change
	err := s.changeOf(ctx, c, q.GetClientId(), q.GetWho(), group.AmongMembers, func(caller group.Caller, target group.AnyHash) (err error) {
		done, err = s.hub.Unmute(ctx, caller, s.group, target)
		return err
	})
	return ack(done, err)
}

// The wire's Policy has a field for each of the domain's, of the same name as it is stored under: a test holds the two together.

// policyFields calls f with each setting and its field of the wire.
func policyFields(p reflect.Value, f func(setting reflect.Value, field protoreflect.FieldDescriptor)) {
	fields := (*groupdv1.Policy)(nil).ProtoReflect().Descriptor().Fields()
	for i := range p.NumField() {
		name, _, _ := strings.Cut(p.Type().Field(i).Tag.Get("json"), ",")
		f(p.Field(i), fields.ByName(protoreflect.Name(name)))
	}
}

// policyOut is a policy as the wire says it: what is default is missing.
func policyOut(p moderation.Policy) *groupdv1.Policy {
	out := new(groupdv1.Policy)
	m := out.ProtoReflect()
	policyFields(reflect.ValueOf(p), func(setting reflect.Value, field protoreflect.FieldDescriptor) {
		if setting.IsZero() {
			return
		}
		switch v := setting.Interface().(type) {
		case moderation.Quota:
			m.Set(field, protoreflect.ValueOfMessage((&groupdv1.Quota{Count: v.Count, Per: uint32(v.Per)}).ProtoReflect()))
		case []string:
			m.Set(field, protoreflect.ValueOfMessage((&groupdv1.NameList{Names: v}).ProtoReflect()))
		default:
			m.Set(field, scalarOut(setting, field.Kind()))
		}
	})
	return out
}

// scalarOut is a setting that is one value.
func scalarOut(v reflect.Value, kind protoreflect.Kind) protoreflect.Value {
	switch kind {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(v.String())
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(v.Bool())
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(v.Uint()))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(v.Uint())
	}
	return protoreflect.ValueOfUint32(uint32(v.Uint()))
}

// policyIn changes what q says, and leaves the rest.
func policyIn(q *groupdv1.Policy, to *moderation.Policy) {
	m := q.ProtoReflect()
	policyFields(reflect.ValueOf(to).Elem(), func(setting reflect.Value, field protoreflect.FieldDescriptor) {
		if !m.Has(field) {
			return
		}
		v := m.Get(field)
		switch field.Kind() {
		case protoreflect.StringKind:
			setting.SetString(v.String())
		case protoreflect.BoolKind:
			setting.SetBool(v.Bool())
		case protoreflect.MessageKind:
			switch in := v.Message().Interface().(type) {
			case *groupdv1.Quota:
				setting.Set(reflect.ValueOf(moderation.Quota{Count: in.GetCount(), Per: moderation.Seconds(in.GetPer())}))
			case *groupdv1.NameList:
				setting.Set(reflect.ValueOf(in.GetNames()))
			}
		default:
			setting.SetUint(numberIn(v, field.Kind()))
		}
	})
}

// numberIn is a number of the wire, larger than any if it is negative.
func numberIn(v protoreflect.Value, kind protoreflect.Kind) uint64 {
	if kind != protoreflect.EnumKind {
		return v.Uint()
	}
	if n := v.Enum(); n >= 0 {
		return uint64(n)
	}
	return math.MaxUint64
}

// policyTooLarge names a field whose number the domain's type does not hold; "" when there is none.
func policyTooLarge(q *groupdv1.Policy) (name string) {
	m := q.ProtoReflect()
	policyFields(reflect.ValueOf(moderation.Policy{}), func(setting reflect.Value, field protoreflect.FieldDescriptor) {
		if setting.CanUint() && m.Has(field) && setting.OverflowUint(numberIn(m.Get(field), field.Kind())) {
			name = string(field.Name())
		}
	})
	return name
}

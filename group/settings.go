package group

import (
	"context"
	"errors"
	"slices"

	"groupd/moderation"
)

// UpdateDisplayName changes the group's names; an empty private name means the public one. Needs PermName.
func (h *Hub) UpdateDisplayName(ctx context.Context, c Caller, g GroupID, in NamesInput) (Change, error) {
	const op = "display name"
	var r Change
	var public, private string
	if in.Public != nil {
		if public = cleanName(*in.Public); public == "" {
			return r, &Error{Kind: KindInvalid, Op: op, Field: "public_name", Msg: "must not be empty"}
		}
	}
	if in.Private != nil {
		private = cleanName(*in.Private)
	}
	if in.Public == nil && in.Private == nil {
		return r, &Error{Kind: KindInvalid, Op: op, Field: "public_name", Msg: "nothing to change"}
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionName); err != nil {
			return err
		}
		if err := w.holdsNoCode(given(in.Public), given(in.Private)); err != nil {
			return err
		}
		before := w.group
		if in.Public != nil {
			w.group.PublicName = public
		}
		if in.Private != nil {
			w.group.PrivateName = private
		}
		if w.group.PublicName == before.PublicName && w.group.PrivateName == before.PrivateName {
			r.Rev = w.head.Rev
			return nil
		}
		if err := w.putGroup(); err != nil {
			return err
		}
		e, err := w.event(EntryGroupName, AnyHash{}, w.group.Name())
		r = w.changed(e)
		return errors.Join(err, w.heard(), w.audit(AnyHash{}, detail(w.group.PublicName, w.group.PrivateName)))
	})
	return r, err
}

// UpdateTopic changes the topic; "" removes it. Needs PermName, or the rank that the policy says.
func (h *Hub) UpdateTopic(ctx context.Context, c Caller, g GroupID, topic string) (Change, error) {
	const op = "topic"
	var r Change
	topic, err := cleanText(op, "topic", topic, MaxTopicBytes)
	if err != nil {
		return r, err
	}
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionTopic); err != nil {
			return err
		}
		if err := w.holdsNoCode(topic); err != nil {
			return err
		}
		if w.group.Topic == topic {
			r.Rev = w.head.Rev
			return nil
		}
		if err := w.spend(moderation.ActionTopic, 0); err != nil {
			return err
		}
		w.group.Topic = topic
		if err := w.putGroup(); err != nil {
			return err
		}
		e, err := w.event(EntryTopic, AnyHash{}, topic)
		r = w.changed(e)
		return errors.Join(err, w.heard(), w.audit(AnyHash{}, topic))
	})
	return r, err
}

// Settings says how the group behaves, to members.
func (h *Hub) Settings(ctx context.Context, c Caller, g GroupID) (Settings, error) {
	var out Settings
	err := h.read(ctx, "settings", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionPolicy); err != nil {
			return err
		}
		out = Settings{Joining: s.group.Joining, Public: s.group.Public, Policy: s.group.Policy, Rev: s.group.Rev, Preset: s.group.Preset}
		if s.group.Lockdown.InForce(s.expiry) {
			out.Lockdown = s.group.Lockdown
		}
		out.JoinCost, out.PostCost = s.costs()
		return nil
	})
	return out, err
}

// UpdateSettings changes how the group behaves; what in leaves out stays. Needs PermSettings.
func (h *Hub) UpdateSettings(ctx context.Context, c Caller, g GroupID, in SettingsInput) (Change, error) {
	const op = "settings"
	var r Change
	if in.Joining != nil && (*in.Joining < moderation.JoiningOpen || *in.Joining > moderation.JoiningInvite) {
		return r, &Error{Kind: KindInvalid, Op: op, Field: "joining", Msg: "no such policy"}
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionSettings); err != nil {
			return err
		}
		r.Rev = w.head.Rev
		open := w.group.Joining == moderation.JoiningOpen
		changes, err := w.set(in)
		if err != nil || changes == "" {
			return err
		}
		if err := w.putGroup(); err != nil {
			return err
		}
		if open && w.group.Joining != moderation.JoiningOpen {
			if err := w.rekeyOnceClosed(); err != nil {
				return err
			}
		}
		r.Rev = w.head.Rev
		w.tell(Event{Kind: EventChanged})
		return errors.Join(w.heard(), w.audit(AnyHash{}, changes))
	})
	return r, err
}

// set changes the group's row as in says, and tells what is different, "" for nothing.
func (w *work) set(in SettingsInput) (changes string, err error) {
	before := w.group
	if in.Joining != nil {
		w.group.Joining = *in.Joining
	}
	if in.Public != nil {
		w.group.Public = *in.Public
	}
	if in.Change != nil {
		w.group.Policy.ReservedNames = slices.Clone(w.group.Policy.ReservedNames)
		in.Change(&w.group.Policy)
		if err := w.holdsNoCode(append(w.group.Policy.ReservedNames, w.group.Policy.Question)...); err != nil {
			return "", err
		}
	}
	if w.group.Policy.NoStaff != before.Policy.NoStaff {
		return "", w.refuse(KindInvalid, "no_staff", "is said when a group is created, and stays")
	}
	if field, problem := checkPolicy(w.group); problem != "" {
		return "", w.refuse(KindInvalid, field, problem)
	}
	if err := w.moveEnd(before.Policy); err != nil {
		return "", err
	}
	if w.group.Joining != before.Joining {
		changes = "joining " + w.group.Joining.String()
	}
	if w.group.Public != before.Public {
		visible := "private"
		if w.group.Public {
			visible = "public"
		}
		changes = detail(visible, changes)
	}
	return detail(changes, before.Policy.Changes(w.group.Policy)), nil
}

// UpdateProfile changes the caller's own name and status text. A name that is taken, or reserved for one who left, is
// KindConflict.
func (h *Hub) UpdateProfile(ctx context.Context, c Caller, g GroupID, in ProfileInput) (Member, error) {
	const op = "profile"
	var name, status string
	var err error
	if in.Name != nil {
		if name = cleanName(*in.Name); name == "" || Skeleton(name) == "" {
			return Member{}, &Error{Kind: KindInvalid, Op: op, Field: "name", Msg: "nothing is left of this name that could be shown"}
		}
	}
	if in.Status != nil {
		if status, err = cleanText(op, "status", *in.Status, MaxStatusBytes); err != nil {
			return Member{}, err
		}
	}
	var m Member
	err = h.change(ctx, op, c, g, &m, func(w *work) error {
		if err := w.may(moderation.ActionProfile); err != nil {
			return err
		}
		if w.standing.Member == nil || !w.standing.Member.Present {
			return w.refuse(KindNotMember, "", "you are not a member of this group")
		}
		if err := w.holdsNoCode(given(in.Name), given(in.Status)); err != nil {
			return err
		}
		m = *w.standing.Member
		renamed := in.Name != nil && name != m.DisplayName
		if !renamed && (in.Status == nil || status == m.Status) {
			return nil
		}
		if renamed {
			taken, err := w.nameTaken(name, m.Identity)
			if err != nil {
				return err
			}
			if taken {
				return w.refuse(KindConflict, "name", "somebody has this name, or one that looks like it")
			}
			m.DisplayName, m.Skeleton = name, Skeleton(name)
		}
		if in.Status != nil {
			m.Status = status
		}
		if err := w.spend(moderation.ActionProfile, 0, func(f *moderation.Facts) { f.Rename = renamed }); err != nil {
			return err
		}
		if err := w.put(&m); err != nil {
			return err
		}
		w.tell(Event{Kind: EventChanged})
		if renamed {
			if _, err := w.event(EntryName, AnyHash{}, name); err != nil {
				return err
			}
		}
		return w.heard()
	})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

// given is an optional input, "" when it is left out.
func given(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

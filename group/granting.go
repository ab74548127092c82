package group

import (
	"context"
	"errors"

	"groupd/moderation"
)

// setRole changes a member's role and gives him the role's permissions, with the entry that tells it. The same role again
// changes nothing.
func (w *work) setRole(m Member, role moderation.Role) (Member, Change, error) {
	if m.Role == role {
		return m, Change{Rev: w.head.Rev}, nil
	}
	m.Role, m.Permissions = role, role.Permissions()
	if err := w.put(&m); err != nil {
		return m, Change{}, err
	}
	e, err := w.event(EntryRole, AnyHash(m.Identity), role.String())
	w.tell(Event{Kind: EventRole, Who: m.Identity, Name: m.DisplayName, Role: role})
	return m, w.changed(e), err
}

// UpdatePermissions changes a member's role or single bits. Needs PermGrant; nobody grants what he lacks or acts on an
// equal or higher rank; anybody may step down; the last owner stays.
func (h *Hub) UpdatePermissions(ctx context.Context, c Caller, g GroupID, in PermissionsInput) (Member, error) {
	const op = "permissions"
	invalid := func(field, msg string) (Member, error) {
		return Member{}, &Error{Kind: KindInvalid, Op: op, Field: field, Msg: msg}
	}
	switch {
	case in.Role > moderation.RoleOwner:
		return invalid("role", "no such role")
	case in.Add&^moderation.PermAll != 0:
		return invalid("add", "no such permission")
	case in.Remove&^moderation.PermAll != 0:
		return invalid("remove", "no such permission")
	case in.Add&in.Remove != 0:
		return invalid("remove", "the same permission is added and removed")
	case in.Role == moderation.RoleNone && in.Add == 0 && in.Remove == 0:
		return invalid("role", "nothing to change")
	}
	var m Member
	err := h.change(ctx, op, c, g, &m, func(w *work) error {
		var err error
		if m, _, err = w.known(in.Target); err != nil {
			return err
		}
		self := !w.caller.Identity.IsZero() && m.Identity == w.caller.Identity
		if err := w.may(moderation.ActionGrant, about(m, self), func(f *moderation.Facts) {
			f.NewRole, f.Add, f.Remove = in.Role, in.Add, in.Remove
		}); err != nil {
			return err
		}
		if !m.Present {
			return w.refuse(KindNotFound, "target", "no such member")
		}
		before := m
		if in.Role != moderation.RoleNone {
			if m, _, err = w.setRole(m, in.Role); err != nil {
				return err
			}
		}
		if bits := m.Permissions&^in.Remove | in.Add; bits != m.Permissions {
			m.Permissions = bits
			if err := w.put(&m); err != nil {
				return err
			}
			w.tell(Event{Kind: EventChanged})
		}
		if m.Role == before.Role && m.Permissions == before.Permissions {
			return nil
		}
		return errors.Join(w.heard(), w.audit(AnyHash(m.Identity),
			detail(m.DisplayName, before.Role.String()+" to "+m.Role.String(), before.Permissions.String()+" to "+m.Permissions.String())))
	})
	if err != nil {
		return Member{}, err
	}
	return m, nil
}

package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/moderation"
)

const (
	dueMembers = 100            // silent members of one group who leave at once; the next ones 10 minutes later
	dueAfter   = 24 * time.Hour // how long the server has run, and known the time, before members count as silent
)

// due does what is due by the expiry time: members who were silent for long leave, lockdowns that ended are told, members learn of their
// group's end, and groups that have been over for long enough are deleted. It does nothing while the clock is unsure, and nobody leaves
// before the server has listened for a day: it may have been off itself. A group where something fails keeps no other waiting.
func (h *Hub) due(ctx context.Context, listening time.Duration) error {
	if h.ClockUnsure() {
		return nil
	}
	var groups []Group
	if err := h.store.View(ctx, func(tx ReadTx) (err error) { groups, err = tx.Groups(); return err }); err != nil {
		return err
	}
	var failed error
	for _, g := range groups {
		silent := g.Policy.SilentAfter > 0 && listening >= dueAfter
		var err error
		switch {
		case g.ended(h.Now()):
			err = h.expire(ctx, g.ID)
		case silent || g.Lockdown.On || g.Policy.ExpiresAt != 0:
			err = h.dueIn(ctx, g.ID, silent)
		}
		if err != nil && KindOf(err) != KindNotFound { // deleted meanwhile
			failed = errors.Join(failed, fmt.Errorf("group %s: %w", g.ID, err))
		}
	}
	return failed
}

func (h *Hub) dueIn(ctx context.Context, g GroupID, silent bool) error {
	var done struct{}
	return h.change(ctx, "due", Caller{Local: true}, g, &done, func(w *work) error {
		if w.group.Lockdown.On && !w.group.Lockdown.InForce(w.expiry) {
			if _, err := w.lock(Lockdown{}, IdentityHash{}, lockdownOff); err != nil {
				return err
			}
		}
		if err := w.tellEnd(); err != nil || !silent {
			return err
		}
		span := w.group.Policy.SilentAfter.Duration()
		gone, err := w.tx.SilentMembers(g, moderation.RoleMember, w.expiry.Add(-span), dueMembers)
		if err != nil {
			return err
		}
		for _, m := range gone {
			if err := w.depart(m); err != nil {
				return err
			}
			reason := "not heard for " + moderation.Passed(span)
			if _, err := w.add(Entry{Kind: EntryLeave, Author: m.Identity, Text: []byte(reason)}, nil); err != nil {
				return err
			}
			if err := w.auditAs("expire", IdentityHash{}, AnyHash(m.Identity), detail(m.DisplayName, reason)); err != nil {
				return err
			}
		}
		return nil
	})
}

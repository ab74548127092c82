package group

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"groupd/moderation"
)

const metaGeneration = "generation" // 8 bytes

// CreateGroup adds a group, and gives the database its generation if it has none. The operator names its id, and who becomes its owner;
// others may where the server's Creating lets them: the id is made, and the caller, whose public key is needed, is its owner and first
// member at once. He invites those whom Invite names, who are told bit by bit. Where no keys are given, Config.NewIdentity makes them. The private key is told to Local callers only.
func (h *Hub) CreateGroup(ctx context.Context, c Caller, n NewGroup) (Group, error) {
	const op = "create group"
	var made founded
	err := h.found(ctx, op, c, &made, func(tx ReadTx) (NewGroup, error) {
		return n, h.mayFound(tx, op, c)
	}, func(w *work) error { return w.form(n.Invite) })
	if err != nil {
		return Group{}, err
	}
	h.wakeTeller()
	return h.madeGroup(ctx, op, c, made)
}

// PrivateKey is a group's own key, for the face that serves it. Local callers only.
func (h *Hub) PrivateKey(ctx context.Context, c Caller, g GroupID) ([]byte, error) {
	const op = "private key"
	if err := operator(op, c); err != nil {
		return nil, err
	}
	var key []byte
	err := h.read(ctx, op, c, g, func(s *scene) error { key = s.group.PrivateKey; return nil })
	return key, err
}

// Info is for anyone; what it holds depends on the caller. The banned learn that they are, and not what is inside.
func (h *Hub) Info(ctx context.Context, c Caller, g GroupID) (Info, error) {
	var info Info
	err := h.read(ctx, "info", c, g, func(s *scene) (err error) { info, err = s.info(); return err })
	return info, err
}

func (s *scene) info() (Info, error) {
	g := s.group
	owners, err := s.tx.CountRole(g.ID, moderation.RoleOwner)
	info := Info{
		Group: g.ID, Identity: g.Identity, Address: g.Address, PublicKey: g.PublicKey, Public: g.Public, PublicName: g.PublicName, Joining: g.Joining,
		Owned: owners > 0 || g.Policy.NoStaff, Rev: g.Rev, Disclosure: disclosureVersion, Limits: s.hub.limits, You: s.standing,
		Policy: g.Policy, Lockdown: g.Lockdown.InForce(s.expiry),
		Attachments: s.hub.attachmentLimits(g.Policy),
	}
	info.JoinCost, info.PostCost = s.costs()
	info.Forming = s.forming()
	if s.caller.Local {
		info.Expected = g.Owner
	}
	st := s.standing.Standing
	member := st == moderation.StandingMember || st == moderation.StandingMuted
	if st == moderation.StandingInvited && err == nil {
		var i Invite
		i, _, err = s.inviteFor(s.caller.Identity)
		info.AnswerUntil = i.Expires
	}
	if err != nil || !(member || s.caller.Local || (g.Public && st != moderation.StandingBanned)) {
		return info, err
	}
	info.Inside, info.PrivateName, info.Topic, info.Head = true, g.PrivateName, g.Topic, s.head
	info.Preset, info.Over = g.Preset, s.over()
	oldest, err := s.visible()
	if err != nil {
		return info, err
	}
	info.Head.Oldest = max(info.Head.Oldest, min(oldest, info.Head.Seq))
	if info.Members, err = s.tx.CountMembers(g.ID); err != nil {
		return info, err
	}
	if member {
		e, err := s.epoch()
		if err != nil {
			return info, err
		}
		info.Epoch = e.Number
	}
	info.Generation, err = generation(s.tx)
	return info, err
}

// Standing says what the caller is here; it refuses nobody.
func (h *Hub) Standing(ctx context.Context, c Caller, g GroupID) (Standing, error) {
	var st Standing
	err := h.read(ctx, "standing", c, g, func(s *scene) error { st = s.standing; return nil })
	return st, err
}

// generation reads the database's generation; 0 before the first group.
func generation(tx ReadTx) (Generation, error) {
	raw, err := tx.Meta(metaGeneration)
	if err != nil || len(raw) != 8 {
		return 0, err
	}
	return Generation(binary.BigEndian.Uint64(raw)), nil
}

// renew sets a new generation, never 0.
func (h *Hub) renew(tx Tx) (Generation, error) {
	raw := make([]byte, 8)
	for bytes.Equal(raw, make([]byte, 8)) {
		if err := h.random(raw); err != nil {
			return 0, err
		}
	}
	return Generation(binary.BigEndian.Uint64(raw)), tx.SetMeta(metaGeneration, raw)
}

// RenewGeneration gives the database a new generation; a restore calls it before anything else. Members' clients then
// look for the point where the histories part.
func (h *Hub) RenewGeneration(ctx context.Context) (Generation, error) {
	var g Generation
	err := h.store.Update(ctx, func(tx Tx) (err error) { g, err = h.renew(tx); return err })
	if err != nil {
		return 0, h.failed("renew generation", err)
	}
	return g, nil
}

// Heard notes a sign of life of an identity (an announce, a link) in all groups: last heard time, public key and ratchet of
// its memberships. It looks every 15 seconds at most, and writes once a minute at most, unless a key is new; it writes nothing for strangers. A group that waits for him to be
// established is.
func (h *Hub) Heard(ctx context.Context, c Caller) error {
	const op = "heard"
	c, err := prepare(op, c)
	if err != nil || c.Identity.IsZero() {
		return err
	}
	passed := h.passed()
	if h.lately.known(c, passed) {
		return nil
	}
	now := h.clock.wall()
	each := func(tx ReadTx, f func(Member) error) error {
		rows, err := tx.Memberships(AnyHash(c.Identity), maxPlaces)
		for _, m := range rows {
			if m.Identity != c.Identity || !m.Present || !worthTouching(m, c, now) {
				continue
			}
			if err := f(m); err != nil {
				return err
			}
		}
		return err
	}
	var waiting []GroupID // to be established
	worth := false
	err = h.store.View(ctx, func(tx ReadTx) error {
		if err := h.overdueOf(tx, op, c, &waiting); err != nil {
			return err
		}
		return each(tx, func(Member) error { worth = true; return nil })
	})
	if err == nil && worth {
		err = h.store.Update(ctx, func(tx Tx) error {
			return each(tx, func(m Member) error { return touch(tx, m, c, now, m.LastCommand) })
		})
	}
	for i := 0; err == nil && i < len(waiting); i++ {
		err = h.establishOverdue(ctx, c, waiting[i])
	}
	expected := false
	if err == nil {
		expected, err = h.arriveAll(ctx, c)
	}
	if err != nil {
		return h.failed(op, err)
	}
	if !expected {
		h.lately.note(c, passed)
	}
	return nil
}

// worthTouching reports whether there is something to note: a new key or ratchet, or a minute has passed.
func worthTouching(m Member, c Caller, now time.Time) bool {
	newKey := len(c.PublicKey) > 0 && !bytes.Equal(c.PublicKey, m.PublicKey)
	newRatchet := len(c.Ratchet) > 0 && !bytes.Equal(c.Ratchet, m.Ratchet)
	d := now.Sub(m.LastHeard)
	return newKey || newRatchet || d >= heardEvery || d < 0
}

// touch notes a sign of life of a member if it is worth a write.
func touch(tx Tx, m Member, c Caller, now, command time.Time) error {
	if !worthTouching(m, c, now) {
		return nil
	}
	return tx.TouchMember(m.Group, m.Identity, now, command, c.PublicKey, c.Ratchet)
}

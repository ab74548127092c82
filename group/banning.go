package group

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"groupd/moderation"
)

// Kick removes a member and keeps him out for an hour, or as long as said. Needs PermKick and a higher rank.
func (h *Hub) Kick(ctx context.Context, c Caller, g GroupID, in KickInput) (Change, error) {
	if in.Duration == 0 {
		in.Duration = DefaultKick
	}
	r, err := h.remove(ctx, "kick", c, g, BanInput{Target: in.Target, Reason: in.Reason, Duration: in.Duration}, true)
	return r.Change, err
}

// Ban removes somebody and keeps him out, for good or as long as said. He need not be a member, nor known: what was typed
// is kept and compared with whoever appears. Needs PermBan and a higher rank.
//
// With Purge everybody sees all that he wrote as deleted, which is done bit by bit after the ban and needs Run; for UndoPurge it can be
// brought back (UndoBan), then it is erased. With Branch those whom he invited are banned too, and those whom they invited, and so on,
// as far as the caller outranks them: maxBranch at once.
func (h *Hub) Ban(ctx context.Context, c Caller, g GroupID, in BanInput) (BanResult, error) {
	return h.remove(ctx, "ban", c, g, in, false)
}

// remove is kick and ban.
func (h *Hub) remove(ctx context.Context, op string, c Caller, g GroupID, in BanInput, kick bool) (BanResult, error) {
	var r BanResult
	reason, err := cleanText(op, "reason", in.Reason, MaxReasonBytes)
	if err != nil {
		return r, err
	}
	switch {
	case in.Target.IsZero():
		return r, &Error{Kind: KindInvalid, Op: op, Field: "target", Msg: "name an address or identity"}
	case in.Duration < 0:
		return r, &Error{Kind: KindInvalid, Op: op, Field: "duration", Msg: "must not be negative"}
	}
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		if in.Target.Names(w.group.Identity) {
			return w.refuse(KindInvalid, "target", "that is the group itself")
		}
		action, kind := moderation.ActionBan, EntryBan
		if kick {
			action, kind = moderation.ActionKick, EntryKick
		}
		m, q, err := w.known(in.Target)
		if err != nil {
			return err
		}
		self := !w.caller.Identity.IsZero() && in.Target.Names(w.caller.Identity)
		if err := w.may(action, about(m, self), w.awaited(in.Target)); err != nil {
			return err
		}
		if kick && !m.Present {
			return w.refuse(KindNotFound, "target", "no such member")
		}
		if err := w.holdsNoCode(reason); err != nil {
			return err
		}
		b := Ban{Group: g, Target: in.Target, By: w.caller.Identity, Reason: reason, Kick: kick, Created: w.expiry}
		if in.Duration > 0 {
			b.Expires = w.expiry.Add(in.Duration)
		}
		switch {
		case !m.Identity.IsZero():
			b.Target, b.Identity, b.Address, b.DisplayName = AnyHash(m.Identity), m.Identity, m.Address, m.DisplayName
		case !q.Identity.IsZero():
			b.Target, b.Identity, b.Address, b.DisplayName = AnyHash(q.Identity), q.Identity, q.Address, q.DisplayName
		}
		old, err := w.bansOf(b.Target)
		if err != nil {
			return err
		}
		if !m.Present && q.Identity.IsZero() && slices.ContainsFunc(old, func(o Ban) bool {
			return o.Expires.IsZero() && b.Expires.IsZero() && o.Kick == b.Kick && o.Reason == b.Reason && o.By == b.By
		}) {
			r.Rev = w.head.Rev // a repetition without a client id
		} else if r.Change, err = w.shutOut(kind, old, b, m.Present, in); err != nil {
			return err
		}
		if in.Purge && !b.Identity.IsZero() {
			if err := w.beginErasure(ErasureHide, b.Identity); err != nil {
				return err
			}
			r.Purging = true
		}
		if in.Branch {
			if err := w.banBranch(b, in, &r); err != nil {
				return err
			}
		}
		if err := w.rekeyAfterRemoval(); err != nil {
			return err
		}
		r.Rev = w.head.Rev
		return w.heard()
	})
	return r, err
}

// shutOut puts a ban in the place of old ones, and ends the membership or the request of whom it names.
func (w *work) shutOut(kind EntryKind, old []Ban, b Ban, present bool, in BanInput) (Change, error) {
	if err := w.replaceBan(old, b); err != nil {
		return Change{}, err
	}
	m, err := w.tx.Member(w.group.ID, b.Identity)
	switch {
	case errors.Is(err, ErrNoRow):
	case err != nil:
		return Change{}, err
	default:
		if err := w.holdsKey(m); err != nil {
			return Change{}, err
		}
	}
	if present {
		if err := w.depart(m); err != nil {
			return Change{}, err
		}
	}
	told := present
	if !b.Identity.IsZero() {
		if _, err := w.tx.Request(w.group.ID, b.Identity); err == nil {
			told = true
		} else if !errors.Is(err, ErrNoRow) {
			return Change{}, err
		}
		_, err := w.w.DeleteInvitesBy(w.group.ID, b.Identity)
		if err := errors.Join(err, w.dropRequest(b.Identity)); err != nil {
			return Change{}, err
		}
	}
	e, err := w.event(kind, b.Target, b.Reason)
	if err != nil {
		return Change{}, err
	}
	if told { // who was not here any more is not written to
		w.tell(Event{Kind: EventRemoved, Who: b.Identity, Name: b.DisplayName, Text: b.Reason, Until: b.Expires})
	}
	if _, err := w.tally(moderation.MeterBans); err != nil {
		return Change{}, err
	}
	purge := ""
	if in.Purge {
		purge = "with all posts"
	}
	return w.changed(e), w.audit(b.Target, detail(b.DisplayName, lasting(in.Duration), purge, b.Reason))
}

// banBranch bans those whom somebody brought here, like him.
func (w *work) banBranch(root Ban, in BanInput, r *BanResult) error {
	if root.Identity.IsZero() {
		return nil
	}
	ids, err := w.lives(root.Identity)
	if err != nil {
		return err
	}
	known := make(map[IdentityHash]bool)
	for _, id := range ids {
		known[id] = true
	}
	for i := 0; i < len(ids); i++ {
		rows, err := w.tx.MembersInvitedBy(w.group.ID, ids[i], maxBranchSee)
		if err != nil {
			return err
		}
		for _, m := range rows {
			if known[m.Identity] {
				continue
			}
			if r.More = len(r.Branch) == maxBranch && m.Present || len(ids) == maxBranchSee; r.More {
				return nil
			}
			known[m.Identity] = true
			ids = append(ids, m.Identity)
			if !m.Present {
				continue
			}
			if err := w.may(moderation.ActionBan, about(m, m.Identity == w.caller.Identity)); Refused(err) {
				continue // of his rank, or himself
			} else if err != nil {
				return err
			}
			b := root
			b.Target, b.Identity, b.Address, b.DisplayName = AnyHash(m.Identity), m.Identity, m.Address, m.DisplayName
			if _, err := w.shutOut(EntryBan, nil, b, true, in); err != nil {
				return err
			}
			if in.Purge {
				if err := w.beginErasure(ErasureHide, m.Identity); err != nil {
					return err
				}
			}
			r.Branch = append(r.Branch, Member{Group: m.Group, Identity: m.Identity, Address: m.Address, DisplayName: m.DisplayName})
		}
	}
	return nil
}

// known finds what is known of a target: a member's row, present or not, and a request. Zero rows when nothing is.
func (s *scene) known(h AnyHash) (m Member, q Request, err error) {
	m, err = s.tx.MemberByHash(s.group.ID, h)
	if err != nil && !errors.Is(err, ErrNoRow) {
		return m, q, err
	}
	q, err = s.tx.RequestByHash(s.group.ID, h)
	if err != nil && !errors.Is(err, ErrNoRow) {
		return m, q, err
	}
	return m, q, nil
}

// awaited gives an owner who was named and has not appeared yet the rank that he will have.
func (s *scene) awaited(target AnyHash) func(*moderation.Facts) {
	return func(f *moderation.Facts) {
		owner := s.group.Owner
		if !owner.IsZero() && (owner == target || owner.Names(IdentityHash(target)) || target.Names(IdentityHash(owner))) {
			f.TargetRole = moderation.RoleOwner
		}
	}
}

// replaceBan stores a ban in place of the old ones of the same person, within the bound.
func (w *work) replaceBan(old []Ban, b Ban) error {
	for _, o := range old {
		if err := w.w.DeleteBan(w.group.ID, o.Target); err != nil {
			return err
		}
	}
	n, err := w.tx.CountBans(w.group.ID)
	if err != nil {
		return err
	}
	if n >= w.hub.limits.Bans {
		dropped, err := w.dropExpired()
		if err != nil {
			return err
		}
		if n-dropped >= w.hub.limits.Bans {
			return &Error{Kind: KindFull, Op: w.op, Msg: "there are too many bans: lift some first", Limit: int64(w.hub.limits.Bans)}
		}
	}
	return w.w.PutBan(b)
}

// dropExpired deletes bans that have ended.
func (w *work) dropExpired() (n int, err error) {
	for after := (AnyHash{}); ; {
		page, err := w.tx.Bans(w.group.ID, after, MaxPage)
		if err != nil || len(page) == 0 {
			return n, err
		}
		for _, b := range page {
			if !moderation.BanInForce(b.Expires, w.expiry) {
				if err := w.w.DeleteBan(w.group.ID, b.Target); err != nil {
					return n, err
				}
				n++
			}
		}
		after = page[len(page)-1].Target
	}
}

// bansOf lists the bans that name the same one as h does, which may be an identity or an address.
func (s *scene) bansOf(h AnyHash) ([]Ban, error) {
	m, q, err := s.known(h)
	if err != nil {
		return nil, err
	}
	id := IdentityHash(h) // if it is one
	if !m.Identity.IsZero() {
		id = m.Identity
	} else if !q.Identity.IsZero() {
		id = q.Identity
	}
	bans, err := s.tx.BansMatching(s.group.ID, AnyHash(id), AnyHash(AddressOf(id)))
	if err != nil || len(bans) > 0 {
		return bans, err
	}
	// h may be the address of an identity that somebody typed: no index goes from one to the other.
	for after := (AnyHash{}); ; {
		page, err := s.tx.Bans(s.group.ID, after, MaxPage)
		if err != nil || len(page) == 0 {
			return bans, err
		}
		for _, b := range page {
			if h.Names(IdentityHash(b.Target)) {
				bans = append(bans, b)
			}
		}
		after = page[len(page)-1].Target
	}
}

// Unban lifts every ban that names the target in either form, kicks included. Needs PermBan, or PermKick when all of them
// are kicks.
func (h *Hub) Unban(ctx context.Context, c Caller, g GroupID, target AnyHash) (Change, error) {
	return h.unban(ctx, c, g, target, false)
}

// UndoBan lifts the bans, where there are any in force, and brings back the posts that went with a ban less than UndoPurge ago, which is
// done bit by bit and needs Run. KindNotFound when there are none. Needs PermBan.
func (h *Hub) UndoBan(ctx context.Context, c Caller, g GroupID, target AnyHash) (Change, error) {
	return h.unban(ctx, c, g, target, true)
}

func (h *Hub) unban(ctx context.Context, c Caller, g GroupID, target AnyHash, undo bool) (Change, error) {
	const op = "unban"
	var r Change
	if target.IsZero() {
		return r, &Error{Kind: KindInvalid, Op: op, Field: "target", Msg: "name an address or identity"}
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		bans, err := w.bansOf(target)
		if err != nil {
			return err
		}
		inForce := func(b Ban) bool { return moderation.BanInForce(b.Expires, w.expiry) }
		banned := slices.ContainsFunc(bans, inForce)
		kicks := banned && !slices.ContainsFunc(bans, func(b Ban) bool { return inForce(b) && !b.Kick })
		if err := w.may(moderation.ActionUnban, func(f *moderation.Facts) { f.OnlyKick = kicks && !undo }); err != nil {
			return err
		}
		if !banned && !undo {
			return w.refuse(KindNotFound, "target", "nobody with this address is banned")
		}
		posts := ""
		who := target
		if undo {
			if who, err = w.bringBack(target, bans); err != nil {
				return err
			}
			posts = "with all posts"
		}
		for _, b := range bans {
			if err := w.w.DeleteBan(g, b.Target); err != nil {
				return err
			}
		}
		r.Rev = w.head.Rev
		name := ""
		if banned {
			who, name = bans[0].Target, bans[0].DisplayName
			e, err := w.event(EntryUnban, who, "")
			if err != nil {
				return err
			}
			r = w.changed(e)
		}
		return errors.Join(w.heard(), w.audit(who, detail(name, posts)))
	})
	return r, err
}

// bringBack has the posts of somebody who was banned put back, and returns his identity.
func (w *work) bringBack(target AnyHash, bans []Ban) (AnyHash, error) {
	ids := []IdentityHash{IdentityHash(target)} // if it is one
	if m, _, err := w.known(target); err != nil {
		return target, err
	} else if !m.Identity.IsZero() {
		ids = append(ids, m.Identity)
	}
	for _, b := range bans {
		ids = append(ids, b.Identity)
	}
	for _, id := range ids {
		found, err := w.restore(id)
		if found || err != nil {
			return AnyHash(id), err
		}
	}
	return target, w.refuse(KindNotFound, "undo", "there are no posts to bring back: that is possible for a day")
}

// Bans lists the bans in force by target, those above after; more says that another page follows. limit 0 is DefaultPage.
// Needs PermBan.
func (h *Hub) Bans(ctx context.Context, c Caller, g GroupID, after AnyHash, limit int) (bans []Ban, more bool, err error) {
	limit = pageSize(limit)
	err = h.read(ctx, "bans", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionBans); err != nil {
			return err
		}
		for len(bans) <= limit {
			page, err := s.tx.Bans(g, after, MaxPage)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, b := range page {
				if moderation.BanInForce(b.Expires, s.expiry) && len(bans) <= limit {
					bans = append(bans, b)
				}
			}
			after = page[len(page)-1].Target
		}
		return nil
	})
	if more = len(bans) > limit; more {
		bans = bans[:limit]
	}
	return bans, more, err
}

// lasting is a duration for the log.
func lasting(d time.Duration) string {
	if d == 0 {
		return "for good"
	}
	return "for " + moderation.Passed(d)
}

// detail joins what is not empty.
func detail(parts ...string) string {
	s := ""
	for _, p := range parts {
		if p != "" {
			if s != "" {
				s += ", "
			}
			s += p
		}
	}
	return s
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

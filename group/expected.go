package group

import (
	"context"
	"errors"
	"fmt"

	"groupd/moderation"
)

const (
	maxForeign     = 50_000 // lines of one list
	foreignAtOnce  = 100    // in one transaction
	reasonImported = "imported"
)

// ForeignMember is one line of a list of another server's members.
type ForeignMember struct {
	Line     int     // in the file; 0: it has none
	Target   AnyHash // identity hash or address
	Name     string  // as it stands there
	Banned   bool
	Reason   string // of a ban
	Role     moderation.Role
	Mode     DeliveryMode
	TextOnly bool
	Paused   bool
}

// ForeignOutcome is what became of one line.
type ForeignOutcome string

const (
	ForeignExpected ForeignOutcome = "expected"  // becomes a member when he appears
	ForeignMade     ForeignOutcome = "member"    // is known, and a member now
	ForeignBanned   ForeignOutcome = "banned"    // is banned now
	ForeignSame     ForeignOutcome = "unchanged" // was so already
	ForeignSkipped  ForeignOutcome = "skipped"   // Why says the reason
)

// ForeignResult says what became of one line, or what would.
type ForeignResult struct {
	ForeignMember
	Outcome ForeignOutcome
	Why     string
}

// ImportMembers takes over people from another server's list. Who is waiting here becomes a member at once; who is not known yet is expected:
// he is a member, with that name, role and way of delivery, as soon as he appears, without approval (see Heard). Those who are banned
// there are banned here. What is here already is left as it is, so that the same list can be imported again. With dry nothing is
// changed, and the results say what would be. For the operator.
func (h *Hub) ImportMembers(ctx context.Context, c Caller, g GroupID, list []ForeignMember, dry bool) ([]ForeignResult, error) {
	const op = "import members"
	if err := operator(op, c); err != nil {
		return nil, err
	}
	if len(list) > maxForeign {
		return nil, &Error{Kind: KindTooLarge, Op: op, Msg: "too many people in one list", Limit: maxForeign, Needed: int64(len(list))}
	}
	c.ClientID = nil
	results := make([]ForeignResult, 0, len(list))
	twice, named := make([]bool, len(list)), make(map[AnyHash]bool)
	for i, m := range list {
		twice[i] = named[m.Target]
		named[m.Target] = true
	}
	var room *listRoom
	shut, err := h.shutHere(ctx, op, c, g)
	if err != nil {
		return nil, err
	}
	for len(results) < len(list) {
		batch := list[len(results):min(len(results)+foreignAtOnce, len(list))]
		var done []ForeignResult
		var nothing struct{}
		each := func(s *scene, take func(*ForeignResult) error) (err error) {
			if room == nil || !dry { // what a dry run would have taken is not there to be counted
				if room, err = s.roomForList(); err != nil {
					return err
				}
			}
			for i, m := range batch {
				r := ForeignResult{ForeignMember: m}
				r.Name = cleanName(m.Name)
				if twice[len(results)+i] {
					r.Outcome, r.Why = ForeignSkipped, "is in the list twice"
				} else if err := errors.Join(s.foreign(&r, shut, room), take(&r)); err != nil {
					return err
				}
				room.taken(r.Outcome)
				done = append(done, r)
			}
			return nil
		}
		if dry {
			err = h.read(ctx, op, c, g, func(s *scene) error { return each(s, func(*ForeignResult) error { return nil }) })
		} else {
			err = h.change(ctx, op, c, g, &nothing, func(w *work) error {
				if err := each(&w.scene, w.takeForeign); err != nil {
					return err
				}
				return errors.Join(w.auditForeign(done), w.rekeyAfterRemoval())
			})
		}
		if err != nil {
			return results, err
		}
		results = append(results, done...)
	}
	return results, nil
}

// shutHere are all who are banned, by every hash that may name them.
func (h *Hub) shutHere(ctx context.Context, op string, c Caller, g GroupID) (map[AnyHash]bool, error) {
	shut := make(map[AnyHash]bool)
	err := h.read(ctx, op, c, g, func(s *scene) error {
		for after := (AnyHash{}); ; {
			page, err := s.tx.Bans(g, after, MaxPage)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, b := range page {
				if moderation.BanInForce(b.Expires, s.expiry) {
					shut[b.Target], shut[AnyHash(AddressOf(IdentityHash(b.Target)))] = true, true
					if !b.Identity.IsZero() {
						shut[AnyHash(b.Identity)], shut[AnyHash(b.Address)] = true, true
					}
				}
			}
			after = page[len(page)-1].Target
		}
	})
	return shut, err
}

// listRoom is how many more a group can expect, and ban.
type listRoom struct{ expected, bans int }

func (s *scene) roomForList() (*listRoom, error) {
	expected, err := s.tx.CountExpected(s.group.ID)
	bans, err2 := s.tx.CountBans(s.group.ID)
	return &listRoom{s.hub.limits.Members - expected, s.hub.limits.Bans - bans}, errors.Join(err, err2)
}

func (r *listRoom) taken(o ForeignOutcome) {
	switch o {
	case ForeignExpected:
		r.expected--
	case ForeignBanned:
		r.bans--
	}
}

// foreign decides what is to become of one line.
func (s *scene) foreign(r *ForeignResult, shut map[AnyHash]bool, room *listRoom) error {
	skip := func(why string) error { r.Outcome, r.Why = ForeignSkipped, why; return nil }
	switch {
	case r.Target.IsZero():
		return skip("names nobody")
	case r.Target.Names(s.group.Identity):
		return skip("is the group itself")
	case r.Role > moderation.RoleOwner || r.Mode > DeliverDigest:
		return skip("has a role or mode that there is not")
	}
	m, q, err := s.known(r.Target)
	if err != nil {
		return err
	}
	banned := shut[r.Target] || shut[AnyHash(AddressOf(IdentityHash(r.Target)))]
	switch {
	case r.Banned && banned:
		r.Outcome = ForeignSame
		return nil
	case r.Banned && m.Present:
		return skip("is a member here: ban him yourself")
	case r.Banned && s.group.Policy.NoRemoval:
		return skip("nobody can be kept out of this group")
	case r.Banned:
		r.Outcome = ForeignBanned
		if room.bans <= 0 {
			return skip("there are too many bans")
		}
		return nil
	case m.Present:
		r.Outcome = ForeignSame
		return nil
	case banned:
		return skip("is banned here")
	case s.fixed():
		return skip("this group is established, and nobody new comes")
	case s.hub.announces(m.Identity):
		return skip("is a group itself")
	}
	if r.Role == moderation.RoleNone || s.group.Policy.NoStaff { // there nobody has a rank
		r.Role = moderation.RoleMember
	}
	if r.Outcome = ForeignMade; q.Identity.IsZero() || len(q.PublicKey) == 0 {
		r.Outcome = ForeignExpected
	}
	old, err := s.tx.Expected(s.group.ID, r.Target, r.Target)
	if err != nil {
		return err
	}
	if len(old) > 0 && r.Outcome == ForeignExpected {
		if same(r.expected(s), old[0]) {
			r.Outcome = ForeignSame
		}
		return nil
	}
	if room.expected <= 0 {
		return skip("the group would be too large")
	}
	return nil
}

// same compares all but the time.
func same(a, b Expected) bool {
	a.Created = b.Created
	return a == b
}

func (r *ForeignResult) expected(s *scene) Expected {
	return Expected{
		Group: s.group.ID, Target: r.Target, DisplayName: r.Name, Role: r.Role, Mode: r.Mode, TextOnly: r.TextOnly, Paused: r.Paused, Created: s.expiry,
	}
}

// takeForeign does what was decided.
func (w *work) takeForeign(r *ForeignResult) error {
	switch r.Outcome {
	case ForeignExpected:
		return w.w.PutExpected(r.expected(&w.scene))
	case ForeignMade:
		q, err := w.request(r.Target)
		if err != nil {
			return err
		}
		e := r.expected(&w.scene)
		return w.welcome(applicant{q.Identity, q.PublicKey, q.Ratchet, q.DisplayName, IdentityHash{}}, e)
	case ForeignBanned:
		m, q, err := w.known(r.Target)
		if err != nil {
			return err
		}
		reason := cutRunes(moderation.CleanLine(r.Reason), MaxReasonBytes)
		if reason == "" {
			reason = reasonImported
		}
		b := Ban{Group: w.group.ID, Target: r.Target, DisplayName: r.Name, Reason: reason, Created: w.expiry}
		switch {
		case !m.Identity.IsZero():
			b.Target, b.Identity, b.Address, b.DisplayName = AnyHash(m.Identity), m.Identity, m.Address, m.DisplayName
			if err := w.holdsKey(m); err != nil {
				return err
			}
		case !q.Identity.IsZero():
			b.Target, b.Identity, b.Address, b.DisplayName = AnyHash(q.Identity), q.Identity, q.Address, q.DisplayName
		}
		if !q.Identity.IsZero() {
			if err := w.dropRequest(q.Identity); err != nil {
				return err
			}
		}
		return errors.Join(w.w.DeleteExpected(w.group.ID, r.Target), w.w.PutBan(b))
	}
	return nil
}

// auditForeign writes one line about a part of a list.
func (w *work) auditForeign(done []ForeignResult) error {
	counts := make(map[ForeignOutcome]int)
	for _, r := range done {
		counts[r.Outcome]++
	}
	if counts[ForeignExpected]+counts[ForeignMade]+counts[ForeignBanned] == 0 {
		w.idle = true
		return nil
	}
	return w.audit(AnyHash{}, fmt.Sprintf("%d expected, %d members, %d bans", counts[ForeignExpected], counts[ForeignMade], counts[ForeignBanned]))
}

// welcome makes somebody who was expected a member.
func (w *work) welcome(a applicant, e Expected) error {
	if e.DisplayName != "" {
		a.wish = e.DisplayName
	}
	r, err := w.admit(a, e.Role)
	if err != nil {
		return err
	}
	for _, target := range []AnyHash{AnyHash(a.identity), AnyHash(AddressOf(a.identity))} {
		if err := w.w.DeleteExpected(w.group.ID, target); err != nil {
			return err
		}
	}
	d, err := w.delivery(a.identity)
	if err != nil {
		return err
	}
	p := Preferences{Mode: e.Mode, TextOnly: e.TextOnly, Paused: e.Paused}
	if d.Preferences == (Preferences{}) && p != (Preferences{}) {
		d.Preferences, d.Cursor = p, w.head.Rev
		if p.Mode == DeliverDigest {
			d.Due = w.now.Add(d.Digest())
		}
		w.tell(Event{Kind: EventPreferences, Who: a.identity})
		if err := w.w.PutDelivery(d); err != nil {
			return err
		}
	}
	w.tell(Event{Kind: EventApproved, Who: a.identity, Name: r.Name, Role: r.Member.Role})
	return w.auditAs("expected", IdentityHash{}, AnyHash(a.identity), r.Name)
}

// arrive makes somebody a member of a group that expects him.
func (h *Hub) arrive(ctx context.Context, c Caller, g GroupID) error {
	c = Caller{Identity: c.Identity, PublicKey: c.PublicKey, Ratchet: c.Ratchet}
	var nothing struct{}
	return h.change(ctx, "expected", c, g, &nothing, func(w *work) error {
		list, err := w.tx.Expected(g, AnyHash(w.caller.Identity), AnyHash(w.caller.Address))
		if err != nil || len(list) == 0 {
			return err
		}
		switch st := w.standing.Standing; {
		case st == moderation.StandingMember || st == moderation.StandingMuted:
			for _, e := range list {
				if err := w.w.DeleteExpected(g, e.Target); err != nil {
					return err
				}
			}
			return nil
		case st == moderation.StandingBanned, w.fixed(), w.hub.announces(w.caller.Identity):
			return nil
		}
		return w.welcome(applicant{w.caller.Identity, w.caller.PublicKey, w.caller.Ratchet, "", IdentityHash{}}, list[0])
	})
}

// arriveAll makes somebody who is expected a member wherever he is, and reports whether he still is somewhere. He must be known by his key.
func (h *Hub) arriveAll(ctx context.Context, c Caller) (still bool, err error) {
	if len(c.PublicKey) == 0 || c.Identity.IsZero() {
		return false, nil
	}
	var groups []GroupID
	err = h.store.View(ctx, func(tx ReadTx) (err error) {
		groups, err = tx.ExpectedIn(AnyHash(c.Identity), AnyHash(AddressOf(c.Identity)))
		return err
	})
	for _, g := range groups {
		if err == nil {
			if err = h.arrive(ctx, c, g); Refused(err) {
				err, still = nil, true // the group is full: he stays expected
			}
		}
	}
	return still, err
}

// Arrive makes somebody a member wherever he is expected, as Heard does, whenever he was heard last. For faces that know him.
func (h *Hub) Arrive(ctx context.Context, c Caller) error {
	const op = "expected"
	c, err := prepare(op, c)
	if err != nil {
		return err
	}
	if _, err := h.arriveAll(ctx, c); err != nil {
		return h.failed(op, err)
	}
	return nil
}

// Expected lists who is expected, by what names him: those after one; limit 0 is DefaultPage. For the operator.
func (h *Hub) Expected(ctx context.Context, c Caller, g GroupID, after AnyHash, limit int) (list []Expected, more bool, err error) {
	const op = "expected"
	if err := operator(op, c); err != nil {
		return nil, false, err
	}
	limit = pageSize(limit)
	err = h.read(ctx, op, c, g, func(s *scene) (err error) {
		list, err = s.tx.ExpectedList(g, after, limit+1)
		return err
	})
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	return list, more, err
}

// ForgetExpected takes somebody off those who are expected. For the operator.
func (h *Hub) ForgetExpected(ctx context.Context, c Caller, g GroupID, who AnyHash) error {
	const op = "forget expected"
	if err := operator(op, c); err != nil {
		return err
	}
	var nothing struct{}
	return h.change(ctx, op, c, g, &nothing, func(w *work) error {
		list, err := w.tx.Expected(g, who, AnyHash(AddressOf(IdentityHash(who))))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return w.refuse(KindNotFound, "who", "nobody with this address is expected")
		}
		for _, e := range list {
			if err := w.w.DeleteExpected(g, e.Target); err != nil {
				return err
			}
		}
		return w.audit(who, list[0].DisplayName)
	})
}

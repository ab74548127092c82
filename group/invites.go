package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/moderation"
)

// Bounds of invites.
const (
	InviteValid    = moderation.DefaultInviteSpan // unless said otherwise
	MaxInviteValid = moderation.MaxInviteSpan     // longest
	MaxInviteUses  = 1000                         // of one code

	maxOwnInvites   = 50                 // live ones of one inviter
	directPerTarget = 7 * 24 * time.Hour // one direct invite to a person in so much time, whoever sends it, from whatever group here
	directPerDay    = 5                  // direct invites of one inviter, in all groups
	directForming   = 15                 // the same, of who forms a group: nine, and some in the place of who declines
	maxDirect       = 10_000             // remembered for directPerTarget; then nobody sends any until some are old enough
	invitesMade     = 60                 // invites of one member made at once, then one more every inviteEvery: each is a line of the log
	inviteEvery     = 10 * time.Minute
	maxInviteBlocks = 20_000 // of all groups; the one made first goes
	wrongCodes      = 5      // wrong codes of one identity, then one more every wrongCodeEvery
	wrongCodeEvery  = 5 * time.Hour
	allWrongCodes   = 50 // wrong codes of all at one group, then one more every allWrongEvery
	allWrongEvery   = 72 * time.Second
)

// Keys of invites' buckets.
const (
	inviteWrong  byte = 1 + iota // wrong codes
	inviteBlocks                 // changes of who wants invites
	inviteDirect                 // what is sent to people outside
	inviteMade                   // what is made
)

// inviteKey names a bucket of invites.
type inviteKey struct {
	group GroupID      // "": of the server
	who   IdentityHash // zero: of all
	what  byte
}

// InviteInput makes an invite.
type InviteInput struct {
	For      AnyHash         // who alone may use it; zero: whoever has the code
	Role     moderation.Role // what one becomes; RoleNone: a member. Above that it needs For
	Uses     int             // 0: once; with For always once
	Duration time.Duration   // 0: InviteValid; at most MaxInviteValid
	Send     bool            // tell For, by one fixed LXMF message
	soon     bool            // tell For as soon as that can be, instead of Send
	Picked   bool            // For was found by a name or the beginning of an address, not named by the whole of it
}

// InviteIssued is a fresh invite with its code, shown once. Whom it is For may join without.
type InviteIssued struct {
	Change
	Invite Invite
	Code   string `json:"-"`
}

// CreateInvite lets people in who hold its code, or the one whom it is for: past approval, question and stamp. Needs PermInvite, or the
// policy's rank; whoever invites to a role above member must be able to grant it. At most Limits.Invites live in a group, and
// maxOwnInvites of one inviter. A direct invite (Send) is one fixed text; a person gets at most one a week, an inviter sends 5 a day, and
// none go to who blocks them. When it is repeated with its client id and the code is remembered no more, the invite has got another one.
func (h *Hub) CreateInvite(ctx context.Context, c Caller, g GroupID, in InviteInput) (InviteIssued, error) {
	const op = "invite"
	invalid := func(field, msg string) (InviteIssued, error) {
		return InviteIssued{}, &Error{Kind: KindInvalid, Op: op, Field: field, Msg: msg}
	}
	in = in.complete()
	switch {
	case in.Role > moderation.RoleOwner:
		return invalid("role", "no such role")
	case in.Role > moderation.RoleMember && in.For.IsZero():
		return invalid("who", "say whom this is for: only members are invited by a code alone")
	case in.Uses < 0 || in.Uses > MaxInviteUses:
		return invalid("uses", fmt.Sprintf("must be 1 to %d", MaxInviteUses))
	case in.Uses > 1 && !in.For.IsZero():
		return invalid("uses", "who is named can join once")
	case in.Duration != 0 && in.Duration < time.Minute:
		return invalid("duration", "must be a minute to 90 days")
	case in.Send && in.For.IsZero():
		return invalid("who", "say to whom the invite is sent")
	}
	var r InviteIssued
	err := h.change(ctx, op, c, g, &r, func(w *work) (err error) {
		r, err = w.invite(in)
		return errors.Join(err, w.heard())
	})
	if err != nil {
		return InviteIssued{}, err
	}
	key := issuedKey{g, c.Identity, string(c.ClientID)}
	if !r.Repeated {
		if len(c.ClientID) > 0 {
			h.issued.put(key, r.Code)
		}
		return r, nil
	}
	if code, ok := h.issued.get(key); ok {
		r.Code = code
		return r, nil
	}
	return h.reissue(ctx, c, g, r)
}

// complete fills in what is left out, but for the duration: the policy says that.
func (in InviteInput) complete() InviteInput {
	if in.Role == moderation.RoleNone {
		in.Role = moderation.RoleMember
	}
	if in.Uses == 0 {
		in.Uses = 1
	}
	return in
}

// invite makes an invite.
func (w *work) invite(in InviteInput) (InviteIssued, error) {
	in = in.complete()
	usual, most := w.group.Policy.InviteTime()
	if in.Duration == 0 {
		in.Duration = usual
	}
	var r InviteIssued
	met, err := w.met(in.For)
	if err != nil {
		return r, err
	}
	if err := w.may(moderation.ActionInvite, func(f *moderation.Facts) {
		f.NewRole, f.Named, f.Whole, f.Met = in.Role, !in.For.IsZero(), !in.Picked, met
	}); err != nil {
		return r, err
	}
	if in.Duration > most {
		return r, w.refuse(KindInvalid, "duration", "must be a minute to "+moderation.Passed(most))
	}
	i := Invite{
		Group: w.group.ID, By: w.caller.Identity, For: in.For, Role: in.Role, Uses: in.Uses, Created: w.expiry, Expires: w.expiry.Add(in.Duration),
	}
	switch {
	case in.Send:
		i.Telling = TellHanded
	case in.soon:
		i.Telling = TellDue
	}
	if err := w.forWhom(&i, in.Send); err != nil {
		return r, err
	}
	if err := w.uninvite(i.For); err != nil {
		return r, err
	}
	if err := w.seat(); err != nil {
		return r, err
	}
	if err := w.roomForInvite(); err != nil {
		return r, err
	}
	code, err := w.newCode(&i)
	if err != nil {
		return r, err
	}
	if w.group.Policy.InviteTo == moderation.InviteAnyone {
		r.Code = code
	}
	if i.ID, err = w.w.PutInvite(i); err != nil {
		return r, err
	}
	if err := w.asked(i); err != nil {
		return r, err
	}
	if in.Send {
		if err := w.sendInvite(i); err != nil {
			return r, err
		}
	}
	r.Change, r.Invite = Change{Rev: w.head.Rev}, i
	return r, w.audit(i.For, i.described(in.Send))
}

// reissue gives an invite another code, for who did not get the first one.
func (h *Hub) reissue(ctx context.Context, c Caller, g GroupID, r InviteIssued) (InviteIssued, error) {
	key := issuedKey{g, c.Identity, string(c.ClientID)}
	c.ClientID, c.Command = nil, nil
	err := h.change(ctx, "invite", c, g, nil, func(w *work) error {
		i, err := w.tx.Invite(g, r.Invite.ID)
		if errors.Is(err, ErrNoRow) {
			return nil // used or revoked meanwhile
		}
		if err != nil {
			return err
		}
		code, err := w.newCode(&i)
		if err != nil {
			return err
		}
		if w.group.Policy.InviteTo == moderation.InviteAnyone {
			r.Code = code
		}
		_, err = w.w.PutInvite(i)
		return err
	})
	if err != nil {
		return InviteIssued{}, err
	}
	h.issued.put(key, r.Code)
	return r, nil
}

// newCode makes a code and puts its hash into the invite.
func (w *work) newCode(i *Invite) (string, error) {
	var random [16]byte
	if err := w.hub.random(random[:]); err != nil {
		return "", err
	}
	code := makeCode(random, inviteWords)
	i.Code = w.group.InviteHash(code)
	return code, nil
}

// described is an invite for the log.
func (i Invite) described(sent bool) string {
	uses, word := "", ""
	if i.Uses > 1 {
		uses = plural(i.Uses, "use")
	}
	if sent {
		word = "sent"
	}
	return detail(fmt.Sprintf("invite %d as %s", i.ID, i.Role), uses, lasting(i.Expires.Sub(i.Created)), word)
}

// forWhom brings whom an invite is for into the form that is known, and refuses those for whom there can be none. A new invite for
// the same one replaces the old.
func (w *work) forWhom(i *Invite, send bool) error {
	if i.For.IsZero() {
		return nil
	}
	if i.For.Names(w.group.Identity) {
		return w.refuse(KindInvalid, "who", "that is the group itself")
	}
	m, q, err := w.known(i.For)
	switch {
	case err != nil:
		return err
	case m.Present:
		return w.refuse(KindConflict, "who", "is a member already")
	case !m.Identity.IsZero():
		i.For = AnyHash(m.Identity)
	case !q.Identity.IsZero():
		i.For = AnyHash(q.Identity)
	}
	bans, err := w.bansOf(i.For)
	if err != nil {
		return err
	}
	for _, b := range bans {
		if moderation.BanInForce(b.Expires, w.expiry) {
			return w.refuse(KindConflict, "who", "is banned: lift the ban first")
		}
	}
	old, err := w.tx.InvitesFor(w.group.ID, i.For, AnyHash(AddressOf(IdentityHash(i.For))))
	if err != nil {
		return err
	}
	for _, o := range old {
		if o.By != i.By && !w.caller.Local && (o.Role > i.Role || !w.standing.Permissions.Has(moderation.PermInvite)) { // it is not his to take back
			if good, err := w.good(o, IdentityHash(i.For)); err != nil {
				return err
			} else if good {
				return w.refuse(KindConflict, "who", "is invited already")
			}
		}
		if err := w.w.DeleteInvite(w.group.ID, o.ID); err != nil {
			return err
		}
	}
	if w.forming() { // he is not told alone, but shown to the others
		blocked, err := w.tx.InvitesBlocked(i.For)
		if err != nil {
			return err
		}
		if blocked {
			return w.refuse(KindDenied, "who", "wants no invites")
		}
	}
	if !send {
		return nil
	}
	return w.maySend(i.For)
}

// roomForInvite makes sure that there may be one more: those that have ended go first.
func (w *work) roomForInvite() error {
	if _, err := w.w.DeleteInvitesUntil(w.group.ID, w.expiry); err != nil {
		return err
	}
	n, err := w.tx.CountInvites(w.group.ID)
	if err != nil {
		return err
	}
	if n >= w.hub.limits.Invites {
		return &Error{Kind: KindFull, Op: w.op, Msg: "there are too many invites: revoke some first", Limit: int64(w.hub.limits.Invites)}
	}
	if w.caller.Local {
		return nil
	}
	if n, err = w.tx.CountInvitesBy(w.group.ID, w.caller.Identity); err != nil {
		return err
	}
	if n >= maxOwnInvites {
		return &Error{Kind: KindFull, Op: w.op, Msg: "you have made too many invites: revoke some first", Limit: maxOwnInvites}
	}
	key, rate := inviteKey{w.group.ID, w.caller.Identity, inviteMade}, moderation.Rate{Burst: invitesMade, Every: inviteEvery}
	if wait := w.hub.inviting.TakeOne(w.now, key, rate); wait > 0 {
		return &Error{Kind: KindRateLimited, Op: w.op, Msg: "you have made many invites just now, wait a little", Reason: moderation.ReasonRate, RetryAfter: wait}
	}
	return nil
}

// InvitesQuery pages through the invites.
type InvitesQuery struct {
	All   bool  // everybody's, not the caller's own alone; needs PermInvite
	After int64 // IDs above
	Limit int   // 0: DefaultPage
}

// InvitesPage is a part of the list, by ID.
type InvitesPage struct {
	Invites []Invite
	More    bool
	Members []Member            // rows of everybody who made one
	Shown   map[AnyHash]AnyHash // what people know those by whom the invites are for; see CircleInvitee
}

// Invites lists the live invites: one's own for members, or all for those with PermInvite.
func (h *Hub) Invites(ctx context.Context, c Caller, g GroupID, q InvitesQuery) (InvitesPage, error) {
	limit := pageSize(q.Limit)
	var p InvitesPage
	err := h.read(ctx, "invites", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionInvites, func(f *moderation.Facts) { f.Self = !q.All }); err != nil {
			return err
		}
		for after := max(q.After, 0); len(p.Invites) <= limit; {
			rows, err := s.tx.InvitesBy(g, s.caller.Identity, after, MaxPage)
			if q.All {
				rows, err = s.tx.Invites(g, after, MaxPage)
			}
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			for _, i := range rows {
				if s.expiry.Before(i.Expires) && len(p.Invites) <= limit {
					p.Invites = append(p.Invites, i)
				}
			}
			after = rows[len(rows)-1].ID
		}
		if p.More = len(p.Invites) > limit; p.More {
			p.Invites = p.Invites[:limit]
		}
		named := make([]AnyHash, 0, len(p.Invites))
		for _, i := range p.Invites {
			named = append(named, AnyHash(i.By))
		}
		p.Shown = make(map[AnyHash]AnyHash)
		for _, i := range p.Invites {
			shown, err := s.shownAs(i.For)
			if err != nil {
				return err
			}
			p.Shown[i.For] = shown
		}
		var err error
		p.Members, err = s.rowsOf(named)
		return err
	})
	if err != nil {
		return InvitesPage{}, err
	}
	return p, nil
}

// rowsOf reads the members' rows of those who are named, each once.
func (s *scene) rowsOf(named []AnyHash) ([]Member, error) {
	var rows []Member
	done := make(map[AnyHash]bool)
	for _, h := range named {
		if h.IsZero() || done[h] {
			continue
		}
		done[h] = true
		m, err := s.tx.MemberByHash(s.group.ID, h)
		if errors.Is(err, ErrNoRow) {
			continue
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, m)
	}
	return rows, nil
}

// RevokeInvite takes an invite back: one's own, or anybody's with PermInvite.
func (h *Hub) RevokeInvite(ctx context.Context, c Caller, g GroupID, id int64) (Change, error) {
	var r Change
	err := h.change(ctx, "revoke", c, g, &r, func(w *work) error {
		i, err := w.tx.Invite(g, id)
		if err != nil && !errors.Is(err, ErrNoRow) {
			return err
		}
		own := err == nil && i.By == w.caller.Identity && !w.caller.Identity.IsZero()
		if denied := w.may(moderation.ActionInvites, func(f *moderation.Facts) { f.Self = own }); denied != nil {
			if w.may(moderation.ActionInvites, func(f *moderation.Facts) { f.Self = true }) == nil { // a member must not learn which there are
				return w.refuse(KindNotFound, "id", "you have no such invite")
			}
			return denied
		}
		if err != nil || !w.expiry.Before(i.Expires) {
			return w.refuse(KindNotFound, "id", "there is no such invite")
		}
		r.Rev = w.head.Rev
		return errors.Join(w.w.DeleteInvite(g, id), w.uninvite(i.For), w.heard(), w.audit(i.For, fmt.Sprintf("invite %d", id)))
	})
	return r, err
}

// invited finds the invite by which the caller may join: the one of the code, else the one for himself; false when there is none. A wrong
// code is refused.
func (w *work) invited(code string) (Invite, bool, error) {
	if code == "" {
		return w.inviteFor(w.caller.Identity)
	}
	keys := []inviteKey{{group: w.group.ID, who: w.caller.Identity, what: inviteWrong}, {group: w.group.ID, what: inviteWrong}}
	rates := []moderation.Rate{{Burst: wrongCodes, Every: wrongCodeEvery}, {Burst: allWrongCodes, Every: allWrongEvery}}
	if wait := w.hub.inviting.Wait(w.now, keys, rates); wait > 0 {
		return Invite{}, false, &Error{Kind: KindRateLimited, Op: w.op, Field: "code", Msg: "too many wrong codes, try again later", Reason: moderation.ReasonRate, RetryAfter: wait}
	}
	i, err := w.tx.InviteByCode(w.group.ID, w.group.InviteHash(normalCode(code)))
	if err != nil && !errors.Is(err, ErrNoRow) {
		return i, false, err
	}
	if err == nil {
		if good, err := w.good(i, w.caller.Identity); good || err != nil {
			return i, good, err
		}
	}
	w.hub.inviting.Take(w.now, keys, rates)
	w.hub.pressures.add(w.group.ID, w.now)
	return Invite{}, false, w.refuse(KindDenied, "code", "the code is wrong, used up or too old")
}

// inviteFor finds a good invite that is for one identity alone.
func (s *scene) inviteFor(id IdentityHash) (Invite, bool, error) {
	list, err := s.tx.InvitesFor(s.group.ID, AnyHash(id), AnyHash(AddressOf(id)))
	if err != nil {
		return Invite{}, false, err
	}
	for _, i := range list {
		if good, err := s.good(i, id); good || err != nil {
			return i, good, err
		}
	}
	return Invite{}, false, nil
}

// good reports whether an identity may join by an invite now: it has not ended, it is for him, and who made it is here and could make it
// again.
func (s *scene) good(i Invite, id IdentityHash) (bool, error) {
	if !s.expiry.Before(i.Expires) || !i.For.IsZero() && !i.For.Names(id) {
		return false, nil
	}
	if i.By.IsZero() {
		return true, nil
	}
	m, err := s.tx.Member(s.group.ID, i.By)
	if errors.Is(err, ErrNoRow) || (err == nil && !m.Present) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	inviter := *s
	inviter.caller = Caller{Identity: i.By, Address: m.Address}
	if inviter.standing, err = inviter.standingOf(i.By); err != nil {
		return false, err
	}
	switch err := inviter.may(moderation.ActionInvite, func(f *moderation.Facts) {
		f.NewRole, f.Named, f.Met = i.Role, !i.For.IsZero(), true // whom he has met and named was asked when he made it
	}); {
	case err == nil:
		return true, nil
	case Refused(err):
		return false, nil
	default:
		return false, err
	}
}

// use counts a joining by an invite; one that is used up goes.
func (w *work) use(i Invite) error {
	i.Uses, i.Used = i.Uses-1, i.Used+1
	if i.Uses <= 0 {
		return w.w.DeleteInvite(w.group.ID, i.ID)
	}
	_, err := w.w.PutInvite(i)
	return err
}

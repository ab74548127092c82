package group

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"groupd/moderation"
)

// Join makes the caller a member, or puts him among those who wait. Joining twice, or asking twice, is no error. The
// caller's public key is needed. A name that is taken gets a number: JoinResult.Name says what came of it.
func (h *Hub) Join(ctx context.Context, c Caller, g GroupID, in JoinInput) (JoinResult, error) {
	const op = "join"
	wish := cleanName(in.Name)
	greeting := moderation.CleanLine(in.Greeting)
	for len(greeting) > MaxGreeting {
		_, size := utf8.DecodeLastRuneInString(greeting)
		greeting = greeting[:len(greeting)-size]
	}
	var r JoinResult
	if _, err := h.arriveAll(ctx, c); err != nil {
		return r, h.failed(op, err)
	}
	err := h.change(ctx, op, c, g, &r, func(w *work) error {
		if m := w.standing.Member; w.standing.Standing == moderation.StandingMember || w.standing.Standing == moderation.StandingMuted {
			r = JoinResult{Change: Change{Rev: w.head.Rev}, Standing: w.standing.Standing, Member: *m, Name: m.DisplayName, Already: true}
			w.idle = true
			return nil
		}
		if err := w.holdsNoCode(in.Name, in.Greeting); err != nil {
			return err
		}
		if in.Code != "" && w.standing.Standing == moderation.StandingBanned {
			return w.may(moderation.ActionJoin)
		}
		invite, invited, err := w.invited(in.Code)
		if err != nil {
			return err
		}
		late, err := w.tooLate()
		if err != nil {
			return err
		}
		v, err := w.verdict(moderation.ActionJoin, func(f *moderation.Facts) {
			if f.Answered, f.TooLate = greeting != "", late; invited && f.Standing != moderation.StandingBanned {
				f.Standing = moderation.StandingInvited
			}
		})
		if err != nil {
			w.strangerAsked(err)
			return err
		}
		if len(w.caller.PublicKey) == 0 {
			return w.refuse(KindInvalid, "public_key", "is not known yet: announce yourself, then try again")
		}
		if v.Outcome == moderation.Hold {
			if r, err = w.wait(wish, greeting, in.Unsaid); err != nil {
				return err
			}
			return w.begin(in.Mode)
		}
		if err := w.joinRate(); err != nil {
			return err
		}
		role := moderation.RoleMember
		if invited {
			if role = invite.Role; role == moderation.RoleNone {
				role = moderation.RoleMember
			}
			if err := w.use(invite); err != nil {
				return err
			}
		} else if locked, err := w.tally(moderation.MeterJoins); err != nil {
			return err
		} else if locked {
			if r, err = w.wait(wish, greeting, in.Unsaid); err != nil {
				return err
			}
			return w.begin(in.Mode)
		}
		r, err = w.admit(applicant{w.caller.Identity, w.caller.PublicKey, w.caller.Ratchet, wish, invite.By}, role)
		if err != nil {
			return err
		}
		return w.begin(in.Mode)
	})
	return r, err
}

// joinRate keeps one identity from joining, or changing what it asks, over and over, and all together from doing so faster than
// people do: each is a write, and identities are free.
func (w *work) joinRate() error {
	w.hub.pressures.add(w.group.ID, w.now)
	keys := []bucketKey{{group: w.group.ID, who: w.caller.Identity, join: true}, {group: w.group.ID, join: true}}
	wait, all := w.hub.buckets.Take(w.now, keys, []moderation.Rate{w.hub.limits.JoinRate, w.hub.limits.GroupJoinRate})
	if wait > 0 {
		msg := "you asked several times just now, wait a little"
		if all == 1 {
			msg = "many people are joining just now, wait a little"
		}
		return &Error{Kind: KindRateLimited, Op: w.op, Msg: msg, Reason: moderation.ReasonRate, RetryAfter: wait}
	}
	return nil
}

// applicant is who may become a member.
type applicant struct {
	identity  IdentityHash
	publicKey []byte
	ratchet   []byte
	wish      string // cleaned name
	invitedBy IdentityHash
}

// wait puts the caller among those who wait, or brings what he said there up to date.
func (w *work) wait(wish, greeting string, unsaid bool) (JoinResult, error) {
	r := JoinResult{Standing: moderation.StandingPending, Change: Change{Rev: w.head.Rev}}
	old, err := w.tx.Request(w.group.ID, w.caller.Identity)
	switch {
	case err == nil:
		r.Already, r.Name = true, old.DisplayName
		if wish == "" {
			wish = old.DisplayName
		}
		if greeting == "" && (!unsaid || w.group.Policy.Question != "") {
			greeting = old.Greeting
		}
		if wish == old.DisplayName && greeting == old.Greeting {
			w.idle = true
			return r, nil // nothing to write
		}
	case !errors.Is(err, ErrNoRow):
		return r, err
	default:
		if err := w.roomForRequest(); err != nil {
			return r, err
		}
		old = Request{Group: w.group.ID, Identity: w.caller.Identity, Address: w.caller.Address, Created: w.expiry}
	}
	if wish == "" && w.standing.Member != nil {
		wish = w.standing.Member.DisplayName // from an earlier stay
	}
	if wish == "" {
		if wish, err = w.freeName("", w.caller.Identity); err != nil {
			return r, err
		}
	}
	if err := w.joinRate(); err != nil {
		return r, err
	}
	old.PublicKey, old.Ratchet, old.DisplayName, old.Greeting, r.Name = w.caller.PublicKey, w.caller.Ratchet, wish, greeting, wish
	if !r.Already {
		w.tell(Event{Kind: EventRequested, Who: old.Identity, Name: wish, Text: greeting})
	}
	return r, w.w.PutRequest(old)
}

// roomForRequest makes sure that one more may wait: requests that nobody decided about for long go first.
func (w *work) roomForRequest() error {
	n, err := w.tx.CountRequests(w.group.ID)
	if err != nil || n < w.hub.limits.Requests {
		return err
	}
	oldest, err := w.tx.Requests(w.group.ID, 1)
	if err != nil {
		return err
	}
	if len(oldest) == 0 || w.expiry.Sub(oldest[0].Created) < RequestsKept {
		return &Error{Kind: KindFull, Op: w.op, Msg: "too many are waiting to join, try again another day", Limit: int64(w.hub.limits.Requests)}
	}
	return w.dropRequest(oldest[0].Identity)
}

// admit makes somebody a member: his row, the entry that tells it, an end to his request. Who is expected as an owner
// becomes one.
func (w *work) admit(a applicant, role moderation.Role) (JoinResult, error) {
	n, err := w.tx.CountMembers(w.group.ID)
	if err != nil {
		return JoinResult{}, err
	}
	limit := w.hub.limits.Members
	if most := int(w.group.Policy.MaxMembers); most > 0 {
		limit = min(limit, most)
	}
	if n >= limit && !w.group.Owner.Names(a.identity) {
		return JoinResult{}, &Error{Kind: KindFull, Op: w.op, Msg: "this group is full", Limit: int64(limit)}
	}
	m, err := w.tx.Member(w.group.ID, a.identity)
	if err != nil && !errors.Is(err, ErrNoRow) {
		return JoinResult{}, err
	}
	wish := a.wish
	if wish == "" {
		wish = m.DisplayName // from an earlier stay
	}
	if wish, err = w.freeName(wish, a.identity); err != nil {
		return JoinResult{}, err
	}
	if w.group.Owner.Names(a.identity) {
		role = w.group.Policy.OwnerRole()
		w.group.Owner = AnyHash{}
		if err := w.putGroup(); err != nil {
			return JoinResult{}, err
		}
	}
	m = Member{
		Group: w.group.ID, Identity: a.identity, Address: AddressOf(a.identity), PublicKey: a.publicKey, Ratchet: a.ratchet, Present: true,
		Role: role, Permissions: role.Permissions(), DisplayName: wish, Skeleton: Skeleton(wish), Status: m.Status, Joined: w.now, JoinSeq: w.head.Seq + 1, LastHeard: w.now,
		LastCommand: m.LastCommand, Mute: m.Mute, InvitedBy: a.invitedBy, Successor: m.Successor,
	}
	if err := w.put(&m); err != nil {
		return JoinResult{}, err
	}
	if r, err := w.tx.Request(w.group.ID, a.identity); err == nil && r.LastCommand.After(m.LastCommand) {
		m.LastCommand = r.LastCommand
		if err := w.w.PutMember(m); err != nil {
			return JoinResult{}, err
		}
	}
	if err := w.w.DeleteRequest(w.group.ID, a.identity); err != nil {
		return JoinResult{}, err
	}
	e, err := w.add(Entry{Kind: EntryJoin, Author: a.identity, Text: []byte(wish)}, nil)
	if err != nil {
		return JoinResult{}, err
	}
	if role != moderation.RoleMember {
		if _, err := w.event(EntryRole, AnyHash(a.identity), role.String()); err != nil {
			return JoinResult{}, err
		}
	}
	if err := errors.Join(w.beginNow(a.identity), w.hasAnswered(a.identity, wish, InviteeAccepted)); err != nil {
		return JoinResult{}, err
	}
	return JoinResult{Change: w.changed(e), Standing: moderation.StandingMember, Member: m, Name: wish}, nil
}

// depart ends a membership. The row stays, the name is reserved; where too many rows are left of former members, the one that
// has been gone longest goes.
func (w *work) depart(m Member) error {
	m.Present, m.Role, m.Permissions, m.Left = false, moderation.RoleNone, 0, w.expiry
	if err := errors.Join(w.put(&m), w.w.DeleteDelivery(w.group.ID, m.Identity)); err != nil {
		return err
	}
	n, err := w.tx.CountDeparted(w.group.ID)
	if err != nil || n <= w.hub.limits.Departed {
		return err
	}
	return w.w.DropOldestDeparted(w.group.ID)
}

// Leave ends the caller's membership, or takes back his request. The last owner stays.
func (h *Hub) Leave(ctx context.Context, c Caller, g GroupID) (Change, error) {
	var r Change
	err := h.change(ctx, "leave", c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionLeave); err != nil {
			return err
		}
		if w.standing.Standing == moderation.StandingPending {
			r.Rev = w.head.Rev
			return w.dropRequest(w.caller.Identity)
		}
		if err := w.depart(*w.standing.Member); err != nil {
			return err
		}
		e, err := w.event(EntryLeave, AnyHash{}, "")
		r = w.changed(e)
		return err
	})
	return r, err
}

// Requests lists who waits to join, longest first; limit 0 is DefaultPage. Needs PermApprove.
func (h *Hub) Requests(ctx context.Context, c Caller, g GroupID, limit int) ([]Request, error) {
	var list []Request
	err := h.read(ctx, "requests", c, g, func(s *scene) error {
		if err := s.may(moderation.ActionRequests); err != nil {
			return err
		}
		var err error
		list, err = s.tx.Requests(g, pageSize(limit))
		return err
	})
	return list, err
}

// request finds one who waits by either hash.
func (s *scene) request(h AnyHash) (Request, error) {
	r, err := s.tx.RequestByHash(s.group.ID, h)
	if errors.Is(err, ErrNoRow) {
		return r, s.refuse(KindNotFound, "target", "nobody with this address is waiting to join")
	}
	return r, err
}

// Approve makes one who waits a member. Needs PermApprove.
func (h *Hub) Approve(ctx context.Context, c Caller, g GroupID, who AnyHash) (JoinResult, error) {
	var r JoinResult
	err := h.change(ctx, "approve", c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionApprove); err != nil {
			return err
		}
		q, err := w.request(who)
		if err != nil {
			return err
		}
		if r, err = w.admit(applicant{q.Identity, q.PublicKey, q.Ratchet, q.DisplayName, IdentityHash{}}, moderation.RoleMember); err != nil {
			return err
		}
		w.tell(Event{Kind: EventApproved, Who: q.Identity, Name: r.Name, Role: r.Member.Role})
		return errors.Join(w.heard(), w.audit(AnyHash(q.Identity), r.Name))
	})
	return r, err
}

// Reject turns one who waits away; he may ask again. Needs PermApprove.
func (h *Hub) Reject(ctx context.Context, c Caller, g GroupID, who AnyHash, reason string) (Change, error) {
	const op = "reject"
	var r Change
	reason, err := cleanText(op, "reason", reason, MaxReasonBytes)
	if err != nil {
		return r, err
	}
	err = h.change(ctx, op, c, g, &r, func(w *work) error {
		if err := w.may(moderation.ActionReject); err != nil {
			return err
		}
		if err := w.holdsNoCode(reason); err != nil {
			return err
		}
		q, err := w.request(who)
		if err != nil {
			return err
		}
		r.Rev = w.head.Rev
		w.tell(Event{Kind: EventRejected, Who: q.Identity, Name: q.DisplayName, Text: reason})
		return errors.Join(w.dropRequest(q.Identity), w.heard(), w.audit(AnyHash(q.Identity), strings.TrimSpace(q.DisplayName+" "+reason)))
	})
	return r, err
}

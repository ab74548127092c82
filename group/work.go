package group

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// work is a scene that may be changed.
type work struct {
	scene
	w      Tx
	events []Event
	erases bool // there is something to erase
	leaked bool // somebody who has the group's key was removed
	later  bool // a new epoch is due later
	idle   bool // nothing was done, and the answer would be the same again: it need not be remembered
}

// repeatable is a result that can be given again.
type repeatable interface{ markRepeated() }

func (c *Change) markRepeated() { c.Repeated = true }

// prepare checks what the face says about the caller and fills in the address.
func prepare(op string, c Caller) (Caller, error) {
	invalid := func(field, msg string) (Caller, error) {
		return c, &Error{Kind: KindInvalid, Op: op, Field: field, Msg: msg}
	}
	if len(c.ClientID) > MaxClientID {
		return invalid("client_id", "longer than 32 bytes")
	}
	if len(c.Ratchet) != 0 && len(c.Ratchet) != RatchetSize {
		c.Ratchet = nil
	}
	if len(c.PublicKey) != 0 {
		id, err := IdentityOf(c.PublicKey)
		if err != nil || id != c.Identity {
			return invalid("public_key", "does not belong to the identity")
		}
	}
	c.Address = Address{}
	if !c.Identity.IsZero() {
		c.Address = AddressOf(c.Identity)
	}
	return c, nil
}

// change runs f in one transaction on group g and fills result, a pointer that f writes to and that is stored for
// repetition when the caller gave a client id.
func (h *Hub) change(ctx context.Context, op string, c Caller, g GroupID, result any, f func(*work) error) error {
	c, err := prepare(op, c)
	if err != nil {
		return err
	}
	var w *work
	err = h.update(ctx, g, c.Begun, func(tx Tx) error {
		s, err := h.look(tx, op, c, g)
		if err != nil {
			return err
		}
		w = &work{scene: *s, w: tx}
		if repeated, err := w.repeat(result); repeated || err != nil {
			return err
		}
		if first, err := w.establishFirst(); err != nil {
			return err
		} else if first {
			return errOverdue
		}
		if err := w.checkCommand(); err != nil {
			return err
		}
		before := w.head
		if err := f(w); err != nil {
			return err
		}
		if w.head != before {
			if err := tx.PutHead(g, w.head); err != nil {
				return err
			}
		}
		if err := w.noteCommand(); err != nil {
			return err
		}
		if err := w.remember(result); err != nil {
			return err
		}
		return h.clock.advance(tx)
	})
	if errors.Is(err, errFlood) {
		err = h.muteFlooder(ctx, op, c, g)
	}
	if errors.Is(err, errOverdue) {
		if err := h.establishOverdue(ctx, c, g); err != nil {
			return err
		}
		c.Begun = nil // it may have been called
		return h.change(ctx, op, c, g, result, f)
	}
	if err != nil {
		if w != nil && c.Command != nil && Refused(err) && !errors.Is(err, ErrSeen) && w.standing.Member != nil && w.standing.Member.Present {
			// A member's refused command must not succeed when it is replayed after he was promoted.
			if err := h.NoteCommand(ctx, c, g); err != nil && !Refused(err) {
				return err
			}
		}
		return h.failed(op, err)
	}
	if w.erases {
		h.wakeEraser()
	}
	if w.later {
		select {
		case h.rekeying <- struct{}{}:
		default:
		}
	}
	for _, e := range w.events { // none when repeated
		e.Group, e.Head = g, w.head
		h.publish(e)
	}
	return nil
}

// update runs f in the store when it is group g's turn, and calls begun, if there is one, as early as the store can tell the order.
func (h *Hub) update(ctx context.Context, g GroupID, begun func(), f func(Tx) error) error {
	leave, err := h.writes.enter(ctx, g)
	if err != nil {
		return err
	}
	defer leave()
	if begun == nil {
		return h.store.Update(ctx, f)
	}
	if q, ok := h.store.(Queuer); ok {
		return q.UpdateQueued(ctx, f, begun)
	}
	return h.store.Update(ctx, func(tx Tx) error {
		begun()
		return f(tx)
	})
}

// read runs f on one snapshot of group g, when it is that group's turn.
func (h *Hub) read(ctx context.Context, op string, c Caller, g GroupID, f func(*scene) error) error {
	c, err := prepare(op, c)
	if err != nil {
		return err
	}
	leave, err := h.reads.enter(ctx, g)
	if err != nil {
		return h.failed(op, err)
	}
	defer leave()
	err = h.store.View(ctx, func(tx ReadTx) error {
		s, err := h.look(tx, op, c, g)
		if err != nil {
			return err
		}
		return f(s)
	})
	if err != nil {
		return h.failed(op, err)
	}
	return nil
}

// failed makes an *Error of whatever came back from a transaction.
func (h *Hub) failed(op string, err error) error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, ErrNotDurable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrClosed):
		h.log.Warn("not committed", "op", op, "err", err)
		return &Error{Kind: KindNotDurable, Op: op, Msg: "the server could not store this, try again later", Err: err}
	}
	h.log.Warn("failed", "op", op, "err", err)
	return &Error{Kind: KindInternal, Op: op, Msg: "an error inside the server", Err: err}
}

// repeat fills result with the stored answer to this client id, if there is one.
func (w *work) repeat(result any) (bool, error) {
	return w.hub.repeat(w.tx, w.group.ID, w.op, w.caller, result)
}

// repeat fills result with the stored answer to the caller's client id, if there is one. g is "" for what is done with whole groups.
func (h *Hub) repeat(tx ReadTx, g GroupID, op string, c Caller, result any) (bool, error) {
	if len(c.ClientID) == 0 || c.Identity.IsZero() && !c.Local { // nobody's answers are the operator's
		return false, nil
	}
	o, found, err := h.outcome(tx, g, c)
	if err != nil || !found {
		return false, err
	}
	if o.Op != op {
		return false, &Error{Kind: KindConflict, Op: op, Field: "client_id", Msg: "was used for another request"}
	}
	if err := json.Unmarshal(o.Result, result); err != nil {
		return false, err
	}
	if r, ok := result.(repeatable); ok {
		r.markRepeated()
	}
	return true, nil
}

// outcome is the stored answer to the caller's client id, if there is one. g is as for repeat.
func (h *Hub) outcome(tx ReadTx, g GroupID, c Caller) (o Outcome, found bool, err error) {
	expiry, err := h.clock.expiry(tx)
	if err != nil {
		return o, false, err
	}
	o, err = tx.Outcome(g, c.Identity, c.ClientID)
	if errors.Is(err, ErrNoRow) || (err == nil && expiry.Sub(o.Created) > OutcomesKept) {
		return o, false, nil
	}
	return o, err == nil, err
}

// Remembered reports whether something was done for the caller under his client id, in the group or with whole groups, and the answer is
// still kept: for faces that have to know it before they ask.
func (h *Hub) Remembered(ctx context.Context, c Caller, g GroupID) (bool, error) {
	if len(c.ClientID) == 0 || c.Identity.IsZero() && !c.Local {
		return false, nil
	}
	done := false
	err := h.read(ctx, "remembered", c, g, func(s *scene) error {
		for _, of := range []GroupID{g, ""} {
			_, found, err := h.outcome(s.tx, of, s.caller)
			if err != nil {
				return err
			}
			done = done || found
		}
		return nil
	})
	return done, err
}

// remember stores the answer under the client id, within the bound.
func (w *work) remember(result any) error {
	if w.idle {
		return nil
	}
	return w.hub.remember(w.w, w.group.ID, w.op, w.caller, w.expiry, result)
}

// remember stores the answer under the caller's client id, within the bound. g is as for repeat.
func (h *Hub) remember(tx Tx, g GroupID, op string, c Caller, expiry time.Time, result any) error {
	if len(c.ClientID) == 0 {
		return nil
	}
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	if _, err := tx.PruneOutcomes(expiry.Add(-OutcomesKept), 64); err != nil {
		return err
	}
	n, err := tx.CountOutcomes(c.Identity)
	if err != nil {
		return err
	}
	if n >= h.limits.Outcomes {
		if err := tx.DropOldestOutcome(c.Identity); err != nil {
			return err
		}
	}
	if h.remembered.Add(1)%countOutcomes == 0 {
		if err := h.dropSurplusOutcomes(tx, expiry); err != nil {
			return err
		}
	}
	return tx.PutOutcome(Outcome{Group: g, Identity: c.Identity, ClientID: c.ClientID, Op: op, Result: text, Created: expiry})
}

// dropSurplusOutcomes brings the number of all stored answers back to the bound.
func (h *Hub) dropSurplusOutcomes(tx Tx, expiry time.Time) error {
	n, err := tx.CountAllOutcomes()
	if surplus := n - h.limits.AllOutcomes; err == nil && surplus > 0 {
		_, err = tx.PruneOutcomes(expiry.Add(OutcomesKept), surplus)
	}
	return err
}

// nextRev gives a row its own number of change.
func (w *work) nextRev() Rev {
	w.head.Rev++
	return w.head.Rev
}

// put stores a member with a new rev.
func (w *work) put(m *Member) error {
	m.Rev = w.nextRev()
	return w.w.PutMember(*m)
}

// putGroup stores the group with a new rev.
func (w *work) putGroup() error {
	w.group.Rev, w.group.Updated = w.nextRev(), w.now
	return w.w.PutGroup(w.group)
}

// add appends an entry to the timeline and the chain. Kind, Author, Target, Ref, times and content are the caller's; Time
// is now unless set.
func (w *work) add(e Entry, original []byte) (Entry, error) {
	e.Group = w.group.ID
	w.head.Seq++
	e.Seq, e.Rev = w.head.Seq, w.nextRev()
	e.Written = e.Rev
	if e.Time.IsZero() {
		e.Time = w.now
	}
	e.Salt = make([]byte, SaltSize)
	if err := w.hub.random(e.Salt); err != nil {
		return e, err
	}
	e.Signed = len(original) > 0
	e.Digest = e.ContentDigest()
	e.Hash = ChainHash(w.head.Chain, e.Digest)
	w.head.Chain = e.Hash
	if w.head.Oldest == 0 {
		w.head.Oldest = e.Seq
	}
	w.tell(Event{Kind: EventChanged, Entry: &e})
	return e, w.w.AppendEntry(e, original)
}

// event appends an entry about something that happened, by the caller.
func (w *work) event(k EntryKind, target AnyHash, text string) (Entry, error) {
	return w.add(Entry{Kind: k, Author: w.caller.Identity, Target: target, Text: []byte(text)}, nil)
}

// tell queues an event for the subscribers, sent after the commit.
func (w *work) tell(e Event) { w.events = append(w.events, e) }

// audit writes a line to the log of moderation.
func (w *work) audit(target AnyHash, detail string) error {
	return w.auditAs(w.op, w.caller.Identity, target, detail)
}

// auditAs is audit of another action than the method. Who is zero: the operator, or the server by itself.
func (w *work) auditAs(action string, who IdentityHash, target AnyHash, detail string) error {
	return w.w.AddAudit(Audit{Group: w.group.ID, Time: w.now, By: who, Action: action, Target: target, Detail: detail}, w.hub.limits.Audit)
}

// heard notes that the caller, a member, was heard.
func (w *work) heard() error {
	m := w.standing.Member
	if m == nil || !m.Present {
		return nil
	}
	return touch(w.w, *m, w.caller, w.now, m.LastCommand)
}

// changed is the Change a method reports: the entry that tells it, and where the group stands now.
func (w *work) changed(e Entry) Change { return Change{Seq: e.Seq, Rev: w.head.Rev} }

// micros is a time as stored and hashed.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

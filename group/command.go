package group

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"time"
)

// ErrSeen is wrapped by the refusal of a text command that was handled before: it gets no second answer.
var ErrSeen = errors.New("seen before")

// ErrStale is wrapped by the refusal of a text command that is older than the newest one of its sender, or that came late:
// the sender should be asked to repeat it.
var ErrStale = errors.New("too old to act on")

// SeenID is the keyed hash under which a message is remembered for good: HMAC-SHA256(group's key, message id), 16 bytes.
func (g Group) SeenID(id MessageID) SeenID {
	mac := hmac.New(sha256.New, g.SeenKey)
	mac.Write(id[:])
	return SeenID(mac.Sum(nil)[:16])
}

// checkCommand refuses a text command that was seen, is old or came late.
func (s *scene) checkCommand() error {
	cmd := s.caller.Command
	if cmd == nil {
		return nil
	}
	if !cmd.MessageID.IsZero() {
		seen, err := s.tx.Seen(s.group.ID, s.group.SeenID(cmd.MessageID))
		if err != nil {
			return err
		}
		if seen {
			return &Error{Kind: KindConflict, Op: s.op, Field: "command", Msg: "this command was handled before", Err: ErrSeen}
		}
	}
	var last time.Time
	if m := s.standing.Member; m != nil {
		last = m.LastCommand
	}
	if r, err := s.tx.Request(s.group.ID, s.caller.Identity); err == nil && r.LastCommand.After(last) {
		last = r.LastCommand
	} else if err != nil && !errors.Is(err, ErrNoRow) {
		return err
	}
	if cmd.Late || !cmd.Timestamp.Truncate(time.Microsecond).After(last) {
		return &Error{Kind: KindInvalid, Op: s.op, Field: "command", Msg: "this command is old by now, please send it again", Err: ErrStale}
	}
	return nil
}

// noteCommand remembers the command with its effect: its id for good, its time with the sender's row, when he has one.
func (w *work) noteCommand() error {
	cmd := w.caller.Command
	if cmd == nil {
		return nil
	}
	if !cmd.MessageID.IsZero() {
		if err := w.w.AddSeen(w.group.ID, w.group.SeenID(cmd.MessageID)); err != nil {
			return err
		}
	}
	last := cmd.Timestamp.Truncate(time.Microsecond)
	if last.After(w.now) { // a clock that runs ahead must not lock its owner out when it is set right
		last = w.now
	}
	m, err := w.tx.Member(w.group.ID, w.caller.Identity)
	switch {
	case err == nil:
		if last.Before(m.LastCommand) {
			last = m.LastCommand
		}
		return w.w.TouchMember(w.group.ID, m.Identity, w.now, last, nil, nil)
	case !errors.Is(err, ErrNoRow):
		return err
	}
	r, err := w.tx.Request(w.group.ID, w.caller.Identity)
	switch {
	case err == nil:
		r.LastCommand = last
		return w.w.PutRequest(r)
	case !errors.Is(err, ErrNoRow):
		return err
	}
	return nil
}

// NoteCommand checks and remembers a text command that changes nothing (/who, /help). Its refusals wrap ErrSeen or
// ErrStale. A stranger's is checked and not remembered: strangers cause no writes.
func (h *Hub) NoteCommand(ctx context.Context, c Caller, g GroupID) error {
	const op = "command"
	c, err := prepare(op, c)
	if err != nil || c.Command == nil {
		return err
	}
	known := false
	err = h.read(ctx, op, c, g, func(s *scene) error {
		known = s.standing.Member != nil && s.standing.Member.Present
		return s.checkCommand()
	})
	if err != nil || !known {
		return err
	}
	err = h.store.Update(ctx, func(tx Tx) error {
		s, err := h.look(tx, op, c, g)
		if err != nil {
			return err
		}
		if err := s.checkCommand(); err != nil {
			return err
		}
		w := &work{scene: *s, w: tx}
		return w.noteCommand()
	})
	if err != nil {
		return h.failed(op, err)
	}
	return nil
}

package lxm

import (
	"context"
	"errors"
	"strings"
	"unicode/utf8"

	"groupd/api/faults"
	"groupd/api/signed"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
)

// turn is one message being handled.
type turn struct {
	s      *Server
	ctx    context.Context
	in     Inbound
	caller group.Caller // without the command
	st     group.Standing
	noted  bool // the Hub has seen the command
	posted bool // an entry was made of it
	joined bool // it made its author a member
}

// process handles one message to its end: effect, proof, answers, in this order. begun is called when what it changes has its place
// in the order of all changes. posts says that the author's message before this one was posted, and the result says it of this one.
func (s *Server) process(ctx context.Context, in Inbound, posts bool, begun func()) (posted bool) {
	t := &turn{s: s, ctx: ctx, in: in, caller: group.Caller{Identity: group.IdentityHash(in.Sender.Hash()), PublicKey: in.Sender.PublicKey(), Work: in.Work, Begun: begun}}
	if s.config.Ratchet != nil {
		t.caller.Ratchet = s.config.Ratchet(in.Message.Source)
	}
	decide := t.decide
	if posts && isPost(in) && !Marked(in.Message.Fields) {
		decide = t.post // the Hub looks at his standing again in any case
	}
	answers, err := guarded(decide)
	if err != nil {
		s.count.undecided.Add(1)
		s.faults.Note(ctx, err, "from", in.Message.Source)
		in.Drop()
		return false
	}
	in.Prove()
	o := Outbound{To: in.Message.Source, Identity: in.Sender, TTL: answerFor, Priority: lxmf.PriorityAnswer}
	if !posts && !t.member() {
		o.MaxStamp = strangerStamp
	}
	o.Ticket = posts || t.member() || t.joined
	s.say(ctx, o, answers...)
	return t.posted
}

// guarded makes an error of a panic: one message must not end the server, since it comes again, and would end it again.
func guarded(decide func() ([]string, error)) (answers []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = faults.Panicked(p)
		}
	}()
	return decide()
}

// decide does what the message asks for. The answers are for after the proof; an error means that nothing is decided.
func (t *turn) decide() (answers []string, err error) {
	if Marked(t.in.Message.Fields) {
		t.s.count.ignored.Add(1)
		return nil, nil
	}
	if t.st, err = t.s.hub.Standing(t.ctx, t.caller, t.s.group); err != nil {
		return nil, err
	}
	if t.st.Standing == moderation.StandingBanned {
		t.s.count.ignored.Add(1)
		return nil, nil
	}
	text, typed := signed.Command(t.in.Message)
	word, args := signed.Split(text)
	switch {
	case typed && t.member():
		return t.memberCommand(word, args)
	case typed:
		return t.strangerCommand(word, args)
	case t.member():
		return t.post()
	}
	return t.hint()
}

func (t *turn) member() bool {
	return t.st.Standing == moderation.StandingMember || t.st.Standing == moderation.StandingMuted
}

// post makes an entry of a member's message.
func (t *turn) post() ([]string, error) {
	m := t.in.Message
	if r, ok := signed.Reaction(m); ok {
		return t.react(r)
	}
	in := signed.Post(m)
	if len(strings.TrimSpace(string(in.Text))) == 0 && len(strings.TrimSpace(string(m.Title))) == 0 {
		if in.Kind == group.EntryAction {
			return t.refusal(textEmptyAction()), nil
		}
		kept, _ := lxmf.ParseFields(in.Fields) // none left reads as none
		if quiet(kept) && len(in.Attachments) == 0 {
			t.s.count.ignored.Add(1)
			return nil, nil
		}
	}
	if !utf8.Valid(in.Text) || !utf8.Valid(in.Title) {
		return t.refusal(textNotUTF8()), nil
	}
	if id, ok := t.s.repeats.seen(t.s.config.Now(), t.caller.Identity, m); ok && id != m.ID() {
		t.s.count.duplicates.Add(1)
		t.posted = true
		return t.refusal(textRepeated()), nil
	}
	if in.Ref = t.meant(in.RefID); in.Ref != 0 {
		in.RefID = group.MessageID{}
	}
	r, err := t.s.hub.Post(t.ctx, t.caller, t.s.group, in)
	if err == nil {
		t.s.repeats.add(t.s.config.Now(), t.caller.Identity, m)
	}
	switch {
	case err == nil && r.Duplicate:
		t.s.count.duplicates.Add(1)
		t.posted = true
		return nil, nil
	case err == nil:
		t.s.count.posted.Add(1)
		t.posted = true
		if r.Receipt {
			return whole(textReceipt(r.Seq, t.in.Late)), nil
		}
		return nil, nil
	case !group.Refused(err):
		return nil, err
	}
	switch group.KindOf(err) {
	case group.KindBanned:
		t.s.count.ignored.Add(1)
		return nil, nil
	case group.KindNotMember, group.KindPending: // removed just now
		return t.hint()
	}
	return t.refusal(t.notPosted(err)), nil
}

// meant is the entry that the author's program calls by an id, which may be that of his own copy of it; 0 where that is not
// found, or there is no id.
func (t *turn) meant(id group.MessageID) group.Seq {
	if id.IsZero() {
		return 0
	}
	r, err := t.s.reader(t.ctx)
	if err != nil {
		return 0
	}
	quote, _ := t.in.Message.Fields.ReplyQuote()
	seq, _ := r.resolve(t.caller.Identity, lxmf.MessageID(id), quote)
	return seq
}

// react puts a member's reaction under the post that it names. One to a post that is not here, or that was counted before,
// is nothing to answer.
func (t *turn) react(in group.ReactInput) ([]string, error) {
	note(&t.s.relays, &t.s.relays.reacts, t.caller.Identity)
	in.Seq = t.meant(in.RefID)
	_, err := t.s.hub.React(t.ctx, t.caller, t.s.group, in)
	switch {
	case err == nil:
		t.s.count.reactions.Add(1)
		return nil, nil
	case !group.Refused(err):
		return nil, err
	}
	switch group.KindOf(err) {
	case group.KindNotFound, group.KindBanned, group.KindInvalid, group.KindTooLarge, group.KindFull:
		t.s.count.ignored.Add(1)
		return nil, nil
	case group.KindNotMember, group.KindPending:
		return t.hint()
	}
	return t.refusal(t.notPosted(err)), nil
}

// quiet reports whether fields alone, without a text, are nothing that people would look at: positions, icons, reactions,
// what belongs to a text that is not there.
func quiet(f lxmf.Fields) bool {
	for key := range f.All() {
		k, ok := key.Int()
		if !ok {
			return false
		}
		switch k {
		case lxmf.FieldIcon, lxmf.FieldThread, lxmf.FieldResults, lxmf.FieldEvent, lxmf.FieldReferences, lxmf.FieldRenderer, lxmf.FieldReplyTo,
			lxmf.FieldReplyQuote, lxmf.FieldReaction, lxmf.FieldComment, lxmf.FieldContinuation, lxmf.FieldDebug, lxmf.FieldExtension:
		default:
			return false
		}
	}
	return true
}

// refusal tells a member that something was not done, unless he was told often just now.
func (t *turn) refusal(text string) []string {
	t.s.count.refused.Add(1)
	if t.s.rates.TakeOne(t.s.config.Now(), rateKey{t.caller.Identity, true}, refusalRate()) > 0 {
		return nil
	}
	return whole(text)
}

// hint tells one who is no member how to become one, once a day.
func (t *turn) hint() ([]string, error) {
	if !t.s.hub.StrangerAnswer(t.s.group, t.caller.Identity, t.in.Via, true) {
		t.s.count.silent.Add(1)
		return nil, nil
	}
	info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	t.s.count.hints.Add(1)
	return whole(textHint(info, t.address())), nil
}

// address is the caller's.
func (t *turn) address() group.Address { return group.AddressOf(t.caller.Identity) }

// strangerCommand runs a command of one who is no member, within the caps. What is not for him gets the hint, or what he may have
// meant, even where he had the day's hint: who mistypes /join has read it.
func (t *turn) strangerCommand(word, args string) ([]string, error) {
	if !t.s.hub.StrangerAnswer(t.s.group, t.caller.Identity, t.in.Via, false) {
		t.s.count.silent.Add(1)
		return nil, nil
	}
	c, ok := t.s.lookup(word)
	switch {
	case t.several():
		c = saying(textOneCommand())
	case !ok || !c.anyone:
		info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
		if err != nil {
			return nil, err
		}
		text := textHint(info, t.address())
		if near, found := t.s.nearest(word, t.st, info.Policy); found && !ok {
			text = textMeant(brief(moderation.CleanLine(word), 20), near.name)
		}
		c = saying(text)
	}
	return t.run(c, args)
}

// saying is a command that does nothing but answer this.
func saying(text string) command {
	return command{run: func(*turn, string) ([]string, error) { return whole(text), nil }}
}

// several reports whether a command is followed by others on lines of their own: they would be taken for its reason, or its name.
func (t *turn) several() bool {
	text, _ := signed.Command(t.in.Message)
	word, _ := signed.Split(text)
	if c, _ := t.s.lookup(word); c.text {
		return false
	}
	_, more, _ := strings.Cut(text, "\n")
	for line := range strings.Lines(more) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "/") {
			next, _ := signed.Split(line)
			if _, ok := t.s.lookup(next); ok {
				return true
			}
		}
	}
	return false
}

// memberCommand runs a command of a member.
func (t *turn) memberCommand(word, args string) ([]string, error) {
	if wait := t.s.rates.TakeOne(t.s.config.Now(), rateKey{t.caller.Identity, false}, commandRate()); wait > 0 {
		return t.refusal(textTooManyCommands(wait)), nil
	}
	c, ok := t.s.lookup(word)
	switch {
	case t.several():
		c = saying(textOneCommand())
	case !ok:
		c = saying(t.unknown(word))
	}
	return t.run(c, args)
}

// run runs one command. Answers to refusals are words, other errors mean that nothing is decided.
func (t *turn) run(c command, args string) ([]string, error) {
	t.s.count.commands.Add(1)
	answers, err := c.run(t, args)
	if !t.noted && (err == nil || group.Refused(err)) {
		// It changed nothing, or did not get so far: it is remembered all the same, and an old one gets no answer.
		if noted := t.s.hub.NoteCommand(t.ctx, t.command(), t.s.group); noted != nil {
			err = noted
		}
	}
	switch {
	case err == nil:
		return answers, nil
	case !group.Refused(err):
		return nil, err
	case errors.Is(err, group.ErrSeen), group.KindOf(err) == group.KindBanned:
		t.s.count.ignored.Add(1)
		return nil, nil
	case errors.Is(err, group.ErrStale):
		return t.refusal(textStale()), nil
	}
	t.s.count.refused.Add(1)
	return whole(t.explain(err)), nil
}

// command is the caller of a Hub method that acts on this command: it runs only if the command is fresh, and is remembered
// with its effect.
func (t *turn) command() group.Caller {
	t.noted = true
	c, m := t.caller, t.in.Message
	c.Command = &group.Command{MessageID: group.MessageID(m.ID()), Timestamp: m.Time(), Late: t.in.Late}
	return c
}

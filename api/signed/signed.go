// Package signed says what an LXMF message of a member means: a post, a reaction, or a command. Every face that takes such
// messages reads them here, so that one that came twice, by LXMF and over a link, is the same post.
package signed

import (
	"encoding/hex"
	"iter"
	"strings"
	"unicode"

	"groupd/group"
	"groupd/lxmf"
	"groupd/rns/msgpack"
)

// Markers in field 0xFB of messages that a group server made: ours, and by which another one names whose reaction it relays
// (spec 4 §8.6).
const (
	MarkerType  = "groupd"
	reactorType = "originator-identity"
)

// Marked reports whether a message was made or relayed by a group server: it is not posted and not answered.
func Marked(f lxmf.Fields) bool {
	raw, ok := f.Get(lxmf.FieldCustomType)
	if !ok {
		return false
	}
	word, ok := textOf(raw)
	return ok && (word == MarkerType || word == reactorType)
}

// Command returns the text of a command, from its "/" on. "//" is none, and neither is "/me".
func Command(m *lxmf.Message) (string, bool) {
	text := leadingTrimmed(string(m.Content))
	if text == "" && len(m.Title) == 0 {
		text = fieldCommand(m.Fields)
	}
	if !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
		return "", false
	}
	if _, me := action(text); me {
		return "", false
	}
	return text, true
}

// fieldCommand is the command line in a COMMANDS field, as Sideband sends what its user types as a command to a contact
// (spec 4 §7.5).
func fieldCommand(f lxmf.Fields) string {
	raw, ok := f.Get(lxmf.FieldCommands)
	if !ok {
		return ""
	}
	list, ok := raw.Array()
	if !ok || len(list) != 1 {
		return ""
	}
	inner, err := lxmf.ParseFields(list[0])
	if err != nil {
		return ""
	}
	const plugin = 0
	line, ok := inner.Get(plugin)
	if !ok {
		return ""
	}
	s, ok := line.Str()
	if s = leadingTrimmed(s); !ok || s == "" {
		return ""
	}
	return "/" + strings.TrimLeft(s, "/")
}

// Post is the post that a message is; its attachments are read from the message. Location, telemetry, commands, tickets and what
// programs tell each other (0xFB to 0xFD) are not kept, and with them goes the proof.
func Post(m *lxmf.Message) group.PostInput {
	in := group.PostInput{
		Kind: group.EntryPost, Title: m.Title, Text: m.Content, MessageID: group.MessageID(m.ID()), AuthorTime: m.Time(),
		Marked: Marked(m.Fields),
	}
	if text := leadingTrimmed(string(m.Content)); strings.HasPrefix(text, "//") {
		in.Text = []byte(text[1:])
	} else if does, me := action(text); me {
		in.Kind, in.Text = group.EntryAction, []byte(does)
	}
	fields := m.Fields
	fields.Delete(lxmf.FieldTelemetry, lxmf.FieldTelemetryStream, lxmf.FieldCommands, lxmf.FieldTicket, lxmf.FieldCustomType, lxmf.FieldCustomData, lxmf.FieldCustomMeta)
	if id, ok := target(fields); ok {
		in.RefID = group.MessageID(id)
	} else if id, rest, ok := quoted(in.Text); ok {
		in.RefID, in.Text = group.MessageID(id), rest
	}
	in.Stripped = fields.Len() != m.Fields.Len()
	in.Attachments = attachments(m)
	if lean, err := m.Lean(); err == nil { // else its files can not be read either
		in.Original = lean
	}
	fields.Delete(lxmf.FieldAttachments, lxmf.FieldImage, lxmf.FieldAudio)
	if fields.Len() > 0 {
		in.Fields = fields.Raw()
	}
	return in
}

// target is the message that a post answers, comments on or goes on from, as its author's program calls it.
func target(f lxmf.Fields) (id lxmf.MessageID, ok bool) {
	if id, ok = f.ReplyTo(); ok {
		return id, ok
	}
	if id, ok = f.Comment(); ok {
		return id, ok
	}
	if id, ok = f.Continuation(); ok {
		return id, ok
	}
	for key, value := range extension(f) {
		if word, _ := textOf(key); word == "reply_to" {
			return idOf(value)
		}
	}
	return id, false
}

// quotedDigits is how much of an id stands in a text, in hex digits (spec 4 §7.4).
const quotedDigits = 32

// quoted takes "> id" off the first line of a text, which is how some clients write a reply: half an id, or the whole. Of half an
// id the rest is zero.
func quoted(text []byte) (id lxmf.MessageID, rest []byte, ok bool) {
	head, after, more := strings.Cut(string(text), "\n")
	digits, isQuote := strings.CutPrefix(strings.TrimRight(head, "\r "), "> ")
	if !isQuote || !more || strings.TrimSpace(after) == "" || (len(digits) != quotedDigits && len(digits) != 2*len(id)) {
		return id, nil, false
	}
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return lxmf.MessageID{}, nil, false
	}
	return id, []byte(after), true
}

// Reaction is the reaction that a message without a text is, in either form that clients use: field 0x40, or "reaction_to" in
// field 0x10 (spec 4 §7.4). A text that only repeats the reaction does not count.
func Reaction(m *lxmf.Message) (group.ReactInput, bool) {
	r, ok := m.Fields.Reaction()
	if !ok {
		r, ok = extendedReaction(m.Fields)
	}
	if text := strings.TrimSpace(string(m.Title) + string(m.Content)); !ok || (text != "" && text != r.Text) {
		return group.ReactInput{}, false
	}
	return group.ReactInput{RefID: group.MessageID(r.Target), Text: r.Text, MessageID: group.MessageID(m.ID())}, true
}

// extendedReaction reads {"reaction_to": 64 hex digits or 32 bytes, "emoji": text} in field 0x10.
func extendedReaction(f lxmf.Fields) (r lxmf.Reaction, ok bool) {
	hasTarget, hasText := false, false
	for key, value := range extension(f) {
		switch word, _ := textOf(key); word {
		case "reaction_to":
			r.Target, hasTarget = idOf(value)
		case "emoji":
			r.Text, hasText = textOf(value)
		}
	}
	return r, hasTarget && hasText
}

// extension yields what is in field 0x10; nothing where that is no map.
func extension(f lxmf.Fields) iter.Seq2[msgpack.Raw, msgpack.Raw] {
	raw, _ := f.Get(lxmf.FieldExtension)
	inner, err := lxmf.ParseFields(raw)
	if err != nil {
		inner = lxmf.Fields{}
	}
	return inner.All()
}

// idOf reads an id as 32 bytes or 64 hex digits.
func idOf(raw msgpack.Raw) (id lxmf.MessageID, ok bool) {
	b, isBin := raw.Bin()
	if !isBin || len(b) != len(id) {
		text, _ := textOf(raw)
		b, _ = hex.DecodeString(text)
	}
	if len(b) != len(id) {
		return id, false
	}
	return lxmf.MessageID(b), true
}

// textOf reads a text that may be packed as bytes.
func textOf(raw msgpack.Raw) (string, bool) {
	if s, ok := raw.Str(); ok {
		return s, true
	}
	b, ok := raw.Bin()
	return string(b), ok
}

// leadingTrimmed cuts off white space, and what shows as nothing, at the beginning.
func leadingTrimmed(s string) string {
	return strings.TrimLeftFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) })
}

// action takes "/me" off a text.
func action(text string) (string, bool) {
	word, args := Split(text)
	return args, word == "me" && strings.HasPrefix(text, "/")
}

// Split takes the text of a command apart, which begins with "/": the word in lower case without "-" and "_", and the rest of
// the text.
func Split(text string) (word, args string) {
	text = strings.TrimPrefix(text, "/")
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	word = strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(text[:end]))
	return word, strings.TrimSpace(text[end:])
}

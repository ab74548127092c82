package lxmf

import (
	"fmt"
	"iter"
	"slices"

	"groupd/rns/msgpack"
)

// Keys of the standard fields (spec 4 §1.9). Keys from 0x00 to 0x80 are reserved; experiments belong above 0xFF.
const (
	FieldEmbeddedMessages = 0x01 // list of packed messages (EMBEDDED_LXMS)
	FieldTelemetry        = 0x02 // packed map of sensor readings (TELEMETRY)
	FieldTelemetryStream  = 0x03 // list of other people's telemetry (TELEMETRY_STREAM)
	FieldIcon             = 0x04 // icon name and two colours (ICON_APPEARANCE)
	FieldAttachments      = 0x05 // list of name and data (FILE_ATTACHMENTS)
	FieldImage            = 0x06 // format and data (IMAGE)
	FieldAudio            = 0x07 // mode and data (AUDIO)
	FieldThread           = 0x08 // thread id (THREAD)
	FieldCommands         = 0x09 // list of maps (COMMANDS)
	FieldResults          = 0x0a // RESULTS
	FieldGroup            = 0x0b // GROUP; no client uses it
	FieldTicket           = 0x0c // expiry and ticket (TICKET)
	FieldEvent            = 0x0d // EVENT
	FieldReferences       = 0x0e // RNR_REFS
	FieldRenderer         = 0x0f // how to show the content (RENDERER)
	FieldReplyTo          = 0x30 // id of the message being answered (REPLY_TO)
	FieldReplyQuote       = 0x31 // quoted text (REPLY_QUOTE)
	FieldReaction         = 0x40 // target id and reaction (REACTION)
	FieldComment          = 0x41 // target id (COMMENT)
	FieldContinuation     = 0x42 // id of the earlier part (CONTINUATION)
	FieldCustomType       = 0xfb // CUSTOM_TYPE
	FieldCustomData       = 0xfc // CUSTOM_DATA
	FieldCustomMeta       = 0xfd // CUSTOM_META
	FieldNonSpecific      = 0xfe // NON_SPECIFIC
	FieldDebug            = 0xff // DEBUG
)

// Renderers of message content.
const (
	RendererPlain    = 0
	RendererMicron   = 1
	RendererMarkdown = 2
	RendererBBCode   = 3
)

// MaxFields is the largest number of fields of a message; more are malformed. Tunable: no client sends a tenth of it.
const MaxFields = 256

// Fields are the fields of a message: an ordered map whose keys and values are kept byte for byte as received, so that
// what nobody here understands survives being stored and sent again. The zero value is empty and ready to use. Values that
// were read are spans of the message. A copy shares its entries with the original until one of them is changed.
type Fields struct {
	entries []msgpack.Entry
	raw     msgpack.Raw // as received; nil after a change
}

// ParseFields reads a packed map. Anything else, a key that stands twice or more than [MaxFields] are [ErrMalformed].
func ParseFields(raw msgpack.Raw) (Fields, error) {
	rd := msgpack.NewReader(raw)
	if kind := rd.Kind(); kind != msgpack.KindMap {
		return Fields{}, fmt.Errorf("%w: fields are %s, not a map", ErrMalformed, kind)
	}
	span, err := rd.Raw()
	if err != nil {
		return Fields{}, malformed("fields", err)
	}
	if rd.Len() != 0 {
		return Fields{}, fmt.Errorf("%w: %d bytes behind the fields", ErrMalformed, rd.Len())
	}
	rd = msgpack.NewReader(span)
	n, err := rd.Map()
	if err != nil {
		return Fields{}, malformed("fields", err)
	}
	if n > MaxFields {
		return Fields{}, fmt.Errorf("%w: %d fields", ErrMalformed, n)
	}
	f := Fields{raw: span, entries: make([]msgpack.Entry, n)}
	for i := range f.entries {
		if f.entries[i].Key, err = rd.Raw(); err != nil {
			return Fields{}, malformed("fields", err)
		}
		if f.entries[i].Value, err = rd.Raw(); err != nil {
			return Fields{}, malformed("fields", err)
		}
	}
	return f, nil
}

// Len returns the number of fields.
func (f *Fields) Len() int { return len(f.entries) }

// All yields the fields in their order, keys and values packed.
func (f *Fields) All() iter.Seq2[msgpack.Raw, msgpack.Raw] {
	return func(yield func(msgpack.Raw, msgpack.Raw) bool) {
		for _, e := range f.entries {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// Get returns the value of the field with an integer key, whatever its width when it was received.
func (f *Fields) Get(key int64) (msgpack.Raw, bool) {
	if i := f.index(key); i >= 0 {
		return f.entries[i].Value, true
	}
	return nil, false
}

// Has reports whether there is a field with this integer key.
func (f *Fields) Has(key int64) bool { return f.index(key) >= 0 }

// Set gives the field with an integer key a value, in its old place or at the end. The value must be one well-formed
// packed value in its shortest form.
func (f *Fields) Set(key int64, value msgpack.Raw) {
	f.entries, f.raw = slices.Clone(f.entries), nil
	if i := f.index(key); i >= 0 {
		f.entries[i].Value = value
		return
	}
	f.entries = append(f.entries, msgpack.Entry{Key: msgpack.Int(key), Value: value})
}

// SetRaw does the same for a key of any kind; keys are compared by their bytes.
func (f *Fields) SetRaw(key, value msgpack.Raw) {
	if k, ok := key.Int(); ok {
		f.Set(k, value)
		return
	}
	f.entries, f.raw = slices.Clone(f.entries), nil
	for i := range f.entries {
		if string(f.entries[i].Key) == string(key) {
			f.entries[i].Value = value
			return
		}
	}
	f.entries = append(f.entries, msgpack.Entry{Key: key, Value: value})
}

// Delete removes fields by their integer keys.
func (f *Fields) Delete(keys ...int64) {
	if !slices.ContainsFunc(keys, f.Has) {
		return
	}
	f.raw = nil
	f.entries = slices.DeleteFunc(slices.Clone(f.entries), func(e msgpack.Entry) bool {
		k, ok := e.Key.Int()
		return ok && slices.Contains(keys, k)
	})
}

// Raw returns the packed map: the bytes received when nothing was changed, an empty map for no fields.
func (f *Fields) Raw() msgpack.Raw {
	if f.raw != nil {
		return f.raw
	}
	return msgpack.Map(f.entries...)
}

func (f *Fields) index(key int64) int {
	return slices.IndexFunc(f.entries, func(e msgpack.Entry) bool {
		k, ok := e.Key.Int()
		return ok && k == key
	})
}

// array returns the elements of a field that is an array of at least n.
func (f *Fields) array(key int64, n int) ([]msgpack.Raw, bool) {
	raw, ok := f.Get(key)
	if !ok {
		return nil, false
	}
	values, ok := raw.Array()
	return values, ok && len(values) >= n
}

// textOf returns text from a str, or from a bin as other implementations write it.
func textOf(raw msgpack.Raw) (string, bool) {
	if s, ok := raw.Str(); ok {
		return s, true
	}
	b, ok := raw.Bin()
	return string(b), ok
}

// idOf returns a message id from a bin of its length.
func idOf(raw msgpack.Raw) (id MessageID, ok bool) {
	b, ok := raw.Bin()
	if !ok || len(b) != len(id) {
		return id, false
	}
	return MessageID(b), true
}

// Attachment is one attached file.
type Attachment struct {
	Name string // as the sender wrote it: may hold path separators, control characters, anything
	Data []byte
}

// Attachments returns the attached files. Elements that are not a name and data are left out.
func (f *Fields) Attachments() []Attachment {
	list, ok := f.array(FieldAttachments, 0)
	if !ok {
		return nil
	}
	var out []Attachment
	for _, raw := range list {
		pair, ok := raw.Array()
		if !ok || len(pair) < 2 {
			continue
		}
		name, okName := textOf(pair[0])
		data, okData := pair[1].Bin()
		if okName && okData {
			out = append(out, Attachment{Name: name, Data: data})
		}
	}
	return out
}

// SetAttachments sets the attached files; names are written as text, data as bytes.
func (f *Fields) SetAttachments(files ...Attachment) {
	list := make([]msgpack.Raw, len(files))
	for i, a := range files {
		list[i] = msgpack.Array(msgpack.Str(a.Name), msgpack.Bin(a.Data))
	}
	f.Set(FieldAttachments, msgpack.Array(list...))
}

// Image is an inline image.
type Image struct {
	Format string // "webp", "jpg", "png" …, without "image/"
	Data   []byte
}

// Image returns the inline image.
func (f *Fields) Image() (Image, bool) {
	v, ok := f.array(FieldImage, 2)
	if !ok {
		return Image{}, false
	}
	format, okFormat := textOf(v[0])
	data, okData := v[1].Bin()
	return Image{Format: format, Data: data}, okFormat && okData
}

// SetImage sets the inline image.
func (f *Fields) SetImage(i Image) {
	f.Set(FieldImage, msgpack.Array(msgpack.Str(i.Format), msgpack.Bin(i.Data)))
}

// Audio is a voice message.
type Audio struct {
	Mode int // codec: 0x01–0x09 Codec2, 0x10–0x19 Opus, 0xff custom
	Data []byte
}

// Audio returns the voice message.
func (f *Fields) Audio() (Audio, bool) {
	v, ok := f.array(FieldAudio, 2)
	if !ok {
		return Audio{}, false
	}
	mode, okMode := v[0].Int()
	data, okData := v[1].Bin()
	return Audio{Mode: int(mode), Data: data}, okMode && okData
}

// SetAudio sets the voice message.
func (f *Fields) SetAudio(a Audio) {
	f.Set(FieldAudio, msgpack.Array(msgpack.Int(int64(a.Mode)), msgpack.Bin(a.Data)))
}

// Icon is the sender's icon.
type Icon struct {
	Name                   string // of a Material Design Icon
	Foreground, Background [3]byte
}

// Icon returns the sender's icon.
func (f *Fields) Icon() (i Icon, ok bool) {
	v, ok := f.array(FieldIcon, 3)
	if !ok {
		return i, false
	}
	if i.Name, ok = textOf(v[0]); !ok {
		return Icon{}, false
	}
	for j, c := range []*[3]byte{&i.Foreground, &i.Background} {
		b, ok := v[j+1].Bin()
		if !ok || len(b) != len(c) {
			return Icon{}, false
		}
		*c = [3]byte(b)
	}
	return i, true
}

// SetIcon sets the sender's icon.
func (f *Fields) SetIcon(i Icon) {
	f.Set(FieldIcon, msgpack.Array(msgpack.Str(i.Name), msgpack.Bin(i.Foreground[:]), msgpack.Bin(i.Background[:])))
}

// Ticket returns the ticket; whoever uses it must have verified the message and must look at its expiry.
func (f *Fields) Ticket() (t Ticket, ok bool) {
	v, ok := f.array(FieldTicket, 2)
	if !ok {
		return t, false
	}
	expires, okExpires := v[0].Number()
	value, okValue := v[1].Bin()
	if !okExpires || !okValue || len(value) != len(t.Value) {
		return Ticket{}, false
	}
	return Ticket{Expires: expires, Value: [TicketLength]byte(value)}, true
}

// SetTicket sets the ticket.
func (f *Fields) SetTicket(t Ticket) {
	f.Set(FieldTicket, msgpack.Array(msgpack.Float(t.Expires), msgpack.Bin(t.Value[:])))
}

// Thread returns the id of the thread, of whatever length.
func (f *Fields) Thread() ([]byte, bool) { return f.bin(FieldThread) }

// SetThread sets the id of the thread.
func (f *Fields) SetThread(id []byte) { f.Set(FieldThread, msgpack.Bin(id)) }

func (f *Fields) bin(key int64) ([]byte, bool) {
	raw, ok := f.Get(key)
	if !ok {
		return nil, false
	}
	return raw.Bin()
}

// Renderer returns how the content wants to be shown.
func (f *Fields) Renderer() (int, bool) {
	raw, ok := f.Get(FieldRenderer)
	if !ok {
		return 0, false
	}
	v, ok := raw.Int()
	return int(v), ok
}

// SetRenderer sets how the content wants to be shown.
func (f *Fields) SetRenderer(r int) { f.Set(FieldRenderer, msgpack.Int(int64(r))) }

// ReplyTo returns the id of the message that is answered, as the author of the answer holds it.
func (f *Fields) ReplyTo() (MessageID, bool) {
	raw, ok := f.Get(FieldReplyTo)
	if !ok {
		return MessageID{}, false
	}
	return idOf(raw)
}

// SetReplyTo sets the id of the message that is answered.
func (f *Fields) SetReplyTo(id MessageID) { f.Set(FieldReplyTo, msgpack.Bin(id[:])) }

// ReplyQuote returns the quoted text of the message that is answered.
func (f *Fields) ReplyQuote() (string, bool) {
	raw, ok := f.Get(FieldReplyQuote)
	if !ok {
		return "", false
	}
	return textOf(raw)
}

// SetReplyQuote sets the quoted text.
func (f *Fields) SetReplyQuote(text string) { f.Set(FieldReplyQuote, msgpack.Bin([]byte(text))) }

// Keys inside the maps of reactions, comments and continuations.
const (
	targetKey   = 0
	reactionKey = 1
)

// target returns the target id and the further values of a field that is a map with one.
func (f *Fields) target(key int64) (id MessageID, inner Fields, ok bool) {
	raw, ok := f.Get(key)
	if !ok {
		return id, inner, false
	}
	inner, err := ParseFields(raw)
	if err != nil {
		return id, inner, false
	}
	v, ok := inner.Get(targetKey)
	if !ok {
		return id, inner, false
	}
	id, ok = idOf(v)
	return id, inner, ok
}

func targetMap(id MessageID, more ...msgpack.Entry) msgpack.Raw {
	return msgpack.Map(append([]msgpack.Entry{{Key: msgpack.Int(targetKey), Value: msgpack.Bin(id[:])}}, more...)...)
}

// Reaction is a short answer to a message, usually one emoji.
type Reaction struct {
	Target MessageID
	Text   string
}

// Reaction returns the reaction that the message is.
func (f *Fields) Reaction() (Reaction, bool) {
	id, inner, ok := f.target(FieldReaction)
	if !ok {
		return Reaction{}, false
	}
	raw, ok := inner.Get(reactionKey)
	if !ok {
		return Reaction{}, false
	}
	text, ok := textOf(raw)
	return Reaction{Target: id, Text: text}, ok
}

// SetReaction makes the message a reaction.
func (f *Fields) SetReaction(r Reaction) {
	f.Set(FieldReaction, targetMap(r.Target,
		msgpack.Entry{Key: msgpack.Int(reactionKey), Value: msgpack.Bin([]byte(r.Text))}))
}

// Comment returns the id of the message that the content comments on.
func (f *Fields) Comment() (MessageID, bool) {
	id, _, ok := f.target(FieldComment)
	return id, ok
}

// SetComment makes the content a comment on a message.
func (f *Fields) SetComment(id MessageID) { f.Set(FieldComment, targetMap(id)) }

// Continuation returns the id of the message that the content goes on from.
func (f *Fields) Continuation() (MessageID, bool) {
	id, _, ok := f.target(FieldContinuation)
	return id, ok
}

// SetContinuation makes the content go on from an earlier message.
func (f *Fields) SetContinuation(id MessageID) { f.Set(FieldContinuation, targetMap(id)) }

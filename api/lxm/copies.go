package lxm

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"groupd/api/signed"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// Tunables of copies.
const (
	// replySpan is how many entries before it an entry may answer one so that its copies say so.
	replySpan = 500
	// maxQuote is the longest quotation that is relayed, in bytes.
	maxQuote = 200
	// maxRun is the most lines in one message on a slow way.
	maxRun = 16
	// copyIDs is how many ids of copies are remembered; the oldest are forgotten, and computed again when they are needed.
	copyIDs = 1 << 14
	// weighed is how many bytes of files copies are recomputed with for one answer.
	weighed = 8 << 20
)

// form is how a copy is made. Which one somebody has depends on the way to him and on what he wants.
type form uint8

const (
	formFull form = iota // with its files
	formText             // with notes in place of files
	formSlow             // the same, cut to what fits one packet
	forms
)

// Sizes of what a copy has more than an answer, in bytes: key and value of field 0xFC, and key and value of field 0x30.
const (
	placeBytes   = 2 + 1 + 2 + placeLength + 5
	placeLength  = 4
	replyToBytes = 1 + 2 + len(lxmf.MessageID{})
)

// slowRoom is the room for the lines of a message on a slow way.
const slowRoom = MaxContent - placeBytes

// place is the marker of a relayed message: who relays, and the number of the newest entry in it.
func place(f *lxmf.Fields, from group.Address, seq group.Seq) {
	f.Set(lxmf.FieldCustomType, msgpack.Str(signed.MarkerType))
	f.Set(lxmf.FieldCustomData, msgpack.Array(msgpack.Bin(from[:placeLength]), msgpack.Int(int64(seq))))
}

// copyKey names a copy.
type copyKey struct {
	seq  group.Seq
	to   group.IdentityHash
	form form
}

// copyCache remembers ids of copies. Any goroutine may use it.
type copyCache struct {
	mu   sync.Mutex // leaf
	ids  map[copyKey]lxmf.MessageID
	ring []copyKey
	next int
}

func (c *copyCache) get(k copyKey) (lxmf.MessageID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, ok := c.ids[k]
	return id, ok
}

func (c *copyCache) put(k copyKey, id lxmf.MessageID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil {
		c.ids = make(map[copyKey]lxmf.MessageID)
	}
	if _, known := c.ids[k]; !known {
		if len(c.ring) < copyIDs {
			c.ring = append(c.ring, k)
		} else {
			delete(c.ids, c.ring[c.next])
			c.ring[c.next] = k
			c.next = (c.next + 1) % copyIDs
		}
	}
	c.ids[k] = id
}

// draft is the copy of one item for one member. It depends on nothing but the item, those that it answers, and the member: so
// its id is known without having been kept.
func (r *reader) draft(it item, to group.IdentityHash, f form) lxmf.Draft {
	d := lxmf.Draft{Destination: rns.DestinationHash(group.AddressOf(to)), Timestamp: lxmf.Timestamp(it.Time)}
	withFiles := false
	if f == formFull && it.hasFiles() {
		d.Fields, withFiles = r.files(it, to)
	}
	content := r.line(it, !withFiles)
	held, hasHeld := r.answered(it, to, f)
	switch {
	case f == formSlow:
		content = clipped(content, it.Seq)
		if hasHeld && len(content)+replyToBytes <= slowRoom {
			d.Fields.SetReplyTo(held)
		}
	case hasHeld:
		r.answers(&d.Fields, it, held)
	}
	if f != formSlow {
		if it.quote != "" {
			d.Fields.SetReplyQuote(it.quote)
		}
		switch {
		case hasHeld && string(it.thread) == string(it.target[:]):
			d.Fields.SetThread(held[:])
		case len(it.thread) > 0 && len(it.thread) <= len(held):
			d.Fields.SetThread(it.thread) // names no message that others could know otherwise
		}
	}
	place(&d.Fields, r.s.address, it.Seq)
	d.Content = []byte(content)
	return d
}

// answers sets what an item answers, in the field that its author's program used.
func (r *reader) answers(f *lxmf.Fields, it item, held lxmf.MessageID) {
	if it.comment {
		f.SetComment(held)
	}
	if it.continues {
		f.SetContinuation(held)
	}
	f.SetReplyTo(held)
}

// answered is the id that a member's program knows the message by which an item answers.
func (r *reader) answered(it item, to group.IdentityHash, f form) (lxmf.MessageID, bool) {
	if it.Ref == 0 || it.Ref >= it.Seq || it.Seq-it.Ref > replySpan {
		return lxmf.MessageID{}, false
	}
	of, ok := r.item(it.Ref)
	if !ok || of.Deleted || !of.Kind.Authored() {
		return lxmf.MessageID{}, false
	}
	return r.held(of, to, f)
}

// held is the id that a member's program knows an item by: that of his own message, or of his copy.
func (r *reader) held(it item, to group.IdentityHash, f form) (lxmf.MessageID, bool) {
	if it.Author == to && !to.IsZero() {
		return lxmf.MessageID(it.MessageID), !it.MessageID.IsZero()
	}
	return r.copyID(it, to, f), true
}

// copyID is the id of an item's copy. The chain of those that it answers is walked from its other end, so that it may be long.
func (r *reader) copyID(it item, to group.IdentityHash, f form) lxmf.MessageID {
	var chain []item
	for at, ok := it, true; ok && at.Author != to && !at.Deleted; {
		if _, known := r.s.copies.get(copyKey{at.Seq, to, f}); known && at.Seq != it.Seq {
			break
		}
		chain = append(chain, at)
		if at.Ref == 0 || at.Ref >= at.Seq || at.Seq-at.Ref > replySpan {
			break
		}
		at, ok = r.item(at.Ref)
	}
	var id lxmf.MessageID
	for _, at := range slices.Backward(chain) {
		key := copyKey{at.Seq, to, f}
		known := false
		if id, known = r.s.copies.get(key); !known {
			d := r.draft(at, to, f)
			id = d.ID(rns.DestinationHash(r.s.address))
			r.s.copies.put(key, id)
		}
	}
	return id
}

// files are the files of an item, cleaned, in fields of their own. Nothing else that a member sends is relayed in fields. False when
// one cannot be read.
func (r *reader) files(it item, to group.IdentityHash) (out lxmf.Fields, ok bool) {
	var list []lxmf.Attachment
	for i, a := range it.files {
		data, err := r.content(it.Seq, i, to)
		if err != nil {
			return lxmf.Fields{}, false
		}
		switch a.Kind {
		case group.AttachImage:
			out.SetImage(lxmf.Image{Format: format(a.Name), Data: data})
		case group.AttachAudio:
			out.SetAudio(lxmf.Audio{Mode: int(a.Mode), Data: data})
		default:
			list = append(list, lxmf.Attachment{Name: fileName(a.Name), Data: data})
		}
	}
	if len(list) > 0 {
		out.SetAttachments(list...)
	}
	return out, true
}

// content reads an attachment as a member may.
func (r *reader) content(seq group.Seq, index int, to group.IdentityHash) ([]byte, error) {
	a, err := r.s.hub.Attachment(r.ctx, group.Caller{Identity: to}, r.s.group, group.AttachmentQuery{Seq: seq, Index: index})
	if err != nil {
		return nil, err
	}
	defer a.Content.Close()
	return io.ReadAll(io.NewSectionReader(a.Content, 0, a.Size))
}

// format keeps the word of an image format.
func format(s string) string {
	s = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, strings.ToLower(s))
	return s[:min(len(s), 8)]
}

// fileName makes a file's name one that is safe to show and to store: no path, nothing hidden.
func fileName(s string) string {
	s = moderation.CleanLine(s)
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.TrimLeft(s, ".~- ")
	if s == "" {
		return "file"
	}
	return brief(s, 100)
}

// clipped cuts a line to what fits a message on a slow way, and says how to get the rest.
func clipped(line string, seq group.Seq) string {
	if len(line) <= slowRoom {
		return line
	}
	more := textRest(seq)
	return strings.TrimRight(clip(line, slowRoom-len(more)), " ") + more
}

// runLine is the line of an item in a message with others. There is no room to name what it answers but in words.
func (r *reader) runLine(it item) string {
	line := clipped(r.line(it, true), it.Seq)
	if it.Ref == 0 || it.Kind != group.EntryPost {
		return line
	}
	of, ok := r.item(it.Ref)
	if !ok || of.Deleted || it.Author == of.Author || it.Seq-it.Ref > replySpan {
		return line
	}
	name, head := r.nameAt(of.Author, of.Seq), r.nameAt(it.Author, it.Seq)+": "
	if rest, ok := strings.CutPrefix(line, head); ok && !(group.Entry{Kind: it.Kind, Text: []byte(rest)}).Names(group.Member{DisplayName: name}) {
		return clipped(head+"@"+name+": "+rest, it.Seq)
	}
	return line
}

// run is one message of several items in a row. Its time and its number are those of the last one.
func (r *reader) run(items []item, to group.IdentityHash) lxmf.Draft {
	last := items[len(items)-1]
	if len(items) == 1 {
		return r.draft(last, to, formSlow)
	}
	lines := make([]string, len(items))
	for i, it := range items {
		lines[i] = r.runLine(it)
	}
	d := lxmf.Draft{Destination: rns.DestinationHash(group.AddressOf(to)), Timestamp: lxmf.Timestamp(last.Time), Content: []byte(strings.Join(lines, "\n"))}
	place(&d.Fields, r.s.address, last.Seq)
	return d
}

// fits is how many of the items make one message on a slow way, at least 1 of 1.
func (r *reader) fits(items []item) (n int) {
	size := 0
	for _, it := range items[:min(len(items), maxRun)] {
		size += len(r.runLine(it))
		if n > 0 {
			size++
		}
		if n > 0 && size > slowRoom {
			break
		}
		n++
	}
	return n
}

// resolve finds the entry that a member means by an id: his own message, any author's by its own id, or one of his copies. Of
// a message of several lines it is the one that quote begins, else the last. An id whose second half is zero stands for its
// first half.
func (r *reader) resolve(who group.IdentityHash, id lxmf.MessageID, quote string) (group.Seq, bool) {
	length := len(id)
	if [len(id) / 2]byte(id[len(id)/2:]) == ([len(id) / 2]byte{}) {
		length /= 2
	}
	same := func(other lxmf.MessageID) bool { return string(other[:length]) == string(id[:length]) }
	budget := int64(weighed)
	for _, it := range slices.Backward(r.items) {
		switch {
		case it.Deleted || !it.Kind.Authored():
			continue
		case !it.MessageID.IsZero() && same(lxmf.MessageID(it.MessageID)):
			return first(it), true
		case it.Author == who:
			continue
		}
		for f := range forms {
			if f == formFull && it.hasFiles() {
				if budget -= it.size; budget < 0 || it.size > maxFiles {
					continue
				}
			}
			if same(r.copyID(it, who, f)) {
				return first(it), true
			}
		}
	}
	return r.resolveRun(who, same, quote)
}

// first is the post that an item is, or is an edit of.
func first(it item) group.Seq {
	if it.Kind == group.EntryEdit {
		return it.Ref
	}
	return it.Seq
}

// resolveRun does it for messages of several items, whose bounds are not kept: all that can have been are tried.
func (r *reader) resolveRun(who group.IdentityHash, same func(lxmf.MessageID) bool, quote string) (group.Seq, bool) {
	prefs, err := r.s.hub.Notifications(r.ctx, group.Caller{Identity: who}, r.s.group)
	if err != nil {
		return 0, false
	}
	member := r.people[who]
	member.Identity = who
	var items []item
	var lines []string
	for _, it := range r.items {
		if it.Kind.Authored() && r.wanted(it, member, prefs.Preferences) {
			items, lines = append(items, it), append(lines, r.runLine(it))
		}
	}
	from := rns.DestinationHash(r.s.address)
	for i := len(items) - 1; i >= 0; i-- {
		size := len(lines[i])
		for j := i + 1; j < len(items) && j-i < maxRun; j++ {
			if size += 1 + len(lines[j]); size > slowRoom {
				break
			}
			last := items[j]
			d := lxmf.Draft{Destination: rns.DestinationHash(group.AddressOf(who)), Timestamp: lxmf.Timestamp(last.Time), Content: []byte(strings.Join(lines[i:j+1], "\n"))}
			place(&d.Fields, r.s.address, last.Seq)
			if same(d.ID(from)) {
				return first(quotedOf(items[i:j+1], lines[i:j+1], quote)), true
			}
		}
	}
	return 0, false
}

// quotedOf is the item whose line a quotation is of, else the last.
func quotedOf(items []item, lines []string, quote string) item {
	quote = moderation.CleanLine(quote)
	for i, line := range lines {
		if quote != "" && len(quote) >= len("x: y") && strings.Contains(moderation.CleanLine(line), quote) {
			return items[i]
		}
	}
	return items[len(items)-1]
}

// textRest tells how to get the rest of a post.
func textRest(seq group.Seq) string { return fmt.Sprintf("… /history #%d", seq) }

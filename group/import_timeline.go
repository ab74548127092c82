package group

import (
	"bytes"
	"slices"
	"strings"
	"unicode"

	"groupd/moderation"
)

// entryLine reads an entry and follows the chain.
func (c *checker) entryLine(g GroupID) (e Entry, files []Attachment, original []byte, err error) {
	var r entryRow
	if err := c.into(&r); err != nil {
		return e, nil, nil, err
	}
	e, files = r.entry(g)
	want := c.entry.Seq + 1
	if c.counts[kindEntry] == 1 {
		want = c.head.Oldest
	}
	switch {
	case e.Seq != want || e.Seq > c.head.Seq:
		return e, nil, nil, c.wrong("seq", "%d, where %d is due", e.Seq, want)
	case e.Kind == 0:
		return e, nil, nil, c.wrong("type", "is missing")
	case e.Rev == 0 || e.Rev > c.head.Rev || e.Written == 0 || e.Written > e.Rev:
		return e, nil, nil, c.wrong("rev", "rev and written do not fit each other, or the head")
	case e.Ref >= e.Seq && e.Ref != 0:
		return e, nil, nil, c.wrong("ref", "names no entry before")
	case e.EditedBy != 0 && (e.EditedBy <= e.Seq || e.EditedBy > c.head.Seq):
		return e, nil, nil, c.wrong("edited_by", "names no entry behind")
	case e.Reactions < 0:
		return e, nil, nil, c.wrong("reactions", "can not be")
	}
	if e.Deleted {
		if !e.bare() || len(files) > 0 {
			return e, nil, nil, c.wrong("deleted", "a deleted entry holds what is to be gone")
		}
		c.deletions++
	} else if len(e.Salt) != SaltSize {
		return e, nil, nil, c.wrong("salt", "has %d bytes, not %d", len(e.Salt), SaltSize)
	} else if e.ContentDigest() != e.Digest {
		return e, nil, nil, c.wrong("digest", "does not belong to what the entry says")
	}
	// Where what was before the first one is no longer kept, the chain is checked from there.
	if from := c.counts[kindEntry] == 1 && e.Seq > 1; !from && ChainHash(c.entry.Hash, e.Digest) != e.Hash {
		return e, nil, nil, c.wrong("hash", "does not follow from the entry before")
	}
	for i, a := range files {
		if err := c.attachment(a); err != nil {
			return e, nil, nil, err
		}
		files[i].Lost = !c.brought(a.Hash, a.Size)
	}
	if err := c.said(e, len(files), len(r.Original)); err != nil {
		return e, nil, nil, err
	}
	if err := c.edited(e); err != nil {
		return e, nil, nil, err
	}
	c.entry, c.reactions, c.reaction, c.ownReactions = e, 0, Reaction{}, 0
	clear(c.reactionKinds)
	c.revs, c.written = append(c.revs, e.Rev), append(c.written, e.Written)
	return e, files, r.Original, nil
}

// said refuses an entry that says what none can, or more.
func (c *checker) said(e Entry, files, original int) error {
	if e.Time.IsZero() || micros(e.Time) == 0 {
		return c.wrong("time", "is missing")
	}
	if e.Deleted {
		return nil
	}
	if !e.Kind.Authored() {
		if len(e.Title)+len(e.Fields)+files+original+e.Reactions != 0 || e.Pinned || e.EditedBy != 0 {
			return c.wrong("type", "%s is nothing that somebody wrote, and yet has what only a post has", e.Kind)
		}
		return c.clean("text", string(e.Text), maxEventText)
	}
	most := c.limits.PostBytes
	if size := int64(max(len(e.Title)+len(e.Text)+len(e.Fields), original-originalOverhead)); size > most {
		return c.wrong("text", "the post has %d bytes, more than %d: see post in [limits]", size, most)
	}
	for field, text := range map[string][]byte{"title": e.Title, "text": e.Text} {
		if moderation.Notice(string(text)) {
			return c.wrong(field, "begins with %c, which marks the server's own words", moderation.NoticeGlyph)
		}
	}
	if e.Pinned {
		if c.pins++; c.pins > MaxPins {
			return c.wrong("pinned", "more than %d posts are", MaxPins)
		}
	}
	if e.Reactions > MaxReactions {
		return c.wrong("reactions", "more than %d", MaxReactions)
	}
	return nil
}

// edited makes sure that what replaces the words of a post is an edit of it.
func (c *checker) edited(e Entry) error {
	if first, replaces := c.edits[e.Seq]; replaces {
		if e.Kind != EntryEdit || !e.Deleted && e.Ref != first {
			return c.wrong("ref", "is no edit of %d, whose words it replaces", first)
		}
		delete(c.edits, e.Seq)
	}
	if e.EditedBy == 0 {
		return nil
	}
	first := e.Seq
	if e.Kind == EntryEdit {
		first = e.Ref
	}
	if other, replaces := c.edits[e.EditedBy]; replaces && other != first {
		return c.wrong("edited_by", "%d is an edit of %d already", e.EditedBy, other)
	}
	c.edits[e.EditedBy] = first
	return nil
}

// bare reports whether an entry holds no more than Tombstone leaves.
func (e Entry) bare() bool {
	return len(e.Title)+len(e.Text)+len(e.Fields)+len(e.Salt) == 0 && e.Target.IsZero() && e.Ref == 0 && e.MessageID.IsZero() && e.AuthorTime.IsZero() &&
		e.Codec == 0 && !e.Emergency && !e.Pinned && !e.Restored && e.EditedBy == 0 && e.Reactions == 0 && !e.Signed
}

func (c *checker) attachment(a Attachment) error {
	name := ""
	switch a.Kind {
	case AttachFile:
		name = CleanFileName(a.Name)
	case AttachImage:
		name = cleanFormat(a.Name)
	case AttachAudio:
	default:
		return c.wrong("attachments", "one is of no kind")
	}
	if a.Name != name {
		return c.wrong("attachments", "a name that is not clean")
	}
	if a.Size < 0 || a.At < 0 || a.Size > maxImportFile {
		return c.wrong("attachments", "a size that can not be")
	}
	if _, found := c.listed(a.Hash); !found {
		return c.wrong("attachments", "no line brings the content %s, nor calls it missing", a.Hash)
	}
	return nil
}

func (c *checker) reactionLine(g GroupID) (Reaction, error) {
	var row reactionRow
	if err := c.into(&row); err != nil {
		return Reaction{}, err
	}
	r := row.reaction(g)
	before := c.reaction
	c.reactions++
	order := bytes.Compare(r.Who[:], before.Who[:])
	switch {
	case c.counts[kindEntry] == 0 || r.Seq != c.entry.Seq:
		return r, c.wrong("seq", "is not the entry before")
	case c.reactions > c.entry.Reactions:
		return r, c.wrong("", "more reactions than the entry says")
	case r.Who.IsZero() || order < 0 || (order == 0 && r.Text <= before.Text):
		return r, c.wrong("who", "is missing, or does not rise")
	case r.Text == "" || moderation.Notice(r.Text):
		return r, c.wrong("text", "is missing, or nothing that could be shown")
	}
	if c.ownReactions++; order > 0 {
		c.ownReactions = 1
	}
	if c.reactionKinds[r.Text] = true; c.ownReactions > maxOwnReactions || len(c.reactionKinds) > MaxReactionKinds {
		return r, c.wrong("text", "more than %d reactions of one member, or more than %d different ones", maxOwnReactions, MaxReactionKinds)
	}
	c.reaction = r
	return r, c.clean("text", r.Text, MaxReactionBytes)
}

// reactionsComplete looks back at the entry whose reactions were read.
func (c *checker) reactionsComplete() error {
	if c.reactions < c.entry.Reactions {
		return c.wrong("", "reactions to entry %d are missing", c.entry.Seq)
	}
	return nil
}

// timelineComplete looks back at all entries.
func (c *checker) timelineComplete() error {
	switch {
	case c.head.Seq > 0 && c.entry.Seq != c.head.Seq:
		return c.wrong("", "the entries from %d to %d are missing", max(c.entry.Seq+1, c.head.Oldest), c.head.Seq)
	case c.entry.Hash != c.head.Chain:
		return c.wrong("", "the chain does not end in the hash that the group has")
	case c.deletions > c.head.Deletions:
		return c.wrong("", "more entries are deleted than the group says")
	}
	for name, list := range map[string][]Rev{"rev": c.revs, "written": c.written} { // or pages could not tell one from the other, and stall
		slices.Sort(list)
		for i := 1; i < len(list); i++ {
			if list[i] == list[i-1] {
				return c.wrong("", "two rows have the %s %d", name, list[i])
			}
		}
	}
	c.revs, c.written = nil, nil
	return nil
}

func (c *checker) reportLine(g GroupID) (Report, error) {
	var r reportRow
	if err := c.into(&r); err != nil {
		return Report{}, err
	}
	p := r.report(g)
	switch {
	case p.ID <= c.lastReport || p.ID > maxImportNumber:
		return p, c.wrong("id", "does not rise")
	case p.Seq < c.head.Oldest || p.Seq > c.head.Seq || p.Seq == 0:
		return p, c.wrong("seq", "there is no such entry")
	case p.By.IsZero():
		return p, c.wrong("by", "is missing")
	}
	c.lastReport = p.ID
	if err := c.clean("reason", p.Reason, MaxReasonBytes); err != nil {
		return p, err
	}
	return p, c.atMost(kindReport, c.limits.Reports)
}

func (c *checker) auditLine(g GroupID) (Audit, error) {
	var r auditRow
	if err := c.into(&r); err != nil {
		return Audit{}, err
	}
	a := r.audit(g)
	if a.ID <= c.lastAudit || a.ID > maxImportNumber {
		return a, c.wrong("id", "does not rise")
	}
	c.lastAudit = a.ID
	if len(a.Detail) > maxAuditDetail || moderation.CleanLine(a.Detail) != strings.Join(strings.Fields(a.Detail), " ") ||
		strings.ContainsFunc(a.Detail, unicode.IsControl) {
		return a, c.wrong("detail", "is too long, or holds characters that do not show")
	}
	if err := c.clean("action", a.Action, 64); err != nil {
		return a, err
	}
	return a, c.atMost(kindAudit, c.limits.Audit)
}

func (c *checker) seenLine() ([]SeenID, error) {
	var r seenRow
	if err := c.into(&r); err != nil {
		return nil, err
	}
	ids := make([]SeenID, 0, len(r.IDs))
	for _, b := range r.IDs {
		if len(b) != len(SeenID{}) {
			return nil, c.wrong("ids", "one has %d bytes, not %d", len(b), len(SeenID{}))
		}
		id := SeenID(b)
		if bytes.Compare(id[:], c.lastSeen[:]) <= 0 {
			return nil, c.wrong("ids", "do not rise")
		}
		c.lastSeen = id
		ids = append(ids, id)
	}
	return ids, nil
}

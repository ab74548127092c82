package lxm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
)

// Bounds of what is remembered of the timeline: what of it copies are recomputed for.
const (
	recentEntries = 500 // the newest entries, whose copies an answer can name
	olderReads    = 64  // older ones that are read for one message, since the recent ones answer them
)

// item is an entry as copies of it are made from: its first text, whatever became of it, and its fields taken apart.
type item struct {
	group.Entry // without Fields
	quote       string
	comment     bool           // the answer is a comment, or goes on from the other
	continues   bool           //
	target      lxmf.MessageID // what it answers, and
	thread      []byte         // the thread, as the author's program calls them
	files       []group.Attachment
	notes       []string // of them
	size        int64    // of all
}

// newItem takes an entry of a page apart.
func newItem(e group.Entry) item {
	it := item{Entry: e, files: e.Files, notes: attached(e.Files)}
	for _, a := range e.Files {
		it.size += a.Size
	}
	if f, err := lxmf.ParseFields(e.Fields); err == nil {
		if quote, ok := f.ReplyQuote(); ok {
			it.quote = brief(moderation.CleanLine(quote), maxQuote)
		}
		if id, ok := f.Comment(); ok {
			it.target, it.comment = id, true
		}
		if id, ok := f.Continuation(); ok {
			it.target, it.continues = id, true
		}
		if id, ok := f.ReplyTo(); ok {
			it.target = id
		}
		it.thread, _ = f.Thread()
	}
	it.Fields = nil
	return it
}

// hasFiles reports whether files came with it.
func (it item) hasFiles() bool { return len(it.notes) > 0 }

// textAttached is a note in place of a file.
func textAttached(a group.Attachment) string {
	switch a.Kind {
	case group.AttachImage:
		return textImage(int(a.Size))
	case group.AttachAudio:
		return textAudio(int(a.Size))
	}
	return textFile(brief(moderation.CleanLine(a.Name), 40), int(a.Size))
}

// timeline is the newest entries of the group, and who wrote them. It never changes once it is made.
type timeline struct {
	generation group.Generation
	rev        group.Rev // what it holds the state of
	name       string    // of the group
	items      []item    // by seq
	people     map[group.IdentityHash]group.Member
	renamed    map[group.IdentityHash][]int // where in items somebody got a name, by seq
}

// timeline brings what is remembered up to date.
func (s *Server) timeline(ctx context.Context) (*timeline, error) {
	select { // one at a time; the others profit
	case s.reading <- struct{}{}:
		defer func() { <-s.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t := s.recent
	for {
		q := group.Query{Newest: true, Limit: recentEntries, First: true}
		if t != nil {
			q = group.Query{AfterRev: t.rev, EntriesOnly: true, Limit: recentEntries, First: true}
		}
		p, err := s.hub.Messages(ctx, group.Caller{Local: true}, s.group, q)
		switch {
		case err != nil:
			return nil, err
		case t != nil && p.Generation != t.generation:
			t = nil // a backup was restored
			continue
		case t != nil && p.To == t.rev:
			return t, nil
		}
		if t == nil || p.Info != nil {
			info, err := s.hub.Info(ctx, group.Caller{Local: true}, s.group)
			if err != nil {
				return nil, err
			}
			t = t.with(p, groupName(info))
		} else {
			t = t.with(p, t.name)
		}
		s.recent = t
		if q.Newest || !p.More {
			return t, nil
		}
	}
}

// with is the timeline after a page of changes.
func (t *timeline) with(p group.Page, name string) *timeline {
	n := &timeline{generation: p.Generation, rev: p.To, name: name, people: make(map[group.IdentityHash]group.Member), renamed: make(map[group.IdentityHash][]int)}
	var old []item
	if t != nil {
		old = t.items
		for id, m := range t.people {
			n.people[id] = m
		}
	}
	for _, m := range p.Authors {
		n.people[m.Identity] = m
	}
	n.items = make([]item, 0, len(old)+len(p.Entries))
	n.items = append(n.items, old...)
	for _, e := range p.Entries {
		at, known := n.find(e.Seq)
		switch {
		case known:
			n.items[at] = newItem(e)
		case at == len(n.items):
			n.items = append(n.items, newItem(e))
		} // else it is older than what is remembered
	}
	if over := len(n.items) - recentEntries; over > 0 {
		n.items = slices.Clone(n.items[over:])
	}
	named := make(map[group.IdentityHash]bool, len(n.people))
	for i, it := range n.items {
		named[it.Author], named[group.IdentityHash(it.Target)] = true, true
		if it.Kind == group.EntryName || it.Kind == group.EntryJoin {
			n.renamed[it.Author] = append(n.renamed[it.Author], i)
		}
	}
	for id := range n.people { // who has nothing in it any more
		if !named[id] {
			delete(n.people, id)
		}
	}
	return n
}

// find tells where an entry is, or would be.
func (t *timeline) find(seq group.Seq) (int, bool) {
	return slices.BinarySearchFunc(t.items, seq, func(it item, seq group.Seq) int { return cmp.Compare(it.Seq, seq) })
}

// reader looks things up in a timeline for one message or parcel, and in the database where it does not reach.
type reader struct {
	*timeline
	s     *Server
	ctx   context.Context
	older map[group.Seq]item
	reads int
}

func (s *Server) reader(ctx context.Context) (*reader, error) {
	t, err := s.timeline(ctx)
	if err != nil {
		return nil, err
	}
	return &reader{timeline: t, s: s, ctx: ctx, older: make(map[group.Seq]item)}, nil
}

// item finds an entry; false when there is none, or too many were looked for.
func (r *reader) item(seq group.Seq) (item, bool) {
	if at, ok := r.find(seq); ok {
		return r.items[at], true
	}
	it, ok := r.older[seq]
	if ok || seq == 0 || r.reads >= olderReads {
		return it, ok
	}
	r.reads++
	p, err := r.s.hub.Messages(r.ctx, group.Caller{Local: true}, r.s.group, group.Query{Seqs: []group.Seq{seq}, First: true})
	if err != nil || len(p.Entries) == 0 {
		return it, false
	}
	it = newItem(p.Entries[0])
	r.older[seq] = it
	return it, true
}

// nameAt is what somebody was called when an entry came, so that its copies stay the same when he has another name. Who had
// two other names since then may get a later one.
func (r *reader) nameAt(id group.IdentityHash, seq group.Seq) string {
	if id.IsZero() {
		return r.name
	}
	m := r.people[id]
	then, since := "", false
	for _, i := range r.renamed[id] {
		if since = r.items[i].Seq > seq; since {
			break
		}
		then = string(r.items[i].Text)
	}
	if joined, ok := r.item(m.JoinSeq); then == "" && since && ok && m.JoinSeq <= seq && joined.Kind == group.EntryJoin {
		then = string(joined.Text)
	}
	return cmp.Or(then, m.DisplayName, id.Short())
}

// --- what people read ---

// indent begins the further lines of a post, so that nobody can write another's line. A no-break space: clients that take texts
// for markdown drop others at the beginning of a line.
const indent = "\u00a0\u00a0"

// said is a post as others read it: "Name: text".
func said(name string, e group.Entry, notes []string, indent string) string {
	var lines []string
	for line := range strings.Lines(string(e.Title) + "\n" + string(e.Text)) {
		if line = moderation.CleanLine(line); line != "" {
			lines = append(lines, line)
		}
	}
	text := strings.Join(append(lines, notes...), "\n"+indent)
	if e.Kind == group.EntryAction {
		return "* " + name + " " + text
	}
	return name + ": " + text
}

// line is what an item is to members who are sent it, with notes in place of files; "" for what is not relayed.
func (r *reader) line(it item, notes bool) string {
	name := r.nameAt(it.Author, it.Seq)
	switch {
	case it.Deleted:
		return ""
	case it.Kind == group.EntryEdit:
		return glyph + textWasEdited(name, it.Ref, said("", it.Entry, nil, indent))
	case !it.Kind.Authored():
		return r.happened(it)
	case notes || len(strings.TrimSpace(string(it.Title)+string(it.Text))) == 0:
		return said(name, it.Entry, it.notes, indent)
	}
	return said(name, it.Entry, nil, indent)
}

// happened is the server's line about what others should know; "" for the rest.
func (r *reader) happened(it item) string {
	text := moderation.CleanLine(string(it.Text))
	name := r.nameAt(it.Author, it.Seq)
	who := it.Target.Short()
	if m, ok := r.people[group.IdentityHash(it.Target)]; ok {
		who = m.DisplayName
	}
	switch it.Kind {
	case group.EntryName:
		before := r.nameAt(it.Author, it.Seq-1)
		if before == text {
			return ""
		}
		return glyph + textNowCalled(before, text)
	case group.EntryTopic:
		return glyph + textNewTopic(name, text)
	case group.EntryGroupName:
		return glyph + textNewGroupName(text)
	case group.EntryKick, group.EntryBan:
		return glyph + textPutOut(who, it.Kind == group.EntryBan, text)
	case group.EntryLockdown:
		return glyph + textLocked(text != "off")
	}
	return ""
}

// wanted reports whether a member is sent an item: nobody his own, and who wants only what is for him, only that.
func (r *reader) wanted(it item, m group.Member, p group.Preferences) bool {
	switch {
	case it.Deleted, it.Author == m.Identity && it.Kind.Authored():
		return false
	case !p.MentionsOnly, it.Emergency:
		return true
	case !it.Kind.Authored():
		return false
	}
	return r.toHim(it, m)
}

// toHim reports whether an item names a member or answers him.
func (r *reader) toHim(it item, m group.Member) bool {
	if it.Ref != 0 && it.Kind != group.EntryEdit {
		if of, ok := r.item(it.Ref); ok && of.Author == m.Identity {
			return true
		}
	}
	return it.Names(m)
}

// textWasEdited and the like are the server's words.
func textWasEdited(name string, of group.Seq, text string) string {
	return fmt.Sprintf("%s edited #%d%s", name, of, text)
}
func textNowCalled(before, now string) string { return before + " is " + now + " now." }
func textNewTopic(name, topic string) string {
	if topic == "" {
		return name + " removed the topic."
	}
	return name + " set the topic: " + topic
}
func textNewGroupName(name string) string { return "The group is called " + name + " now." }
func textPutOut(name string, banned bool, why string) string {
	if banned {
		return because(name+" was banned", why)
	}
	return because(name+" was removed", why)
}
func textLocked(on bool) string {
	if on {
		return "Lockdown: who joins waits for a moderator."
	}
	return "The lockdown is over."
}

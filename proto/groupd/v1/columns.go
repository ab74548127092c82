package groupdv1

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// deletedKind is added to the kind of a deleted entry in a page's column of kinds.
const deletedKind = 16

// Columns turns rows into the columns that travel. Every sender is named once, by identity; where rows give different names for one
// identity the first counts. It shares members and attachments with view and changes nothing in it. Spell is its inverse.
func Columns(view *PageView) *Page {
	p := &Page{
		Generation: view.GetGeneration(),
		FromRev:    view.GetFromRev(),
		More:       view.GetMore(),
		Filtered:   view.GetFiltered(),
		Count:      uint32(len(view.GetEntries())),
		Members:    view.GetMembers(),
		ChainHash:  view.GetChainHash(),
		Group:      view.GetGroup(),
		Oldest:     view.GetOldest(),
	}
	if view.GetToRev() > view.GetFromRev() {
		p.Revs = view.GetToRev() - view.GetFromRev()
	}
	if len(view.GetEntries()) == 0 {
		p.FirstSeq = view.GetNextSeq()
	}
	people := map[string]uint32{}
	for i, e := range view.GetEntries() {
		if i == 0 {
			p.FirstSeq, p.FirstRev, p.FirstTime = e.GetSeq(), e.GetRev(), e.GetTime()
		} else {
			before := view.Entries[i-1]
			// Unsigned numbers wrap, so that any two of them have a difference; Spell adds with the same wrap.
			p.Seqs = append(p.Seqs, int64(e.GetSeq()-before.GetSeq()-1))
			p.EntryRevs = append(p.EntryRevs, int64(e.GetRev()-before.GetRev()-1))
			p.Times = append(p.Times, e.GetTime()-before.GetTime())
		}
		p.From = append(p.From, p.person(people, e.GetSender()))
		kind := uint32(e.GetKind())
		if e.GetDeleted() {
			kind += deletedKind
		}
		p.Kinds = append(p.Kinds, kind)
		text := e.GetText()
		if len(e.GetBinary()) > 0 {
			text = string(e.GetBinary())
		}
		p.TextLengths = append(p.TextLengths, uint32(len(text)))
		p.Text = append(p.Text, text...)
		if n := p.note(people, e); n != nil {
			n.Entry = uint32(i)
			p.Notes = append(p.Notes, n)
		}
	}
	p.Seqs, p.EntryRevs, p.Times = withoutTail(p.Seqs), withoutTail(p.EntryRevs), withoutTail(p.Times)
	p.From, p.Kinds, p.TextLengths = withoutTail(p.From), withoutTail(p.Kinds), withoutTail(p.TextLengths)
	return p
}

// person returns the number under which the page names s, adding it if it is new.
func (p *Page) person(people map[string]uint32, s *Sender) uint32 {
	if s == nil || len(s.GetIdentity()) == 0 {
		return 0
	}
	key := string(s.GetIdentity())
	n, known := people[key]
	if !known {
		p.Senders = append(p.Senders, s)
		n = uint32(len(p.Senders))
		people[key] = n
	}
	return n
}

// note returns what is rare about e, or nil where nothing is.
func (p *Page) note(people map[string]uint32, e *Entry) *Note {
	n := &Note{
		FullLength:   e.GetFullLength(),
		About:        e.GetAbout(),
		Subject:      p.person(people, e.GetSubject()),
		Title:        e.GetTitle(),
		AuthorTime:   e.GetAuthorTime(),
		MessageHash:  e.GetMessageHash(),
		FieldsLength: e.GetFieldsLength(),
		TextCodec:    e.GetTextCodec(),
		EditedBy:     e.GetEditedBy(),
		Reactions:    e.GetReactions(),
		Pinned:       e.GetPinned(),
		Unchanged:    e.GetUnchanged(),
		Emergency:    e.GetEmergency(),
		Attachments:  e.GetAttachments(),
	}
	if n.FullLength == 0 && n.About == 0 && n.Subject == 0 && n.Title == "" && n.AuthorTime == 0 && len(n.MessageHash) == 0 &&
		n.FieldsLength == 0 && n.TextCodec == 0 && n.EditedBy == 0 && len(n.Reactions) == 0 && !n.Pinned && !n.Unchanged && !n.Emergency && len(n.Attachments) == 0 {
		return nil
	}
	return n
}

// withoutTail cuts the zeros at a column's end, which a reader fills in again.
func withoutTail[T int64 | uint32](column []T) []T {
	n := len(column)
	for n > 0 && column[n-1] == 0 {
		n--
	}
	return column[:n:n]
}

// Spell turns the columns of a page into rows. It refuses pages that contradict themselves (ErrPageCorrupt) and pages of more than
// MaxPageEntries entries or members (ErrPageTooLarge), so that what it makes is bounded. Rows share memory with p.
func (p *Page) Spell() (*PageView, error) {
	count := int(p.GetCount())
	if p.GetCount() > MaxPageEntries || len(p.GetMembers()) > MaxPageEntries {
		return nil, fmt.Errorf("%w: %d entries, %d members", ErrPageTooLarge, p.GetCount(), len(p.GetMembers()))
	}
	deltas := max(count-1, 0)
	for _, column := range []struct {
		name       string
		have, most int
	}{
		{"senders", len(p.GetFrom()), count}, {"kinds", len(p.GetKinds()), count}, {"text lengths", len(p.GetTextLengths()), count},
		{"seqs", len(p.GetSeqs()), deltas}, {"revs", len(p.GetEntryRevs()), deltas}, {"times", len(p.GetTimes()), deltas},
	} {
		if column.have > column.most {
			return nil, fmt.Errorf("%w: more %s than entries", ErrPageCorrupt, column.name)
		}
	}
	if p.GetRevs() > math.MaxUint64-p.GetFromRev() {
		return nil, fmt.Errorf("%w: rev out of range", ErrPageCorrupt)
	}
	view := &PageView{
		Generation: p.GetGeneration(),
		FromRev:    p.GetFromRev(),
		ToRev:      p.GetFromRev() + p.GetRevs(),
		More:       p.GetMore(),
		Filtered:   p.GetFiltered(),
		Members:    p.GetMembers(),
		ChainHash:  p.GetChainHash(),
		Group:      p.GetGroup(),
		Oldest:     p.GetOldest(),
	}
	if count == 0 {
		view.NextSeq = p.GetFirstSeq()
	}
	text := p.GetText()
	for i := range count {
		e := &Entry{Seq: p.GetFirstSeq(), Rev: p.GetFirstRev(), Time: p.GetFirstTime()}
		if i > 0 {
			before := view.Entries[i-1]
			e.Seq = before.Seq + uint64(at(p.GetSeqs(), i-1)) + 1
			e.Rev = before.Rev + uint64(at(p.GetEntryRevs(), i-1)) + 1
			e.Time = before.Time + at(p.GetTimes(), i-1)
		}
		kind := at(p.GetKinds(), i)
		if kind >= 2*deletedKind {
			return nil, fmt.Errorf("%w: kind %d", ErrPageCorrupt, kind)
		}
		e.Kind, e.Deleted = Kind(kind%deletedKind), kind >= deletedKind
		var err error
		if e.Sender, err = p.named(at(p.GetFrom(), i)); err != nil {
			return nil, err
		}
		length := at(p.GetTextLengths(), i)
		if uint64(length) > uint64(len(text)) {
			return nil, fmt.Errorf("%w: text ends early", ErrPageCorrupt)
		}
		if t := text[:length]; utf8.Valid(t) {
			e.Text = string(t)
		} else {
			e.Binary = t
		}
		text = text[length:]
		view.Entries = append(view.Entries, e)
	}
	if len(text) > 0 {
		return nil, fmt.Errorf("%w: %d bytes of text belong to no entry", ErrPageCorrupt, len(text))
	}
	for _, n := range p.GetNotes() {
		if uint64(n.GetEntry()) >= uint64(count) {
			return nil, fmt.Errorf("%w: note on entry %d of %d", ErrPageCorrupt, n.GetEntry(), count)
		}
		e := view.Entries[n.GetEntry()]
		var err error
		if e.Subject, err = p.named(n.GetSubject()); err != nil {
			return nil, err
		}
		e.FullLength, e.About, e.Title, e.AuthorTime = n.GetFullLength(), n.GetAbout(), n.GetTitle(), n.GetAuthorTime()
		e.MessageHash, e.FieldsLength, e.TextCodec = n.GetMessageHash(), n.GetFieldsLength(), n.GetTextCodec()
		e.EditedBy, e.Reactions, e.Pinned, e.Unchanged, e.Emergency = n.GetEditedBy(), n.GetReactions(), n.GetPinned(), n.GetUnchanged(), n.GetEmergency()
		e.Attachments = n.GetAttachments()
	}
	return view, nil
}

// named returns the sender with this number; 0 is the group itself, nil.
func (p *Page) named(n uint32) (*Sender, error) {
	if n == 0 {
		return nil, nil
	}
	if uint64(n) > uint64(len(p.GetSenders())) {
		return nil, fmt.Errorf("%w: sender %d of %d", ErrPageCorrupt, n, len(p.GetSenders()))
	}
	return p.Senders[n-1], nil
}

// at reads a column that may be shorter than the page.
func at[T any](column []T, i int) T {
	if i < len(column) {
		return column[i]
	}
	var zero T
	return zero
}

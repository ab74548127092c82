package requests

import (
	"slices"
	"unicode/utf8"

	groupdv1 "groupd/proto/groupd/v1"
)

// wiggle is how much larger, in bytes, a reply with fewer items may be than one with more, because a compressor found something to
// share. mostThatFit looks so far past the budget before it gives up. Found by experiment; the test against a slow model holds it.
const wiggle = 48

// mostThatFit returns the largest n in 0 … count for which size(n) ≤ budget; size(0) is taken to fit. size should grow with n, but may
// shrink by up to wiggle bytes now and then, as compressed sizes do. The first number tried is hint; nothing much larger than the
// result is tried if hint is not. size is called about log₂(count) times, with each n at most once.
func mostThatFit(count, hint, budget int, size func(n int) (int, error)) (int, error) {
	known := map[int]int{0: 0}
	measure := func(n int) (int, error) {
		if s, ok := known[n]; ok {
			return s, nil
		}
		s, err := size(n)
		known[n] = s
		return s, err
	}
	// Double from the hint until something does not fit: then low fits and high does not.
	low, high := 0, count+1
	for guess := min(max(hint, 1), count); low < count; guess = min(2*guess, count) {
		s, err := measure(guess)
		if err != nil {
			return 0, err
		}
		if s > budget {
			high = guess
			break
		}
		low = guess
	}
	if low == count {
		return count, nil
	}
	// The first guesses go where sizes grow evenly, the later ones to the middle.
	for step := 0; high-low > 1; step++ {
		guess := low + (high-low)/2
		if step < 3 {
			at, to := known[low], known[high]
			if to > at {
				guess = low + (high-low)*(budget-at)/(to-at)
			}
			guess = min(max(guess, low+1), high-1)
		}
		s, err := measure(guess)
		if err != nil {
			return 0, err
		}
		if s <= budget {
			low = guess
		} else {
			high = guess
		}
	}
	// Where sizes are not monotone, a larger n may fit again just above.
	for n := low + 1; n <= count; n++ {
		s, err := measure(n)
		if err != nil {
			return 0, err
		}
		if s <= budget {
			low = n
		} else if s > budget+wiggle {
			break
		}
	}
	return low, nil
}

// item is one thing that a page carries whole or not at all: an entry, a member's row, or the state of the group. One with none of them
// is an entry that a filter left out, which a page only counts.
type item struct {
	rev    uint64
	entry  *groupdv1.Entry
	member *groupdv1.Member
	group  *groupdv1.GroupState
}

// filtered says that a page only counts the item.
func (it item) filtered() bool { return it.entry == nil && it.member == nil && it.group == nil }

// entryList is everything a request asked for, before it is known how much of it fits.
type entryList struct {
	items []item
	// base holds the fields of the page that do not depend on how many items are in it. ToRev and More are those of the whole list.
	base *groupdv1.PageView
	// byRev: items are in order of rev, and the page states the revs it covers.
	byRev bool
	// fromEnd: the list is by seq, nothing in it is only counted, and the last items are the ones that matter most; the first ones are left out when not all fit.
	fromEnd bool
	// chain returns the chain hash after an entry; nil when it was not asked for.
	chain func(seq uint64) []byte
}

// view returns the page with n of the items.
func (l *entryList) view(n int) *groupdv1.PageView {
	taken := l.items[:n]
	if l.fromEnd {
		taken = l.items[len(l.items)-n:]
	}
	return l.viewOf(taken, n == len(l.items))
}

// viewOf returns the page with these items; all says that none was left out.
func (l *entryList) viewOf(taken []item, all bool) *groupdv1.PageView {
	v := &groupdv1.PageView{
		Generation: l.base.GetGeneration(),
		Filtered:   l.base.GetFiltered(),
		More:       l.base.GetMore() || !all,
		NextSeq:    l.base.GetNextSeq(),
		Oldest:     l.base.GetOldest(),
	}
	var newest uint64
	for _, it := range taken {
		switch {
		case it.entry != nil:
			v.Entries = append(v.Entries, it.entry)
			newest = max(newest, it.entry.GetSeq())
		case it.member != nil:
			v.Members = append(v.Members, it.member)
		case it.group != nil:
			v.Group = it.group
		default:
			v.Filtered++
		}
	}
	if len(v.Entries) > 0 || !v.More {
		v.NextSeq = 0
	}
	v.FromRev, v.ToRev = l.base.GetFromRev(), l.base.GetToRev()
	if l.byRev {
		if !all {
			v.ToRev = v.FromRev
			if len(taken) > 0 {
				v.ToRev = taken[len(taken)-1].rev
			}
		}
	}
	if l.chain != nil && newest > 0 {
		v.ChainHash = l.chain(newest)
	}
	return v
}

// pack returns the page with the most items that fit budget bytes, and how many those are. encode makes the whole reply of a page. When
// not even the first item fits, n is 0 and the page holds a shortened form of it, so that the reader's cursor passes it. fits is false
// when there was no room for that either; the reply is then over budget, and its length says what is needed.
func (l *entryList) pack(budget int, encode func(*groupdv1.PageView) ([]byte, error)) (reply []byte, n int, fits bool, err error) {
	encoded := map[int][]byte{}
	n, err = mostThatFit(len(l.items), l.hint(budget), budget, func(n int) (int, error) {
		b, err := encode(l.view(n))
		encoded[n] = b
		return len(b), err
	})
	if err != nil {
		return nil, 0, false, err
	}
	if len(l.items) == 0 {
		reply, err = encode(l.view(0))
		return reply, 0, len(reply) <= budget, err
	}
	first := slices.IndexFunc(l.items, func(it item) bool { return !it.filtered() })
	if n > first || first < 0 {
		return encoded[n], n, len(encoded[n]) <= budget, nil
	}
	// Not one item of substance fits. Those that are only counted and come before it go along.
	before, it := l.items[:first], l.items[first]
	if l.fromEnd {
		before, it = nil, l.items[len(l.items)-1]
	}
	reply, err = l.shorten(before, it, budget, encode)
	return reply, 0, len(reply) <= budget, err
}

// packRatio is how much smaller chat becomes when it is packed, at best, as a rule.
const packRatio = 3

// hint guesses how many items fit if they pack well.
func (l *entryList) hint(budget int) int {
	plain := 0
	for n := range l.items {
		it := l.items[n]
		if l.fromEnd {
			it = l.items[len(l.items)-1-n]
		}
		if !it.filtered() {
			plain += len(textOf(it)) + 8
		}
		if plain > packRatio*budget {
			return n + 1
		}
	}
	return len(l.items)
}

// shorten packs one item alone, after some that are only counted, with as much of its text as fits. Names and the like give way before
// the item does.
func (l *entryList) shorten(before []item, it item, budget int, encode func(*groupdv1.PageView) ([]byte, error)) ([]byte, error) {
	var last []byte
	full := fullLength(it)
	for _, bare := range barer(it) {
		text := textOf(it)
		view := func(n int) *groupdv1.PageView {
			return l.viewOf(append(slices.Clone(before), withText(bare, text, n, full)), len(before)+1 == len(l.items))
		}
		keep, err := mostThatFit(len(text), packRatio*budget, budget, func(n int) (int, error) {
			b, err := encode(view(n))
			return len(b), err
		})
		if err != nil {
			return nil, err
		}
		last, err = encode(view(keep))
		if err != nil || len(last) <= budget {
			return last, err
		}
	}
	return last, nil
}

// textOf is the part of an item that is shortened first.
func textOf(it item) []byte {
	switch {
	case it.entry != nil && len(it.entry.GetBinary()) > 0:
		return it.entry.GetBinary()
	case it.entry != nil:
		return []byte(it.entry.GetText())
	case it.member != nil:
		return []byte(it.member.GetStatusText())
	default:
		return []byte(it.group.GetTopic())
	}
}

// withText returns it with the first n bytes of text, fewer where a character would be split, and marked as shortened. full is the
// length that a reader is told, in bytes.
func withText(it item, text []byte, n, full int) item {
	if utf8.Valid(text) {
		for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
	}
	head := text[:n]
	switch {
	case it.entry != nil:
		e := cloneEntry(it.entry)
		e.Text, e.Binary = "", nil
		if utf8.Valid(head) {
			e.Text = string(head)
		} else {
			e.Binary = head
		}
		if len(e.GetTitle())+n < full {
			e.FullLength = uint32(full)
		}
		it.entry = e
	case it.member != nil:
		m := cloneMember(it.member)
		m.StatusText, m.Cut = string(head), true
		it.member = m
	case it.group != nil:
		g := cloneGroup(it.group)
		g.Topic, g.Cut = string(head), true
		it.group = g
	}
	return it
}

// fullLength is the length of an entry's title and text together; of one that was cut before, what it says itself.
func fullLength(it item) int {
	if it.entry == nil {
		return 0
	}
	return max(int(it.entry.GetFullLength()), len(it.entry.GetTitle())+len(textOf(it)))
}

// barer lists forms of an item, each with less around its text than the one before.
func barer(it item) []item {
	forms := []item{it}
	switch {
	case it.entry != nil:
		e := cloneEntry(it.entry)
		e.Title = ""
		forms = append(forms, item{rev: it.rev, entry: e})
		e = cloneEntry(e)
		e.Sender, e.Subject, e.MessageHash = nameless(e.GetSender()), nameless(e.GetSubject()), nil
		forms = append(forms, item{rev: it.rev, entry: e})
		if len(e.GetReactions())+len(e.GetAttachments()) > 0 {
			e = cloneEntry(e)
			e.Reactions, e.Attachments, e.FullLength = nil, nil, uint32(max(fullLength(it), 1)) // shortened, even where it has no text
			forms = append(forms, item{rev: it.rev, entry: e})
		}
	case it.member != nil:
		m := cloneMember(it.member)
		m.Name = ""
		forms = append(forms, item{rev: it.rev, member: m})
	case it.group != nil:
		g := cloneGroup(it.group)
		g.PrivateName = ""
		forms = append(forms, item{rev: it.rev, group: g})
		g = cloneGroup(g)
		g.PublicName = ""
		forms = append(forms, item{rev: it.rev, group: g})
	}
	return forms
}

func nameless(s *groupdv1.Sender) *groupdv1.Sender {
	if s == nil {
		return nil
	}
	return &groupdv1.Sender{Identity: s.GetIdentity()}
}

// cloneEntry copies the row; what it points to is shared.
func cloneEntry(e *groupdv1.Entry) *groupdv1.Entry {
	return &groupdv1.Entry{
		Seq: e.GetSeq(), Rev: e.GetRev(), Time: e.GetTime(), Kind: e.GetKind(), Deleted: e.GetDeleted(), Sender: e.GetSender(),
		Text: e.GetText(), Binary: e.GetBinary(), FullLength: e.GetFullLength(), About: e.GetAbout(), Subject: e.GetSubject(),
		Title: e.GetTitle(), AuthorTime: e.GetAuthorTime(), MessageHash: e.GetMessageHash(), FieldsLength: e.GetFieldsLength(),
		TextCodec: e.GetTextCodec(), EditedBy: e.GetEditedBy(), Reactions: e.GetReactions(), Pinned: e.GetPinned(), Unchanged: e.GetUnchanged(),
		Emergency: e.GetEmergency(), Attachments: e.GetAttachments(),
	}
}

// cloneMember copies the row; what it points to is shared.
func cloneMember(m *groupdv1.Member) *groupdv1.Member {
	return &groupdv1.Member{
		Identity: m.GetIdentity(), Name: m.GetName(), Role: m.GetRole(), Permissions: m.GetPermissions(), Joined: m.GetJoined(),
		StatusText: m.GetStatusText(), LastHeard: m.GetLastHeard(), Rev: m.GetRev(), Gone: m.GetGone(), Cut: m.GetCut(),
		Muted: m.GetMuted(), MutedUntil: m.GetMutedUntil(),
	}
}

// cloneGroup copies the state.
func cloneGroup(g *groupdv1.GroupState) *groupdv1.GroupState {
	return &groupdv1.GroupState{
		PublicName: g.GetPublicName(), PrivateName: g.GetPrivateName(), Topic: g.GetTopic(), Joining: g.GetJoining(),
		Public: g.GetPublic(), Cut: g.GetCut(), Lockdown: g.GetLockdown(), ReadOnly: g.GetReadOnly(), SlowModeS: g.GetSlowModeS(),
		ExpiresAt: g.GetExpiresAt(), Over: g.GetOver(), Epoch: g.GetEpoch(), Forming: g.GetForming(),
	}
}

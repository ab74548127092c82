package lxm

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"groupd/group"
	"groupd/moderation"
)

// Tunables of lists.
const (
	defaultHistory = 10
	maxDelete      = 64 // posts named at once; the Hub erases so many with one call
	maxHistory     = 100
	lineBytes      = 160 // of one post in a list; /history #N shows the whole
	listedMembers  = group.MaxPage
)

// info tells what the group is.
func (t *turn) info(string) ([]string, error) {
	info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
	if err != nil {
		return nil, err
	}
	return whole(textInfo(info, t.s.config.Version)), nil
}

// who lists the members, those with a role first, or tells about one.
func (t *turn) who(args string) ([]string, error) {
	page, isPage := parseNumber(args)
	if args != "" && !isPage {
		return t.about(args)
	}
	p, err := t.s.hub.Members(t.ctx, t.caller, t.s.group, group.MembersQuery{Limit: listedMembers})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(p.Members, func(a, b group.Member) int {
		return cmp.Or(cmp.Compare(b.Role, a.Role), cmp.Compare(strings.ToLower(a.DisplayName), strings.ToLower(b.DisplayName)))
	})
	lines := []string{textMembers(p.Total)}
	for _, m := range p.Members {
		line := m.DisplayName
		if m.Role > moderation.RoleMember {
			line += " (" + m.Role.String() + ")"
		}
		lines = append(lines, line)
	}
	if left := p.Total - len(p.Members); left > 0 {
		lines = append(lines, textMoreMembers(left))
	}
	return paged(lines, page, "/who"), nil
}

// about tells about one member.
func (t *turn) about(args string) ([]string, error) {
	target, rest, err := t.whom(args, group.AmongMembers)
	if err != nil {
		return nil, err
	}
	if rest != "" {
		return whole(textNobody(args)), nil
	}
	for q := (group.MembersQuery{Limit: listedMembers}); ; {
		p, err := t.s.hub.Members(t.ctx, t.caller, t.s.group, q)
		if err != nil {
			return nil, err
		}
		for _, m := range p.Members {
			if group.AnyHash(m.Identity) == target {
				return whole(textAbout(m, t.s.hub.Now())), nil
			}
		}
		if q.AfterRev = p.To; !p.More {
			return whole(textNobody(args)), nil
		}
	}
}

// history shows the newest posts, those before a number, or one whole post.
func (t *turn) history(args string) ([]string, error) {
	n, before := defaultHistory, 0
	words := strings.Fields(args)
	for i, w := range words {
		number, isNumber := parseNumber(strings.TrimLeft(w, "#<"))
		switch {
		case strings.EqualFold(w, "before") && i+1 < len(words):
		case !isNumber:
			return whole(textHistoryHow()), nil
		case w[0] == '#':
			page := 1
			if i+1 < len(words) {
				page, _ = parseNumber(words[i+1])
			}
			return t.single(group.Seq(number), page)
		case w[0] == '<', i > 0 && strings.EqualFold(words[i-1], "before"):
			before = number
		default:
			n = min(number, maxHistory)
		}
	}
	q := group.Query{Limit: n, NoEvents: true, Current: true, Newest: before == 0, Before: group.Seq(before)}
	p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, q)
	if err != nil {
		return nil, err
	}
	lines, seqs := t.lines(p)
	if len(lines) == 0 {
		if p.More && len(p.Entries) > 0 {
			return whole(textOlder("", n, p.Entries[0].Seq)), nil
		}
		return whole(textNoPosts(before > 0)), nil
	}
	return []string{lastPage(lines, seqs, p.More)}, nil
}

// lastPage shows the newest lines that fit one message, and how to ask for older ones.
func lastPage(lines []string, seqs []group.Seq, older bool) string {
	const room = MaxContent - len(glyph) - len("(100/100) ") - len("\nOlder: /history 100 <1234567890")
	pages, size, first := 1, 0, len(lines) // of the pages counted from the newest; the first page begins at first
	for i := len(lines) - 1; i >= 0; i-- {
		if size > 0 && size+1+len(lines[i]) > room {
			pages, size = pages+1, 0
		}
		if size > 0 {
			size++
		}
		size += len(lines[i])
		if pages == 1 {
			first = i
		}
	}
	text := strings.Join(lines[first:], "\n")
	if pages > 1 {
		text = fmt.Sprintf("(1/%d) %s", pages, text)
	}
	switch {
	case first > 0:
		text = textOlder(text, first, seqs[first])
	case older:
		text = textOlder(text, defaultHistory, seqs[first])
	}
	return glyph + text
}

// single shows one post, the whole of it.
func (t *turn) single(seq group.Seq, page int) ([]string, error) {
	p, err := t.s.hub.Messages(t.ctx, t.caller, t.s.group, group.Query{Seqs: []group.Seq{seq}, Current: true})
	if err != nil {
		return nil, err
	}
	if len(p.Entries) == 0 || p.Entries[0].Deleted || !p.Entries[0].Kind.Authored() {
		return whole(textNoSuchPost(seq)), nil
	}
	lines := strings.Split(posted(p.Entries[0], t.names(p)), "\n")
	if given := p.Reactions[seq]; len(given) > 0 {
		lines = append(lines, textReactions(seq, given))
	}
	return paged(lines, page, fmt.Sprintf("/history #%d", seq)), nil
}

// names maps the authors of a page to what they are called; the operator speaks as the group.
func (t *turn) names(p group.Page) map[group.IdentityHash]string {
	names := make(map[group.IdentityHash]string, len(p.Authors)+1)
	for _, m := range p.Authors {
		names[m.Identity] = m.DisplayName
	}
	info, err := t.s.hub.Info(t.ctx, t.caller, t.s.group)
	if err == nil {
		names[group.IdentityHash{}] = groupName(info)
	}
	return names
}

// posted is a post as others read it: "Name: text", with continuation lines indented, so that nobody can write another's.
func posted(e group.Entry, names map[group.IdentityHash]string) string {
	name := names[e.Author]
	if name == "" {
		name = e.Author.Short()
	}
	return said(name, e, attached(e.Files), "  ")
}

// attached says what else a post carries.
func attached(files []group.Attachment) (notes []string) {
	for _, a := range files {
		notes = append(notes, textAttached(a))
	}
	return notes
}

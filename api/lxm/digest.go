package lxm

import (
	"context"
	"fmt"
	"strings"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
)

// Tunables of digests.
const (
	digestRows  = 2000 // entries that one digest covers
	digestLine  = 80   // bytes of a headline
	digestLines = 30
	// maxSingly is how many posts a relay member on a fast way may miss and still gets one by one; of more, only the newest.
	maxSingly    = 30
	newestSingly = 10
	digestOnFast = 2000 // bytes of a digest on a fast way; on a slow one it fits a packet
)

type digest struct{ s *Server }

var _ delivery.Courier = digest{}

// Address implements delivery.Courier.
func (digest) Address(m group.IdentityHash) delivery.Address { return relay{}.Address(m) }

// Carry implements delivery.Courier.
func (d digest) Carry(ctx context.Context, p delivery.Parcel) delivery.Outcome {
	return d.s.carry(ctx, p)
}

// news is what a digest tells.
type news struct {
	posts  []item // that are told of
	to     int    // how many of them name the member or answer him
	joined int
	left   int
	last   item
	moved  string // the interval, for who was moved to digests
}

// Prepare implements delivery.Courier.
func (d digest) Prepare(ctx context.Context, to delivery.Recipient, way delivery.Way) (delivery.Parcel, error) {
	s := d.s
	if s.shut(ctx, to.Member.Identity) {
		return s.nothing(ctx, to)
	}
	r, err := s.reader(ctx)
	if err != nil {
		return delivery.Parcel{}, err
	}
	if to.Emergency {
		return s.emergency(r, to, way)
	}
	var n news
	if to.Moved {
		n.moved = moderation.Passed(to.Digest())
	}
	after := to.After
	for rows := 0; rows < digestRows; {
		page, err := s.hub.Messages(ctx, group.Caller{Identity: to.Member.Identity}, s.group, group.Query{AfterRev: after, Contents: true, Current: true, Limit: group.MaxPage})
		if err != nil {
			return delivery.Parcel{}, err
		}
		for _, e := range page.Entries {
			n.add(r, newItem(e), to)
		}
		rows += len(page.Entries)
		if after = page.To; !page.More {
			break
		}
	}
	if len(n.posts) == 0 && n.moved == "" {
		return delivery.Parcel{To: after}, nil
	}
	room := slowRoom
	if !way.Slow {
		room = digestOnFast
	}
	p, err := s.parcel(s.digest(r, &n, to, room), to)
	p.To = after
	return p, err
}

// catchUp is a digest in place of many single messages, for a relay member on a fast way who was away: of all that he missed but the newest
// posts, which follow one by one. False when he missed little.
func (s *Server) catchUp(r *reader, to delivery.Recipient) (p delivery.Parcel, ok bool, err error) {
	page, items, err := s.missed(r, to, group.MaxPage)
	if err != nil || len(items) <= maxSingly {
		return p, false, err
	}
	var n news
	rest := items[len(items)-newestSingly:]
	for _, e := range page.Entries {
		if e.Written < rest[0].Written && e.EditedBy == 0 {
			n.add(r, newItem(e), to)
		}
	}
	if len(n.posts) == 0 {
		return p, false, nil
	}
	p, err = s.parcel(s.digest(r, &n, to, digestOnFast), to)
	p.To = rest[0].Written - 1
	return p, true, err
}

// digest is the message that tells news.
func (s *Server) digest(r *reader, n *news, to delivery.Recipient, room int) Outbound {
	o := Outbound{
		To: rns.DestinationHash(group.AddressOf(to.Member.Identity)), Content: []byte(n.text(r, room)), Time: lxmf.Timestamp(n.last.Time), Ticket: true,
		Priority: lxmf.PriorityBulk,
	}
	place(&o.Fields, s.address, n.last.Seq)
	return o
}

// add takes in what happened.
func (n *news) add(r *reader, it item, to delivery.Recipient) {
	switch it.Kind {
	case group.EntryJoin:
		n.joined++
	case group.EntryLeave, group.EntryKick, group.EntryBan:
		n.left++
	case group.EntryPost, group.EntryAction:
		if r.wanted(it, to.Member, to.Preferences) {
			n.posts, n.last = append(n.posts, it), it
			if r.toHim(it, to.Member) {
				n.to++
			}
		}
	}
}

// text is the digest, in at most room bytes: how much there was, the newest headlines that fit, and how to read it all.
func (n *news) text(r *reader, room int) string {
	head := glyph + textDigest(brief(r.name, 40), n)
	if len(n.posts) == 0 {
		return head
	}
	foot := "\n" + glyph + textCatchUp(n.posts[0].Seq)
	var lines []string
	whole := true
	size := len(head)
	for i := len(n.posts) - 1; i >= 0 && len(lines) < digestLines; i-- {
		line := strings.ReplaceAll(r.line(n.posts[i], true), "\n"+indent, " ")
		short := brief(line, digestLine)
		if size+1+len(short)+len(foot) > room {
			break
		}
		whole = whole && short == line
		size += 1 + len(short)
		lines = append(lines, short)
	}
	var b strings.Builder
	b.WriteString(head)
	for i := len(lines) - 1; i >= 0; i-- {
		b.WriteString("\n" + lines[i])
	}
	if !whole || len(lines) < len(n.posts) {
		b.WriteString(foot)
	}
	return b.String()
}

// textDigest is the first line.
func textDigest(name string, n *news) string {
	parts := []string{count(len(n.posts), "new post")}
	if n.to > 0 {
		parts = append(parts, fmt.Sprintf("%d to you", n.to))
	}
	if n.joined > 0 {
		parts = append(parts, fmt.Sprintf("%d joined", n.joined))
	}
	if n.left > 0 {
		parts = append(parts, fmt.Sprintf("%d left", n.left))
	}
	text := name + ": " + strings.Join(parts, ", ")
	if n.moved != "" {
		text += fmt.Sprintf(". Too much for this way: from now on one message every %s. /relay on takes that back", n.moved)
	}
	return text
}

// textCatchUp tells how to read all from a post on.
func textCatchUp(from group.Seq) string { return fmt.Sprintf("All: /since #%d", from-1) }

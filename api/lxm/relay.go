package lxm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/msgpack"
)

// Tunables of what is relayed.
const (
	fastRows = 20  // entries that are looked at for a message on a fast way
	slowRows = 100 // the same on a slow one, which also tells the backlog
	// relayReactions is how many entries' reactions are looked at for one parcel.
	relayReactions = 20
	maxTold        = 5 // reactions to one entry that are told one by one, the newest
	// maxFiles is how large a post's files are relayed at most, in bytes: some programs take no message of more than 500 kB.
	maxFiles = 480_000
	// maxRelayed is how many members' programs are remembered for what they took, and how many reactions for having been told.
	maxRelayed = 1 << 12
	// staleReaction is how long a reaction is told of.
	staleReaction = 24 * time.Hour
)

// relays is what relaying remembers. Nothing of it is needed: what was forgotten is at worst sent once more, and known there by
// its id.
type relays struct {
	mu     sync.Mutex // leaf
	told   map[lxmf.MessageID]bool
	refuse map[copyKey]bool            // copies that a program refused for their size
	reacts map[group.IdentityHash]bool // whose programs show reactions: they have sent some
}

// note enters something in one of the tables, which is emptied when it is full.
func note[K comparable](r *relays, table *map[K]bool, k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *table == nil || len(*table) >= maxRelayed {
		*table = make(map[K]bool)
	}
	(*table)[k] = true
}

func noted[K comparable](r *relays, table *map[K]bool, k K) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return (*table)[k]
}

// Relay is the courier of posts as messages, for members with stock clients. On a fast way each post is a message of its own;
// on a slow one as many as fit one packet. It may be registered once [New] has returned.
func (s *Server) Relay() delivery.Courier { return relay{s} }

// Digest is the courier of one message per interval.
func (s *Server) Digest() delivery.Courier { return digest{s} }

// parcel is what the couriers carry.
type parcel struct {
	out    Outbound
	copies []copyKey        // to be made otherwise when it is refused for its size
	told   []lxmf.MessageID // reactions
}

type relay struct{ s *Server }

var _ delivery.Courier = relay{}

// Address implements delivery.Courier.
func (relay) Address(m group.IdentityHash) delivery.Address {
	return delivery.Address(group.AddressOf(m))
}

// Carry implements delivery.Courier.
func (c relay) Carry(ctx context.Context, p delivery.Parcel) delivery.Outcome {
	return c.s.carry(ctx, p)
}

func (s *Server) carry(ctx context.Context, p delivery.Parcel) delivery.Outcome {
	in := p.Payload.(parcel)
	outcome, err := s.config.Carry(ctx, in.out)
	switch {
	case outcome == delivery.Proved || outcome == delivery.LeftAtNode:
		s.count.relayed.Add(1)
		for _, id := range in.told {
			note(&s.relays, &s.relays.told, id)
		}
	case errors.Is(err, lxmf.ErrRejected):
		for _, k := range in.copies {
			note(&s.relays, &s.relays.refuse, k)
		}
	}
	return outcome
}

// Prepare implements delivery.Courier.
func (c relay) Prepare(ctx context.Context, to delivery.Recipient, way delivery.Way) (delivery.Parcel, error) {
	s := c.s
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
	rows := fastRows
	if way.Slow {
		rows = slowRows
	}
	page, items, err := s.missed(r, to, rows)
	if err != nil {
		return delivery.Parcel{}, err
	}
	if way.Slow {
		items = slices.DeleteFunc(items, func(it item) bool { return !it.Kind.Authored() })
	} else if p, ok, err := s.reacted(r, to); ok || err != nil {
		return p, err
	}
	if len(items) == 0 {
		return delivery.Parcel{To: page.To}, nil
	}
	if !way.Slow && page.More {
		if p, ok, err := s.catchUp(r, to); ok || err != nil {
			return p, err
		}
	}
	n, f := 1, s.formFor(to, items[0])
	out := Outbound{}
	if way.Slow {
		f, n = formSlow, r.fits(items)
		out = outbound(r.run(items[:n], to.Member.Identity))
	} else if n = server(items); n > 0 { // what the server says itself goes together, and takes a ticket along
		out = outbound(r.notices(items[:n], to.Member.Identity))
		out.Ticket = true
	} else {
		n, out = 1, outbound(r.draft(items[0], to.Member.Identity, f))
	}
	p, err := s.parcel(out, to)
	if err != nil {
		return p, err
	}
	if way.MaxBytes > 0 && p.Bytes > way.MaxBytes && f == formFull && items[0].hasFiles() {
		f = formText
		if p, err = s.parcel(outbound(r.draft(items[0], to.Member.Identity, f)), to); err != nil {
			return p, err
		}
	}
	in := p.Payload.(parcel)
	in.copies = []copyKey{{items[0].Seq, to.Member.Identity, formFull}}
	p.Payload = in
	p.To = page.To
	if n < len(items) {
		p.To = items[n].Written - 1
	}
	for _, it := range items[n:] {
		p.Backlog += len(r.runLine(it)) + 1
	}
	if page.More && len(page.Entries) > 0 {
		left := page.Head.Seq - min(page.Head.Seq, page.Entries[len(page.Entries)-1].Seq)
		p.Backlog += int(left) * (p.Backlog/len(page.Entries) + 1)
	}
	return p, nil
}

// shut reports whether somebody is sent no posts, since he is a group himself.
func (s *Server) shut(ctx context.Context, id group.IdentityHash) bool {
	if s.config.Server == nil || !s.config.Server(id) {
		return false
	}
	info, err := s.hub.Info(ctx, group.Caller{Local: true}, s.group)
	return err != nil || !info.Policy.RelayToGroups
}

// nothing lets a cursor pass everything.
func (s *Server) nothing(ctx context.Context, to delivery.Recipient) (delivery.Parcel, error) {
	info, err := s.hub.Info(ctx, group.Caller{Local: true}, s.group)
	return delivery.Parcel{To: max(to.After, info.Head.Rev)}, err
}

// missed reads what a member misses: a page of it, and what of that is to be sent to him.
func (s *Server) missed(r *reader, to delivery.Recipient, rows int) (group.Page, []item, error) {
	page, err := s.hub.Messages(r.ctx, group.Caller{Identity: to.Member.Identity}, s.group, group.Query{AfterRev: to.After, Contents: true, Limit: rows})
	if err != nil {
		return page, nil, err
	}
	var items []item
	for _, e := range page.Entries {
		it := newItem(e)
		if superseded := e.EditedBy != 0; superseded || !r.wanted(it, to.Member, to.Preferences) || r.line(it, true) == "" {
			continue
		}
		items = append(items, it)
	}
	return page, items, nil
}

// formFor is how a post is copied for a member on a fast way.
func (s *Server) formFor(to delivery.Recipient, it item) form {
	if to.TextOnly || it.size > maxFiles || noted(&s.relays, &s.relays.refuse, copyKey{it.Seq, to.Member.Identity, formFull}) {
		return formText
	}
	return formFull
}

// outbound is a copy as it is sent.
func outbound(d lxmf.Draft) Outbound {
	return Outbound{To: d.Destination, Content: d.Content, Fields: d.Fields, Time: d.Timestamp, Priority: lxmf.PriorityNormal}
}

// parcel says what a message costs.
func (s *Server) parcel(o Outbound, to delivery.Recipient) (delivery.Parcel, error) {
	o.Node = to.Node
	if len(to.Member.PublicKey) > 0 {
		id, err := rns.NewPublicIdentity(to.Member.PublicKey)
		if err != nil {
			return delivery.Parcel{}, fmt.Errorf("key of a member: %w", err)
		}
		o.Identity = id
	}
	air, err := s.config.Estimate(o)
	if err != nil {
		return delivery.Parcel{}, err
	}
	return delivery.Parcel{To: to.After, Bytes: max(air.Bytes, 1), Packets: max(air.Packets, 1), Proofs: air.Answers, Payload: parcel{out: o}}, nil
}

// server is how many of the items at the beginning are what the server says itself.
func server(items []item) (n int) {
	for n < len(items) && n < maxRun && !items[n].Kind.Authored() {
		n++
	}
	return n
}

// notices is one message of what the server says.
func (r *reader) notices(items []item, to group.IdentityHash) lxmf.Draft {
	lines := make([]string, len(items))
	for i, it := range items {
		lines[i] = r.line(it, true)
	}
	last := items[len(items)-1]
	d := lxmf.Draft{Destination: rns.DestinationHash(group.AddressOf(to)), Timestamp: lxmf.Timestamp(last.Time), Content: []byte(strings.Join(lines, "\n"))}
	place(&d.Fields, r.s.address, last.Seq)
	return d
}

// emergency is a parcel of the emergency posts alone, the newest of them if there is no room for all.
func (s *Server) emergency(r *reader, to delivery.Recipient, way delivery.Way) (delivery.Parcel, error) {
	page, items, err := s.missed(r, to, group.MaxPage)
	if err != nil {
		return delivery.Parcel{}, err
	}
	p := delivery.Parcel{To: to.After}
	var urgent []item
	before := false // something else is missing, which comes first
	for _, it := range items {
		if it.Emergency {
			urgent = append(urgent, it)
		} else if len(urgent) == 0 {
			before = true
		}
	}
	if len(urgent) == 0 {
		if len(items) == 0 {
			p.To = page.To
		}
		return p, nil
	}
	all := urgent
	for r.fits(urgent) < len(urgent) {
		urgent = urgent[1:]
	}
	o := outbound(r.run(urgent, to.Member.Identity))
	if len(urgent) == 1 && !way.Slow {
		o = outbound(r.draft(urgent[0], to.Member.Identity, formText))
	}
	o.Priority = lxmf.PriorityEmergency
	if p, err = s.parcel(o, to); err != nil {
		return p, err
	}
	if !before && len(urgent) == len(all) && to.Mode == group.DeliverRelay {
		i := 0
		for i < len(items) && items[i].Emergency {
			i++
		}
		if p.To = page.To; i < len(items) {
			p.To = items[i].Written - 1
		}
	}
	return p, nil
}

// --- reactions ---

// reacted is a parcel of one reaction to what the member has, the oldest that he was not told of. Reactions ride along with
// what else there is, his own posts too: by themselves they make nobody look.
func (s *Server) reacted(r *reader, to delivery.Recipient) (delivery.Parcel, bool, error) {
	if to.MentionsOnly {
		return delivery.Parcel{}, false, nil
	}
	changed, err := s.hub.Messages(r.ctx, group.Caller{Identity: to.Member.Identity}, s.group,
		group.Query{AfterRev: to.After, EntriesOnly: true, Reactors: true, First: true, Limit: relayReactions})
	if err != nil {
		return delivery.Parcel{}, false, err
	}
	since := r.timeOf(to.After)
	for _, e := range changed.Entries {
		if e.Deleted || e.Written > to.After {
			continue
		}
		it := newItem(e)
		held, ok := r.held(it, to.Member.Identity, s.formFor(to, it))
		if !ok {
			continue
		}
		given := changed.Reactors[e.Seq]
		for _, reaction := range given[max(0, len(given)-maxTold):] {
			if reaction.Who == to.Member.Identity || reaction.Created.Before(since) {
				continue
			}
			d := r.reaction(it, reaction, to.Member.Identity, held)
			id := d.ID(rns.DestinationHash(s.address))
			if noted(&s.relays, &s.relays.told, id) {
				continue
			}
			p, err := s.parcel(outbound(d), to)
			if err != nil {
				return p, false, err
			}
			in := p.Payload.(parcel)
			in.told = []lxmf.MessageID{id}
			p.Payload, p.To = in, to.After
			return p, true, nil
		}
	}
	return delivery.Parcel{}, false, nil
}

// timeOf is when the newest entry came that a cursor covers, as far as that is remembered.
func (r *reader) timeOf(after group.Rev) (at time.Time) {
	for _, it := range r.items {
		if it.Written <= after && it.Time.After(at) {
			at = it.Time
		}
	}
	if oldest := r.s.config.Now().Add(-staleReaction); at.Before(oldest) {
		return oldest
	}
	return at
}

// reaction is the message about a reaction for one member, in both forms that clients know, with who gave it (spec 4 §8.6). In words
// besides, unless his program has shown that it knows either form.
func (r *reader) reaction(it item, given group.Reaction, to group.IdentityHash, held lxmf.MessageID) lxmf.Draft {
	d := lxmf.Draft{Destination: rns.DestinationHash(group.AddressOf(to)), Timestamp: lxmf.Timestamp(given.Created)}
	who := group.AddressOf(given.Who)
	d.Fields.SetReaction(lxmf.Reaction{Target: held, Text: given.Text})
	d.Fields.Set(lxmf.FieldExtension, msgpack.Map(
		msgpack.Entry{Key: msgpack.Str("reaction_to"), Value: msgpack.Str(held.String())},
		msgpack.Entry{Key: msgpack.Str("emoji"), Value: msgpack.Str(given.Text)},
		msgpack.Entry{Key: msgpack.Str("sender"), Value: msgpack.Str(given.Who.String())},
	))
	d.Fields.Set(lxmf.FieldCustomType, msgpack.Str("originator-identity"))
	d.Fields.Set(lxmf.FieldCustomData, msgpack.Bin(who[:]))
	if !noted(&r.s.relays, &r.s.relays.reacts, to) {
		name := group.IdentityHash(given.Who).Short()
		if m, ok := r.people[given.Who]; ok {
			name = m.DisplayName
		}
		head, _, _ := strings.Cut(r.line(it, true), "\n")
		d.Content = []byte(glyph + textReacted(name, given.Text, brief(head, 40)))
	}
	return d
}

func textReacted(name, reaction, to string) string { return name + " " + reaction + " to: " + to }

package lxm

import (
	"context"
	"time"

	"groupd/group"
	"groupd/moderation"
	"groupd/rns"
)

// Tunables of what moderators are told.
const (
	// staffEvery is how often they are told that people wait to join, or that posts are reported, however many.
	staffEvery = time.Hour
	// maxStaff bounds how many of them are told.
	maxStaff = 16
)

// staff remembers whether moderators have to be told of one thing. It belongs to the goroutine of Run.
type staff struct {
	of   group.EventKind
	told time.Time // the last time
	news bool      // it has happened since
}

// watched is what moderators are told of.
func watched() []staff { return []staff{{of: group.EventRequested}, {of: group.EventReported}} }

// notice tells people what was decided about them.
func (s *Server) notice(ctx context.Context, e group.Event) {
	if e.Group == s.group && e.Kind == group.EventInvited {
		s.invite(ctx, e)
	}
	if e.Group != s.group || e.Who.IsZero() {
		return
	}
	var text func(group.Info) string
	switch e.Kind {
	case group.EventApproved:
		text = func(i group.Info) string {
			return textWelcome(i, e.Name, e.Role) + s.howTold(ctx, e.Who) + "\n" + s.disclosure()
		}
	case group.EventAnswered:
		text = func(i group.Info) string { return textAnswered(i, e) }
	case group.EventRejected:
		text = func(i group.Info) string { return textTurnedAway(i, e.Text) }
	case group.EventRemoved:
		text = func(i group.Info) string { return textRemoved(i, e.Text, e.Until, s.hub.Now()) }
	case group.EventMuted:
		text = func(i group.Info) string { return textMuted(i, e.Text, e.Until, s.hub.Now()) }
	case group.EventUnmuted:
		text = func(i group.Info) string { return textUnmuted(i) }
	default:
		return
	}
	info, err := s.hub.Info(ctx, group.Caller{Local: true}, s.group)
	if err != nil {
		s.log.Warn("no info for a notice", "err", err)
		return
	}
	s.say(ctx, Outbound{To: rns.DestinationHash(group.AddressOf(e.Who)), TTL: noticeFor, Keep: true, Ticket: e.Kind == group.EventApproved}, whole(text(outside(info, e.Kind)))...)
}

// invite tells somebody that he is invited: one message, whose words are the server's alone. The Hub asks for it until it is kept.
func (s *Server) invite(ctx context.Context, e group.Event) {
	info, err := s.hub.Info(ctx, group.Caller{Local: true}, s.group)
	if err != nil {
		s.log.Warn("no info for an invite", "err", err)
		return
	}
	to := rns.DestinationHash(e.Target)
	if of := rns.DestinationHash(group.AddressOf(group.IdentityHash(e.Target))); !e.Who.IsZero() || s.config.Known != nil && s.config.Known(of) {
		to = of // an identity was named
	}
	o := Outbound{To: to, TTL: noticeFor, Keep: true, MaxStamp: strangerStamp}
	if !s.say(ctx, o, glyph+brief(textInvited(outside(info, e.Kind), e.By, e.Until.Sub(s.hub.Now())), MaxContent-len(glyph))) {
		return
	}
	if err := s.hub.InviteKept(ctx, group.Caller{Local: true}, s.group, e.Invite); err != nil {
		s.log.Warn("invite was sent, and is sent again", "dest", to, "err", err)
	}
}

// outside hides the private name from those who are not members (any more), as Info does.
func outside(i group.Info, k group.EventKind) group.Info {
	if (k == group.EventRejected || k == group.EventRemoved) && !i.Public {
		i.PrivateName = ""
	}
	return i
}

// tellStaff tells who may decide about it that people wait to join, or that posts are reported, at most once in staffEvery. It
// returns how long to wait before it is called again, 0 when there is nothing to tell.
func (s *Server) tellStaff(ctx context.Context, st *staff) (wait time.Duration) {
	if !st.news {
		return 0
	}
	now := s.config.Now()
	if since := now.Sub(st.told); !st.told.IsZero() && since >= 0 && since < staffEvery {
		return staffEvery - since
	}
	st.news = false
	local := group.Caller{Local: true}
	needs, text := moderation.PermApprove, s.whoWaits
	if st.of == group.EventReported {
		needs, text = moderation.PermDelete, s.whatIsReported
	}
	words := text(ctx, local)
	if words == "" { // decided about meanwhile
		return 0
	}
	told := 0
	for q := (group.MembersQuery{Limit: group.MaxPage}); ; {
		p, err := s.hub.Members(ctx, local, s.group, q)
		if err != nil {
			s.log.Warn("no members for a notice", "err", err)
			return 0
		}
		for _, m := range p.Members {
			if told < maxStaff && m.Permissions.Has(needs) {
				told, st.told = told+1, now
				s.say(ctx, Outbound{To: rns.DestinationHash(m.Address), TTL: noticeFor, Ticket: true}, whole(words)...)
			}
		}
		if q.AfterRev = p.To; !p.More || told >= maxStaff {
			return 0
		}
	}
}

// whoWaits says who waits to join, "" for nobody.
func (s *Server) whoWaits(ctx context.Context, c group.Caller) string {
	waiting, err := s.hub.Requests(ctx, c, s.group, group.MaxPage)
	switch {
	case err != nil || len(waiting) == 0:
		return ""
	case len(waiting) == 1:
		return textAsks(waiting[0])
	}
	return textManyAsk(len(waiting))
}

// whatIsReported says what members reported, "" for nothing.
func (s *Server) whatIsReported(ctx context.Context, c group.Caller) string {
	r, err := s.hub.Reports(ctx, c, s.group, 0, 1)
	switch {
	case err != nil || len(r.Reports) == 0:
		return ""
	case r.Total == 1:
		by := ""
		for _, m := range r.Authors {
			by = m.DisplayName
		}
		return textReportedOne(r.Reports[0], by)
	}
	return textManyReports(r.Total)
}

// Farewell is the message that tells a member that his group was deleted, in its name. How long it may wait is the caller's to say: the group has no
// address of its own any more.
func Farewell(w group.Farewell, to group.Member) (Outbound, error) {
	id, err := rns.NewPublicIdentity(to.PublicKey)
	if err != nil {
		return Outbound{}, err
	}
	return Outbound{
		To: rns.DestinationHash(to.Address), Identity: id, Fields: Marker(), Content: []byte(glyph + brief(textFarewell(w), MaxContent-len(glyph))), MaxStamp: strangerStamp,
	}, nil
}

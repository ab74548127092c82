package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/group"
)

// event brings the tables up to date.
func (s *Scheduler) event(ctx context.Context, e group.Event) {
	s.mu.Lock()
	open := s.loaded[e.Group]
	s.mu.Unlock()
	if !open {
		return
	}
	switch {
	case e.Kind == group.EventPreferences, e.Kind == group.EventRemoved, e.Kind == group.EventApproved:
		s.readRow(ctx, e.Group, e.Who)
	case e.Kind != group.EventChanged:
		return
	case e.Entry != nil && (e.Entry.Kind == group.EntryJoin || e.Entry.Kind == group.EntryLeave):
		s.readRow(ctx, e.Group, e.Entry.Author)
	}
	if e.Kind != group.EventChanged {
		return
	}
	if e.Entry == nil {
		s.readPolicy(ctx, e.Group)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded[e.Group] { // closed meanwhile
		return
	}
	r := s.book.roster(e.Group)
	if e.Entry == nil && e.Head.Deletions == r.deletions {
		return // reactions, profiles and the like ride with the next page
	}
	r.deletions = e.Head.Deletions
	rev := e.Head.Rev
	if e.Entry != nil {
		rev = e.Entry.Rev
	}
	s.book.news(s.now(), e.Group, rev, e.Entry != nil && e.Entry.Emergency)
}

// readPolicy learns a group's share of the air.
func (s *Scheduler) readPolicy(ctx context.Context, id group.GroupID) {
	var g group.Group
	err := s.config.Store.View(ctx, func(tx group.ReadTx) (err error) {
		g, err = tx.Group(id)
		return err
	})
	if err != nil {
		return // as it was
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded[id] {
		s.book.roster(id).share = shareOf(g)
	}
}

// shareOf is the part of an interface's time that is for a group, above 0.
func shareOf(g group.Group) float64 { return float64(max(g.Policy.Share(), 1)) / 100 }

// readRow brings in one row. One that cannot be read is read with all others.
func (s *Scheduler) readRow(ctx context.Context, g group.GroupID, id group.IdentityHash) {
	var d group.Delivery
	err := s.config.Store.View(ctx, func(tx group.ReadTx) (err error) {
		d, err = tx.Delivery(g, id)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.loaded[g]: // closed meanwhile
	case err == nil:
		s.book.put(s.now(), s.config.Now(), d)
	case errors.Is(err, group.ErrNoRow):
		s.book.forget(g, id)
	default:
		s.load = append(s.load, g)
	}
}

// lostEvents has everything read again.
func (s *Scheduler) lostEvents(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.count.EventsLost += n
	s.load = s.load[:0]
	for g := range s.loaded {
		s.load = append(s.load, g)
	}
}

// readRows reads the rows of groups that wait for it.
func (s *Scheduler) readRows(ctx context.Context) {
	s.mu.Lock()
	todo := s.load
	s.load = nil
	s.mu.Unlock()
	for _, g := range todo {
		if err := s.readGroup(ctx, g); err != nil && ctx.Err() == nil {
			s.log.Warn("members to be told not read", "group", string(g), "err", err)
			s.mu.Lock()
			s.load = append(s.load, g)
			s.mu.Unlock()
			time.AfterFunc(againWithout, s.poke)
		}
	}
}

// readGroup reads a group's rows and what is new in it.
func (s *Scheduler) readGroup(ctx context.Context, g group.GroupID) error {
	known := make(map[group.IdentityHash]bool)
	for after := (group.IdentityHash{}); ; {
		var page []group.Delivery
		err := s.config.Store.View(ctx, func(tx group.ReadTx) (err error) {
			page, err = tx.Deliveries(g, after, loadRows)
			return err
		})
		if err != nil {
			return err
		}
		s.mu.Lock()
		open := s.loaded[g]
		for _, d := range page {
			if after, known[d.Identity] = d.Identity, true; open {
				s.book.put(s.now(), s.config.Now(), d)
			}
		}
		s.mu.Unlock()
		if !open { // closed meanwhile: what comes next under this name is another group
			return nil
		}
		if len(page) < loadRows {
			break
		}
	}
	s.readPolicy(ctx, g)
	var head group.Head
	var newest []group.Entry
	err := s.config.Store.View(ctx, func(tx group.ReadTx) (err error) {
		if head, err = tx.Head(g); err != nil {
			return err
		}
		newest, err = tx.Entries(g, 0, 0, true, 50)
		return err
	})
	if err != nil {
		return fmt.Errorf("newest entries: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded[g] {
		return nil
	}
	r, now, wall := s.book.roster(g), s.now(), s.config.Now()
	for id := range r.tickets {
		if !known[id] {
			s.book.forget(g, id)
		}
	}
	r.deletions = head.Deletions
	for i, e := range newest {
		age := wall.Sub(e.Time)
		if urgent := e.Emergency && age > -emergencyFor && age < emergencyFor; i == 0 || urgent {
			s.book.news(now, g, e.Written, urgent)
		}
	}
	return nil
}

// flush writes what has changed, many rows in one commit.
func (s *Scheduler) flush(ctx context.Context) {
	_, err := s.writeRows(ctx)
	s.mu.Lock()
	s.flushing = false
	s.mu.Unlock()
	if err != nil && ctx.Err() == nil {
		s.log.Warn("progress of delivery not written", "err", err)
	}
	s.poke()
}

// flushAll writes everything at the end.
func (s *Scheduler) flushAll(ctx context.Context) error {
	for {
		if n, err := s.writeRows(ctx); n == 0 || err != nil {
			return err
		}
	}
}

// writeRows writes up to flushRows rows. What could not be written is tried again later.
func (s *Scheduler) writeRows(ctx context.Context) (int, error) {
	s.mu.Lock()
	rows, tickets := s.book.changed(s.now(), s.config.Now(), flushRows)
	s.mu.Unlock()
	if len(tickets) == 0 {
		return 0, nil
	}
	err := s.config.Store.Update(ctx, func(tx group.Tx) error {
		for _, d := range rows {
			if err := tx.PutProgress(d.Group, d.Identity, d.Progress); err != nil && !errors.Is(err, group.ErrNoRow) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.book.count.NotWritten++
		for _, t := range tickets {
			if !t.gone {
				s.book.mark(t)
			}
		}
	}
	return len(tickets), err
}

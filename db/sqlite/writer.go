package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"groupd/group"
)

// update is one closure on its way through the writer.
type update struct {
	ctx      context.Context
	run      func(*conn) error
	result   chan error // capacity 1
	panicked any
}

// Update implements group.Store.
func (db *DB) Update(ctx context.Context, f func(group.Tx) error) error {
	return db.update(ctx, func(c *conn) error { return f(tx{c}) })
}

// UpdateQueued implements group.Queuer.
func (db *DB) UpdateQueued(ctx context.Context, f func(group.Tx) error, queued func()) error {
	return db.queue(ctx, func(c *conn) error { return f(tx{c}) }, queued)
}

func (db *DB) update(ctx context.Context, f func(*conn) error) error {
	return db.queue(ctx, f, func() {})
}

func (db *DB) queue(ctx context.Context, f func(*conn) error, queued func()) error {
	u := &update{ctx: ctx, run: f, result: make(chan error, 1)}
	select {
	case <-db.closing:
		return group.ErrClosed
	default:
	}
	select {
	case <-db.closing:
		return group.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	case db.updates <- u:
		queued()
	}
	var err error
	select {
	case err = <-u.result:
	case <-db.done: // closed before the writer came to it, or just after it answered
		select {
		case err = <-u.result:
		default:
			return group.ErrClosed
		}
	}
	if u.panicked != nil {
		panic(u.panicked) // in the goroutine whose closure it was
	}
	return err
}

// runWriter is the life of the one goroutine that writes. It commits as soon as no more updates wait: group commit that never
// waits to gather, but gives way once to those who are ready to write.
//
// scrub says that the log holds what was erased.
func (db *DB) runWriter(scrub bool) {
	defer close(db.done)
	for {
		var again <-chan time.Time
		if scrub && len(db.updates) == 0 {
			if scrub = !db.scrub(); scrub {
				again = time.After(scrubAgain)
			}
		}
		select {
		case <-db.closing: // closing the file empties the log as well
			return
		case <-again:
		case u := <-db.updates:
			scrub = db.commit(u) || scrub
		}
	}
}

// scrub copies the write-ahead log into the database and cuts it to nothing, so that erased texts are on no page of the disk's any
// more. It reports false when a View still reads from the log; it does not wait for it.
func (db *DB) scrub() bool {
	c := db.writer
	wait := func(d time.Duration) error {
		return c.each(func(row) error { return nil }, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
	}
	if err := wait(0); err != nil {
		return false
	}
	busy := true
	err := c.one(func(r row) error {
		var log, copied int
		return r.Scan(&busy, &log, &copied)
	}, "PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, wait(busyTimeout)) == nil && !busy
}

// commit runs one update and those that wait behind it in one transaction, each in a savepoint, and answers when it is on disk.
// It reports whether something was erased.
func (db *DB) commit(first *update) (erased bool) {
	c := db.writer
	c.broken, c.erased = nil, false
	if err := c.exec("BEGIN IMMEDIATE"); err != nil {
		first.result <- fmt.Errorf("%w: begin: %w", group.ErrNotDurable, err)
		return false
	}
	waiting := db.runBatch(first)
	err := c.broken
	if err == nil && len(waiting) > 0 {
		err = c.exec("COMMIT")
	}
	if err != nil || len(waiting) == 0 {
		// After some errors SQLite has rolled back by itself; then this one fails, and that is as good.
		rollback := c.exec("ROLLBACK")
		if err != nil {
			err = fmt.Errorf("%w: commit: %w", group.ErrNotDurable, err)
			if rollback != nil {
				err = fmt.Errorf("%w (rollback: %v)", err, rollback)
			}
		}
	}
	if err == nil && len(waiting) > 0 {
		db.commits.Add(1)
		db.committed.Add(uint64(len(waiting)))
	}
	for _, u := range waiting {
		u.result <- err
	}
	return c.erased
}

// runBatch runs one update and those that wait behind it, and returns those that wait for the commit; the others are answered. When the
// transaction is broken, all that have run fail with it, and what waits is left for the next one.
func (db *DB) runBatch(first *update) (waiting []*update) {
	c := db.writer
	gaveWay := false
	for u, taken := first, 1; u != nil; taken++ {
		err := u.ctx.Err()
		if err == nil {
			err = c.savepoint(u)
		}
		if c.broken != nil {
			return append(waiting, u)
		}
		if err != nil {
			u.result <- err
		} else {
			waiting = append(waiting, u)
		}
		if u = db.next(taken); u == nil && !gaveWay && len(waiting) > 0 {
			// While a commit waits for the disk it holds a processor. Where there is no other, those who write at the same moment
			// would be run one after the other, with a commit for each.
			gaveWay = true
			runtime.Gosched()
			u = db.next(taken)
		}
	}
	return waiting
}

// next is the update that waits longest, nil when none does or the batch is full.
func (db *DB) next(taken int) *update {
	if taken >= batchLimit {
		return nil
	}
	select {
	case u := <-db.updates:
		return u
	default:
		return nil
	}
}

// savepoint runs one update so that its error undoes only its own writes.
func (c *conn) savepoint(u *update) (err error) {
	if err := c.exec("SAVEPOINT one"); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			u.panicked, err = r, fmt.Errorf("sqlite: panic in an update: %v", r)
		}
		if err != nil {
			if e := c.exec("ROLLBACK TO one"); e != nil && c.broken == nil {
				c.broken = e
			}
		}
		if e := c.exec("RELEASE one"); e != nil && c.broken == nil {
			c.broken = e
		}
	}()
	return u.run(c)
}

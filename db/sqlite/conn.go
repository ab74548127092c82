package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"

	"github.com/mattn/go-sqlite3"

	"groupd/group"
)

// conn is one connection with its prepared statements. It is used by one goroutine at a time. Statements run without a context:
// each is short, and a transaction must not end half way.
type conn struct {
	c     *sql.Conn
	stmts map[string]*sql.Stmt
	// broken is the first error after which the transaction cannot be trusted: the disk is full or fails.
	broken error
	// erased says that the transaction has taken away what must not be found again; see DB.scrub.
	erased bool
	// words says that there is an index of words.
	words bool
}

func newConn(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return &conn{c: c, stmts: map[string]*sql.Stmt{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// prepare returns the statement for a query; queries are constants, so their number is bounded.
func (c *conn) prepare(query string) (*sql.Stmt, error) {
	if s := c.stmts[query]; s != nil {
		return s, nil
	}
	s, err := c.c.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, c.note(err)
	}
	c.stmts[query] = s
	return s, nil
}

func (c *conn) exec(query string, args ...any) error {
	_, err := c.changed(query, args...)
	return err
}

// changed runs a statement and tells how many rows it touched.
func (c *conn) changed(query string, args ...any) (int, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, c.note(err)
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// changeOne runs an update that must find its row; group.ErrNoRow otherwise.
func (c *conn) changeOne(query string, args ...any) error {
	n, err := c.changed(query, args...)
	if err == nil && n == 0 {
		return group.ErrNoRow
	}
	return err
}

// one reads a single row; group.ErrNoRow when there is none.
func (c *conn) one(scan func(row) error, query string, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	err = scan(s.QueryRow(args...))
	if errors.Is(err, sql.ErrNoRows) {
		return group.ErrNoRow
	}
	return c.note(err)
}

// rowsAtOnce is how many rows are read before others get the processor: a long list takes milliseconds.
const rowsAtOnce = 32

// each reads all rows.
func (c *conn) each(scan func(row) error, query string, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return c.note(err)
	}
	defer rows.Close()
	for n := 1; rows.Next(); n++ {
		if err := scan(rows); err != nil {
			return c.note(err)
		}
		if n%rowsAtOnce == 0 {
			runtime.Gosched()
		}
	}
	return c.note(rows.Err())
}

func (c *conn) count(query string, args ...any) (int, error) {
	var n int
	err := c.one(func(r row) error { return r.Scan(&n) }, query, args...)
	return n, err
}

// row is what *sql.Row and *sql.Rows share.
type row interface{ Scan(dest ...any) error }

// list collects what scan makes of each row.
func list[T any](c *conn, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	var out []T
	err := c.each(func(r row) error {
		v, err := scan(r)
		if err == nil {
			out = append(out, v)
		}
		return err
	}, query, args...)
	return out, err
}

// find reads a single row with scan.
func find[T any](c *conn, scan func(row) (T, error), query string, args ...any) (T, error) {
	var v T
	err := c.one(func(r row) (err error) { v, err = scan(r); return err }, query, args...)
	return v, err
}

// note remembers errors of the disk and wraps them, so that callers know that nothing was decided.
func (c *conn) note(err error) error {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case sqlite3.ErrFull, sqlite3.ErrIoErr, sqlite3.ErrNomem, sqlite3.ErrCorrupt, sqlite3.ErrNotADB, sqlite3.ErrReadonly,
		sqlite3.ErrCantOpen, sqlite3.ErrProtocol, sqlite3.ErrBusy, sqlite3.ErrInterrupt:
		err = fmt.Errorf("%w: %w", group.ErrNotDurable, err)
		if c.broken == nil {
			c.broken = err
		}
	}
	return err
}

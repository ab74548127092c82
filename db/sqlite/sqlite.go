// Package sqlite keeps everything in one SQLite file: it is the engine behind group.Store, lxmf.Store and rns.Store.
//
// One goroutine writes, on one connection; concurrent updates share a commit (writer.go). Readers have connections of their own
// and never wait for it. Pragmas stand in the data source name, so that they hold on every connection: WAL journal, synchronous
// FULL (a commit is on disk when it returns), foreign keys, secure_delete (what is deleted is overwritten). After a deletion the
// write-ahead log, which still holds the text, is emptied as soon as no View reads from it.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mattn/go-sqlite3" // and the driver "sqlite3"
	"github.com/pressly/goose/v3"

	"groupd/group"
	"groupd/internal/durable"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Tunables.
const (
	readers     = 4   // connections that read
	updateQueue = 256 // updates that wait for the writer; further callers block until there is room or their context ends
	batchLimit  = 256 // updates in one commit
	busyTimeout = 5 * time.Second
	scrubAgain  = time.Second // until the log is emptied again, when a View was in the way
)

// ErrNewer is what Open fails with when the schema is newer than this program.
var ErrNewer = errors.New("made by a newer groupd")

// DB is an open database file. All methods may be called from any goroutine.
type DB struct {
	path   string
	dsn    string
	write  *sql.DB
	read   *sql.DB
	writer *conn
	pool   chan *conn

	updates chan *update
	closing chan struct{}
	done    chan struct{}
	once    sync.Once

	commits, committed atomic.Uint64
}

var (
	_ group.Store  = (*DB)(nil)
	_ group.Queuer = (*DB)(nil)
)

// Open opens the file, makes it (mode 0600) when there is none, and brings its schema up to date. It fails when the schema is
// newer than this program (ErrNewer). The folder must exist.
func Open(ctx context.Context, path string) (*DB, error) {
	return open(ctx, path, "")
}

// open adds more pragmas for tests, as "&name=value".
func open(ctx context.Context, path, more string) (_ *DB, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Close()); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	dsn := name.String() + "?mode=rw&_journal_mode=WAL&_synchronous=FULL&_foreign_keys=on&_secure_delete=on&_txlock=immediate" +
		fmt.Sprintf("&_busy_timeout=%d", busyTimeout.Milliseconds()) + more
	db := &DB{
		path: path, dsn: dsn, pool: make(chan *conn, readers), updates: make(chan *update, updateQueue),
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			db.closeConns()
		}
	}()
	if db.write, err = sql.Open("sqlite3", dsn); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db.write.SetMaxOpenConns(1)
	if err := migrate(ctx, db.write); err != nil {
		return nil, err
	}
	words, err := prepareIndex(ctx, db.write)
	if err != nil {
		return nil, err
	}
	if db.read, err = sql.Open("sqlite3", dsn+"&_query_only=on"); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db.read.SetMaxOpenConns(readers)
	for range readers {
		c, err := newConn(ctx, db.read)
		if err != nil {
			return nil, err
		}
		c.words = words
		db.pool <- c
	}
	if db.writer, err = newConn(ctx, db.write); err != nil {
		return nil, err
	}
	db.writer.words = words
	go db.runWriter(!db.scrub()) // what was erased before the program was killed goes now
	return db, nil
}

// migrate brings the schema up to date, one transaction per step.
func migrate(ctx context.Context, db *sql.DB) error {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, dir)
	if err != nil {
		return fmt.Errorf("sqlite: migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: schema version: %w", err)
	}
	if current > target {
		return fmt.Errorf("sqlite: the database has schema %d, %w; this one knows %d", current, ErrNewer, target)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	return nil
}

// Path is the database file.
func (db *DB) Path() string { return db.path }

// Close waits for updates that have begun, refuses those that wait (group.ErrClosed), and closes the file. Views that run are
// waited for. A second call does nothing.
func (db *DB) Close() error {
	db.once.Do(func() { close(db.closing) })
	<-db.done
	return db.closeConns()
}

func (db *DB) closeConns() error {
	var errs []error
	if db.writer != nil {
		errs = append(errs, db.writer.close())
		db.writer = nil
	}
	if db.read != nil {
		for range readers {
			select {
			case c := <-db.pool:
				errs = append(errs, c.close())
			case <-time.After(busyTimeout): // a View that never ended, or open failed half way
			}
		}
		errs = append(errs, db.read.Close())
		db.read = nil
	}
	if db.write != nil {
		errs = append(errs, db.write.Close())
		db.write = nil
	}
	return errors.Join(errs...)
}

// Stats counts since Open. All fields only rise.
type Stats struct {
	Commits uint64 // transactions that reached the disk
	Updates uint64 // updates in them: Updates/Commits is how well they share
}

// Stats is a snapshot.
func (db *DB) Stats() Stats {
	return Stats{Commits: db.commits.Load(), Updates: db.committed.Load()}
}

// View implements group.Store.
func (db *DB) View(ctx context.Context, f func(group.ReadTx) error) error {
	return db.view(ctx, func(c *conn) error { return f(tx{c}) })
}

func (db *DB) view(ctx context.Context, f func(*conn) error) (err error) {
	var c *conn
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
	case c = <-db.pool:
	}
	defer func() { db.pool <- c }()
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.exec("ROLLBACK")) }()
	return f(c)
}

// full marks an error as group.ErrNoSpace when the disk was full.
func full(err error) error {
	if e := (sqlite3.Error{}); errors.As(err, &e) && e.Code == sqlite3.ErrFull {
		return fmt.Errorf("%w: %w", group.ErrNoSpace, err)
	}
	return err
}

// Backup writes a consistent copy of the database to a new file (mode 0600) while it is in use, and returns when the copy is on
// disk. It fails when the file exists.
func (db *DB) Backup(ctx context.Context, to string) (err error) {
	select {
	case <-db.closing:
		return group.ErrClosed
	default:
	}
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			os.Remove(to)
		}
	}()
	own, err := sql.Open("sqlite3", db.dsn) // the readers' connections must not write, not even elsewhere
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	if _, err := own.ExecContext(ctx, "VACUUM INTO ?1", to); err != nil {
		return fmt.Errorf("backup: %w", full(err))
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return durable.SyncFolder(filepath.Dir(to))
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"

	"groupd/group"
)

const (
	contentsTable = "backup_contents" // of backups alone
	contentsPart  = 1 << 20           // bytes in one row
)

// openBackup opens a backup that nobody else uses.
func openBackup(path string) (*sql.DB, error) {
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	db, err := sql.Open("sqlite3", name.String()+"?mode=rw&_journal_mode=DELETE&_synchronous=FULL&_txlock=immediate")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// blobsOf lists the contents that a database refers to.
func blobsOf(ctx context.Context, db *sql.DB) (list []group.Blob, err error) {
	rows, err := db.QueryContext(ctx, "SELECT hash, size, refs FROM attachment_blobs WHERE refs > 0 ORDER BY hash")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		b, err := scanBlob(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	return list, rows.Err()
}

// AddContents puts the contents of the attachments into a backup that Backup made, so that it is one file. What was erased since then, or
// is missing, is left out. With more than most bytes of contents it fails before it begins; most below 0 is no bound.
func AddContents(ctx context.Context, path string, from group.Blobs, most int64) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("backup of attachments: %w", full(err))
		}
	}()
	db, err := openBackup(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	list, err := blobsOf(ctx, db)
	if err != nil || len(list) == 0 {
		return err
	}
	var all int64
	for _, b := range list {
		all += b.Size
	}
	if most >= 0 && all > most {
		return fmt.Errorf("%d bytes of contents: %w", all, group.ErrNoSpace)
	}
	if _, err := db.ExecContext(ctx, "CREATE TABLE "+contentsTable+" (hash BLOB NOT NULL, part INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (hash, part)) STRICT"); err != nil {
		return err
	}
	buffer := make([]byte, contentsPart)
	for _, b := range list {
		if err := addContent(ctx, db, from, b, buffer); err != nil {
			return err
		}
	}
	return nil
}

func addContent(ctx context.Context, db *sql.DB, from group.Blobs, b group.Blob, buffer []byte) error {
	content, err := from.Open(b.Hash)
	if errors.Is(err, group.ErrNoRow) {
		return nil
	}
	if err != nil {
		return err
	}
	defer content.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing after Commit
	in := io.NewSectionReader(content, 0, content.Size())
	for part := 0; part == 0 || int64(part)*contentsPart < content.Size(); part++ {
		n, err := io.ReadFull(in, buffer)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+contentsTable+" (hash, part, data) VALUES (?1, ?2, ?3)", b.Hash[:], part, blob(buffer[:n])); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// TakeContents moves the contents of attachments out of a backup that is to become a database. missing counts those that are not in it.
func TakeContents(ctx context.Context, path string, to group.Blobs) (missing int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("attachments of a backup: %w", err)
		}
	}()
	db, err := openBackup(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	list, err := blobsOf(ctx, db)
	if err != nil {
		return 0, err
	}
	has := 0
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = ?1", contentsTable).Scan(&has); err != nil || has == 0 {
		return len(list), err
	}
	for _, b := range list {
		in := &contentReader{next: func(part int) (data []byte, err error) {
			err = db.QueryRowContext(ctx, "SELECT data FROM "+contentsTable+" WHERE hash = ?1 AND part = ?2", b.Hash[:], part).Scan(&data)
			return data, err
		}}
		release, err := to.Keep(b.Hash, b.Size, in)
		switch {
		case err == nil:
			release()
		case in.part == 0 && errors.Is(in.err, io.EOF): // not one part of it is there
			missing++
		default:
			return missing, err
		}
	}
	_, err = db.ExecContext(ctx, "DROP TABLE "+contentsTable)
	if err == nil {
		_, err = db.ExecContext(ctx, "VACUUM")
	}
	return missing, err
}

// contentReader reads a content part by part.
type contentReader struct {
	next func(part int) ([]byte, error)
	part int // parts read
	rest []byte
	err  error
}

// Read implements io.Reader.
func (r *contentReader) Read(b []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		if r.rest, r.err = r.next(r.part); r.err == nil {
			r.part++
		} else if errors.Is(r.err, sql.ErrNoRows) {
			r.err = io.EOF
		}
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

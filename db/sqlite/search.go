package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"groupd/group"
)

// The index of words is a table of FTS5, which a driver built with the tag sqlite_fts5 has. It is no migration, since the same
// file may be opened by a program that was built without: that one empties the index, so that texts which it erases are not in
// there either, and the next one that can fills it again. settings holds indexVersion while the index is complete.
//
// The index holds no texts (content=”), only which words stand in which row of group_messages, by its number; with secure-delete,
// what is taken out is gone from the file at once.
const (
	indexTable   = "group_messages_words"
	indexVersion = "1"
	indexMeta    = "search_index"
	// indexed says which rows are in the index.
	indexed = "kind <= 3 AND codec = 0 AND deleted = 0 AND edited_by = 0"
	// words is what the index holds of a row.
	words = "CAST(coalesce(title, '') AS TEXT) || ' ' || CAST(coalesce(content, '') AS TEXT)"
)

// prepareIndex makes, fills or empties the index, whatever is needed, and reports whether there is one.
func prepareIndex(ctx context.Context, db *sql.DB) (bool, error) {
	fail := func(err error) (bool, error) { return false, fmt.Errorf("sqlite: search index: %w", err) }
	var able bool
	if err := db.QueryRowContext(ctx, "SELECT sqlite_compileoption_used('ENABLE_FTS5')").Scan(&able); err != nil {
		return fail(err)
	}
	var version string
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(CAST(value AS TEXT)), '') FROM settings WHERE key = ?1", indexMeta).Scan(&version); err != nil {
		return fail(err)
	}
	if able == (version == indexVersion) {
		return able, nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fail(err)
	}
	defer tx.Rollback()
	steps := emptyIndex()
	if able {
		steps = []string{
			"DROP TABLE IF EXISTS " + indexTable,
			"CREATE VIRTUAL TABLE " + indexTable + " USING fts5(words, content='', columnsize=0, detail=none, tokenize='unicode61 remove_diacritics 2')",
			"INSERT INTO " + indexTable + "(" + indexTable + ", rank) VALUES ('secure-delete', 1)",
			"INSERT INTO " + indexTable + "(rowid, words) SELECT no, " + words + " FROM group_messages WHERE " + indexed,
			"INSERT INTO settings (key, value) VALUES ('" + indexMeta + "', CAST('" + indexVersion + "' AS BLOB)) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		}
	}
	for _, step := range steps {
		if _, err := tx.ExecContext(ctx, step); err != nil {
			return fail(err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fail(err)
	}
	return able, nil
}

// emptyIndex takes all words out of the index by its own tables, for which no FTS5 is needed.
func emptyIndex() []string {
	return []string{"DELETE FROM " + indexTable + "_data", "DELETE FROM " + indexTable + "_idx", "DELETE FROM settings WHERE key = '" + indexMeta + "'"}
}

// index adds a new entry to the index.
func (t tx) index(e group.Entry) error {
	if !t.words || !e.Kind.Authored() || e.Codec != 0 || e.Deleted || e.EditedBy != 0 {
		return nil
	}
	return t.exec("INSERT INTO "+indexTable+"(rowid, words) SELECT no, "+words+" FROM group_messages WHERE group_no = "+groupNo+" AND seq = ?2", e.Group, e.Seq)
}

// unindex takes entries out of the index, from first to last, before anything of them changes.
func (t tx) unindex(g group.GroupID, first, last group.Seq) error {
	if !t.words {
		return nil
	}
	return t.exec("INSERT INTO "+indexTable+"("+indexTable+", rowid, words) SELECT 'delete', no, "+words+" FROM group_messages WHERE group_no = "+groupNo+
		" AND seq BETWEEN ?2 AND ?3 AND "+indexed, g, first, last)
}

func (t tx) Search(g group.GroupID, q group.SearchRows) ([]group.Entry, error) {
	since, until := micros(q.Since), beforeOrEnd(micros(q.Until))
	const where = " WHERE group_no = " + groupNo + " AND " + indexed + " AND seq > ?2 AND seq < ?3 AND created_at >= ?4 AND created_at < ?5"
	args := []any{g, q.After, beforeOrEnd(q.Before), since, until, q.Limit}
	author := ""
	if !q.Author.IsZero() {
		author, args = " AND author = ?7", append(args, q.Author[:])
	}
	if len(q.Words) == 0 {
		return list(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM group_messages"+where+author+" ORDER BY seq DESC LIMIT ?6", args...)
	}
	if !t.words {
		return nil, group.ErrNoIndex
	}
	var match strings.Builder
	for _, w := range q.Words {
		fmt.Fprintf(&match, "\"%s\"* ", strings.ReplaceAll(w, `"`, ""))
	}
	if author == "" {
		args = append(args, nil)
	}
	// Rows get their numbers in the order of their seqs, so the newest are found first and no more than needed are read.
	return list(t.conn, scanEntry(g), "SELECT "+entryColumns+" FROM "+indexTable+" CROSS JOIN group_messages ON no = "+indexTable+".rowid"+
		where+author+" AND "+indexTable+" MATCH ?8 ORDER BY "+indexTable+".rowid DESC LIMIT ?6", append(args, match.String())...)
}

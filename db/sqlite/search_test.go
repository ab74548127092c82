package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"groupd/group"
)

// indexedWords lists what the index of words holds, in order.
func indexedWords(t *testing.T, path string) []string {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab('main', '" + indexTable + "', 'row')"); err != nil {
		t.Fatal(err)
	}
	rows, err := db.Query("SELECT term FROM temp.vocabulary ORDER BY term")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var words []string
	for rows.Next() {
		var w string
		if err := rows.Scan(&w); err != nil {
			t.Fatal(err)
		}
		words = append(words, w)
	}
	return words
}

// able reports whether this program was built with the index of words.
func able(db *DB) bool { return db.writer.words }

// A file that was made without the index, or opened by a program that has none, gets it as soon as one opens it that can.
func TestTheIndexOfWordsFillsItself(t *testing.T) {
	db := openTest(t, "")
	path := db.Path()
	if !able(db) {
		if err := db.View(t.Context(), func(tx group.ReadTx) error {
			_, err := tx.Search("main", group.SearchRows{Words: []string{"x"}, Limit: 1})
			return err
		}); !errors.Is(err, group.ErrNoIndex) {
			t.Errorf("searching without an index: %v", err)
		}
		return
	}
	post := func(db *DB, seq group.Seq, text string) {
		t.Helper()
		if err := db.Update(t.Context(), func(tx group.Tx) error {
			g := group.Group{ID: "main", Identity: group.IdentityHash{1}, Address: group.Address{1}}
			return errors.Join(tx.PutGroup(g), tx.AppendEntry(group.Entry{Group: "main", Seq: seq, Rev: group.Rev(seq), Kind: group.EntryPost, Text: []byte(text)}, nil))
		}); err != nil {
			t.Fatal(err)
		}
	}
	post(db, 1, "first words")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(indexedWords(t, path)); got != "[first words]" {
		t.Errorf("the index holds %s", got)
	}
	// What a program without FTS5 does when it opens the file, and while it has it.
	without, err := sql.Open("sqlite3", path+"?_secure_delete=on")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range append(emptyIndex(), "UPDATE group_messages SET content = CAST('other words' AS BLOB) WHERE seq = 1") {
		if _, err := without.Exec(step); err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
	without.Close()
	db, err = Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	post(db, 2, "second words")
	for word, want := range map[string]int{"words": 2, "other": 1, "second": 1, "first": 0} {
		if err := db.View(t.Context(), func(tx group.ReadTx) error {
			found, err := tx.Search("main", group.SearchRows{Words: []string{word}, Limit: 9})
			if len(found) != want {
				t.Errorf("%d entries with %q, want %d", len(found), word, want)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(indexedWords(t, path), " "); got != "other second words" {
		t.Errorf("the index holds %s", got)
	}
}

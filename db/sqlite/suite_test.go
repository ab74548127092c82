package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"groupd/db/dbtest"
	"groupd/group"
)

// TestSuite runs what every engine must pass, and then looks how SQLite finds the rows of each query of it.
func TestSuite(t *testing.T) {
	asked := make(map[string]bool)
	dbtest.Run(t, func(t testing.TB) (group.Store, func() group.Store) {
		path := filepath.Join(t.TempDir(), "groupd.db")
		var db *DB
		openIt := func() group.Store {
			if db != nil {
				note(db, asked)
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if db, err = Open(context.Background(), path); err != nil {
				t.Fatal(err)
			}
			return db
		}
		t.Cleanup(func() {
			note(db, asked)
			db.Close()
		})
		return openIt(), openIt
	})
	t.Run("no query reads a whole table", func(t *testing.T) { plans(t, asked) })
}

// note adds the queries that were prepared so far.
func note(db *DB, asked map[string]bool) {
	if err := db.Update(context.Background(), func(tx group.Tx) error { // on the writer's goroutine
		for q := range db.writer.stmts {
			asked[q] = true
		}
		return nil
	}); err != nil {
		return // closed by its test
	}
	for range readers {
		c := <-db.pool
		for q := range c.stmts {
			asked[q] = true
		}
		defer func() { db.pool <- c }()
	}
}

// plans looks for tables that are read from end to end without an index.
func plans(t *testing.T, asked map[string]bool) {
	if len(asked) < 100 {
		t.Errorf("only %d queries are known", len(asked))
	}
	file := openTest(t, "")
	db, err := sql.Open("sqlite3", file.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	parameter := regexp.MustCompile(`\?([0-9]+)`)
	for query := range asked {
		most := 0
		for _, m := range parameter.FindAllStringSubmatch(query, -1) {
			n, _ := strconv.Atoi(m[1])
			most = max(most, n)
		}
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, most)...)
		if err != nil {
			t.Fatalf("%v: %s", err, query)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, " USING ") && !strings.Contains(step, "VIRTUAL TABLE INDEX") && step != "SCAN CONSTANT ROW" {
				t.Errorf("%s: %s", step, query)
			}
		}
		rows.Close()
	}
}

package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"groupd/db/dbtest"
	"groupd/group"
)

// TestSuite runs what every engine must pass.
func TestSuite(t *testing.T) {
	dbtest.Run(t, func(t testing.TB) (group.Store, func() group.Store) {
		path := filepath.Join(t.TempDir(), "groupd.db")
		var db *DB
		openIt := func() group.Store {
			if db != nil {
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
		t.Cleanup(func() { db.Close() })
		return openIt(), openIt
	})
}

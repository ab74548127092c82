package sqlite

import (
	"database/sql"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"groupd/group"
)

// oldDatabase is a database as an older program left it, with rows.
func oldDatabase(t *testing.T, schema int64, rows ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "groupd.db")
	raw, err := sql.Open("sqlite3", path+"?_foreign_keys=on&_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := goose.NewProvider(goose.DialectSQLite3, raw, dir)
	if err == nil {
		_, err = steps.UpTo(t.Context(), schema)
	}
	for _, row := range rows {
		if err == nil {
			_, err = raw.ExecContext(t.Context(), row)
		}
	}
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// firstRelease is the schema of the first program that people ran.
const firstRelease = 2

func TestADatabaseOfTheFirstReleaseOpensWithAllThatIsInIt(t *testing.T) {
	path := oldDatabase(t, firstRelease,
		`INSERT INTO settings VALUES ('generation', x'0102030405060708')`,
		`INSERT INTO groups (no, id, identity_hash, destination_hash, identity_public_key, identity_private_key, public, public_display_name, private_display_name,
			topic, joining, rev, seen_key, created_at, updated_at, head_seq, head_rev, head_deletions, head_chain, head_oldest)
			VALUES (1, 'main', zeroblob(16), x'01000000000000000000000000000000', zeroblob(64), zeroblob(64), 1, 'Valley', 'The valley', 'goats', 1, 1, zeroblob(32), 1, 1, 3, 9, 1, zeroblob(32), 1)`,
		`INSERT INTO group_members (group_no, member_identity_hash, member_destination_hash, public_key, present, role, permissions, display_name, skeleton, status,
			rev, created_at, updated_at, left_at, last_command)
			VALUES (1, x'02000000000000000000000000000000', x'03000000000000000000000000000000', zeroblob(64), 1, 4, 0, 'Ann', 'ann', '', 2, 1, 1, 0, 1)`,
		`INSERT INTO group_messages (group_no, seq, rev, kind, author, ref, created_at, author_time, codec, content, signed, salt, digest, hash, deleted, deleted_at)
			VALUES (1, 1, 2, 4, x'02000000000000000000000000000000', 0, 1, 0, 0, CAST('Ann' AS BLOB), 0, zeroblob(32), zeroblob(32), zeroblob(32), 0, 0),
			(1, 2, 8, 1, x'02000000000000000000000000000000', 0, 2, 2, 0, CAST('the bridge is open' AS BLOB), 1, zeroblob(32), zeroblob(32), zeroblob(32), 0, 0),
			(1, 3, 9, 1, x'02000000000000000000000000000000', 0, 3, 3, 0, NULL, 0, NULL, zeroblob(32), zeroblob(32), 1, 4)`,
		`INSERT INTO group_message_originals VALUES (1, 2, CAST('signed' AS BLOB))`,
		`INSERT INTO seen_ids VALUES (1, x'0f000000000000000000000000000000')`,
	)

	for range 2 { // the second time there is nothing to do
		db, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.View(t.Context(), func(tx group.ReadTx) error {
			g, err := tx.Group("main")
			if err != nil || g.Topic != "goats" || g.Lockdown.InForce(g.Created) {
				t.Errorf("the group is %+v, %v", g, err)
			}
			head, err := tx.Head("main")
			if err != nil || head.Seq != 3 || head.Rev != 9 || head.Deletions != 1 || head.Oldest != 1 {
				t.Errorf("the head is %+v, %v", head, err)
			}
			m, err := tx.MemberByHash("main", group.AnyHash{3})
			if err != nil || m.DisplayName != "Ann" || !m.Present || !m.InvitedBy.IsZero() || !m.Successor.IsZero() {
				t.Errorf("the member is %+v, %v", m, err)
			}
			entries, err := tx.EntriesByWritten("main", 2, 10)
			if err != nil || len(entries) != 2 || entries[0].Written != 8 || string(entries[0].Text) != "the bridge is open" || !entries[0].Signed || !entries[1].Deleted {
				t.Errorf("written after the first: %+v, %v", entries, err)
			}
			original, err := tx.Original("main", 2)
			if err != nil || string(original) != "signed" {
				t.Errorf("the original is %q, %v", original, err)
			}
			if seen, err := tx.Seen("main", group.SeenID{15}); err != nil || !seen {
				t.Errorf("what was seen is forgotten: %v", err)
			}
			found, err := tx.Search("main", group.SearchRows{Words: []string{"bridge"}, Limit: 5})
			if db.writer.words && (err != nil || len(found) != 1 || found[0].Seq != 2) {
				t.Errorf("found %+v, %v", found, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// beforeLost is the schema before attachments could be lost, groups of the directory had their names since some time, and whom to tell of
// an invite was known until it was kept.
const beforeLost = 16

func TestADatabaseFromBeforeAnythingWasLostOpensWithAllThatIsInIt(t *testing.T) {
	hash := func(digits string) string { return "x'" + strings.Repeat(digits, 32) + "'" }
	path := oldDatabase(t, beforeLost,
		`INSERT INTO settings VALUES ('generation', x'0102030405060708')`,
		`INSERT INTO groups (no, id, identity_hash, destination_hash, identity_public_key, identity_private_key, public, public_display_name, private_display_name,
			topic, joining, rev, seen_key, created_at, updated_at, head_seq, head_rev, head_deletions, head_chain, head_oldest)
			VALUES (1, 'main', zeroblob(16), x'01000000000000000000000000000000', zeroblob(64), zeroblob(64), 1, 'Valley', '', '', 1, 1, zeroblob(32), 1, 1, 2, 8, 0, zeroblob(32), 1)`,
		`INSERT INTO group_messages (group_no, seq, rev, kind, author, ref, created_at, author_time, codec, content, signed, salt, digest, hash, deleted, deleted_at, written, attachments)
			VALUES (1, 2, 8, 1, x'02000000000000000000000000000000', 0, 2, 2, 0, CAST('look' AS BLOB), 0, zeroblob(32), zeroblob(32), zeroblob(32), 0, 0, 8, 2)`,
		`INSERT INTO attachments (group_no, seq, place, author, kind, name, mode, size, hash, at) VALUES
			(1, 2, 0, x'02000000000000000000000000000000', 1, 'a.txt', 0, 5, `+hash("01")+`, 0), (1, 2, 1, x'02000000000000000000000000000000', 1, 'b.txt', 0, 7, `+hash("02")+`, 0)`,
		`INSERT INTO invites (group_no, code, role, uses, used, created_at, expires_at, untold) VALUES
			(1, `+hash("03")+`, 1, 1, 0, 1, 9, 1), (1, `+hash("04")+`, 1, 1, 0, 1, 9, 0)`,
		`INSERT INTO heard_groups VALUES (4, x'02000000000000000000000000000000', 'Ridge', 1, 1, 0, 0, 1, 'LoRa', NULL, 5, 6, 7)`,
	)

	db, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	bytesOf := func(tx group.ReadTx, want group.AttachedBytes) {
		t.Helper()
		if n, err := tx.AttachedBytes("main", group.IdentityHash{2}); err != nil || n != want {
			t.Errorf("attached: %+v, %v", n, err)
		}
	}
	if err := db.View(t.Context(), func(tx group.ReadTx) error {
		if l, err := tx.Listed(10); err != nil || len(l) != 1 || l[0].Named.IsZero() || !l[0].Named.Equal(l[0].First) {
			t.Errorf("the directory is %+v, %v", l, err)
		}
		if list, err := tx.UntoldInvites("main", 10); err != nil || len(list) != 1 || list[0].Telling != group.TellDue {
			t.Errorf("to be told: %+v, %v", list, err)
		}
		if list, err := tx.Attachments("main", 2); err != nil || len(list) != 2 || list[0].Lost || list[1].Lost {
			t.Errorf("attachments %+v, %v", list, err)
		}
		if list, err := tx.AttachedBlobs("main", group.Hash{}, 10); err != nil || len(list) != 2 || list[0].Lost || list[0].Size != 5 {
			t.Errorf("contents %+v, %v", list, err)
		}
		bytesOf(tx, group.AttachedBytes{Member: 12, Group: 12, Server: 12})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Update(t.Context(), func(tx group.Tx) error {
		e, err := tx.Entry("main", 2)
		if err != nil {
			return err
		}
		return tx.PutTombstone(e.Tombstone(10, e.Time, group.IdentityHash{2}))
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.View(t.Context(), func(tx group.ReadTx) error {
		bytesOf(tx, group.AttachedBytes{Server: 12})
		unused, err := tx.Blobs(group.Hash{}, true, 10)
		if err != nil || len(unused) != 2 {
			t.Errorf("contents that nothing refers to any more: %+v, %v", unused, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

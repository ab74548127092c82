package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"groupd/group"
	"groupd/lxmf"
)

// exportedWith is an export of the valley's group with its private key.
func exportedWith(t *testing.T, m *machine) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.transfer().export(t.Context(), "main", group.ExportInput{Identity: true}, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRatchetsThatWouldKeepTheServerFromStartingAreRefused: a destination is not opened with ratchets that can not be read.
func TestRatchetsThatWouldKeepTheServerFromStartingAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := newMachine(t), newMachine(t)
		local := group.Caller{Local: true}
		g, err := from.hub.CreateGroup(t.Context(), local, group.NewGroup{ID: "main", PublicName: "Valley"})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ownDestinations(g.Identity) {
			if err := from.db.RNSStore(nil).SaveOwnRatchets(t.Context(), d, []byte("no ratchets")); err != nil {
				t.Fatal(err)
			}
		}
		file := exportedWith(t, from)
		_, err = to.transfer().loadAlone(t.Context(), bytes.NewReader(file), group.ImportInput{})
		var line *group.LineError
		if !errors.As(err, &line) || line.Field != "file" || line.Line != 4 {
			t.Errorf("import: %v", err)
		}
		in, err := importing(group.ImportInput{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := group.CheckExport(t.Context(), bytes.NewReader(file), in); err == nil {
			t.Error("the check finds nothing")
		}
	})
}

// stopping reads a file, and stops somewhere.
type stopping struct {
	io.Reader
	after int
	stop  func()
}

func (s *stopping) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	if s.after -= n; s.after < 0 {
		s.stop()
	}
	return n, err
}

// TestAnImportAtRestThatIsInterruptedLeavesNothing, nor does one that was killed once there is another.
func TestAnImportAtRestThatIsInterruptedLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := newMachine(t), newMachine(t)
		valleyNet(from)
		from.posts(newAuthor(t, "Ann"), "a large file", withFiles(lxmf.Attachment{Name: "large", Data: bytes.Repeat([]byte("goats"), 100_000)}))
		file := exportedWith(t, from)
		nothing := func(when string) {
			t.Helper()
			if n := rowsOf(t, to, "groups") + rowsOf(t, to, "group_messages") + rowsOf(t, to, "attachments") + rowsOf(t, to, "attachment_blobs"); n != 0 {
				t.Errorf("%s: %d rows are left", when, n)
			}
			if removed, missing, err := to.hub.CheckAttachments(t.Context()); removed+missing != 0 || err != nil {
				t.Errorf("%s: %d contents are left, %v", when, removed, err)
			}
		}
		for _, part := range []int{3, 6, 9} {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := to.transfer().loadAlone(ctx, &stopping{bytes.NewReader(file), len(file) * part / 10, cancel}, group.ImportInput{})
			if err == nil {
				t.Fatalf("an import that was stopped at %d/10 is there", part)
			}
			cancel()
			nothing("stopped")
		}
		// Killed: what is there stays there, until somebody imports again.
		killed := errors.New("killed")
		if _, err := to.transfer().load(t.Context(), io.MultiReader(bytes.NewReader(file[:len(file)*9/10]), failing{killed}), group.ImportInput{}); err == nil {
			t.Fatal("half a file is imported")
		}
		if rowsOf(t, to, "groups") == 0 {
			t.Fatal("nothing was left, so that nothing is tested")
		}
		if _, err := to.transfer().loadAlone(t.Context(), strings.NewReader("goats\n"), group.ImportInput{}); err == nil {
			t.Fatal("goats were imported")
		}
		nothing("killed")
		if _, err := to.transfer().loadAlone(t.Context(), bytes.NewReader(file), group.ImportInput{}); err != nil {
			t.Fatal(err)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// rowsOf counts the rows of a table.
func rowsOf(t *testing.T, m *machine, table string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(m.dir, fileDatabase)+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

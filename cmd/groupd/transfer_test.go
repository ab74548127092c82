package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/web"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
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

// TestAGroupIsAnnouncedLaterThanWhereItComesFrom, though the machine's clock is decades behind.
func TestAGroupIsAnnouncedLaterThanWhereItComesFrom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := newMachine(t), newMachine(t)
		g, err := from.hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{ID: "main", PublicName: "Valley"})
		if err != nil {
			t.Fatal(err)
		}
		there := time.Now().Add(26 * 365 * 24 * time.Hour).UTC().Truncate(time.Second)
		lines := bytes.SplitAfter(exportedWith(t, from), []byte("\n"))
		lines[0] = bytes.Replace(lines[0], []byte(time.Now().UTC().Format(time.RFC3339)), []byte(there.Format(time.RFC3339)), 1)
		body, end := bytes.Join(lines[:len(lines)-2], nil), lines[len(lines)-2]
		at := bytes.Index(end, []byte(`"sha256":"`)) + len(`"sha256":"`)
		sum := sha256.Sum256(body)
		file := append(append(body, end[:at]...), hex.EncodeToString(sum[:])+"\"}\n"...)
		if _, err := to.transfer().load(t.Context(), bytes.NewReader(file), group.ImportInput{}); err != nil {
			t.Fatal(err)
		}
		id := rns.IdentityHash(g.Identity)
		last, err := to.db.RNSStore(nil).LastAnnounced(t.Context(), rns.HashDestination(&id, lxmf.AppName, lxmf.DeliveryAspect))
		if err != nil || last.Before(there) {
			t.Errorf("announced until %v, %v; the file is of %v", last, err, there)
		}
	})
}

func TestWhoImportsAGroupThatIsOverIsTold(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	over := group.Group{Policy: moderation.Policy{ExpiresAt: moderation.MomentOf(now.Add(-time.Hour))}}
	told, gone := over, over
	told.Ending = group.Ending{Told: group.EndOver, At: now.Add(-time.Hour)}
	gone.Ending = group.Ending{Told: group.EndOver, At: now.Add(-365 * 24 * time.Hour)}
	later := group.Group{Policy: moderation.Policy{ExpiresAt: moderation.MomentOf(now.Add(time.Hour))}}
	for name, c := range map[string]struct {
		group group.Group
		want  string
	}{
		"one that lasts": {group.Group{}, ""}, "one that ends later": {later, ""},
		"one whose members do not know": {over, "over since 2026-11-20 11:00 UTC: its members are told, and the server deletes it 7 d later"},
		"one that can be read yet":      {told, "deletes it on 2026-11-27 11:00 UTC"},
		"one that was to be gone":       {gone, "deletes it within minutes"},
	} {
		if got := ending(c.group, now); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
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

// Whoever makes a file can write into it what he likes under the name of somebody who did not sign it, deleted posts and the group's own aside.
func TestAnImportTellsHowManyPostsNobodySigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to, ann := newMachine(t), newMachine(t), newAuthor(t, "Ann")
		ctx, local := t.Context(), group.Caller{Local: true}
		_, err := from.hub.CreateGroup(ctx, local, group.NewGroup{ID: "main", PublicName: "Valley", Public: true, Joining: moderation.JoiningOpen})
		if err == nil {
			_, err = from.hub.Join(ctx, ann.Caller, "main", group.JoinInput{Name: "Ann", Mode: group.DeliverRelay})
		}
		if err != nil {
			t.Fatal(err)
		}
		from.posts(ann, "signed")
		for _, who := range []group.Caller{ann.Caller, ann.Caller, local} {
			p, err := from.hub.Post(ctx, who, "main", group.PostInput{Text: []byte("on a page")})
			if err != nil {
				t.Fatal(err)
			}
			if p.Seq == 4 {
				if _, err := from.hub.Delete(ctx, ann.Caller, "main", group.DeleteInput{Seqs: []group.Seq{p.Seq}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		from.lives(time.Minute)
		got, err := to.transfer().load(ctx, bytes.NewReader(exportedWith(t, from)), group.ImportInput{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Verified != 1 || got.Unsigned != 1 || got.Counts["entry"] != 5 {
			t.Errorf("%d entries, %d signatures were right, %d posts have none", got.Counts["entry"], got.Verified, got.Unsigned)
		}
		var told strings.Builder
		showImported(&told, false, group.ImportInput{}, web.ImportedOf(got), "")
		if !strings.Contains(told.String(), "posts that nobody signed: 1:") {
			t.Errorf("told: %s", told.String())
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

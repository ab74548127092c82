package main

import (
	"bytes"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"groupd/db/sqlite"
	"groupd/group"
)

// runs runs the program in this process.
func runs(t *testing.T, home string, args ...string) (code int, out string) {
	t.Helper()
	var b bytes.Buffer
	code = run(t.Context(), args, []string{"HOME=" + home, "GROUPD_DATA=" + filepath.Join(home, "data")}, stdio{in: strings.NewReader(""), out: &b, err: &b})
	return code, b.String()
}

func TestABackupWhoseHistoryWasChangedIsNotRestored(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "backup.db")
	db, err := sqlite.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	hub, err := group.New(group.Config{Store: db, NewIdentity: newKeys})
	if err != nil {
		t.Fatal(err)
	}
	local := group.Caller{Local: true}
	if _, err := hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{ID: "main", PublicName: "Valley Net", Public: true}); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"one", "two", "three"} {
		if _, err := hub.UpdateTopic(t.Context(), local, "main", topic); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if code, out := runs(t, home, "restore", file, "--json"); code != exitOK || !strings.Contains(out, "generation") {
		t.Fatalf("%d %s", code, out)
	}

	raw, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.Exec("UPDATE group_messages SET content = CAST('zwo' AS BLOB) WHERE seq = 2"); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	code, out := runs(t, home, "restore", file, "--yes")
	if code != exitFailed || !strings.Contains(out, "does not fit from entry 2") {
		t.Errorf("%d %s", code, out)
	}
	if code, out := runs(t, home, "check", "--rnsconfig", home); code != exitOK || !strings.Contains(out, "main: 3 entries") {
		t.Errorf("what was restored before: %d %s", code, out)
	}
	if left, err := filepath.Glob(filepath.Join(home, "data", ".restore-*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestExitCodesAreThoseOfTheManual(t *testing.T) {
	home := t.TempDir()
	for want, args := range map[int][]string{
		exitOK:         {"version"},
		exitUsage:      {"juggle"},
		exitNotRunning: {"status"},
		exitNotFound:   {"backup", filepath.Join(home, "x")},
		exitConfig:     {"init", "--data", "/dev/null/x"},
	} {
		if code, out := runs(t, home, args...); code != want {
			t.Errorf("%v: %d, not %d: %s", args, code, want, out)
		}
	}
}

package powercut_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/group/memory"
	"groupd/internal/powercut"
)

// imported is how many posts the group has that is imported.
const imported = 400

func key(n byte) []byte { return bytes.Repeat([]byte{n}, group.PublicKeySize) }

func publicOf([]byte) ([]byte, error) { return key(9), nil }

// importInto is what the watched process does: it imports a file into a database that has a group, and dies.
func importInto(path, file string) error {
	ctx, local := context.Background(), group.Caller{Local: true}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	hub, err := group.New(group.Config{Store: db})
	if err != nil {
		return err
	}
	if _, err := hub.CreateGroup(ctx, local, group.NewGroup{ID: "here", PublicKey: key(1), PrivateKey: []byte{1}, PublicName: "Here", Public: true}); err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	at, err := powercut.Now()
	if err != nil {
		return err
	}
	fmt.Println(int64(at))
	if _, err := hub.Import(ctx, local, f, group.ImportInput{PublicOf: publicOf}); err != nil {
		return err
	}
	if at, err = powercut.Now(); err == nil {
		fmt.Println(int64(at))
	}
	return err
}

// exportOf writes a group with some posts.
func exportOf(t *testing.T) []byte {
	t.Helper()
	ctx, local := t.Context(), group.Caller{Local: true}
	hub, err := group.New(group.Config{Store: memory.New()})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := group.IdentityOf(key(2))
	ann := group.Caller{Identity: id, PublicKey: key(2)}
	var file bytes.Buffer
	_, err = hub.CreateGroup(ctx, local, group.NewGroup{ID: "come", PublicKey: key(9), PrivateKey: []byte{9}, PublicName: "Come", Public: true})
	_, err1 := hub.Join(ctx, ann, "come", group.JoinInput{Name: "Ann"})
	for i := 0; i < imported && err == nil; i++ {
		_, err = hub.Post(ctx, local, "come", group.PostInput{Text: fmt.Appendf(nil, "post %d %s", i, strings.Repeat("goat ", i%50))})
	}
	_, err2 := hub.Export(ctx, local, "come", &file, group.ExportInput{Identity: true})
	if err := errors.Join(err, err1, err2); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// Wherever the power goes while a group is imported, the server has it whole afterwards or nothing of it, and the other group as it was.
func TestAnImportIsWholeOrNothingAfterAPowerCut(t *testing.T) {
	dir, scratch := t.TempDir(), t.TempDir()
	w, err := powercut.New(scratch, dir)
	if err != nil {
		t.Fatal(err)
	}
	file := exportOf(t)
	path := filepath.Join(scratch, "come.jsonl")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), w.Env()...), "POWERCUT_TEST_IMPORT="+path, "POWERCUT_TEST_DB="+filepath.Join(dir, "groupd.db"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var begun, done int64
	if _, err := fmt.Sscan(string(out), &begun, &done); err != nil {
		t.Fatal(err)
	}
	records, err := w.Records()
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	for first < len(records) && int64(records[first].At) < begun {
		first++
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	whole, nothing := 0, 0
	for i := range 24 {
		n := first + (len(records)-first)*i/23
		if i > 0 && i < 23 {
			n = first + rnd.IntN(len(records)-first)
		}
		for _, torn := range []*rand.Rand{nil, rnd} {
			there := afterImport(t, powercut.Left(records[:n], torn))
			if there {
				whole++
			} else {
				nothing++
			}
			if n > 0 && int64(records[n-1].At) > done && !there {
				t.Errorf("cut after record %d of %d: the import was done, and the group is not there", n, len(records))
			}
		}
	}
	if whole == 0 || nothing == 0 {
		t.Errorf("after %d cuts the group was there, after %d not", whole, nothing)
	}
}

// afterImport opens what a cut left, lets the server clean up, and reports whether the imported group is there.
func afterImport(t *testing.T, files map[string][]byte) (there bool) {
	dir := t.TempDir()
	for path, content := range files {
		if strings.HasSuffix(path, "-shm") {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		db, err := sqlite.Open(t.Context(), filepath.Join(dir, "groupd.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		hub, err := group.New(group.Config{Store: db})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := hub.Run(ctx); err != nil {
			t.Fatal(err)
		}
		infos, err := hub.Groups(t.Context(), group.Caller{Local: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range infos {
			if bad, err := hub.VerifyChain(t.Context(), info.Group); bad != 0 || err != nil {
				t.Errorf("the chain of %s does not fit from %d on: %v", info.Group, bad, err)
			}
			if info.Group == "come" {
				there = true
				if info.Head.Seq != imported+1 || info.Members != 1 {
					t.Errorf("half a group is there: %+v", info)
				}
			}
		}
		if n := len(infos); n == 0 || (n == 2) != there || infos[len(infos)-1].Group != "here" {
			t.Errorf("groups: %+v", infos)
		}
		err = db.View(t.Context(), func(tx group.ReadTx) error {
			going, err := tx.GroupsToErase()
			if len(going) > 0 {
				t.Errorf("still to be erased: %v", going)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := sql.Open("sqlite3", filepath.Join(dir, "groupd.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		var left int
		if err := raw.QueryRowContext(t.Context(), "SELECT count(*) FROM group_messages").Scan(&left); err != nil || (left == 0) == there || (there && left != imported+1) {
			t.Errorf("%d entries are left, %v", left, err)
		}
	})
	return there
}

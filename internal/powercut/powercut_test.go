package powercut_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/internal/powercut"
)

// TestMain lets the test binary play the process that is watched: it commits a counter and prints each value once it is durable, or it
// imports a group.
func TestMain(m *testing.M) {
	if path := os.Getenv("POWERCUT_TEST_DB"); path != "" {
		work := func() error { return count(path) }
		if file := os.Getenv("POWERCUT_TEST_IMPORT"); file != "" {
			work = func() error { return importInto(path, file) }
		}
		if err := work(); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func count(path string) error {
	db, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return err
	}
	for i := range uint64(200) {
		value := binary.BigEndian.AppendUint64(nil, i)
		err := db.Update(context.Background(), func(tx group.Tx) error {
			// Two rows that must always be alike, one of them large.
			return errors.Join(tx.SetMeta("small", value), tx.SetMeta("large", bytes.Repeat(value, 1000)))
		})
		if err != nil {
			return err
		}
		at, err := powercut.Now()
		if err != nil {
			return err
		}
		fmt.Println(i, int64(at))
	}
	return nil // the process ends without closing, as in a crash
}

// What was committed before the cut is there after it, whole, wherever the cut falls.
func TestWhatWasCommittedSurvivesAPowerCut(t *testing.T) {
	dir, scratch := t.TempDir(), t.TempDir()
	w, err := powercut.New(scratch, dir)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), w.Env()...), "POWERCUT_TEST_DB="+filepath.Join(dir, "groupd.db"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	committed := map[uint64]int64{} // when each value was known to be durable
	for line := range strings.Lines(string(out)) {
		var i uint64
		var at int64
		if _, err := fmt.Sscan(line, &i, &at); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		committed[i] = at
	}
	if len(committed) != 200 {
		t.Fatalf("%d commits", len(committed))
	}
	records, err := w.Records()
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		n := rnd.IntN(len(records)) + 1
		cut := int64(records[n-1].At)
		for _, torn := range []*rand.Rand{nil, rnd} {
			value := restart(t, powercut.Left(records[:n], torn))
			for i, at := range committed {
				if at < cut && i > value {
					t.Fatalf("cut after record %d: %d was committed, %d is there", n, i, value)
				}
			}
		}
	}
}

// restart opens what a cut left and returns the counter.
func restart(t *testing.T, files map[string][]byte) uint64 {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		if strings.HasSuffix(path, "-shm") {
			continue // a memory map, made anew
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "groupd.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var small, large []byte
	if err := db.View(t.Context(), func(tx group.ReadTx) (err error) {
		if small, err = tx.Meta("small"); err != nil {
			return err
		}
		large, err = tx.Meta("large")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(small) == 0 && len(large) == 0 {
		return 0
	}
	if !bytes.Equal(large, bytes.Repeat(small, 1000)) {
		t.Fatal("half a commit is there")
	}
	return binary.BigEndian.Uint64(small)
}

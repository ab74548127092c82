package sqlite_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/group/memory"
)

func TestABackupHoldsTheAttachments(t *testing.T) {
	dir, blobs := t.TempDir(), memory.NewBlobs()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "groupd.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	hub, err := group.New(group.Config{Store: db, Blobs: blobs})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{ID: "g", PublicKey: bytes.Repeat([]byte{9}, 64), PrivateKey: make([]byte, 64), PublicName: "Valley"}); err != nil {
		t.Fatal(err)
	}
	contents := [][]byte{{}, []byte("small"), bytes.Repeat([]byte("large "), 400_000), []byte("erased meanwhile")}
	for i, c := range contents {
		a := group.AttachmentInput{Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(c)), nil }}
		a.Kind, a.Name, a.Size, a.Hash = group.AttachFile, fmt.Sprint(i), int64(len(c)), sha256.Sum256(c)
		if _, err := hub.Post(t.Context(), group.Caller{Local: true}, "g", group.PostInput{Attachments: []group.AttachmentInput{a}}); err != nil {
			t.Fatal(err)
		}
	}
	backup := filepath.Join(dir, "backup.db")
	if err := db.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if _, err := blobs.Erase(sha256.Sum256(contents[3]), func() (bool, error) { return true, nil }); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.AddContents(t.Context(), backup, blobs, 1000); !errors.Is(err, group.ErrNoSpace) {
		t.Errorf("in too little room: %v", err)
	}
	if err := sqlite.AddContents(t.Context(), backup, blobs, -1); err != nil {
		t.Fatal(err)
	}
	restored := memory.NewBlobs()
	if missing, err := sqlite.TakeContents(t.Context(), backup, restored); missing != 1 || err != nil {
		t.Errorf("%d missing, %v", missing, err)
	}
	for i, c := range contents[:3] {
		if !restored.Has(sha256.Sum256(c), int64(len(c))) {
			t.Errorf("content %d is not restored", i)
		}
	}
	again, err := sqlite.Open(t.Context(), backup)
	if err != nil {
		t.Fatal(err)
	}
	if hub, err = group.New(group.Config{Store: again, Blobs: restored}); err != nil {
		t.Fatal(err)
	}
	if removed, missing, err := hub.CheckAttachments(t.Context()); removed != 0 || missing != 1 || err != nil {
		t.Errorf("%d removed, %d missing, %v", removed, missing, err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	// An old backup, without contents.
	if missing, err := sqlite.TakeContents(t.Context(), backup, memory.NewBlobs()); missing != 4 || err != nil {
		t.Errorf("from one without: %d missing, %v", missing, err)
	}
}

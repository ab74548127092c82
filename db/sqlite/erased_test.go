package sqlite

import (
	stdbytes "bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// onDisk lists the files of the database that hold a text.
func onDisk(t *testing.T, db *DB, text string) (where []string) {
	t.Helper()
	files, err := filepath.Glob(db.Path() + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if stdbytes.Contains(b, []byte(text)) {
			where = append(where, filepath.Base(f))
		}
	}
	return where
}

func TestADeletedTextIsInNoFile(t *testing.T) {
	db := openTest(t, "")
	hub, err := group.New(group.Config{Store: db})
	if err != nil {
		t.Fatal(err)
	}
	ctx, operator := t.Context(), group.Caller{Local: true}
	key := stdbytes.Repeat([]byte{1}, group.PublicKeySize)
	if _, err := hub.CreateGroup(ctx, operator, group.NewGroup{ID: "main", PublicKey: key, PrivateKey: key, PublicName: "Main", Joining: moderation.JoiningOpen}); err != nil {
		t.Fatal(err)
	}
	ann := group.Caller{PublicKey: stdbytes.Repeat([]byte{2}, group.PublicKeySize), ClientID: []byte("one")}
	ann.Identity, _ = group.IdentityOf(ann.PublicKey)
	if _, err := hub.Join(ctx, ann, "main", group.JoinInput{Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	const secret = "the key is under the third goat"
	var seqs []group.Seq
	for n, text := range []string{secret, secret + strings.Repeat(" and more", 2000)} { // in a cell, and on pages of its own
		ann.ClientID = []byte{byte(n)}
		r, err := hub.Post(ctx, ann, "main", group.PostInput{
			Title: []byte("title: " + secret), Text: []byte(text), Fields: []byte("fields: " + secret), Original: []byte("original: " + text),
			MessageID: sha256.Sum256([]byte(text)),
		})
		if err != nil {
			t.Fatal(err)
		}
		seqs = append(seqs, r.Seq)
	}
	if len(onDisk(t, db, secret)) == 0 {
		t.Fatal("the test looks in the wrong place")
	}
	// Somebody reads meanwhile: the log can be emptied when he is done.
	reading, done := make(chan struct{}), make(chan struct{})
	read := make(chan error, 1)
	go func() {
		read <- db.View(context.Background(), func(tx group.ReadTx) error {
			_, err := tx.Head("main")
			close(reading)
			<-done
			return err
		})
	}()
	<-reading
	ann.ClientID = []byte("delete")
	if _, err := hub.Delete(ctx, ann, "main", group.DeleteInput{Seqs: seqs}); err != nil {
		t.Fatal(err)
	}
	close(done)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); ; {
		where := onDisk(t, db, secret)
		if len(where) == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the deleted text is still in %v", where)
		}
	}
	set(t, db, "after", "yes") // and it goes on
	if get(t, db, "after") != "yes" {
		t.Error("nothing can be written after the log was emptied")
	}
	if bad, err := hub.VerifyChain(ctx, "main"); bad != 0 || err != nil {
		t.Errorf("%d, %v", bad, err)
	}
	var wait int
	if err := db.update(ctx, func(c *conn) error { return c.one(func(r row) error { return r.Scan(&wait) }, "PRAGMA busy_timeout") }); err != nil || wait != int(busyTimeout.Milliseconds()) {
		t.Errorf("the writer waits %d ms, %v", wait, err)
	}
}

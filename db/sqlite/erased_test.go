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

// newHub makes a group with one member.
func newHub(t *testing.T, db *DB) (hub *group.Hub, ann group.Caller) {
	t.Helper()
	hub, err := group.New(group.Config{Store: db})
	if err != nil {
		t.Fatal(err)
	}
	ctx, operator := t.Context(), group.Caller{Local: true}
	key := stdbytes.Repeat([]byte{1}, group.PublicKeySize)
	if _, err := hub.CreateGroup(ctx, operator, group.NewGroup{ID: "main", PublicKey: key, PrivateKey: key, PublicName: "Main", Joining: moderation.JoiningOpen}); err != nil {
		t.Fatal(err)
	}
	ann = group.Caller{PublicKey: stdbytes.Repeat([]byte{2}, group.PublicKeySize), ClientID: []byte("one")}
	ann.Identity, _ = group.IdentityOf(ann.PublicKey)
	if _, err := hub.Join(ctx, ann, "main", group.JoinInput{Name: "Ann"}); err != nil {
		t.Fatal(err)
	}
	return hub, ann
}

// gone waits until none of the texts is in a file of the database.
func gone(t *testing.T, db *DB, texts ...string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for limit := time.After(20 * time.Second); ; {
		var where []string
		for _, text := range texts {
			where = append(where, onDisk(t, db, text)...)
		}
		if len(where) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the deleted text is still in %v", where)
		}
	}
}

// What somebody wrote, wrote anew, said of others and was found by: after the deletion it is in no file, and no word of it in the index.
// So it is with what retention drops.
func TestADeletedPostLeavesNothingBehind(t *testing.T) {
	for name, erase := range map[string]func(*testing.T, *DB, *group.Hub, group.Caller, group.Seq){
		"deleted": func(t *testing.T, _ *DB, hub *group.Hub, ann group.Caller, seq group.Seq) {
			ann.ClientID = []byte("delete")
			if _, err := hub.Delete(t.Context(), ann, "main", group.DeleteInput{Seqs: []group.Seq{seq}}); err != nil {
				t.Fatal(err)
			}
		},
		"dropped by retention": func(t *testing.T, db *DB, hub *group.Hub, _ group.Caller, seq group.Seq) {
			if err := db.Update(t.Context(), func(tx group.Tx) error { _, err := tx.DropEntries("main", seq+3, 500); return err }); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := openTest(t, "")
			hub, ann := newHub(t, db)
			ann.ClientID = nil
			secrets := []string{"xylorimba", "quokkaburrow", "zucchinibed", "vuvuzelahum", "kazooband"}
			post, err := hub.Post(t.Context(), ann, "main", group.PostInput{
				Title: []byte("under the " + secrets[0]), Text: []byte("in the " + secrets[1]), Original: []byte("signed: " + secrets[1]), MessageID: group.MessageID{1},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range secrets[2:4] {
				if _, err := hub.Edit(t.Context(), ann, "main", group.EditInput{Seq: post.Seq, Post: group.PostInput{Text: []byte("no, by the " + secret), Original: []byte(secret)}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := hub.Report(t.Context(), ann, "main", group.ReportInput{Seq: post.Seq, Reason: "tells of the " + secrets[4]}); err != nil {
				t.Fatal(err)
			}
			if _, err := hub.React(t.Context(), ann, "main", group.ReactInput{Seq: post.Seq, Text: "trombonesolo"}); err != nil {
				t.Fatal(err)
			}
			for _, near := range []string{"xylophone", "quokka", "zucchini", "vuvuzela", "kazoo"} { // their neighbours in the index stay
				if _, err := hub.Post(t.Context(), ann, "main", group.PostInput{Text: []byte("see the " + near)}); err != nil {
					t.Fatal(err)
				}
			}
			for _, secret := range secrets {
				if len(onDisk(t, db, secret)) == 0 {
					t.Fatalf("%s was never there", secret)
				}
			}
			erase(t, db, hub, ann, post.Seq)
			gone(t, db, append(secrets, "trombonesolo")...)
			if !able(db) {
				return
			}
			if got := strings.Join(indexedWords(t, db.Path()), " "); got != "kazoo quokka see the vuvuzela xylophone zucchini" {
				t.Errorf("the index holds %s", got)
			}
		})
	}
}

func TestADeletedTextIsInNoFile(t *testing.T) {
	db := openTest(t, "")
	hub, ann := newHub(t, db)
	ctx := t.Context()
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
	gone(t, db, secret)
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

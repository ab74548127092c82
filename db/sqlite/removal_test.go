package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// Every table that holds something of a group is erased with it: with the entries, or by itself.
func TestEveryTableOfAGroupIsErasedWithIt(t *testing.T) {
	db := openTest(t, "")
	raw, err := sql.Open("sqlite3", db.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	rows, err := raw.Query(`SELECT m.name, group_concat(c.name) FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' GROUP BY m.name HAVING sum(c.name IN ('group_no', 'group_id')) > 0`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	byThemselves := map[string]string{}
	for _, table := range ofGroup() {
		byThemselves[table[0]] = table[1]
	}
	withEntries := []string{"group_messages", "group_message_originals", "reactions", "reports", "hidden_messages", "hidden_reactions", "attachments"}
	apart := []string{"outcomes", "server_log"} // by the group's id; and what stays
	n := 0
	for rows.Next() {
		var name, columns string
		if err := rows.Scan(&name, &columns); err != nil {
			t.Fatal(err)
		}
		n++
		key, known := byThemselves[name]
		switch {
		case slices.Contains(withEntries, name), slices.Contains(apart, name):
		case !known:
			t.Errorf("rows of %s stay when their group is deleted: name it in ofGroup", name)
		case !slices.Contains(strings.Split(columns, ","), key):
			t.Errorf("%s has no column %s", name, key)
		}
	}
	if n < 18 {
		t.Errorf("only %d tables", n)
	}
}

func TestDeletingALargeGroupKeepsNobodyElseWaiting(t *testing.T) {
	db := openTest(t, "")
	made := byte(9)
	hub, err := group.New(group.Config{
		Store: db, Limits: group.Limits{MemberRate: moderation.Rate{Burst: -1}, GroupRate: moderation.Rate{Burst: -1}},
		NewIdentity: func() ([]byte, []byte, error) {
			made++
			return slices.Repeat([]byte{made}, group.PublicKeySize), []byte("key"), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	operator := group.Caller{Local: true}
	for _, id := range []group.GroupID{"large", "other"} {
		if _, err := hub.CreateGroup(ctx, operator, group.NewGroup{ID: id, PublicName: string(id), Public: true}); err != nil {
			t.Fatal(err)
		}
	}
	const posts = 3000
	var writers sync.WaitGroup
	for w := range 20 {
		writers.Go(func() {
			for i := range posts / 20 {
				text := fmt.Sprintf("post %d of %d about goats, bridges and the weather in the valley", i, w)
				if _, err := hub.Post(ctx, operator, "large", group.PostInput{Text: []byte(text)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	measure := func() time.Duration {
		const n = 60
		took := make([]time.Duration, n)
		for i := range took {
			began := time.Now()
			if _, err := hub.Post(ctx, operator, "other", group.PostInput{Text: []byte(fmt.Sprint("number ", i))}); err != nil {
				t.Fatal(err)
			}
			took[i] = time.Since(began)
		}
		slices.Sort(took)
		return took[n*95/100]
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := hub.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer cancel()
	before := measure()
	if err := hub.DeleteGroup(ctx, operator, "large"); err != nil {
		t.Fatal(err)
	}
	during := measure()
	left := 0
	if err := db.View(ctx, func(tx group.ReadTx) error {
		going, err := tx.GroupsToErase()
		left = len(going)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("a post in another group, p95: %v, and %v while %d posts were erased", before, during, posts)
	if limit := max(3*before, 50*time.Millisecond); during > limit {
		t.Errorf("a post took %v, %v before", during, before)
	}
	if left == 0 {
		t.Log("all was erased before the end of the measurement")
	}
	for limit := time.After(time.Minute); left > 0; {
		select {
		case <-limit:
			t.Fatal("not erased within a minute")
		case <-time.After(50 * time.Millisecond):
		}
		if err := db.View(ctx, func(tx group.ReadTx) error { going, err := tx.GroupsToErase(); left = len(going); return err }); err != nil {
			t.Fatal(err)
		}
	}
}

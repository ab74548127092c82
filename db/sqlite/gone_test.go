package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"groupd/group"
	"groupd/rns"
)

// network are the tables of the network's layers that know destinations of ours, and in which column.
func network() map[string]string {
	return map[string]string{
		"rns_own_ratchets": "destination_hash", "rns_last_announced": "destination_hash", "lxmf_tickets": "delivery_hash", "lxmf_queued": "source_hash",
		"lxmf_held": "destination_hash",
	}
}

// remembers puts a row about a destination into a table of the network's layers.
func remembers(t *testing.T, raw *sql.DB, table string, d rns.DestinationHash) {
	t.Helper()
	rows, err := raw.Query("SELECT name, type FROM pragma_table_info(?1) WHERE name <> 'no'", table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var columns, places []string
	var values []any
	for rows.Next() {
		var name, kind string
		if err := rows.Scan(&name, &kind); err != nil {
			t.Fatal(err)
		}
		var v any = 1
		switch {
		case name == network()[table]:
			v = d[:]
		case name == "issued":
			v = slices.Repeat(d[:], 3)
		case name == "id", name == "key":
			v = slices.Repeat(d[:], 2)
		case name == "packed":
			v = []byte(letterOf(d))
		case kind == "BLOB":
			v = d[:]
		case kind == "TEXT":
			v = "x"
		}
		columns, places, values = append(columns, name), append(places, "?"), append(values, v)
	}
	if _, err := raw.Exec("INSERT INTO "+table+" ("+strings.Join(columns, ",")+") VALUES ("+strings.Join(places, ",")+")", values...); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
}

// letterOf is what stands in a message from or to a destination.
func letterOf(d rns.DestinationHash) string { return fmt.Sprintf("wallaby%x", d[:4]) }

// two makes a database with two groups, in which the network's layers know the destinations of both.
func two(t *testing.T) (db *DB, raw *sql.DB, destinations map[group.GroupID][]rns.DestinationHash) {
	t.Helper()
	db = openTest(t, "")
	made := byte(9)
	hub, err := group.New(group.Config{Store: db, NewIdentity: func() ([]byte, []byte, error) {
		made++
		return slices.Repeat([]byte{made}, group.PublicKeySize), fmt.Appendf(nil, "private key %d", made), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = sql.Open("sqlite3", db.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	raw.SetMaxOpenConns(1)
	destinations = make(map[group.GroupID][]rns.DestinationHash)
	for _, id := range []group.GroupID{"gone", "stays"} {
		g, err := hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{
			ID: id, PublicName: "Cottle", PrivateName: "Cottle secret", Topic: "secret topic", Owner: group.AnyHash{7},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), func(tx group.Tx) error {
			return errors.Join(tx.PutEpoch(group.Epoch{Group: id, Number: 1, Key: [32]byte{1}, Reason: 1}),
				tx.KeepAudit(group.Audit{Group: id, ID: 77, Action: "ban", Detail: "quokka " + string(id)}))
		}); err != nil {
			t.Fatal(err)
		}
		identity := rns.IdentityHash(g.Identity)
		for _, name := range [][2]string{{"lxmf", "delivery"}, {"meshchat", "group"}, {"nomadnetwork", "node"}} {
			d := rns.HashDestination(&identity, name[0], name[1])
			destinations[id] = append(destinations[id], d)
			for table := range network() {
				remembers(t, raw, table, d)
			}
		}
	}
	if _, err := raw.Exec("UPDATE groups SET creator = ?1", slices.Repeat([]byte{7}, 16)); err != nil {
		t.Fatal(err)
	}
	return db, raw, destinations
}

// about counts what the network's layers know of destinations.
func about(t *testing.T, raw *sql.DB, list []rns.DestinationHash) map[string]int {
	t.Helper()
	found := make(map[string]int)
	for table, column := range network() {
		for _, d := range list {
			n := 0
			if err := raw.QueryRow("SELECT count(*) FROM "+table+" WHERE "+column+" = ?1", d[:]).Scan(&n); err != nil {
				t.Fatal(err)
			}
			found[table] += n
		}
	}
	return found
}

func TestOfADeletedGroupNoKeyAndNoWordIsLeftEvenBeforeItIsErased(t *testing.T) {
	db, raw, _ := two(t)
	if err := db.Update(t.Context(), func(tx group.Tx) error { return tx.RemoveGroup("gone") }); err != nil {
		t.Fatal(err)
	}
	text := func(id string) (all string) {
		const columns = "hex(identity_private_key) || '|' || public_display_name || '|' || private_display_name || '|' || topic || '|' || hex(ifnull(owner, '')) || '|' || " +
			"hex(seen_key) || '|' || ifnull(policy, '') || '|' || hex(ifnull(creator, '')) || '|' || (SELECT count(*) FROM epochs WHERE group_no = groups.no)"
		if err := raw.QueryRow("SELECT "+columns+" FROM groups WHERE id = ?1", id).Scan(&all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	if got := text("gone"); got != "||||||||0" {
		t.Errorf("of the deleted one there is %s", got)
	}
	if got := text("stays"); strings.Contains(got, "||||") || !strings.HasSuffix(got, "|1") {
		t.Errorf("of the other one there is %s", got)
	}
	if err := db.Update(t.Context(), func(tx group.Tx) error { return tx.RemoveGroup("gone") }); err == nil {
		t.Error("it can be deleted twice")
	}
	gone(t, db, "private key 10") // nor in a file
	if len(onDisk(t, db, "private key 11")) == 0 {
		t.Error("the other one's key is on no disk")
	}
}

func TestTheNetworksLayersForgetADeletedGroupAndNoOther(t *testing.T) {
	db, raw, destinations := two(t)
	erase := func(id group.GroupID) (steps int) {
		t.Helper()
		for n := 1; n > 0; steps++ {
			if err := db.Update(t.Context(), func(tx group.Tx) (err error) { n, err = tx.EraseGroup(id, 100); return err }); err != nil {
				t.Fatal(err)
			}
		}
		return steps
	}
	if steps := erase("stays"); steps != 1 {
		t.Errorf("a group that is there is erased in %d steps", steps)
	}
	if err := db.Update(t.Context(), func(tx group.Tx) error { return tx.RemoveGroup("gone") }); err != nil {
		t.Fatal(err)
	}
	erase("gone")
	gone(t, db, "quokka gone")
	gone(t, db, letterOf(destinations["gone"][0]))
	if len(onDisk(t, db, "quokka stays")) == 0 {
		t.Error("what is in the log of the other one is on no disk")
	}
	for table, n := range about(t, raw, destinations["gone"]) {
		if n != 0 {
			t.Errorf("%s knows %d of the 3 destinations of the deleted one", table, n)
		}
	}
	for table, n := range about(t, raw, destinations["stays"]) {
		if n != 3 {
			t.Errorf("%s knows %d of the 3 destinations of the other one", table, n)
		}
	}
}

// TestWhatComesBackToTheNetworksLayersAfterAGroupIsErasedIsForgottenToo: an announce, or a message, may have been on its way.
func TestWhatComesBackToTheNetworksLayersAfterAGroupIsErasedIsForgottenToo(t *testing.T) {
	db, raw, destinations := two(t)
	if _, err := raw.Exec("DELETE FROM epochs; DELETE FROM audit_log; DELETE FROM groups WHERE id = 'gone'"); err != nil {
		t.Fatal(err)
	}
	if err := db.ForgetDestinations(t.Context(), destinations["gone"]...); err != nil {
		t.Fatal(err)
	}
	mail := destinations["gone"][:1]
	if got := fmt.Sprint(about(t, raw, mail), about(t, raw, destinations["gone"])["rns_last_announced"]); got != "map[lxmf_held:0 lxmf_queued:0 lxmf_tickets:0 rns_last_announced:0 rns_own_ratchets:0] 0" {
		t.Errorf("of the erased one: %s", got)
	}
	if got := fmt.Sprint(about(t, raw, destinations["stays"][:1])); got != "map[lxmf_held:1 lxmf_queued:1 lxmf_tickets:1 rns_last_announced:1 rns_own_ratchets:1]" {
		t.Errorf("of the other one: %s", got)
	}
	gone(t, db, letterOf(mail[0]))
}

package sqlite

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"groupd/group"
	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/rnstest"
)

func TestHeldMessagesSurviveARestart(t *testing.T) {
	db := openTest(t, "")
	first := lxmf.HeldMessage{Key: lxmf.HeldKey{1}, Destination: rns.DestinationHash{2}, Source: rns.DestinationHash{3}, Packed: []byte("first"), Method: 2, Hops: 3, ReceivedAt: time.Unix(1700000000, 0).UTC()}
	second := first
	second.Key, second.Packed = lxmf.HeldKey{9}, []byte("second")
	s := db.LXMFStore()
	for _, m := range []lxmf.HeldMessage{first, second, first} { // putting twice changes nothing
		if err := s.PutHeld(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	again := reopened(t, db)
	s = again.LXMFStore()
	var got []string
	for m, err := range s.Held(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(m.Packed))
	}
	if len(got) != 2 || got[0] != "first" || got[1] != "second" {
		t.Fatalf("held %v", got)
	}
	m, err := s.GetHeld(t.Context(), first.Key)
	if err != nil || m.Source != first.Source || m.Hops != 3 || !m.ReceivedAt.Equal(first.ReceivedAt) || m.Method != 2 {
		t.Fatalf("got %+v, %v", m, err)
	}
	third := first
	third.Key = lxmf.HeldKey{7}
	if err := s.PutHeld(t.Context(), third, first.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetHeld(t.Context(), first.Key); !errors.Is(err, lxmf.ErrNotHeld) {
		t.Fatalf("the evicted one: %v", err)
	}
	if err := s.DeleteHeld(t.Context(), second.Key, first.Key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetHeld(t.Context(), third.Key); err != nil {
		t.Fatal(err)
	}
}

func TestRouterLearnsWhatTheGroupHasSeen(t *testing.T) {
	db := openTest(t, "")
	g := group.Group{ID: "main", Identity: group.IdentityHash{1}, Address: group.Address{2}, PublicKey: make([]byte, 64), PrivateKey: make([]byte, 64), SeenKey: []byte("key")}
	id := lxmf.MessageID{5}
	if err := db.Update(t.Context(), func(tx group.Tx) error {
		if err := tx.PutGroup(g); err != nil {
			return err
		}
		return tx.AddSeen(g.ID, g.SeenID(group.MessageID(id)))
	}); err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[lxmf.MessageID]bool{id: true, {6}: false} {
		if got, err := db.LXMFStore().Seen(t.Context(), asked); err != nil || got != want {
			t.Errorf("seen %v: %v, %v", asked, got, err)
		}
	}
}

func TestOwnRatchetsAndAnnounceTimesAreInTheDatabase(t *testing.T) {
	db := openTest(t, "")
	files := &rnstest.Store{}
	s := db.RNSStore(files)
	d := rns.DestinationHash{4}
	if b, err := s.LoadOwnRatchets(t.Context(), d); err != nil || b != nil {
		t.Fatalf("never saved: %x, %v", b, err)
	}
	at := time.Unix(1700000000, 0)
	for _, file := range []string{"old", "new"} {
		if err := errors.Join(s.SaveOwnRatchets(t.Context(), d, []byte(file)), s.SaveLastAnnounced(t.Context(), d, at)); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := s.LoadOwnRatchets(t.Context(), d); err != nil || string(b) != "new" {
		t.Fatalf("ratchets %q, %v", b, err)
	}
	if got, err := s.LastAnnounced(t.Context(), d); err != nil || !got.Equal(at) {
		t.Fatalf("announced %v, %v", got, err)
	}
	if b, err := files.LoadOwnRatchets(t.Context(), d); err != nil || b != nil {
		t.Fatalf("the files hold private keys: %x, %v", b, err)
	}
}

func TestABackupHoldsRatchetsSeenIDsAndWhatIsHeld(t *testing.T) {
	db := openTest(t, "")
	g, d, id := group.Group{ID: "main", SeenKey: []byte("key"), Identity: group.IdentityHash{1}, Address: group.Address{2}}, rns.DestinationHash{4}, group.MessageID{7}
	g.PublicKey, g.PrivateKey = []byte("public"), []byte("private")
	held := lxmf.HeldMessage{Key: lxmf.HeldKey{9}, Packed: []byte("packed"), ReceivedAt: time.Unix(1700000000, 0)}
	if err := errors.Join(
		db.Update(t.Context(), func(tx group.Tx) error { return errors.Join(tx.PutGroup(g), tx.AddSeen("main", g.SeenID(id))) }),
		db.RNSStore(&rnstest.Store{}).SaveOwnRatchets(t.Context(), d, []byte("ratchets")),
		db.RNSStore(&rnstest.Store{}).SaveLastAnnounced(t.Context(), d, time.Unix(1700000000, 0)),
		db.LXMFStore().PutHeld(t.Context(), held),
	); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "backup.db")
	if err := db.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if file, err := b.RNSStore(&rnstest.Store{}).LoadOwnRatchets(t.Context(), d); err != nil || string(file) != "ratchets" {
		t.Errorf("ratchets %q, %v", file, err)
	}
	if at, err := b.RNSStore(&rnstest.Store{}).LastAnnounced(t.Context(), d); err != nil || at.Unix() != 1700000000 {
		t.Errorf("announced %v, %v", at, err)
	}
	if seen, err := b.LXMFStore().Seen(t.Context(), lxmf.MessageID(id)); err != nil || !seen {
		t.Errorf("seen %v, %v", seen, err)
	}
	if m, err := b.LXMFStore().GetHeld(t.Context(), held.Key); err != nil || string(m.Packed) != "packed" {
		t.Errorf("held %+v, %v", m, err)
	}
}

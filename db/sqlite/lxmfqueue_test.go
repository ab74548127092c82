package sqlite

import (
	"reflect"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
)

func TestOutgoingMessagesSurviveARestart(t *testing.T) {
	db := openTest(t, "")
	full := lxmf.QueuedMessage{
		ID: lxmf.MessageID{1}, From: rns.DestinationHash{2}, To: rns.DestinationHash{3}, Packed: []byte("packed"), Method: lxmf.MethodDirect,
		Propagate: true, Priority: lxmf.PriorityBulk, MaxStampCost: 8, Identity: make([]byte, 64), Ratchet: make([]byte, 32),
		QueuedAt: time.Unix(1700000000, 0).UTC(), Expires: time.Unix(1700003600, 0).UTC(),
	}
	other, plain := full, full
	other.ID, other.From = lxmf.MessageID{4}, rns.DestinationHash{5}
	plain.ID, plain.Identity, plain.Ratchet, plain.Propagate, plain.Priority = lxmf.MessageID{6}, nil, nil, false, lxmf.PriorityEmergency
	changed := full
	changed.Expires = changed.Expires.Add(time.Hour)
	for _, m := range []lxmf.QueuedMessage{full, other, plain, changed} { // the last one is put again, with more time
		if err := db.LXMFStore().PutQueued(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	again := reopened(t, db)
	s := again.LXMFStore()
	queued := func() (all []lxmf.QueuedMessage) {
		for m, err := range s.Queued(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
		}
		return all
	}
	if got, want := queued(), []lxmf.QueuedMessage{changed, other, plain}; !reflect.DeepEqual(got, want) {
		t.Fatalf("queued\n%+v, want\n%+v", got, want)
	}
	if err := s.DeleteQueued(t.Context(), plain.ID, lxmf.MessageID{99}); err != nil {
		t.Fatal(err)
	}
	if err := s.DropQueued(t.Context(), full.From); err != nil {
		t.Fatal(err)
	}
	if got := queued(); len(got) != 1 || got[0].ID != other.ID {
		t.Fatalf("left: %+v", got)
	}
}

package memory_test

import (
	"errors"
	"testing"

	"groupd/db/dbtest"
	"groupd/group"
	"groupd/group/memory"
)

func open(testing.TB) (group.Store, func() group.Store) {
	s := memory.New()
	return s, func() group.Store { return s }
}

func TestTheTwinPassesTheSuiteOfTheEngines(t *testing.T) { dbtest.Run(t, open) }

func BenchmarkPage(b *testing.B) { dbtest.BenchmarkPage(b, open) }

func TestAFullDiskKeepsNothingAndSaysSo(t *testing.T) {
	s := memory.New()
	full := errors.New("no space")
	s.OnCommit(func() error { return full })
	err := s.Update(t.Context(), func(tx group.Tx) error { return tx.SetMeta("k", []byte("v")) })
	if !errors.Is(err, group.ErrNotDurable) || !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	s.OnCommit(nil)
	if err := s.View(t.Context(), func(tx group.ReadTx) error {
		v, err := tx.Meta("k")
		if v != nil {
			t.Errorf("kept %q", v)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAClosedStoreRefuses(t *testing.T) {
	s := memory.New()
	s.Close()
	if err := s.Update(t.Context(), func(group.Tx) error { return nil }); !errors.Is(err, group.ErrClosed) {
		t.Errorf("update: %v", err)
	}
	if err := s.View(t.Context(), func(group.ReadTx) error { return nil }); !errors.Is(err, group.ErrClosed) {
		t.Errorf("view: %v", err)
	}
}

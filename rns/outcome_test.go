package rns

import (
	"context"
	"errors"
	"testing"
)

// TestWhatHappenedCountsMoreThanTheEnd: a proof that went out is no failure because the transport ends in the same moment.
func TestWhatHappenedCountsMoreThanTheEnd(t *testing.T) {
	tr, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	close(tr.done)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		result := make(chan error, 1)
		result <- nil
		if err := tr.outcome(ctx, result); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.outcome(t.Context(), make(chan error)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

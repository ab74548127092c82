package lxmf_test

import (
	"context"
	"iter"
	"testing"

	"groupd/lxmf"
	"groupd/rns"
)

// strict is a store that reads nothing any more when the context has ended, as databases do.
type strict struct{ lxmf.MemoryStore }

func (s *strict) Tickets(ctx context.Context) iter.Seq2[lxmf.TicketPair, error] {
	if err := ctx.Err(); err != nil {
		return func(yield func(lxmf.TicketPair, error) bool) { yield(lxmf.TicketPair{}, err) }
	}
	return s.MemoryStore.Tickets(ctx)
}

func TestARouterThatIsEndedWhileItBeginsEndsWell(t *testing.T) {
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: tr, Store: &strict{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		t.Error(err)
	}
}

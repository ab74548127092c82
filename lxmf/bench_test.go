package lxmf_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// BenchmarkDeliveryOverLink is messages sent, verified, decided and proved over one link between two routers in this
// process. The application commits in groups: what has come while a commit of the given length was running is in the next.
func BenchmarkDeliveryOverLink(b *testing.B) {
	for _, commit := range []time.Duration{0, 2 * time.Millisecond, 10 * time.Millisecond} {
		b.Run("commit="+commit.String(), func(b *testing.B) { benchmarkDelivery(b, commit) })
	}
}

func benchmarkDelivery(b *testing.B, commit time.Duration) {
	cable := ifacetest.NewMedium(ifacetest.Options{MTU: 8192})
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	undecided := make(chan *lxmf.Inbound, lxmf.DefaultMaxUndecided)
	start := func(name string, id *rns.Identity, onMessage func(*lxmf.Inbound)) (*lxmf.Router, *lxmf.Delivery) {
		transport, err := rns.New(rns.Config{})
		if err != nil {
			b.Fatal(err)
		}
		if err := transport.AddInterface(cable.Port(name), rns.InterfaceOptions{}); err != nil {
			b.Fatal(err)
		}
		router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: transport})
		if err != nil {
			b.Fatal(err)
		}
		delivery, err := router.AddDelivery(lxmf.DeliveryConfig{Identity: id, OnMessage: onMessage})
		if err != nil {
			b.Fatal(err)
		}
		running.Go(func() { _ = transport.Run(ctx) })
		running.Go(func() { _ = router.Run(ctx) })
		return router, delivery
	}
	router, from := start("a", alice(b), (*lxmf.Inbound).Prove)
	_, to := start("b", bob(b), func(in *lxmf.Inbound) { undecided <- in })
	running.Go(func() {
		for {
			var group []*lxmf.Inbound
			select {
			case in := <-undecided:
				group = append(group, in)
			case <-ctx.Done():
				return
			}
			for len(undecided) > 0 {
				group = append(group, <-undecided)
			}
			if commit > 0 {
				<-time.After(commit)
			}
			for _, in := range group {
				in.Prove()
			}
		}
	})
	for _, d := range []*lxmf.Delivery{from, to} {
		if err := d.Announce(ctx); err != nil {
			b.Fatal(err)
		}
	}
	outs := make(chan *lxmf.Outgoing, lxmf.DefaultMaxQueuePerRecipient/2) // so that the queue never overflows
	ended := make(chan struct{})
	content := make([]byte, 100)
	b.ResetTimer()
	go func() {
		defer close(ended)
		for out := range outs {
			<-out.Done()
			if out.State() != lxmf.StateDelivered {
				b.Error(out.State(), out.Err())
			}
		}
	}()
	for range b.N {
		out, err := router.Send(ctx, &lxmf.Outbound{From: from, To: to.Address(), Content: content, Method: lxmf.MethodDirect})
		if err != nil {
			b.Fatal(err)
		}
		outs <- out
	}
	close(outs)
	<-ended
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

package lxmf_test

import (
	"context"
	"slices"
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

// BenchmarkSendUntilProved is one message at a time over an open link; it prints the median.
func BenchmarkSendUntilProved(b *testing.B) {
	p := newBenchPair(b, (*lxmf.Inbound).Prove)
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		out := p.send(b)
		<-out.Done()
		if out.State() != lxmf.StateDelivered {
			b.Fatal(out.State(), out.Err())
		}
		took = append(took, time.Since(began))
	}
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
}

// benchPair is two routers on a cable, with a link from one to the other.
type benchPair struct {
	router   *lxmf.Router
	from, to *lxmf.Delivery
	content  []byte
}

func newBenchPair(b *testing.B, onMessage func(*lxmf.Inbound)) *benchPair {
	cable := ifacetest.NewMedium(ifacetest.Options{MTU: 8192})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	b.Cleanup(func() {
		stop()
		running.Wait()
	})
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
	p := &benchPair{content: make([]byte, 100)}
	p.router, p.from = start("a", alice(b), (*lxmf.Inbound).Prove)
	_, p.to = start("b", bob(b), onMessage)
	for _, d := range []*lxmf.Delivery{p.from, p.to} {
		if err := d.Announce(ctx); err != nil {
			b.Fatal(err)
		}
	}
	if out := p.send(b); true {
		<-out.Done()
	}
	return p
}

func (p *benchPair) send(b *testing.B) *lxmf.Outgoing {
	out, err := p.router.Send(context.Background(), &lxmf.Outbound{From: p.from, To: p.to.Address(), Content: p.content, Method: lxmf.MethodDirect})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func benchmarkDelivery(b *testing.B, commit time.Duration) {
	undecided := make(chan *lxmf.Inbound, lxmf.DefaultMaxUndecided)
	stop := make(chan struct{})
	var deciding sync.WaitGroup
	deciding.Go(func() {
		for {
			var group []*lxmf.Inbound
			select {
			case in := <-undecided:
				group = append(group, in)
			case <-stop:
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
	b.Cleanup(func() {
		close(stop)
		deciding.Wait()
	})
	p := newBenchPair(b, func(in *lxmf.Inbound) { undecided <- in })
	outs := make(chan *lxmf.Outgoing, lxmf.DefaultMaxQueuePerRecipient/2) // so that the queue never overflows
	ended := make(chan struct{})
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
		outs <- p.send(b)
	}
	close(outs)
	<-ended
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

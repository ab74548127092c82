package rns_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
)

// TestRequestsOfAllSizesAreAnswered holds L-070, L-071, L-077, L-082, L-084.
func TestRequestsOfAllSizesAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 20 * time.Millisecond, MTU: 500})
		p.at.HandleRequest("/echo", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
			if r.Path != "/echo" || r.Link == nil {
				t.Errorf("request %+v", r)
			}
			return r.Data, true
		})
		a, b := p.open(t)
		for _, size := range []int{0, 1, 400, 401, 431, 1000, 100 << 10} {
			data := bytes.Repeat([]byte("abcdefg"), size/7+1)[:size]
			r, err := a.Request(t.Context(), "/echo", msgpack.Bin(data), rns.RequestOptions{})
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if got, ok := r.Data.Bin(); !ok || !bytes.Equal(got, data) {
				t.Errorf("%d bytes: got %d back", size, len(got))
			}
			if size <= 400 && r.RTT != 40*time.Millisecond {
				t.Errorf("%d bytes: answered in %v", size, r.RTT)
			}
		}
		// And the other way.
		a.HandleAnyRequest(func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
			return msgpack.Str(r.Path), r.PathHash == rns.PathHash("/who")
		})
		if r, err := b.Request(t.Context(), "/who", nil, rns.RequestOptions{}); err != nil {
			t.Error(err)
		} else if got, ok := r.Data.Str(); !ok || got != "" {
			t.Errorf("the catch-all saw path %q", got)
		}
		if _, err := b.Request(t.Context(), "/nobody", nil, rns.RequestOptions{}); !errors.Is(err, rns.ErrTimeout) {
			t.Errorf("an unanswered request ended with %v", err)
		}
	})
}

// TestPendingRequestsFailAtOnceWhenTheLinkCloses holds L-049.
func TestPendingRequestsFailAtOnceWhenTheLinkCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		entered, left := make(chan struct{}, 10), make(chan error, 10)
		p.at.HandleAnyRequest(func(ctx context.Context, _ *rns.Request) (msgpack.Raw, bool) {
			entered <- struct{}{}
			<-ctx.Done()
			left <- ctx.Err()
			return nil, false
		})
		a, b := p.open(t)
		results := make(chan error, 10)
		for _, size := range []int{10, 5000} {
			go func() {
				_, err := a.Request(t.Context(), "/slow", msgpack.Bin(make([]byte, size)), rns.RequestOptions{Timeout: time.Hour})
				results <- err
			}()
			<-entered
		}
		receipt, err := a.Send(t.Context(), []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		b.Close()
		for range 2 {
			if err := <-results; !errors.Is(err, rns.ErrLinkClosed) {
				t.Errorf("request ended with %v", err)
			}
			<-left
		}
		<-receipt.Done()
		if !errors.Is(receipt.Err(), rns.ErrLinkClosed) {
			t.Errorf("receipt ended with %v", receipt.Err())
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestRequestThatItsCallerGaveUpIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		a, _ := p.open(t)
		for _, size := range []int{10, 50000} {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			if _, err := a.Request(ctx, "/x", msgpack.Bin(make([]byte, size)), rns.RequestOptions{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d bytes: %v", size, err)
			}
			cancel()
		}
		// At most 64 may be unanswered.
		failed := make(chan error, 200)
		for range 70 {
			go func() {
				_, err := a.Request(t.Context(), "/x", nil, rns.RequestOptions{})
				failed <- err
			}()
		}
		synctest.Wait()
		if len(failed) != 6 {
			t.Errorf("%d requests were refused at once", len(failed))
		}
		for range 6 {
			if err := <-failed; !errors.Is(err, rns.ErrTooMany) {
				t.Error(err)
			}
		}
		for range 64 {
			if err := <-failed; !errors.Is(err, rns.ErrTimeout) {
				t.Error(err)
			}
		}
	})
}

func TestHandlersRunAtMostEightPerLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		var running, most, served atomic.Int32
		p.at.HandleAnyRequest(func(ctx context.Context, _ *rns.Request) (msgpack.Raw, bool) {
			n := running.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(time.Second)
			running.Add(-1)
			served.Add(1)
			return msgpack.Bool(true), true
		})
		a, _ := p.open(t)
		answered := make(chan error, 100)
		for i := range 40 {
			go func() {
				_, err := a.Request(t.Context(), "/x", msgpack.Int(int64(i)), rns.RequestOptions{})
				answered <- err
			}()
		}
		ok := 0
		for range 40 {
			if err := <-answered; err == nil {
				ok++
			} else if !errors.Is(err, rns.ErrTimeout) {
				t.Error(err)
			}
		}
		// 8 run, 16 wait, the others are dropped.
		if ok != 24 || served.Load() != 24 || most.Load() != 8 || p.b.LinkStats().RequestsFull != 16 {
			t.Errorf("%d answered, %d served, %d at once, %d dropped", ok, served.Load(), most.Load(), p.b.LinkStats().RequestsFull)
		}
	})
}

// TestResponseLimitAndRequestLimitHold holds L-076, L-079.
func TestResponseLimitAndRequestLimitHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond}, func(c *rns.DestinationConfig) { c.MaxRequestSize = 2000 })
		p.at.HandleAnyRequest(func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
			n, _ := r.Data.Int()
			return msgpack.Bin(make([]byte, n)), true
		})
		a, _ := p.open(t)
		for _, n := range []int64{300, 30000} {
			began := time.Now()
			_, err := a.Request(t.Context(), "/x", msgpack.Int(n), rns.RequestOptions{MaxResponse: 200})
			if !errors.Is(err, rns.ErrTooLarge) || time.Since(began) > 5*time.Second {
				t.Errorf("response of %d bytes: %v after %v", n, err, time.Since(began))
			}
			if _, err := a.Request(t.Context(), "/x", msgpack.Int(n), rns.RequestOptions{MaxResponse: 40000}); err != nil {
				t.Errorf("response of %d bytes: %v", n, err)
			}
		}
		_, err := a.Request(t.Context(), "/x", msgpack.Bin(make([]byte, 3000)), rns.RequestOptions{})
		if !errors.Is(err, rns.ErrRejected) {
			t.Errorf("request of 3000 bytes: %v", err)
		}
		if a.State() != rns.LinkActive {
			t.Error("the link suffered")
		}
	})
}

// TestFileAnswersARequest holds L-080.
func TestFileAnswersARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		content := bytes.Repeat([]byte("file "), 3000)
		sent := make(chan error, 2)
		p.at.HandleAnyRequest(func(ctx context.Context, r *rns.Request) (msgpack.Raw, bool) {
			var o rns.ResourceOptions
			if r.PathHash == rns.PathHash("/named") {
				o.Metadata = msgpack.Map(msgpack.Entry{Key: msgpack.Str("name"), Value: msgpack.Bin([]byte("a.txt"))})
			}
			sent <- r.SendFile(ctx, rns.ResourceBytes(content), o)
			return nil, false
		})
		a, _ := p.open(t)
		for path, metadata := range map[string]int{"/named": 1, "/plain": 0} {
			progress := 0.0
			r, err := a.Request(t.Context(), path, nil, rns.RequestOptions{Progress: func(p float64) { progress = p }})
			if err != nil {
				t.Fatal(err)
			}
			if m, ok := r.Metadata.Map(); !bytes.Equal(r.File, content) || r.Data != nil || !ok || len(m) != metadata {
				t.Errorf("%s: %d bytes with metadata %x", path, len(r.File), r.Metadata)
			}
			if progress != 1 {
				t.Errorf("%s: progress ended at %v", path, progress)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnswersAreNotFasterThanAStockPeerCanTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{}, func(c *rns.DestinationConfig) { c.AnswerDelay = 25 * time.Millisecond })
		a, b := p.open(t)
		rns.TakeForStock(b)
		p.at.HandleRequest("/now", func(context.Context, *rns.Request) (msgpack.Raw, bool) { return msgpack.Int(1), true })
		p.at.HandleRequest("/later", func(context.Context, *rns.Request) (msgpack.Raw, bool) {
			time.Sleep(40 * time.Millisecond)
			return msgpack.Int(1), true
		})
		for path, want := range map[string]time.Duration{"/now": 25 * time.Millisecond, "/later": 40 * time.Millisecond} {
			if r, err := a.Request(t.Context(), path, nil, rns.RequestOptions{}); err != nil || r.RTT != want {
				t.Errorf("%s: %+v, %v", path, r, err)
			}
		}
	})
}

func TestResourcesAreOfferedProvedAndRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newLinkPair(t, ifacetest.Options{Latency: 10 * time.Millisecond})
		a, b := p.open(t)
		if err := a.SendResource(t.Context(), rns.ResourceBytes([]byte("x")), rns.ResourceOptions{}); err == nil {
			t.Error("a resource nobody takes was sent")
		}
		done := make(chan *rns.ReceivedResource, 10)
		b.SetHandlers(rns.LinkHandlers{
			OnResource: func(o rns.ResourceOffer) rns.ResourceDecision {
				time.Sleep(100 * time.Millisecond) // deciding may take a while
				return rns.ResourceDecision{Accept: o.Size < 100000}
			},
			OnResourceDone: func(r *rns.ReceivedResource) { done <- r },
		})
		if err := a.SendResource(t.Context(), rns.ResourceBytes(make([]byte, 100000)), rns.ResourceOptions{}); !errors.Is(err, rns.ErrRejected) {
			t.Errorf("too large: %v", err)
		}
		data := bytes.Repeat([]byte("0123456789"), 5000)
		sent := make(chan error, 1)
		go func() {
			sent <- a.SendResource(t.Context(), rns.ResourceBytes(data), rns.ResourceOptions{Metadata: msgpack.Str("note"), NoCompress: true})
		}()
		r := next(t, done)
		if r.Err != nil || !bytes.Equal(r.Data, data) || !bytes.Equal(r.Metadata, msgpack.Str("note")) {
			t.Fatalf("got %d bytes, %v", len(r.Data), r.Err)
		}
		time.Sleep(3 * time.Second)
		if len(sent) != 0 {
			t.Error("delivered before it was proved")
		}
		if err := r.Prove(); err != nil {
			t.Fatal(err)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		go func() { sent <- a.SendResource(ctx, rns.ResourceBytes(data), rns.ResourceOptions{NoCompress: true}) }()
		if err := <-sent; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("given up: %v", err)
		}
	})
}

package requests

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// listens opens a link for a villager, who takes live pages from it.
func (a *villager) listens(prove func() bool, change ...func(*groupdv1.SubscribeRequest)) *rns.Link {
	t := a.v.t
	t.Helper()
	l, err := a.v.far.OpenLink(t.Context(), a.v.far.NewRemote(rnstest.Identity(t, 1).Public(), App, Aspect))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Identify(a.id); err != nil {
		t.Fatal(err)
	}
	l.SetHandlers(rns.LinkHandlers{OnPacket: func(p *rns.ReceivedPacket) {
		if !prove() {
			return
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.takePage(p.Data)
		p.Prove()
	}})
	q := &groupdv1.SubscribeRequest{AfterRev: proto.Uint64(a.mirror.cursor), CompleteRev: a.mirror.complete, Accept: allCodecs()}
	for _, f := range change {
		f(q)
	}
	if code := a.subscribes(l, q).GetStatus().GetCode(); code != groupdv1.Code_OK {
		t.Fatal(code)
	}
	return l
}

func (a *villager) subscribes(l *rns.Link, q *groupdv1.SubscribeRequest) *groupdv1.SubscribeReply {
	a.v.t.Helper()
	reply := &groupdv1.SubscribeReply{}
	a.asks(l, "/subscribe", q, reply)
	return reply
}

// asks makes a request over a link.
func (a *villager) asks(l *rns.Link, path string, q, into proto.Message) {
	t := a.v.t
	t.Helper()
	r, err := l.Request(t.Context(), Prefix+path, msgpack.Bin(mustMarshal(q)), rns.RequestOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := r.Data.Bin()
	if err := proto.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func always() bool { return true }

func TestALiveReaderSeesAPostAtOnce(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverFetch))
		v.says(v.bob, "before she listens")
		l := ann.listens(always)
		rest(time.Second)
		for i := range 5 {
			v.says(v.bob, tale(i))
			rest(200 * time.Millisecond)
			if texts := ann.reads(); len(texts) != i+2 || texts[i+1] != tale(i) {
				t.Fatalf("after 0.2 s she reads %q", texts)
			}
		}
		long := v.says(v.bob, longTale())
		for i := range 50 {
			v.says(v.bob, tale(i))
		}
		rest(10 * time.Second)
		ann.hasEverything()
		if e := ann.entry(long.Seq); e.GetFullLength() == 0 {
			t.Errorf("the long one came as %v", e)
		}
		if n := len(ann.seen()); n > 15 || ann.missed() != 0 {
			t.Errorf("%d pages, %d gaps", n, ann.missed())
		}

		// Off is off, and a closed link ends it, too.
		pages := len(ann.seen())
		ann.subscribes(l, &groupdv1.SubscribeRequest{Off: true})
		v.says(v.bob, "nobody listens")
		rest(time.Second)
		if v.server.Streams() != 0 || len(ann.seen()) != pages {
			t.Errorf("%d streams, %d pages more", v.server.Streams(), len(ann.seen())-pages)
		}
		ann.subscribes(l, &groupdv1.SubscribeRequest{})
		if n := v.server.Streams(); n != 1 {
			t.Errorf("%d streams", n)
		}
		l.Close()
		rest(time.Second)
		if n := v.server.Streams(); n != 0 {
			t.Errorf("%d streams on a closed link", n)
		}
	})
}

func TestASlowReaderFallsBehindAndCatchesUp(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverFetch))
		var mu sync.Mutex
		busy := true
		ann.listens(func() bool {
			mu.Lock()
			defer mu.Unlock()
			return !busy
		})
		first := v.says(v.bob, tale(1000))
		for i := range 200 {
			v.says(v.bob, tale(i))
		}
		if _, err := v.hub.Pin(t.Context(), v.bob, valley, first.Seq, false); err != nil { // so that it comes last
			t.Fatal(err)
		}
		rest(5 * time.Second)
		if len(ann.seen()) != 0 {
			t.Errorf("%d pages", len(ann.seen()))
		}
		mu.Lock()
		busy = false
		mu.Unlock()
		rest(30 * time.Second)
		ann.hasEverything()
		if ann.missed() != 0 {
			t.Errorf("%d gaps", ann.missed())
		}
		if e := ann.entry(first.Seq); e.GetText() != tale(1000) || !e.GetPinned() {
			t.Errorf("what was pinned while she was behind came as %v", e)
		}

		// Who never proves is not sent for ever.
		mu.Lock()
		busy = true
		mu.Unlock()
		v.says(v.bob, "are you there?")
		rest(2 * time.Minute)
		if n := v.server.Streams(); n != 0 {
			t.Errorf("%d streams", n)
		}
	})
}

func TestTheBannedGetNothingMore(t *testing.T) {
	for what, remove := range map[string]func(v *village, who group.AnyHash) error{
		"ban": func(v *village, who group.AnyHash) error {
			_, err := v.hub.Ban(v.t.Context(), v.bob, valley, group.BanInput{Target: who, Reason: "spam"})
			return err
		},
		"kick": func(v *village, who group.AnyHash) error {
			_, err := v.hub.Kick(v.t.Context(), v.bob, valley, group.KickInput{Target: who, Reason: "spam"})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			inVillage(t, moderation.Policy{}, func(v *village) {
				t := v.t
				ann, cal := v.villager(2, "Ann", in(group.DeliverPush)), v.villager(3, "Cal", in(group.DeliverFetch))
				l := cal.listens(always)
				v.says(v.bob, "hello")
				rest(time.Minute)
				if len(ann.seen()) != 1 || len(cal.seen()) != 1 {
					t.Fatalf("%d and %d pages", len(ann.seen()), len(cal.seen()))
				}
				for _, who := range []*villager{ann, cal} {
					if err := remove(v, group.AnyHash(who.Identity)); err != nil {
						t.Fatal(err)
					}
				}
				seen := len(ann.seen())
				v.says(v.bob, "now that they are gone")
				rest(time.Minute)
				if len(ann.seen()) != seen || len(cal.seen()) > 2 || v.server.Streams() != 0 {
					t.Errorf("%d and %d pages, %d streams", len(ann.seen()), len(cal.seen()), v.server.Streams())
				}
				for _, text := range cal.reads() {
					if text == "now that they are gone" {
						t.Error("Cal read on")
					}
				}
				if code := cal.subscribes(l, &groupdv1.SubscribeRequest{}).GetStatus().GetCode(); code != groupdv1.Code_BANNED {
					t.Errorf("again: %v", code)
				}
			})
		})
	}
}

func TestALiveReaderWithoutEventsIsWokenByPostsOnly(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverFetch))
		ann.listens(always, func(q *groupdv1.SubscribeRequest) { q.NoEvents, q.Headlines = true, true })
		if _, err := v.hub.UpdateTopic(t.Context(), v.bob, valley, "weather"); err != nil {
			t.Fatal(err)
		}
		if _, err := v.hub.UpdateTopic(t.Context(), v.bob, valley, "rain"); err != nil {
			t.Fatal(err)
		}
		rest(time.Second)
		v.says(v.bob, "it rains\nand rains")
		rest(time.Second)
		var filtered uint32
		for _, p := range ann.seen() {
			filtered += p.GetFiltered()
		}
		if texts := ann.reads(); len(texts) != 1 || texts[0] != "it rains" || filtered != 2 {
			t.Errorf("she reads %q, %d were left out", texts, filtered)
		}
	})
}

// fakeLine is a link that a test looks at.
type fakeLine struct {
	id    byte
	sent  chan []byte
	prove chan error
}

func (l *fakeLine) key() rns.LinkID { return rns.LinkID{l.id} }
func (l *fakeLine) room() int       { return 431 }
func (l *fakeLine) way() string     { return "wire" }

func (l *fakeLine) Turn(context.Context) (leave func(), err error) { return func() {}, nil }

func (l *fakeLine) deliver(ctx context.Context, data []byte) error {
	select {
	case l.sent <- data:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-l.prove:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestOnlySoManyLinksAreLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		h := newFake(3)
		s := newServer(t, h)
		on := func(link int, who byte) groupdv1.Code {
			l := &lineOf{deadLine{}, rns.LinkID{byte(link), byte(link >> 8)}}
			out, _ := s.handle(ctx, group.Caller{Identity: id(who), PublicKey: adaKeys().PublicKey()}, l, Prefix+"/subscribe", msgpack.Nil(), BasePacket)
			return statusOfReply(t, onlyStatusOf(t, out)).GetCode()
		}
		for i := range MaxStreamsEach + 3 {
			if code := on(i, 1); code != groupdv1.Code_OK {
				t.Fatal(code)
			}
		}
		synctest.Wait()
		if n := s.Streams(); n != MaxStreamsEach {
			t.Errorf("one identity has %d", n)
		}
		for i, v := range s.audience.streams { // it is the oldest that ends
			if want := (rns.LinkID{byte(3 + i)}); v.line.key() != want {
				t.Errorf("link %d of one identity is %x, not %x", i, v.line.key(), want)
			}
		}
		for i := range MaxStreams - MaxStreamsEach {
			if code := on(100+i, byte(2+i/MaxStreamsEach)); code != groupdv1.Code_OK {
				t.Fatalf("%d: %v", i, code)
			}
		}
		if code := on(9999, 200); code != groupdv1.Code_FULL {
			t.Errorf("one more: %v", code)
		}
		if code := on(101, 2); code != groupdv1.Code_OK {
			t.Errorf("again on a link: %v", code)
		}
		synctest.Wait()
		on100, on101 := 0, 0
		for _, v := range s.audience.streams {
			switch v.line.key() {
			case rns.LinkID{100}:
				on100++
			case rns.LinkID{101}:
				on101++
			}
		}
		if on100 != 1 || on101 != 1 {
			t.Errorf("asking again on a link: it has %d streams, and another one of the same person %d", on101, on100)
		}
		if n := s.Streams(); n != MaxStreams {
			t.Errorf("%d streams", n)
		}
		cancel()
		synctest.Wait()
		if n := s.Streams(); n != 0 {
			t.Errorf("%d streams after the end", n)
		}
	})
}

// lineOf is a dead line with an id.
type lineOf struct {
	deadLine
	id rns.LinkID
}

func (l lineOf) key() rns.LinkID { return l.id }

// onlyStatusOf leaves a reply's status.
func onlyStatusOf(t *testing.T, out msgpack.Raw) msgpack.Raw {
	t.Helper()
	b, _ := out.Bin()
	return msgpack.Bin(onlyStatus(t, b))
}

func TestALivePageWaitsForTheAir(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var charged []string
		free := time.Now().Add(time.Minute)
		s, err := New(Config{
			Hub: newFake(3), Group: "main",
			Air: func(string, int) time.Duration { return time.Until(free) },
			Answered: func(iface string, who group.IdentityHash, n int) {
				charged = append(charged, fmt.Sprint(iface, who == id(1), n > 50))
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		l := &fakeLine{id: 1, sent: make(chan []byte, 9), prove: make(chan error)}
		began := time.Now()
		s.handle(ctx, ada(), l, Prefix+"/subscribe", msgpack.Bin(mustMarshal(&groupdv1.SubscribeRequest{AfterRev: proto.Uint64(0)})), BasePacket)
		first := <-l.sent
		if waited := time.Since(began); waited < time.Minute || waited > time.Minute+time.Second {
			t.Errorf("it came after %v", waited)
		}
		l.prove <- errUnproved
		second := <-l.sent
		if waited := time.Since(began); string(first) != string(second) || waited < time.Minute+liveRetry {
			t.Errorf("again after %v", waited)
		}
		l.prove <- nil
		synctest.Wait()
		if len(charged) != 2 || charged[0] != "wiretrue true" {
			t.Errorf("charged %q", charged)
		}
		s.Changed()
		synctest.Wait()
		if len(l.sent) != 0 {
			t.Error("a page without anything in it")
		}
	})
}

func TestLivePagesInJSONAndWithoutALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := newServer(t, newFake(3))
		l := &fakeLine{id: 1, sent: make(chan []byte, 9), prove: make(chan error)}
		s.handle(ctx, ada(), l, Prefix+"/subscribe", msgpack.Str(`{"after_rev":"3"}`), BasePacket)
		page := string(<-l.sent)
		m := &groupdv1.MessagesReply{}
		if err := (form{json: true}).decode([]byte(page), m); err != nil || len(m.GetView().GetEntries()) == 0 || len(page) > 431 {
			t.Errorf("%q: %v", page, err)
		}
		l.prove <- errors.New("over")
		synctest.Wait()
		if s.Streams() != 0 {
			t.Error("a stream without a link")
		}
		out := s.Handle(ctx, ada(), Prefix+"/subscribe", msgpack.Nil(), BasePacket)
		if code := statusOfReply(t, onlyStatusOf(t, out)).GetCode(); code != groupdv1.Code_UNSUPPORTED {
			t.Errorf("without a link: %v", code)
		}
	})
}

// TestLivePagesThatTripTheServerEndForTheirReaderAlone: the others read on, and he can ask for them again.
func TestLivePagesThatTripTheServerEndForTheirReaderAlone(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		ann, cal := v.villager(2, "Ann", in(group.DeliverFetch)), v.villager(3, "Cal", in(group.DeliverFetch))
		tripped := false
		v.server.air = func(string, int) time.Duration {
			if !tripped {
				tripped = true
				panic("a bug of ours")
			}
			return 0
		}
		ann.listens(always)
		rest(time.Second)
		cal.listens(always)
		v.says(v.bob, "the bridge is out")
		rest(time.Second)
		cal.hasEverything()
		if n := v.server.Streams(); n != 1 {
			v.t.Errorf("%d streams", n)
		}
	})
}

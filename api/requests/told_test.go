package requests

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
)

// Whatever happens, who is pushed and who follows live hold what the server holds, without ever asking, but for what came shortened.
func TestThePushedAndTheLiveHoldWhatTheServerHolds(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inVillage(t, moderation.Policy{}, func(v *village) { toldOfEverything(v, rand.New(rand.NewPCG(seed, 11))) })
		})
	}
}

func toldOfEverything(v *village, r *rand.Rand) {
	t := v.t
	l := &life{t: t, r: r, hub: v.hub.Hub, store: v.store, boss: v.bob}
	for i := range 4 {
		c := person(fmt.Sprint("villager ", i))
		v.join(c, fmt.Sprint("villager ", i))
		l.crowd = append(l.crowd, c)
	}
	for n := range 30 {
		l.step(n)
	}
	ann, cal := v.villager(2, "Ann", in(group.DeliverPush)), v.villager(3, "Cal", in(group.DeliverFetch))
	readers := []*villager{ann, cal}
	cal.listens(func() bool { return !cal.deaf.Load() })
	for _, a := range readers { // what was before they ask for
		rest(time.Minute)
		a.mu.Lock()
		a.mirror.cursor, a.mirror.complete = 0, 0
		a.mirror.sync(t, v.server, a.Caller, r, func() {})
		a.mu.Unlock()
	}
	for n := range 150 {
		l.step(100 + n)
		for _, a := range readers {
			if r.IntN(8) == 0 {
				_, err := v.hub.React(t.Context(), a.Caller, valley, group.ReactInput{Seq: group.Seq(1 + r.IntN(n+30)), Text: "👍"})
				if err != nil && !group.Refused(err) {
					t.Fatal(err)
				}
			}
			if r.IntN(10) == 0 {
				v.says(a.Caller, "I am here, too")
			}
		}
		ann.deaf.Store(r.IntN(6) == 0)
		cal.deaf.Store(ann.deaf.Load() && n%2 == 0)
		rest(time.Duration(r.IntN(8)*r.IntN(8)) * 100 * time.Millisecond)
		if cal.deaf.Load() {
			rest(5 * time.Second)
			cal.deaf.Store(false)
			rest(20 * time.Second) // until the page comes again
		}
	}
	ann.deaf.Store(false)
	rest(time.Hour)
	v.says(v.bob, "good night")
	rest(time.Hour)
	for _, a := range readers {
		a.mu.Lock()
		if a.gaps != 0 {
			t.Errorf("%d gaps", a.gaps)
		}
		for _, seq := range a.mirror.cut {
			if e := a.mirror.entries[seq]; e != nil && e.GetFullLength() > 0 {
				a.mirror.apply(openReply(t, askFor(t, v.server, a.Caller, &groupdv1.MessagesRequest{Seqs: []uint64{seq}, MaxBytes: e.GetFullLength() + 4096})))
			}
		}
		have := a.mirror.lines()
		lines, members := truth(t, v.store, a.Caller)
		for seq, line := range lines {
			if have[seq] != line {
				t.Errorf("%d is\n     %s\nwant %s", seq, have[seq], line)
			}
		}
		if len(have) != len(lines) {
			t.Errorf("%d entries, want %d", len(have), len(lines))
		}
		for id, line := range members {
			if got := memberLine(a.mirror.members[id]); got != line {
				t.Errorf("the member is\n     %s\nwant %s", got, line)
			}
		}
		head, _, err := v.hub.Follow(t.Context(), a.Caller, valley)
		if err != nil || a.mirror.cursor != uint64(head.Rev) {
			t.Errorf("the cursor is %d of %d, %v", a.mirror.cursor, head.Rev, err)
		}
		a.mu.Unlock()
	}
}

func TestABatchBeginsLivePages(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverFetch))
		l := ann.listens(always)
		ann.subscribes(l, &groupdv1.SubscribeRequest{Off: true})
		reply := &groupdv1.BatchReply{}
		ann.asks(l, "/batch", &groupdv1.BatchRequest{Items: []*groupdv1.BatchRequest_Item{
			{Path: "/messages", Data: mustMarshal(&groupdv1.MessagesRequest{AfterRev: proto.Uint64(0)})},
			{Path: "/subscribe", Data: mustMarshal(&groupdv1.SubscribeRequest{})},
		}}, reply)
		if len(reply.GetItems()) != 2 || v.server.Streams() != 1 {
			t.Fatalf("%v, %d streams", reply, v.server.Streams())
		}
		v.says(v.bob, "hello")
		rest(time.Second)
		if texts := ann.reads(); len(texts) != 1 || texts[0] != "hello" {
			t.Errorf("she reads %q", texts)
		}
	})
}

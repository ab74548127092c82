package requests

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/moderation"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/rnstest"
)

// countingHub counts how often the timeline is read.
type countingHub struct {
	*group.Hub
	pages atomic.Int64
}

func (h *countingHub) Messages(ctx context.Context, c group.Caller, g group.GroupID, q group.Query) (group.Page, error) {
	h.pages.Add(1)
	return h.Hub.Messages(ctx, c, g, q)
}

func TestAPushMemberIsSentWhatIsNewPageByPage(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverPush))
		for i := range 40 {
			v.says(v.bob, tale(i))
		}
		long := v.says(v.bob, longTale())
		rest(time.Minute)
		packets, gaps := ann.counts()
		if packets < 3 || packets > 20 || gaps != 0 {
			t.Errorf("%d packets, %d gaps", packets, gaps)
		}
		ann.hasEverything()
		if e := ann.entry(long.Seq); e.GetFullLength() == 0 || len(e.GetText()) < 100 {
			t.Errorf("the long one is %v", e)
		}
		t.Logf("%d packets", packets)

		// What is deleted, edited, or gets a reaction comes along; texts that she has do not come again. A reaction alone is worth no packet.
		if _, err := v.hub.React(t.Context(), v.bob, valley, group.ReactInput{Seq: long.Seq - 1, Text: "👍"}); err != nil {
			t.Fatal(err)
		}
		rest(time.Minute)
		if after, _ := ann.counts(); after != packets {
			t.Errorf("%d packets for a reaction", after-packets)
		}
		if _, err := v.hub.Delete(t.Context(), v.bob, valley, group.DeleteInput{Seqs: []group.Seq{long.Seq}}); err != nil {
			t.Fatal(err)
		}
		rest(time.Minute)
		v.says(v.bob, "one more")
		rest(time.Minute)
		ann.hasEverything()
		if after, gaps := ann.counts(); after > packets+2 || gaps != 0 {
			t.Errorf("%d packets more, %d gaps", after-packets, gaps)
		}
		if e := ann.entry(long.Seq - 1); len(e.GetReactions()) != 1 || e.GetText() != tale(39) {
			t.Errorf("after the reaction: %v", e)
		}
		if n := strings.Count(strings.Join(ann.reads(), "\n"), tale(39)); n != 1 {
			t.Errorf("her text came %d times", n)
		}
	})
}

func TestOnesOwnPostsRideAlongWithOthers(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverPush))
		hello := v.says(ann.Caller, "hello, I am Ann")
		rest(time.Minute)
		v.says(ann.Caller, "is anybody here?")
		rest(time.Minute)
		if n, _ := ann.counts(); n != 0 {
			t.Errorf("%d packets with one's own posts", n)
		}
		v.says(v.bob, "hello Ann")
		rest(time.Minute)
		if n, gaps := ann.counts(); n != 1 || gaps != 0 {
			t.Errorf("%d packets, %d gaps", n, gaps)
		}
		ann.hasEverything()
		if _, err := v.hub.Delete(t.Context(), v.bob, valley, group.DeleteInput{Seqs: []group.Seq{hello.Seq}}); err != nil {
			t.Fatal(err)
		}
		rest(time.Minute)
		if n, _ := ann.counts(); n != 2 || !ann.entry(hello.Seq).GetDeleted() {
			t.Errorf("%d packets: she is not told that another deleted what she wrote", n)
		}
	})
}

func TestFiftyPostsAreOneNotice(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverNotify))
		for i := range 50 {
			v.says(v.bob, fmt.Sprintf("number %d", i))
			rest(50 * time.Millisecond)
		}
		v.says(ann.Caller, "so many!")
		rest(5 * time.Minute)
		head, gen, err := v.hub.Follow(t.Context(), ann.Caller, valley)
		if err != nil {
			t.Fatal(err)
		}
		if len(ann.told()) != 1 || ann.told()[0] != (groupdv1.News{Generation: uint64(gen), New: 50, Seq: uint64(head.Seq - 1)}) && ann.told()[0].Seq != uint64(head.Seq) {
			t.Errorf("notices %+v", ann.told())
		}
		if len(ann.first()) > 90 {
			t.Errorf("a notice of %d bytes", len(ann.first()))
		}
		// Who comes and goes is nothing to be woken for; more than can be counted is told as such.
		v.villager(3, "Cal", in(group.DeliverFetch))
		rest(5 * time.Minute)
		if len(ann.told()) != 1 {
			t.Errorf("notices %+v", ann.told())
		}
		ann.prefers(group.NotificationsInput{Paused: proto.Bool(true)})
		for i := range 130 {
			v.says(v.bob, fmt.Sprintf("number %d", i))
		}
		ann.prefers(group.NotificationsInput{Paused: proto.Bool(false)})
		rest(5 * time.Minute)
		if n := ann.told()[len(ann.told())-1]; len(ann.told()) != 2 || n.New < groupdv1.MaxNews-1 {
			t.Errorf("notices %+v", ann.told())
		}
	})
}

func TestWhoWantsMentionsOnlyIsToldOfThoseAlone(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverPush, mentionsOnly))
		cal := v.villager(3, "Cal", in(group.DeliverNotify, mentionsOnly))
		own := v.says(ann.Caller, "who has a spare antenna, Cal?")
		rest(10 * time.Minute)
		for i := range 30 {
			v.says(v.bob, fmt.Sprintf("about Annapolis and calories, part %d", i))
		}
		rest(10 * time.Minute)
		if n, _ := ann.counts(); n != 0 {
			t.Errorf("Ann was sent %q", ann.reads())
		}
		v.post(v.bob, group.PostInput{Text: []byte("I have one"), Ref: own.Seq})
		rest(10 * time.Minute)
		v.says(v.bob, "@ann come by")
		v.says(v.bob, "Cal can come too")
		rest(10 * time.Minute)
		if texts := ann.reads(); len(texts) != 2 || texts[0] != "I have one" || texts[1] != "@ann come by" {
			t.Errorf("Ann was sent %q", texts)
		}
		if first := ann.seen()[0]; first.GetFiltered() < 30 {
			t.Errorf("her first page left out %d", first.GetFiltered())
		}
		if len(cal.told()) != 2 || cal.told()[0].New != 1 || cal.told()[1].New != 1 {
			t.Errorf("Cal was told %+v", cal.told())
		}
	})
}

func TestAnEmergencyPassesQuietHoursAndComesBeforeTheRest(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		quiet := func(n *group.NotificationsInput) {
			n.Quiet = &group.QuietHours{From: 0, Until: 23*time.Hour + 59*time.Minute} // bubbles begin at midnight
		}
		ann, cal := v.villager(2, "Ann", in(group.DeliverPush, quiet)), v.villager(3, "Cal", in(group.DeliverNotify, quiet))
		for i := range 60 {
			v.says(v.bob, tale(i))
		}
		rest(10 * time.Minute)
		if a, _ := ann.counts(); a != 0 || len(cal.told()) != 0 {
			t.Errorf("in quiet hours %d packets and %d notices came", a, len(cal.told()))
		}
		v.post(v.bob, group.PostInput{Text: []byte("the dam breaks"), Emergency: true})
		rest(10 * time.Minute)
		if texts := ann.reads(); len(texts) != 1 || texts[0] != "the dam breaks" {
			t.Errorf("Ann was sent %q", texts)
		}
		if e := ann.seen()[0].GetEntries()[0]; !e.GetEmergency() || ann.seen()[0].GetFromRev() != ann.seen()[0].GetToRev() {
			t.Errorf("it came as %v", ann.seen()[0])
		}
		if len(cal.told()) != 1 || !cal.told()[0].Emergency {
			t.Errorf("Cal was told %+v", cal.told())
		}
		rest(24 * time.Hour)
		ann.hasEverything()
	})
}

func TestAnEmergencyThatWasTakenBackOrIsOnesOwnWakesNobody(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverFetch))
		st, err := v.hub.Standing(t.Context(), ann.Caller, valley)
		if err != nil {
			t.Fatal(err)
		}
		wakes := func(what string, want bool, after group.Rev) {
			t.Helper()
			p, err := v.notify.Prepare(t.Context(), delivery.Recipient{Group: valley, Member: *st.Member, After: after, Emergency: true}, delivery.Way{Hops: 1})
			if err != nil || (p.Bytes > 0) != want {
				t.Errorf("%s: %d bytes, %v", what, p.Bytes, err)
			}
		}
		alarm := v.post(v.bob, group.PostInput{Text: []byte("the dam breaks"), Emergency: true})
		if _, err := v.hub.UpdatePermissions(t.Context(), v.bob, valley, group.PermissionsInput{Target: group.AnyHash(ann.Identity), Add: moderation.PermEmergency}); err != nil {
			t.Fatal(err)
		}
		wakes("another's", true, alarm.Rev-1)
		if _, err := v.hub.Delete(t.Context(), v.bob, valley, group.DeleteInput{Seqs: []group.Seq{alarm.Seq}}); err != nil {
			t.Fatal(err)
		}
		rest(2 * shelfFor)
		wakes("taken back", false, alarm.Rev-1)
		own := v.post(ann.Caller, group.PostInput{Text: []byte("fire in the barn"), Emergency: true})
		wakes("her own", false, own.Rev-1)
	})
}

func TestOverARadioEachPacketIsSentOnce(t *testing.T) {
	const members, bitrate = 40, 3125 // SF8 at 125 kHz
	radio := delivery.Interface{Name: "radio", Up: true, Bitrate: bitrate, Share: 0.5}
	o := ifacetest.Options{Bitrate: bitrate, HalfDuplex: true}
	inVillageOver(t, radio, o, moderation.Policy{}, func(v *village) {
		t := v.t
		var all []*villager
		for i := range members {
			all = append(all, v.villager(byte(2+i), fmt.Sprintf("Ann %d", i), in(group.DeliverPush)))
			rest(10 * time.Second)
		}
		rest(6 * time.Hour) // the joins were pushed, too
		var before []int
		for _, a := range all {
			n, _ := a.counts()
			before = append(before, n)
		}
		frames, began := v.medium.Stats().Frames, time.Now()
		v.says(v.bob, "the bridge is open again")
		rest(10 * time.Second)
		last := time.Now()
		for i, a := range all {
			for n, _ := a.counts(); n == before[i]; n, _ = a.counts() {
				if time.Since(began) > time.Hour {
					t.Fatalf("Ann %d was sent nothing", i)
				}
				rest(time.Second)
				last = time.Now()
			}
		}
		parcel := delivery.Parcel{Bytes: onAir(len(all[0].first()), 1), Packets: 1, Proofs: 1}
		_, each := radio.Cost(parcel)
		most := time.Duration(members * float64(each) / radio.Share * 1.1)
		if took := last.Sub(began); took > most {
			t.Errorf("it took %v, at most %v was right", took, most)
		}
		rest(30 * time.Minute)
		if n := v.medium.Stats().Frames - frames; n > 2*members+4 {
			t.Errorf("%d frames for %d packets and their proofs", n, members)
		}
		for i, a := range all {
			if n, _ := a.counts(); n != before[i]+1 {
				t.Errorf("Ann %d was sent %d packets", i, n-before[i])
			}
		}
	})
}

func TestWhoProvesNothingIsSentTheSameAgainLater(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		ann := v.villager(2, "Ann", in(group.DeliverPush))
		ann.deaf.Store(true)
		v.says(v.bob, "can you hear me?")
		rest(90 * time.Second)
		ann.deaf.Store(false)
		rest(10 * time.Minute)
		if n, gaps := ann.counts(); n != 1 || gaps != 0 {
			t.Errorf("%d packets, %d gaps", n, gaps)
		}
		ann.hasEverything()
	})
}

func TestHistoryThatIsHiddenFromAMemberIsNotPushed(t *testing.T) {
	for what, touch := range map[string]func(v *village, seq group.Seq) error{
		"when somebody reacts to it": func(v *village, seq group.Seq) error {
			_, err := v.hub.React(v.t.Context(), v.bob, valley, group.ReactInput{Seq: seq, Text: "👍"})
			return err
		},
		"when it is pinned": func(v *village, seq group.Seq) error {
			_, err := v.hub.Pin(v.t.Context(), v.bob, valley, seq, false)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			inVillage(t, moderation.Policy{History: moderation.HistoryStay}, func(v *village) {
				t := v.t
				old := v.says(v.bob, "before Ann came")
				ann := v.villager(2, "Ann", in(group.DeliverPush))
				if err := touch(v, old.Seq); err != nil {
					t.Fatal(err)
				}
				v.says(v.bob, "welcome")
				rest(time.Minute)
				if texts := ann.reads(); len(texts) != 1 || texts[0] != "welcome" {
					t.Errorf("Ann was sent %q", texts)
				}
			})
		})
	}
}

func TestOnePageIsMadeForAllMembers(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		t := v.t
		v.says(v.bob, "hello")
		page, err := v.hub.Messages(t.Context(), v.bob, valley, group.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, courier := range []delivery.Courier{v.push, v.notify} {
			before := v.hub.pages.Load()
			var first delivery.Parcel
			for i := range 1000 {
				m := group.Member{Identity: group.IdentityHash{byte(i), byte(i >> 8), 1}, PublicKey: rnstest.Identity(t, byte(i)).Public().PublicKey(), DisplayName: "somebody"}
				p, err := courier.Prepare(t.Context(), delivery.Recipient{Group: valley, Member: m, After: page.Head.Rev - 1}, delivery.Way{Hops: 1})
				if err != nil || p.To != page.Head.Rev || p.Bytes == 0 {
					t.Fatalf("%+v, %v", p, err)
				}
				if i == 0 {
					first = p
				} else if string(p.Payload.(*notice).data) != string(first.Payload.(*notice).data) {
					t.Fatal("another packet")
				}
			}
			if n := v.hub.pages.Load() - before; n > 3 {
				t.Errorf("%d pages were read for 1000 members", n)
			}
		}
	})
}

func TestCouriersRememberSoManyMembersAndNoMore(t *testing.T) {
	r := newReaders()
	for i := range maxReaders + 10 {
		r.note(group.IdentityHash{byte(i), byte(i >> 8), byte(i >> 16)}, func(one *reader) { one.complete = 1 })
	}
	if len(r.known) != maxReaders || r.forgotten != 10 {
		t.Errorf("%d known, %d forgotten", len(r.known), r.forgotten)
	}
}

// TestAServerThatStopsWhileItLooksForAMemberHasNotFailedToReachHim: else each restart would count as an attempt, and after a few of
// them he would be given up until he is heard.
func TestAServerThatStopsWhileItLooksForAMemberHasNotFailedToReachHim(t *testing.T) {
	inVillage(t, moderation.Policy{}, func(v *village) {
		away := delivery.Parcel{Payload: &notice{to: rnstest.Identity(v.t, 77).Public(), data: []byte("news")}}
		if o := v.push.Carry(v.t.Context(), away); o != delivery.Unreached {
			v.t.Errorf("who is away is %v", o)
		}
		stopping, stop := context.WithCancel(v.t.Context())
		time.AfterFunc(pathWithin/2, stop)
		if o := v.push.Carry(stopping, away); o != delivery.NotProved {
			v.t.Errorf("when we stop he is %v", o)
		}
	})
}

package delivery_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/delivery"
	"groupd/group/memory"
)

func TestARelayMemberOnAWireHasAPostWithinSeconds(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverRelay})[0]
		w.restart()
		rev := w.post(group.PostInput{})
		time.Sleep(3 * time.Second)
		got := w.couriers[group.DeliverRelay].of(ann)
		if len(got) != 1 || got[0].to != rev || got[0].way.Slow || got[0].way.MaxBytes != 0 || got[0].way.Hops != 1 {
			t.Errorf("%+v", got)
		}
		time.Sleep(time.Hour)
		if n := len(w.couriers[group.DeliverRelay].of(ann)); n != 1 {
			t.Errorf("%d parcels in a quiet hour", n)
		}
	})
}

// TestAPostThatTripsACourierHoldsUpNobodyElse: not all who are to be told, and not the server.
func TestAPostThatTripsACourierHoldsUpNobodyElse(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ids := w.members(0, 2, group.Preferences{Mode: group.DeliverRelay})
		c := w.couriers[group.DeliverRelay]
		size := c.size
		c.size = func(r delivery.Recipient) delivery.Parcel {
			if r.Member.Identity == ids[0] {
				panic("a bug of ours")
			}
			return size(r)
		}
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		if n, m := len(c.of(ids[0])), len(c.of(ids[1])); n != 0 || m != 1 {
			t.Errorf("%d parcels for whom it trips, %d for the other", n, m)
		}
	})
}

// TestAParcelThatTripsItsCourierOnTheWayHoldsUpNobodyElse, and is tried again less and less often, as one that nobody proves.
func TestAParcelThatTripsItsCourierOnTheWayHoldsUpNobodyElse(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ids := w.members(0, 2, group.Preferences{Mode: group.DeliverRelay})
		c := w.couriers[group.DeliverRelay]
		tries := 0
		c.ends(func(r delivery.Recipient) delivery.Outcome {
			if r.Member.Identity == ids[0] {
				tries++
				panic("a bug of ours")
			}
			return delivery.Proved
		})
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		if n := len(c.of(ids[1])); n != 1 {
			t.Errorf("%d parcels for the other", n)
		}
		time.Sleep(24 * time.Hour)
		if st := w.scheduler.Stats(); tries != 6 || st.Failed != 6 || st.NotProved != 6 || st.Proved != 1 {
			t.Errorf("%d tries, %+v", tries, st)
		}
		c.ends(nil)
		w.scheduler.Heard(ids[0])
		time.Sleep(time.Minute)
		if n := len(c.of(ids[0])); n != 1 {
			t.Errorf("%d parcels once it trips no more", n)
		}
	})
}

// watched is a store that says when somebody reads members' rows, before it hands them out.
type watched struct {
	group.Store
	reads func()
}

type watchedTx struct {
	group.ReadTx
	reads func()
}

func (s *watched) View(ctx context.Context, f func(group.ReadTx) error) error {
	return s.Store.View(ctx, func(tx group.ReadTx) error { return f(watchedTx{tx, s.reads}) })
}

func (t watchedTx) Deliveries(g group.GroupID, after group.IdentityHash, limit int) ([]group.Delivery, error) {
	rows, err := t.ReadTx.Deliveries(g, after, limit)
	t.reads()
	return rows, err
}

func (t watchedTx) Group(g group.GroupID) (group.Group, error) {
	row, err := t.ReadTx.Group(g)
	t.reads()
	return row, err
}

func (t watchedTx) Head(g group.GroupID) (group.Head, error) {
	h, err := t.ReadTx.Head(g)
	t.reads()
	return h, err
}

// TestAGroupThatIsClosedWhileItsMembersAreReadStaysClosed: nothing of it is left for the next one of that name.
func TestAGroupThatIsClosedWhileItsMembersAreReadStaysClosed(t *testing.T) {
	for at := range 3 { // the rows, the share, what is new
		synctest.Test(t, func(t *testing.T) {
			store := &watched{memory.New(), func() {}}
			w := newWorld(t, store, wire())
			w.members(0, 3, group.Preferences{Mode: group.DeliverRelay})
			reads := 0
			store.reads = func() {
				if reads++; reads == at+1 {
					w.scheduler.Close(main)
				}
			}
			w.run()
			time.Sleep(time.Minute)
			if mode := w.scheduler.ModeFor(main, wire().Name); mode != group.DeliverFetch {
				t.Errorf("who joins now is told by %v", mode)
			}
			if st := w.scheduler.Status(); len(st.Groups) != 0 {
				t.Errorf("closed at the read %d: %+v", at, st.Groups)
			}
			w.stop()
		})
	}
}

func TestReactionsAndProfilesMakeNoParcels(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ids := w.members(0, 2, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		r, err := w.hub.Post(w.t.Context(), operator(), main, group.PostInput{Text: []byte("hello")})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		status := "up the hill"
		if _, err := w.hub.UpdateProfile(w.t.Context(), group.Caller{Identity: ids[0]}, main, group.ProfileInput{Status: &status}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := len(w.couriers[group.DeliverPush].of(ids[1])); n != 1 {
			t.Errorf("%d parcels", n)
		}
		if _, err := w.hub.Delete(w.t.Context(), operator(), main, group.DeleteInput{Seqs: []group.Seq{r.Seq}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(w.couriers[group.DeliverPush].of(ids[1])); n != 2 {
			t.Errorf("%d parcels after a deletion", n)
		}
	})
}

func TestQuietHoursAreKeptAndEmergenciesPassThem(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) { // it is midnight
		quiet := group.QuietHours{From: 22 * time.Hour, Until: 7 * time.Hour}
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverPush, Quiet: quiet})[0]
		bob := w.members(1, 1, group.Preferences{Mode: group.DeliverPush, Quiet: group.QuietHours{From: 22 * time.Hour, Until: 7 * time.Hour, Offset: 8 * time.Hour}})[0]
		w.restart()
		w.post(group.PostInput{})
		push := w.couriers[group.DeliverPush]
		time.Sleep(6*time.Hour + 59*time.Minute)
		if n := len(push.of(ann)); n != 0 {
			t.Errorf("%d parcels in quiet hours", n)
		}
		if n := len(push.of(bob)); n != 1 {
			t.Errorf("%d parcels where it is day", n)
		}
		time.Sleep(5 * time.Minute)
		if n := len(push.of(ann)); n != 1 {
			t.Errorf("%d parcels in the morning", n)
		}
		time.Sleep(17 * time.Hour)
		w.post(group.PostInput{Emergency: true})
		time.Sleep(10 * time.Second)
		got := push.of(ann)
		if len(got) != 2 || !got[1].Emergency {
			t.Errorf("an emergency at midnight: %+v", got)
		}
		w.post(group.PostInput{})
		time.Sleep(time.Hour)
		if n := len(push.of(ann)); n != 2 {
			t.Errorf("%d parcels: no emergency any more", n)
		}
	})
}

func TestADigestComesOncePerInterval(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverDigest, DigestEvery: 2 * time.Hour})[0]
		w.restart()
		for range 5 * 12 {
			w.post(group.PostInput{})
			time.Sleep(5 * time.Minute)
		}
		got := w.couriers[group.DeliverDigest].of(ann)
		if len(got) != 2 || got[0].at < 2*time.Hour || got[1].at < got[0].at+2*time.Hour {
			t.Errorf("%d digests in five hours: %+v", len(got), got)
		}
		w.stop()
		time.Sleep(90 * time.Minute) // two and a half hours after the last one
		w.run()
		time.Sleep(time.Minute)
		if n := len(w.couriers[group.DeliverDigest].of(ann)); n != 3 {
			t.Errorf("%d digests after a restart", n)
		}
	})
}

// "every 6 h" is what the welcome says, and it holds for the first one: neither what is told of his joining nor a preference that he
// sets makes it come at once.
func TestTheFirstDigestOfANewMemberComesAfterItsInterval(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		key := make([]byte, 64)
		key[8] = 77
		ann, err := group.IdentityOf(key)
		if err != nil {
			t.Fatal(err)
		}
		c := group.Caller{Identity: ann, PublicKey: key}
		if _, err := w.hub.Join(w.t.Context(), c, main, group.JoinInput{Name: "Ann", Mode: group.DeliverDigest}); err != nil {
			t.Fatal(err)
		}
		w.post(group.PostInput{})
		time.Sleep(time.Hour)
		yes := true
		if _, err := w.hub.UpdateNotifications(w.t.Context(), c, main, group.NotificationsInput{TextOnly: &yes}); err != nil {
			t.Fatal(err)
		}
		w.post(group.PostInput{})
		time.Sleep(4*time.Hour + 59*time.Minute)
		if n := len(w.couriers[group.DeliverDigest].of(ann)); n != 0 {
			t.Errorf("%d digests before the first six hours are over", n)
		}
		time.Sleep(2 * time.Minute)
		if n := len(w.couriers[group.DeliverDigest].of(ann)); n != 1 {
			t.Errorf("%d digests after six hours", n)
		}
	})
}

func TestWhoDoesNotAnswerIsLeftAloneUntilHeard(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		push := w.couriers[group.DeliverPush]
		push.ends(func(delivery.Recipient) delivery.Outcome { return delivery.NotProved })
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverPush})[0]
		w.restart()
		rev := w.post(group.PostInput{})
		time.Sleep(24 * time.Hour)
		if n := len(push.of(ann)); n != 6 {
			t.Errorf("%d tries", n)
		}
		if d := w.row(ann); d.State != group.DeliveryWaits || d.Cursor >= rev {
			t.Errorf("%+v", d)
		}
		if s := w.scheduler.Status().Groups[0]; s.Behind != 1 || s.Waiting != 1 || s.Oldest != 0 {
			t.Errorf("%+v", s)
		}
		w.restart() // also after a restart, and for more news
		w.post(group.PostInput{})
		time.Sleep(24 * time.Hour)
		if n := len(push.of(ann)); n != 6 {
			t.Errorf("%d tries", n)
		}
		push.ends(nil)
		w.scheduler.Heard(ann)
		time.Sleep(time.Minute)
		if d := w.row(ann); d.State != group.DeliveryIdle || d.Cursor <= rev || d.Attempts != 0 || len(push.of(ann)) != 7 {
			t.Errorf("%d tries, %+v", len(push.of(ann)), d)
		}
	})
}

func TestWhoIsAwayGetsHisMailAtThePropagationNode(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		relay := w.couriers[group.DeliverRelay]
		relay.ends(func(r delivery.Recipient) delivery.Outcome {
			if r.Node {
				return delivery.LeftAtNode
			}
			return delivery.Unreached
		})
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverRelay, ViaPropagation: true})[0]
		bob := w.members(1, 1, group.Preferences{Mode: group.DeliverRelay})[0]
		w.restart()
		rev := w.post(group.PostInput{})
		time.Sleep(time.Hour)
		got := relay.of(ann)
		if d := w.row(ann); len(got) != 4 || !got[3].Node || d.State != group.DeliveryAtNode || d.Cursor != rev || !d.Proved.IsZero() {
			t.Errorf("%d tries, %+v", len(got), d)
		}
		for _, r := range relay.of(bob) {
			if r.Node {
				t.Error("left at a node that he does not want")
			}
		}
		for range 30 { // more news while he is away: few parcels, all at the node
			w.post(group.PostInput{})
			time.Sleep(time.Minute)
		}
		time.Sleep(time.Hour)
		if n := len(relay.of(ann)) - 4; n < 3 || n > 4 {
			t.Errorf("%d parcels for half an hour", n)
		}
		relay.ends(nil)
		w.scheduler.Heard(ann)
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		got = relay.of(ann)
		if last := got[len(got)-1]; last.Node || last.outcome != delivery.Proved || w.row(ann).State != group.DeliveryIdle {
			t.Errorf("%+v", last)
		}
	})
}

func TestWithoutAPropagationNodeHeIsTriedDirectly(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		relay := w.couriers[group.DeliverRelay]
		relay.ends(func(r delivery.Recipient) delivery.Outcome {
			if r.Node {
				return delivery.NoNode
			}
			return delivery.Unreached
		})
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverRelay, ViaPropagation: true})[0]
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(3 * time.Hour)
		got := relay.of(ann)
		if len(got) != 7 || !got[3].Node || got[4].Node || w.row(ann).State != group.DeliveryWaits {
			t.Errorf("%d tries, %+v", len(got), w.row(ann))
		}
		if i := w.scheduler.Status().Interfaces[0]; i.Spent[delivery.Relay] != 0 {
			t.Errorf("charged for nothing: %v", i.Spent)
		}
	})
}

func TestALargeBacklogOverARadioMovesAMemberToDigestAndTellsHimOnce(t *testing.T) {
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		relay, digest := w.couriers[group.DeliverRelay], w.couriers[group.DeliverDigest]
		relay.size = func(delivery.Recipient) delivery.Parcel {
			return delivery.Parcel{Bytes: 400, Packets: 1, Proofs: 1, Backlog: 100_000}
		}
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverRelay})[0]
		w.restart()
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		if n := len(relay.of(ann)); n != 0 {
			t.Errorf("%d relayed", n)
		}
		if got := digest.of(ann); len(got) != 1 || !got[0].Moved {
			t.Errorf("%+v", got)
		}
		if d := w.row(ann); d.Mode != group.DeliverDigest || d.Moved {
			t.Errorf("%+v", d)
		}
		w.post(group.PostInput{})
		time.Sleep(group.DefaultDigest + time.Hour)
		if got := digest.of(ann); len(got) != 2 || got[1].Moved {
			t.Errorf("told again: %+v", got)
		}
	})
}

func TestARestartGoesOnWhereItEnded(t *testing.T) {
	const members = 300
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		ids := w.members(0, members, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		rev := w.post(group.PostInput{})
		for range 5 {
			time.Sleep(6 * time.Minute)
			w.restart()
		}
		time.Sleep(time.Hour)
		push, twice := w.couriers[group.DeliverPush], 0
		for _, id := range ids {
			switch n := len(push.of(id)); {
			case n == 0:
				t.Fatalf("%s has nothing", id)
			case n > 1:
				twice++
			}
			if d := w.row(id); d.Cursor != rev {
				t.Errorf("%+v", d)
			}
		}
		if twice > 5 {
			t.Errorf("%d members were sent it twice: one per restart is to be expected", twice)
		}
	})
}

func TestJumpsOfTheClockStopNothingAndTellNothingFalse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory.New(), wire())
		push, digest := w.couriers[group.DeliverPush], w.couriers[group.DeliverDigest]
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverPush})[0]
		bob := w.members(1, 1, group.Preferences{Mode: group.DeliverDigest, DigestEvery: time.Hour})[0]
		w.run()
		sent := 0
		for _, year := range []int{1970, 2038, 2026, 1970} {
			w.set(time.Until(time.Date(year, 1, 2, 12, 0, 0, 0, time.UTC)))
			w.post(group.PostInput{})
			time.Sleep(10 * time.Second)
			if sent++; len(push.of(ann)) != sent {
				t.Errorf("%d: %d parcels, not %d", year, len(push.of(ann)), sent)
			}
			if age := w.now().Sub(w.row(ann).Proved); age < 0 || age > time.Minute {
				t.Errorf("%d: proved %v ago", year, age)
			}
			time.Sleep(90 * time.Minute)
			if len(digest.of(bob)) != sent {
				t.Errorf("%d: %d digests", year, len(digest.of(bob)))
			}
			w.restart()
		}
		w.stop()
		// What a row says of the far future is waited for no longer than it can ever take.
		w.set(time.Until(time.Date(2038, 1, 1, 0, 0, 0, 0, time.UTC)))
		w.run()
		push.ends(func(delivery.Recipient) delivery.Outcome { return delivery.NotProved })
		w.post(group.PostInput{})
		time.Sleep(2 * time.Minute)
		w.stop()
		push.ends(nil)
		w.set(time.Until(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)))
		w.run()
		time.Sleep(31 * time.Minute)
		if got := push.of(ann); got[len(got)-1].outcome != delivery.Proved {
			t.Error("still waiting in 1970")
		}
		w.stop()
	})
}

func TestPreferencesTakeEffectAtOnce(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ann := w.members(0, 1, group.Preferences{})[0]
		w.restart()
		caller := group.Caller{Identity: ann}
		set := func(in group.NotificationsInput) {
			t.Helper()
			if _, err := w.hub.UpdateNotifications(w.t.Context(), caller, main, in); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		mode, yes, no := func(m group.DeliveryMode) *group.DeliveryMode { return &m }, true, false
		push, relay := w.couriers[group.DeliverPush], w.couriers[group.DeliverRelay]
		w.post(group.PostInput{})
		set(group.NotificationsInput{Mode: mode(group.DeliverPush)})
		time.Sleep(time.Minute)
		if n := len(push.of(ann)); n != 0 {
			t.Errorf("sent %d of before", n)
		}
		w.post(group.PostInput{})
		time.Sleep(time.Minute)
		set(group.NotificationsInput{Paused: &yes})
		w.post(group.PostInput{})
		time.Sleep(time.Hour)
		if n := len(push.of(ann)); n != 1 {
			t.Errorf("%d parcels, paused after the first", n)
		}
		set(group.NotificationsInput{Paused: &no, Mode: mode(group.DeliverRelay)})
		time.Sleep(time.Minute)
		if n := len(relay.of(ann)); n != 1 {
			t.Errorf("%d relayed after the pause", n)
		}
		days := 48 * time.Hour
		set(group.NotificationsInput{PauseFor: &days})
		w.post(group.PostInput{})
		w.post(group.PostInput{Emergency: true})
		time.Sleep(days - time.Minute)
		if n := len(relay.of(ann)); n != 1 {
			t.Errorf("%d relayed in a pause of two days", n)
		}
		w.restart()
		time.Sleep(5 * time.Minute)
		if n := len(relay.of(ann)); n != 2 {
			t.Errorf("%d relayed after it", n)
		}
		set(group.NotificationsInput{PauseFor: &days})
		w.post(group.PostInput{})
		set(group.NotificationsInput{Paused: &no})
		time.Sleep(time.Minute)
		if n := len(relay.of(ann)); n != 3 {
			t.Errorf("%d relayed after the end of another", n)
		}
		if _, err := w.hub.Leave(w.t.Context(), caller, main); err != nil {
			t.Fatal(err)
		}
		w.post(group.PostInput{})
		time.Sleep(time.Hour)
		if s := w.scheduler.Status().Groups[0]; len(relay.of(ann)) != 3 || s.Members != 0 {
			t.Errorf("%d relayed to who left; %+v", len(relay.of(ann)), s)
		}
	})
}

// Who was not reached before he paused, or waited for a digest that he has given up, is sent what he missed at once when he goes on.
func TestWhoGoesOnAfterAPauseWaitsForNothing(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverRelay, Paused: true})[0]
		row := w.row(ann)
		row.Due, row.State, row.Attempts = w.now().Add(6*time.Hour), group.DeliveryFailed, 4
		if err := w.store.Update(w.t.Context(), func(tx group.Tx) error { return tx.PutDelivery(row) }); err != nil {
			t.Fatal(err)
		}
		w.restart()
		w.post(group.PostInput{})
		no := false
		if _, err := w.hub.UpdateNotifications(w.t.Context(), group.Caller{Identity: ann}, main, group.NotificationsInput{Paused: &no}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if n := len(w.couriers[group.DeliverRelay].of(ann)); n != 1 {
			t.Errorf("%d parcels ten seconds after the pause", n)
		}
	})
}

func TestLostEventsLoseNothing(t *testing.T) {
	inBubble(t, []delivery.Interface{wire()}, func(w *world) {
		ids := w.members(0, 3, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		time.Sleep(time.Minute)
		hold := make(chan struct{})
		w.air.block(hold)
		time.Sleep(time.Minute) // the loop looks at the interfaces, and waits
		var rev group.Rev
		for range 1200 {
			r, err := w.hub.Post(w.t.Context(), operator(), main, group.PostInput{Text: []byte("hello")})
			if err != nil {
				t.Fatal(err)
			}
			rev = r.Rev
		}
		relay := group.DeliverRelay
		if _, err := w.hub.UpdateNotifications(w.t.Context(), group.Caller{Identity: ids[1]}, main, group.NotificationsInput{Mode: &relay}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.hub.Leave(w.t.Context(), group.Caller{Identity: ids[2]}, main); err != nil {
			t.Fatal(err)
		}
		w.air.block(nil)
		close(hold)
		time.Sleep(time.Minute)
		if n := w.scheduler.Stats().EventsLost; n == 0 {
			t.Error("nothing was lost: this tests nothing")
		}
		for id, m := range map[group.IdentityHash]group.DeliveryMode{ids[0]: group.DeliverPush, ids[1]: group.DeliverRelay} {
			if got := w.couriers[m].of(id); len(got) != 1 || got[0].to < rev {
				t.Errorf("%s: %+v", m, got)
			}
		}
		if s := w.scheduler.Status().Groups[0]; s.Members != 2 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAFullDiskDelaysRowsAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New()
		w := newWorld(t, store, wire())
		ann := w.members(0, 1, group.Preferences{Mode: group.DeliverPush})[0]
		w.run()
		rev := w.post(group.PostInput{})
		store.OnCommit(func() error { return errors.New("no space") })
		time.Sleep(time.Hour)
		if n, s := len(w.couriers[group.DeliverPush].of(ann)), w.scheduler.Stats(); n != 1 || s.NotWritten < 10 || s.NotWritten > 3600 || w.row(ann).Cursor >= rev {
			t.Errorf("%d parcels, %+v", n, s)
		}
		store.OnCommit(nil)
		time.Sleep(10 * time.Second)
		if d := w.row(ann); d.Cursor != rev {
			t.Errorf("%+v", d)
		}
		w.stop()
	})
}

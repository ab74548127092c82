package dbtest

import (
	"errors"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func testCircles(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	ann, bob, sue := fill16[group.IdentityHash]("ann"), fill16[group.AnyHash]("bob"), fill16[group.AnyHash]("sue")
	c := group.Circle{Group: main, Until: when(20)}
	first := group.Invitee{Group: main, Who: sue, By: ann, State: group.InviteeAsked, Invited: when(1), Expires: when(10)}
	second := group.Invitee{Group: main, Who: bob, State: group.InviteeRefused, Invited: when(2), Expires: when(20), Answered: when(3)}
	elsewhere := group.Invitee{Group: other, Who: bob, By: ann, State: group.InviteeAccepted, Invited: when(1), Expires: when(2), Answered: when(2)}
	update(t, s, func(tx group.Tx) error {
		if tx.PutCircle(group.Circle{Group: "nowhere"}) == nil || tx.PutInvitee(group.Invitee{Group: "nowhere", Who: bob}) == nil {
			t.Error("a circle without a group was taken")
		}
		return errors.Join(tx.PutCircle(c), tx.PutInvitee(second), tx.PutInvitee(first), tx.PutInvitee(elsewhere))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "circle", c)(tx.Circle(main))
		got(t, "invitees", []group.Invitee{first, second})(tx.Invitees(main))
		got(t, "of the other group", []group.Invitee{elsewhere})(tx.Invitees(other))
		if _, err := tx.Circle(other); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("no circle: %v", err)
		}
		return nil
	})
	c.Established, first.State, first.Answered = when(30), group.InviteeAccepted, when(4)
	update(t, s, func(tx group.Tx) error {
		return errors.Join(tx.PutCircle(c), tx.PutInvitee(first), tx.DeleteInvitee(main, bob), tx.DeleteInvitee(main, bob))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "circle again", c)(tx.Circle(main))
		got(t, "invitees again", []group.Invitee{first})(tx.Invitees(main))
		got(t, "of the other group again", []group.Invitee{elsewhere})(tx.Invitees(other))
		return nil
	})
}

func testEpochs(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	epoch := func(g group.GroupID, n uint32, ends time.Time) group.Epoch {
		return group.Epoch{
			Group: g, Number: n, Key: fill32[group.EpochKey](string(g) + string(rune('a'+n%20))), Reason: moderation.EpochRemoval, Seq: group.Seq(10 * n), Rev: group.Rev(20 * n),
			Created: when(int(n)), Ends: ends,
		}
	}
	one, two, last := epoch(main, 1, time.Time{}), epoch(main, 2, when(50)), epoch(main, 1<<32-1, when(40))
	elsewhere := epoch(other, 2, when(40))
	update(t, s, func(tx group.Tx) error {
		if tx.PutEpoch(group.Epoch{Group: "nowhere", Number: 1}) == nil {
			t.Error("an epoch without a group was taken")
		}
		return errors.Join(tx.PutEpoch(two), tx.PutEpoch(one), tx.PutEpoch(last), tx.PutEpoch(elsewhere))
	})
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "all", []group.Epoch{last, two, one})(tx.Epochs(main, 0, 10))
		got(t, "the newest", []group.Epoch{last})(tx.Epochs(main, 0, 1))
		got(t, "older ones", []group.Epoch{two, one})(tx.Epochs(main, last.Number, 10))
		got(t, "before the first", []group.Epoch(nil))(tx.Epochs(main, 1, 10))
		got(t, "of another group", []group.Epoch{elsewhere})(tx.Epochs(other, 0, 10))
		got(t, "of no group", []group.Epoch(nil))(tx.Epochs("nowhere", 0, 10))
		got(t, "due", []group.Epoch{last, elsewhere, two})(tx.EpochsDue(when(50), 10))
		got(t, "the first due", []group.Epoch{last})(tx.EpochsDue(when(50), 1))
		got(t, "due earlier", []group.Epoch{last, elsewhere})(tx.EpochsDue(when(49), 10))
		got(t, "due never", []group.Epoch(nil))(tx.EpochsDue(when(39), 10))
		return nil
	})
	two.Ends, two.Key = time.Time{}, fill32[group.EpochKey]("another")
	update(t, s, func(tx group.Tx) error { return errors.Join(tx.PutEpoch(two), tx.DropEpochs(main, 2)) })
	s = reopen()
	view(t, s, func(tx group.ReadTx) error {
		got(t, "changed, and one gone", []group.Epoch{last, two})(tx.Epochs(main, 0, 10))
		got(t, "due then", []group.Epoch{last, elsewhere})(tx.EpochsDue(when(50), 10))
		return nil
	})
}

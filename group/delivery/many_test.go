package delivery_test

import (
	"testing"
	"time"

	"groupd/group"
	"groupd/group/delivery"
)

// radio is an interface at SF8.
func radio(f ...func(*delivery.Interface)) delivery.Interface {
	i := delivery.Interface{Name: "radio", Up: true, Bitrate: 3125, Radio: sf8(), Share: 0.25}
	for _, set := range f {
		set(&i)
	}
	return i
}

func wire() delivery.Interface {
	return delivery.Interface{Name: "wire", Up: true, Bitrate: 10_000_000}
}

func TestOnePostReachesTenThousandMembersWithinTheirShareOfTheAir(t *testing.T) {
	const members = 10_000
	inBubble(t, []delivery.Interface{radio()}, func(w *world) {
		w.members(0, members, group.Preferences{Mode: group.DeliverPush})
		w.restart()
		began := time.Since(w.start)
		w.post(group.PostInput{})
		i := radio()
		sum := time.Duration(members) * (i.Airtime(180) + i.Airtime(delivery.ProofBytes))
		most := time.Duration(float64(sum) / i.Share * 1.1)
		least := time.Duration(float64(sum) / i.Share * 0.98)
		time.Sleep(most)
		n, last := w.couriers[group.DeliverPush].reached()
		if took := last - began; n != members || took < least {
			t.Errorf("%d of %d members within %v (least %v, most %v)", n, members, took, least, most)
		}
		time.Sleep(5 * time.Second)
		if s := w.scheduler.Status(); s.Groups[0].Behind != 0 || s.Groups[0].Members != members {
			t.Errorf("%+v", s.Groups[0])
		}
		w.couriers[group.DeliverPush].mu.Lock()
		defer w.couriers[group.DeliverPush].mu.Unlock()
		if made := w.couriers[group.DeliverPush].made; made != members {
			t.Errorf("%d parcels", made)
		}
	})
}

func TestFiftyPostsReachANotifyMemberAsOnePacket(t *testing.T) {
	for _, i := range []delivery.Interface{radio(), wire()} {
		t.Run(i.Name, func(t *testing.T) {
			inBubble(t, []delivery.Interface{i}, func(w *world) {
				ann := w.members(0, 1, group.Preferences{Mode: group.DeliverNotify})[0]
				w.restart()
				var rev group.Rev
				for range 50 {
					rev = w.post(group.PostInput{})
					time.Sleep(20 * time.Millisecond)
				}
				time.Sleep(10 * time.Minute)
				if got := w.couriers[group.DeliverNotify].of(ann); len(got) != 1 || got[0].to != rev {
					t.Errorf("%d packets: %+v", len(got), got)
				}
				if d := w.row(ann); d.Cursor != rev || d.Proved.IsZero() {
					t.Errorf("%+v", d)
				}
			})
		})
	}
}

package group_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
)

// TestCirclesAgreeWithASimpleModel: a year of random acts, each compared with a model that knows nothing of the hub.
func TestCirclesAgreeWithASimpleModel(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			h := town(t)
			ann := h.talk("Ann")[0]
			r := h.forms(ann)
			const n = 14
			var asked, in, banned [n]time.Duration // when the invite ends; 1: is in; until when he is kicked
			now, until, established := time.Duration(0), 6*time.Hour, false
			who := func(i int) group.Caller { return person(fmt.Sprint("P", i)) }
			members := func() (count, waiting int) {
				for i := range n {
					if in[i] != 0 {
						count++
					} else if asked[i] > now {
						waiting++
					}
				}
				return count + 1, waiting
			}
			for range 120 {
				i := rnd.IntN(n)
				var err error
				var want bool
				what := ""
				count, waiting := members()
				overdue := !established && now >= until
				switch rnd.IntN(7) {
				case 0:
					d := time.Duration(rnd.IntN(100)) * time.Minute
					time.Sleep(d)
					now += d
					continue
				case 1, 2:
					what = "invite"
					established = established || overdue
					free := count + waiting
					if asked[i] > now && in[i] == 0 {
						free-- // another invite for the same one
					}
					want = !established && in[i] == 0 && banned[i] <= now && free < 10
					_, err = r.hub.CreateInvite(t.Context(), ann, r.id, group.InviteInput{For: hash(who(i))})
					if want {
						asked[i] = now + 6*time.Hour
						until = max(until, asked[i])
					}
				case 3:
					what = "join"
					want = in[i] != 0 || !established && asked[i] > now && banned[i] <= now
					_, err = r.joins(who(i), "")
					if want {
						in[i], asked[i] = 1, 0
					}
				case 4:
					what = "decline"
					want = in[i] == 0 && !established && asked[i] > now && banned[i] <= now
					_, err = r.hub.DeclineInvite(t.Context(), who(i), r.id)
					if want {
						asked[i] = 0
					}
				case 5:
					what = "kick"
					established = established || overdue
					want = in[i] != 0
					_, err = r.hub.Kick(t.Context(), ann, r.id, group.KickInput{Target: hash(who(i))})
					if want {
						in[i], banned[i] = 0, now+time.Hour
					}
				case 6:
					if rnd.IntN(8) > 0 {
						continue
					}
					what = "establish"
					want = established || overdue || waiting == 0
					err = r.establish(ann)
					established = established || want
				}
				if established {
					clear(asked[:])
				}
				if (err == nil) != want {
					t.Fatalf("seed %d, after %v: %s of %d: %v, want it %v (%d members, %d waiting, established %v)", seed, now, what, i, err, want, count, waiting, established)
				}
				if got := r.forming(ann); got == established {
					t.Fatalf("seed %d, after %v: %s: forming %v", seed, now, what, got)
				}
			}
		})
	}
}

// TestAFailureUndoesTheWholeCircle: nothing is left of one whose forming could not be stored.
func TestAFailureUndoesTheWholeCircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := town(t)
		people := h.talk("Ann", "Bob")
		h.store.OnCommit(func() error { return errors.New("the disk is full") })
		_, err := h.hub.CreateGroup(t.Context(), people[0], group.NewGroup{Preset: "circle", Invite: []group.AnyHash{hash(people[1])}})
		refused(t, "a circle that could not be stored", err, group.KindNotDurable)
		h.store.OnCommit(nil)
		if err := h.store.View(context.Background(), func(tx group.ReadTx) error {
			groups, err := tx.Groups()
			if len(groups) != 1 {
				t.Errorf("%d groups", len(groups))
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}

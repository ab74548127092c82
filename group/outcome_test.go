package group_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func with(c group.Caller, client string) group.Caller {
	c.ClientID = []byte(client)
	return c
}

func TestARetryAfterALostAnswerDoesNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleAdmin)
		bob := person("Bob")
		name, topic := "Anna", "goats"
		must(h.hub.Join(t.Context(), bob, valley, group.JoinInput{Name: "Bob"}))(t)
		// Each twice with one client id; between them time passes and the group moves on.
		for op, f := range map[string]func(group.Caller) (any, error){
			"post": func(c group.Caller) (any, error) {
				return h.hub.Post(t.Context(), c, valley, group.PostInput{Text: []byte("hello")})
			},
			"approve": func(c group.Caller) (any, error) { return h.hub.Approve(t.Context(), c, valley, hash(bob)) },
			"topic":   func(c group.Caller) (any, error) { return h.hub.UpdateTopic(t.Context(), c, valley, topic) },
			"profile": func(c group.Caller) (any, error) {
				return h.hub.UpdateProfile(t.Context(), c, valley, group.ProfileInput{Name: &name})
			},
			"ban": func(c group.Caller) (any, error) {
				return h.hub.Ban(t.Context(), c, valley, group.BanInput{Target: group.AnyHash{9}})
			},
		} {
			first := must(f(with(ann, op)))(t)
			time.Sleep(time.Hour)
			h.post(ann, "in between")
			head := h.head()
			again := must(f(with(ann, op)))(t)
			if h.head() != head {
				t.Errorf("%s: done twice", op)
			}
			// Equal but for the mark that it is a repetition.
			a, b := reflect.New(reflect.TypeOf(first)).Elem(), reflect.New(reflect.TypeOf(again)).Elem()
			a.Set(reflect.ValueOf(first))
			b.Set(reflect.ValueOf(again))
			for _, v := range []reflect.Value{a, b} {
				if f := v.FieldByName("Repeated"); f.IsValid() {
					f.SetBool(false)
				}
			}
			if !reflect.DeepEqual(a.Interface(), b.Interface()) {
				t.Errorf("%s: the retry got\n%+v, the first\n%+v", op, again, first)
			}
			_, err := h.hub.Leave(t.Context(), with(ann, op), valley)
			refused(t, "the same client id for something else", err, group.KindConflict)
		}
		post := func(c group.Caller) group.PostResult {
			return must(h.hub.Post(t.Context(), c, valley, group.PostInput{Text: []byte("x")}))(t)
		}
		if r := post(with(h.joined("Eve", moderation.RoleMember), "post")); r.Repeated {
			t.Error("another one's client id was taken for his")
		}
		first := post(with(ann, "week"))
		time.Sleep(7*24*time.Hour - time.Minute)
		if r := post(with(ann, "week")); !r.Repeated || r.Seq != first.Seq {
			t.Errorf("within 7 days: %+v", r)
		}
		time.Sleep(2 * time.Minute)
		if r := post(with(ann, "week")); r.Repeated {
			t.Error("remembered for more than 7 days")
		}
		_, err := h.hub.Post(t.Context(), with(ann, "123456789012345678901234567890123"), valley, message("x"))
		refused(t, "a long client id", err, group.KindInvalid)
	})
}

func TestAnswersAreKeptWithinABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(_ *group.NewGroup, c *group.Config) { c.Limits.Outcomes = 5 })
		ann := h.joined("Ann", moderation.RoleMember)
		for i := range 20 {
			time.Sleep(time.Second)
			must(h.hub.Post(t.Context(), with(ann, fmt.Sprint(i)), valley, group.PostInput{Text: []byte("x")}))(t)
		}
		err := h.store.View(t.Context(), func(tx group.ReadTx) error {
			n, err := tx.CountOutcomes(ann.Identity)
			if n != 5 {
				t.Errorf("%d answers kept, want 5", n)
			}
			_, newest := tx.Outcome(valley, ann.Identity, []byte("19"))
			return errors.Join(err, newest)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestAFaceCanAskWhetherSomethingWasDone holds that only what was done is remembered, for whom it was done.
func TestAFaceCanAskWhetherSomethingWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		asked := func(c group.Caller, id string) bool {
			t.Helper()
			return must(h.hub.Remembered(t.Context(), with(c, id), valley))(t)
		}
		must(h.hub.Post(t.Context(), with(ann, "one"), valley, message("hello")))(t)
		if _, err := h.hub.Kick(t.Context(), with(bob, "two"), valley, group.KickInput{Target: hash(ann)}); !group.Refused(err) {
			t.Fatalf("a member kicks: %v", err)
		}
		if !asked(ann, "one") || asked(ann, "two") || asked(ann, "") || asked(bob, "one") || asked(bob, "two") || asked(group.Caller{}, "one") {
			t.Error("what was done is not what is remembered")
		}
		time.Sleep(group.OutcomesKept + time.Hour)
		if asked(ann, "one") {
			t.Error("it is remembered for too long")
		}
	})
}

func TestAllAnswersTogetherAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(_ *group.NewGroup, c *group.Config) { c.Limits.AllOutcomes = 10 })
		people := []group.Caller{h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)}
		for i := range 300 {
			time.Sleep(time.Second)
			must(h.hub.Post(t.Context(), with(people[i%2], fmt.Sprint(i)), valley, group.PostInput{Text: []byte("x")}))(t)
		}
		err := h.store.View(t.Context(), func(tx group.ReadTx) error {
			n, err := tx.CountAllOutcomes()
			if n > 10+group.CountOutcomes {
				t.Errorf("%d answers kept", n)
			}
			_, newest := tx.Outcome(valley, people[1].Identity, []byte("299"))
			return errors.Join(err, newest)
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestWhatIsRefusedCausesNoWrites(t *testing.T) {
	h := newHouse(t)
	mal := h.joined("Mal", moderation.RoleMember)
	must(h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(mal)}))(t)
	commits := 0
	h.store.OnCommit(func() error { commits++; return nil })
	for i := range 10 {
		for _, c := range []group.Caller{mal, person(fmt.Sprint("stranger", i))} {
			c = with(command(c, fmt.Sprint(i)), fmt.Sprint(i))
			_, err := h.hub.Post(t.Context(), c, valley, message(fmt.Sprint(i)))
			if !group.Refused(err) {
				t.Errorf("posting: %v", err)
			}
			_, err = h.hub.Claim(t.Context(), c, valley, group.ClaimInput{Code: "guess"})
			if !group.Refused(err) {
				t.Errorf("claiming: %v", err)
			}
			_ = h.hub.NoteCommand(t.Context(), c, valley)
			if err := h.hub.Heard(t.Context(), c); err != nil {
				t.Errorf("heard: %v", err)
			}
			h.hub.StrangerAnswer(valley, c.Identity, "radio", true)
		}
	}
	if commits != 0 {
		t.Errorf("%d commits", commits)
	}
}

func TestWhatIsNotOnDiskIsNotAccepted(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleMember)
	events := h.hub.Subscribe(10)
	defer events.Close()
	head := h.head()
	full := errors.New("no space left")
	h.store.OnCommit(func() error { return full })
	in := message("hello")
	_, err := h.hub.Post(t.Context(), ann, valley, in)
	refused(t, "on a full disk", err, group.KindNotDurable)
	if group.Refused(err) || !errors.Is(err, full) || !errors.Is(err, group.ErrNotDurable) {
		t.Errorf("%v: a face would prove this", err)
	}
	h.store.OnCommit(nil)
	if h.head() != head || len(events.Events()) != 0 {
		t.Error("something was half done")
	}
	if r := must(h.hub.Post(t.Context(), ann, valley, in))(t); r.Duplicate || r.Seq != head.Seq+1 {
		t.Errorf("the retry: %+v", r)
	}
}

func TestNobodyIsGivenTheOperatorsAnswers(t *testing.T) {
	h := newHouse(t, open)
	c := with(operator(), "first")
	must(h.hub.Post(t.Context(), c, valley, group.PostInput{Text: []byte("hello")}))(t)
	c.Local = false // the same client id, on a link that nobody identified on
	_, err := h.hub.Post(t.Context(), c, valley, group.PostInput{Text: []byte("hello")})
	refused(t, "nobody", err, group.KindNotIdentified)
}

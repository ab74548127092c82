package lxm_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"groupd/api/lxm"
	"groupd/group"
	"groupd/lxmf"
)

// TestACircleByMessages: it is formed, answered, watched and established by people who have nothing but an LXMF client.
func TestACircleByMessages(t *testing.T) {
	address := func(who string) string { return lxmf.DeliveryHash(identity(t, who).PublicIdentity).String() }
	circle := func(n *group.NewGroup, _ *group.Config, _ *lxm.Config) {
		n.Preset, n.PublicName, n.PrivateName, n.Owner = "circle", "", "The Ridge", group.AnyHash(identity(t, "ann").Hash())
	}
	inHouse(t, func(t *testing.T, h *house) {
		says := func(who, text string, want ...string) {
			t.Helper()
			time.Sleep(20 * time.Second)
			var got []string
			for _, a := range h.says(who, text).answers {
				got = append(got, a.to+"< "+a.content)
			}
			all := strings.Join(got, "\n")
			for _, w := range want {
				if !strings.Contains(all, w) {
					t.Errorf("%s> %s\n%s\nlacks %q", who, text, all, w)
				}
			}
		}
		for _, who := range []string{"bob", "cid", "dan"} { // knows their names
			h.write(who, "x")
		}
		says("ann", "/join Ann", "Welcome to The Ridge! You are Ann, owner")
		says("bob", "/circle", "not a member")
		says("ann", "/invite "+address("bob"), "bob< ※ You are invited to the group The Ridge by "+address("ann"), "to this address within 6 h; to decline, /decline", "holds for 6 h")
		says("ann", "/invite "+address("cid"), "cid< ※ You are invited")
		says("ann", "/invite "+address("dan")+" 30m", "dan< ※ You are invited")
		says("ann", "/invite 3", "An invite to this group is for one person: there are no codes")
		says("ann", "/establish", "3 of those invited can still answer")
		says("cid", "/circle", "Private Group is being formed: who is invited answers within 6 h", address("bob")+": has not answered yet")
		says("cid", "/info", "It is being formed, by invites: /circle")
		says("cid", "/help", "/decline", "/circle")
		says("bob", "/join Bob", "Welcome to The Ridge! You are Bob", fmt.Sprintf("ann< ※ Bob (%s) has accepted your invite to The Ridge.\n2 can still answer: /circle", address("bob")[:8]))
		says("cid", "/decline", "cid< ※ You have declined the invite to Private Group.", "ann< ※ "+address("cid")+" has declined your invite to The Ridge.\n1 can still answer")
		says("cid", "/decline", "not invited here")
		says("cid", "/circle", "not a member")
		says("bob", "/establish", "Only who made this group")
		says("bob", "/decline", "You are a member")
		time.Sleep(30 * time.Minute)
		says("dan", "/join Dan", "The time to answer your invite is over")
		says("ann", "/help 2", "/establish")
		says("ann", "/circle", "Bob: has accepted", address("cid")+": has declined", address("dan")+": did not answer in time", "To establish it: /establish")
		says("ann", "/establish", "ann< ※ The Ridge is established, with 2 members.")
		says("ann", "/establish", "is established, with 2 members")
		says("bob", "/establish", "This group is established")
		says("bob", "/circle", "The Ridge was established 1 min ago.")
		says("bob", "/info", "Joining: closed")
		says("dan", "/join Dan", "established, and nobody new comes")

		// Who is kicked is not told that he can join again: he can not.
		time.Sleep(20 * time.Second)
		removed := false
		for _, a := range h.says("ann", "/kick Bob goats").answers {
			removed = removed || a.to == "bob" && strings.Contains(a.content, "You were removed from Private Group for 1 h: Goats.")
			if strings.Contains(a.content, "/join again") {
				t.Errorf("%s is told %q", a.to, a.content)
			}
		}
		if !removed {
			t.Error("he is told nothing")
		}
	}, circle)
}

// TestACircleWaitsForItsCreator, and says so; the next thing that he says establishes it.
func TestACircleWaitsForItsCreator(t *testing.T) {
	circle := func(n *group.NewGroup, _ *group.Config, _ *lxm.Config) {
		n.Preset, n.PrivateName, n.Owner = "circle", "The Ridge", group.AnyHash(identity(t, "ann").Hash())
		n.Invite = []group.AnyHash{group.AnyHash(identity(t, "bob").Hash())}
	}
	inHouse(t, func(t *testing.T, h *house) {
		h.says("ann", "/join Ann")
		h.says("bob", "/join Bob")
		time.Sleep(6 * time.Hour)
		if got := h.says("bob", "/circle").answer(t); !strings.HasPrefix(got, "※ The Ridge waits for its creator to establish it.") {
			t.Error(got)
		}
		h.says("ann", "good morning")
		if got := h.says("bob", "/circle").answer(t); !strings.HasPrefix(got, "※ The Ridge was established") {
			t.Error(got)
		}
		if got := h.says("bob", "/history").answer(t); !strings.Contains(got, "is established with 2 members\nAnn: good morning") {
			t.Error(got)
		}
	}, circle)
}

// TestSinceTellsWhatIsGone: who was away for long learns how much he has missed.
func TestSinceTellsWhatIsGone(t *testing.T) {
	few := func(n *group.NewGroup, _ *group.Config, _ *lxm.Config) { n.Public, n.Policy.RetainCount = true, 5 }
	inHouse(t, func(t *testing.T, h *house) {
		h.says("ann", "/join Ann")
		for i := range 9 {
			h.says("ann", fmt.Sprint("number ", i))
			time.Sleep(time.Minute)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := h.hub.Run(ctx); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]string{
			"/since #3": "※ (2 entries before these are gone)\nAnn: number 4\nAnn: number 5",
			"/since #4": "※ (1 entry before these is gone)\nAnn: number 4",
			"/since #5": "※ Ann: number 4\n",
			"/since 1h": "※ Ann: number 4\n",
		} {
			time.Sleep(time.Minute)
			if got := h.says("ann", text).answer(t); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %q, want %q", text, got, want)
			}
		}
	}, few)
}

package group_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// TestAnOldSignedMessageIsNeverPostedAgain holds X-168.
func TestAnOldSignedMessageIsNeverPostedAgain(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleMember)
	in := message("regretted")
	first := must(h.hub.Post(t.Context(), ann, valley, in))(t)
	if r := must(h.hub.Post(t.Context(), ann, valley, in))(t); !r.Duplicate || r.Seq != first.Seq {
		t.Errorf("sent twice: %+v", r)
	}
	must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{first.Seq}}))(t)
	head := h.head()
	if r := must(h.hub.Post(t.Context(), ann, valley, in))(t); !r.Duplicate || r.Seq != 0 {
		t.Errorf("replayed after deletion: %+v", r)
	}
	if h.head() != head {
		t.Error("the replay changed the group")
	}
	must(h.hub.Leave(t.Context(), ann, valley))(t)
	_, err := h.hub.Post(t.Context(), ann, valley, in)
	refused(t, "replayed after leaving", err, group.KindNotMember)
}

// command is a text command sent now, with a message id of its own.
func command(c group.Caller, id string) group.Caller {
	c.Command = &group.Command{MessageID: sha256.Sum256([]byte(id)), Timestamp: time.Now()}
	return c
}

func stale(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || !group.Refused(err) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestTextCommandsRunOnceAndFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.joined("Ann", moderation.RoleOwner)
		mod, bob := h.joined("Mod", moderation.RoleModerator), h.joined("Bob", moderation.RoleMember)
		time.Sleep(time.Minute)
		held := command(mod, "ban bob, held back by somebody")
		time.Sleep(time.Minute)
		ban := command(mod, "ban bob")
		must(h.hub.Ban(t.Context(), ban, valley, group.BanInput{Target: hash(bob)}))(t)
		time.Sleep(time.Minute)
		must(h.hub.Unban(t.Context(), command(mod, "unban bob"), valley, hash(bob)))(t)
		head := h.head()
		_, err := h.hub.Ban(t.Context(), ban, valley, group.BanInput{Target: hash(bob)})
		stale(t, "the same command again", err, group.ErrSeen)
		_, err = h.hub.Ban(t.Context(), held, valley, group.BanInput{Target: hash(bob)})
		stale(t, "an older command", err, group.ErrStale)
		time.Sleep(time.Second)
		late := command(mod, "late")
		late.Command.Late = true
		_, err = h.hub.Ban(t.Context(), late, valley, group.BanInput{Target: hash(bob)})
		stale(t, "a command from a propagation node", err, group.ErrStale)
		if h.head() != head {
			t.Error("one of them had an effect")
		}
		time.Sleep(time.Second)
		who := command(mod, "who")
		if err := h.hub.NoteCommand(t.Context(), who, valley); err != nil {
			t.Errorf("/who: %v", err)
		}
		stale(t, "/who again", h.hub.NoteCommand(t.Context(), who, valley), group.ErrSeen)
	})
}

func TestARefusedCommandDoesNotSucceedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		bob, mal := h.joined("Bob", moderation.RoleMember), h.joined("Mal", moderation.RoleMember)
		time.Sleep(time.Minute)
		kick := command(bob, "kick mal, in anger")
		_, err := h.hub.Kick(t.Context(), kick, valley, group.KickInput{Target: hash(mal)})
		refused(t, "a member kicking", err, group.KindDenied)
		must(h.hub.UpdatePermissions(t.Context(), operator(), valley, group.PermissionsInput{Target: hash(bob), Role: moderation.RoleModerator}))(t)
		_, err = h.hub.Kick(t.Context(), kick, valley, group.KickInput{Target: hash(mal)})
		stale(t, "replayed after his promotion", err, group.ErrSeen)
		time.Sleep(time.Second)
		must(h.hub.Kick(t.Context(), command(bob, "kick mal"), valley, group.KickInput{Target: hash(mal)}))(t)
	})
}

func TestJoiningByCommandIsNotReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, change := range []func(*group.NewGroup, *group.Config){open, func(*group.NewGroup, *group.Config) {}} {
			h := newHouse(t, change)
			time.Sleep(time.Minute)
			join := command(person("Ann"), "join")
			must(h.hub.Join(t.Context(), join, valley, group.JoinInput{Name: "Ann"}))(t)
			time.Sleep(time.Minute)
			must(h.hub.Leave(t.Context(), command(person("Ann"), "leave"), valley))(t)
			_, err := h.hub.Join(t.Context(), join, valley, group.JoinInput{Name: "Ann"})
			stale(t, "joining again with the old message", err, group.ErrSeen)
		}
		h := newHouse(t, open)
		ahead := command(person("Ann"), "from the future")
		ahead.Command.Timestamp = time.Now().AddDate(3, 0, 0)
		must(h.hub.Join(t.Context(), ahead, valley, group.JoinInput{Name: "Ann"}))(t)
		time.Sleep(time.Second)
		if err := h.hub.NoteCommand(t.Context(), command(person("Ann"), "clock set right"), valley); err != nil {
			t.Errorf("a clock that was set right locks its owner out: %v", err)
		}
	})
}

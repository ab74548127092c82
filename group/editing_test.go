package group_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// edit gives a post another text.
func (h *house) edit(c group.Caller, seq group.Seq, text string) group.PostResult {
	h.t.Helper()
	return must(h.hub.Edit(h.t.Context(), c, valley, group.EditInput{Seq: seq, Post: group.PostInput{Text: []byte(text)}}))(h.t)
}

// shown is what people see now: "seq text", without events, deleted posts, and edits as posts of their own.
func (h *house) shown(c group.Caller) string {
	h.t.Helper()
	p := must(h.hub.Messages(h.t.Context(), c, valley, group.Query{Newest: true, Current: true, NoEvents: true}))(h.t)
	var lines []string
	for _, e := range p.Entries {
		if !e.Deleted {
			lines = append(lines, fmt.Sprintf("%d %s", e.Seq, e.Text))
		}
	}
	return strings.Join(lines, "; ")
}

func TestAnEditTravelsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		other := h.reader(bob)
		post := h.post(ann, "the brigde is open")
		other.fetch()
		first := h.edit(ann, post.Seq, "the bridge is open")
		other.sees("Ann edit: the bridge is open")
		if e := other.entries[first.Seq]; e.Ref != post.Seq || e.EditedBy != 0 {
			t.Errorf("the edit is %+v", e)
		}
		second := h.edit(ann, first.Seq, "the bridge is closed") // an edit names the post
		other.sees("Ann edit: the bridge is closed")
		if e := other.entries[second.Seq]; e.Ref != post.Seq {
			t.Errorf("the edit of an edit is of %d", e.Ref)
		}
		late := h.reader(bob)
		for _, line := range late.fetch() {
			if strings.Contains(line, "open") {
				t.Errorf("who comes later is sent %q", line)
			}
		}
		if got := late.entries[post.Seq]; got.EditedBy != second.Seq || late.entries[first.Seq].EditedBy != second.Seq {
			t.Errorf("who comes later finds the post edited by %d", got.EditedBy)
		}
		if got, want := h.shown(bob), fmt.Sprintf("%d the bridge is closed", post.Seq); got != want {
			t.Errorf("people see %q, want %q", got, want)
		}
		if bad := must(h.hub.VerifyChain(t.Context(), valley))(t); bad != 0 {
			t.Errorf("the chain breaks at %d", bad)
		}
	})
}

func TestWhoMayEditAndHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleOwner)
		post := h.post(ann, "hello")
		try := func(c group.Caller, seq group.Seq, text string) error {
			_, err := h.hub.Edit(t.Context(), c, valley, group.EditInput{Seq: seq, Post: group.PostInput{Text: []byte(text)}})
			return err
		}
		refused(t, "an owner editing another's post", try(bob, post.Seq, "x"), group.KindDenied)
		refused(t, "the operator editing another's post", try(operator(), post.Seq, "x"), group.KindDenied)
		refused(t, "editing what is not there", try(ann, 999, "x"), group.KindNotFound)
		refused(t, "editing that somebody joined", try(ann, 1, "x"), group.KindNotFound)
		refused(t, "editing to nothing", try(ann, post.Seq, " "), group.KindInvalid)
		refused(t, "editing to what the server says", try(ann, post.Seq, "※ Bob left"), group.KindInvalid)
		refused(t, "editing to a book", try(ann, post.Seq, strings.Repeat("x", 200<<10)), group.KindTooLarge)
		refused(t, "a stranger editing", try(person("Mal"), post.Seq, "x"), group.KindNotMember)
		code := must(h.hub.NewClaimCode(t.Context(), operator(), valley))(t)
		refused(t, "editing the owner's code in", try(ann, post.Seq, "it is "+code.Code), group.KindDenied)

		own := must(h.hub.Post(t.Context(), operator(), valley, group.PostInput{Text: []byte("the group speaks")}))(t)
		if err := try(operator(), own.Seq, "the group spoke"); err != nil {
			t.Errorf("the operator editing what the group said: %v", err)
		}
		refused(t, "a member editing what the group said", try(ann, own.Seq, "x"), group.KindDenied)

		time.Sleep(24 * time.Hour)
		h.edit(ann, post.Seq, "in time")
		time.Sleep(time.Second)
		refused(t, "editing after a day", try(ann, post.Seq, "x"), group.KindDenied)
	})
}

func TestEditsOfOnePostAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleMember)
		post := h.post(ann, "hello")
		for i := range group.MaxEdits {
			h.edit(ann, post.Seq, fmt.Sprint("hello ", i))
			time.Sleep(time.Second)
		}
		_, err := h.hub.Edit(t.Context(), ann, valley, group.EditInput{Seq: post.Seq, Post: group.PostInput{Text: []byte("x")}})
		if e := refused(t, "one edit more", err, group.KindFull); e.Limit != group.MaxEdits {
			t.Errorf("the limit is %d", e.Limit)
		}
		if r := must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{post.Seq}}))(t); r.Deleted != group.MaxEdits+1 {
			t.Errorf("%d entries deleted", r.Deleted)
		}
		if got := h.shown(ann); got != "" {
			t.Errorf("people see %q", got)
		}
	})
}

func TestAPostAndItsEditsGoTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		other := h.reader(bob)
		for _, by := range []string{"the post", "its edit", "both"} {
			post := h.post(ann, "meet me at nine")
			edit := h.edit(ann, post.Seq, "meet me at ten")
			last := h.edit(ann, post.Seq, "meet me at eleven")
			in := map[string]group.DeleteInput{"the post": {Seqs: []group.Seq{post.Seq}}, "its edit": {Seqs: []group.Seq{edit.Seq}}, "both": {Author: hash(ann)}}[by]
			if r := must(h.hub.Delete(t.Context(), ann, valley, in))(t); r.Deleted != 3 {
				t.Errorf("deleted by %s: %d", by, r.Deleted)
			}
			other.fetch()
			for _, seq := range []group.Seq{post.Seq, edit.Seq, last.Seq} {
				if e := other.entries[seq]; !e.Deleted || e.EditedBy != 0 || len(e.Text) > 0 {
					t.Errorf("deleted by %s, the other member has %+v", by, e)
				}
			}
		}
	})
}

func TestAnEditThatCameTwiceIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleMember)
		post := h.post(ann, "hello")
		in := group.EditInput{Seq: post.Seq, Post: message("hello, all")}
		one := must(h.hub.Edit(t.Context(), ann, valley, in))(t)
		if two := must(h.hub.Edit(t.Context(), ann, valley, in))(t); !two.Duplicate || two.Seq != one.Seq {
			t.Errorf("the same edit again: %+v", two)
		}
		_, err := h.hub.Edit(t.Context(), person("Mal"), valley, in)
		refused(t, "a stranger with the same message", err, group.KindNotMember)
		p := must(h.hub.Proof(t.Context(), ann, valley, one.Seq))(t)
		if string(p.Original) != "signed hello, all" || len(p.PublicKey) != group.PublicKeySize || p.Entry.ContentDigest() != p.Entry.Digest {
			t.Errorf("the proof of an edit: %+v", p)
		}
	})
}

// Who passes posts on reads by what was written: each entry once, wherever reactions and pins move its row meanwhile.
func TestWhatIsPassedOnComesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann, mod := h.joined("Ann", moderation.RoleMember), h.joined("Mo", moderation.RoleModerator)
		for i := range 30 {
			h.post(ann, fmt.Sprint("post ", i))
			time.Sleep(time.Second)
		}
		first := h.head().Seq - 29
		seen := make(map[group.Seq]int)
		q := group.Query{Contents: true, Limit: 4}
		for more, n := true, group.Seq(0); more; n++ {
			p := must(h.hub.Messages(t.Context(), ann, valley, q))(t)
			for _, e := range p.Entries {
				if e.Written <= q.AfterRev || e.Written > p.To {
					t.Errorf("%d was written at %d, the page is %d to %d", e.Seq, e.Written, p.From, p.To)
				}
				seen[e.Seq]++
			}
			if len(p.Members) > 0 || p.Info != nil {
				t.Error("a page of contents holds more than entries")
			}
			if cut := p.Cut(1); len(p.Entries) > 1 && (len(cut.Entries) != 1 || cut.To < cut.Entries[0].Written || cut.To >= p.Entries[1].Written) {
				t.Errorf("cut to %d", cut.To)
			}
			q.AfterRev, more = p.To, p.More
			h.react(mod, first+(n*7)%30, "👍", false) // before and behind the reader
			must(h.hub.Pin(t.Context(), mod, valley, first+(n*11)%30, false))(t)
		}
		for seq := group.Seq(1); seq <= h.head().Seq; seq++ {
			if seen[seq] != 1 {
				t.Errorf("%d came %d times", seq, seen[seq])
			}
		}
		must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{first}}))(t)
		if p := must(h.hub.Messages(t.Context(), ann, valley, q))(t); len(p.Entries) != 1 || !p.Entries[0].Deleted {
			t.Errorf("after a deletion: %+v", p.Entries)
		}
	})
}

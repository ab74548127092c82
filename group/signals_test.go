package group_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func freely(_ *group.NewGroup, c *group.Config) {
	none := moderation.Rate{Burst: -1}
	c.Limits.MemberRate, c.Limits.GroupRate, c.Limits.JoinRate, c.Limits.GroupJoinRate = none, none, none, none
}

// react puts a reaction under a post and returns what is there then.
func (h *house) react(c group.Caller, seq group.Seq, text string, off bool) string {
	h.t.Helper()
	r := must(h.hub.React(h.t.Context(), c, valley, group.ReactInput{Seq: seq, Text: text, Off: off}))(h.t)
	return said(r.Reactions)
}

func said(counts []group.ReactionCount) string {
	var out []string
	for _, c := range counts {
		s := fmt.Sprint(c.Text, c.Count)
		if c.Mine {
			s += "!"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

func TestReactionsAreCountedInTheNextPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		post := h.post(ann, "who comes?")
		other := h.reader(bob)
		other.fetch()
		before := h.head()
		if got := h.react(ann, post.Seq, "👍", false); got != "👍1!" {
			t.Errorf("ann sees %s", got)
		}
		time.Sleep(time.Second)
		if got := h.react(bob, post.Seq, " ❤\ufe0f\u200b ", false); got != "👍1 ❤1!" { // cleaned
			t.Errorf("bob sees %s", got)
		}
		h.react(bob, post.Seq, "👍", false)
		after := h.head()
		if after.Seq != before.Seq || after.Deletions != before.Deletions || after.Rev != before.Rev+3 {
			t.Errorf("the head went from %+v to %+v", before, after)
		}
		p := must(h.hub.Messages(t.Context(), bob, valley, group.Query{AfterRev: other.cursor}))(t)
		if len(p.Entries) != 1 || said(p.Reactions[post.Seq]) != "👍2! ❤1!" || p.Entries[0].Reactions != 3 || p.Entries[0].Written > other.cursor {
			t.Errorf("bob's next page: %+v, %s", p.Entries, said(p.Reactions[post.Seq]))
		}
		// What is so already changes nothing.
		if got := h.react(bob, post.Seq, "👍", false); got != "👍2! ❤1!" || h.head() != after {
			t.Errorf("a second time: %s", got)
		}
		h.react(bob, post.Seq, "🎉", true)
		if h.head() != after {
			t.Error("taking back what was not given changed something")
		}
		h.react(bob, post.Seq, "👍", true)
		h.react(ann, post.Seq, "👍", true)
		if got := h.react(bob, post.Seq, "❤", true); got != "" {
			t.Errorf("all taken back: %s", got)
		}
		p = must(h.hub.Messages(t.Context(), bob, valley, group.Query{AfterRev: p.To}))(t)
		if len(p.Entries) != 1 || p.Entries[0].Reactions != 0 || len(p.Reactions) != 0 {
			t.Errorf("bob's last page: %+v", p)
		}
	})
}

func TestReactionsThatAreNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann := h.joined("Ann", moderation.RoleMember)
		post := h.post(ann, "hello")
		try := func(c group.Caller, in group.ReactInput) error {
			_, err := h.hub.React(t.Context(), c, valley, in)
			return err
		}
		refused(t, "nothing", try(ann, group.ReactInput{Seq: post.Seq, Text: "\u202e\u200b"}), group.KindInvalid)
		refused(t, "the server's sign", try(ann, group.ReactInput{Seq: post.Seq, Text: "※"}), group.KindInvalid)
		refused(t, "a sentence", try(ann, group.ReactInput{Seq: post.Seq, Text: "this is very true"}), group.KindTooLarge)
		refused(t, "to nothing", try(ann, group.ReactInput{Seq: 99, Text: "x"}), group.KindNotFound)
		refused(t, "to an unknown message", try(ann, group.ReactInput{RefID: group.MessageID{9}, Text: "x"}), group.KindNotFound)
		refused(t, "to a join", try(ann, group.ReactInput{Seq: 1, Text: "x"}), group.KindNotFound)
		refused(t, "of a stranger", try(person("Mal"), group.ReactInput{Seq: post.Seq, Text: "x"}), group.KindNotMember)
		refused(t, "of nobody", try(operator(), group.ReactInput{Seq: post.Seq, Text: "x"}), group.KindNotIdentified)

		// One member, one post.
		for i := range 8 {
			h.react(ann, post.Seq, fmt.Sprint(i), false)
		}
		refused(t, "too many of one", try(ann, group.ReactInput{Seq: post.Seq, Text: "8"}), group.KindFull)
		for n := 1; n < 4; n++ {
			c := h.joined(fmt.Sprint("member ", n), moderation.RoleMember)
			for i := range 8 {
				h.react(c, post.Seq, fmt.Sprint(n*8+i), false)
			}
		}
		last := h.joined("last", moderation.RoleMember)
		if e := refused(t, "too many kinds", try(last, group.ReactInput{Seq: post.Seq, Text: "new"}), group.KindFull); e.Limit != group.MaxReactionKinds {
			t.Errorf("the limit is %d", e.Limit)
		}
		h.react(last, post.Seq, "0", false)
		must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{post.Seq}}))(t)
		refused(t, "to what was deleted", try(last, group.ReactInput{Seq: post.Seq, Text: "1"}), group.KindNotFound)
	})
}

func TestReactionsToOnePostAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleMember)
		post := h.post(ann, "hello")
		if err := h.store.Update(t.Context(), func(tx group.Tx) error {
			e, err := tx.Entry(valley, post.Seq)
			e.Reactions = group.MaxReactions - 1
			return errors.Join(err, tx.MarkEntry(e))
		}); err != nil {
			t.Fatal(err)
		}
		h.react(ann, post.Seq, "👍", false)
		_, err := h.hub.React(t.Context(), ann, valley, group.ReactInput{Seq: post.Seq, Text: "❤"})
		if e := refused(t, "one reaction more", err, group.KindFull); e.Limit != group.MaxReactions {
			t.Errorf("the limit is %d", e.Limit)
		}
		h.react(ann, post.Seq, "👍", true)
		h.react(ann, post.Seq, "❤", false)
	})
}

func TestAReactionThatCameTwiceIsTakenBackOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleMember)
		in := message("hello")
		post := must(h.hub.Post(t.Context(), ann, valley, in))(t)
		r := group.ReactInput{RefID: in.MessageID, Text: "👍", MessageID: group.MessageID{5}}
		if got := must(h.hub.React(t.Context(), ann, valley, r))(t); got.Seq != post.Seq {
			t.Errorf("the reaction went to %d", got.Seq)
		}
		h.react(ann, post.Seq, "👍", true)
		if got := must(h.hub.React(t.Context(), ann, valley, r))(t); len(got.Reactions) != 0 || !got.Repeated {
			t.Errorf("the same message again: %+v", got)
		}
	})
}

func TestPinsAreFewAndSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely)
		ann, mod := h.joined("Ann", moderation.RoleMember), h.joined("Mo", moderation.RoleModerator)
		post := h.post(ann, "rules: be kind")
		other := h.reader(ann)
		other.fetch()
		_, err := h.hub.Pin(t.Context(), ann, valley, post.Seq, false)
		refused(t, "a member pinning", err, group.KindDenied)
		before := h.head()
		if r := must(h.hub.Pin(t.Context(), mod, valley, post.Seq, false))(t); fmt.Sprint(r.Pinned) != fmt.Sprintf("[%d]", post.Seq) || r.Rev != before.Rev+1 {
			t.Errorf("pinned %+v", r)
		}
		if must(h.hub.Pin(t.Context(), mod, valley, post.Seq, false))(t); h.head().Rev != before.Rev+1 || h.head().Seq != before.Seq {
			t.Error("pinning twice changed something")
		}
		if other.fetch(); !other.entries[post.Seq].Pinned {
			t.Error("the other member does not see the pin")
		}
		for i := range group.MaxPins - 1 {
			must(h.hub.Pin(t.Context(), mod, valley, h.post(ann, fmt.Sprint("rule ", i)).Seq, false))(t)
		}
		_, err = h.hub.Pin(t.Context(), mod, valley, h.post(ann, "one more").Seq, false)
		if e := refused(t, "one pin more", err, group.KindFull); e.Limit != group.MaxPins {
			t.Errorf("the limit is %d", e.Limit)
		}
		must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{post.Seq}}))(t)
		if r := must(h.hub.Pins(t.Context(), ann, valley))(t); len(r.Pinned) != group.MaxPins-1 || r.Pinned[0] < r.Pinned[1] {
			t.Errorf("after a deletion: %v", r.Pinned)
		}
		_, err = h.hub.Pins(t.Context(), person("Mal"), valley)
		refused(t, "a stranger looking at the pins", err, group.KindNotMember)
		_, err = h.hub.Pin(t.Context(), mod, valley, post.Seq, true)
		refused(t, "unpinning what was deleted", err, group.KindNotFound)
	})
}

func TestReportsReachTheModerators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, freely, func(_ *group.NewGroup, c *group.Config) { c.Limits.Reports = 52 })
		ann, bob, mod := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember), h.joined("Mo", moderation.RoleModerator)
		spam := h.post(bob, "buy goats")
		events := h.hub.Subscribe(100)
		defer events.Close()
		report := func(c group.Caller, seq group.Seq, reason string) error {
			time.Sleep(10 * time.Minute)
			_, err := h.hub.Report(t.Context(), c, valley, group.ReportInput{Seq: seq, Reason: reason})
			return err
		}
		before := h.head()
		for _, reason := range []string{"spam", "spam, again"} {
			if err := report(ann, spam.Seq, reason); err != nil {
				t.Fatal(err)
			}
		}
		if h.head() != before {
			t.Error("a report shows in the timeline")
		}
		if e := <-events.Events(); e.Kind != group.EventReported || e.Who != ann.Identity || e.Name != "Ann" || e.Text != "spam" || e.Seq != spam.Seq {
			t.Errorf("staff is told %+v", e)
		}
		p := must(h.hub.Reports(t.Context(), mod, valley, 0, 0))(t)
		if p.Total != 1 || len(p.Reports) != 1 || p.Reports[0].Reason != "spam, again" || p.Reports[0].By != ann.Identity || p.Authors[0].DisplayName != "Ann" {
			t.Errorf("the moderator sees %+v", p)
		}
		_, err := h.hub.Reports(t.Context(), ann, valley, 0, 0)
		refused(t, "a member looking at the reports", err, group.KindDenied)
		_, err = h.hub.SettleReports(t.Context(), ann, valley, spam.Seq, "")
		refused(t, "a member settling a report", err, group.KindDenied)
		must(h.hub.SettleReports(t.Context(), mod, valley, spam.Seq, "warned him"))(t)
		_, err = h.hub.SettleReports(t.Context(), mod, valley, spam.Seq, "")
		refused(t, "settling it twice", err, group.KindNotFound)

		refused(t, "a report about nothing", report(ann, 999, ""), group.KindNotFound)
		refused(t, "a stranger's report", report(person("Mal"), spam.Seq, ""), group.KindNotMember)
		refused(t, "a long report", report(ann, spam.Seq, strings.Repeat("x", 201)), group.KindTooLarge)
		var seqs []group.Seq
		for i := range 51 {
			seqs = append(seqs, h.post(bob, fmt.Sprint("goat ", i)).Seq)
		}
		for _, seq := range seqs[:50] {
			if err := report(ann, seq, "spam"); err != nil {
				t.Fatal(err)
			}
		}
		refused(t, "one report more of hers", report(ann, seqs[50], "spam"), group.KindFull)
		if err := report(bob, seqs[0], "it is not spam"); err != nil {
			t.Fatal(err)
		}
		if err := report(bob, seqs[1], "nor this"); err != nil {
			t.Fatal(err)
		}
		if e := refused(t, "one report more of all", report(bob, seqs[2], ""), group.KindFull); e.Limit != 52 {
			t.Errorf("the limit is %d", e.Limit)
		}
		if p := must(h.hub.Reports(t.Context(), mod, valley, 0, 20))(t); !p.More || len(p.Reports) != 20 || p.Total != 52 || p.Reports[19].Seq != seqs[19] {
			t.Errorf("a page of reports: %d of %d, more %v", len(p.Reports), p.Total, p.More)
		}
		must(h.hub.Delete(t.Context(), mod, valley, group.DeleteInput{Author: hash(bob)}))(t)
		if p := must(h.hub.Reports(t.Context(), mod, valley, 0, 0))(t); p.Total != 0 {
			t.Errorf("%d reports about what is gone", p.Total)
		}
	})
}

func TestSearchFindsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		ann, bob := h.joined("Ann", moderation.RoleMember), h.joined("Bob", moderation.RoleMember)
		start := time.Now()
		wrong := h.post(ann, "The Brigde is open")
		time.Sleep(time.Hour)
		h.post(bob, "which bridge?")
		h.edit(ann, wrong.Seq, "The Bridge is open")
		secret := h.post(bob, "the bridge password is goat")
		must(h.hub.Delete(t.Context(), bob, valley, group.DeleteInput{Seqs: []group.Seq{secret.Seq}}))(t)
		found := func(in group.SearchInput) string {
			t.Helper()
			p := must(h.hub.Search(t.Context(), bob, valley, in))(t)
			var out []string
			for _, e := range p.Entries {
				out = append(out, string(e.Text))
			}
			if p.More {
				out = append(out, "…")
			}
			return strings.Join(out, "; ")
		}
		for _, c := range []struct {
			in   group.SearchInput
			want string
		}{
			{group.SearchInput{Text: "BRIDGE"}, "which bridge?; The Bridge is open"},
			{group.SearchInput{Text: "bridge open"}, "The Bridge is open"},
			{group.SearchInput{Text: "brigde"}, ""},
			{group.SearchInput{Text: "goat"}, ""},
			{group.SearchInput{Text: "bridge", Author: hash(bob)}, "which bridge?"},
			{group.SearchInput{Text: "bridge", Author: group.AnyHash(group.AddressOf(bob.Identity))}, "which bridge?"},
			{group.SearchInput{Author: hash(person("Mal"))}, ""},
			{group.SearchInput{Text: "bridge", Limit: 1}, "The Bridge is open; …"},
			{group.SearchInput{Text: "bridge", Before: secret.Seq - 1}, "which bridge?"},
			{group.SearchInput{Until: start.Add(time.Minute)}, ""}, // edited since
			{group.SearchInput{Since: start.Add(time.Minute), Author: hash(ann)}, "The Bridge is open"},
		} {
			if got := found(c.in); got != c.want {
				t.Errorf("%+v finds %q, want %q", c.in, got, c.want)
			}
		}
		for what, in := range map[string]group.SearchInput{"nothing": {}, "no word": {Text: "?!"}, "many words": {Text: strings.Repeat("a ", 9)}} {
			_, err := h.hub.Search(t.Context(), bob, valley, in)
			refused(t, "looking for "+what, err, group.KindInvalid)
		}
		_, err := h.hub.Search(t.Context(), bob, valley, group.SearchInput{Text: strings.Repeat("a", 201)})
		refused(t, "looking for a book", err, group.KindTooLarge)
		_, err = h.hub.Search(t.Context(), person("Mal"), valley, group.SearchInput{Text: "bridge"})
		refused(t, "a stranger searching", err, group.KindNotMember)
	})
}

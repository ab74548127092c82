package pages_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// paged is a list that goes on by a link, and how one more comes to it and one of it goes.
type paged struct {
	name string
	page string
	on   string // the label of the link
	new  group.NewGroup
	n    int
	line func(i int) string // what is shown of the i-th
	come func(t *testing.T, w *town, i int)
	goes func(t *testing.T, w *town, i int) // nil: none goes
}

// pagedLists are all lists of pages that can be longer than a page.
func pagedLists() []paged {
	ann := caller("Ann")
	who := func(i int) group.Caller { return caller(fmt.Sprint("person ", i)) }
	named := func(i int) string { return fmt.Sprintf("Person%03d", i) }
	worded := func(i int) string { return fmt.Sprintf("word%03d", i) }
	posts := func(t *testing.T, w *town, i int) {
		must(w.hub.Post(t.Context(), ann, valley, group.PostInput{Text: []byte("snow " + worded(i) + strings.Repeat(" and more", 5))}))(t)
	}
	find := func(t *testing.T, w *town, i int) group.Seq {
		p := must(w.hub.Search(t.Context(), ann, valley, group.SearchInput{Text: worded(i)}))(t)
		return p.Entries[0].Seq
	}
	erases := func(t *testing.T, w *town, i int) {
		must(w.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{find(t, w, i)}}))(t)
	}
	joins := func(t *testing.T, w *town, i int) {
		must(w.hub.Join(t.Context(), who(i), valley, group.JoinInput{Name: named(i)}))(t)
	}
	bans := func(t *testing.T, w *town, i int) {
		must(w.hub.Ban(t.Context(), ann, valley, group.BanInput{Target: group.AnyHash(who(i).Identity), Reason: named(i)}))(t)
	}
	public := group.NewGroup{Public: true}
	return []paged{
		{name: "the newest posts first", page: "history.mu", on: "Older", new: public, n: 60, line: worded, come: posts, goes: erases},
		{name: "the oldest posts first", page: "history.mu`after=1", on: "Newer", new: public, n: 60, line: worded, come: posts, goes: erases},
		{name: "what a search finds", page: "history.mu`q=snow", on: "Older", new: public, n: 60, line: worded, come: posts, goes: erases},
		{name: "members", page: "members.mu", on: "More", new: public, n: 90, line: named, come: joins, goes: func(t *testing.T, w *town, i int) {
			must(w.hub.Leave(t.Context(), who(i), valley))(t)
		}},
		{name: "who waits", page: "waiting.mu", on: "More", n: 90, line: named, come: joins, goes: func(t *testing.T, w *town, i int) {
			must(w.hub.Approve(t.Context(), ann, valley, group.AnyHash(who(i).Identity)))(t)
		}},
		{name: "reports", page: "reports.mu", on: "More", new: public, n: 40, line: worded, come: func(t *testing.T, w *town, i int) {
			posts(t, w, i)
			must(w.hub.Report(t.Context(), operator(), valley, group.ReportInput{Seq: find(t, w, i), Reason: "rude"}))(t)
		}, goes: func(t *testing.T, w *town, i int) {
			must(w.hub.SettleReports(t.Context(), ann, valley, find(t, w, i), ""))(t)
		}},
		{name: "bans", page: "bans.mu", on: "More", new: public, n: 70, line: named, come: bans, goes: func(t *testing.T, w *town, i int) {
			must(w.hub.Unban(t.Context(), ann, valley, group.AnyHash(who(i).Identity)))(t)
		}},
		{name: "the log", page: "audit.mu", on: "Older", new: public, n: 70, line: named, come: bans},
		{name: "invites", page: "invites.mu", on: "More", n: 20, line: func(i int) string { return fmt.Sprintf("%d: for %d,", i+1, i+2) }, come: func(t *testing.T, w *town, i int) {
			by := operator()
			by.Identity = ann.Identity
			must(w.hub.CreateInvite(t.Context(), by, valley, group.InviteInput{Uses: i + 2}))(t)
		}, goes: func(t *testing.T, w *town, i int) {
			must(w.hub.RevokeInvite(t.Context(), ann, valley, int64(i)+1))(t)
		}},
		{name: "groups", page: "groups.mu", on: "More", new: public, n: 60, line: named, come: func(t *testing.T, w *town, i int) {
			n := group.NewGroup{ID: group.GroupID(fmt.Sprintf("g%03d", i)), PublicKey: keys(named(i)), PrivateKey: make([]byte, 64), Public: true, PublicName: named(i)}
			must(w.hub.CreateGroup(t.Context(), operator(), n))(t)
		}, goes: func(t *testing.T, w *town, i int) {
			if err := w.hub.DeleteGroup(t.Context(), operator(), group.GroupID(fmt.Sprintf("g%03d", i))); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "who is invited to a circle", page: "circle.mu", on: "More", new: group.NewGroup{Policy: moderation.Policy{Establish: true}}, n: 30, line: named,
			come: func(t *testing.T, w *town, i int) {
				if i > 30 {
					return // no more are invited at once
				}
				must(w.hub.CreateInvite(t.Context(), operator(), valley, group.InviteInput{For: group.AnyHash(who(i).Identity)}))(t)
				must(w.hub.Join(t.Context(), who(i), valley, group.JoinInput{Name: named(i) + strings.Repeat("`", 21)}))(t)
			}},
		{name: "groups heard around", page: "directory.mu", on: "More", new: public, n: 60, line: func(i int) string { return fmt.Sprintf("far %03d", i) }, come: func(t *testing.T, w *town, i int) {
			for range 2 {
				must(0, w.hub.HeardGroup(t.Context(), group.HeardGroup{Identity: caller(named(i)).Identity, Name: fmt.Sprintf("far %03d", i), Public: true, Hops: 1, Emitted: time.Now()}))(t)
				time.Sleep(10 * time.Minute)
			}
		}},
	}
}

// Whatever comes and goes while somebody reads a list page by page, he sees all that was there the whole time, each once.
func TestAListIsReadToItsEndWhileThingsComeAndGo(t *testing.T) {
	for _, l := range pagedLists() {
		t.Run(l.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, l.new)
				for i := range l.n {
					time.Sleep(10 * time.Minute)
					l.come(t, w, i)
				}
				v := w.visitor(micron.NomadNet, "Ann").opens(l.page)
				seen, gone, next := make(map[int]int), make(map[int]bool), l.n
				for pages := 1; ; pages++ {
					if pages > 3*l.n {
						t.Fatal("it goes round")
					}
					first := -1
					for i := range l.n {
						if regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(l.line(i))).MatchString(v.Text()) {
							seen[i]++
							if first < 0 && !gone[i] {
								first = i
							}
						}
					}
					if l.goes != nil && first >= 0 { // one that was seen just now
						gone[first] = true
						l.goes(t, w, first)
					}
					l.come(t, w, next)
					next++
					if !slices.Contains(v.Labels(), l.on) {
						if pages < 2 {
							t.Fatalf("all is on one page:\n%s", v.Text())
						}
						break
					}
					time.Sleep(10 * time.Minute)
					v.follows(l.on)
				}
				for i := range l.n {
					if seen[i] != 1 {
						t.Errorf("%s is shown %d times", l.line(i), seen[i])
					}
				}
			})
		})
	}
}

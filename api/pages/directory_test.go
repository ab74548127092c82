package pages_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// hears has the server hear groups of others, twice each.
func (w *town) hears(names ...string) {
	w.t.Helper()
	for range 2 {
		for i, name := range names {
			must(0, w.hub.HeardGroup(w.t.Context(), group.HeardGroup{
				Identity: caller(fmt.Sprint("far ", i)).Identity, Name: name, Public: i%2 == 0, Joining: moderation.JoiningApprove, Hops: i + 1, Interface: "secret interface", Emitted: time.Now(),
			}))(w.t)
		}
		time.Sleep(10 * time.Minute)
	}
}

func TestGroupsHeardAroundAreListed(t *testing.T) {
	inTown(t, group.NewGroup{Public: true}, func(t *testing.T, w *town, d micron.Dialect) {
		v := w.visitor(d, "")
		v.opens("index.mu").follows("heard around").reads("No group of another server was heard yet.")
		names := []string{"Ridge", "VaIIey", ""}
		for i := range 60 {
			names = append(names, fmt.Sprintf("Group %02d of some length", i))
		}
		w.hears(names...)
		v.opens("directory.mu").reads("Ridge, public, on request, 1 hop, heard", "VaIIey, private, on request, 2 hops", "The name looks like that of an older group.", "of 63 groups")
		v.misses("secret interface")
		far := caller("far 0").Identity
		for _, link := range []string{"lxmf@" + group.AddressOf(far).String(), ":/page/index.mu"} {
			if !strings.Contains(string(v.Raw), link) {
				t.Errorf("no link to %s:\n%s", link, v.Raw)
			}
		}
		pages := 1
		for ; v.Follow("More") == nil && pages < 100; pages++ {
			if strings.Contains(v.Text(), "Ridge") {
				t.Fatal("the list goes round")
			}
		}
		if pages < 5 || !strings.Contains(v.Text(), "Group 59") {
			t.Errorf("%d pages; the last one:\n%s", pages, v.Text())
		}
		v.fills("q", "RIDGE").follows("Search").reads("Ridge, public").misses("VaIIey")
		v.fills("q", "nowhere").follows("Search").reads("No group of that name is heard.")
		v.fills("q", "length").follows("Search").reads("of 60 groups").follows("More").misses("Ridge").reads("of 60 groups")
	})
}

func TestNamesOfGroupsHeardAroundDoNothing(t *testing.T) {
	for _, d := range micron.Dialects() {
		var want map[string]int
		for _, text := range append([]string{"plain"}, evil()...) {
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, group.NewGroup{Public: true})
				w.hears(text+" name", "other")
				v := w.visitor(d, "").opens("directory.mu")
				have := parts(v.Raw, d)
				if want == nil {
					want = have
				}
				if !maps.Equal(have, want) {
					t.Errorf("%s: a group called %q:\n%v\nwant:\n%v\n%s", d, text, have, want, v.Raw)
				}
			})
		}
	}
}

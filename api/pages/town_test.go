package pages_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"groupd/api/pages"
	"groupd/group"
	"groupd/group/memory"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
)

// town is one group with its pages, and people who browse them.
type town struct {
	t      *testing.T
	hub    *group.Hub
	store  *writes
	server *pages.Server
	links  byte
}

// writes is a store that counts what changes it.
type writes struct {
	group.Store
	n int
}

func (w *writes) Update(ctx context.Context, f func(group.Tx) error) error {
	w.n++
	return w.Store.Update(ctx, f)
}

// inTown runs a test in a bubble, once for each of the two programs. Ann owns the group, which is made as new says.
func inTown(t *testing.T, new group.NewGroup, f func(t *testing.T, w *town, d micron.Dialect)) {
	t.Helper()
	for _, d := range micron.Dialects() {
		t.Run(d.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newTown(t, new), d) })
		})
	}
}

func newTown(t *testing.T, new group.NewGroup) *town {
	t.Helper()
	store := &writes{Store: memory.New()}
	none := moderation.Rate{Burst: -1}
	made := 0
	hub, err := group.New(group.Config{
		Store: store, Blobs: memory.NewBlobs(), Limits: group.Limits{AttachFloor: -1, MemberRate: none, GroupRate: none, JoinRate: none, GroupJoinRate: none},
		Groups: group.Creating{Who: moderation.CreatingMembers},
		NewIdentity: func() ([]byte, []byte, error) {
			made++
			return keys(fmt.Sprint("group ", made)), make([]byte, 64), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	key := keys("the group")
	id, _ := group.IdentityOf(key)
	new.ID, new.PublicKey, new.PrivateKey, new.Owner = valley, key, []byte("private"), group.AnyHash(caller("Ann").Identity)
	if new.PublicName == "" {
		new.PublicName = "Valley"
	}
	if _, err := hub.CreateGroup(t.Context(), operator(), new); err != nil {
		t.Fatal(err)
	}
	server, err := pages.New(pages.Config{Hub: hub, Group: valley, Address: group.AddressOf(id), Version: "0.3.0", Logger: slog.New(loud{t})})
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, hub: hub, store: store, server: server}
	w.join("Ann", 0)
	return w
}

func hash(name string) group.AnyHash { return group.AnyHash(caller(name).Identity) }

// must fails the test unless err is nil.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// join makes somebody a member, with a role above that where it is not 0.
func (w *town) join(name string, role moderation.Role) {
	w.t.Helper()
	ctx := w.t.Context()
	r := must(w.hub.Join(ctx, caller(name), valley, group.JoinInput{Name: name, Greeting: "hello"}))(w.t)
	if r.Standing == moderation.StandingPending {
		must(w.hub.Approve(ctx, operator(), valley, hash(name)))(w.t)
	}
	if role > moderation.RoleMember {
		must(w.hub.UpdatePermissions(ctx, operator(), valley, group.PermissionsInput{Target: hash(name), Role: role}))(w.t)
	}
}

// standing is what somebody is.
func (w *town) standing(name string) group.Standing {
	w.t.Helper()
	return must(w.hub.Standing(w.t.Context(), caller(name), valley))(w.t)
}

// visitor is a person at a program on a link of his own.
type visitor struct {
	*micron.Browser
	town   *town
	caller group.Caller
	link   rns.LinkID
	sent   map[string]string // the data of the last request
}

// visitor is somebody who has identified on his link; "" has not.
func (w *town) visitor(d micron.Dialect, name string) *visitor {
	w.links++
	v := &visitor{town: w, link: rns.LinkID{w.links}}
	if name != "" {
		v.caller = caller(name)
	}
	v.Browser = &micron.Browser{Dialect: d, Get: v.get}
	return v
}

// get asks as the program does, and checks what holds for every page.
func (v *visitor) get(path string, data map[string]string) []byte {
	t := v.town.t
	t.Helper()
	v.sent = data
	raw := v.town.server.Handle(t.Context(), v.caller, v.link, path, packed(data))
	checkPage(t, path, raw)
	return raw
}

// checkPage checks the size, the cache header and the width in both programs.
func checkPage(t *testing.T, path string, raw []byte) {
	t.Helper()
	if len(raw) > pages.MaxPage {
		t.Errorf("%s has %d bytes", path, len(raw))
	}
	if !slices.Contains([]string{"/page/kinds.mu", "/page/help.mu", "/page/disclosure.mu"}, path) && !strings.HasPrefix(string(raw), "#!c=0\n") {
		t.Errorf("%s may be kept: %.20q", path, raw)
	}
	for _, d := range micron.Dialects() {
		if doc := micron.Parse(raw, d); pages.Widest(doc) > pages.Columns {
			t.Errorf("%s in %s is %d columns wide:\n%s", path, d, pages.Widest(doc), strings.Join(doc.Plain(), "\n"))
		}
	}
}

// opens goes to a page.
func (v *visitor) opens(url string) *visitor {
	v.town.t.Helper()
	if err := v.Open(":/page/" + url); err != nil {
		v.town.t.Fatal(err)
	}
	return v
}

// follows follows links, one after the other.
func (v *visitor) follows(labels ...string) *visitor {
	v.town.t.Helper()
	for _, l := range labels {
		if err := v.Follow(l); err != nil {
			v.town.t.Fatalf("%v\n%s", err, v.Text())
		}
	}
	return v
}

// fills types into fields: name, text, name, text.
func (v *visitor) fills(pairs ...string) *visitor {
	v.town.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if err := v.Fill("g_"+pairs[i], pairs[i+1]); err != nil {
			v.town.t.Fatalf("%v\n%s", err, v.Text())
		}
	}
	return v
}

// ticks ticks choices: name, value, name, value.
func (v *visitor) ticks(pairs ...string) *visitor {
	v.town.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if err := v.Tick("g_"+pairs[i], pairs[i+1], true); err != nil {
			v.town.t.Fatalf("%v\n%s", err, v.Text())
		}
	}
	return v
}

// flat is the page's text with one space between words.
func (v *visitor) flat() string { return strings.Join(strings.Fields(v.Text()), " ") }

// reads fails the test unless the page says all of these.
func (v *visitor) reads(texts ...string) *visitor {
	v.town.t.Helper()
	for _, text := range texts {
		if !strings.Contains(v.flat(), text) {
			v.town.t.Fatalf("%s does not say %q:\n%s", v.Path, text, v.Text())
		}
	}
	return v
}

// misses fails the test if the page says any of these.
func (v *visitor) misses(texts ...string) *visitor {
	v.town.t.Helper()
	for _, text := range texts {
		if strings.Contains(v.flat(), text) {
			v.town.t.Fatalf("%s says %q:\n%s", v.Path, text, v.Text())
		}
	}
	return v
}

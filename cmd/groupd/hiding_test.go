package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/lxm"
	"groupd/api/pages"
	"groupd/api/requests"
	"groupd/group"
	"groupd/lxmf"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// ear hears everything that comes to a visitor, and looks for what nobody outside may learn.
type ear struct {
	t       *testing.T
	secrets map[string][]byte

	mu   sync.Mutex
	n    int  // things heard
	deaf bool // what comes now was sent when he was a member
}

// hide adds words, or hashes in any form that they are told in.
func (e *ear) hide(words string) { e.secrets[words] = []byte(words) }

func (e *ear) hideHash(what string, h []byte) {
	e.secrets[what] = h
	e.secrets[what+" in hex"] = []byte(hex.EncodeToString(h))
	e.secrets[what+" in base64"] = []byte(base64.StdEncoding.EncodeToString(h))
}

func (e *ear) hears(what string, data []byte) {
	e.t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.deaf {
		return
	}
	e.n++
	for name, secret := range e.secrets {
		if bytes.Contains(bytes.ToLower(data), bytes.ToLower(secret)) {
			e.t.Errorf("%s tells %s: %.400q", what, name, data)
		}
	}
}

// heard is how much came.
func (e *ear) heard() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.n
}

func (e *ear) listens(yes bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deaf = !yes
}

// family is a private group with people and posts, on a server with a public one. Some are outside.
type family struct {
	*started
	*ear
	info, square group.Info
}

const familyFile = `
[[group]]
id = "square"
name = "Market Square"
[[group]]
id = "zq9kin"
name = "Private Group"
private_name = "Cottle Family"
topic = "Sunday dinners"
visibility = "private"
[groups]
create = "anyone"
`

func newFamily(t *testing.T, dir string) *family {
	t.Helper()
	f := &family{started: start(t, dir, familyFile), ear: &ear{t: t, secrets: make(map[string][]byte)}}
	local, ctx := group.Caller{Local: true}, t.Context()
	var err error
	if f.info, err = f.hub.Info(ctx, local, "zq9kin"); err != nil {
		t.Fatal(err)
	}
	if f.square, err = f.hub.Info(ctx, local, "square"); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"Cottle", "Sunday dinners", "Rosalind", "Balthazar", "silver key", "recipe.txt", "zq9kin", "in the pantry"} {
		f.hide(words)
	}
	for i, name := range []string{"Rosalind", "Balthazar"} {
		id := rnstest.Identity(t, byte(40+i)).Public()
		c := group.Caller{Identity: group.IdentityHash(id.Hash()), PublicKey: id.PublicKey()}
		a := group.AddressOf(c.Identity)
		f.hideHash(name+"'s identity", c.Identity[:])
		f.hideHash(name+"'s address", a[:])
		if _, err := f.hub.Join(ctx, c, "zq9kin", group.JoinInput{Name: name}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.hub.Approve(ctx, local, "zq9kin", group.AnyHash(c.Identity)); err != nil {
			t.Fatal(err)
		}
		status := "in the pantry"
		if _, err := f.hub.UpdateProfile(ctx, c, "zq9kin", group.ProfileInput{Status: &status}); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := f.hub.UpdatePermissions(ctx, local, "zq9kin", group.PermissionsInput{Target: group.AnyHash(c.Identity), Role: moderation.RoleOwner}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.hub.Post(ctx, c, "zq9kin", group.PostInput{Text: []byte(fmt.Sprint("the silver key, ", i))}); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// outsiders are those who are told nothing: by number, what they have done.
func (f *family) outsiders() map[string]*visitor {
	f.t().Helper()
	local, ctx := group.Caller{Local: true}, f.t().Context()
	all := map[string]*visitor{"a stranger": f.visitor(1), "who waits": f.visitor(2), "who is banned": f.visitor(3), "who has left": f.visitor(4)}
	for what, v := range all {
		if what == "a stranger" {
			continue
		}
		_, err := f.hub.Join(ctx, v.caller(), "zq9kin", group.JoinInput{Name: "Guest " + what})
		if err == nil && what != "who waits" {
			_, err = f.hub.Approve(ctx, local, "zq9kin", group.AnyHash(v.caller().Identity))
		}
		if err == nil && what == "who is banned" {
			_, err = f.hub.Ban(ctx, local, "zq9kin", group.BanInput{Target: group.AnyHash(v.caller().Identity)})
		}
		if err == nil && what == "who has left" {
			_, err = f.hub.Leave(ctx, v.caller(), "zq9kin")
		}
		if err != nil {
			f.t().Fatal(err)
		}
	}
	return all
}

func (f *family) t() *testing.T { return f.started.t }

// bodies are requests of one path as somebody curious would make them.
func bodies(path string) []string {
	out := []string{"{}"}
	for _, name := range []string{"Rosalind", "Nobody Here"} {
		out = append(out, fmt.Sprintf(`{"who":{"name":%q}}`, name))
	}
	switch path {
	case "/messages":
		out = append(out, `{"newest":10}`, `{"after_rev":"0"}`, `{"seqs":["1","2","3"]}`, `{"after_seq":"0","max_bytes":9000}`, `{"after_rev":"0","quote":true}`)
	case "/messages/search":
		out = append(out, `{"text":"silver"}`, `{"author":{"name":"Rosalind"}}`)
	case "/messages/proof", "/messages/attachment", "/messages/pin", "/messages/report", "/messages/edit", "/messages/react":
		out = append(out, `{"seq":"3"}`, `{"seq":"3","text":"x"}`)
	case "/messages/delete":
		out = append(out, `{"seqs":["1","3"]}`, `{"all_by":{"name":"Rosalind"}}`)
	case "/members", "/bans", "/audit", "/reports", "/groups", "/directory", "/invites/list":
		out = append(out, `{"max_bytes":9000}`, `{"all":true}`)
	case "/members/transfer":
		out = append(out, `{"from":{"name":"Rosalind"},"to":{"name":"Balthazar"}}`)
	case "/groups/clone":
		out = append(out, `{"without":[{"name":"Rosalind"}]}`)
	case "/join":
		out = append(out, `{"code":"river-maple-stone-lamp-lake-04172","name":"Rosalind"}`)
	case "/batch":
		out = append(out, `{"items":[{"path":"/info","json":"{}"},{"path":"/messages","json":"{\"newest\":5}"},{"path":"/members","json":"{}"},{"path":"/groups","json":"{}"}],"max_bytes":9000}`)
	}
	return out
}

// TestAPrivateGroupTellsStrangersNothing goes to every face of a private group, as a stranger, as one who waits, who is banned, who has left:
// none of what is inside comes back, neither the name, topic, people, posts or files, nor whether somebody is in it.
func TestAPrivateGroupTellsStrangersNothing(t *testing.T) {
	t.Run("by announces", func(t *testing.T) {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			f := newFamily(t, dir)
			defer f.stop()
			v := f.visitor(1)
			defer v.HandleAnnounces("", rns.AnnounceHandlerOptions{PathResponses: true}, func(a rns.Announced) { f.hears("an announce", a.AppData) })()
			time.Sleep(7 * time.Hour)
			if n := f.heard(); n < 12 {
				t.Errorf("only %d announces were heard", n)
			}
		})
	})
	t.Run("by requests", func(t *testing.T) {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			f := newFamily(t, dir)
			defer f.stop()
			face, err := requests.New(requests.Config{Hub: f.hub, Group: "zq9kin"})
			if err != nil {
				t.Fatal(err)
			}
			for who, v := range f.outsiders() {
				link := v.opens(f.info.PublicKey, requests.App, requests.Aspect)
				answers := make(map[string][]byte)
				for _, path := range face.Paths() {
					for _, body := range bodies(path[len(requests.Prefix):]) {
						for _, data := range []msgpack.Raw{msgpack.Str(body), msgpack.Nil()} {
							got, err := v.asks(link, path, data)
							if err != nil {
								t.Fatalf("%s gets no answer of %s: %v", who, path, err)
							}
							f.hears(fmt.Sprintf("%s, %s %s,", who, path, body), got)
							answers[path+body] = got
						}
						time.Sleep(time.Minute)
					}
					// Asking about somebody who is there, and about nobody, makes no difference.
					here, nobody := answers[path+`{"who":{"name":"Rosalind"}}`], answers[path+`{"who":{"name":"Nobody Here"}}`]
					if !bytes.Equal(here, nobody) {
						t.Errorf("%s asks %s about a member: %s; about nobody: %s", who, path, here, nobody)
					}
				}
			}
		})
	})
	t.Run("by another group of the server", func(t *testing.T) {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			f := newFamily(t, dir)
			defer f.stop()
			f.hideHash("the group's identity", f.info.Identity[:])
			v := f.visitor(1)
			link := v.opens(f.square.PublicKey, requests.App, requests.Aspect)
			face, err := requests.New(requests.Config{Hub: f.hub, Group: "square"})
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range face.Paths() {
				for _, body := range bodies(path[len(requests.Prefix):]) {
					got, err := v.asks(link, path, msgpack.Str(body))
					if err != nil {
						t.Fatal(err)
					}
					f.hears(path+" at the square", got)
				}
				time.Sleep(time.Minute)
			}
			var answers [2][]byte
			for i, h := range [][]byte{f.info.Identity[:], bytes.Repeat([]byte{9}, 16)} {
				if answers[i], err = v.asks(link, "/api/v1/groups/delete", msgpack.Str(fmt.Sprintf(`{"group":%q}`, base64.StdEncoding.EncodeToString(h)))); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(answers[0], answers[1]) || !contains(answers[0], "NOT_FOUND") {
				t.Errorf("a hidden group: %s; none: %s", answers[0], answers[1])
			}
		})
	})
	t.Run("by pages", func(t *testing.T) {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			f := newFamily(t, dir)
			defer f.stop()
			face, err := pages.New(pages.Config{Hub: f.hub, Group: "zq9kin", Address: f.info.Address})
			if err != nil {
				t.Fatal(err)
			}
			person := fmt.Sprint(group.AddressOf(group.IdentityHash(rnstest.Identity(t, 40).Hash())))
			delete(f.secrets, "Rosalind's address in hex") // the curious one types it himself
			for who, v := range f.outsiders() {
				link := v.opens(f.info.PublicKey, pages.App, pages.Aspect)
				for _, path := range append(face.Paths(), "/file/3/0", "/file/recipe", "/page/none.mu") {
					for _, fields := range []map[string]string{
						nil, {"var_seq": "3", "var_after": "0", "var_who": person, "field_q": "silv", "var_page": "1"},
						{"field_text": "hello", "field_g_text": "hello", "var_nonce": "0011223344556677", "var_who": person, "var_delete": "3"},
					} {
						var entries []msgpack.Entry
						for _, name := range slices.Sorted(maps.Keys(fields)) {
							entries = append(entries, msgpack.Entry{Key: msgpack.Str(name), Value: msgpack.Str(fields[name])})
						}
						got, err := v.asks(link, path, msgpack.Map(entries...))
						if err != nil {
							continue // a refused file has no answer
						}
						f.hears(fmt.Sprintf("%s, %s %v,", who, path, fields), got)
					}
					time.Sleep(10 * time.Second)
				}
			}
			if n := f.heard(); n < 4*3*len(face.Paths()) {
				t.Errorf("only %d pages", n)
			}
		})
	})
	t.Run("by messages", func(t *testing.T) {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			f := newFamily(t, dir)
			defer f.stop()
			delete(f.secrets, "Rosalind") // the curious one types it himself, and is told so
			for who, v := range f.outsiders() {
				say := f.writer(v, who)
				some := []string{"hello there", "/info", "/who Rosalind", "/history", "/search silver", "/pins", "/topic", "/me Rosalind"}
				if who == "a stranger" {
					some = lxm.Commands()
				}
				for i, text := range some {
					if who != "a stranger" {
						say(v.keys, text)
						continue
					}
					keys := rnstest.Identity(t, byte(60+i)) // each may ask ten times a day
					alone, here, nobody := say(keys, "/"+text), say(keys, "/"+text+" Rosalind"), say(keys, "/"+text+" Nobodyix")
					if !strings.EqualFold(here, strings.NewReplacer("Nobodyix", "Rosalind", "nobodyix", "rosalind").Replace(nobody)) {
						t.Errorf("/%s about a member: %q; about nobody: %q; alone: %q", text, here, nobody, alone)
					}
				}
			}
			if n := f.heard(); n < 100 {
				t.Errorf("only %d answers", n)
			}
		})
	})
}

// writer gives a visitor a program for messages; what it returns sends a text to the group as somebody, and returns what is answered.
func (f *family) writer(v *visitor, who string) func(as *rns.Identity, text string) string {
	t := f.t()
	t.Helper()
	r, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: v.Transport})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	deliveries := make(map[rns.IdentityHash]*lxmf.Delivery)
	var mu sync.Mutex
	var got []string
	if err := v.RequestPath(t.Context(), rns.DestinationHash(f.info.Address)); err != nil {
		t.Fatal(err)
	}
	say := func(as *rns.Identity, text string) string {
		d := deliveries[as.Hash()]
		if d == nil {
			if d, err = r.AddDelivery(lxmf.DeliveryConfig{Identity: as, OnMessage: func(in *lxmf.Inbound) {
				in.Prove()
				f.hears("a message to "+who, in.Message.Content)
				f.hears("a title to "+who, in.Message.Title)
				mu.Lock()
				defer mu.Unlock()
				got = append(got, string(in.Message.Content))
			}}); err != nil {
				t.Fatal(err)
			}
			deliveries[as.Hash()] = d
			if err := d.Announce(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		mu.Lock()
		got = nil
		mu.Unlock()
		out, err := r.Send(t.Context(), &lxmf.Outbound{From: d, To: rns.DestinationHash(f.info.Address), Content: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(70 * time.Second) // 60 answers an hour to all strangers
		if out.State() != lxmf.StateDelivered {
			t.Errorf("%s says %q: %v, %v", who, text, out.State(), out.Err())
		}
		mu.Lock()
		defer mu.Unlock()
		return strings.Join(got, "\n")
	}
	f.listens(false)
	say(v.keys, "is there anything for me?")
	time.Sleep(2 * time.Hour)
	f.listens(true)
	return say
}

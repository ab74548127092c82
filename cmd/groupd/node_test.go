package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// started is a whole server in this process, in a bubble, and a medium on which others reach it.
type started struct {
	*node
	t      *testing.T
	dir    string
	medium *ifacetest.Medium
	end    context.CancelFunc
	ended  chan error
}

// start runs a server over a data directory, with this groupd.toml.
func start(t *testing.T, dir, file string) *started {
	t.Helper()
	s, err := parseSettings([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "reticulum")
	if err := os.MkdirAll(folder, modeFolder); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "config"), []byte("[reticulum]\nshare_instance = No\n[interfaces]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	net, err := readNetwork(folder, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n, _, err := assemble(ctx, dir, dir, s, net, io.Discard, func(...string) {})
	if err != nil {
		t.Fatal(err)
	}
	out := &started{node: n, t: t, dir: dir, medium: ifacetest.NewMedium(ifacetest.Options{Latency: 5 * time.Millisecond}), end: cancel, ended: make(chan error, 1)}
	if err := n.transport.AddInterface(interfaces.Interface(out.medium.Port("server")), rns.InterfaceOptions{}); err != nil {
		t.Fatal(err)
	}
	go func() { out.ended <- errors.Join(n.runAll(ctx), n.instance.Close(), n.db.Close()) }()
	<-n.transport.Ready()
	return out
}

// stop ends it.
func (s *started) stop() {
	s.t.Helper()
	s.end()
	if err := <-s.ended; err != nil {
		s.t.Error(err)
	}
}

// makes is a new group of the operator's.
func (s *started) makes(n group.NewGroup) group.Info {
	s.t.Helper()
	g, err := s.hub.CreateGroup(s.t.Context(), group.Caller{Local: true}, n)
	if err == nil {
		err = s.Settle(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	info, err := s.hub.Info(s.t.Context(), group.Caller{Local: true}, g.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	return info
}

func (s *started) deletes(g group.GroupID) {
	s.t.Helper()
	if err := errors.Join(s.hub.DeleteGroup(s.t.Context(), group.Caller{Local: true}, g), s.Settle(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
}

// visitor is another program on the medium.
type visitor struct {
	*rnstest.Node
	t    *testing.T
	keys *rns.Identity
}

func (s *started) visitor(number byte) *visitor {
	s.t.Helper()
	return &visitor{rnstest.Start(s.t, rns.Config{}, s.medium.Port(string(rune('a'+number)))), s.t, rnstest.Identity(s.t, number)}
}

// caller is the visitor as the hub knows him.
func (v *visitor) caller() group.Caller {
	return group.Caller{Identity: group.IdentityHash(v.keys.Hash()), PublicKey: v.keys.Public().PublicKey()}
}

// opens opens a link to a destination of a group, and says who he is.
func (v *visitor) opens(group []byte, app, aspect string) *rns.Link {
	v.t.Helper()
	id, err := rns.NewPublicIdentity(group)
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(v.t.Context(), time.Minute)
	defer cancel()
	h := id.Hash()
	if err := v.RequestPath(ctx, rns.HashDestination(&h, app, aspect)); err != nil {
		v.t.Fatal(err)
	}
	time.Sleep(time.Second)
	l, err := v.OpenLink(ctx, v.NewRemote(id, app, aspect))
	if err != nil {
		v.t.Fatalf("no link to %s.%s: %v", app, aspect, err)
	}
	if err := l.Identify(v.keys); err != nil {
		v.t.Fatal(err)
	}
	return l
}

// asks makes a request on a link; the answer is what came, in bytes or text.
func (v *visitor) asks(l *rns.Link, path string, data msgpack.Raw) ([]byte, error) {
	v.t.Helper()
	reply, err := l.Request(v.t.Context(), path, data, rns.RequestOptions{Timeout: 30 * time.Second})
	if err != nil {
		return nil, err
	}
	if b, ok := reply.Data.Bin(); ok {
		return b, nil
	}
	text, _ := reply.Data.Str()
	return []byte(text), nil
}

func TestAGroupIsServedFromWhenItIsMadeUntilItIsDeleted(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "[[group]]\nid = \"main\"\nname = \"Valley\"\n")
		defer s.stop()
		ann := s.visitor(1)
		hill := s.makes(group.NewGroup{ID: "hill", PublicName: "Hill Net", Public: true})
		l := ann.opens(hill.PublicKey, "meshchat", "group")
		if _, err := ann.asks(l, "/api/v1/join", msgpack.Str(`{"name":"Ann"}`)); err != nil {
			t.Fatal(err)
		}
		if got, err := ann.asks(l, "/api/v1/info", msgpack.Str(`{}`)); err != nil || !contains(got, "Hill Net") {
			t.Fatalf("%s, %v", got, err)
		}
		if _, kept := s.transport.Recall(rns.DestinationHash(group.AddressOf(ann.caller().Identity))); !kept {
			t.Error("a member's key is not kept")
		}
		s.deletes("hill")
		synctest.Wait()
		if got, err := ann.asks(l, "/api/v1/info", msgpack.Str(`{}`)); err != nil || !contains(got, "NOT_FOUND") {
			t.Errorf("at once after: %s, %v", got, err)
		}
		time.Sleep(partingTime + time.Second)
		if got, err := ann.asks(l, "/api/v1/info", msgpack.Str(`{}`)); err == nil {
			t.Errorf("later: %s", got)
		}
		id, err := rns.NewPublicIdentity(hill.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range [][2]string{{"meshchat", "group"}, {"lxmf", "delivery"}, {"nomadnetwork", "node"}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if l, err := ann.OpenLink(ctx, ann.NewRemote(id, name[0], name[1])); err == nil {
				t.Errorf("%s answers: %v", name, l.State())
			}
			cancel()
		}
		time.Sleep(farewellTime) // Ann can not be told
		if list := s.transport.Remembered(); len(list) != 0 {
			t.Errorf("keys of %v are kept", list)
		}
		if s.Serving("hill").Destinations != nil || s.Serving("main").Destinations == nil {
			t.Error("not the right ones are served")
		}
	})
}

func contains(got []byte, want string) bool { return strings.Contains(string(got), want) }

func TestAGroupWithTheIDOfADeletedOneIsAnotherOne(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "")
		defer s.stop()
		ann := s.visitor(1)
		old := s.makes(group.NewGroup{ID: "hill", PublicName: "Old Hill", Public: true})
		before := ann.opens(old.PublicKey, "meshchat", "group")
		if err := s.hub.DeleteGroup(t.Context(), group.Caller{Local: true}, "hill"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second) // it is erased, and its links are still open
		young := s.makes(group.NewGroup{ID: "hill", PublicName: "New Hill", Public: true})
		l := ann.opens(young.PublicKey, "meshchat", "group")
		if got, err := ann.asks(l, "/api/v1/info", msgpack.Str(`{}`)); err != nil || !contains(got, "New Hill") {
			t.Errorf("%s, %v", got, err)
		}
		if got, err := ann.asks(before, "/api/v1/info", msgpack.Str(`{}`)); err == nil {
			t.Errorf("at the old group: %s", got)
		}
		if mode := s.scheduler.ModeFor("hill", "server"); mode == group.DeliverFetch {
			t.Error("nobody carries the new group's posts")
		}
		time.Sleep(time.Hour)
		if got, err := ann.asks(l, "/api/v1/info", msgpack.Str(`{}`)); err != nil || !contains(got, "New Hill") {
			t.Errorf("when the old one is gone: %s, %v", got, err)
		}
		if mode := s.scheduler.ModeFor("hill", "server"); mode == group.DeliverFetch {
			t.Error("nobody carries the new group's posts any more")
		}
		id, err := rns.NewPublicIdentity(old.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := ann.OpenLink(ctx, ann.NewRemote(id, "meshchat", "group")); err == nil {
			t.Error("the old group answers")
		}
	})
}

// tables counts the rows of every table of the database.
func (s *started) tables() map[string]int {
	s.t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(s.dir, fileDatabase)+"?mode=ro")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	names, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%_words%'")
	if err != nil {
		s.t.Fatal(err)
	}
	defer names.Close()
	counts := make(map[string]int)
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		var n int
		if err := db.QueryRow("SELECT count(*) FROM " + name).Scan(&n); err != nil {
			s.t.Fatal(err)
		}
		counts[name] = n
	}
	return counts
}

func TestGroupsAreMadeAndDeletedAndNothingIsLeft(t *testing.T) { comeAndGo(t, 40) } // 200 of them in make soak

// comeAndGo makes and deletes so many groups, one after the other.
func comeAndGo(t *testing.T, rounds int) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, "[[group]]\nid = \"main\"\nname = \"Valley\"\n")
		defer s.stop()
		v := s.visitor(1)
		ann, post := v.caller(), group.PostInput{Text: []byte("hello")}
		round := func(i int) {
			g := s.makes(group.NewGroup{PublicName: fmt.Sprint("Group ", i), Public: true})
			if _, err := s.hub.Join(t.Context(), ann, g.Group, group.JoinInput{Name: "Ann", Mode: group.DeliverRelay}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.hub.Post(t.Context(), ann, g.Group, post); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second) // it announces itself, and is delivered
			if err := s.Announce(t.Context(), g.Group); err != nil {
				t.Fatal(err)
			}
			s.deletes(g.Group)
		}
		settle := func() (goroutines int, heap uint64) {
			time.Sleep(30 * time.Minute)
			synctest.Wait()
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return runtime.NumGoroutine(), m.HeapAlloc
		}
		for i := range 10 {
			round(i)
		}
		before, heap := settle()
		rows := s.tables()
		for i := range rounds {
			round(i)
		}
		after, grown := settle()
		if after > before+3 {
			t.Errorf("%d goroutines became %d", before, after)
		}
		if grown > heap+4<<20 {
			t.Errorf("the heap grew from %d KiB to %d", heap>>10, grown>>10)
		}
		for name, n := range s.tables() {
			if n > rows[name]+1 && name != "server_log" && name != "removed_groups" {
				t.Errorf("%s has %d rows, %d before", name, n, rows[name])
			}
		}
		t.Logf("goroutines %d, then %d; heap %d KiB, then %d", before, after, heap>>10, grown>>10)
	})
}

func TestADeletionGoesOnAfterARestartAndLeavesNoWordBehind(t *testing.T) {
	dir := t.TempDir()
	const secret, file = "marvellous antennas", "[[group]]\nid = \"main\"\nname = \"Valley\"\n[[group]]\nid = \"hill\"\nname = \"Cottle Hill\"\n[limits]\n"
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dir, file)
		v := s.visitor(1)
		for _, g := range []group.GroupID{"main", "hill"} {
			if _, err := s.hub.Join(t.Context(), v.caller(), g, group.JoinInput{Name: "Ann"}); err != nil {
				t.Fatal(err)
			}
		}
		content := []byte("a map of the " + secret)
		for i := range 400 {
			in := group.PostInput{Text: []byte(fmt.Sprint(secret, i))}
			if i == 7 {
				in.Files = true
				in.Attachments = []group.AttachmentInput{{
					Attachment: group.Attachment{Kind: group.AttachFile, Name: "map.txt", Size: int64(len(content)), Hash: sha256.Sum256(content)},
					Open:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
				}}
			}
			if _, err := s.hub.Post(t.Context(), group.Caller{Local: true}, "hill", in); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.hub.Post(t.Context(), v.caller(), "main", group.PostInput{Text: []byte("stays")}); err != nil {
			t.Fatal(err)
		}
		if !s.stores(secret) {
			t.Fatal("the posts are not there")
		}
		s.deletes("hill")
		s.stop()
		if !s.stores(secret) {
			t.Fatal("all was erased at once")
		}

		s = start(t, dir, file)
		defer s.stop()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s.stores(secret) || s.stores("Cottle") {
			t.Error("words of the group are on the disk")
		}
		if s.Serving("hill").Destinations != nil {
			t.Error("the group is served again")
		}
		p, err := s.hub.Messages(t.Context(), v.caller(), "main", group.Query{Newest: true, NoEvents: true})
		if err != nil || len(p.Entries) != 1 {
			t.Errorf("of the other group: %v, %v", p.Entries, err)
		}
		counts := s.tables()
		if counts["groups"] != 1 || counts["group_messages"] != 2 || counts["rns_own_ratchets"] > 1 || counts["attachments"] != 0 || counts["attachment_blobs"] != 0 {
			t.Errorf("left: %v", counts)
		}
	})
}

// stores reports whether some bytes are in a file of the data directory, but for its configuration.
func (s *started) stores(text string) (found bool) {
	s.t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

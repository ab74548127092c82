package pages_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/pages"
	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
	"groupd/rns/rnstest"
)

// net is a site on a network, and a client there.
type net struct {
	*site
	server, client *rns.Transport
	medium         *ifacetest.Medium
	identity       *rns.Identity
}

func (s *site) online() *net {
	s.t.Helper()
	n := &net{site: s, medium: ifacetest.NewMedium(ifacetest.Options{Latency: 20 * time.Millisecond}), identity: rnstest.Identity(s.t, 1)}
	n.server = rnstest.Start(s.t, rns.Config{}, n.medium.Port("server")).Transport
	n.client = rnstest.Start(s.t, rns.Config{}, n.medium.Port("client")).Transport
	return n
}

// serve opens the destination with the pages as they are now.
func (n *net) serve() *rns.Destination {
	n.t.Helper()
	d, err := n.server.NewDestination(rns.DestinationConfig{Identity: n.identity, App: pages.App, Aspects: []string{pages.Aspect}, MaxRequestSize: pages.MaxRequestSize})
	if err != nil {
		n.t.Fatal(err)
	}
	n.pages.Register(d)
	if err := d.Announce(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	time.Sleep(time.Second)
	return d
}

func (n *net) open() *rns.Link {
	n.t.Helper()
	l, err := n.client.OpenLink(n.t.Context(), n.client.NewRemote(n.identity.Public(), pages.App, pages.Aspect))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { l.Close() })
	return l
}

// get asks over a link.
func (n *net) get(l *rns.Link, path string, data map[string]string) *rns.Response {
	n.t.Helper()
	r, err := l.Request(n.t.Context(), path, packed(data), rns.RequestOptions{})
	if err != nil {
		n.t.Fatalf("%s: %v", path, err)
	}
	return r
}

// page is get for what has to be a page.
func (n *net) page(l *rns.Link, path string, data map[string]string) string {
	n.t.Helper()
	b, ok := n.get(l, path, data).Data.Bin()
	if !ok {
		n.t.Fatalf("%s is no page", path)
	}
	n.check(path, b)
	return string(b)
}

// attach posts a text with files.
func (s *site) attach(name, text string, files ...group.AttachmentInput) group.Seq {
	s.t.Helper()
	r, err := s.hub.Post(s.t.Context(), caller(name), valley, group.PostInput{Text: []byte(text), Attachments: files})
	if err != nil {
		s.t.Fatal(err)
	}
	return r.Seq
}

func attachment(kind group.AttachmentKind, name string, content []byte) group.AttachmentInput {
	return group.AttachmentInput{
		Attachment: group.Attachment{Kind: kind, Name: name, Mode: 16, Size: int64(len(content)), Hash: sha256.Sum256(content)},
		Open:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}
}

// paths are the targets of the links to files on a page.
func paths(page string) (list []string) {
	for _, l := range micron.Parse([]byte(page), micron.MeshChat).Links() {
		if path := strings.TrimPrefix(l.URL, ":"); strings.HasPrefix(path, "/file/") {
			list = append(list, path)
		}
	}
	return list
}

//
func TestPagesAndFilesComeOverALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.join("Ann")
		noise := make([]byte, 200_000)
		rand.NewChaCha8([32]byte{3}).Read(noise)
		text := []byte(strings.Repeat("a long report\n", 3000))
		seq := s.attach("Ann", "the report", attachment(group.AttachFile, "../Bericht [1] für `alle`.txt", text), attachment(group.AttachImage, "jpg", noise), attachment(group.AttachAudio, "", []byte("voice")))
		n := s.online()
		d := n.serve()
		l := n.open()
		n.says(n.page(l, "/page/index.mu", nil), "Valley Net", "the report")
		n.says(n.page(l, "/page/post.mu", nil), "you have to identify first")
		for _, path := range []string{"/page/none.mu", "/file/none", "/file/3/9/x", "", "anything"} {
			n.says(n.page(l, path, nil), "There is no such page or file here")
		}

		page := n.page(l, "/page/entry.mu", map[string]string{"var_seq": fmt.Sprint(seq)})
		files := paths(page)
		if len(files) != 3 {
			t.Fatalf("%d files on\n%s", len(files), page)
		}
		fetch := func(l *rns.Link) {
			t.Helper()
			for i, want := range []struct {
				name    string
				content []byte
			}{{"Bericht [1] für `alle`.txt", text}, {fmt.Sprintf("image-%d.jpg", seq), noise}, {fmt.Sprintf("voice-%d.ogg", seq), []byte("voice")}} {
				r := n.get(l, files[i], nil)
				meta, ok := r.Metadata.Map()
				if !ok || len(meta) != 1 || !bytes.Equal(r.File, want.content) {
					t.Fatalf("%s: %d bytes, metadata %x", files[i], len(r.File), []byte(r.Metadata))
				}
				key, isText := meta[0].Key.Str()
				name, isBytes := meta[0].Value.Bin()
				if !isText || key != "name" || !isBytes || string(name) != want.name {
					t.Errorf("%s: metadata %x", files[i], []byte(r.Metadata))
				}
			}
		}
		fetch(l)

		// Who has identified is who he is on this link alone.
		me := rnstest.Identity(t, 7)
		who := group.Caller{Identity: group.IdentityHash(me.Hash()), PublicKey: me.Public().PublicKey()}
		if _, err := s.hub.Join(t.Context(), who, valley, group.JoinInput{Name: "Me"}); err != nil {
			t.Fatal(err)
		}
		n.says(n.page(l, "/page/index.mu", map[string]string{"var_identity": me.Hash().String(), "field_g_identity": me.Hash().String()}), "How to join")
		if err := l.Identify(me); err != nil {
			t.Fatal(err)
		}
		n.says(n.page(l, "/page/index.mu", nil), "You are ", "Me")
		form := n.page(l, "/page/post.mu", nil)
		send := micron.Parse([]byte(form), micron.NomadNet).Links()[0]
		nonce := strings.TrimPrefix(send.Data, "*|n=")
		long := strings.Repeat("long words ", 300) // as a resource
		n.says(n.page(l, "/page/post.mu", map[string]string{"field_g_text": long, "var_n": nonce}), "Posted as #")
		n.says(n.page(n.open(), "/page/index.mu", nil), "How to join")

		// After a restart nobody remembers which links there were.
		s.pages = s.serve(mustInfo(t, s).Address)
		d.Close()
		l.Close()
		n.serve()
		l = n.open()
		fetch(l)

		// What was deleted is gone.
		if _, err := s.hub.Delete(t.Context(), caller("Ann"), valley, group.DeleteInput{Seqs: []group.Seq{seq}}); err != nil {
			t.Fatal(err)
		}
		n.says(n.page(l, files[0], nil), "There is no such page or file here")
	})
}

func mustInfo(t *testing.T, s *site) group.Info {
	t.Helper()
	in, err := s.hub.Info(t.Context(), operator(), valley)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func TestFilesOfAPrivateGroupAreForItsMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(n *group.NewGroup) { n.Public = false })
		me := rnstest.Identity(t, 7)
		who := group.Caller{Identity: group.IdentityHash(me.Hash()), PublicKey: me.Public().PublicKey()}
		for _, c := range []group.Caller{caller("Ann"), who} {
			if _, err := s.hub.Join(t.Context(), c, valley, group.JoinInput{Name: "Somebody"}); err != nil {
				t.Fatal(err)
			}
			if _, err := s.hub.Approve(t.Context(), operator(), valley, group.AnyHash(c.Identity)); err != nil {
				t.Fatal(err)
			}
		}
		seq := s.attach("Ann", "x", attachment(group.AttachFile, "plan.txt", []byte("at nine")))
		n := s.online()
		n.serve()
		inside := n.open()
		if err := inside.Identify(me); err != nil {
			t.Fatal(err)
		}
		path := paths(n.page(inside, "/page/entry.mu", map[string]string{"var_seq": fmt.Sprint(seq)}))[0]
		if got := n.get(inside, path, nil); string(got.File) != "at nine" {
			t.Errorf("a member got %q", got.File)
		}
		outside := n.open()
		n.says(n.page(outside, path, nil), "For this, the group has to know who you are.")
		if err := outside.Identify(rnstest.Identity(t, 8)); err != nil {
			t.Fatal(err)
		}
		n.says(n.page(outside, path, nil), "You are not a member of this group.")

		// By guessing names nobody learns which files there are.
		for _, l := range []*rns.Link{n.open(), outside} {
			if there, not := n.page(l, path, nil), n.page(l, "/file/3/0/plane.txt", nil); there != not {
				t.Errorf("a file that there is:\n%s\none that there is not:\n%s", there, not)
			}
		}
	})
}

func TestFilesHaveABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		s.join("Ann")
		noise := make([]byte, 400_000)
		rand.NewChaCha8([32]byte{3}).Read(noise)
		seq := s.attach("Ann", "x", attachment(group.AttachImage, "png", noise))
		n := s.online()
		n.serve()
		l := n.open()
		path := paths(n.page(l, "/page/entry.mu", map[string]string{"var_seq": fmt.Sprint(seq)}))[0]
		answers := make(chan *rns.Response, 3)
		for range 3 {
			go func() {
				r, err := l.Request(t.Context(), path, msgpack.Nil(), rns.RequestOptions{})
				if err != nil {
					t.Error(err)
				}
				answers <- r
			}()
		}
		files, refused := 0, 0
		for range 3 {
			r := <-answers
			if page, ok := r.Data.Bin(); ok && strings.Contains(string(page), "Too many files are being sent just now.") {
				refused++
			} else if bytes.Equal(r.File, noise) {
				files++
			}
		}
		if files != 2 || refused != 1 {
			t.Errorf("%d files, %d refused", files, refused)
		}
		if r := n.get(l, path, nil); !bytes.Equal(r.File, noise) {
			t.Error("no file afterwards")
		}
	})
}

// Who came later does not see what was there before, nor by guessing that it was.
func TestFilesFromBeforeSomebodyCameAreNotThereForHim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, func(n *group.NewGroup) { n.Public, n.Policy.History = false, moderation.HistoryStay })
		me := rnstest.Identity(t, 7)
		who := group.Caller{Identity: group.IdentityHash(me.Hash()), PublicKey: me.Public().PublicKey()}
		joins := func(c group.Caller) {
			must(s.hub.Join(t.Context(), c, valley, group.JoinInput{Name: "Somebody"}))(t)
			must(s.hub.Approve(t.Context(), operator(), valley, group.AnyHash(c.Identity)))(t)
		}
		joins(caller("Ann"))
		seq := s.attach("Ann", "x", attachment(group.AttachFile, "plan.txt", []byte("at nine")))
		page := s.pages.Handle(t.Context(), caller("Ann"), rns.LinkID{9}, "/page/entry.mu", packed(map[string]string{"var_seq": fmt.Sprint(seq)}))
		path := paths(string(page))[0]
		joins(who)
		n := s.online()
		n.serve()
		l := n.open()
		if err := l.Identify(me); err != nil {
			t.Fatal(err)
		}
		if there, not := n.page(l, path, nil), n.page(l, path+"x", nil); there != not {
			t.Errorf("a file that there is:\n%s\none that there is not:\n%s", there, not)
		}
		// A file of his own time he gets, and by its name alone.
		seq = s.attach("Ann", "y", attachment(group.AttachFile, "new.txt", []byte("at ten")))
		if got := n.get(l, fmt.Sprintf("/file/%d/0/new.txt", seq), nil); string(got.File) != "at ten" {
			t.Errorf("he got %q, %x", got.File, []byte(got.Data))
		}
	})
}

package group_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
)

// storage is a house with contents that the test can look at.
func storage(t *testing.T, limits group.Limits, change ...func(*group.NewGroup, *group.Config)) (*house, *memory.Blobs) {
	b := memory.NewBlobs()
	limits.MemberRate, limits.GroupRate = moderation.Rate{Burst: -1}, moderation.Rate{Burst: -1}
	h := newHouse(t, append([]func(*group.NewGroup, *group.Config){open, func(_ *group.NewGroup, c *group.Config) { c.Blobs, c.Limits = b, limits }}, change...)...)
	return h, b
}

// file is an attachment.
func file(name string, content string) group.AttachmentInput {
	return group.AttachmentInput{
		Attachment: group.Attachment{Kind: group.AttachFile, Name: name, Size: int64(len(content)), Hash: sha256.Sum256([]byte(content)), At: 5},
		Open:       func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil },
	}
}

func carrying(text string, files ...group.AttachmentInput) group.PostInput {
	in := message(text)
	in.Attachments = files
	return in
}

// content reads an attachment, "" when it can not be had.
func (h *house) content(c group.Caller, q group.AttachmentQuery) (string, error) {
	a, err := h.hub.Attachment(h.t.Context(), c, valley, q)
	if err != nil {
		return "", err
	}
	defer a.Content.Close()
	b, err := io.ReadAll(io.NewSectionReader(a.Content, 0, a.Content.Size()))
	return string(b), err
}

func count(t *testing.T, b group.Blobs) (n int) {
	t.Helper()
	if err := b.All(func(group.Hash) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAttachmentsAreSeenByThoseWhoSeeThePost(t *testing.T) {
	h, b := storage(t, group.Limits{})
	ann, bo := h.joined("ann", moderation.RoleMember), h.joined("bo", moderation.RoleMember)
	image := group.AttachmentInput{Attachment: group.Attachment{Kind: group.AttachImage, Name: "image/WebP\u202e", Size: 3, Hash: sha256.Sum256([]byte("img"))}, Open: file("", "img").Open}
	r := must(h.hub.Post(t.Context(), ann, valley, carrying("", image, file("../../\x1b[31metc/pass\u202ewd", "root"))))(t)
	e := must(h.hub.Messages(t.Context(), bo, valley, group.Query{Newest: true, Limit: 1}))(t).Entries[0]
	if e.Attachments != 2 || len(e.Files) != 2 || e.Files[0].Name != "webp" || e.Files[1].Name != "passwd" || e.Files[1].Size != 4 {
		t.Fatalf("bo sees %+v", e.Files)
	}
	sum := e.Files[1].Hash
	for what, q := range map[string]group.AttachmentQuery{
		"by index": {Seq: r.Seq, Index: 1}, "by hash": {Seq: r.Seq, Hash: sum[:]}, "by a bit of it": {Seq: r.Seq, Hash: sum[:4]},
	} {
		if got, err := h.content(bo, q); got != "root" || err != nil {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
	for what, q := range map[string]group.AttachmentQuery{
		"no such": {Seq: r.Seq, Index: 2}, "negative": {Seq: r.Seq, Index: -1}, "another hash": {Seq: r.Seq, Hash: []byte("none")}, "another post": {Seq: r.Seq + 1}, "an event": {Seq: 1},
	} {
		_, err := h.content(bo, q)
		refused(t, what, err, group.KindNotFound)
	}
	for _, n := range []int{1, 3, 33} {
		_, err := h.content(bo, group.AttachmentQuery{Seq: r.Seq, Hash: make([]byte, n)})
		refused(t, "a hash of a wrong length", err, group.KindInvalid)
	}
	p := must(h.hub.Proof(t.Context(), bo, valley, r.Seq))(t)
	if len(p.Attachments) != 2 || p.Attachments[1].At != 5 {
		t.Errorf("the proof: %+v", p.Attachments)
	}
	if bad, err := h.hub.VerifyChain(t.Context(), valley); bad != 0 || err != nil {
		t.Error(bad, err)
	}

	edited := must(h.hub.Edit(t.Context(), ann, valley, group.EditInput{Seq: r.Seq, Post: group.PostInput{Text: []byte("see here")}}))(t)
	if got, err := h.content(bo, group.AttachmentQuery{Seq: edited.Seq, Index: 1}); got != "root" || err != nil {
		t.Errorf("through the edit: %q, %v", got, err)
	}
	_, err := h.hub.Edit(t.Context(), ann, valley, group.EditInput{Seq: r.Seq, Post: carrying("more", file("x", "x"))})
	refused(t, "an edit with a file", err, group.KindInvalid)
	_, err = h.content(person("a banned one"), group.AttachmentQuery{Seq: r.Seq})
	if err != nil { // public and open: anybody reads
		t.Error(err)
	}
	must(h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(bo)}))(t)
	_, err = h.content(bo, group.AttachmentQuery{Seq: r.Seq})
	refused(t, "banned", err, group.KindBanned)
	if n := count(t, b); n != 2 {
		t.Errorf("%d contents", n)
	}
}

func TestTheSameContentIsKeptOnceUntilItsLastPostGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b := storage(t, group.Limits{})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.hub.Run(ctx) }()
		ann := h.joined("ann", moderation.RoleMember)
		first := must(h.hub.Post(t.Context(), ann, valley, carrying("one", file("a.txt", "same"), file("b.txt", "same"))))(t)
		second := must(h.hub.Post(t.Context(), ann, valley, carrying("two", file("c.txt", "same"))))(t)
		if n := count(t, b); n != 1 {
			t.Fatalf("%d contents", n)
		}
		erase := func(seq group.Seq) {
			t.Helper()
			must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{seq}}))(t)
			synctest.Wait()
			_, err := h.content(ann, group.AttachmentQuery{Seq: seq})
			refused(t, "of a deleted post", err, group.KindNotFound)
		}
		erase(first.Seq)
		if got, err := h.content(ann, group.AttachmentQuery{Seq: second.Seq}); got != "same" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		erase(second.Seq)
		if n := count(t, b); n != 0 {
			t.Errorf("%d contents are left", n)
		}
		if r := must(h.hub.Post(t.Context(), ann, valley, carrying("one", file("a.txt", "same"))))(t); !r.Duplicate || count(t, b) != 0 {
			t.Errorf("the same message again: %+v, %d contents", r, count(t, b))
		}
		third := must(h.hub.Post(t.Context(), ann, valley, carrying("three", file("a.txt", "same"))))(t)
		if got, err := h.content(ann, group.AttachmentQuery{Seq: third.Seq}); got != "same" || err != nil {
			t.Errorf("%q, %v", got, err)
		}

		// Retention erases too.
		must(h.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.RetainCount = 1 }}))(t)
		h.post(ann, "the newest")
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := count(t, b); n != 0 {
			t.Errorf("%d contents are left after retention", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAPurgeCanBeUndoneWithItsAttachments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b := storage(t, group.Limits{})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.hub.Run(ctx) }()
		spam := h.joined("spam", moderation.RoleMember)
		r := must(h.hub.Post(t.Context(), spam, valley, carrying("buy", file("a.txt", "ad"))))(t)
		ban := func() {
			t.Helper()
			must(h.hub.Ban(t.Context(), operator(), valley, group.BanInput{Target: hash(spam), Purge: true}))(t)
			time.Sleep(time.Minute)
			synctest.Wait()
			_, err := h.content(operator(), group.AttachmentQuery{Seq: r.Seq})
			refused(t, "purged", err, group.KindNotFound)
		}
		ban()
		if n := count(t, b); n != 1 {
			t.Fatalf("%d contents", n)
		}
		must(h.hub.UndoBan(t.Context(), operator(), valley, hash(spam)))(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, err := h.content(operator(), group.AttachmentQuery{Seq: r.Seq}); got != "ad" || err != nil {
			t.Errorf("after undo: %q, %v", got, err)
		}
		ban()
		time.Sleep(49 * time.Hour)
		synctest.Wait()
		if n := count(t, b); n != 0 {
			t.Errorf("%d contents are left", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestQuotasHoldAtTheBound(t *testing.T) {
	h, b := storage(t, group.Limits{AttachBytes: 10, AttachMember: 25, AttachGroup: 40, AttachDisk: 32, AttachFloor: -1})
	ann, bo, cy := h.joined("ann", moderation.RoleMember), h.joined("bo", moderation.RoleMember), h.joined("cy", moderation.RoleMember)
	n := 0
	post := func(who group.Caller, contents ...string) error {
		n++
		var files []group.AttachmentInput
		for _, c := range contents {
			files = append(files, file("f", c))
		}
		_, err := h.hub.Post(t.Context(), who, valley, carrying(strings.Repeat("x", n), files...))
		return err
	}
	ok := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	full := func(what string, err error, kind group.Kind, limit int64) {
		t.Helper()
		if e := refused(t, what, err, kind); e.Limit != limit {
			t.Errorf("%s: %+v", what, e)
		}
	}
	full("one byte too many", post(ann, strings.Repeat("a", 11)), group.KindTooLarge, 10)
	ok("just fits", post(ann, "aaaaaaaaaa"))
	ok("to the bound of one member", post(ann, "bbbbbbbbbb", "ccccc"))
	full("beyond the member's", post(ann, "d"), group.KindFull, 25)
	ok("without", post(ann))
	ok("another's, the same content counts once on the disk", post(bo, "aaaaaaaaaa"))
	ok("to the bound of the group", post(bo, "eeeee"))
	full("beyond the group's", post(cy, "f"), group.KindFull, 40)
	must(h.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.AttachBytes, p.AttachMember = 2, 30 }}))(t)
	full("the policy's", post(cy, "ggg"), group.KindTooLarge, 2)
	if n := count(t, b); n != 4 {
		t.Errorf("%d contents: what was refused was kept", n)
	}

	h, _ = storage(t, group.Limits{AttachDisk: 10, AttachFloor: -1})
	ann = h.joined("ann", moderation.RoleMember)
	ok("to the bound of the server", post(ann, "aaaaaaaaaa"))
	ok("nothing new", post(ann, "aaaaaaaaaa"))
	full("beyond the server's", post(ann, "b"), group.KindFull, 10)
}

func TestOnAFullDiskPostsGoOnAndAttachmentsStop(t *testing.T) {
	h, b := storage(t, group.Limits{AttachFloor: 100})
	ann := h.joined("ann", moderation.RoleMember)
	b.SetSpace(110)
	must(h.hub.Post(t.Context(), ann, valley, carrying("to the floor", file("a", "0123456789"))))(t)
	_, err := h.hub.Post(t.Context(), ann, valley, carrying("below", file("b", "x")))
	refused(t, "below the floor", err, group.KindFull)
	must(h.hub.Post(t.Context(), ann, valley, carrying("what is there takes no room", file("c", "0123456789"))))(t)
	h.post(ann, "posts go on")

	none, full := storage(t, group.Limits{AttachFloor: -1})
	ann = none.joined("ann", moderation.RoleMember)
	full.SetSpace(3)
	_, err = none.hub.Post(t.Context(), ann, valley, carrying("no floor", file("a", "abc"), file("b", "x")))
	refused(t, "a full disk", err, group.KindFull)
	if n := count(t, full); n != 0 {
		t.Errorf("%d contents are left", n)
	}
}

func TestWhatIsRefusedLeavesNothingOnDisk(t *testing.T) {
	h, b := storage(t, group.Limits{})
	ann, mod := h.joined("ann", moderation.RoleMember), h.joined("mod", moderation.RoleModerator)
	bad := file("a", "content")
	bad.Hash = group.Hash{1}
	_, err := h.hub.Post(t.Context(), ann, valley, carrying("another content", file("b", "good"), bad))
	refused(t, "another content", err, group.KindNotDurable)
	torn := file("a", "content")
	torn.Open = func() (io.ReadCloser, error) { return nil, errors.New("gone") }
	_, err = h.hub.Post(t.Context(), ann, valley, carrying("gone", torn))
	refused(t, "gone", err, group.KindNotDurable)
	for what, files := range map[string][]group.AttachmentInput{
		"no kind": {{Attachment: group.Attachment{}, Open: torn.Open}}, "no content": {{Attachment: group.Attachment{Kind: group.AttachFile}}},
		"a negative size": {{Attachment: group.Attachment{Kind: group.AttachFile, Size: -1}, Open: torn.Open}},
	} {
		_, err = h.hub.Post(t.Context(), ann, valley, carrying(what, files...))
		refused(t, what, err, group.KindInvalid)
	}
	var many []group.AttachmentInput
	for range group.MaxAttachments {
		many = append(many, file("f", "content"))
	}
	_, err = h.hub.Post(t.Context(), ann, valley, carrying("too many", append(many, many...)...))
	refused(t, "too many", err, group.KindInvalid)
	h.store.OnCommit(func() error { return errors.New("disk") })
	_, err = h.hub.Post(t.Context(), ann, valley, carrying("not committed", file("f", "content")))
	refused(t, "not committed", err, group.KindNotDurable)
	h.store.OnCommit(nil)
	must(h.hub.UpdateSettings(t.Context(), operator(), valley, group.SettingsInput{Change: func(p *moderation.Policy) { p.AttachRole = moderation.RoleModerator }}))(t)
	opened := false
	shy := file("f", "content")
	shy.Open = func() (io.ReadCloser, error) { opened = true; return nil, errors.New("not to be read") }
	_, err = h.hub.Post(t.Context(), ann, valley, carrying("may not", shy))
	if refused(t, "not for members", err, group.KindDenied); opened {
		t.Error("the content was read of one who may not")
	}
	if n := count(t, b); n != 0 {
		t.Errorf("%d contents are left", n)
	}
	must(h.hub.Post(t.Context(), mod, valley, carrying("as many as there may be", many...)))(t)

	without := newHouse(t, open)
	_, err = without.hub.Post(t.Context(), without.joined("ann", moderation.RoleMember), valley, carrying("x", file("f", "content")))
	refused(t, "a server that keeps none", err, group.KindUnsupported)
}

// A killed program leaves a file without a row; a disk that lost a file leaves a row without it.
func TestTheStartFindsWhatACrashLeft(t *testing.T) {
	h, b := storage(t, group.Limits{})
	ann := h.joined("ann", moderation.RoleMember)
	r := must(h.hub.Post(t.Context(), ann, valley, carrying("kept", file("a", "kept"), file("b", "lost"))))(t)
	if release, err := b.Keep(sha256.Sum256([]byte("orphan")), 6, strings.NewReader("orphan")); err != nil {
		t.Fatal(err)
	} else {
		release()
	}
	if _, err := b.Erase(sha256.Sum256([]byte("lost")), func() (bool, error) { return true, nil }); err != nil {
		t.Fatal(err)
	}
	if removed, missing, err := h.hub.CheckAttachments(t.Context()); removed != 1 || missing != 1 || err != nil {
		t.Errorf("%d removed, %d missing, %v", removed, missing, err)
	}
	if got, err := h.content(ann, group.AttachmentQuery{Seq: r.Seq}); got != "kept" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	_, err := h.content(ann, group.AttachmentQuery{Seq: r.Seq, Index: 1})
	refused(t, "lost", err, group.KindNotFound)
	if n := count(t, b); n != 1 {
		t.Errorf("%d contents", n)
	}
}

func TestFileNamesAreNamesAndNothingElse(t *testing.T) {
	for name, want := range map[string]string{
		"map.pdf": "map.pdf", "": "file", "..": "file", "/": "file", "a/b\\c.txt": "c.txt", ".profile": "profile", "~/x": "x", "C:evil": "C_evil",
		"a\u202egpj.exe": "agpj.exe", "\x1b[31mred": "[31mred", "new\nline.txt": "new line.txt", "x\x00y": "xy", "--rf": "rf", "\xff\xfe": "file",
		"'; DROP TABLE attachments; --": "'; DROP TABLE attachments;", "Bild ⛰.webp": "Bild ⛰.webp",
		strings.Repeat("é", 100) + ".jpeg": strings.Repeat("é", 57) + ".jpeg",
	} {
		got := group.CleanFileName(name)
		if got != want {
			t.Errorf("%q became %q, want %q", name, got, want)
		}
		if again := group.CleanFileName(got); again != got || len(got) > group.MaxFileName {
			t.Errorf("%q became %q the second time", got, again)
		}
	}
}

func FuzzCleanFileName(f *testing.F) {
	for _, name := range []string{"map.pdf", "../x", "\u202e", strings.Repeat("a.", 200), "é\xff"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := group.CleanFileName(name)
		if got == "" || len(got) > group.MaxFileName || strings.ContainsAny(got, "/\\\x00\n") || strings.HasPrefix(got, ".") || !bytes.Equal([]byte(got), bytes.ToValidUTF8([]byte(got), nil)) {
			t.Errorf("%q became %q", name, got)
		}
	})
}

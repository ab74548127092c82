package group_test

import (
	"bytes"
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

const secretFile = "what only the other group was shown"

// neighbours are a server on which another group has a file, and an export of a group in which Ann has posted the same.
func neighbours(t *testing.T) (new *house, blobs *memory.Blobs, file []byte) {
	h, _ := storage(t, group.Limits{})
	h.joined("Ann", moderation.RoleMember)
	must(h.hub.Post(t.Context(), person("Ann"), valley, carrying("look", secret())))(t)
	file = h.exported(group.ExportInput{Identity: true})
	new, blobs = empty(t)
	new.otherGroup("hill")
	return new, blobs, file
}

func secret() group.AttachmentInput { return file("secret.txt", secretFile) }

// otherGroup makes a group in which Bob posts the secret file.
func (h *house) otherGroup(id group.GroupID) group.PostResult {
	h.t.Helper()
	must(h.hub.CreateGroup(h.t.Context(), operator(), group.NewGroup{ID: id, PublicKey: person(string(id)).PublicKey, PrivateKey: []byte("other"), PublicName: "Hill"}))(h.t)
	must(h.hub.Join(h.t.Context(), person("Bob"), id, group.JoinInput{Name: "Bob", Mode: group.DeliverRelay}))(h.t)
	must(h.hub.Approve(h.t.Context(), operator(), id, hash(person("Bob"))))(h.t)
	return must(h.hub.Post(h.t.Context(), person("Bob"), id, carrying("secret", secret())))(h.t)
}

// without is a file in which no content is brought; called says whether they are called missing.
func without(t *testing.T, file []byte, called bool) []byte {
	return forged(t, file, func(all []map[string]any) (kept []map[string]any) {
		for _, l := range all {
			if l["kind"] == "content" {
				if !called {
					continue
				}
				l["missing"] = true
				delete(l, "data")
			}
			kept = append(kept, l)
		}
		return kept
	})
}

func TestAnImportThatNamesAnotherGroupsFileWithoutBringingItIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		new, _, file := neighbours(t)
		bad := without(t, file, false)
		for name, err := range map[string]error{
			"import": func() error { _, err := new.imports(bad, withKeys()); return err }(),
			"check":  func() error { _, err := group.CheckExport(t.Context(), bytes.NewReader(bad), withKeys()); return err }(),
		} {
			e := refused(t, name, err, group.KindInvalid)
			var line *group.LineError
			if !errors.As(e.Err, &line) || line.Field != "attachments" || !strings.Contains(line.Msg, "content") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestAFileThatAnImportDidNotBringIsLostWhoeverElseHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		new, blobs, file := neighbours(t)
		in := withKeys()
		opened := 0
		in.Verify = func(p group.SignedPost) error {
			for _, a := range p.Attachments {
				if _, err := p.Open(a.Hash); !errors.Is(err, group.ErrNoRow) {
					opened++
				}
			}
			return group.ErrUnchecked
		}
		bad := without(t, file, true)
		r := must(new.imports(bad, in))(t)
		if r.Missing != 1 || opened != 0 {
			t.Errorf("%d attachments are missing, %d were looked into", r.Missing, opened)
		}
		ann, its := person("Ann"), group.AttachmentQuery{Seq: 2}
		unreadable := func(when string) {
			t.Helper()
			got, err := new.content(ann, its)
			if refused(t, when, err, group.KindNotFound); got != "" {
				t.Errorf("%s: %q is read", when, got)
			}
			if e := must(new.hub.Messages(t.Context(), ann, valley, group.Query{Seqs: []group.Seq{2}}))(t).Entries[0]; len(e.Files) != 1 || e.Files[0].Name != "secret.txt" {
				t.Errorf("%s: the post shows %+v", when, e.Files)
			}
		}
		unreadable("at once")
		if err := new.hub.DeleteGroup(t.Context(), operator(), "hill"); err != nil {
			t.Fatal(err)
		}
		new.lives(time.Minute)
		if n := count(t, blobs); n != 0 {
			t.Errorf("%d contents stay on the disk for a post that does not have them", n)
		}
		unreadable("when nobody has it")
		new.otherGroup("dale")
		unreadable("when another group gets it")
		must(new.hub.Post(t.Context(), ann, valley, carrying("again", secret())))(t)
		unreadable("when the group gets it by another post")
		if got, err := new.content(ann, group.AttachmentQuery{Seq: 3}); got != secretFile || err != nil {
			t.Errorf("the other post has %q, %v", got, err)
		}
		if _, err := new.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{2, 3}}); err != nil {
			t.Fatal(err)
		}
		if err := new.hub.DeleteGroup(t.Context(), operator(), "dale"); err != nil {
			t.Fatal(err)
		}
		new.lives(time.Minute)
		if n := count(t, blobs); n != 0 {
			t.Errorf("%d contents are left at the end", n)
		}
	})
}

// kinds are the lines of an export of some kinds.
func kinds(file []byte, of ...string) (text string) {
	for line := range strings.Lines(string(file)) {
		for _, kind := range of {
			if strings.HasPrefix(line, `{"kind":"`+kind+`"`) {
				text += line
			}
		}
	}
	return text
}

func TestAGroupWhoseFilesWereNotBroughtIsExportedAsTheSameRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		bare := h.exported(group.ExportInput{Identity: true, NoContents: true})
		if n := strings.Count(string(bare), `"missing":true`); n != 3 || strings.Contains(string(bare), `"data"`) {
			t.Errorf("%d contents are called missing", n)
		}
		new, _ := empty(t)
		new.otherGroup("hill")
		must(new.hub.Post(t.Context(), person("Bob"), "hill", carrying("the same", file("same.txt", "the same"))))(t)
		must(new.imports(bare, withKeys()))(t)
		if got := new.exported(group.ExportInput{Identity: true}); kinds(got, "content", "entry") != kinds(bare, "content", "entry") {
			t.Errorf("exported again:\n%s", body(got))
		}
		// The group itself gets one of them again.
		must(new.hub.Post(t.Context(), person("Ann ⛰"), valley, carrying("found it", file("found.txt", "the same"))))(t)
		again := new.exported(group.ExportInput{Identity: true})
		third, blobs := empty(t)
		if r := must(third.imports(again, withKeys()))(t); r.Missing != 2 || count(t, blobs) != 1 {
			t.Errorf("%d attachments are missing, and there are %d contents", r.Missing, count(t, blobs))
		}
	})
}

func TestWhatIsNotBroughtCountsNotAsRoomThatIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, file := neighbours(t)
		new, _ := empty(t, func(c *group.Config) { c.Limits.AttachMember, c.Limits.AttachGroup = 60, 60 })
		huge := forged(t, without(t, file, true), func(all []map[string]any) []map[string]any {
			for _, l := range all {
				if files, ok := l["attachments"].([]any); ok {
					files[0].(map[string]any)["size"] = 1 << 30
				}
			}
			return all
		})
		must(new.imports(huge, withKeys()))(t)
		must(new.hub.Post(t.Context(), person("Ann"), valley, carrying("again", secret())))(t)
		if got, err := new.content(person("Ann"), group.AttachmentQuery{Seq: 3}); got != secretFile || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		var out bytes.Buffer
		if r := must(new.hub.Export(t.Context(), operator(), valley, io.MultiWriter(&out), group.ExportInput{Identity: true}))(t); r.Missing != 0 {
			t.Errorf("%d contents are missing", r.Missing)
		}
		again, _ := empty(t)
		if r := must(again.imports(out.Bytes(), withKeys()))(t); r.Missing != 1 { // the one that is said to have another size
			t.Errorf("%d attachments are missing", r.Missing)
		}
	})
}

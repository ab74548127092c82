package signed_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"groupd/api/signed"
	"groupd/group"
	"groupd/lxmf"
	"groupd/rns"
)

// kept is a content in memory.
type kept struct{ *bytes.Reader }

func (kept) Close() error { return nil }

// stored is what a server keeps of a message.
func stored(t *testing.T, m *lxmf.Message) group.SignedPost {
	t.Helper()
	keys, err := rns.LoadIdentity(bytes.Repeat([]byte{3}, 64))
	if err != nil {
		t.Fatal(err)
	}
	in := signed.Post(m)
	contents := make(map[group.Hash][]byte)
	p := group.SignedPost{
		Entry:    group.Entry{Kind: in.Kind, Author: group.IdentityHash(keys.Hash()), MessageID: in.MessageID, Title: in.Title, Text: in.Text, Fields: in.Fields},
		Original: in.Original, PublicKey: keys.Public().PublicKey(),
		Open: func(h group.Hash) (group.BlobReader, error) {
			if b, ok := contents[h]; ok {
				return kept{bytes.NewReader(b)}, nil
			}
			return nil, group.ErrNoRow
		},
	}
	for _, a := range in.Attachments {
		r, err := a.Open()
		if err != nil {
			t.Fatal(err)
		}
		if contents[a.Hash], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		p.Attachments = append(p.Attachments, a.Attachment)
	}
	return p
}

func files(sizes ...int) func(*lxmf.Draft) {
	return func(d *lxmf.Draft) {
		var list []lxmf.Attachment
		for i, n := range sizes {
			list = append(list, lxmf.Attachment{Name: "file", Data: bytes.Repeat([]byte{byte(i)}, n)})
		}
		d.Fields.SetAttachments(list...)
		d.Fields.SetImage(lxmf.Image{Format: "webp", Data: []byte("image")})
	}
}

func TestWhatAnAuthorSignedIsFoundAgain(t *testing.T) {
	for name, m := range map[string]*lxmf.Message{
		"text": pack(t, "hello"), "an action": pack(t, "/me waves"), "a slash": pack(t, "//x"), "a quote": pack(t, "> 00112233445566778899aabbccddeeff\nyes"),
		"files": pack(t, "look", files(0, 1, 300, 70_000)),
	} {
		if err := signed.Check(stored(t, m)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	large := stored(t, pack(t, "look", files(9<<20)))
	if err := signed.Check(large); !errors.Is(err, group.ErrUnchecked) {
		t.Errorf("a large file: %v", err)
	}
}

func TestWhatAnAuthorDidNotSignIsRefused(t *testing.T) {
	other := stored(t, pack(t, "something else"))
	for name, change := range map[string]func(*group.SignedPost){
		"another text":       func(p *group.SignedPost) { p.Entry.Text = []byte("goats") },
		"another title":      func(p *group.SignedPost) { p.Entry.Title = []byte("goats") },
		"another id":         func(p *group.SignedPost) { p.Entry.MessageID[0]++ },
		"another author":     func(p *group.SignedPost) { p.Entry.Author[0]++ },
		"another key":        func(p *group.SignedPost) { p.PublicKey = bytes.Repeat([]byte{1}, 64) },
		"no key":             func(p *group.SignedPost) { p.PublicKey = nil },
		"another original":   func(p *group.SignedPost) { p.Original = other.Original },
		"a changed one":      func(p *group.SignedPost) { p.Original = bytes.Clone(p.Original); p.Original[len(p.Original)-1] ^= 1 },
		"a short one":        func(p *group.SignedPost) { p.Original = p.Original[:20] },
		"a file too many":    func(p *group.SignedPost) { p.Attachments = append(p.Attachments, p.Attachments[0]) },
		"a file elsewhere":   func(p *group.SignedPost) { p.Attachments[0].At = 1 << 40 },
		"a negative place":   func(p *group.SignedPost) { p.Attachments[0].At = -1 },
		"a file that grew":   func(p *group.SignedPost) { p.Attachments[0].Size++ },
		"a file that shrank": func(p *group.SignedPost) { p.Attachments[0].Size-- },
	} {
		p := stored(t, pack(t, "hello", files(3, 5)))
		change(&p)
		if err := signed.Check(p); err == nil || errors.Is(err, group.ErrUnchecked) {
			t.Errorf("%s: %v", name, err)
		}
	}
	p := stored(t, pack(t, "hello", files(3)))
	p.Open = func(group.Hash) (group.BlobReader, error) { return nil, group.ErrNoRow }
	if err := signed.Check(p); !errors.Is(err, group.ErrUnchecked) {
		t.Errorf("a file that is lost: %v", err)
	}
}

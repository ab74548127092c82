package signed

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"groupd/group"
	"groupd/lxmf"
	"groupd/rns"
)

// maxChecked is how large a message may be, with its files, that Check puts together in memory, in bytes.
const maxChecked = 8 << 20

// Check makes sure that an author signed what a post of his says: it puts his message together, looks at id and signature, and that the
// post's words are in it. group.ErrUnchecked when a file is not there any more, or the message is larger than 8 MiB.
func Check(p group.SignedPost) error {
	packed, err := whole(p)
	if err != nil {
		return err
	}
	m, err := lxmf.Unpack(packed)
	if err != nil {
		return fmt.Errorf("is no message: %w", err)
	}
	author, err := rns.NewPublicIdentity(p.PublicKey)
	if err != nil {
		return err
	}
	post := Post(m)
	switch {
	case m.Source != lxmf.DeliveryHash(author) || group.IdentityHash(author.Hash()) != p.Entry.Author:
		return errors.New("is another author's")
	case group.MessageID(m.ID()) != p.Entry.MessageID:
		return errors.New("is another message")
	case !m.Verify(author):
		return errors.New("its signature is wrong")
	case !bytes.Equal(post.Title, p.Entry.Title) || !bytes.Equal(post.Text, p.Entry.Text) && !bytes.Contains(m.Content, p.Entry.Text):
		return errors.New("says something else")
	}
	return nil
}

// whole puts a message together from what is left of it and its files.
func whole(p group.SignedPost) ([]byte, error) {
	files := slices.Clone(p.Attachments)
	slices.SortFunc(files, func(a, b group.Attachment) int { return cmp.Compare(a.At, b.At) })
	size := int64(len(p.Original))
	for _, f := range files {
		if f.Size < 0 || f.Size > maxChecked {
			return nil, group.ErrUnchecked
		}
		size += f.Size
	}
	if size > maxChecked {
		return nil, group.ErrUnchecked
	}
	out := make([]byte, 0, size)
	rest := p.Original
	for _, f := range files {
		lean := f.At - int64(len(out))
		if lean < 0 || lean > int64(len(rest)) {
			return nil, errors.New("its files have no place in it")
		}
		out, rest = append(out, rest[:lean]...), rest[lean:]
		content, err := p.Open(f.Hash)
		if errors.Is(err, group.ErrNoRow) {
			return nil, group.ErrUnchecked
		}
		if err != nil {
			return nil, err
		}
		out = slices.Grow(out, int(f.Size))
		n, err := io.ReadFull(io.NewSectionReader(content, 0, content.Size()), out[len(out):len(out)+int(f.Size)])
		if closed := content.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return nil, err
		}
		out = out[:len(out)+n]
	}
	return append(out, rest...), nil
}

package memory

import (
	"bytes"
	"maps"
	"slices"

	"groupd/group"
)

// attachedRow is what came with one entry.
type attachedRow struct {
	author group.IdentityHash
	list   []group.Attachment
	held   bool
}

func (t *tx) Attachments(g group.GroupID, seq group.Seq) ([]group.Attachment, error) {
	row := t.rows.of(g).attachments[seq]
	if row.held {
		return nil, nil
	}
	return slices.Clone(row.list), nil
}

func (t *tx) AttachedBytes(g group.GroupID, author group.IdentityHash) (b group.AttachedBytes, err error) {
	for _, row := range t.rows.of(g).attachments {
		for _, a := range row.list {
			if a.Lost {
				continue
			}
			if b.Group += a.Size; row.author == author {
				b.Member += a.Size
			}
		}
	}
	for _, one := range t.rows.blobs {
		b.Server += one.Size
	}
	return b, nil
}

func (t *tx) Blob(h group.Hash) (group.Blob, error) {
	b, ok := t.rows.blobs[h]
	if !ok {
		return b, group.ErrNoRow
	}
	return b, nil
}

func (t *tx) Blobs(after group.Hash, unused bool, limit int) ([]group.Blob, error) {
	var out []group.Blob
	for _, h := range slices.SortedFunc(maps.Keys(t.rows.blobs), compareHashes) {
		if b := t.rows.blobs[h]; len(out) < limit && compareHashes(h, after) > 0 && (!unused || b.Refs == 0) {
			out = append(out, b)
		}
	}
	return out, nil
}

func compareHashes(a, b group.Hash) int { return bytes.Compare(a[:], b[:]) }

func (t *tx) AddAttachments(e group.Entry, list []group.Attachment) error {
	gr, err := t.open(e.Group)
	if err != nil || len(list) == 0 {
		return err
	}
	if _, ok := gr.entries[e.Seq]; !ok {
		return group.ErrNoRow
	}
	put(t, gr.attachments, e.Seq, attachedRow{author: e.Author, list: slices.Clone(list)})
	for _, a := range list {
		if a.Lost {
			continue
		}
		put(t, t.rows.blobs, a.Hash, group.Blob{Hash: a.Hash, Size: a.Size, Refs: t.rows.blobs[a.Hash].Refs + 1})
	}
	return nil
}

func (t *tx) DropBlob(h group.Hash) error {
	if t.rows.blobs[h].Refs == 0 {
		drop(t, t.rows.blobs, h)
	}
	return nil
}

// dropAttachments removes those of an entry, unless they are held.
func (t *tx) dropAttachments(gr *groupRows, seq group.Seq, held bool) {
	row := gr.attachments[seq]
	if row.held && !held {
		return
	}
	for _, a := range row.list {
		if a.Lost {
			continue
		}
		b := t.rows.blobs[a.Hash]
		b.Refs--
		put(t, t.rows.blobs, a.Hash, b)
	}
	drop(t, gr.attachments, seq)
}

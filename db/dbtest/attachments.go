package dbtest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"groupd/group"
)

// attached is an attachment with a content that depends on tag.
func attached(kind group.AttachmentKind, name, tag string, size int64) group.Attachment {
	return group.Attachment{Kind: kind, Name: name, Mode: 16, Size: size, Hash: fill32[group.Hash]("content " + tag), At: 99}
}

func testAttachments(t *testing.T, open Open) {
	s, reopen := openGroups(t, open)
	map1, photo, sound := attached(group.AttachFile, "map.pdf", "map", 1000), attached(group.AttachImage, "webp", "photo", 300), attached(group.AttachAudio, "", "sound", 7)
	add := func(g group.GroupID, seq group.Seq, author string, list ...group.Attachment) group.Entry {
		e := newEntry(g, seq, group.Rev(seq))
		e.Author, e.Attachments = fill16[group.IdentityHash](author), len(list)
		update(t, s, func(tx group.Tx) error { return errors.Join(tx.AppendEntry(e, nil), tx.AddAttachments(e, list)) })
		return e
	}
	one := add(main, 1, "ann", map1, photo)
	add(main, 2, "ben", map1)
	add(other, 1, "ann", sound, sound)
	ann := one.Author
	blob := func(a group.Attachment, refs int) group.Blob {
		return group.Blob{Hash: a.Hash, Size: a.Size, Refs: refs}
	}
	has := func(what string, list []group.Attachment, bytes group.AttachedBytes, blobs ...group.Blob) {
		t.Helper()
		view(t, s, func(tx group.ReadTx) error {
			got(t, what+": attachments", list)(tx.Attachments(main, 1))
			got(t, what+": bytes", bytes)(tx.AttachedBytes(main, ann))
			for _, b := range blobs {
				got(t, what+": a content", b)(tx.Blob(b.Hash))
			}
			return nil
		})
	}
	for range 2 {
		has("as posted", []group.Attachment{map1, photo}, group.AttachedBytes{Member: 1300, Group: 2300, Server: 1307}, blob(map1, 2), blob(photo, 1), blob(sound, 2))
		view(t, s, func(tx group.ReadTx) error {
			got(t, "entry", one)(tx.Entry(main, 1))
			got(t, "the operator's", group.AttachedBytes{Group: 2300, Server: 1307})(tx.AttachedBytes(main, group.IdentityHash{}))
			all, err := tx.Blobs(group.Hash{}, false, 10)
			if err != nil || len(all) != 3 {
				t.Errorf("contents: %v %v", all, err)
			}
			got(t, "the rest", all[2:])(tx.Blobs(all[1].Hash, false, 10))
			got(t, "unused", []group.Blob(nil))(tx.Blobs(group.Hash{}, true, 10))
			return nil
		})
		s = reopen()
	}

	// What is put aside outlives the tombstone, unseen, and comes back.
	full := group.AttachedBytes{Member: 1300, Group: 2300, Server: 1307}
	aside := func(tx group.Tx) error { return tx.HideEntry(one.Tombstone(9, when(70), ann)) }
	update(t, s, aside)
	has("put aside", nil, full, blob(map1, 2), blob(photo, 1))
	update(t, s, func(tx group.Tx) error { return tx.RestoreEntry(main, 1, 10) })
	has("brought back", []group.Attachment{map1, photo}, full)
	view(t, s, func(tx group.ReadTx) error {
		if e, err := tx.Entry(main, 1); e.Attachments != 2 || err != nil {
			t.Errorf("%d attachments, %v", e.Attachments, err)
		}
		return nil
	})
	update(t, s, func(tx group.Tx) error {
		_, err := tx.EraseHidden(main, ann, 10)
		return errors.Join(err, aside(tx))
	})
	update(t, s, func(tx group.Tx) error { _, err := tx.EraseHidden(main, ann, 10); return err })
	has("dropped", nil, group.AttachedBytes{Group: 1000, Server: 1307}, blob(map1, 1), blob(photo, 0))

	update(t, s, func(tx group.Tx) error { return errors.Join(tx.DropBlob(map1.Hash), tx.DropBlob(photo.Hash)) })
	has("forgotten", nil, group.AttachedBytes{Group: 1000, Server: 1007}, blob(map1, 1))
	boom := errors.New("boom")
	if err := s.Update(t.Context(), func(tx group.Tx) error {
		_, err := tx.DropEntries(main, 3, 10)
		return errors.Join(err, boom)
	}); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	has("undone", nil, group.AttachedBytes{Group: 1000, Server: 1007}, blob(map1, 1))
	update(t, s, func(tx group.Tx) error { _, err := tx.DropEntries(main, 3, 10); return err })
	has("retention", nil, group.AttachedBytes{Server: 1007}, blob(map1, 0))
	view(t, s, func(tx group.ReadTx) error {
		got(t, "unused", []group.Blob{blob(map1, 0)})(tx.Blobs(group.Hash{}, true, 10))
		if _, err := tx.Blob(photo.Hash); !errors.Is(err, group.ErrNoRow) {
			t.Errorf("a forgotten content: %v", err)
		}
		return nil
	})
	add(main, 3, "ben", map1) // again, before its content was erased
	has("again", nil, group.AttachedBytes{Group: 1000, Server: 1007}, blob(map1, 1))

	// What is lost counts nowhere.
	lost, never := map1, photo
	lost.Lost, lost.Size, never.Lost = true, 5, true
	e := add(main, 4, "ann", lost, never)
	for range 2 {
		view(t, s, func(tx group.ReadTx) error {
			got(t, "lost: attachments", []group.Attachment{lost, never})(tx.Attachments(main, 4))
			listed := []group.Blob{{Hash: map1.Hash, Size: 1000}, {Hash: photo.Hash, Size: 300, Lost: true}}
			slices.SortFunc(listed, func(a, b group.Blob) int { return bytes.Compare(a.Hash[:], b.Hash[:]) })
			got(t, "lost: contents of the group", listed)(tx.AttachedBlobs(main, group.Hash{}, 10))
			got(t, "lost: contents after one", listed[1:])(tx.AttachedBlobs(main, listed[0].Hash, 10))
			if _, err := tx.Blob(photo.Hash); !errors.Is(err, group.ErrNoRow) {
				t.Errorf("a content that never came: %v", err)
			}
			return nil
		})
		has("lost", nil, group.AttachedBytes{Group: 1000, Server: 1007}, blob(map1, 1))
		s = reopen()
	}
	update(t, s, func(tx group.Tx) error { return tx.HideEntry(e.Tombstone(20, when(70), ann)) })
	update(t, s, func(tx group.Tx) error { return tx.RestoreEntry(main, 4, 21) })
	view(t, s, func(tx group.ReadTx) error {
		got(t, "lost and brought back", []group.Attachment{lost, never})(tx.Attachments(main, 4))
		return nil
	})
	update(t, s, func(tx group.Tx) error { return tx.PutTombstone(e.Tombstone(22, when(71), ann)) })
	has("lost and deleted", nil, group.AttachedBytes{Group: 1000, Server: 1007}, blob(map1, 1))
}

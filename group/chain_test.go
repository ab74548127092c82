package group_test

import (
	"encoding/hex"
	"testing"
	"time"

	"groupd/group"
	"groupd/moderation"
)

func TestTheChainShowsThatSomethingIsGoneAndNeverWhat(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleMember)
	for range 20 {
		h.post(ann, "one of many")
	}
	secret := h.post(ann, "secret")
	last := h.post(ann, "last")
	before := must(h.hub.Messages(t.Context(), ann, valley, group.Query{Seqs: []group.Seq{secret.Seq, last.Seq}}))(t)
	must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{secret.Seq}}))(t)
	after := must(h.hub.Messages(t.Context(), ann, valley, group.Query{Seqs: []group.Seq{secret.Seq, last.Seq}}))(t)
	gone := after.Entries[0]
	if !gone.Deleted || gone.Digest != before.Entries[0].Digest || gone.Hash != before.Entries[0].Hash {
		t.Errorf("the tombstone broke the chain: %+v", gone)
	}
	if gone.Text != nil || gone.Salt != nil || !gone.MessageID.IsZero() || gone.DeletedBy != ann.Identity {
		t.Errorf("the tombstone holds %+v", gone)
	}
	if after.Head.Chain != before.Head.Chain || after.Head.Deletions != 1 {
		t.Errorf("the head: %+v", after.Head)
	}
	if bad := must(h.hub.VerifyChain(t.Context(), valley))(t); bad != 0 {
		t.Errorf("the chain breaks at %d", bad)
	}
}

func TestTamperingBreaksTheChain(t *testing.T) {
	for name, tamper := range map[string]func(*group.Entry){
		"another text":     func(e *group.Entry) { e.Text = []byte("I never said that") },
		"another author":   func(e *group.Entry) { e.Author = person("Mal").Identity },
		"another time":     func(e *group.Entry) { e.Time = e.Time.Add(time.Second) },
		"another kind":     func(e *group.Entry) { e.Kind = group.EntryAction },
		"another salt":     func(e *group.Entry) { e.Salt[0]++ },
		"no salt":          func(e *group.Entry) { e.Salt = nil },
		"another digest":   func(e *group.Entry) { e.Deleted, e.Digest[0] = true, e.Digest[0]+1 },
		"another hash":     func(e *group.Entry) { e.Hash[0]++ },
		"moved to a title": func(e *group.Entry) { e.Title, e.Text = e.Text, nil },
	} {
		h := newHouse(t)
		ann := h.joined("Ann", moderation.RoleMember)
		h.post(ann, "first")
		target := h.post(ann, "second")
		h.post(ann, "third")
		err := h.store.Update(t.Context(), func(tx group.Tx) error {
			e, err := tx.Entry(valley, target.Seq)
			if err != nil {
				return err
			}
			tamper(&e)
			return tx.PutTombstone(e) // replaces the row with whatever it is given
		})
		if err != nil {
			t.Fatal(err)
		}
		if bad := must(h.hub.VerifyChain(t.Context(), valley))(t); bad != target.Seq {
			t.Errorf("%s of entry %d: the chain breaks at %d", name, target.Seq, bad)
		}
	}
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleMember)
	h.post(ann, "first")
	err := h.store.Update(t.Context(), func(tx group.Tx) error {
		head, err := tx.Head(valley)
		head.Seq++ // an entry that was cut off the end
		if err != nil {
			return err
		}
		return tx.PutHead(valley, head)
	})
	if err != nil {
		t.Fatal(err)
	}
	if bad := must(h.hub.VerifyChain(t.Context(), valley))(t); bad != 3 {
		t.Errorf("a missing last entry: the chain breaks at %d", bad)
	}
}

// The layout is part of what clients recompute: it is pinned.
func TestCanonicalContentIsPinned(t *testing.T) {
	e := group.Entry{
		Kind: group.EntryPost, Author: group.IdentityHash{1}, Target: group.AnyHash{2}, Ref: 3, Time: time.UnixMicro(4).UTC(), AuthorTime: time.UnixMicro(5).UTC(),
		MessageID: group.MessageID{6}, Codec: 7, Title: []byte("t"), Text: []byte("hello"), Fields: []byte{0x80}, Salt: make([]byte, 32),
	}
	const want = "0101" + "01000000000000000000000000000000" + "02000000000000000000000000000000" + "0000000000000003" + "0000000000000004" + "0000000000000005" +
		"0600000000000000000000000000000000000000000000000000000000000000" + "00000007" + "0000000174" + "0000000568656c6c6f" + "0000000180"
	if got := hex.EncodeToString(e.Canonical()); got != want {
		t.Errorf("canonical content\n%s, want\n%s", got, want)
	}
	same := e
	same.Seq, same.Rev, same.Hash = 9, 9, group.Hash{9}
	if same.ContentDigest() != e.ContentDigest() {
		t.Error("the digest depends on more than content")
	}
}

func TestAPostCanBeProved(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleMember)
	r := must(h.hub.Post(t.Context(), ann, valley, message("my word")))(t)
	p := must(h.hub.Proof(t.Context(), ann, valley, r.Seq))(t)
	if string(p.Original) != "signed my word" || p.Entry.ContentDigest() != p.Entry.Digest || group.ChainHash(p.Previous, p.Entry.Digest) != p.Entry.Hash {
		t.Errorf("%+v", p)
	}
	in := message("with my location")
	in.Stripped = true
	stripped := must(h.hub.Post(t.Context(), ann, valley, in))(t)
	_, err := h.hub.Proof(t.Context(), ann, valley, stripped.Seq)
	refused(t, "a post that carried what is not kept", err, group.KindNotFound)
	must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{r.Seq}}))(t)
	_, err = h.hub.Proof(t.Context(), ann, valley, r.Seq)
	refused(t, "a deleted post", err, group.KindNotFound)
	_, err = h.hub.Proof(t.Context(), person("Mal"), valley, r.Seq)
	refused(t, "a stranger", err, group.KindNotMember)
}

func TestTheChainOfAGroupThatIsNotThere(t *testing.T) {
	h := newHouse(t)
	_, err := h.hub.VerifyChain(t.Context(), "nope")
	refused(t, "an unknown group", err, group.KindNotFound)
}

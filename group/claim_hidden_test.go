package group_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"groupd/group"
	"groupd/moderation"
)

func TestTheOwnersCodeShowsUpNowhere(t *testing.T) {
	h := newHouse(t, open)
	ctx := t.Context()
	ann, bo, eve := h.joined("ann", moderation.RoleAdmin), h.joined("bo", moderation.RoleMember), person("eve")
	code := must(h.hub.NewClaimCode(ctx, operator(), valley))(t).Code
	typed := "it is " + code
	reader := h.reader(bo)
	reader.fetch()
	try := func(what string, err error) { t.Helper(); refused(t, what, err, group.KindDenied) }
	_, err := h.hub.Join(ctx, eve, valley, group.JoinInput{Name: code})
	try("a name at joining", err)
	_, err = h.hub.Join(ctx, eve, valley, group.JoinInput{Name: "Eve", Greeting: typed})
	try("a greeting", err)
	_, err = h.hub.UpdateProfile(ctx, ann, valley, group.ProfileInput{Name: &code})
	try("a name", err)
	_, err = h.hub.UpdateProfile(ctx, ann, valley, group.ProfileInput{Status: &typed})
	try("a status", err)
	_, err = h.hub.UpdateTopic(ctx, ann, valley, typed)
	try("a topic", err)
	_, err = h.hub.UpdateDisplayName(ctx, ann, valley, group.NamesInput{Private: &code})
	try("a group's name", err)
	_, err = h.hub.Kick(ctx, ann, valley, group.KickInput{Target: hash(bo), Reason: typed})
	try("a reason", err)
	_, err = h.hub.Post(ctx, ann, valley, group.PostInput{Text: []byte("look"), Fields: []byte("\x81\x30" + typed)})
	try("a field", err)
	reader.sees()
	if _, err := h.hub.Claim(ctx, eve, valley, group.ClaimInput{Code: code}); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerToAMessageFindsItsEntry(t *testing.T) {
	h := newHouse(t, open)
	ann, bo := h.joined("ann", moderation.RoleMember), h.joined("bo", moderation.RoleMember)
	first := must(h.hub.Post(t.Context(), ann, valley, message("the bridge is out")))(t)
	ref := func(to string) group.Seq {
		in := message("re " + to + fmt.Sprint(h.post(ann, "x").Seq))
		in.RefID = sha256.Sum256([]byte(to))
		r := must(h.hub.Post(t.Context(), bo, valley, in))(t)
		return must(h.hub.Messages(t.Context(), ann, valley, group.Query{Seqs: []group.Seq{r.Seq}}))(t).Entries[0].Ref
	}
	if got := ref("the bridge is out"); got != first.Seq {
		t.Errorf("it answers %d, want %d", got, first.Seq)
	}
	if got := ref("never sent"); got != 0 {
		t.Errorf("an unknown message is entry %d", got)
	}
	must(h.hub.Delete(t.Context(), ann, valley, group.DeleteInput{Seqs: []group.Seq{first.Seq}}))(t)
	if got := ref("the bridge is out"); got != 0 {
		t.Errorf("a deleted message is entry %d", got)
	}
}

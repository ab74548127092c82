package group_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/memory"
	"groupd/moderation"
)

// lived is a group in which everything has happened that leaves a row.
func lived(t *testing.T) (*house, *memory.Blobs) {
	h, blobs := storage(t, group.Limits{})
	ctx := t.Context()
	ann, bob, mod := h.joined("Ann ⛰", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember), h.joined("Mod", moderation.RoleModerator)
	mal, gone := h.joined("Mal", moderation.RoleMember), h.joined("Gone", moderation.RoleMember)
	first := must(h.hub.Post(ctx, ann, valley, message("hello\nvalley ⛰")))(t)
	h.post(bob, "hi \u2028<script> & \"quoted\"")
	must(h.hub.Post(ctx, bob, valley, group.PostInput{Kind: group.EntryAction, Text: []byte("waves"), Title: []byte("a title"), Ref: first.Seq}))(t)
	must(h.hub.Post(ctx, ann, valley, carrying("look", file("goats.txt", strings.Repeat("goat ", 30_000)), file("same.txt", "the same"))))(t)
	must(h.hub.Post(ctx, bob, valley, carrying("look too", file("other name.txt", "the same"), file("nothing.bin", ""))))(t)
	wrong := h.post(bob, "secret that was deleted")
	must(h.hub.Delete(ctx, bob, valley, group.DeleteInput{Seqs: []group.Seq{wrong.Seq}}))(t)
	lost := must(h.hub.Post(ctx, bob, valley, carrying("deleted too", file("x.txt", "content that was deleted"))))(t)
	must(h.hub.Delete(ctx, mod, valley, group.DeleteInput{Seqs: []group.Seq{lost.Seq}}))(t)
	typo := h.post(bob, "tpyo")
	h.edit(bob, typo.Seq, "typo")
	h.edit(bob, typo.Seq, "typo!")
	h.react(bob, first.Seq, "👍", false)
	h.react(mod, first.Seq, "👍", false)
	h.react(mod, first.Seq, "goat", false)
	h.react(ann, typo.Seq, "+1", false)
	must(h.hub.Pin(ctx, mod, valley, first.Seq, false))(t)
	must(h.hub.Report(ctx, bob, valley, group.ReportInput{Seq: first.Seq, Reason: "too many goats"}))(t)
	must(h.hub.UpdateTopic(ctx, ann, valley, "goats, weather"))(t)
	must(h.hub.UpdateProfile(ctx, bob, valley, group.ProfileInput{Status: ptr("up the hill")}))(t)
	h.post(mal, "purge me")
	must(h.hub.Ban(ctx, mod, valley, group.BanInput{Target: hash(mal), Reason: "goats", Purge: true}))(t)
	must(h.hub.Ban(ctx, mod, valley, group.BanInput{Target: hash(person("Nobody")), Duration: time.Hour}))(t)
	must(h.hub.Mute(ctx, mod, valley, group.MuteInput{Target: hash(bob), Reason: "noise", Duration: time.Hour}))(t)
	must(h.hub.Leave(ctx, gone, valley))(t)
	must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{Uses: 7}))(t)
	must(h.hub.CreateInvite(ctx, ann, valley, group.InviteInput{For: hash(person("Zoe")), Role: moderation.RoleModerator}))(t)
	must(h.hub.UpdateSettings(ctx, operator(), valley, group.SettingsInput{Joining: ptr(moderation.JoiningApprove), Change: func(p *moderation.Policy) { p.SlowMode = 3; p.ReservedNames = []string{"root"} }}))(t)
	must(h.hub.Join(ctx, person("Waits"), valley, group.JoinInput{Name: "Waits", Greeting: "let me in", Mode: group.DeliverRelay}))(t)
	must(h.hub.UpdateNotifications(ctx, mod, valley, group.NotificationsInput{Mode: ptr(group.DeliverDigest), DigestEvery: ptr(time.Hour), Quiet: &group.QuietHours{From: time.Hour, Until: 2 * time.Hour, Offset: time.Hour}, Receipts: ptr(true)}))(t)
	if _, err := h.hub.ImportMembers(ctx, operator(), valley, []group.ForeignMember{{Target: hash(person("Late")), Name: "Late", Role: moderation.RoleMember, Mode: group.DeliverRelay, TextOnly: true}}, false); err != nil {
		t.Fatal(err)
	}
	err := h.store.Update(ctx, func(tx group.Tx) error {
		return errors.Join(
			tx.PutCircle(group.Circle{Group: valley, Established: time.Now()}),
			tx.PutInvitee(group.Invitee{Group: valley, Who: hash(bob), By: ann.Identity, State: group.InviteeAccepted, Invited: time.Now()}),
			tx.PutEpoch(group.Epoch{Group: valley, Number: 1, Key: group.EpochKey{7, 7, 7}, Reason: moderation.EpochFirst, Rev: 3}),
			tx.PutEpoch(group.Epoch{Group: valley, Number: 2, Key: group.EpochKey{8}, Reason: moderation.EpochRemoval, Seq: 2, Rev: 4}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	return h, blobs
}

// exported is a group as a file, once nothing is being erased any more.
func (h *house) exported(in group.ExportInput) []byte {
	h.t.Helper()
	h.lives(time.Minute)
	var b bytes.Buffer
	if _, err := h.hub.Export(h.t.Context(), operator(), valley, &b, in); err != nil {
		h.t.Fatal(err)
	}
	return b.Bytes()
}

// empty is a server without groups.
func empty(t *testing.T, change ...func(*group.Config)) (*house, *memory.Blobs) {
	t.Helper()
	blobs := memory.NewBlobs()
	h := &house{t: t, store: memory.New()}
	cfg := group.Config{Store: h.store, Blobs: blobs, Rand: rand.NewChaCha8([32]byte{2})}
	for _, c := range change {
		c(&cfg)
	}
	h.hub = must(group.New(cfg))(t)
	return h, blobs
}

// publicOf knows the keys of newHouse.
func publicOf(private []byte) ([]byte, error) {
	if string(private) != "private" {
		return nil, errors.New("not known")
	}
	return person("the group").PublicKey, nil
}

func withKeys() group.ImportInput { return group.ImportInput{PublicOf: publicOf} }

func (h *house) imports(file []byte, in group.ImportInput) (group.Imported, error) {
	return h.hub.Import(h.t.Context(), operator(), bytes.NewReader(file), in)
}

// body is an export without its first and last line, which tell the time and the hash.
func body(file []byte) string {
	lines := strings.SplitAfter(string(file), "\n")
	return strings.Join(lines[1:len(lines)-2], "")
}

func TestAnImportedGroupIsExportedAsTheSameRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Software: "test", Identity: true, Ratchets: []group.OwnRatchet{{Destination: [16]byte{5}, File: []byte("ratchets")}}})
		for _, secret := range []string{"secret that was deleted", "purge me", hex.EncodeToString([]byte{7, 7, 7, 0}), "BwcH"} {
			if strings.Contains(string(file), secret) {
				t.Errorf("%q comes out", secret)
			}
		}
		new, blobs := empty(t)
		events := new.hub.Subscribe(10)
		defer events.Close()
		verified := 0
		in := withKeys()
		in.Verify = func(p group.SignedPost) error {
			verified++
			if !strings.HasPrefix(string(p.Original), "signed ") || len(p.PublicKey) != group.PublicKeySize {
				return fmt.Errorf("original %q", p.Original)
			}
			for _, a := range p.Attachments {
				if c, err := p.Open(a.Hash); err != nil || c.Size() != a.Size {
					return fmt.Errorf("%s: %v", a.Name, err)
				}
			}
			return nil
		}
		r := must(new.imports(file, in))(t)
		if r.Group.ID != valley || r.Group.PrivateKey != nil || r.Members != 3 || r.Verified != verified || verified != 3 || r.Missing != 0 || len(r.Ratchets) != 1 || r.Counts["entry"] != int(r.Head.Seq) {
			t.Errorf("imported: %+v (%d signatures looked at)", r, verified)
		}
		if got := new.exported(group.ExportInput{Software: "test", Identity: true, Ratchets: r.Ratchets}); body(got) != body(file) {
			t.Errorf("exported again:\n%s\nwant\n%s", body(got), body(file))
		}
		if n := count(t, blobs); n != 3 {
			t.Errorf("%d contents", n)
		}
		for _, c := range []struct {
			name string
			run  func() error
		}{
			{"the same file", func() error { _, err := new.imports(file, withKeys()); return err }},
			{"under another name", func() error {
				in := withKeys()
				in.ID = "other"
				_, err := new.imports(file, in)
				return err
			}},
		} {
			refused(t, c.name, c.run(), group.KindConflict)
		}
		if n := must(new.hub.VerifyChain(t.Context(), valley))(t); n != 0 {
			t.Errorf("the chain does not fit from %d on", n)
		}
		new.post(person("Ann ⛰"), "the group goes on")
		if n := must(new.hub.VerifyChain(t.Context(), valley))(t); n != 0 {
			t.Errorf("after a post the chain does not fit from %d on", n)
		}
		p := must(new.hub.Post(t.Context(), person("Ann ⛰"), valley, message("hello\nvalley ⛰")))(t)
		if !p.Duplicate {
			t.Error("a message that the group has seen before was posted again")
		}
	})
}

func TestAnExportHoldsThePrivateKeyOnlyWhenItIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		key := hex.EncodeToString([]byte("private"))
		open, closed := h.exported(group.ExportInput{Identity: true}), h.exported(group.ExportInput{})
		if !strings.Contains(string(open), key) || strings.Contains(string(closed), key) || strings.Contains(string(closed), `"kind":"identity"`) {
			t.Error("the key is where it should not be, or not where it should")
		}
		new, _ := empty(t)
		_, err := new.imports(closed, withKeys())
		if e := refused(t, "no key", err, group.KindInvalid); e.Field != "identity" {
			t.Errorf("the field is %q", e.Field)
		}
		in := group.ImportInput{ID: "hill", PublicKey: person("a new key").PublicKey, PrivateKey: []byte("new")}
		r := must(new.imports(closed, in))(t)
		if want := person("a new key").Identity; r.Group.Identity != want || r.Group.Address != group.AddressOf(want) || r.Group.ID != "hill" || r.From.ID != valley || r.HasIdentity {
			t.Errorf("imported: %+v", r)
		}
		info := must(new.hub.Info(t.Context(), operator(), "hill"))(t)
		if info.Members != 3 || info.Address != r.Group.Address {
			t.Errorf("info: %+v", info)
		}
		in.ID = "hill2"
		_, err = new.imports(closed, in)
		refused(t, "the same new key again", err, group.KindConflict)
		in = withKeys()
		in.PublicOf = func([]byte) ([]byte, error) { return person("another").PublicKey, nil }
		_, err = new.imports(open, in)
		refused(t, "another's private key", err, group.KindInvalid)
	})
}

func TestNothingIsExportedWhilePostsAreBeingErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t) // Mal's posts are to be hidden, and nobody has done it yet
		_, err := h.hub.Export(t.Context(), operator(), valley, io.Discard, group.ExportInput{})
		refused(t, "jsonl", err, group.KindConflict)
		_, err = h.hub.ExportText(t.Context(), operator(), valley, func(string) (io.Writer, error) { return io.Discard, nil })
		refused(t, "text", err, group.KindConflict)
		_, err = h.hub.Export(t.Context(), person("Ann ⛰"), valley, io.Discard, group.ExportInput{})
		refused(t, "the owner", err, group.KindDenied)
	})
}

func TestWhatSomebodyWantedForgottenIsNotExportedWhileItIsErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open)
		bob := h.joined("Bob", moderation.RoleMember)
		h.post(bob, "secret")
		must(h.hub.Forget(t.Context(), bob, valley))(t)
		_, err := h.hub.Export(t.Context(), operator(), valley, io.Discard, group.ExportInput{})
		refused(t, "jsonl", err, group.KindConflict)
		_, err = h.hub.ExportText(t.Context(), operator(), valley, func(string) (io.Writer, error) { return io.Discard, nil })
		refused(t, "text", err, group.KindConflict)
		if file := h.exported(group.ExportInput{}); bytes.Contains(file, []byte("secret")) {
			t.Errorf("it came out: %s", file)
		}
	})
}

// TestOnlyTheOperatorExportsAndImports: in a group there is more than its owner may read.
func TestOnlyTheOperatorExportsAndImports(t *testing.T) { synctest.Test(t, onlyTheOperator) }

func onlyTheOperator(t *testing.T) {
	h := newHouse(t, open)
	ann := h.joined("Ann", moderation.RoleOwner)
	_, err := h.hub.Export(t.Context(), ann, valley, io.Discard, group.ExportInput{})
	refused(t, "jsonl", err, group.KindDenied)
	_, err = h.hub.ExportText(t.Context(), ann, valley, func(string) (io.Writer, error) { return io.Discard, nil })
	refused(t, "text", err, group.KindDenied)
	file := h.exported(group.ExportInput{Identity: true})
	to, _ := empty(t)
	_, err = to.hub.Import(t.Context(), ann, bytes.NewReader(file), withKeys())
	refused(t, "an import", err, group.KindDenied)
}

// TestAnImportedGroupHasNewKeys: those that it had do not come out of an export, and none can be guessed.
func TestAnImportedGroupHasNewKeys(t *testing.T) { synctest.Test(t, newKeys) }

func newKeys(t *testing.T) {
	h := newHouse(t)
	ann := h.joined("Ann", moderation.RoleOwner)
	h.joined("Bob", moderation.RoleMember)
	h.hands(ann, "the first one who asks", 1)
	h.kick("Bob")
	h.hands(ann, "after a kick", 2, 1)
	file := h.exported(group.ExportInput{Identity: true})
	keys := func(h *house) map[[group.EpochKeySize]byte]bool {
		all := make(map[[group.EpochKeySize]byte]bool)
		if err := h.store.View(t.Context(), func(tx group.ReadTx) error {
			list, err := tx.Epochs(valley, 0, 2*group.MaxEpochs)
			for _, e := range list {
				all[e.Key] = true
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	to, _ := empty(t)
	must(to.imports(file, withKeys()))(t)
	before, after := keys(h), keys(to)
	if len(before) == 0 || len(after) != len(before) || after[[group.EpochKeySize]byte{}] {
		t.Errorf("%d keys before, %d now: %v", len(before), len(after), after)
	}
	for key := range after {
		if before[key] {
			t.Error("a key is the same")
		}
	}
}

// nothingLeft fails unless there is no trace of an import once what is to be erased is erased.
func (h *house) nothingLeft(b *memory.Blobs) {
	h.t.Helper()
	h.lives(time.Minute)
	err := h.store.View(h.t.Context(), func(tx group.ReadTx) error {
		all, err := tx.Groups()
		if len(all) > 0 {
			h.t.Errorf("there is a group: %+v", all)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if n := count(h.t, b); n != 0 {
		h.t.Errorf("%d contents are left", n)
	}
	if left := h.store.Left(); left != 0 {
		h.t.Errorf("%d groups are left in part", left)
	}
}

// TestEveryFieldOfARowComesThroughAnExport fills every field of every kind of row, so that one that is added later is not forgotten.
func TestEveryFieldOfARowComesThroughAnExport(t *testing.T) {
	leftOut := map[string]bool{
		"Group.PrivateKey": true, // in a line of its own, when asked for
		"Epoch.Key":        true, // a secret: another server has keys of its own
	}
	for _, row := range []any{
		group.Group{}, group.Head{}, group.Member{}, group.Request{}, group.Ban{}, group.Invite{}, group.Delivery{}, group.Expected{}, group.Circle{}, group.Invitee{},
		group.Epoch{}, group.Entry{}, group.Reaction{}, group.Report{}, group.Audit{},
	} {
		v := reflect.New(reflect.TypeOf(row)).Elem()
		fill(v)
		switch r := v.Addr().Interface().(type) {
		case *group.Group:
			r.Address, r.Joining, r.PrivateKey = group.AddressOf(r.Identity), moderation.JoiningInvite, nil
			r.Policy = moderation.Policy{SlowMode: 7, ReservedNames: []string{"root"}}
		case *group.Member:
			r.Address, r.Skeleton, r.Role = group.AddressOf(r.Identity), group.Skeleton(r.DisplayName), moderation.RoleAdmin
		case *group.Request:
			r.Address = group.AddressOf(r.Identity)
		case *group.Invite:
			r.Role, r.Telling = moderation.RoleModerator, group.TellDue // what is on its way to one server's face is none of another's
		case *group.Expected:
			r.Role, r.Mode = moderation.RoleModerator, group.DeliverRelay
		case *group.Delivery:
			r.Mode, r.DigestEvery, r.Spent = group.DeliverDigest, time.Hour, 5*time.Microsecond
			r.Quiet = group.QuietHours{From: time.Hour, Until: 2 * time.Hour, Offset: time.Minute}
		case *group.Entry:
			r.Kind, r.Signed, r.Attachments = group.EntryTopic, true, 1
			r.Files = []group.Attachment{{Kind: group.AttachAudio, Name: "n", Mode: 3, Size: 4, Hash: group.Hash{1}, At: 9}}
		case *group.Invitee:
			r.State = group.InviteeRefused
		case *group.Epoch:
			r.Key = group.EpochKey{}
		}
		for i := range v.NumField() {
			if name := v.Type().Name() + "." + v.Type().Field(i).Name; v.Field(i).IsZero() && !leftOut[name] {
				t.Errorf("the test leaves %s empty", name)
			}
		}
		got, err := group.ThroughExport(v.Interface())
		if err != nil {
			t.Errorf("%T: %v", row, err)
			continue
		}
		for i := range v.NumField() {
			if a, b := v.Field(i).Interface(), reflect.ValueOf(got).Field(i).Interface(); !reflect.DeepEqual(a, b) {
				t.Errorf("%T.%s: %+v comes back as %+v", row, v.Type().Field(i).Name, a, b)
			}
		}
	}
}

// fill sets everything in a value to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("valley")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(3)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(3)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 11, 20, 14, 0, 0, 123456000, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	}
}

func TestAContentThatTheServerHasLostIsSaidToBeMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, blobs := lived(t)
		h.lives(time.Minute)
		if _, err := blobs.Erase(sha256.Sum256([]byte("the same")), func() (bool, error) { return true, nil }); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		r := must(h.hub.Export(t.Context(), operator(), valley, &file, group.ExportInput{Identity: true}))(t)
		new, _ := empty(t)
		in := must(new.imports(file.Bytes(), withKeys()))(t)
		if r.Missing != 1 || in.Missing != 2 {
			t.Errorf("missing: %d contents, in %d attachments", r.Missing, in.Missing)
		}
		bare := h.exported(group.ExportInput{Identity: true, NoContents: true})
		new, blobs = empty(t)
		if in := must(new.imports(bare, withKeys()))(t); in.Missing != 4 || count(t, blobs) != 0 || strings.Contains(string(bare), `"data"`) {
			t.Errorf("without contents: %d are missing", in.Missing)
		}
	})
}

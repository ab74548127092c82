package group_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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

func TestAFileThatIsCutAnywhereIsRefusedAndLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t)
		for i := range 50 {
			cut := file[:len(file)*i/50]
			_, err := new.imports(cut, withKeys())
			e := refused(t, fmt.Sprintf("cut at %d/50", i), err, group.KindInvalid)
			var line *group.LineError
			if !errors.As(e.Err, &line) || line.Line != int64(bytes.Count(cut, []byte("\n"))+1) || !strings.Contains(line.Msg, "cut off") {
				t.Errorf("cut at %d/50: %v", i, err)
			}
		}
		if n := count(t, blobs); n != 0 {
			t.Errorf("%d contents are left", n)
		}
		_, err := new.imports(file[:len(file)-1], withKeys())
		refused(t, "without the last newline", err, group.KindInvalid)
		_, err = new.imports(append(bytes.Clone(file), '\n'), withKeys())
		refused(t, "with something behind the end", err, group.KindInvalid)
		new.nothingLeft(blobs)
		must(new.imports(file, withKeys()))(t)
	})
}

func TestAFileThatWasChangedAnywhereIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t)
		for i := range 300 {
			at := len(file) * i / 300
			bad := bytes.Clone(file)
			bad[at] ^= 1
			if _, err := new.imports(bad, withKeys()); err == nil {
				t.Fatalf("byte %d was changed, in %q", at, around(file, at))
			}
		}
		new.nothingLeft(blobs)
	})
}

func around(b []byte, at int) string { return string(b[max(0, at-40):min(len(b), at+40)]) }

// forged changes lines of a file and gives it a last line that fits.
func forged(t *testing.T, file []byte, change func(lines []map[string]any) []map[string]any) []byte {
	t.Helper()
	var lines []map[string]any
	for _, text := range strings.Split(strings.TrimSpace(string(file)), "\n") {
		var line map[string]any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	lines = change(lines[:len(lines)-1])
	var b bytes.Buffer
	counts := make(map[string]int)
	for _, line := range lines {
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(text, '\n'))
		counts[fmt.Sprint(line["kind"])]++
	}
	sum := sha256.Sum256(b.Bytes())
	text, err := json.Marshal(map[string]any{"kind": "end", "lines": len(lines), "counts": counts, "sha256": hex.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	return append(append(b.Bytes(), text...), '\n')
}

func TestWhatCanNotBeOfAGroupIsRefusedWithItsLineAndField(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t)
		type lines = []map[string]any
		find := func(all lines, kind string, n int) int {
			for i, l := range all {
				if l["kind"] == kind {
					if n--; n < 0 {
						return i
					}
				}
			}
			t.Fatalf("there is no %s", kind)
			return 0
		}
		set := func(kind string, n int, field string, value any) func(lines) (lines, int) {
			return func(all lines) (lines, int) {
				i := find(all, kind, n)
				if all[i][field] = value; value == nil {
					delete(all[i], field)
				}
				return all, i
			}
		}
		key := person("stranger")
		for _, c := range []struct {
			name   string
			change func(lines) (lines, int)
			field  string
		}{
			{"another format", set("groupd export", 0, "kind", "backup"), "kind"},
			{"a newer version", set("groupd export", 0, "version", 2), "version"},
			{"an unknown field", set("member", 0, "shoe_size", 43), "shoe_size"},
			{"an unknown kind", set("member", 0, "kind", "goat"), "kind"},
			{"a field of another type", set("member", 1, "rev", "many"), "rev"},
			{"no hex", set("member", 1, "public_key", "zz"), "public_key"},
			{"no word", set("entry", 1, "type", "goat"), "type"},
			{"a group without a name", set("group", 0, "public_name", ""), "public_name"},
			{"a group's name with a bell", set("group", 0, "public_name", "ding\a"), "public_name"},
			{"a policy that can not be", set("group", 0, "policy", map[string]any{"history": 99}), "policy"},
			{"another group's key", set("group", 0, "identity", key.Identity.String()), "public_key"},
			{"an ID that none can have", set("group", 0, "id", ".import-1"), "id"},
			{"a short key of seen ids", set("group", 0, "seen_key", "00"), "seen_key"},
			{"another's public key", set("member", 1, "public_key", hex.EncodeToString(key.PublicKey)), "public_key"},
			{"another's address", set("member", 1, "address", key.Identity.String()), "address"},
			{"a name with a line", set("member", 1, "name", "Ann\nBob: hi"), "name"},
			{"a name like another's", set("member", 0, "name", "Mod"), ""},
			{"bits that there are not", set("member", 1, "permissions", 1<<40), ""},
			{"a member without a role", set("member", 0, "role", "none"), "role"},
			{"a status of several lines", set("member", 1, "status", "a\nb"), "status"},
			{"a rev above all", set("member", 4, "rev", 1<<50), "rev"},
			{"a ban of nobody", set("ban", 0, "target", strings.Repeat("0", 32)), "target"},
			{"an invite without uses", set("invite", 0, "uses", 0), "uses"},
			{"delivery to a stranger", set("delivery", 1, "identity", strings.Repeat("f", 32)), "identity"},
			{"a mode that there is not", set("delivery", 0, "mode", "pigeon"), "mode"},
			{"another text", set("entry", 5, "text", "what nobody said"), "digest"},
			{"another author", set("entry", 6, "author", key.Identity.String()), "digest"},
			{"another time", set("entry", 5, "time", "2020-01-01T00:00:00Z"), "digest"},
			{"another digest", set("entry", 5, "digest", strings.Repeat("ab", 32)), "digest"},
			{"another hash", set("entry", 5, "hash", strings.Repeat("ab", 32)), "hash"},
			{"no salt", set("entry", 5, "salt", nil), "salt"},
			{"a seq twice", set("entry", 5, "seq", 5), "seq"},
			{"a rev twice", func(all lines) (lines, int) {
				all[find(all, "entry", 3)]["rev"] = all[find(all, "entry", 2)]["rev"]
				all[find(all, "entry", 3)]["written"] = 1
				return all, -1
			}, ""},
			{"an answer to what comes", set("entry", 5, "ref", 7), "ref"},
			{"a name of a file that leads elsewhere", func(all lines) (lines, int) {
				for i, l := range all {
					if files, ok := l["attachments"].([]any); ok {
						files[0].(map[string]any)["name"] = "../../etc/passwd"
						return all, i
					}
				}
				t.Fatal("no attachments")
				return nil, 0
			}, "attachments"},
			{"an entry that is missing", func(all lines) (lines, int) {
				i := find(all, "entry", 5)
				return append(all[:i], all[i+1:]...), i
			}, "seq"},
			{"a timeline that is cut", func(all lines) (lines, int) {
				kept := lines{}
				for _, l := range all {
					if fmt.Sprint(l["kind"]) != "entry" || l["seq"].(json.Number) < "2" {
						kept = append(kept, l)
					}
				}
				return kept, -1
			}, ""},
			{"too few reactions", func(all lines) (lines, int) {
				i := find(all, "reaction", 1)
				return append(all[:i], all[i+1:]...), -1
			}, ""},
			{"a reaction of nobody", set("reaction", 0, "who", strings.Repeat("0", 32)), "who"},
			{"another content", set("content", 0, "data", "AAAA"), ""},
			{"a content that is longer", set("content", 0, "size", 1<<20), ""},
			{"a report about nothing", set("report", 0, "seq", 999), "seq"},
			{"a line of the log that is two", set("audit", 0, "detail", "a\nb"), "detail"},
			{"seen ids of a wrong length", set("seen", 0, "ids", []any{"00"}), "ids"},
			{"the wrong order", func(all lines) (lines, int) {
				i, j := find(all, "member", 0), find(all, "entry", 0)
				all[i], all[j] = all[j], all[i]
				return all, -1
			}, ""},
			{"two groups", func(all lines) (lines, int) {
				return append(all[:2:2], append(lines{all[1]}, all[2:]...)...), 2
			}, "kind"},
			{"another private key", set("identity", 0, "private_key", "00"), "private_key"},
		} {
			at := -1
			bad := forged(t, file, func(all []map[string]any) []map[string]any { all, at = c.change(all); return all })
			_, err := new.imports(bad, withKeys())
			e := refused(t, c.name, err, group.KindInvalid)
			var line *group.LineError
			if !errors.As(e.Err, &line) {
				t.Errorf("%s: no line: %v", c.name, err)
				continue
			}
			if c.field != "" && (line.Field != c.field || (at >= 0 && line.Line != int64(at+1))) {
				t.Errorf("%s: %v; want line %d, %s", c.name, line, at+1, c.field)
			}
		}
		unchanged := forged(t, file, func(all []map[string]any) []map[string]any { return all })
		new.nothingLeft(blobs)
		must(new.imports(unchanged, withKeys()))(t)
	})
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
			r.Role = moderation.RoleModerator
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

func TestOneImportAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t)
		r, w := io.Pipe()
		done := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := new.hub.Import(ctx, operator(), r, withKeys())
			done <- err
		}()
		w.Write(file[:len(file)/2])
		_, err := new.imports(file, withKeys())
		refused(t, "a second one", err, group.KindConflict)
		cancel()
		w.Close()
		if err := <-done; err == nil {
			t.Error("an import that was cut off went on")
		}
		new.nothingLeft(blobs)
		must(new.imports(file, withKeys()))(t)
	})
}

func TestAnImportIsRefusedWhenTheDiskIsNearlyFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t, func(c *group.Config) { c.Limits.AttachFloor = 1 << 20 })
		for _, space := range []int64{0, 1 << 20, 1<<20 + 100_000} {
			blobs.SetSpace(space)
			_, err := new.imports(file, withKeys())
			refused(t, fmt.Sprintf("%d bytes left", space), err, group.KindFull)
		}
		new.nothingLeft(blobs)
		blobs.SetSpace(10 << 20)
		must(new.imports(file, withKeys()))(t)
	})
}

func TestAnImportTakesNoMoreThanTheServersAttachmentsMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t, func(c *group.Config) { c.Limits.AttachDisk = 100_000 })
		_, err := new.imports(file, withKeys())
		refused(t, "150,000 bytes of goats", err, group.KindFull)
		new.nothingLeft(blobs)
	})
}

func TestAGroupThatWasDeletedIsImportedAgainWhenItIsErased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		if err := h.hub.DeleteGroup(t.Context(), operator(), valley); err != nil {
			t.Fatal(err)
		}
		other := withKeys()
		other.ID = "other"
		for what, in := range map[string]group.ImportInput{"the same id": withKeys(), "another id": other} {
			_, err := h.imports(file, in)
			refused(t, what, err, group.KindConflict)
		}
		h.lives(time.Minute)
		must(h.imports(file, withKeys()))(t)
		if got := h.exported(group.ExportInput{Identity: true}); body(got) != body(file) {
			t.Error("it is another group")
		}
	})
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
		if in := must(new.imports(bare, withKeys()))(t); in.Missing != 4 || count(t, blobs) != 0 || strings.Contains(string(bare), `"kind":"content"`) {
			t.Errorf("without contents: %d are missing", in.Missing)
		}
	})
}

func FuzzImport(f *testing.F) {
	hub, err := group.New(group.Config{Store: memory.New(), Blobs: memory.NewBlobs(), Rand: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		f.Fatal(err)
	}
	ann, attached := person("Ann"), file("a.txt", "content")
	var file bytes.Buffer
	_, err = hub.CreateGroup(f.Context(), operator(), group.NewGroup{ID: valley, PublicKey: person("the group").PublicKey, PrivateKey: []byte("private"), PublicName: "Valley", Public: true})
	_, err1 := hub.Join(f.Context(), ann, valley, group.JoinInput{Name: "Ann", Mode: group.DeliverRelay})
	_, err2 := hub.Post(f.Context(), ann, valley, carrying("look", attached))
	_, err3 := hub.React(f.Context(), ann, valley, group.ReactInput{Seq: 2, Text: "+1"})
	_, err4 := hub.Export(f.Context(), operator(), valley, &file, group.ExportInput{Identity: true})
	if err := errors.Join(err, err1, err2, err3, err4); err != nil {
		f.Fatal(err)
	}
	if _, err := group.CheckExport(f.Context(), bytes.NewReader(file.Bytes()), group.ImportInput{PublicOf: publicOf}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	for i, line := range bytes.SplitAfter(file.Bytes(), []byte("\n")) {
		if i > 1 {
			f.Add(append(bytes.Clone(file.Bytes()[:bytes.Index(file.Bytes(), []byte("{\"kind\":\"identity"))]), line...))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if r, err := group.CheckExport(t.Context(), bytes.NewReader(file), group.ImportInput{PublicOf: publicOf}); err == nil && r.Group.ID == "" {
			t.Error("a group without an ID was taken")
		}
	})
}

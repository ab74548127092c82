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
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/group/memory"
)

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

// lines are those of a file but the last one.
func lines(t *testing.T, file []byte) (lines []map[string]any) {
	t.Helper()
	for _, text := range strings.Split(strings.TrimSpace(string(file)), "\n") {
		var line map[string]any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines[:len(lines)-1]
}

// forged changes lines of a file and gives it a last line that fits.
func forged(t *testing.T, file []byte, change func(lines []map[string]any) []map[string]any) []byte {
	t.Helper()
	lines := change(lines(t, file))
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
			{"settings that can not go together", set("group", 0, "policy", map[string]any{"no_removal": true, "silent_after": 3600}), "policy"},
			{"a head beyond all numbers", func(all lines) (lines, int) {
				all[1]["head"].(map[string]any)["seq"] = json.Number("9223372036854775808")
				return all, 1
			}, "head"},
			{"the last number that an epoch can have", set("epoch", 0, "number", uint32(1<<32-1)), "number"},
			{"a file larger than all disks", func(all lines) (lines, int) {
				for i, l := range all {
					if files, ok := l["attachments"].([]any); ok {
						files[0].(map[string]any)["size"] = json.Number("9223372036854775807")
						return all, i
					}
				}
				t.Fatal("no attachments")
				return nil, 0
			}, "attachments"},
			{"another group's key", set("group", 0, "identity", key.Identity.String()), "public_key"},
			{"an ID that none can have", set("group", 0, "id", ".import-1"), "id"},
			{"a short key of seen ids", set("group", 0, "seen_key", "00"), "seen_key"},
			{"another's public key", set("member", 1, "public_key", hex.EncodeToString(key.PublicKey)), "public_key"},
			{"another's address", set("member", 1, "address", key.Identity.String()), "address"},
			{"a name with a line", set("member", 1, "name", "Ann\nBob: hi"), "name"},
			{"a name like another's", set("member", 0, "name", "Mod"), ""},
			{"bits that there are not", set("member", 1, "permissions", int64(1)<<40), ""},
			{"a member without a role", set("member", 0, "role", "none"), "role"},
			{"a status of several lines", set("member", 1, "status", "a\nb"), "status"},
			{"a rev above all", set("member", 4, "rev", int64(1)<<50), "rev"},
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
			{"an entry with the rev of a member", func(all lines) (lines, int) {
				all[find(all, "entry", 3)]["rev"] = all[find(all, "member", 4)]["rev"]
				return all, -1
			}, ""},
			{"two entries that were written at once", func(all lines) (lines, int) {
				all[find(all, "entry", 3)]["written"] = all[find(all, "entry", 2)]["written"]
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

// TestAGroupThatComesBackIsOfAnotherGeneration: what its members' clients know of it may be more than the file holds.
func TestAGroupThatComesBackIsOfAnotherGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		generation := func() group.Generation {
			list := must(h.hub.Groups(t.Context(), operator()))(t)
			return list[0].Generation
		}
		file, before := h.exported(group.ExportInput{Identity: true}), generation()
		h.post(person("Ann ⛰"), "later than the file")
		if err := h.hub.DeleteGroup(t.Context(), operator(), valley); err != nil {
			t.Fatal(err)
		}
		h.lives(time.Minute)
		must(h.hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: "fresh", PublicKey: person("fresh").PublicKey, PrivateKey: []byte("x"), PublicName: "Fresh"}))(t)
		if got := generation(); got != before {
			t.Errorf("with a group that was never here the generation went from %x to %x", before, got)
		}
		must(h.imports(file, withKeys()))(t)
		imported := generation()
		if imported == before {
			t.Error("the group is imported again, and of the same generation")
		}
		if err := h.hub.DeleteGroup(t.Context(), operator(), "fresh"); err != nil {
			t.Fatal(err)
		}
		h.lives(time.Minute)
		must(h.hub.CreateGroup(t.Context(), operator(), group.NewGroup{ID: "again", PublicKey: person("fresh").PublicKey, PrivateKey: []byte("x"), PublicName: "Fresh"}))(t)
		if generation() == imported {
			t.Error("the group is made again, and of the same generation")
		}
	})
}

// TestANewGroupDoesNotHaveAllClientsAskForEverythingAgain: not either on a server that has seen so many that its log is full.
func TestANewGroupDoesNotHaveAllClientsAskForEverythingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, open, func(_ *group.NewGroup, c *group.Config) { c.NewIdentity = freshKeys() })
		const lines = 10_000 // as many as are kept
		if err := h.store.Update(t.Context(), func(tx group.Tx) error {
			for range lines {
				if err := tx.AddServerLine(group.ServerLine{Time: time.Now(), Action: "create group", Group: "old", Detail: "another"}, lines); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		generation := func() group.Generation { return must(h.hub.Groups(t.Context(), operator()))(t)[0].Generation }
		before := generation()
		made := must(h.hub.CreateGroup(t.Context(), operator(), group.NewGroup{PublicName: "Fresh"}))(t)
		if got := generation(); got != before {
			t.Errorf("with %s, which was never here, the generation went from %x to %x", made.ID, before, got)
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

// TestAGroupThatSomebodyMadeAndTheConfigurationNamesStaysDeleted: one that was imported under an id of the operator's.
func TestAGroupThatSomebodyMadeAndTheConfigurationNamesStaysDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := forged(t, h.exported(group.ExportInput{Identity: true}), func(all []map[string]any) []map[string]any {
			all[1]["creator"] = person("Ann ⛰").Identity.String()
			return all
		})
		new, _ := empty(t)
		in := withKeys()
		in.ID = "main"
		must(new.imports(file, in))(t)
		if err := new.hub.DeleteGroup(t.Context(), person("Ann ⛰"), "main"); err != nil {
			t.Fatal(err)
		}
		if removed := must(new.hub.RemovedGroups(t.Context(), operator()))(t); len(removed) != 1 || removed[0].ID != "main" {
			t.Errorf("remembered as deleted: %+v", removed)
		}
	})
}

// TestAFileWhoseLinesAreMissingTwiceOrSwappedIsRefusedOrIsWhatItSays: what is taken comes out again as it stands there.
func TestAFileWhoseLinesAreMissingTwiceOrSwappedIsRefusedOrIsWhatItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		taken, refusals := 0, 0
		for i := range lines(t, file) {
			for name, change := range map[string]func(all fileLines) fileLines{
				"missing": func(all fileLines) fileLines { return append(all[:i:i], all[i+1:]...) },
				"twice":   func(all fileLines) fileLines { return append(all[:i+1:i+1], all[i:]...) },
				"swapped": func(all fileLines) fileLines {
					if i > 0 {
						all[i-1], all[i] = all[i], all[i-1]
					}
					return all
				},
			} {
				if name == "swapped" && i == 0 {
					continue
				}
				odd := forged(t, file, change)
				new, _ := empty(t)
				if _, err := new.imports(odd, withKeys()); err != nil {
					var line *group.LineError
					if e := (*group.Error)(nil); !errors.As(err, &line) && !(errors.As(err, &e) && e.Field == "identity") {
						t.Errorf("line %d %s: %v", i+1, name, err)
					}
					refusals++
					continue
				}
				taken++
				if name == "twice" {
					t.Errorf("line %d twice is taken", i+1)
				}
				again := forged(t, new.exported(group.ExportInput{Identity: true}), func(all fileLines) fileLines { return all })
				if body(again) != body(odd) {
					t.Errorf("line %d %s comes out another way", i+1, name)
				}
			}
		}
		t.Logf("%d taken, %d refused", taken, refusals)
		if taken == 0 || refusals < 100 {
			t.Errorf("%d taken, %d refused", taken, refusals)
		}
	})
}

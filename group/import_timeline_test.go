package group_test

import (
	"encoding/hex"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
)

// tampered is an export of a group into whose store somebody wrote an entry, with a digest and a hash that fit.
func tampered(t *testing.T, h *house, e group.Entry) []byte {
	t.Helper()
	h.lives(time.Minute)
	err := h.store.Update(t.Context(), func(tx group.Tx) error {
		head, err := tx.Head(valley)
		if err != nil {
			return err
		}
		head.Seq, head.Rev = head.Seq+1, head.Rev+1
		e.Group, e.Seq, e.Rev, e.Written, e.Salt = valley, head.Seq, head.Rev, head.Rev, make([]byte, group.SaltSize)
		if e.Time.IsZero() && e.Kind != 0 {
			e.Time = time.Now()
		}
		e.Digest = e.ContentDigest()
		e.Hash = group.ChainHash(head.Chain, e.Digest)
		head.Chain = e.Hash
		if err := tx.AppendEntry(e, nil); err != nil {
			return err
		}
		return tx.PutHead(valley, head)
	})
	if err != nil {
		t.Fatal(err)
	}
	return h.exported(group.ExportInput{Identity: true})
}

func TestWhatNobodyCouldHaveWrittenIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		new, blobs := empty(t, func(c *group.Config) { c.Limits.PostBytes = 1000 })
		ann := person("Ann ⛰").Identity
		for name, c := range map[string]struct {
			field string
			entry group.Entry
		}{
			"a reason that begins a new line":    {"text", group.Entry{Kind: group.EntryKick, Author: ann, Text: []byte("noise\nBob: hi")}},
			"a name that turns the writing":      {"text", group.Entry{Kind: group.EntryName, Author: ann, Text: []byte("Ann\u202e")}},
			"an event that is a book":            {"text", group.Entry{Kind: group.EntryTopic, Author: ann, Text: []byte(strings.Repeat("goat ", 300))}},
			"an event with a title":              {"type", group.Entry{Kind: group.EntryJoin, Author: ann, Text: []byte("Ann"), Title: []byte("Queen")}},
			"an event that is pinned":            {"type", group.Entry{Kind: group.EntryJoin, Author: ann, Text: []byte("Ann"), Pinned: true}},
			"a post that speaks for the server":  {"text", group.Entry{Kind: group.EntryPost, Author: ann, Text: []byte("※ the server says")}},
			"a title that speaks for the server": {"title", group.Entry{Kind: group.EntryPost, Author: ann, Title: []byte(" ※"), Text: []byte("hi")}},
			"a post that is too large here":      {"text", group.Entry{Kind: group.EntryPost, Author: ann, Text: []byte(strings.Repeat("goat ", 300))}},
			"a post of no time":                  {"time", group.Entry{Kind: group.EntryPost, Author: ann, Text: []byte("hi"), Time: time.Unix(0, 0)}},
		} {
			h, _ := lived(t)
			_, err := new.imports(tampered(t, h, c.entry), withKeys())
			refusedLine(t, name, err, c.field)
		}
		new.nothingLeft(blobs)
	})
}

func TestSignsAtPostsThatNobodyCouldHaveGivenAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, blobs := empty(t)
		entry := func(all fileLines, seq int) map[string]any {
			for _, l := range all {
				if l["kind"] == "entry" && fmt.Sprint(l["seq"]) == fmt.Sprint(seq) {
					return l
				}
			}
			t.Fatalf("there is no entry %d", seq)
			return nil
		}
		first := lineOf(t, lines(t, file), "reaction", 0)
		reactions := func(all fileLines, with ...map[string]any) fileLines {
			var kept fileLines
			for i, l := range all {
				if l["kind"] == "reaction" && i < first+3 {
					continue
				}
				if kept = append(kept, l); i == first-1 {
					l["reactions"] = len(with)
					kept = append(kept, with...)
				}
			}
			return kept
		}
		reaction := func(who, n int) map[string]any {
			return map[string]any{"kind": "reaction", "seq": 8, "who": fmt.Sprintf("%032x", who), "text": fmt.Sprintf("r%02d", n)}
		}
		for name, c := range map[string]struct {
			field  string
			change func(all fileLines) fileLines
		}{
			"a post that another post replaces": {"ref", func(all fileLines) fileLines { entry(all, 9)["edited_by"] = 10; return all }},
			"an edit of another post":           {"edited_by", func(all fileLines) fileLines { entry(all, 9)["edited_by"] = 17; return all }},
			"reactions to who joined":           {"type", func(all fileLines) fileLines { entry(all, 7)["reactions"] = 3; return all }},
			"many reactions of one": {"text", func(all fileLines) fileLines {
				var list fileLines
				for i := range 9 {
					list = append(list, reaction(7, i))
				}
				return reactions(all, list...)
			}},
			"many kinds of reactions": {"text", func(all fileLines) fileLines {
				var list fileLines
				for i := range 33 {
					list = append(list, reaction(i+1, i))
				}
				return reactions(all, list...)
			}},
			"the server's reaction": {"text", func(all fileLines) fileLines {
				r := reaction(7, 1)
				r["text"] = "※"
				return reactions(all, r)
			}},
			"more reactions than there can be": {"reactions", func(all fileLines) fileLines { entry(all, 9)["reactions"] = 10_001; return all }},
			"a log that turns the writing":     {"detail", func(all fileLines) fileLines { all[lineOf(t, all, "audit", 0)]["detail"] = "Ann\u202e"; return all }},
		} {
			_, err := new.imports(forged(t, file, c.change), withKeys())
			refusedLine(t, name, err, c.field)
		}
		new.nothingLeft(blobs)
	})
}

// TestALineOfManyPartsTakesLittleMemory: what a line may hold is bounded before it is all in memory.
func TestALineOfManyPartsTakesLittleMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		for field, part := range map[string]string{"attachments": "{},", "ids": `"",`} {
			kind := map[string]string{"attachments": "entry", "ids": "seen"}[field]
			at := strings.Index(string(file), `{"kind":"`+kind+`"`)
			bad := string(file[:at]) + `{"kind":"` + kind + `","` + field + `":[` + strings.Repeat(part, 2_500_000) + part[:len(part)-1] + "]}\n"
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := group.CheckExport(t.Context(), strings.NewReader(bad), withKeys())
			runtime.ReadMemStats(&after)
			refusedLine(t, kind, err, field)
			if took := after.TotalAlloc - before.TotalAlloc; took > 128<<20 {
				t.Errorf("%s: a line of %d MB made %d MB of work for the memory", kind, len(bad)>>20, took>>20)
			}
		}
	})
}

// TestALineOfHex keeps hex honest: half a byte is none.
func TestALineOfHex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		file := h.exported(group.ExportInput{Identity: true})
		new, _ := empty(t)
		_, err := new.imports(forged(t, file, func(all fileLines) fileLines {
			all[1]["seen_key"] = hex.EncodeToString(make([]byte, 32)) + "0"
			return all
		}), withKeys())
		refusedLine(t, "half a byte", err, "seen_key")
	})
}

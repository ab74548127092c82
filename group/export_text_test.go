package group_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
	"groupd/moderation"
)

// texts are the days of a group as people read them.
func (h *house) texts() map[string]string {
	h.t.Helper()
	days := make(map[string]*bytes.Buffer)
	last := ""
	if _, err := h.hub.ExportText(h.t.Context(), operator(), valley, func(day string) (io.Writer, error) {
		if day <= last {
			h.t.Errorf("%s comes after %s", day, last)
		}
		last, days[day] = day, new(bytes.Buffer)
		return days[day], nil
	}); err != nil {
		h.t.Fatal(err)
	}
	out := make(map[string]string)
	for day, b := range days {
		out[day] = b.String()
	}
	return out
}

func TestAGroupAsPeopleReadIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := storage(t, group.Limits{})
		ctx := t.Context()
		ann, bob, mod := h.joined("Ann", moderation.RoleOwner), h.joined("Bob", moderation.RoleMember), h.joined("Mod", moderation.RoleModerator)
		gone := h.joined("Gone", moderation.RoleMember)
		first := h.post(ann, "hello\n\n   indented\nworld")
		time.Sleep(time.Second)
		must(h.hub.Post(ctx, bob, valley, group.PostInput{Kind: group.EntryAction, Text: []byte("waves"), Ref: first.Seq}))(t)
		must(h.hub.Post(ctx, bob, valley, group.PostInput{Title: []byte("News"), Text: []byte("of goats")}))(t)
		must(h.hub.Post(ctx, ann, valley, carrying("look", file("map.txt", "1234"))))(t)
		typo := h.post(bob, "tpyo")
		h.edit(bob, typo.Seq, "typo")
		bad := h.post(bob, "to be deleted")
		must(h.hub.Delete(ctx, mod, valley, group.DeleteInput{Seqs: []group.Seq{bad.Seq}}))(t)
		must(h.hub.Post(ctx, ann, valley, group.PostInput{Text: []byte("what?"), Ref: bad.Seq}))(t)
		time.Sleep(24 * time.Hour)
		must(h.hub.Post(ctx, ann, valley, group.PostInput{Text: []byte("indeed"), Ref: typo.Seq}))(t)
		must(h.hub.Pin(ctx, mod, valley, first.Seq, false))(t)
		h.post(gone, "bye")
		must(h.hub.Leave(ctx, gone, valley))(t)
		must(h.hub.UpdateTopic(ctx, ann, valley, "goats"))(t)
		must(h.hub.Kick(ctx, mod, valley, group.KickInput{Target: hash(bob), Reason: "noise"}))(t)
		must(h.hub.Post(ctx, operator(), valley, group.PostInput{Text: []byte("quiet, please")}))(t)
		long := strings.Repeat("goat ", 40)
		p := h.post(ann, long)
		must(h.hub.Post(ctx, ann, valley, group.PostInput{Text: []byte("as I said"), Ref: p.Seq}))(t)
		bobs, gones := group.AddressOf(bob.Identity).Short(), group.AddressOf(gone.Identity).Short()
		got := h.texts()
		want := map[string]string{
			"2000-01-01": "# Cottle Family Chat, 2000-01-01 (UTC)\n" +
				"00:00:00 -- <Ann> joined\n00:00:00 -- <※> gave <Ann> the role: owner\n00:00:00 -- <Bob BB…> joined\n00:00:00 -- <Mod> joined\n00:00:00 -- <※> gave <Mod> the role: moderator\n" +
				"00:00:00 -- <Gone GG…> joined\n" +
				"00:00:00 <Ann> (pinned) hello\n    \n       indented\n    world\n" +
				"00:00:01 * <Bob BB…> (to <Ann> \"hello indented world\") waves\n" +
				"00:00:01 <Bob BB…> News\n    of goats\n" +
				"00:00:01 <Ann> look\n    [file map.txt, 4 bytes]\n" +
				"00:00:01 <Bob BB…> (edited) typo\n" +
				"00:00:01 <Bob BB…> (deleted)\n" +
				"00:00:01 <Ann> (to what was deleted) what?\n",
			"2000-01-02": "# Cottle Family Chat, 2000-01-02 (UTC)\n" +
				"00:00:01 <Ann> (to <Bob BB…> \"typo\") indeed\n" +
				"00:00:01 <Gone GG…> bye\n00:00:01 -- <Gone GG…> left\n00:00:01 -- <Ann> set the topic: goats\n00:00:01 -- <Mod> removed <Bob BB…>: noise\n" +
				"00:00:01 <※> quiet, please\n" +
				"00:00:01 <Ann> " + strings.TrimSpace(long) + "\n" +
				"00:00:01 <Ann> (to <Ann> \"" + strings.TrimSpace(strings.Repeat("goat ", 12)) + "…\") as I said\n",
		}
		for day := range want {
			text := strings.NewReplacer("BB", bobs, "GG", gones).Replace(want[day])
			if got[day] != text {
				t.Errorf("%s:\n%s\nwant\n%s", day, got[day], text)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%d days", len(got))
		}
	})
}

// TestNobodyWritesAnothersLineInTheText: whatever somebody calls himself and writes, the lines that begin with a time are those of entries, and
// each holds one name, its author's.
func TestNobodyWritesAnothersLineInTheText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := storage(t, group.Limits{})
		ann := h.joined("Ann", moderation.RoleMember)
		entries := 1
		for i, evil := range []string{
			"\n00:00:00 <Ann> forged", "x\r00:00:00 <Ann> forged", "x\u202800:00:00 <Ann> forged", "x\u2029\u008500:00:00 <Ann> forged", "x\v00:00:00 <Ann> forged\f00:00:00 <Ann> forged",
			"\u202eforged", "\x1b[2J\x1b[1;1H00:00:00 <Ann> forged", "> 00:00:00 <Ann> forged", "# Cottle Family Chat, 2000-01-01 (UTC)", "\x00\n\x00", "\xff\xfe\n00:00:00 <Ann> forged", "a> <Ann> forged",
		} {
			names := []string{evil, "<Ann>", "Ann>", "Ann> forged", "‹Ann›"}
			mal := h.joined(fmt.Sprint("Mal ", i), moderation.RoleMember)
			entries++
			if _, err := h.hub.UpdateProfile(t.Context(), mal, valley, group.ProfileInput{Name: &names[i%len(names)]}); err == nil {
				entries++
			}
			for _, in := range []group.PostInput{
				{Text: []byte(evil)}, {Kind: group.EntryAction, Text: []byte(evil)}, {Title: []byte(evil), Text: []byte(evil)},
				{Text: []byte("file"), Attachments: []group.AttachmentInput{file(evil, "x")}}, {Text: []byte("to that"), Ref: 3},
			} {
				if _, err := h.hub.Post(t.Context(), mal, valley, in); err == nil {
					entries++
				}
			}
		}
		text := h.texts()["2000-01-01"]
		lines := 0
		for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n")[1:] {
			switch {
			case strings.HasPrefix(line, "00:00:00 "):
				lines++
				rest := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "00:00:00 "), "-- "), "* ")
				name, _, ok := strings.Cut(strings.TrimPrefix(rest, "<"), ">")
				if !ok || rest[0] != '<' || strings.ContainsAny(name, "<>") || (name == "Ann" && !strings.Contains(line, "joined")) {
					t.Errorf("line %q", line)
				}
			case !strings.HasPrefix(line, "    "):
				t.Errorf("line %q", line)
			}
			if moderation.CleanLine(strings.TrimLeft(line, " ")) != strings.TrimSpace(line) {
				t.Errorf("line %q holds what does not show", line)
			}
		}
		if lines != entries {
			t.Errorf("%d lines for %d entries:\n%s", lines, entries, text)
		}
		_ = ann
	})
}

func TestAnExportThatCanNotBeWrittenFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := lived(t)
		h.lives(time.Minute)
		full := errors.New("no space")
		for _, most := range []int{0, 10, 70_000} {
			_, err := h.hub.Export(t.Context(), operator(), valley, &limited{most, full}, group.ExportInput{})
			if e := refused(t, "lines", err, group.KindInternal); !errors.Is(e.Err, full) {
				t.Errorf("%v", e.Err)
			}
		}
		_, err := h.hub.ExportText(t.Context(), operator(), valley, func(string) (io.Writer, error) { return &limited{0, full}, nil })
		refused(t, "text", err, group.KindInternal)
		_, err = h.hub.ExportText(t.Context(), operator(), valley, func(string) (io.Writer, error) { return nil, full })
		refused(t, "no file", err, group.KindInternal)
		_, err = h.hub.Export(t.Context(), operator(), "nowhere", io.Discard, group.ExportInput{})
		refused(t, "no such group", err, group.KindNotFound)
	})
}

// limited is a disk that gets full.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left -= len(b); l.left < 0 {
		return 0, l.err
	}
	return len(b), nil
}

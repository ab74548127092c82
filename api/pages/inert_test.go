package pages_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"groupd/group"
	"groupd/internal/micron"
	"groupd/moderation"
)

// evil are texts that would be something else on a page that took them as they are.
func evil() []string {
	return []string{
		"`[go`:/page/leave.mu]", "`<name`x>", "`<?|a|b`c>", "a\n>b", ">big", "<x", "-", "-~", "#x", "#!c=99", "`=", "`!`F00fx", "``", "`", "\\", "\\`[x`:/page/forget.mu]", "`{:/page/me.mu`1}", "`t", "`(x`y)", "[x]", "]", "x]`!",
		"' onclick=x", "\"><b>x</b>", "<script>1</script>", "&lt;", "a|b=c", "n=AAAA", "%60!", "`c`r", "x\r\n-", "\u202ex", "x\x1b[1m", "※ x", "| x", "`:x", "`+> x",
		"\t>x", "a\u2028>b", "\u2029-", "\u0085#x", "\u200b>x", "\ufeff#!bg=f00", "\u00ad-", "a\x00b", "\u2066<x\u2069", "\v`=", "x\\", "\\\\`!x", "%s%d", "{{x}}", "x`\n`=\n>y", "#!c=99\n>x", "`[`]`<`>", "n=AAAAAAAAAAA|sure=1",
	}
}

// saying is a town in which everything that people can write anywhere is one text.
func saying(t *testing.T, text string) *town {
	t.Helper()
	ctx := t.Context()
	name := func(tail string) string { return moderation.CleanName(text + " " + tail) }
	w := newTown(t, group.NewGroup{
		Joining: moderation.JoiningApprove, PublicName: name("pub"), PrivateName: name("in"), Topic: text,
		Policy: moderation.Policy{Question: moderation.CleanLine(text), ReservedNames: []string{name("res")}},
	})
	w.join("Mod", moderation.RoleModerator)
	for _, who := range []string{"Bob", "Gus", "Mal"} {
		w.join(who, 0)
	}
	for i, who := range []string{"Ann", "Mod", "Bob", "Gus", "Mal"} {
		n := name(string(rune('A' + i)))
		must(w.hub.UpdateProfile(ctx, caller(who), valley, group.ProfileInput{Name: &n, Status: &text}))(t)
	}
	file := func(kind group.AttachmentKind) group.AttachmentInput { return attachment(kind, text, []byte("x")) }
	r := must(w.hub.Post(ctx, caller("Bob"), valley, group.PostInput{Title: []byte("t " + text), Text: []byte("p " + text + "\n" + text), Attachments: []group.AttachmentInput{file(group.AttachFile), file(group.AttachImage)}}))(t)
	must(w.hub.React(ctx, caller("Bob"), valley, group.ReactInput{Seq: r.Seq, Text: "r" + firstOf(moderation.CleanLine(text), 8)}))(t)
	must(w.hub.Post(ctx, caller("Bob"), valley, group.PostInput{Kind: group.EntryAction, Text: []byte("a " + text), Ref: r.Seq}))(t)
	must(w.hub.Report(ctx, caller("Mod"), valley, group.ReportInput{Seq: r.Seq, Reason: text}))(t)
	must(w.hub.SettleReports(ctx, operator(), valley, r.Seq, text))(t)
	must(w.hub.Report(ctx, caller("Mod"), valley, group.ReportInput{Seq: r.Seq, Reason: text}))(t)
	must(w.hub.Mute(ctx, caller("Ann"), valley, group.MuteInput{Target: hash("Gus"), Reason: text}))(t)
	for _, who := range []string{"Mal", "Unknown"} {
		must(w.hub.Ban(ctx, caller("Ann"), valley, group.BanInput{Target: hash(who), Reason: text}))(t)
	}
	must(w.hub.Join(ctx, caller("Dan"), valley, group.JoinInput{Name: name("D"), Greeting: "g " + text}))(t)
	must(w.hub.CreateInvite(ctx, caller("Mod"), valley, group.InviteInput{For: hash("Fay")}))(t)
	must(w.hub.CreateGroup(ctx, caller("Bob"), group.NewGroup{Preset: "public", PublicName: name("other"), Topic: text, CreatorName: name("B")}))(t)
	return w
}

// parts counts what a page has besides text: links by their page, fields, lines of each kind, and what the page says about itself.
func parts(raw []byte, d micron.Dialect) map[string]int {
	doc := micron.Parse(raw, d)
	n := map[string]int{fmt.Sprint("cache ", doc.HasCache, doc.Cache, doc.Foreground, doc.Background): 1}
	for _, l := range doc.Links() {
		what, _, _ := strings.Cut(l.URL, "`")
		keys := ""
		for _, v := range strings.Split(l.Data, "|") {
			key, _, _ := strings.Cut(v, "=")
			keys += " " + key
		}
		n["link "+what+keys]++
	}
	for _, f := range doc.Fields() {
		n[fmt.Sprintf("%s field %s %d", f.Kind, f.Name, f.Width)]++
	}
	for _, l := range doc.Lines {
		if l.Kind != micron.Text {
			n["line "+l.Kind.String()]++
		}
		if l.Align != micron.Default || l.Depth > 1 {
			n["moved"]++
		}
		for _, r := range l.Runs {
			if r.Style.Foreground != "" || r.Style.Background != "" || r.Style.Underline {
				n["colour"]++
			}
		}
	}
	return n
}

// firstOf is so many characters of a text.
func firstOf(s string, n int) string { return string([]rune(s)[:min(n, len([]rune(s)))]) }

// visits are all pages, with people who see what others wrote on them.
func (w *town) visits() map[string][]string {
	who := func(name string) string { return "who=" + hash(name).String() }
	list := map[string][]string{
		"Bob": {"me.mu", "leave.mu", "forget.mu", "groups.mu", "create.mu", "settings.mu", "members.mu", "post.mu`edit=8"},
		"Gus": {"me.mu", "post.mu"}, "Dan": {"join.mu", "leave.mu", "index.mu"}, "Eve": {"join.mu", "index.mu", "groups.mu"}, "Fay": {"join.mu", "index.mu"}, "Mal": {"join.mu", "index.mu", "history.mu"},
	}
	for _, path := range w.server.Paths() {
		page := strings.TrimPrefix(path, "/page/")
		list["Ann"] = append(list["Ann"], page)
		switch page { // a page that is not named here is asked about people
		case "index.mu":
		case "entry.mu":
			for _, do := range []string{"", "|do=delete", "|do=report"} {
				list["Ann"] = append(list["Ann"], page+"`seq=8"+do, page+"`seq=9"+do, page+"`seq=10"+do)
			}
		case "post.mu":
			list["Ann"] = append(list["Ann"], page+"`to=8", page+"`to=9")
		case "history.mu":
			list["Ann"] = append(list["Ann"], page+"`q=p", page+"`before=10", page+"`after=7")
		case "setting.mu":
			list["Ann"] = append(list["Ann"], page+"`key=question", page+"`key=reserved_names")
		default:
			if slices.Contains(otherPages, strings.TrimSuffix(page, ".mu")) {
				continue
			}
			for _, name := range []string{"Bob", "Dan", "Mal", "Gus", "Unknown"} {
				list["Ann"] = append(list["Ann"], page+"`"+who(name), page+"`"+who(name)+"|do=erase")
			}
		}
	}
	return list
}

// What people write in names, topics, questions, statuses, greetings, reasons and names of groups makes nothing on any page, in either program.
func TestWhatPeopleWriteMakesNothingOnPagesOfForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		harmless, wants := saying(t, "xx"), make(map[string][]byte)
		for who, list := range harmless.visits() {
			for _, page := range list {
				wants[who+page] = harmless.visitor(micron.NomadNet, who).opens(page).Raw
			}
		}
		for _, text := range evil() {
			w := saying(t, text)
			for who, list := range harmless.visits() {
				for _, page := range list {
					got := w.visitor(micron.NomadNet, who).opens(page)
					for _, d := range micron.Dialects() {
						a, b := parts(wants[who+page], d), parts(got.Raw, d)
						if name, _, _ := strings.Cut(page, "`"); slices.Contains([]string{"history.mu", "index.mu", "audit.mu", "reports.mu", "bans.mu", "settings.mu"}, name) {
							anyNumber(a)
							anyNumber(b)
						}
						if !maps.Equal(a, b) {
							t.Errorf("%q for %s, %s in %s: %s\n%s", text, who, page, d, differ(a, b), got.Raw)
						}
					}
				}
			}
		}
	})
}

// anyNumber takes from what a list has how often, and the links to more of it: how much fits on a page depends on the texts.
func anyNumber(parts map[string]int) {
	for key := range parts {
		parts[key] = 1
		for _, more := range []string{"history.mu before", "history.mu after", "audit.mu before", "reports.mu after", "bans.mu after", "settings.mu from", "history.mu "} {
			if strings.HasSuffix(key, more) {
				delete(parts, key)
			}
		}
	}
}

// differ says what two counts have different.
func differ(a, b map[string]int) string {
	var out []string
	for _, m := range []map[string]int{a, b} {
		for key := range m {
			if a[key] != b[key] {
				out = append(out, fmt.Sprintf("%q %d, not %d", key, b[key], a[key]))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "; ")
}

// What was typed comes back in the same fields, and as nothing else, when it is refused or asked about.
func TestWhatWasTypedMakesNothingWhenItComesBack(t *testing.T) {
	for _, d := range micron.Dialects() {
		t.Run(d.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, text := range evil() {
					w := saying(t, "xx")
					for _, page := range []string{"mute.mu", "kick.mu", "ban.mu"} { // a time that is none, then a second page
						v := w.visitor(d, "Ann").opens(page+"`who="+hash("Bob").String()).fills("for", "soon", "reason", text)
						before := parts(v.Raw, d)
						v.follows(map[string]string{"mute.mu": "Mute", "kick.mu": "Go on", "ban.mu": "Go on"}[page])
						if after := parts(v.Raw, d); !maps.Equal(before, after) {
							t.Errorf("%q on %s: %s\n%s", text, page, differ(before, after), v.Raw)
						}
						if page == "mute.mu" {
							continue
						}
						v.fills("for", "1h", "reason", text).follows("Go on")
						want := w.visitor(d, "Ann").opens(page+"`who="+hash("Bob").String()).fills("for", "1h", "reason", "xx").follows("Go on")
						if a, b := parts(want.Raw, d), parts(v.Raw, d); !maps.Equal(a, b) {
							t.Errorf("%q on the second page of %s: %s\n%s", text, page, differ(a, b), v.Raw)
						}
					}
					v := w.visitor(d, "Ann")
					v.opens("members.mu").fills("who", text).follows("Find")
					want := w.visitor(d, "Ann")
					want.opens("members.mu").fills("who", "xx").follows("Find")
					if a, b := parts(want.Raw, d), parts(v.Raw, d); !maps.Equal(a, b) {
						t.Errorf("%q is searched for: %s\n%s", text, differ(a, b), v.Raw)
					}
				}
			})
		})
	}
}

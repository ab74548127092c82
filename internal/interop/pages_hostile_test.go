package interop

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"groupd/db/sqlite"
	"groupd/group"
	"groupd/internal/micron"
)

// hostile is what somebody types who would like pages to do something. Whatever it leads to, names or sends is called evil, so that it is
// known when it is found; zebra stands where it would look otherwise.
func hostile() []string {
	return []string{
		"`[zebra`:/page/evil.mu]", "`[zebra`:/page/evil.mu`*|n=1]", "[evil]", "[zebra`evil]", "`[evil", "zebra [x`evil",
		"`<evil`x>", "`<!|evil`x>", "`<?|evil|1`x> `<^|evil|1|*`y>", "`<24|evil",
		">zebra", ">>>zebra `<", "a\n>zebra", "a\n-\nb", "a\n-=\nb", "a\n# evil\nb", "a\n<zebra\nb", "a\n`=\n`!zebra\n`=\nb",
		"`{evil:/page/evil.mu`1}", "a\n`{evil`1`pid=2}\nb", "`(evil`w=n`:/file/evil.webp)", "a\n`(zebra`evil)\nb", "`t\n| evil | x |\n`t",
		"`Ff00zebra`f", "`B00fzebra`b", "`FTff0000zebra", "`!zebra`! `_zebra`_", "`*zebra", "``zebra", "`czebra", "`rzebra", "`:evil zebra", "`+>zebra", "`->zebra",
		"#!c=99", "#!bg=f00\n#!fg=0f0", "#!fold a b",
		"<img src=//evil onerror=evil()>", "<script>evil()</script> zebra", "<a href=//evil>zebra</a>", "<form action=//evil><input name=evil>", "<b>zebra", "<!-- zebra -->", "</div></span>zebra",
		"&lt;b&gt;zebra &#60;evil&#62; &amp;amp; &", "'\"><svg onload=evil()>", "javascript:evil()", "nomadnetwork://evil",
		"\\`[zebra`evil] \\\\`[zebra`evil]", "zebra\\", "zebra`", "zebra`F", "zebra`[", "zebra`<", "\\", "`", "a \\n b",
		"\u202ezebra\u2066", "\x1b[31mzebra\x07", "zeb\u200bra", "\ufeff`[zebra`evil]", "`\u200b[zebra`evil]", "``[zebra`evil]",
	}
}

// plainly is a text as it should be read on a page: without what nobody can see, and without blanks, for lines may be broken anywhere.
func plainly(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
}

// inert finds what a page does that no page of ours does by itself: hostile words that lead somewhere, ask for something, or look as
// nothing looks.
func inert(r Reading) error {
	url, data := ourLinkPattern()
	if r.Error != "" {
		return fmt.Errorf("the client fails: %s", r.Error)
	}
	if len(r.Strange) > 0 {
		return fmt.Errorf("the client shows %q", r.Strange)
	}
	colours := map[string]bool{}
	for i, l := range r.Lines {
		switch {
		case l.Kind == "heading" && i > 0, l.Kind != "heading" && l.Kind != "text":
			return fmt.Errorf("line %d, %q, is a %s", i, l.Text(), l.Kind)
		case l.Kind == "heading":
			continue
		}
		for _, run := range l.Runs {
			switch {
			case run.Link != nil:
				if !url.MatchString(run.Link.URL) || leadsToEvil(run.Link.URL+run.Link.Data) || !data.MatchString(run.Link.Data) {
					return fmt.Errorf("a link %q leads to %q with %q", run.Text, run.Link.URL, run.Link.Data)
				}
			case run.Field != nil:
				if !strings.HasPrefix(run.Field.Name, "g_") || run.Field.Masked {
					return fmt.Errorf("there is a field %+v", *run.Field)
				}
			case run.Underline:
				return fmt.Errorf("%q is underlined", run.Text)
			default:
				colours[run.Foreground+"/"+run.Background] = true
			}
		}
	}
	if len(colours) > 1 {
		return fmt.Errorf("there are colours: %v", colours)
	}
	return nil
}

// leadsToEvil tells of a link that is not ours; paths of files end with what is left of their names.
func leadsToEvil(link string) bool {
	return strings.Contains(link, "evil") && !strings.HasPrefix(link, ":/file/")
}

// Where links of ours lead, and what they take along as NomadNet keeps it; MeshChat has the variables in the address.
func ourLinkPattern() (url, data *regexp.Regexp) {
	const value = `[A-Za-z0-9._~%:+-]*`
	vars := `[a-z]+=` + value + `(\|[a-z]+=` + value + `)*`
	url = regexp.MustCompile("^(:/page/[a-z]+\\.mu|:/file/[0-9]+/[0-9]+/[A-Za-z0-9._-]+|lxmf@[0-9a-f]{32}|[0-9a-f]{32}(:/page/index\\.mu)?)(`" + vars + ")?$")
	return url, regexp.MustCompile(`^(\*|` + vars + `|\*\|` + vars + `)?$`)
}

const hostileGroup = `
[[group]]
id = "other"
name = ">\u0060[zebra\u0060evil] <b>[evil]"
visibility = "public"
join = "open"

[[group]]
id = "main"
name = "Valley"
visibility = "public"
join = "open"
`

// claimCodeOf is the owner's code of one of several groups.
func claimCodeOf(t *testing.T, s *Server, id string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Data, "claim-code"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == id {
			return fields[len(fields)-1]
		}
	}
	t.Fatalf("no code for %s in %q", id, b)
	return ""
}

// heardOf puts groups of other servers with these names into the directory of a server that does not run.
func heardOf(t *testing.T, s *Server, names []string) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(s.Data, "groupd.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Update(t.Context(), func(tx group.Tx) error {
		for i, name := range names {
			l := group.ListedGroup{Number: uint64(i + 1), Name: name, Public: true, Hops: 1, Emitted: time.Now(), First: time.Now(), Last: time.Now()}
			l.Identity[0], l.Identity[1] = 7, byte(i)
			if err := tx.PutListed(l); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// What people write does nothing, on any page, in NomadNet's own parser, in both modes of MeshChat's, and in ours; and it is read as it
// was typed.
func TestWhatPeopleWriteDoesNothingOnAnyPage(t *testing.T) {
	t.Parallel()
	server := NewServer(t, BuildGroupd(t), hostileGroup)
	server.Start()
	server.Stop()
	heardOf(t, server, hostile())
	server.Start()
	address := server.JSON("group", "show", "main")["address"].(string)
	readers := StartReaders(t)
	ada := newBrowsing(t, server, "Ada", address, micron.NomadNet)
	ada.must("/claim", "ClaimRequest", map[string]any{"code": claimCodeOf(t, server, "main"), "name": "Ada"}, "JoinReply")
	ada.must("/settings/update", "SettingsUpdateRequest", map[string]any{"policy": map[string]any{"cost_ceiling": 1, "lockdown_joins": 0, "member_posts": map[string]any{"count": 1000, "per": 60}}}, "Ack")
	ada.identify()

	words := hostile()
	somebody := func(i int) (m *member, who map[string]any) { // with a link of his own in Ada's program
		id := fmt.Sprintf("person %d", i)
		hash, err := hex.DecodeString(ada.Do("identity", Args{"name": id})["hash"].(string))
		if err != nil {
			t.Fatal(err)
		}
		link := ada.Do("open_link", Args{"hash": address, "app": "meshchat", "aspects": []string{"group"}, "timeout": 20})["link"].(string)
		ada.Do("identify", Args{"link": link, "identity": id})
		return &member{Peer: ada.Peer, t: t, name: id, group: address, link: link}, map[string]any{"hash": base64.StdEncoding.EncodeToString(hash)}
	}
	post := func(text string) any {
		packed := ada.Do("lxmf_pack", Args{"identity": "me", "to": address, "content": text})["packed"]
		return ada.must("/messages/send", "SendRequest", map[string]any{"message": packed}, "SendReply")["seq"]
	}
	first := post("to be reported")
	half := len(words) / 6 * 3
	for i := 0; i+2 < len(words); i += 3 {
		if i == half {
			ada.must("/settings/update", "SettingsUpdateRequest", map[string]any{"joining": "APPROVE"}, "Ack") // the others wait
		}
		one, who := somebody(i)
		one.must("/join", "JoinRequest", map[string]any{"name": words[i], "greeting": words[i+1]}, "JoinReply")
		switch {
		case i >= half:
		case i%2 == 0:
			one.must("/profile/update", "ProfileRequest", map[string]any{"status_text": words[i+2]}, "ProfileReply")
			one.must("/messages/report", "ReportRequest", map[string]any{"seq": first, "reason": words[i+1]}, "Ack")
		default:
			ada.must("/members/ban", "BanRequest", map[string]any{"who": who, "reason": words[i+1]}, "Ack")
		}
	}
	seqs := map[string]string{}
	for i, text := range words {
		seq := post(text)
		seqs[fmt.Sprint(seq)] = text
		if i%8 == 0 {
			ada.must("/topic/update", "TopicRequest", map[string]any{"topic": text + "\n" + words[(i+1)%len(words)]}, "Ack")
			ada.must("/messages/react", "ReactRequest", map[string]any{"seq": seq, "text": "`[a`evil]"}, "ReactReply")
		}
	}
	var files []Args
	for i, name := range words[:16] {
		files = append(files, Args{"name": name + ".txt", "data": BlobArg(fmt.Sprint(i), 20, false)})
	}
	ada.member.Do("lxmf_announce", nil)
	id := ada.Do("lxmf_send", Args{"to": address, "content": "files", "method": "direct", "files": files})["id"]
	ada.Await("message_state", 40*time.Second, func(e Event) bool { return e.Text("message") == id && e.Fields["delivered"] == true })
	ada.must("/display-name/update", "DisplayNameRequest", map[string]any{"public_name": "`[V`evil] <b>", "private_name": ">`<evil`x> &amp; [evil]"}, "Ack")

	from := []string{":/page/index.mu", ":/page/directory.mu", ":/page/groups.mu", ":/page/join.mu", ":/page/help.mu"}
	for after := range len(words) / 10 {
		from = append(from, fmt.Sprintf(":/page/directory.mu`after=%d", 10*after))
	}
	for seq := range seqs {
		from = append(from, ":/page/entry.mu`seq="+seq)
	}
	pages := ada.crawl(from)
	read := 0
	for at, page := range pages {
		text, isPost := seqs[strings.TrimPrefix(at, ":/page/entry.mu`seq=")]
		if isPost {
			read++
		}
		for _, r := range readers {
			reading := r.Read(page)
			if err := inert(reading); err != nil {
				t.Errorf("%s, %s: %v\n%s", r.Name, at, err, page)
			}
			if isPost && !strings.Contains(plainly(reading.Text()), plainly(text)) {
				t.Errorf("%s, %s: %q is not read as it was typed:\n%s", r.Name, at, text, page)
			}
		}
		for _, dialect := range micron.Dialects() {
			for _, l := range micron.Parse(page, dialect).Links() {
				if leadsToEvil(l.URL + l.Data) {
					t.Errorf("our reader as %v, %s: a link to %q", dialect, at, l.URL)
				}
			}
		}
	}
	t.Logf("%d pages, on %d of them posts", len(pages), read)
	if read < len(words) {
		t.Errorf("of %d posts only %d have a page", len(words), read)
	}
}

// crawl opens these pages and those that links lead to without doing anything, and returns them as they came. Of pages that differ in the
// values of their variables alone it opens eight.
func (b *browsing) crawl(from []string) map[string][]byte {
	b.member.t.Helper()
	valueOf, nonceOf := regexp.MustCompile(`=[^|]*`), regexp.MustCompile("[`|]n=")
	pages, alike, known := map[string][]byte{}, map[string]int{}, map[string]bool{}
	for queue := from; len(queue) > 0; queue = queue[1:] {
		address := queue[0]
		known[address] = true
		b.open(address)
		pages[address] = b.Raw
		for _, l := range b.Page.Links() {
			next := l.URL
			if l.Data != "" {
				next += "`" + l.Data
			}
			kind := valueOf.ReplaceAllString(next, "=")
			if !strings.HasPrefix(next, ":/page/") || strings.Contains(l.Data, "*") || nonceOf.MatchString(next) || known[next] || alike[kind] >= 8 {
				continue
			}
			known[next] = true
			alike[kind]++
			queue = append(queue, next)
		}
	}
	return pages
}

package interop

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"groupd/internal/micron"
)

// browsing is a member who looks at the group's pages with one of the clients. What the pages did is checked by requests, over another
// link: the second face.
type browsing struct {
	*member
	*visitor
}

// newBrowsing starts a person's program and its browser.
func newBrowsing(t *testing.T, s *Server, name, group string, dialect micron.Dialect) *browsing {
	t.Helper()
	m := newMember(t, s, name, group)
	node := m.Do("page_address", Args{"hash": group})["hash"].(string)
	return &browsing{m, newVisitor(t, m.Peer, dialect, node, "me")}
}

// sees waits for nothing: the page that is shown has these texts.
func (b *browsing) sees(texts ...string) *browsing {
	b.member.t.Helper()
	page := strings.Join(strings.Fields(b.Text()), " ") // lines may break anywhere
	if b.visitor.lost && strings.Contains(page, "This was sent already") {
		return b // what it did is looked for by requests
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.member.t.Fatalf("%s does not see %q on %s:\n%s", b.member.name, text, b.Path, b.Text())
		}
	}
	return b
}

// at opens a page of the group.
func (b *browsing) at(page string) *browsing {
	b.member.t.Helper()
	b.open(":/page/" + page)
	return b
}

func (b *browsing) press(label string) *browsing {
	b.member.t.Helper()
	b.follow(label)
	return b
}

// with fills a field of a form.
func (b *browsing) with(field, text string) *browsing {
	b.member.t.Helper()
	b.fill("g_"+field, text)
	return b
}

const pagesGroup = `
[[group]]
id = "main"
name = "Valley"
visibility = "public"
join = "approve"
`

// Join, post, read, search, profile, approve, ban, delete, settings; by pages alone, with two clients.
func TestAGroupIsLivedInByPagesAlone(t *testing.T) {
	t.Parallel()
	bin := BuildGroupd(t)
	for _, dialect := range micron.Dialects() {
		t.Run(dialect.String(), func(t *testing.T) {
			t.Parallel()
			server := NewServer(t, bin, pagesGroup)
			server.Start()
			liveByPages(t, server, server.JSON("group", "show")["address"].(string), dialect)
		})
	}
}

func liveByPages(t *testing.T, server *Server, group string, dialect micron.Dialect) {
	ada, bob := newBrowsing(t, server, "Ada", group, dialect), newBrowsing(t, server, "Bob", group, dialect)

	t.Log("Ada looks in without a name, is told how to show who she is, does so, and becomes the owner.")
	ada.at("index.mu").sees("Valley", "A public group", "How to join", "It has no owner yet")
	ada.at("claim.mu").sees("show this group first who you are", "Identify")
	ada.identify()
	ada.at("claim.mu").with("code", server.ClaimCode()).with("name", "Ada").press("Become the owner").sees("Welcome, Ada: you own this group now.")
	if r := ada.must("/info", "InfoRequest", nil, "InfoReply"); !strings.Contains(fmt.Sprint(r["standing"]), "ROLE_OWNER") {
		t.Fatalf("by request Ada is %v", r)
	}

	t.Log("Bob asks to join; Ada sees it and lets him in.")
	bob.at("history.mu").sees("Identify")
	bob.at("index.mu").press("Join").sees("show this group first who you are")
	bob.identify()
	bob.at("join.mu").with("name", "Bob").with("greeting", "from the ferry").press("Join").sees("You have asked to join as Bob.")
	waiting := ada.must("/members/requests", "WaitingRequest", nil, "WaitingReply")["applicants"].([]any)
	if len(waiting) != 1 || !strings.Contains(fmt.Sprint(waiting), "from the ferry") {
		t.Fatalf("by request there waits %v", waiting)
	}
	ada.at("index.mu").press("Moderate").press("Who waits to join").sees("Bob", "from the ferry").press("Approve").sees("Bob is a member now, and was told.", "Nobody waits.")
	bob.hears("Welcome to Valley")

	t.Log("Bob writes; sending the form again does nothing twice.")
	bob.at("index.mu").press("Write").with("text", "the `!bridge`! is [closed] <b>today</b> & tomorrow").press("Send").sees("Posted as #")
	bob.reload()
	bob.sees("already")
	rows, _, _, _ := ada.fetch("0", 50)
	posts := slices.DeleteFunc(rows, func(r row) bool { return r.kind != 0 })
	if len(posts) != 1 || posts[0].text != "the `!bridge`! is [closed] <b>today</b> & tomorrow" || posts[0].name != "Bob" {
		t.Fatalf("by request Ada reads %v", posts)
	}
	post := fmt.Sprintf("#%d", posts[0].seq)

	t.Log("Ada reads and finds it, answers it, and Bob reads that.")
	ada.at("index.mu").sees("Bob: the `!bridge`! is [closed] <b>today</b> & tomorrow")
	ada.press("History").sees("Bob", "`!bridge`!").with("q", "bridge").press("Search").sees("Search", "`!bridge`!")
	ada.at("history.mu").with("q", "ferry").press("Search").sees("Nothing found.")
	ada.at("history.mu").press(post).press("Answer").with("text", "by which road then?").press("Send").sees("Posted as #")
	bob.at("history.mu").sees("Ada (to " + post + "): by which road then?")
	if rows, _, _, _ = bob.fetch("0", 50); !find(rows, 0, "by which road then?") {
		t.Fatalf("by request Bob reads %v", rows)
	}

	t.Log("Bob sets his profile, and how he is told what is new.")
	bob.at("me.mu").with("name", "Robert").with("status", "on the ridge").press("Save").sees("Saved.", "You are Robert")
	if r := ada.must("/members", "MembersRequest", map[string]any{"max_bytes": 9000}, "MembersReply"); !strings.Contains(fmt.Sprint(r["members"]), "on the ridge") || !strings.Contains(fmt.Sprint(r["members"]), "Robert") {
		t.Fatalf("by request the members are %v", r["members"])
	}
	bob.at("delivery.mu").tick("g_mode", "relay", true)
	bob.press("Save").sees("Saved.")
	ada.at("post.mu").with("text", "the ferry goes at six").press("Send").sees("Posted as #")
	bob.hears("Ada: the ferry goes at six")

	t.Log("Bob sends a file as a message; Ada follows its link.")
	id := bob.Do("lxmf_send", Args{"to": group, "content": "a map", "method": "direct", "files": []Args{{"name": "../the map's <b>.txt", "data": BlobArg("map", 30_000, false)}}})["id"]
	if s := bob.Await("message_state", 40*time.Second, func(e Event) bool { return e.Text("message") == id }); s.Fields["delivered"] != true {
		t.Fatalf("the file was not delivered: %v", s.Fields)
	}
	ada.at("history.mu").sees("a map")
	labels := slices.DeleteFunc(ada.Labels(), func(l string) bool { return !strings.HasPrefix(l, "#") })
	ada.press(labels[len(labels)-1]).sees("a map")
	files := regexp.MustCompile(`/file/[^\]`+"`"+`]+`).FindAllString(string(ada.Raw), -1)
	if len(files) != 1 {
		t.Fatalf("the post leads to the files %q:\n%s", files, ada.Raw)
	}
	if f := ada.Do("page_file", Args{"browser": ada.visitor.name, "path": files[0]}); f["form"] != "resource" || digestOf(f["data"]) != DigestOf(Blob("map", 30_000, false)) || strings.Contains(f["name"].(string), "/") {
		t.Fatalf("the file came as %v", f)
	}

	t.Log("A form that was shown to Bob does nothing for Ada, and hers nothing without its number.")
	bob.at("post.mu")
	bobs := regexp.MustCompile(`[|` + "`" + `]n=([^|\]]+)`).FindStringSubmatch(string(bob.Raw))
	if bobs == nil {
		t.Fatalf("the form has no number:\n%s", bob.Raw)
	}
	for _, data := range []map[string]string{
		{"var_n": bobs[1], "field_g_text": "I sell antennas"}, {"var_n": "", "field_g_text": "I sell antennas"}, {"field_g_text": "I sell antennas"},
		{"var_n": bobs[1], "var_text": "I sell antennas"}, {"var_text": "I sell antennas", "var_g_text": "I sell antennas"},
	} {
		if page := ada.get("/page/post.mu", data, false); page == nil {
			t.Fatal(ada.err)
		}
	}
	if rows, _, _, _ = bob.fetch("0", 50); find(rows, 0, "antennas") {
		t.Fatal("Ada has posted what she did not write")
	}

	t.Log("Ada changes the topic and a setting.")
	ada.at("settings.mu").press("Names and topic").with("topic", "bridge and ferry").press("Save").sees("Saved.")
	if r := bob.must("/info", "InfoRequest", nil, "InfoReply"); r["topic"] != "bridge and ferry" {
		t.Fatalf("by request the topic is %v", r["topic"])
	}
	ada.at("setting.mu`key=readonly").tick("g_value", "on", true)
	ada.press("Save").sees("Saved.", "read_only: on")
	if r := bob.must("/settings", "SettingsRequest", nil, "SettingsReply"); !strings.Contains(fmt.Sprint(r["policy"]), "read_only:true") {
		t.Fatalf("by request the settings are %v", r)
	}
	bob.at("setting.mu`key=read_only").sees("read_only: on")

	t.Log("Ada deletes Bob's post, on the second page.")
	ada.at("history.mu").press(post).press("Delete").sees("Delete this post for everybody?")
	if rows, _, _, _ = bob.fetch("0", 50); !find(rows, 0, "bridge") {
		t.Fatal("the first page deletes")
	}
	ada.press("Yes, delete it").sees("is deleted here")
	if rows, _, _, _ = bob.fetch("0", 50); find(rows, 0, "bridge") {
		t.Fatalf("by request Bob still reads %v", rows)
	}

	t.Log("What programs keep is nobody's.")
	kept, asked := bob.cache()
	if dialect == micron.NomadNet {
		for path, page := range kept {
			if !slices.Contains([]string{"/page/help.mu", "/page/disclosure.mu", "/page/kinds.mu"}, path) || strings.Contains(page, "Robert") {
				t.Errorf("NomadNet keeps %s:\n%s", path, page)
			}
		}
		bob.at("help.mu")
		bob.at("help.mu")
		if !bob.kept {
			t.Error("the page of help is asked for twice")
		}
	} else {
		bob.at("me.mu").sees("You are Robert")
		bob.back = true // the button: MeshChat shows the page as it was, with its old form
		bob.at("post.mu")
		if !bob.kept {
			t.Error("MeshChat asks for a page again when it goes back")
		}
		bob.back = false
		bob.with("text", "from an old form").press("Send")
		if rows, _, _, _ = ada.fetch("0", 50); find(rows, 0, "from an old form") {
			t.Error("read-only, and he posts")
		}
	}
	for _, path := range []string{"/page/me.mu", "/page/delivery.mu", "/page/index.mu", "/page/history.mu", "/page/join.mu", "/page/post.mu"} {
		before := len(asked)
		bob.open(":" + path)
		if _, asked = bob.cache(); len(asked) == before {
			t.Errorf("%s comes from the cache", path)
		}
	}
	bob.leave()
	bob.Do("browser", Args{"browser": bob.visitor.name + " again", "node": bob.Node, "style": strings.ToLower(dialect.String()), "identity": "me"})
	bob.visitor.name += " again"
	bob.at("me.mu").sees("identify")
	if strings.Contains(bob.Text(), "Robert") {
		t.Fatalf("nobody sees Bob's page:\n%s", bob.Text())
	}
	bob.identify()

	t.Log("Ada bans Bob, on the second page; a link with the same variables does nothing.")
	ada.at("members.mu").press("Robert").press("Ban").with("reason", "advertising").press("Go on").sees("Robert", "advertising")
	link := regexp.MustCompile(`:/page/ban\.mu[^\]]*`).FindString(string(ada.Raw))
	if link == "" {
		t.Fatalf("the second page has no form:\n%s", ada.Raw)
	}
	nonce := regexp.MustCompile(`\|n=([^|\]]+)|[\x60|]n=([^|\]]+)`).FindStringSubmatch(string(ada.Raw))
	if nonce == nil {
		t.Fatalf("the second page has no nonce:\n%s", ada.Raw)
	}
	who := regexp.MustCompile(`who=([0-9a-f]+)`).FindStringSubmatch(string(ada.Raw))[1]
	bob.at("ban.mu`who=" + who + "|n=" + nonce[1] + nonce[2]) // by somebody else, on another link
	ada.at("ban.mu`who=" + who + "|reason=advertising").sees("How long")
	if _, status := bob.ask("/messages", "MessagesRequest", nil, "MessagesReply"); status != "OK" {
		t.Fatalf("links ban: %s", status)
	}
	ada.with("reason", "advertising").press("Go on")
	yes := slices.IndexFunc(ada.Labels(), func(l string) bool { return strings.HasPrefix(l, "Yes") })
	if yes < 0 {
		t.Fatalf("the second page has only %q", ada.Labels())
	}
	ada.press(ada.Labels()[yes]).sees("Robert")
	if _, status := bob.ask("/messages", "MessagesRequest", nil, "MessagesReply"); status != "BANNED" {
		t.Fatalf("by request Bob is %s", status)
	}
	bob.hears("Advertising")
	bob.at("index.mu").sees("You are banned")
	bob.at("history.mu")
	if strings.Contains(bob.Text(), "ferry") {
		t.Fatalf("the banned one reads\n%s", bob.Text())
	}
}

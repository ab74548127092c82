package interop

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const screensGroup = `
[[group]]
id = "main"
name = "Valley Net"
visibility = "public"
join = "open"
`

// NomadNet itself shows the group's pages, identifies, joins and posts by its forms. The screens are those of docs/screens; `make screens`
// writes them anew after a change of pages.
func TestNomadNetShowsTheGroup(t *testing.T) {
	t.Parallel()
	server := NewServer(t, BuildGroupd(t), screensGroup)
	server.Start()
	group := server.JSON("group", "show")["address"].(string)
	ada := newMember(t, server, "Ada", group)
	ada.must("/claim", "ClaimRequest", map[string]any{"code": server.ClaimCode(), "name": "Ada"}, "JoinReply")
	ada.must("/topic/update", "TopicRequest", map[string]any{"topic": "bridge, ferry and weather"}, "Ack")
	ada.write("direct", "The bridge is closed until Friday.")
	ada.write("direct", "Markup `!is`! text here, `[so is this`:/page/evil.mu] and <b>this</b>.")
	node := ada.Do("page_address", Args{"hash": group})["hash"].(string)

	n := StartNomadNet(t, server.Port)
	n.Go(node + ":/page/index.mu")
	n.Page("Valley Net", "How to join")
	n.identify()
	n.connect()
	n.Page("Valley Net", "How to join")
	n.Until("the browser alone", without("Saved Nodes"), func() {
		n.ClickAt(75, 15)
		n.Keys("C-g")
	})
	front := n.Follow("│Group |", 3, "How to join", node+":/page/index.mu ") // not shortened any more

	n.Follow("Here: Join", 6, "Join - Valley Net", "Name:")
	n.Fill("Name:", 8, 0, "Nomad")
	join := n.Page("Name: Nomad")
	n.Follow("│Join  ", 2, "Welcome! You are Nomad.")

	n.Follow("| Write", 3, "Write - Valley Net", "│Send")
	n.Fill("│Send", 3, -1, "Hello from NomadNet: 1 < 2 & `!3`!")
	write := n.Page("Write - Valley Net", "Hello from NomadNet")
	n.Follow("│Send", 2, "Posted as #")
	n.Keys("C-r") // sends the form again
	posted := n.Page("already")
	history := n.Follow("| History", 3, "History - Valley Net", "Nomad: Hello from NomadNet: 1 < 2 & `!3`!", "[so is")

	// Posts come as messages once he says so, line by line as they were written.
	n.Follow("| Me |", 2, "You are Nomad")
	n.Follow("│How I am told", 3, "Each post as a message")
	n.Until("a mark", holding("(X) Each post as a message"), func() { n.Click("( ) Each post as a message", 1, 0) })
	n.Follow("│Save", 2, "Saved.")
	ada.write("direct", "Two lines:\nthis is the second.\n\nAnd a third.")
	n.Until("the conversations", holding("[ Untrusted (1)"), func() { n.Click("[ Conversations ]", 3, 0) })
	talk := "\n│? " // and the group's name, or its address until an announce is heard
	n.Until("the group", holding(talk), func() { n.Click("[ Untrusted (1)", 3, 0) })
	lines := regexp.MustCompile(`Ada: Two lines:[^\n]*\n[^\n]*this is the second\.[^\n]*\n[^\n]*And a third\.`)
	n.Until("Ada's message", lines.MatchString, func() { n.Click(talk, 5, 0) })

	rows, _, _, _ := ada.fetch("0", 50)
	count := 0
	for _, r := range rows {
		if r.text == "Hello from NomadNet: 1 < 2 & `!3`!" && r.name == "Nomad" {
			count++
		}
	}
	if count != 1 {
		t.Errorf("by request the post is there %d times: %v", count, rows)
	}

	for name, screen := range map[string]string{"front": front, "join": join, "write": write, "sent-again": posted, "history": history} {
		path := filepath.Join("..", "..", "docs", "screens", "nomadnet-"+name+".txt")
		got := masked(screen)
		if os.Getenv("GROUPD_SCREENS") == "write" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is otherwise (after a change of pages: make screens, and look at what it wrote); NomadNet shows\n%s", path, got)
		}
	}
}

// masked is a screen without what differs from run to run, the second date of one across midnight too, and without most of its empty lines.
func masked(screen string) string {
	same := func(pattern, with string) {
		screen = regexp.MustCompile(pattern).ReplaceAllStringFunc(screen, func(was string) string {
			return with + strings.Repeat(" ", max(0, utf8.RuneCountInString(was)-utf8.RuneCountInString(with)))
		})
	}
	same(`[0-9a-f]{32}`, "0123456789abcdef0123456789abcdef")
	same(`\d{4}-\d\d-\d\d`, "2026-11-20")
	same(`\b\d\d:\d\d\b`, "12:34")
	same("`n=[A-Za-z0-9_-]+", "`n=0123456789a")
	same(`Done  ▤[^│\n]*`, "Done")
	var out []string
	dated := false
	for _, line := range strings.Split(strings.TrimSuffix(screen, "\n"), "\n") {
		if strings.HasPrefix(line, "│2026-11-20 (UTC) ") {
			if dated {
				continue
			}
			dated = true
		}
		empty := strings.Trim(line, "│ ┃") == ""
		if last := len(out) - 1; empty && last > 0 && strings.Trim(out[last], "│ ┃") == "" && strings.Trim(out[last-1], "│ ┃") == "" {
			continue
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n") + "\n"
}

func TestAScreenAcrossMidnightIsTheSame(t *testing.T) {
	day := "│History\n│2026-11-21 (UTC)  │\n│#1 23:59 Ada: Good night.\n"
	if one, two := masked(day+"│#2 23:59 Ada: Really.\n"), masked(day+"│2026-11-22 (UTC)  │\n│#2 00:00 Ada: Really.\n"); one != two {
		t.Errorf("before midnight\n%s\nand across it\n%s", one, two)
	}
}

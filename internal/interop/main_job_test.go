package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// member is one person: a stock Python program with an LXMF address, and a link to the group for requests.
type member struct {
	*Peer
	t       *testing.T
	name    string
	group   string // the group's address
	address string
	link    string
}

// newMember starts a person's program on the server's network. The person knows nothing of the group but its address.
func newMember(t *testing.T, s *Server, name, group string) *member {
	t.Helper()
	return newMemberOn(t, ClientConfig("127.0.0.1", s.Port), name, group)
}

// newMemberOn is newMember with a Reticulum config of one's own.
func newMemberOn(t *testing.T, config, name, group string) *member {
	t.Helper()
	m := &member{Peer: StartPeer(t, name, config), t: t, name: name, group: group}
	m.Do("identity", Args{"name": "me"})
	m.address = m.Do("lxmf", Args{"storage": m.Dir() + "/lxmf", "identity": "me", "name": name})["hash"].(string)
	m.Do("proto", Args{"binpb": "../../proto/groupd/v1/groupd.binpb", "dictionary": "../../proto/groupd/v1/dictionary1.txt"})
	m.Do("await_path", Args{"hash": group, "timeout": 40})
	m.Do("lxmf_announce", nil)
	m.connect()
	return m
}

// connect opens the link for requests and identifies on it. It tries again while the program's TCP connection is not back, which a
// stock program tries every 5 s.
func (m *member) connect() {
	m.t.Helper()
	deadline := time.Now().Add(45 * time.Second)
	for {
		r, err := m.Try("open_link", Args{"hash": m.group, "app": "meshchat", "aspects": []string{"group"}, "timeout": 8})
		if err == nil {
			m.link = r["link"].(string)
			break
		}
		if time.Now().After(deadline) {
			m.t.Fatal(err)
		}
	}
	m.Do("identify", Args{"link": m.link, "identity": "me"})
}

// write sends a message to the group and waits for the proof of delivery.
func (m *member) write(method, text string) {
	m.t.Helper()
	if state := m.tryWrite(method, text, 30*time.Second); state.Fields["delivered"] != true {
		m.t.Fatalf("%s: %q was not delivered: %v", m.name, text, state.Fields)
	}
}

func (m *member) tryWrite(method, text string, timeout time.Duration) Event {
	m.t.Helper()
	id := m.Do("lxmf_send", Args{"to": m.group, "content": text, "method": method})["id"].(string)
	return m.Await("message_state", timeout, func(e Event) bool { return e.Text("message") == id })
}

// hears waits for a message from the group that holds a text.
func (m *member) hears(text string) string {
	m.t.Helper()
	e := m.Await("message", 20*time.Second, func(e Event) bool {
		return e.Text("source") == m.group && strings.Contains(e.Text("content"), text)
	})
	if e.Fields["verified"] != true {
		m.t.Fatalf("%s: the group's answer does not verify", m.name)
	}
	return e.Text("content")
}

// ask makes a request and returns the reply and its status.
func (m *member) ask(path, request string, body map[string]any, reply string) (map[string]any, string) {
	m.t.Helper()
	r := m.Do("call", Args{"link": m.link, "path": path, "request": request, "body": body, "reply": reply})
	status := "OK"
	if s, ok := r["status"].(map[string]any); ok {
		status, _ = s["code"].(string)
	}
	return r, status
}

// must is ask where only OK will do.
func (m *member) must(path, request string, body map[string]any, reply string) map[string]any {
	m.t.Helper()
	r, status := m.ask(path, request, body, reply)
	if status != "OK" {
		m.t.Fatalf("%s: %s is answered %v", m.name, path, r["status"])
	}
	return r
}

// row is an entry of the timeline as a client reads it.
type row struct {
	seq        int
	name, text string
	kind       int // as in docs/requests.md: 0 a post, 4 a join, 6 a kick, 7 a ban
	deleted    bool
}

func (r row) String() string { return fmt.Sprintf("%d %s: %s (%d)", r.seq, r.name, r.text, r.kind) }

// fetch reads everything after a cursor in pages of at most limit entries, and returns the new cursor.
func (m *member) fetch(after string, limit int) (rows []row, cursor, generation string, pages int) {
	m.t.Helper()
	for cursor = after; ; {
		r := m.must("/messages", "MessagesRequest", map[string]any{"after_rev": cursor, "limit": limit, "max_bytes": 1000, "accept": []string{"DEFLATE", "DEFLATE_DICTIONARY_1"}}, "MessagesReply")
		if n := r["bytes"].(float64); n > 1000 {
			m.t.Fatalf("a page of %v bytes, 1000 were allowed", n)
		}
		for _, e := range r["entries"].([]any) {
			e := e.(map[string]any)
			rows = append(rows, row{seq: int(e["seq"].(float64)), name: e["name"].(string), text: e["text"].(string), kind: int(e["kind"].(float64)), deleted: e["deleted"].(bool)})
		}
		pages++
		cursor, generation = fmt.Sprint(int64(r["to_rev"].(float64))), r["generation"].(string)
		if r["more"] != true {
			return rows, cursor, generation, pages
		}
	}
}

// find looks for what happened among rows.
func find(rows []row, kind int, text string) bool {
	for _, r := range rows {
		if r.kind == kind && strings.Contains(r.text, text) {
			return true
		}
	}
	return false
}

const privateGroup = `
[[group]]
id = "main"
name = "Valley"
private_name = "The Cottle family"
visibility = "private"
join = "approve"
`

// The main job: three people with stock Python programs, one private group. The steps are told in the log (go test -v).
func TestMainJob(t *testing.T) {
	t.Parallel()
	bin := BuildGroupd(t)
	server := NewServer(t, bin, privateGroup)
	server.Start()
	address := server.JSON("group", "show")["address"].(string)

	t.Log("Ann claims the group with the code that the first start showed, by message.")
	ann := newMember(t, server, "Ann", address)
	ann.write("direct", "/claim "+server.ClaimCode())
	ann.hears("you own")
	ann.write("direct", "/nick Ann")
	ann.hears("You are Ann")

	t.Log("Bob and Cal ask to join: Bob by message, Cal by request. Strangers see the public name only.")
	bob, cal := newMember(t, server, "Bob", address), newMember(t, server, "Cal", address)
	bob.write("opportunistic", "/join Bob")
	bob.hears("You asked to join Valley as Bob")
	if r := cal.must("/info", "InfoRequest", nil, "InfoReply"); r["public_name"] != "Valley" || r["private_name"] != nil || r["members"] != nil {
		t.Fatalf("a stranger sees %v", r)
	}
	cal.must("/join", "JoinRequest", map[string]any{"name": "Cal", "greeting": "it is me"}, "JoinReply")
	if _, status := cal.ask("/messages", "MessagesRequest", nil, "MessagesReply"); status != "PENDING" {
		t.Fatalf("who waits reads history: %s", status)
	}
	if state := cal.tryWrite("direct", "too early", 30*time.Second); state.Fields["delivered"] != true {
		t.Fatal("a refused post must get its proof")
	}

	t.Log("Ann sees both and approves: Bob by request, Cal by command. Each is told.")
	waiting := ann.must("/members/requests", "WaitingRequest", nil, "WaitingReply")
	if n := len(waiting["applicants"].([]any)); n != 2 {
		t.Fatalf("%d wait: %v", n, waiting)
	}
	ann.must("/members/approve", "ApproveRequest", map[string]any{"who": map[string]any{"name": "Bob"}}, "Ack")
	bob.hears("Welcome to The Cottle family")
	if r := bob.must("/info", "InfoRequest", nil, "InfoReply"); r["private_name"] != "The Cottle family" {
		t.Fatalf("a member sees %v", r)
	}
	ann.write("direct", "/approve Cal")
	cal.hears("Welcome to The Cottle family")

	t.Log("Posts flow, both ways that LXMF has.")
	for i := range 8 {
		bob.write("direct", fmt.Sprintf("bob says %d", i))
		cal.write("opportunistic", fmt.Sprintf("cal says %d", i))
	}
	ann.write("direct", strings.Repeat("a long story ", 60))

	t.Log("Ann fetches history in pages from a cursor.")
	rows, cursor, generation, pages := ann.fetch("0", 5)
	if pages < 4 {
		t.Errorf("%d pages of at most 5 entries", pages)
	}
	var posts []string
	for _, r := range rows {
		if r.kind == 0 {
			posts = append(posts, r.name+" "+r.text)
		}
	}
	if len(posts) != 17 || posts[0] != "Bob bob says 0" || posts[1] != "Cal cal says 0" || posts[16] != "Ann "+strings.Repeat("a long story ", 60) {
		t.Fatalf("posts %q", posts)
	}
	if find(rows, 0, "too early") {
		t.Fatal("a stranger's post is in the timeline")
	}
	if again, _, _, _ := ann.fetch(cursor, 5); len(again) != 0 {
		t.Fatalf("after the cursor: %v", again)
	}

	t.Log("Ann kicks Cal; Bob sees it, Cal is told and stays out.")
	ann.must("/members/kick", "KickRequest", map[string]any{"who": map[string]any{"name": "Cal"}, "reason": "cool down"}, "Ack")
	cal.hears("Cool down")
	news, _, _, _ := bob.fetch(cursor, 50)
	if !find(news, 6, "cool down") {
		t.Fatalf("Bob sees %v", news)
	}
	if _, status := cal.ask("/messages", "MessagesRequest", nil, "MessagesReply"); status != "BANNED" {
		t.Fatalf("Cal reads history: %s", status)
	}
	if _, status := cal.ask("/join", "JoinRequest", map[string]any{"name": "Cal"}, "JoinReply"); status != "BANNED" {
		t.Fatalf("Cal joins again: %s", status)
	}

	t.Log("Ann bans Bob by command. His next post gets its proof and nothing else, and is stored nowhere.")
	ann.write("direct", "/ban Bob advertising")
	bob.hears("Advertising")
	heard := bob.Count("message", nil)
	bob.write("direct", "buy my marvellous antennas")
	bob.write("opportunistic", "/help me buy marvellous antennas")
	news, cursor, _, _ = ann.fetch(cursor, 50)
	if !find(news, 7, "advertising") || find(news, 0, "antennas") {
		t.Fatalf("Ann sees %v", news)
	}
	if server.Stores("marvellous antennas") {
		t.Fatal("the banned one's words are on the disk")
	}
	if n := bob.Count("message", nil); n != heard {
		t.Fatalf("the banned one got %d answers", n-heard)
	}

	t.Log("Restart: everything is still there.")
	before := server.JSON("group", "show")
	server.Stop()
	server.Start()
	ann.connect()
	all, _, same, _ := ann.fetch("0", 50)
	if same != generation {
		t.Fatalf("a restart made generation %s of %s", same, generation)
	}
	ann.write("direct", "after the restart")
	if news, _, _, _ = ann.fetch(cursor, 50); !find(news, 0, "after the restart") {
		t.Fatalf("Ann sees %v", news)
	}
	if _, status := cal.reconnected().ask("/messages", "MessagesRequest", nil, "MessagesReply"); status != "BANNED" {
		t.Fatalf("after the restart Cal is %s", status)
	}

	t.Log("Backup while it runs, restore elsewhere: a new generation, all is there, the chain verifies.")
	backup := filepath.Join(t.TempDir(), "backup.groupd")
	server.Do("backup", backup)
	server.Stop()
	elsewhere := NewServer(t, bin, "")
	elsewhere.Port = server.Port // the old machine is off; the new one has its place in the network
	elsewhere.write(filepath.Join(elsewhere.Net, "config"), ServerConfig("127.0.0.1", elsewhere.Port))
	elsewhere.Do("restore", backup, "--yes")
	if out := elsewhere.Do("check", "--rnsconfig", elsewhere.Net); !strings.Contains(out, "chain") || strings.Contains(out, "broken") {
		t.Fatalf("check says:\n%s", out)
	}
	elsewhere.Start()
	if after := elsewhere.JSON("group", "show"); after["address"] != before["address"] {
		t.Fatalf("the address was %v, is %v", before["address"], after["address"])
	}
	ann.connect()
	restored, _, other, _ := ann.fetch("0", 50)
	if other == generation {
		t.Fatal("the restored database has the old generation")
	}
	if len(restored) != len(all)+1 {
		t.Fatalf("%d entries were there, %d are", len(all)+1, len(restored))
	}
	for i := range all {
		if restored[i] != all[i] {
			t.Fatalf("entry %v became %v", all[i], restored[i])
		}
	}
	ann.write("direct", "on the new machine")
	if rows, _, _, _ := ann.fetch("0", 50); !find(rows, 0, "on the new machine") {
		t.Fatal("the new machine takes no posts")
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the backup's file: %v, %v", info, err)
	}
}

// reconnected is the member with a new link.
func (m *member) reconnected() *member {
	m.t.Helper()
	m.connect()
	return m
}

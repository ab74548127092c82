package interop

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	groupdv1 "groupd/proto/groupd/v1"
)

const openGroup = `
[[group]]
id = "main"
name = "Valley"
join = "open"
`

// noticed waits for the nth packet to a member's meshchat.notify, and has his program check it.
func (m *member) noticed(nth int, within time.Duration) (kind int, body []byte) {
	m.t.Helper()
	data := m.AwaitNth(nth, "packet", within, nil).Data("data").Hex
	r := m.Do("notice", Args{"hash": m.group, "data": data})
	if r["good"] != true {
		m.t.Fatalf("%s takes %s for a forgery", m.name, data)
	}
	body, err := hex.DecodeString(r["body"].(string))
	if err != nil {
		m.t.Fatal(err)
	}
	return int(r["kind"].(float64)), body
}

// textsOf spells out a page.
func textsOf(t *testing.T, page []byte) (texts []string, view *groupdv1.PageView) {
	t.Helper()
	p, err := groupdv1.OpenPage(page, 0)
	if err != nil {
		t.Fatal(err)
	}
	if view, err = p.Spell(); err != nil {
		t.Fatal(err)
	}
	for _, e := range view.GetEntries() {
		texts = append(texts, e.GetText())
	}
	return texts, view
}

// Stock Python programs are told what is new: one by packets to meshchat.notify, first pages, then only that there is something; one by
// live pages on his link, until he is banned.
func TestMembersAreToldAtOnce(t *testing.T) {
	t.Parallel()
	server := NewServer(t, BuildGroupd(t), openGroup)
	server.Start()
	address := server.JSON("group", "show")["address"].(string)
	ann := newMember(t, server, "Ann", address)
	ann.must("/claim", "ClaimRequest", map[string]any{"code": server.ClaimCode(), "name": "Ann"}, "JoinReply")
	bob, cal := newMember(t, server, "Bob", address), newMember(t, server, "Cal", address)
	bob.must("/join", "JoinRequest", map[string]any{"name": "Bob"}, "JoinReply")
	cal.must("/join", "JoinRequest", map[string]any{"name": "Cal"}, "JoinReply")

	own := bob.Do("destination", Args{"name": "notify", "identity": "me", "app": "meshchat", "aspects": []string{"notify"}, "ratchets": bob.Dir() + "/ratchets"})["hash"]
	bob.Do("announce", Args{"name": "notify"})
	r := bob.must("/notifications/update", "NotificationsRequest", map[string]any{"mode": "PUSH"}, "NotificationsReply")
	if r["mode"] != "PUSH" {
		t.Fatalf("Bob's preferences: %v", r)
	}
	cal.Do("link_live", Args{"link": cal.link})
	if r := cal.must("/subscribe", "SubscribeRequest", map[string]any{"accept": []string{"DEFLATE", "DEFLATE_DICTIONARY_1"}}, "SubscribeReply"); r["rev"] != r["from_rev"] {
		t.Fatalf("Cal is told %v", r)
	}

	sent := time.Now()
	ann.write("direct", "the bridge is open again")
	live := cal.AwaitNth(1, "live", 10*time.Second, nil).Data("data").Hex
	t.Logf("a live page came after %v", time.Since(sent))
	page, err := hex.DecodeString(live)
	if err != nil {
		t.Fatal(err)
	}
	if texts, _ := textsOf(t, page); len(texts) != 1 || texts[0] != "the bridge is open again" {
		t.Fatalf("Cal sees %q", texts)
	}
	kind, body := bob.noticed(1, 15*time.Second)
	t.Logf("a pushed page came after %v, to %v", time.Since(sent), own)
	if texts, view := textsOf(t, body); kind != 2 || len(texts) != 1 || texts[0] != "the bridge is open again" || view.GetMore() {
		t.Fatalf("Bob is sent kind %d: %q", kind, texts)
	}

	long := strings.Repeat("a long story ", 60)
	ann.write("direct", long)
	if _, view := textsOf(t, second(bob.noticed(2, 15*time.Second))); view.GetEntries()[0].GetFullLength() != 0 && view.GetEntries()[0].GetFullLength() != uint32(len(long)) {
		t.Errorf("Bob is sent %v", view)
	}
	cal.AwaitNth(2, "live", 10*time.Second, nil)
	// Both were proved: nothing comes twice.
	if r := bob.must("/notifications/update", "NotificationsRequest", map[string]any{"mode": "NOTIFY"}, "NotificationsReply"); r["state"] != nil { // left out: IDLE
		t.Errorf("Bob's state: %v", r)
	}

	ann.must("/members/ban", "BanRequest", map[string]any{"who": map[string]any{"name": "Cal"}, "reason": "spam"}, "Ack")
	seen := cal.Count("live", nil)
	ann.write("direct", "now that Cal is gone")
	kind, body = bob.noticed(3, 90*time.Second) // a minute at most after the last one
	news, err := groupdv1.ParseNews(body)
	if err != nil || kind != 1 || news.New != 1 || news.Seq < 5 || news.Emergency {
		t.Fatalf("Bob is told kind %d: %+v, %v", kind, news, err)
	}
	for range cal.Count("live", nil) - seen {
		seen++
		b, err := hex.DecodeString(cal.AwaitNth(seen, "live", time.Second, nil).Data("data").Hex)
		if err != nil {
			t.Fatal(err)
		}
		if texts, _ := textsOf(t, b); strings.Contains(strings.Join(texts, "\n"), "Cal is gone") {
			t.Error("the banned one reads on")
		}
	}
	if _, status := cal.ask("/subscribe", "SubscribeRequest", nil, "SubscribeReply"); status != "BANNED" {
		t.Errorf("Cal subscribes again: %s", status)
	}
}

func second[A, B any](_ A, b B) B { return b }

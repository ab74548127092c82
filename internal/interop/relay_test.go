package interop

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	groupdv1 "groupd/proto/groupd/v1"
)

// relayed waits for a post of somebody's as a message of the group: its id, as this member's program has it, and its fields.
func (m *member) relayed(text string) (id string, fields map[string]any) {
	m.t.Helper()
	e := m.Await("message", 30*time.Second, func(e Event) bool {
		return e.Text("source") == m.group && e.Text("content") == text
	})
	if e.Fields["verified"] != true || e.Text("title") != "" {
		m.t.Fatalf("%s gets %v", m.name, e.Fields)
	}
	fields, _ = e.Fields["plain"].(map[string]any)
	return e.Text("message"), fields
}

// reacted waits for a reaction, and returns the message that it is to.
func (m *member) reacted(emoji string) (target string) {
	m.t.Helper()
	m.Await("message", 30*time.Second, func(e Event) bool {
		fields, _ := e.Fields["plain"].(map[string]any)
		r, _ := fields["64"].(map[string]any)
		if r == nil || r["1"] != hex.EncodeToString([]byte(emoji)) {
			return false
		}
		target, _ = r["0"].(string)
		extended, _ := fields["16"].(map[string]any)
		return extended["reaction_to"] == target && extended["emoji"] == emoji
	})
	return target
}

// sends writes a message with fields, given in hex of msgpack's bytes where they are bytes, and returns its id when it was proved.
func (m *member) sends(text string, fields map[string]string) (id string) {
	m.t.Helper()
	id = m.Do("lxmf_send", Args{"to": m.group, "content": text, "method": "opportunistic", "fields": fields})["id"].(string)
	if s := m.Await("message_state", 30*time.Second, func(e Event) bool { return e.Text("message") == id }); s.Fields["delivered"] != true {
		m.t.Fatalf("%s: %q was not delivered: %v", m.name, text, s.Fields)
	}
	return id
}

// reacts sends a reaction without a text.
func (m *member) reacts(to, emoji string) {
	m.t.Helper()
	id := m.Do("lxmf_send", Args{"to": m.group, "method": "opportunistic", "reaction": Args{"to": to, "text": emoji}})["id"].(string)
	m.Await("message_state", 30*time.Second, func(e Event) bool { return e.Text("message") == id && e.Fields["delivered"] == true })
}

// page reads the newest entries as a protocol client.
func (m *member) page() (found map[string]*groupdv1.Entry) {
	m.t.Helper()
	r := m.must("/messages", "MessagesRequest", map[string]any{"newest": 30, "max_bytes": 8000, "hashes": true}, "MessagesReply")
	raw, err := base64.StdEncoding.DecodeString(r["page"].(string))
	if err != nil {
		m.t.Fatal(err)
	}
	p, err := groupdv1.OpenPage(raw, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	view, err := p.Spell()
	if err != nil {
		m.t.Fatal(err)
	}
	found = make(map[string]*groupdv1.Entry)
	for _, e := range view.GetEntries() {
		found[e.GetText()] = e
	}
	return found
}

const replyTo = "48" // field 0x30

// Ann and Bob have nothing but stock LXMF programs, Cal has a protocol client. What one answers or reacts to is the right message in the
// programs of the others, each of which knows it by another hash; also when the server was restarted in between.
func TestAnswersAndReactionsLandInEveryProgram(t *testing.T) {
	t.Parallel()
	server := NewServer(t, BuildGroupd(t), openGroup)
	server.Start()
	address := server.JSON("group", "show")["address"].(string)
	ann, bob, cal := newMember(t, server, "Ann", address), newMember(t, server, "Bob", address), newMember(t, server, "Cal", address)
	for _, m := range []*member{ann, bob} {
		m.write("direct", "/join "+m.name)
		m.hears("Posts come to you as messages")
	}
	cal.must("/join", "JoinRequest", map[string]any{"name": "Cal"}, "JoinReply")

	first := ann.sends("the bridge is out", map[string]string{})
	atBob, _ := bob.relayed("Ann: the bridge is out")
	if atBob == first {
		t.Fatal("a copy has the id of the original")
	}

	second := bob.sends("take the ferry", map[string]string{replyTo: atBob})
	atAnn, fields := ann.relayed("Bob: take the ferry")
	if fields[replyTo] != first {
		t.Errorf("Ann sees an answer to %v, her post is %s", fields[replyTo], first)
	}
	posts := cal.page()
	if a, b := posts["the bridge is out"], posts["take the ferry"]; a == nil || b == nil || b.GetAbout() != a.GetSeq() || hex.EncodeToString(a.GetMessageHash()) != first {
		t.Fatalf("Cal reads %v", posts)
	}

	server.Stop()
	server.Start()
	cal.connect()
	for _, m := range []*member{ann, bob} { // else they are tried again after 20 s
		m.write("opportunistic", "/receipts off")
	}

	// Cal answers Bob over his link, by number; Ann answers Cal as MeshChatX writes it.
	packed := cal.Do("lxmf_pack", Args{"to": address, "content": "when?"})
	cal.must("/messages/send", "SendRequest", map[string]any{"message": packed["packed"], "ref": posts["take the ferry"].GetSeq()}, "SendReply")
	callAnn, fields := ann.relayed("Cal: when?")
	if fields[replyTo] != atAnn {
		t.Errorf("Ann sees an answer to %v, her copy is %s", fields[replyTo], atAnn)
	}
	callBob, fields := bob.relayed("Cal: when?")
	if fields[replyTo] != second {
		t.Errorf("Bob sees an answer to %v, his post is %s", fields[replyTo], second)
	}
	ann.sends("> "+callAnn[:32]+"\nat noon", map[string]string{})
	if _, fields = bob.relayed("Ann: at noon"); fields[replyTo] != callBob {
		t.Errorf("Bob sees an answer to %v, his copy is %s", fields[replyTo], callBob)
	}

	// Bob and Cal react to Ann's first post, Ann to Bob's, each by the hash or number that he knows; who reacts is not told of it.
	bob.reacts(atBob, "👍")
	cal.must("/messages/react", "ReactRequest", map[string]any{"seq": posts["the bridge is out"].GetSeq(), "text": "❤"}, "ReactReply")
	ann.reacts(atAnn, "👀")
	posts = cal.page()
	for text, want := range map[string]string{"the bridge is out": "👍❤", "take the ferry": "👀"} {
		got := ""
		for _, r := range posts[text].GetReactions() {
			got += r.GetText()
		}
		if got != want {
			t.Errorf("reactions to %q are %s, want %s", text, got, want)
		}
	}
	packed = cal.Do("lxmf_pack", Args{"to": address, "content": "see you"})
	cal.must("/messages/send", "SendRequest", map[string]any{"message": packed["packed"]}, "SendReply")
	for _, emoji := range []string{"👍", "❤"} {
		if to := ann.reacted(emoji); to != first {
			t.Errorf("Ann sees %s under %s, her post is %s", emoji, to, first)
		}
	}
	if to := bob.reacted("❤"); to != atBob {
		t.Errorf("Bob sees a reaction to %s, his copy is %s", to, atBob)
	}
	if to := bob.reacted("👀"); to != second {
		t.Errorf("Bob sees a reaction to %s, his post is %s", to, second)
	}
	ann.relayed("Cal: see you")
	bob.relayed("Cal: see you")

	// Nobody was sent his own words, and nothing came twice.
	for _, m := range []*member{ann, bob} {
		seen := map[string]int{}
		m.Count("message", func(e Event) bool {
			seen[e.Text("message")]++
			if text := e.Text("content"); strings.HasPrefix(text, m.name+":") || seen[e.Text("message")] > 1 {
				t.Errorf("%s gets %q, %d times", m.name, text, seen[e.Text("message")])
			}
			return true
		})
	}
}

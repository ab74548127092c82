package web_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/group"
)

// opened is a house whose door is open, with Ann and Bob inside.
func opened(t *testing.T) (h *house, ann, bob group.Address) {
	t.Helper()
	h = newHouse(t)
	h.must("PATCH", "/groups/main", `{"join":"open"}`)
	return h, h.joins('a', "Ann"), h.joins('b', "Bob")
}

// says makes somebody post.
func (h *house) says(letter byte, text string) error {
	_, err := h.node.hub.Post(h.t.Context(), someone(letter), "main", group.PostInput{Text: []byte(text)})
	return err
}

func TestTheOperatorMutesAMember(t *testing.T) {
	h, ann, _ := opened(t)
	h.must("POST", "/groups/main/members/ann/mute", `{"reason":"shouting","duration_s":3600}`)
	if group.KindOf(h.says('a', "hello")) != group.KindMuted {
		t.Error("Ann can write")
	}
	m := h.must("GET", "/groups/main/members/ann", "")
	muted, _ := m["muted"].(map[string]any)
	until, err := time.Parse(time.RFC3339, muted["until"].(string))
	if m["address"] != ann.String() || muted["reason"] != "shouting" || err != nil || time.Until(until).Round(time.Minute) != time.Hour {
		t.Errorf("%v, %v", m, err)
	}
	h.must("POST", "/groups/main/members/ann/unmute", "")
	if err := h.says('a', "hello"); err != nil {
		t.Error(err)
	}
	if m := h.must("GET", "/groups/main/members/ann", ""); m["muted"] != nil {
		t.Errorf("%v", m)
	}
	code, out := h.call("POST", "/groups/main/members/ann/unmute", "")
	if code != http.StatusConflict || out["error"] != "this person is not muted" {
		t.Errorf("%d %v", code, out)
	}
}

func TestWhatABanTookAlongComesBack(t *testing.T) { synctest.Test(t, undoesABan) }

func undoesABan(t *testing.T) {
	h, ann, _ := opened(t)
	hub := h.node.hub
	h.must("POST", "/groups/main/members/ann/role", `{"add":"invite"}`)
	i, err := hub.CreateInvite(t.Context(), someone('a'), "main", group.InviteInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.Join(t.Context(), someone('c'), "main", group.JoinInput{Name: "Carl", Code: i.Code}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := h.says('a', "spam"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- hub.Run(ctx) }()
	defer func() { stop(); <-ended }()
	deleted := func(want int) {
		t.Helper()
		time.Sleep(time.Minute) // posts go and come back bit by bit
		p, err := hub.Messages(t.Context(), someone('b'), "main", group.Query{Newest: true, Limit: 50, NoEvents: true})
		n := 0
		for _, e := range p.Entries {
			if e.Deleted {
				n++
			}
		}
		if n != want || err != nil {
			t.Errorf("%d posts are deleted, not %d; %v", n, want, err)
		}
	}
	out := h.must("POST", "/groups/main/members/Ann/ban", `{"purge":true,"branch":true,"reason":"spam"}`)
	branch, _ := out["branch"].([]any)
	if out["purging"] != true || len(branch) != 1 || branch[0].(map[string]any)["name"] != "Carl" {
		t.Errorf("%v", out)
	}
	deleted(3)
	h.must("POST", "/groups/main/members/"+ann.String()+"/unban", `{"undo":true}`)
	deleted(0)
	if b := h.must("GET", "/groups/main/bans", "")["bans"].([]any); len(b) != 1 || b[0].(map[string]any)["name"] != "Carl" {
		t.Errorf("%v", b)
	}
	h.must("POST", "/groups/main/members/bob/ban", `{"purge":true}`)
	h.must("POST", "/groups/main/members/bob/unban", "")
	h.must("POST", "/groups/main/members/Bob/unban", `{"undo":true}`) // without a ban he is among those who left
}

func TestTheOperatorInvites(t *testing.T) {
	h := newHouse(t)
	h.must("PATCH", "/groups/main", `{"join":"invite"}`)
	open := h.must("POST", "/groups/main/invites", `{"uses":2,"duration_s":3600}`)
	code, _ := open["code"].(string)
	if open["id"] != 1.0 || open["uses"] != 2.0 || open["role"] != "member" || len(code) < 20 || open["address"] != h.must("GET", "/groups/main", "")["address"] {
		t.Errorf("%v", open)
	}
	if _, err := h.node.hub.Join(t.Context(), someone('a'), "main", group.JoinInput{Name: "Ann", Code: code}); err != nil {
		t.Error(err)
	}
	id := someone('b').Identity
	h.must("POST", "/groups/main/invites", `{"for":"`+id.String()+`","role":"moderator","send":true}`)
	list := h.must("GET", "/groups/main/invites", "")["invites"].([]any)
	first, second := list[0].(map[string]any), list[1].(map[string]any)
	if len(list) != 2 || first["used"] != 1.0 || first["uses"] != 1.0 || first["code"] != nil || second["for"] != id.String() || second["role"] != "moderator" {
		t.Errorf("%v", list)
	}
	h.joins('b', "Bob")
	if m := h.must("GET", "/groups/main/members/Bob", ""); m["role"] != "moderator" {
		t.Errorf("%v", m)
	}
	h.must("DELETE", "/groups/main/invites/1", "")
	if list := h.must("GET", "/groups/main/invites", "")["invites"].([]any); len(list) != 0 {
		t.Errorf("%v", list)
	}
	status, out := h.call("POST", "/groups/main/invites", `{"for":"Ann"}`)
	if status != http.StatusConflict || out["error"] != "this person is a member already" {
		t.Errorf("%d %v", status, out)
	}
	if strings.Contains(h.log.String(), code) {
		t.Error("the log has the code")
	}
}

func TestTheGroupSpeaks(t *testing.T) {
	h, _, _ := opened(t)
	done := h.must("POST", "/groups/main/posts", `{"text":"The ferry is late","emergency":true}`)
	p, err := h.node.hub.Messages(t.Context(), someone('a'), "main", group.Query{Newest: true, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if e := p.Entries[0]; string(e.Text) != "The ferry is late" || !e.Author.IsZero() || !e.Emergency || done["seq"] != float64(e.Seq) {
		t.Errorf("%v: %+v", done, e)
	}
}

func TestTheLogIsReadInPartsAndByWhoAndWhat(t *testing.T) {
	h, _, bob := opened(t)
	for range 3 {
		h.must("POST", "/groups/main/members/ann/mute", "")
		h.must("POST", "/groups/main/members/ann/unmute", "")
	}
	h.must("POST", "/groups/main/members/bob/ban", "")
	p := h.must("GET", "/groups/main/audit?limit=2&action=mute", "")
	lines := p["audit"].([]any)
	if l := lines[0].(map[string]any); len(lines) != 2 || l["action"] != "mute" || l["target_name"] != "Ann" || p["next"] == nil {
		t.Fatalf("%v", p)
	}
	p = h.must("GET", "/groups/main/audit?action=mute&before="+number(p["next"]), "")
	if len(p["audit"].([]any)) != 1 || p["next"] != nil {
		t.Errorf("%v", p)
	}
	for _, who := range []string{"Bob", bob.String()} {
		if lines := h.must("GET", "/groups/main/audit?who="+who, "")["audit"].([]any); len(lines) != 1 || lines[0].(map[string]any)["action"] != "ban" {
			t.Errorf("%s: %v", who, lines)
		}
	}
}

// number writes a number of JSON as a query has it.
func number(v any) string { return strconv.FormatFloat(v.(float64), 'f', 0, 64) }

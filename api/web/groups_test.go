package web_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/api/web"
	"groupd/group"
)

// asks sends a request with the token to the API on TCP.
func (h *house) asks(method, path, body string) (int, map[string]any) {
	h.t.Helper()
	r := request(method, "http://localhost"+web.Prefix+path, body)
	r.Header.Set("Authorization", "Bearer right")
	return h.serve(h.web.Remote(), r)
}

func TestAGroupsKeyIsTakenOnTheSocketAndNotByTCP(t *testing.T) {
	h := newHouse(t)
	key := strings.Repeat("7b", 64)
	body := `{"id":"second","name":"Second","private_key":"` + key + `"}`
	if code, out := h.asks("POST", "/groups", body); code != http.StatusForbidden || out["field"] != "private_key" {
		t.Errorf("by TCP: %d %v", code, out)
	}
	if list := h.must("GET", "/groups", "")["groups"].([]any); len(list) != 1 {
		t.Errorf("and yet it is there: %v", list)
	}
	if g := h.must("POST", "/groups", body); g["public_key"] != key {
		t.Errorf("on the socket: %v", g)
	}
	if code, out := h.asks("POST", "/groups", `{"id":"third","name":"Third"}`); code != http.StatusOK {
		t.Errorf("with a key of its own, by TCP: %d %v", code, out)
	}
	for _, bad := range []string{"7b", "x"} {
		if code, out := h.call("POST", "/groups", `{"id":"fourth","name":"Fourth","private_key":"`+bad+`"}`); code != http.StatusUnprocessableEntity || out["field"] != "private_key" {
			t.Errorf("the key %q: %d %v", bad, code, out)
		}
	}
}

func TestWhoIsLeftOutOfACloneIsNotInvitedToIt(t *testing.T) {
	h, ann, bob := opened(t)
	h.joins('c', "Carl")
	made := h.must("POST", "/groups/main/clone", `{"name":"Hill","without":["Ann","`+bob.String()+`"]}`)
	g := made["group"].(map[string]any)
	if made["invited"] != 1.0 || made["left_out"] != 2.0 || g["visibility"] != "private" {
		t.Fatalf("%v", made)
	}
	list := h.must("GET", "/groups/"+g["id"].(string)+"/invites", "")["invites"].([]any)
	if len(list) != 1 || strings.Contains(fmt.Sprint(list), ann.String()) || strings.Contains(fmt.Sprint(list), bob.String()) {
		t.Errorf("invited: %v", list)
	}
	if g := h.must("POST", "/groups/main/clone", `{"name":"Vale","visibility":"private"}`)["group"].(map[string]any); g["visibility"] != "private" {
		t.Errorf("a private clone of a public group: %v", g)
	}
	if code, out := h.call("POST", "/groups/main/clone", `{"without":["Dora"]}`); code != http.StatusNotFound {
		t.Errorf("without somebody who is not there: %d %v", code, out)
	}
}

func TestMembersAreNotToldThatAGroupEndsWhichGoesOnElsewhere(t *testing.T) {
	for _, c := range []struct {
		query string
		told  bool
		code  int
	}{{"", true, 200}, {"?moved=false", true, 200}, {"?moved=true", false, 200}, {"?moved=1", false, 422}} {
		h, _, _ := opened(t)
		info, err := h.node.hub.Info(t.Context(), group.Caller{Local: true}, "main")
		if err != nil {
			t.Fatal(err)
		}
		code, out := h.call("DELETE", "/groups/main"+c.query, "")
		if _, told := h.node.hub.Farewell(info.Identity); code != c.code || told != c.told {
			t.Errorf("%q: %d %v; told: %v", c.query, code, out, told)
		}
	}
}

func TestWhatIsMadeOrEndedIsServedSoWhenTheAnswerComes(t *testing.T) {
	h := newHouse(t)
	for i, c := range [][3]string{{"POST", "/groups", `{"id":"second","name":"Second"}`}, {"POST", "/groups/second/clone", `{"name":"Third"}`}, {"DELETE", "/groups/second", ""}} {
		if h.must(c[0], c[1], c[2]); h.node.settled != i+1 {
			t.Errorf("%s %s: what is served is settled %d times, not %d", c[0], c[1], h.node.settled, i+1)
		}
	}
}

func TestAGroupIsFoundByStrangersUnlessItsKindSaysOtherwise(t *testing.T) {
	h := newHouse(t)
	for body, want := range map[string]string{
		`{"id":"a","name":"A"}`:                            "public",
		`{"id":"b","name":"B","visibility":"private"}`:     "private",
		`{"id":"c","name":"C","preset":"private"}`:         "private",
		`{"id":"d","private_name":"D","preset":"private"}`: "private",
	} {
		if g := h.must("POST", "/groups", body); g["visibility"] != want {
			t.Errorf("%s: %v", body, g)
		}
	}
}

func TestWhenAGroupEndsIsSaidBesideItsOtherSettings(t *testing.T) {
	h := newHouse(t)
	h.must("PATCH", "/groups/main", `{"policy":{"slow_mode":30},"ends":"3d"}`)
	policy := func() map[string]any { return h.must("GET", "/groups/main", "")["policy"].(map[string]any) }
	if p := policy(); p["slow_mode"] != 30.0 || p["expires_at"] == nil {
		t.Errorf("both: %v", p)
	}
	h.must("PATCH", "/groups/main", `{"ends":"off"}`)
	if p := policy(); p["slow_mode"] != 30.0 || p["expires_at"] != nil {
		t.Errorf("it lasts: %v", p)
	}
}

func TestTheServersLogIsReadInParts(t *testing.T) {
	h := newHouse(t)
	for n := range 3 {
		h.must("POST", "/groups", fmt.Sprintf(`{"id":"g%d","name":"G"}`, n))
	}
	var seen []string
	query := "?limit=2"
	for range 3 {
		p := h.must("GET", "/log"+query, "")
		for _, l := range p["lines"].([]any) {
			seen = append(seen, l.(map[string]any)["group"].(string))
		}
		if p["next"] == nil {
			break
		}
		query = "?limit=2&before=" + number(p["next"])
	}
	if got := strings.Join(seen, " "); got != "g2 g1 g0 main" {
		t.Errorf("%s", got)
	}
	for path, code := range map[string]int{"/log?limit=100000": 200, "/log?before=18446744073709551615": 422, "/groups/main/audit?limit=100000": 200} {
		if got, out := h.call("GET", path, ""); got != code {
			t.Errorf("%s: %d %v", path, got, out)
		}
	}
}

func TestWhatIsSaidWhenAGroupIsMadeCanNotBeSaidLater(t *testing.T) {
	h := newHouse(t)
	for field, body := range map[string]string{
		"id": `{"id":"x"}`, "private_key": `{"private_key":"` + hex.EncodeToString(make([]byte, 64)) + `"}`, "preset": `{"preset":"private"}`,
		"invite": `{"invite":["` + strings.Repeat("0a", 16) + `"]}`,
	} {
		if code, out := h.call("PATCH", "/groups/main", body); code != http.StatusUnprocessableEntity || out["field"] != field {
			t.Errorf("%s: %d %v", field, code, out)
		}
	}
}

func TestLongListsComeInPagesAndWhole(t *testing.T) { synctest.Test(t, listsInPages) }

func listsInPages(t *testing.T) {
	h, _, _ := opened(t)
	const many = group.MaxPage + 3
	for n := range many {
		c := someone(0)
		c.PublicKey = append([]byte{byte(n), byte(n >> 8)}, c.PublicKey[2:]...)
		id, err := group.IdentityOf(c.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		c.Identity = id
		time.Sleep(time.Second) // or there are too many who join
		i, err := h.node.hub.CreateInvite(t.Context(), group.Caller{Local: true}, "main", group.InviteInput{})
		if err == nil {
			_, err = h.node.hub.CreateInvite(t.Context(), group.Caller{Local: true}, "main", group.InviteInput{})
		}
		if err == nil {
			_, err = h.node.hub.Join(t.Context(), c, "main", group.JoinInput{Name: fmt.Sprint("m", n), Code: i.Code})
		}
		if err != nil {
			t.Fatal(n, err)
		}
	}
	for what, want := range map[string]int{"members": many + 2, "invites": many} {
		got, query := 0, ""
		for range 3 {
			p := h.must("GET", "/groups/main/"+what+query, "")
			got += len(p[what].([]any))
			if p["next"] == nil {
				break
			}
			query = "?after=" + number(p["next"])
		}
		if got != want {
			t.Errorf("%d of %d %s", got, want, what)
		}
	}
}

func TestAMemberIsNamedInAPathWhateverHisNameHolds(t *testing.T) {
	h, _, _ := opened(t)
	who := h.joins('c', "Carl 50%/day")
	for _, path := range []string{"Carl%2050%25%2Fday", "carl%2050%25%2fDAY"} {
		if m := h.must("GET", "/groups/main/members/"+path, ""); m["address"] != who.String() {
			t.Errorf("%s: %v", path, m)
		}
	}
}

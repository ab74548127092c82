package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"groupd/api/web"
	"groupd/group"
	"groupd/group/memory"
)

// fakeNode is a process without a network.
type fakeNode struct {
	hub       *group.Hub
	announced []group.GroupID
	settled   int
	panics    bool
	fails     error                 // of Describe
	bounded   map[string]bool       // by what was asked: whether it has to be done by some time
	copies    int                   // backups that are open
	backedUp  int                   // backups that were sent whole
	breaks    func(io.Writer) error // instead of an export; nil: none
	appeared  int                   // how often those who are known were to be made members
	exported  group.ExportInput     // the last
}

// takes notes whether something has to be done by some time.
func (n *fakeNode) takes(ctx context.Context, what string) {
	if n.bounded == nil {
		n.bounded = make(map[string]bool)
	}
	_, n.bounded[what] = ctx.Deadline()
}

var _ web.Node = (*fakeNode)(nil)

func (n *fakeNode) Describe(ctx context.Context) (web.Status, error) {
	if n.takes(ctx, "status"); n.panics {
		panic("secret text")
	}
	return web.Status{PID: 1, Started: time.Unix(1000, 0).UTC()}, n.fails
}

func (n *fakeNode) Serving(group.GroupID) web.Serving { return web.Serving{Announce: "full"} }

func (n *fakeNode) Settle(context.Context) error {
	n.settled++
	return nil
}

func (n *fakeNode) Announce(_ context.Context, g group.GroupID) error {
	n.announced = append(n.announced, g)
	return nil
}

func (n *fakeNode) Interfaces(context.Context) []web.Interface { return nil }

func (n *fakeNode) Paths(_ context.Context, maxHops int) ([]web.Path, error) {
	all := []web.Path{{Destination: "b", Hops: 2, Interface: "I"}, {Destination: "a", Hops: 1, Interface: "I"}}
	if maxHops < 2 {
		return all[1:], nil
	}
	return all, nil
}

func (n *fakeNode) ForgetPath(_ context.Context, d [16]byte) (bool, error) { return d[0] == 0xaa, nil }

func (n *fakeNode) Rates(context.Context) ([]web.Rate, error) { return nil, nil }

func (n *fakeNode) Probe(_ context.Context, _ [16]byte, in web.ProbeInput) (web.Probe, error) {
	return web.Probe{Name: in.Name, Answered: true}, nil
}

func (n *fakeNode) Path(_ context.Context, d [16]byte, request bool) (web.Path, error) {
	return web.Path{Destination: "x", Known: request}, nil
}

func (n *fakeNode) Backup(ctx context.Context) (io.ReadCloser, int64, error) {
	n.takes(ctx, "backup")
	n.copies++
	return &copyOf{strings.NewReader("copy"), n}, 4, nil
}

func (n *fakeNode) BackedUp() { n.backedUp++ }

// copyOf is an open backup.
type copyOf struct {
	io.Reader
	node *fakeNode
}

func (c *copyOf) Close() error {
	c.node.copies--
	return nil
}

func (n *fakeNode) Export(ctx context.Context, g group.GroupID, in group.ExportInput, w io.Writer) (group.ExportResult, error) {
	n.exported = in
	if n.takes(ctx, "export"); n.breaks != nil {
		return group.ExportResult{}, n.breaks(w)
	}
	return n.hub.Export(ctx, group.Caller{Local: true}, g, w, in)
}

func (n *fakeNode) Import(ctx context.Context, r io.Reader, in group.ImportInput) (group.Imported, error) {
	n.takes(ctx, "import")
	in.PublicOf = func([]byte) ([]byte, error) { return nil, errors.New("not known here") }
	in.PublicKey = in.PrivateKey // as long
	return n.hub.Import(ctx, group.Caller{Local: true}, r, in)
}

func (n *fakeNode) PublicKey(private []byte) ([]byte, error) {
	if len(private) != 64 {
		return nil, errors.New("is no key")
	}
	return private, nil
}

func (n *fakeNode) Appear(context.Context, group.GroupID, []group.ForeignResult) { n.appeared++ }

func (n *fakeNode) NewToken(context.Context) (string, error) { return "fresh", nil }

func (n *fakeNode) CheckToken(token string) bool { return token == "right" }

// house is a server over an empty database with one group.
type house struct {
	t     *testing.T
	node  *fakeNode
	web   *web.Server
	store *memory.Store
	log   bytes.Buffer
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, store: memory.New()}
	made := byte(0)
	hub, err := group.New(group.Config{Store: h.store, NewIdentity: func() ([]byte, []byte, error) {
		made++
		return bytes.Repeat([]byte{made}, 64), bytes.Repeat([]byte{100 + made}, 64), nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	h.node = &fakeNode{hub: hub}
	h.web, err = web.New(web.Config{Hub: hub, Node: h.node, Version: "1.2.3", Hosts: []string{"valley.example"}, Logger: slog.New(slog.NewTextHandler(&h.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hub.CreateGroup(t.Context(), group.Caller{Local: true}, group.NewGroup{ID: "main", PublicName: "Valley Net", Public: true, Joining: 2}); err != nil {
		t.Fatal(err)
	}
	return h
}

// someone is a person's caller, made from a letter.
func someone(letter byte) group.Caller {
	key := bytes.Repeat([]byte{letter}, 64)
	id, err := group.IdentityOf(key)
	if err != nil {
		panic(err)
	}
	return group.Caller{Identity: id, PublicKey: key}
}

// joins makes somebody ask to join.
func (h *house) joins(letter byte, name string) group.Address {
	h.t.Helper()
	c := someone(letter)
	if _, err := h.node.hub.Join(h.t.Context(), c, "main", group.JoinInput{Name: name, Greeting: "hello"}); err != nil {
		h.t.Fatal(err)
	}
	return group.AddressOf(c.Identity)
}

// call sends a request to the local API.
func (h *house) call(method, path, body string) (int, map[string]any) {
	h.t.Helper()
	return h.serve(h.web.Local(), request(method, "http://groupd"+web.Prefix+path, body))
}

func request(method, url, body string) *http.Request {
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (h *house) serve(handler http.Handler, r *http.Request) (int, map[string]any) {
	h.t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	out := map[string]any{}
	if kind := w.Header().Get("Content-Type"); kind == "application/json" {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			h.t.Fatalf("%s %s: %v\n%s", r.Method, r.URL, err, w.Body)
		}
	}
	return w.Code, out
}

// must is call for what has to succeed.
func (h *house) must(method, path, body string) map[string]any {
	h.t.Helper()
	code, out := h.call(method, path, body)
	if code != http.StatusOK {
		h.t.Fatalf("%s %s: %d %v", method, path, code, out)
	}
	return out
}

func TestTheOperatorDoesTheEverydayWork(t *testing.T) {
	h := newHouse(t)
	ann, bob := h.joins('a', "Ann"), h.joins('b', "Bob Smith")
	if st := h.must("GET", "/status", ""); st["version"] != "1.2.3" || len(st["attention"].([]any)) != 2 {
		t.Errorf("%v", st)
	}
	if list := h.must("GET", "/groups/main/requests", "")["requests"].([]any); len(list) != 2 || list[0].(map[string]any)["greeting"] != "hello" {
		t.Errorf("%v", list)
	}
	h.must("POST", "/groups/main/requests/Ann/approve", "")
	h.must("POST", "/groups/main/requests/"+bob.String()+"/approve", "")
	if m := h.must("GET", "/groups/main/members/bob%20smith", ""); m["address"] != bob.String() {
		t.Errorf("%v", m)
	}
	if m := h.must("POST", "/groups/main/members/ann/role", `{"role":"moderator","remove":"kick"}`); m["role"] != "moderator" || strings.Contains(m["permissions"].(string), "kick") {
		t.Errorf("%v", m)
	}
	h.must("POST", "/groups/main/members/"+bob.String()+"/kick", `{"reason":"shouting","duration_s":60}`)
	bans := h.must("GET", "/groups/main/bans", "")["bans"].([]any)
	if b := bans[0].(map[string]any); len(bans) != 1 || b["kick"] != true || b["reason"] != "shouting" || b["expires"] == nil {
		t.Errorf("%v", bans)
	}
	h.must("POST", "/groups/main/members/Bob%20Smith/unban", "")
	h.must("POST", "/groups/main/members/"+ann.String()+"/ban", "")
	if n := h.must("GET", "/groups/main/members", "")["total"]; n != 0.0 {
		t.Errorf("%v members are left", n)
	}
	h.must("PATCH", "/groups/main", `{"name":"Hill Net","topic":"weather","join":"open","visibility":"private","owner":"`+bob.String()+`"}`)
	g := h.must("GET", "/groups/main", "")
	if g["name"] != "Hill Net" || g["topic"] != "weather" || g["join"] != "open" || g["visibility"] != "private" {
		t.Errorf("%v", g)
	}
	h.must("PATCH", "/groups/main", `{"policy":{"slow_mode":30,"flood":{"count":9,"per":60}}}`)
	h.must("PATCH", "/groups/main", `{"policy":{"slow_mode":null,"read_only":true}}`)
	if p := fmt.Sprint(h.must("GET", "/groups/main", "")["policy"]); p != "map[flood:map[count:9 per:60] read_only:true slow_mode:30]" {
		t.Errorf("the policy is %s", p)
	}
	h.must("PATCH", "/groups/main", `{"policy":{"slow_mode":0,"flood":{"count":0,"per":0},"read_only":false}}`)
	if p := fmt.Sprint(h.must("GET", "/groups/main", "")["policy"]); p != "map[]" {
		t.Errorf("the policy is %s", p)
	}
	h.joins('b', "Bob")
	if g := h.must("GET", "/groups/main", ""); g["owned"] != true {
		t.Errorf("the owner came, and did not become one: %v", g)
	}
	if code := h.must("POST", "/groups/main/claim-code", "")["code"].(string); strings.Count(code, "-") != 4 {
		t.Errorf("%q", code)
	}
	if lines := h.must("GET", "/groups/main/audit", "")["audit"].([]any); len(lines) < 8 {
		t.Errorf("%d lines of audit", len(lines))
	}
	if c := h.must("GET", "/check", ""); len(c["groups"].([]any)) != 1 {
		t.Errorf("%v", c)
	}
	h.must("POST", "/groups/main/announce", "")
	h.must("POST", "/clock/confirm", "")
	h.must("POST", "/groups", `{"id":"second","name":"Second"}`)
	if list := h.must("GET", "/groups", "")["groups"].([]any); len(list) != 2 || len(h.node.announced) != 1 {
		t.Errorf("%v", list)
	}
	if p := h.must("GET", "/paths/00112233445566778899AABBCCDDEEFF?request=1", ""); p["known"] != true {
		t.Errorf("%v", p)
	}
	if k := h.must("GET", "/groups/main/identity/private", "")["private_key"].(string); len(k) != 128 {
		t.Errorf("%q", k)
	}
	if tok := h.must("POST", "/token", ""); tok["token"] != "fresh" {
		t.Errorf("%v", tok)
	}
}

func TestRefusalsHaveTheirStatusAndSayWhatIsWrong(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		method, path, body string
		code               int
		says               string
	}{
		{"GET", "/nothing", "", 404, "no such path"},
		{"DELETE", "/status", "", 405, "DELETE"},
		{"GET", "/groups/other", "", 404, "no such group"},
		{"POST", "/groups/other/announce", "", 404, "no such group"},
		{"GET", "/groups/main/members/Carl", "", 404, "nobody here"},
		{"GET", "/groups/main/members/%ff", "", 404, "nobody here"},
		{"GET", "/groups/main/members?after=x", "", 422, "number"},
		{"GET", "/groups/main/bans?after=x", "", 422, "32 hex digits"},
		{"GET", "/groups/main/expected?after=x", "", 422, "32 hex digits"}, // not the first page once more
		{"GET", "/groups/main/audit?before=-1", "", 422, "number"},
		{"GET", "/paths/12", "", 422, "32 hex digits"},
		{"GET", "/paths/zz112233445566778899aabbccddeeff", "", 422, "32 hex digits"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/kick", "", 404, "no such member"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/kick", `{"duration_s":-1}`, 422, "duration_s"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/kick", `{"duration_s":1e300}`, 422, "duration_s"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/role", `{"role":"king"}`, 422, "owner"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/role", `{"role":"none"}`, 422, "owner"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/role", `{"add":"fly"}`, 422, "delete"},
		{"PATCH", "/groups/main", `{"join":"sometimes"}`, 422, "open, approve, invite or closed"},
		{"PATCH", "/groups/main", `{"policy":{"slow":1}}`, 422, "slow"},
		{"PATCH", "/groups/main", `{"policy":{"slow_mode":"x"}}`, 422, "slow_mode"},
		{"PATCH", "/groups/main", `{"policy":{"pin_role":9}}`, 422, "pin_role"},
		{"PATCH", "/groups/main", `{"visibility":"x"}`, 422, "public or private"},
		{"PATCH", "/groups/main", `{"owner":"me"}`, 422, "32 hex digits"},
		{"PATCH", "/groups/main", `{"id":"other"}`, 422, "never changes"},
		{"PATCH", "/groups/main", `{"topic":"x","private_key":"00"}`, 422, "private_key"}, // not as if it had been taken
		{"PATCH", "/groups/main", `{"name":""}`, 422, "must not be empty"},
		{"PATCH", "/groups/main", `{"colour":"red"}`, 422, "colour"},
		{"PATCH", "/groups/main", `{} {}`, 422, "more than one value"},
		{"PATCH", "/groups/main", `{`, 422, "body"},
		{"PATCH", "/groups/main", `{"topic":"` + strings.Repeat("x", 70_000) + `"}`, 413, "65536"},
		{"PATCH", "/groups/import", `{"topic":"` + strings.Repeat("x", 70_000) + `"}`, 413, "65536"},
		{"POST", "/groups", `{"id":"main","name":"x"}`, 409, "exists"},
		{"POST", "/groups", `{"id":"A B","name":"x"}`, 422, "id"},
		{"POST", "/groups/main/members/Carl/mute", "", 404, "nobody here"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/mute", "", 404, "no such member"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/mute", `{"duration_s":-1}`, 422, "duration_s"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/mute", `{"purge":true}`, 422, "purge"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/unmute", "", 404, "no such member"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/kick", `{"purge":true}`, 422, "purge"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/ban", `{"duration_s":1e300}`, 422, "duration_s"},
		{"POST", "/groups/main/members/00000000000000000000000000000000/ban", "", 422, "nobody has this address"},
		{"POST", "/groups/main/members/00112233445566778899aabbccddeeff/unban", `{"undo":true}`, 404, "no posts to bring back"},
		{"POST", "/groups/main/members/Carl/unban", `{"undo":1}`, 422, "undo"},
		{"POST", "/groups/main/invites", `{"role":"king"}`, 422, "owner"},
		{"POST", "/groups/main/invites", `{"role":"none"}`, 422, "owner"},
		{"POST", "/groups/main/invites", `{"role":"admin"}`, 422, "whom this is for"},
		{"POST", "/groups/main/invites", `{"uses":-1}`, 422, "1 to 1000"},
		{"POST", "/groups/main/invites", `{"duration_s":1}`, 422, "90 days"},
		{"POST", "/groups/main/invites", `{"duration_s":1e300}`, 422, "duration_s"},
		{"POST", "/groups/main/invites", `{"send":true}`, 422, "to whom"},
		{"POST", "/groups/main/invites", `{"for":"Carl"}`, 404, "nobody here"},
		{"POST", "/groups/main/invites", `{"for":"00000000000000000000000000000000"}`, 422, "nobody has this address"},
		{"POST", "/groups/other/invites", "", 404, "no such group"},
		{"GET", "/groups/main/invites?after=x", "", 422, "number"},
		{"DELETE", "/groups/main/invites/x", "", 422, "number"},
		{"DELETE", "/groups/main/invites/7", "", 404, "no such invite"},
		{"POST", "/groups/main/posts", "", 422, "empty"},
		{"POST", "/groups/main/posts", `{"text":" "}`, 422, "empty"},
		{"POST", "/groups/main/posts", `{"text":"※ Ann is banned"}`, 422, "server's own words"},
		{"GET", "/groups/main/audit?limit=x", "", 422, "number"},
		{"GET", "/groups/main/audit?who=Carl", "", 404, "nobody here"},
	} {
		code, out := h.call(c.method, c.path, c.body)
		if text, _ := out["error"].(string); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s %s %.40s: %d %v", c.method, c.path, c.body, code, out)
		}
	}
	r := request("PATCH", "http://groupd"+web.Prefix+"/groups/main", `{}`)
	r.Header.Set("Content-Type", "text/plain")
	if code, out := h.serve(h.web.Local(), r); code != 422 {
		t.Errorf("a form: %d %v", code, out)
	}
}

func TestWhatIsNotStoredIsNoSuccess(t *testing.T) {
	h := newHouse(t)
	h.store.OnCommit(func() error { return errors.New("disk full") })
	if code, out := h.call("PATCH", "/groups/main", `{"topic":"x"}`); code != http.StatusServiceUnavailable || out["hint"] == nil {
		t.Errorf("%d %v", code, out)
	}
}

func TestAPanicIsAnAnswerAndItsTextIsNot(t *testing.T) {
	h := newHouse(t)
	h.node.panics = true
	code, out := h.call("GET", "/status", "")
	if code != 500 || strings.Contains(out["error"].(string), "secret") {
		t.Errorf("%d %v", code, out)
	}
	if log := h.log.String(); !strings.Contains(log, "panic") || strings.Contains(log, "secret text") {
		t.Errorf("the log says %s", log)
	}
	h.node.panics, h.node.fails = false, errors.New("secret text")
	if code, out := h.call("GET", "/status", ""); code != 500 || strings.Contains(fmt.Sprint(out), "secret") || !strings.Contains(h.log.String(), "secret text") {
		t.Errorf("what failed is for the log: %d %v", code, out)
	}
	h.node.fails = nil
	h.must("GET", "/status", "")
}

func TestOnTCPOnlyWhoHasTheTokenIsAnswered(t *testing.T) {
	h := newHouse(t)
	remote := h.web.Remote()
	ask := func(method, url string, header ...string) int {
		r := request(method, url, "")
		for i := 0; i < len(header); i += 2 {
			if header[i] == "Host" {
				r.Host = header[i+1]
			} else {
				r.Header.Set(header[i], header[i+1])
			}
		}
		code, _ := h.serve(remote, r)
		return code
	}
	const status = "http://127.0.0.1:8470" + web.Prefix + "/status"
	right := []string{"Authorization", "Bearer right"}
	for _, c := range []struct {
		name string
		want int
		got  int
	}{
		{"no token", 401, ask("GET", status)},
		{"a wrong token", 401, ask("GET", status, "Authorization", "Bearer wrong")},
		{"another scheme", 401, ask("GET", status, "Authorization", "Basic right")},
		{"the token", 200, ask("GET", status, right...)},
		{"health needs none", 200, ask("GET", "http://127.0.0.1:8470/healthz")},
		{"by another name of ours", 200, ask("GET", status, append(right, "Host", "valley.example:8470")...)},
		{"in capitals", 200, ask("GET", status, append(right, "Host", "Valley.Example:8470")...)},
		{"by localhost", 200, ask("GET", status, append(right, "Host", "localhost:8470")...)},
		{"by IPv6", 200, ask("GET", status, append(right, "Host", "[::1]:8470")...)},
		{"DNS rebinding", 421, ask("GET", status, append(right, "Host", "evil.example:8470")...)},
		{"DNS rebinding without a port", 421, ask("GET", status, append(right, "Host", "evil.example")...)},
		{"DNS rebinding of health", 421, ask("GET", "http://127.0.0.1:8470/healthz", "Host", "evil.example")},
		{"a page elsewhere", 403, ask("POST", "http://127.0.0.1:8470"+web.Prefix+"/clock/confirm", append(right, "Sec-Fetch-Site", "cross-site")...)},
		{"a page elsewhere, old browser", 403, ask("POST", "http://127.0.0.1:8470"+web.Prefix+"/clock/confirm", append(right, "Origin", "http://evil.example")...)},
		{"a page elsewhere posts", 403, ask("POST", "http://127.0.0.1:8470"+web.Prefix+"/groups/main/posts", append(right, "Sec-Fetch-Site", "cross-site")...)},
		{"a page elsewhere invites", 403, ask("POST", "http://127.0.0.1:8470"+web.Prefix+"/groups/main/invites", append(right, "Origin", "http://evil.example")...)},
		{"a page elsewhere revokes", 403, ask("DELETE", "http://127.0.0.1:8470"+web.Prefix+"/groups/main/invites/1", append(right, "Sec-Fetch-Site", "cross-site")...)},
		{"a page elsewhere mutes", 403, ask("POST", "http://127.0.0.1:8470"+web.Prefix+"/groups/main/members/Ann/mute", append(right, "Sec-Fetch-Site", "cross-site")...)},
		{"inviting without the token", 401, ask("POST", "http://127.0.0.1:8470"+web.Prefix+"/groups/main/invites")},
		{"keys", 404, ask("GET", "http://127.0.0.1:8470"+web.Prefix+"/groups/main/identity/private", right...)},
		{"a backup", 404, ask("GET", "http://127.0.0.1:8470"+web.Prefix+"/backup", right...)},
		{"a new token", 404, ask("POST", "http://127.0.0.1:8470"+web.Prefix+"/token", right...)},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, not %d", c.name, c.got, c.want)
		}
	}
}

func TestTheSocketOfADeadServerIsReplacedAndThatOfALiveOneIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := web.ListenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := web.ListenUnix(path); !errors.Is(err, web.ErrServing) {
		t.Errorf("beside a live server: %v", err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if l, err = web.ListenUnix(path); err != nil {
		t.Fatalf("after a dead server: %v", err)
	}
	l.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := web.ListenUnix(path); err == nil {
		t.Error("a file was replaced")
	}
	if _, err := web.ListenUnix("/" + strings.Repeat("x", 200)); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("a long path: %v", err)
	}
}

func TestOnlyThisMachineIsListenedToUnlessSaidOtherwise(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "127.9.9.9:1": true,
		"0.0.0.0:1": false, ":1": false, "[::]:1": false, "192.0.2.1:1": false, "example.org:1": false, "nonsense": false,
	} {
		if err := web.CheckListen(address, false, false); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"0.0.0.0:1", ":1"} {
		if web.CheckListen(address, true, false) != nil || web.CheckListen(address, false, true) != nil {
			t.Errorf("%s is refused with TLS, or though it is wanted", address)
		}
	}
}

func TestTheServerEndsWithItsContext(t *testing.T) {
	h := newHouse(t)
	l, err := web.ListenUnix(filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.web.Serve(ctx, l, h.web.Local()) }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", l.Addr().String())
	}}}
	r, err := client.Get("http://groupd" + web.Prefix + "/backup")
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || string(b) != "copy" || r.ContentLength != 4 {
		t.Errorf("%q, %v", b, err)
	}
	r.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if h.node.copies != 0 || h.node.backedUp != 1 {
		t.Errorf("%d copies of the database are left, %d were taken", h.node.copies, h.node.backedUp)
	}
}

// fullDisk is somebody who asks and can not keep the answer.
type fullDisk struct{ *httptest.ResponseRecorder }

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func (fullDisk) ReadFrom(io.Reader) (int64, error) { return 0, syscall.EPIPE }

// Whose disk was full when he made a backup has none, and the status does not say that there is one.
func TestABackupThatWasNotSentWholeIsNone(t *testing.T) {
	h := newHouse(t)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "http://groupd"+web.Prefix+"/backup", nil)
	h.web.Local().ServeHTTP(fullDisk{httptest.NewRecorder()}, r)
	if h.node.copies != 0 || h.node.backedUp != 0 || !strings.Contains(h.log.String(), "not sent whole") {
		t.Errorf("%d copies are left, %d were taken: %s", h.node.copies, h.node.backedUp, h.log.String())
	}
}

func TestPathsAndProbesAreServed(t *testing.T) {
	h := newHouse(t)
	if list := h.must("GET", "/paths", "")["paths"].([]any); len(list) != 2 || list[0].(map[string]any)["destination"] != "a" {
		t.Errorf("not by interface and hops: %v", list)
	}
	if list := h.must("GET", "/paths?max_hops=1", "")["paths"].([]any); len(list) != 1 {
		t.Errorf("%v", list)
	}
	if list := h.must("GET", "/rates", "")["rates"].([]any); len(list) != 0 {
		t.Errorf("%v", list)
	}
	if list := h.must("GET", "/interfaces", "")["interfaces"].([]any); len(list) != 0 {
		t.Errorf("%v", list)
	}
	known, unknown := strings.Repeat("aa", 16), strings.Repeat("bb", 16)
	if p := h.must("POST", "/probes/"+known, `{"name": "rnstransport.probe"}`); p["answered"] != true || p["name"] != "rnstransport.probe" {
		t.Errorf("%v", p)
	}
	h.must("DELETE", "/paths/"+known, "")
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"DELETE", "/paths/" + unknown, "", http.StatusNotFound},
		{"DELETE", "/paths/xyz", "", http.StatusUnprocessableEntity},
		{"GET", "/paths?max_hops=x", "", http.StatusUnprocessableEntity},
		{"POST", "/probes/xyz", "", http.StatusUnprocessableEntity},
		{"POST", "/probes/" + known, `{"nonsense": 1}`, http.StatusUnprocessableEntity},
	} {
		if code, out := h.call(c.method, c.path, c.body); code != c.code {
			t.Errorf("%s %s: %d %v", c.method, c.path, code, out)
		}
	}
}

package web_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"groupd/api/web"
	"groupd/group"
)

// file asks for something that is no JSON.
func (h *house) file(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.web.Local().ServeHTTP(w, request("GET", "http://groupd"+web.Prefix+path, ""))
	return w
}

// sends sends a file, and takes the answer.
func (h *house) sends(path string, file []byte, header ...string) (int, map[string]any) {
	r := httptest.NewRequest("POST", "http://groupd"+web.Prefix+path, bytes.NewReader(file))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return h.serve(h.web.Local(), r)
}

func TestAGroupIsExportedAndImportedByTheAPI(t *testing.T) {
	h, _, _ := opened(t)
	h.must("POST", "/groups/main/posts", `{"text":"The ferry is late"}`)
	w := h.file("/groups/main/export")
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/jsonl" || !strings.Contains(w.Body.String(), "The ferry is late") || strings.Contains(w.Body.String(), "private_key") {
		t.Fatalf("%d %v\n%s", w.Code, w.Header(), w.Body)
	}
	file := w.Body.Bytes()
	if whole := h.file("/groups/main/export?identity=1"); !strings.Contains(whole.Body.String(), "private_key") {
		t.Error("the key is not in it")
	}
	for query, want := range map[string]group.ExportInput{"": {}, "?identity=1": {Identity: true}, "?identity=0&contents=0": {NoContents: true}, "?contents=1": {}} {
		if h.file("/groups/main/export" + query); h.node.exported.Identity != want.Identity || h.node.exported.NoContents != want.NoContents {
			t.Errorf("%q asks for %+v", query, h.node.exported)
		}
	}
	if w := h.file("/groups/main/export?format=pdf"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("pdf: %d %s", w.Code, w.Body)
	}
	if w := h.file("/groups/nowhere/export"); w.Code != http.StatusNotFound {
		t.Errorf("no such group: %d %s", w.Code, w.Body)
	}

	key := hex.EncodeToString(bytes.Repeat([]byte{77}, 64))
	for _, c := range []struct {
		name   string
		file   []byte
		path   string
		header []string
		code   int
		want   string
	}{
		{"no key", file, "/import?id=second", nil, 409, "served here already"},
		{"a key that is none", file, "/import?id=second", []string{web.IdentityHeader, "x"}, 422, "is no key in hex"},
		{"a key that is cut off", file, "/import?id=second", []string{web.IdentityHeader, key[:127]}, 422, "is no key in hex"},
		{"an id that is taken", file, "/import", []string{web.IdentityHeader, key}, 409, "there is a group"},
		{"an id that can not be", file, "/import?id=A", []string{web.IdentityHeader, key}, 422, "1 to 32 of"},
		{"a file that is cut", file[:len(file)/2], "/import?id=second", []string{web.IdentityHeader, key}, 422, "cut off"},
		{"no export", []byte(`{"a":1}` + "\n"), "/import?id=second", []string{web.IdentityHeader, key}, 422, "line 1"},
		{"nothing", nil, "/import?id=second", []string{web.IdentityHeader, key}, 422, "line 1"},
	} {
		if code, out := h.sends(c.path, c.file, c.header...); code != c.code || !strings.Contains(out["error"].(string), c.want) {
			t.Errorf("%s: %d %v", c.name, code, out)
		}
	}
	code, out := h.sends("/import?id=second", file, web.IdentityHeader, key)
	if g, ok := out["group"].(map[string]any); code != 200 || !ok || g["id"] != "second" || out["address_before"] == nil || g["members"] != float64(2) {
		t.Fatalf("%d %v", code, out)
	}
	h.must("POST", "/groups/second/posts", `{"text":"and goes on"}`)

	r := request("GET", "http://localhost"+web.Prefix+"/groups/main/export", "")
	r.Header.Set("Authorization", "Bearer right")
	if code, _ := h.serve(h.web.Remote(), r); code != http.StatusNotFound {
		t.Errorf("by TCP: %d", code)
	}
}

func TestTheTextsOfDaysArePartsOfOneAnswer(t *testing.T) {
	h, _, _ := opened(t)
	h.must("POST", "/groups/main/posts", `{"text":"The ferry is late"}`)
	w := h.file("/groups/main/export?format=text")
	_, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	part, err := multipart.NewReader(w.Body, params["boundary"]).NextPart()
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(part)
	if err != nil || !strings.HasSuffix(part.FileName(), ".txt") || !strings.Contains(string(text), "<※> The ferry is late\n") {
		t.Errorf("%s: %q, %v", part.FileName(), text, err)
	}
}

func TestListsOfMembersAreTakenOverByTheAPI(t *testing.T) {
	h, _, _ := opened(t)
	ann := strings.Repeat("0a", 16)
	list := []byte("[user]\n" + ann + " = Ann A\nnobody = x\n")
	code, out := h.sends("/groups/main/members/import?dry=1", list)
	if code != 200 || out["dry_run"] != true || len(out["members"].([]any)) != 1 || len(out["skipped"].([]any)) != 1 {
		t.Fatalf("%d %v", code, out)
	}
	if len(h.must("GET", "/groups/main/expected", "")["expected"].([]any)) != 0 {
		t.Error("a dry run changed something")
	}
	if h.node.appeared != 0 {
		t.Error("those who are known are members after a dry run")
	}
	if code, out := h.sends("/groups/main/members/import", list); code != 200 || out["members"].([]any)[0].(map[string]any)["outcome"] != "expected" {
		t.Errorf("%d %v", code, out)
	}
	if e := h.must("GET", "/groups/main/expected", "")["expected"].([]any); len(e) != 1 || e[0].(map[string]any)["who"] != ann {
		t.Errorf("%v", e)
	}
	for path, want := range map[string]int{"/groups/main/members/import": 422, "/groups/nowhere/members/import": 422, "/groups/main/members/import?format=excel": 422} {
		if code, out := h.sends(path, []byte("hello")); code != want {
			t.Errorf("%s: %d %v", path, code, out)
		}
	}
	if code, _ := h.sends("/groups/main/members/import", bytes.Repeat([]byte("x"), 17<<20)); code != 422 {
		t.Errorf("too large a list: %d", code)
	}
	if code, _ := h.sends("/groups/main/members/import?dry=1", append(bytes.Repeat([]byte("# nobody\n"), 2<<20), list...)); code == http.StatusOK || h.node.appeared != 1 {
		t.Errorf("too large a list of comments: %d; %d lists were taken over", code, h.node.appeared)
	}
	h.must("DELETE", "/groups/main/expected/"+ann, "")
	if code, _ := h.call("DELETE", "/groups/main/expected/"+ann, ""); code != http.StatusNotFound {
		t.Errorf("forgetting twice: %d", code)
	}
	if code, _ := h.call("DELETE", "/groups/main/expected/x", ""); code != 422 {
		t.Errorf("forgetting nobody: %d", code)
	}
}

// timed is an answer that notes until when it may be written, and its request be read.
type timed struct {
	*httptest.ResponseRecorder
	write, read time.Time
}

func (w *timed) SetWriteDeadline(t time.Time) error { w.write = t; return nil }

func (w *timed) SetReadDeadline(t time.Time) error { w.read = t; return nil }

func TestWhatIsLargeTakesTheTimeItNeedsAndTheRestDoesNot(t *testing.T) {
	h, _, _ := opened(t)
	h.must("GET", "/status", "")
	h.file("/backup")
	began := time.Now()
	ask := func(r *http.Request) *timed {
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		h.web.Local().ServeHTTP(w, r)
		return w
	}
	out := ask(request("GET", "http://groupd"+web.Prefix+"/groups/main/export", ""))
	if out.Code != http.StatusOK || out.write.Sub(began) < time.Minute {
		t.Errorf("an export: %d, to be written by %v", out.Code, out.write)
	}
	in := ask(httptest.NewRequest("POST", "http://groupd"+web.Prefix+"/import", bytes.NewReader(out.Body.Bytes())))
	if in.read.Sub(began) < time.Minute || in.write.Sub(began) < time.Minute {
		t.Errorf("an import: %d, to be read by %v, answered by %v", in.Code, in.read, in.write)
	}
	for what, want := range map[string]bool{"status": true, "backup": false, "export": false, "import": false} {
		if got, asked := h.node.bounded[what]; got != want || !asked {
			t.Errorf("%s has to be done by some time: %v", what, got)
		}
	}
	// A group may be called what it likes.
	h.must("POST", "/groups", `{"id":"export","name":"Export"}`)
	if h.call("GET", "/groups/export", ""); h.file("/groups/export/export").Code != http.StatusOK {
		t.Error("the group export is not exported")
	}
}

func TestAnExportThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	broken := errors.New("the disk is gone")
	get := func(breaks func(io.Writer) error) (int, error) {
		h := newHouse(t)
		h.node.breaks = breaks
		server := httptest.NewServer(h.web.Local())
		defer server.Close()
		r, err := http.Get(server.URL + web.Prefix + "/groups/main/export")
		if err != nil {
			return 0, err
		}
		defer r.Body.Close()
		_, err = io.ReadAll(r.Body)
		return r.StatusCode, err
	}
	half := func(w io.Writer) error {
		w.Write([]byte("{}\n")) //nolint:errcheck // it is the end that matters
		return broken
	}
	if code, err := get(half); err == nil {
		t.Errorf("half of it came with %d, and as if that were all", code)
	}
	if code, err := get(func(io.Writer) error { return broken }); code != http.StatusInternalServerError || err != nil {
		t.Errorf("nothing of it: %d, %v", code, err)
	}
}

func TestBrowsersKeepAndRunNothingOfAnAnswer(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/groups", "/nothing", "/groups/main/export"} {
		header := h.file(path).Header()
		if header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, header)
		}
	}
}

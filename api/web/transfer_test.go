package web_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"groupd/api/web"
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
	h.must("DELETE", "/groups/main/expected/"+ann, "")
	if code, _ := h.call("DELETE", "/groups/main/expected/"+ann, ""); code != http.StatusNotFound {
		t.Errorf("forgetting twice: %d", code)
	}
	if code, _ := h.call("DELETE", "/groups/main/expected/x", ""); code != 422 {
		t.Errorf("forgetting nobody: %d", code)
	}
}

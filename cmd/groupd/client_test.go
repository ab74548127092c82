package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"groupd/api/web"
)

// The program was replaced, and the server that runs is the one before: "no such path" would say nothing to who asked for an export.
func TestAServerOfAnotherVersionIsToldAsThat(t *testing.T) {
	for text, want := range map[string]string{web.NoPath: "start the server again", "no such group": ""} {
		answer := httptest.NewRecorder()
		answer.WriteHeader(http.StatusNotFound)
		if _, err := answer.WriteString(`{"error": "` + text + `"}`); err != nil {
			t.Fatal(err)
		}
		var f *failure
		if err := problem(answer.Result()); !errors.As(err, &f) || f.code != exitNotFound || !strings.Contains(f.hint, want) || want == "" && f.hint != "" {
			t.Errorf("%q is told as %+v", text, f)
		}
	}
}

package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"groupd/group"
)

// Problem is the body of every answer that is not a success.
type Problem struct {
	Error      string   `json:"error"`             // one line, for people
	Hint       string   `json:"hint,omitempty"`    // what to do about it
	Field      string   `json:"field,omitempty"`   // what of the request is wrong
	Kind       string   `json:"kind,omitempty"`    // the status of the request protocol, such as NOT_FOUND
	Choices    []string `json:"choices,omitempty"` // of an ambiguous name: addresses and names
	RetryAfter float64  `json:"retry_after_s,omitempty"`
}

// statusOf is the one table from kinds of refusals to HTTP.
func statusOf(k group.Kind) int {
	switch k {
	case group.KindNotIdentified:
		return http.StatusUnauthorized
	case group.KindDenied, group.KindNotMember, group.KindPending, group.KindBanned, group.KindMuted:
		return http.StatusForbidden
	case group.KindInvalid:
		return http.StatusUnprocessableEntity
	case group.KindNotFound:
		return http.StatusNotFound
	case group.KindRateLimited:
		return http.StatusTooManyRequests
	case group.KindStampRequired:
		return http.StatusPaymentRequired
	case group.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case group.KindFull:
		return http.StatusInsufficientStorage
	case group.KindConflict:
		return http.StatusConflict
	case group.KindUnsupported:
		return http.StatusNotImplemented
	case group.KindNotDurable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fail answers with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var p Problem
	code := http.StatusInternalServerError
	var e *group.Error
	if errors.As(err, &e) {
		code = statusOf(e.Kind)
		p = Problem{Error: e.Msg, Field: e.Field, Kind: e.Kind.String(), RetryAfter: e.RetryAfter.Seconds()}
		if e.Field != "" && (e.Kind == group.KindInvalid || e.Kind == group.KindTooLarge) {
			p.Error = e.Field + ": " + e.Msg
		}
		if first, _, _ := strings.Cut(e.Msg, " "); (e.Field == "who" || e.Field == "target") && (first == "is" || first == "was" || first == "wants") {
			p.Error = "this person " + e.Msg
		}
		for _, m := range e.Choices {
			p.Choices = append(p.Choices, m.Address.String()+" "+m.DisplayName)
		}
		switch e.Kind {
		case group.KindNotDurable:
			p.Hint = "groupd status, and the log: is the disk full, or the server read-only?"
		case group.KindConflict:
			if len(p.Choices) > 0 {
				p.Hint = "name one of them by address"
			}
		}
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter.Seconds())+1))
		}
	}
	if code >= 500 {
		id := s.faults.Note(r.Context(), err, "path", r.URL.Path)
		if code == http.StatusInternalServerError {
			p.Error, p.Hint = "internal error", "see the log: id="+id
		}
	}
	writeJSON(w, code, p)
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		code, b = http.StatusInternalServerError, []byte(`{"error":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(append(b, '\n')) //nolint:errcheck // who asked has gone
}

// reply answers with a value, or the error.
func (s *Server) reply(w http.ResponseWriter, r *http.Request, v any, err error) {
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, v)
}

// answer is the handler of requests that are answered with a value, or an error.
func (s *Server) answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		s.reply(w, r, v, err)
	}
}

// decode reads a request's body into v: one JSON value without unknown fields. An empty body is an empty value.
func decode(r *http.Request, v any) error {
	invalid := func(msg string) error {
		return &group.Error{Kind: group.KindInvalid, Op: "request", Field: "body", Msg: msg}
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &group.Error{Kind: group.KindTooLarge, Op: "request", Msg: fmt.Sprintf("larger than %d bytes", tooLarge.Limit), Limit: tooLarge.Limit}
	}
	if err != nil {
		return invalid("could not be read")
	}
	if len(body) == 0 {
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return invalid("must be application/json")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return invalid(err.Error())
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return invalid("is more than one value")
	}
	return nil
}

package group

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// hexBytes are bytes of no fixed length, in hex.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }
func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

// freeText are a text as a string, or in base64 where they are not UTF-8.
type freeText []byte

// rawText is how freeText stand that are not UTF-8.
type rawText struct {
	Base64 []byte `json:"base64"`
}

func (w freeText) MarshalJSON() ([]byte, error) {
	if !utf8.Valid(w) {
		return json.Marshal(rawText{w})
	}
	return json.Marshal(string(w))
}

func (w *freeText) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err == nil {
		*w = freeText(s)
		return nil
	}
	var r rawText
	err := unmarshalStrict(text, &r)
	*w = r.Base64
	return err
}

// decodeFew reads a list of which only so many are kept in memory before it is refused.
func decodeFew[T any](text []byte, most int) (list []T, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	switch t, err := d.Token(); {
	case err != nil || t == nil: // null
		return nil, err
	case t != json.Delim('['):
		return nil, errors.New("is no list")
	}
	for d.More() {
		if len(list) == most {
			return nil, fmt.Errorf("more than %d", most)
		}
		var one T
		if err := d.Decode(&one); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// attachmentRows are those of one entry.
type attachmentRows []attachmentRow

func (a *attachmentRows) UnmarshalJSON(text []byte) (err error) {
	*a, err = decodeFew[attachmentRow](text, MaxAttachments)
	return err
}

// seenIDs are those of one line.
type seenIDs []hexBytes

func (s *seenIDs) UnmarshalJSON(text []byte) (err error) {
	*s, err = decodeFew[hexBytes](text, seenPerLine)
	return err
}

// minutes is a duration of whole minutes.
type minutes time.Duration

func (m minutes) MarshalJSON() ([]byte, error) {
	return json.Marshal(int64(time.Duration(m) / time.Minute))
}
func (m *minutes) UnmarshalJSON(text []byte) error {
	var n int64
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	const most = 366 * 24 * 60
	if n < -most || n > most {
		return fmt.Errorf("%d minutes are too many", n)
	}
	*m = minutes(time.Duration(n) * time.Minute)
	return nil
}

// wordOf is a value of an enumeration by its word.
type wordOf interface {
	comparable
	String() string
}

// findWord looks a word up among the first values of an enumeration.
func findWord[T interface {
	~uint8
	wordOf
}](word string) (T, bool) {
	for n := range 64 {
		if v := T(n); v.String() == word && word != "unknown" {
			return v, true
		}
	}
	return 0, false
}

// enum is an enumeration's value as its word.
type enum[T interface {
	~uint8
	wordOf
}] struct{ V T }

func (e enum[T]) MarshalText() ([]byte, error) { return []byte(e.V.String()), nil }
func (e *enum[T]) UnmarshalText(text []byte) error {
	v, ok := findWord[T](string(text))
	if !ok {
		return errors.New("no such word")
	}
	e.V = v
	return nil
}

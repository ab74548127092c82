package group

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"reflect"
	"strings"
)

// maxExportLine is how long a line of an export may be, in bytes: a long post with its original, written with as many escapes as can be.
const maxExportLine = 8 << 20

// LineError says what is wrong with a line of an export.
type LineError struct {
	Line  int64 // from 1
	Field string
	Msg   string
}

func (e *LineError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Msg)
	}
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Field, e.Msg)
}

// lineReader reads the lines of an export and keeps their hash. It holds one line in memory.
type lineReader struct {
	in   *bufio.Reader
	sum  hash.Hash // of all lines before the last one read
	line int64
	text []byte // the last one
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10), sum: sha256.New()}
}

// wrong is an error about the line that was read last.
func (r *lineReader) wrong(field, format string, args ...any) error {
	return &LineError{Line: max(r.line, 1), Field: field, Msg: fmt.Sprintf(format, args...)}
}

// next reads a line and returns its kind. The file may not end but after the line of kindEnd, which the caller knows.
func (r *lineReader) next() (kind string, err error) {
	if err := r.read(); err != nil {
		return "", err
	}
	var k struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(r.text, &k); err != nil {
		return "", r.wrong("", "is no JSON object: %v", err)
	}
	if k.Kind == "" {
		return "", r.wrong("kind", "is missing")
	}
	return k.Kind, nil
}

func (r *lineReader) read() error {
	if r.line > 0 {
		r.sum.Write(r.text)
		r.sum.Write([]byte{'\n'})
	}
	r.line++
	r.text = r.text[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		if len(r.text)+len(part) > maxExportLine {
			return r.wrong("", "is longer than %d bytes", maxExportLine)
		}
		r.text = append(r.text, part...)
		switch {
		case err == nil:
			r.text = bytes.TrimSuffix(r.text, []byte{'\n'})
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return r.wrong("", "the file ends here: it is cut off")
		default:
			return fmt.Errorf("line %d: %w", r.line, err)
		}
	}
}

// ended makes sure that nothing stands behind the last line.
func (r *lineReader) ended() error {
	if _, err := r.in.ReadByte(); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	r.line++
	return r.wrong("", "stands behind the end")
}

// into reads the line into a row: a pointer to a struct. A field that the row does not have, or that does not fit, is an error that names it.
func (r *lineReader) into(row any) error {
	err := unmarshalStrict(r.text, row)
	if err == nil {
		return nil
	}
	field, why := badField(r.text, row)
	if field == "" {
		why = err
	}
	return r.wrong(field, "%v", why)
}

// unmarshalStrict is json.Unmarshal that takes no unknown fields.
func unmarshalStrict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind it")
	}
	return nil
}

// badField finds the field of a row that a line does not fit.
func badField(line []byte, row any) (name string, err error) {
	var all map[string]json.RawMessage
	if json.Unmarshal(line, &all) != nil {
		return "", nil
	}
	t := reflect.TypeOf(row).Elem()
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		text, ok := all[name]
		delete(all, name)
		if !ok {
			continue
		}
		if err := unmarshalStrict(text, reflect.New(field.Type).Interface()); err != nil {
			return name, err
		}
	}
	for name := range all {
		return name, errors.New("is not known: the file may be of a newer groupd")
	}
	return "", nil
}

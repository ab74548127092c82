package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"
)

// micros stores a time as UTC microseconds, the zero time as 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment scans what micros stored.
type moment struct{ t *time.Time }

var _ sql.Scanner = moment{}

// Scan implements sql.Scanner.
func (m moment) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("sqlite: time is a %T", v)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.UnixMicro(n).UTC()
	}
	return nil
}

// fixed stores a hash; the zero value is null. It scans into hashes of the same length.
type fixed struct{ b []byte }

var (
	_ sql.Scanner   = fixed{}
	_ driver.Valuer = fixed{}
)

// Value implements driver.Valuer.
func (f fixed) Value() (driver.Value, error) {
	for _, b := range f.b {
		if b != 0 {
			return f.b, nil
		}
	}
	return nil, nil
}

// Scan implements sql.Scanner.
func (f fixed) Scan(v any) error {
	clear(f.b)
	if v == nil {
		return nil
	}
	b, ok := v.([]byte)
	if !ok || len(b) != len(f.b) {
		return fmt.Errorf("sqlite: hash of %d bytes is a %T of %d", len(f.b), v, len(b))
	}
	copy(f.b, b)
	return nil
}

// bytes is nil for an empty slice, so that empty and absent are the same.
func bytes(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// blob is never null: for columns that must hold something.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// beforeOrEnd turns "no bound" (0) into the largest number.
func beforeOrEnd[T ~int64 | ~uint64](n T) int64 {
	if n == 0 {
		return 1<<63 - 1
	}
	return int64(n)
}

// raw scans a blob; empty and null are nil.
type raw struct{ b *[]byte }

var _ sql.Scanner = raw{}

// Scan implements sql.Scanner.
func (r raw) Scan(v any) error {
	*r.b = nil
	switch v := v.(type) {
	case nil:
		return nil
	case []byte:
		if len(v) > 0 {
			*r.b = append([]byte(nil), v...)
		}
		return nil
	}
	return fmt.Errorf("sqlite: blob is a %T", v)
}

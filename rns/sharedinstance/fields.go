package sharedinstance

import (
	"time"

	"groupd/rns/msgpack"
)

// fieldMap collects the entries of a msgpack map with text keys. Its zero value is empty.
type fieldMap struct {
	b []byte
	n int
}

// append appends the map to dst.
func (m *fieldMap) append(dst []byte) []byte { return append(msgpack.AppendMap(dst, m.n), m.b...) }

func (m *fieldMap) key(k string) {
	m.b = msgpack.AppendStr(m.b, k)
	m.n++
}

func (m *fieldMap) raw(k string, v []byte) {
	m.key(k)
	m.b = append(m.b, v...)
}

func (m *fieldMap) null(keys ...string) {
	for _, k := range keys {
		m.key(k)
		m.b = msgpack.AppendNil(m.b)
	}
}

func (m *fieldMap) bool(k string, v bool) {
	m.key(k)
	m.b = msgpack.AppendBool(m.b, v)
}

func (m *fieldMap) int(k string, v int64) {
	m.key(k)
	m.b = msgpack.AppendInt(m.b, v)
}

// zero enters a count of something that we do not have, which is 0.
func (m *fieldMap) zero(keys ...string) {
	for _, k := range keys {
		m.int(k, 0)
	}
}

func (m *fieldMap) float(k string, v float64) {
	m.key(k)
	m.b = msgpack.AppendFloat(m.b, v)
}

func (m *fieldMap) str(k, v string) {
	m.key(k)
	m.b = msgpack.AppendStr(m.b, v)
}

// optionalStr enters nil for no text.
func (m *fieldMap) optionalStr(k, v string) {
	if v == "" {
		m.null(k)
	} else {
		m.str(k, v)
	}
}

func (m *fieldMap) bin(k string, v []byte) {
	m.key(k)
	m.b = msgpack.AppendBin(m.b, v)
}

func (m *fieldMap) optionalInt(k string, v *int) {
	if v == nil {
		m.null(k)
	} else {
		m.int(k, int64(*v))
	}
}

func (m *fieldMap) time(k string, t time.Time) { m.float(k, seconds(t)) }

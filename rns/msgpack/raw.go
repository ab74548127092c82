package msgpack

// Raw is one packed value as it was received or is to be sent. Spans cut out by a [Reader] share its memory.
// A Raw made by this package holds exactly one well-formed value; others are looked at through [NewReader], which
// checks. A nil or empty Raw holds nothing and is not a value: [Nil] is.
type Raw []byte

// Nil returns the packed nil.
func Nil() Raw { return Raw{codeNil} }

// Bool returns a packed truth value.
func Bool(v bool) Raw { return AppendBool(nil, v) }

// Int returns a packed integer.
func Int(v int64) Raw { return AppendInt(nil, v) }

// Float returns a packed 64-bit float.
func Float(v float64) Raw { return AppendFloat(nil, v) }

// Bin returns packed bytes.
func Bin(v []byte) Raw { return AppendBin(nil, v) }

// Str returns packed text.
func Str(v string) Raw { return AppendStr(nil, v) }

// Array returns a packed array of the values given.
func Array(values ...Raw) Raw {
	b := AppendArray(nil, len(values))
	for _, v := range values {
		b = append(b, v...)
	}
	return b
}

// Map returns a packed map of the pairs given, in their order.
func Map(entries ...Entry) Raw {
	b := AppendMap(nil, len(entries))
	for _, e := range entries {
		b = append(append(b, e.Key...), e.Value...)
	}
	return b
}

// Entry is one pair of a map.
type Entry struct{ Key, Value Raw }

// Kind returns what the value is, Invalid for an empty Raw.
func (r Raw) Kind() Kind { return kindAt(r) }

// IsNil reports whether the value is nil. An empty Raw is not.
func (r Raw) IsNil() bool { return r.Kind() == KindNil }

// Valid reports whether r is exactly one well-formed value with nothing after it.
func (r Raw) Valid() bool {
	n, err := Check(r)
	return err == nil && n == len(r)
}

// Bool returns the truth value, ok false when r is none.
func (r Raw) Bool() (v, ok bool) {
	v, err := NewReader(r).Bool()
	return v, err == nil
}

// Int returns the integer, ok false when r is none or it does not fit.
func (r Raw) Int() (v int64, ok bool) {
	v, err := NewReader(r).Int()
	return v, err == nil
}

// Number returns an integer or float as a float, ok false when r is neither.
func (r Raw) Number() (v float64, ok bool) {
	v, err := NewReader(r).Number()
	return v, err == nil
}

// Bin returns the bytes, a span of r, ok false when r holds no bin.
func (r Raw) Bin() (v []byte, ok bool) {
	v, err := NewReader(r).Bin()
	return v, err == nil
}

// Str returns the text, ok false when r holds no str.
func (r Raw) Str() (v string, ok bool) {
	v, err := NewReader(r).Str()
	return v, err == nil
}

// Array returns the spans of the values of an array, ok false when r holds none or is malformed.
func (r Raw) Array() (values []Raw, ok bool) {
	rd := NewReader(r)
	n, err := rd.Array()
	if err != nil {
		return nil, false
	}
	for range n {
		v, err := rd.Raw()
		if err != nil {
			return nil, false
		}
		values = append(values, v)
	}
	return values, true
}

// Map returns the spans of the pairs of a map in order, ok false when r holds none, is malformed or has a key twice.
func (r Raw) Map() (entries []Entry, ok bool) {
	if r.Kind() != KindMap {
		return nil, false
	}
	if _, err := Check(r); err != nil {
		return nil, false
	}
	rd := NewReader(r)
	n, err := rd.Map()
	if err != nil {
		return nil, false
	}
	for range n {
		k, err := rd.Raw()
		if err != nil {
			return nil, false
		}
		v, err := rd.Raw()
		if err != nil {
			return nil, false
		}
		entries = append(entries, Entry{k, v})
	}
	return entries, true
}

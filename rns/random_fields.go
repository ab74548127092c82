package rns

// randomFields are random fields of announces one after the other, oldest first, at most maxRandomFields.
type randomFields string

// packRandoms takes the newest of the fields given.
func packRandoms(fields []RandomField) randomFields {
	fields = fields[max(0, len(fields)-maxRandomFields):]
	packed := make([]byte, 0, len(fields)*RandomFieldLength)
	for _, f := range fields {
		packed = append(packed, f[:]...)
	}
	return randomFields(packed)
}

// all gives them one by one.
func (r randomFields) all(yield func(RandomField) bool) {
	for ; r != ""; r = r[RandomFieldLength:] {
		var f RandomField
		copy(f[:], r)
		if !yield(f) {
			return
		}
	}
}

func (r randomFields) has(f RandomField) bool {
	for ; r != ""; r = r[RandomFieldLength:] {
		if string(r[:RandomFieldLength]) == string(f[:]) {
			return true
		}
	}
	return false
}

// with adds a field unless it is there, at the cost of the oldest when there are too many.
func (r randomFields) with(f RandomField) randomFields {
	if r.has(f) {
		return r
	}
	return r[max(0, len(r)-(maxRandomFields-1)*RandomFieldLength):] + randomFields(f[:])
}

// newest is the newest emission among them, 0 when there is none.
func (r randomFields) newest() (seconds int64) {
	for f := range r.all {
		seconds = max(seconds, f.Seconds())
	}
	return seconds
}

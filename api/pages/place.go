package pages

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"groupd/group"
)

// place is where one of a list stands that is by time, and by hash within a moment. A link gives it along to go on behind it, whatever has come
// to the list or gone from it meanwhile.
type place struct {
	micros int64
	hash   group.AnyHash
}

func placeOf(t time.Time, h group.AnyHash) place { return place{t.UnixMicro(), h} }

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.micros, b.micros), strings.Compare(string(a.hash[:]), string(b.hash[:])))
}

func (a place) String() string { return strconv.FormatInt(a.micros, 10) + "." + a.hash.String() }

// place is a variable as a place; false when it is none.
func (v *visit) place(name string) (p place, ok bool) {
	micros, hash, ok := strings.Cut(v.variable(name), ".")
	n, err := strconv.ParseInt(micros, 10, 64)
	h, isHash := group.ParseAnyHash(hash)
	return place{n, h}, ok && err == nil && isHash
}

// behind is what of a list by place stands behind the place that a variable names; all of it where it names none.
func behind[T any](v *visit, name string, list []T, at func(T) place) []T {
	p, ok := v.place(name)
	for ok && len(list) > 0 && at(list[0]).compare(p) <= 0 {
		list = list[1:]
	}
	return list
}

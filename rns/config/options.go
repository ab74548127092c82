package config

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// options reads the options of a section one by one. It collects what is wrong, and which options were asked for, so that
// the others can be named as unknown.
type options struct {
	section *Section
	// mild: what is wrong is a warning only.
	mild     bool
	errors   *[]Problem
	warnings *[]Problem
	asked    map[string]bool
}

func (c *Config) options(s *Section, errs *[]Problem) *options {
	return &options{section: s, errors: errs, warnings: &c.Warnings, asked: make(map[string]bool)}
}

func (o *options) fail(e *Entry, text string) {
	p := o.problem(e, text)
	if o.mild {
		*o.warnings = append(*o.warnings, p)
	} else {
		*o.errors = append(*o.errors, p)
	}
}

func (o *options) warn(e *Entry, text string) {
	*o.warnings = append(*o.warnings, o.problem(e, text))
}

func (o *options) problem(e *Entry, text string) Problem {
	return Problem{Line: e.Line, Where: o.where(e.Key), Text: text, Hint: hintFor(e.Key, text)}
}

// missing fails for the section as a whole.
func (o *options) missing(text string) {
	o.fail(&Entry{Line: o.section.Line}, text)
}

func (o *options) where(key string) string {
	if path := o.section.Path(); path != "" && key != "" {
		return path + " " + key
	} else if path != "" {
		return path
	}
	return key
}

// unknown warns of every option and section that was not asked for.
func (o *options) unknown() {
	for _, e := range o.section.Entries {
		if !o.asked[e.Key] {
			p := o.problem(e, "this option is not known here")
			p.Hint = didYouMean(e.Key, slices.Collect(maps.Keys(o.asked)), "delete the line, or ask the manual where it belongs")
			*o.warnings = append(*o.warnings, p)
		}
	}
	for _, s := range o.section.Sections {
		*o.warnings = append(*o.warnings, Problem{Line: s.Line, Where: s.Path(), Text: "this section is not known here", Hint: "delete it, or check the number of brackets"})
	}
}

// value is the value of the first of the keys that is set.
func (o *options) value(keys ...string) (e *Entry, v Value, ok bool) {
	for _, key := range keys {
		o.asked[key] = true
		if e == nil {
			e = o.section.Entry(key)
		}
	}
	if e == nil {
		return nil, Value{}, false
	}
	v, err := e.Value()
	if err != nil {
		o.fail(e, err.Error())
		return e, Value{}, false
	}
	return e, v, true
}

// single is a value that is not a list.
func (o *options) single(keys ...string) (e *Entry, text string, ok bool) {
	e, v, ok := o.value(keys...)
	if !ok {
		return e, "", false
	}
	if v.IsList {
		o.fail(e, "is a list, since it has a comma: put the text in quotes")
		return e, "", false
	}
	return e, v.Items[0], true
}

// text is a text, or what was there before.
func (o *options) text(into *string, keys ...string) {
	if _, s, ok := o.single(keys...); ok {
		*into = s
	}
}

// truth is yes/no, on/off, true/false or 1/0, in any case.
func (o *options) truth(into *bool, keys ...string) (set bool) {
	e, s, ok := o.single(keys...)
	if !ok {
		return false
	}
	switch strings.ToLower(s) {
	case "yes", "on", "true", "1":
		*into = true
	case "no", "off", "false", "0":
		*into = false
	default:
		o.fail(e, "is neither yes nor no")
		return false
	}
	return true
}

// truthOrUnset leaves nil where the option is not set.
func (o *options) truthOrUnset(into **bool, key string) {
	var v bool
	if o.truth(&v, key) {
		*into = &v
	}
}

// number is a decimal integer of at least least and at most most; what is out of bounds is an error.
func (o *options) number(into *int, least, most int, keys ...string) (set bool) {
	return whole(o, into, least, most, keys...)
}

// whole is number for integers of any size: frequencies do not fit an int of 32 bits.
func whole[T int | int64](o *options, into *T, least, most T, keys ...string) (set bool) {
	e, s, ok := o.single(keys...)
	if !ok {
		return false
	}
	n, ok := parseInt(s)
	switch {
	case !ok:
		o.fail(e, "is not a whole number")
	case n < int64(least) || n > int64(most):
		o.fail(e, fmt.Sprintf("is not between %d and %d", least, most))
	default:
		*into = T(n)
		return true
	}
	return false
}

// numberFrom is a decimal integer that is ignored, with a warning, where it is less than least.
func (o *options) numberFrom(into *int64, least int64, keys ...string) (set bool) {
	e, s, ok := o.single(keys...)
	if !ok {
		return false
	}
	n, ok := parseInt(s)
	switch {
	case !ok:
		o.fail(e, "is not a whole number")
	case n < least:
		o.warn(e, fmt.Sprintf("is ignored: the least is %d", least))
	default:
		*into = n
		return true
	}
	return false
}

// fraction is a decimal number that is ignored, with a warning, where it is not within the bounds.
func (o *options) fraction(into *float64, least, most float64, key string) (set bool) {
	e, s, ok := o.single(key)
	if !ok {
		return false
	}
	f, ok := parseFloat(s)
	switch {
	case !ok:
		o.fail(e, "is not a number")
	case f < least || f > most:
		o.warn(e, "is ignored: it is out of bounds")
	default:
		*into = f
		return true
	}
	return false
}

// duration is a number of units, not negative.
func (o *options) duration(into *time.Duration, unit time.Duration, key string) (set bool) {
	const longest = 100 * 365 * 24 * time.Hour
	var f float64
	if !o.fraction(&f, 0, float64(longest/unit), key) {
		return false
	}
	*into = time.Duration(f * float64(unit))
	return true
}

// hashes is a list of 16-byte hashes in hex.
func (o *options) hashes(into *[][16]byte, key string) {
	e, v, ok := o.value(key)
	if !ok {
		return
	}
	for _, s := range v.Items {
		if s == "" && !v.IsList {
			continue
		}
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != 16 {
			o.fail(e, fmt.Sprintf("%.40q is not a hash of 32 hexadecimal digits", s))
			continue
		}
		*into = append(*into, [16]byte(b))
	}
}

// word is one of the words, in any case; another one is a warning, and what was there before.
func (o *options) word(into *string, words []string, keys ...string) {
	e, s, ok := o.single(keys...)
	if !ok {
		return
	}
	if s = strings.ToLower(s); slices.Contains(words, s) {
		*into = s
		return
	}
	o.warn(e, fmt.Sprintf("is ignored: it is none of %s", strings.Join(words, ", ")))
}

// mode is a mode word in its first spelling.
func (o *options) mode(into *string, keys ...string) {
	e, s, ok := o.single(keys...)
	if !ok {
		return
	}
	mode, known := canonicalMode(s)
	*into = mode
	if !known {
		o.warn(e, "there is no such mode; full is used")
	}
}

// canonicalMode gives each mode one spelling (spec 1 §6.13). Unknown words mean full.
func canonicalMode(word string) (mode string, known bool) {
	switch strings.ToLower(word) {
	case "full":
		return "full", true
	case "access_point", "accesspoint", "ap":
		return "access_point", true
	case "pointtopoint", "ptp":
		return "pointtopoint", true
	case "roaming":
		return "roaming", true
	case "boundary":
		return "boundary", true
	case "gateway", "gw":
		return "gateway", true
	case "internal":
		return "internal", true
	}
	return "full", false
}

// parseInt reads decimal digits with an optional sign, and with _ between digits.
func parseInt(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	digits := strings.TrimLeft(s, "+-")
	if !grouped(digits) {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	return n, err == nil
}

// parseFloat reads a finite decimal number.
func parseFloat(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpPnN") || !grouped(strings.TrimLeft(s, "+-")) {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, err == nil && !math.IsInf(f, 0)
}

// grouped says whether each _ stands between digits.
func grouped(s string) bool {
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i == len(s)-1 || !digit(s[i-1]) || !digit(s[i+1])) {
			return false
		}
	}
	return true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

package config

import (
	"slices"
	"strings"
)

// hintFor says how to mend what is wrong with an option; "" where the text says it all.
func hintFor(key, text string) string {
	for _, h := range []struct{ begins, hint string }{
		{"is neither yes nor no", key + " = yes, or " + key + " = no"},
		{"is not a whole number", "write digits only: no unit, and no point"},
		{"is not a number", "write digits, with a point where it is needed, and no unit"},
		{"is a list", key + ` = "…"`},
		{"is not hexadecimal", "digits 0-9 and a-f, an even number of them"},
		{"there is no such mode", "mode = full, access_point, pointtopoint, roaming, boundary, gateway or internal"},
		{"has no type", "add a line: type = TCPClientInterface, or another one"},
		{"has neither ", "add a line with one of the two"},
		{"is too long", "shorten it"},
		{"is ignored: there is no ", "add it, or delete this line"},
		{"is not supported by this version", "delete the line"},
		{"stands outside of an interface", "move it below the [[title]] of the interface that it belongs to"},
		{"stands outside of a section", "move it below [reticulum], [logging] or an interface's [[title]]"},
		{"this line is neither", "key = value; a comment begins with #"},
		{"opening and closing brackets", "[section], or [[interface]]"},
		{"is too deep", "[[interface]] belongs below [interfaces]"},
		{"the mode is changed to", "set mode, or ignore_config_warnings = yes"},
	} {
		if strings.HasPrefix(text, h.begins) {
			return h.hint
		}
	}
	if missing, ok := strings.CutPrefix(text, "has no "); ok {
		return "add a line: " + missing + " = …"
	}
	if strings.HasSuffix(text, "there is already something of this name") {
		return "delete one of the two, or give it another name"
	}
	return ""
}

// nearest is the word that was probably meant, "" where none is near.
func nearest(word string, known []string) string {
	best, least := "", 1+min(3, len(word)/3)
	slices.Sort(known)
	for _, k := range known {
		if d := distance(word, k, least); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to change, add or take away between two words, up to most.
func distance(a, b string, most int) int {
	const longest = 64
	if len(a) > longest || len(b) > longest || max(len(a), len(b))-min(len(a), len(b)) >= most {
		return most
	}
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, before+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// types are all that Reticulum has.
func types() []string {
	return []string{TypeTCPClient, TypeTCPServer, TypeBackbone, TypeBackboneClient, TypeUDP, TypeAuto, TypePipe, TypeSerial, TypeKISS, TypeRNode,
		TypeAX25KISS, TypeRNodeMulti, TypeI2P, TypeWeave}
}

// didYouMean is a hint with the nearest word.
func didYouMean(word string, known []string, otherwise string) string {
	if k := nearest(word, known); k != "" {
		return "did you mean " + k + "?"
	}
	return otherwise
}

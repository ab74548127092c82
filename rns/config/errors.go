package config

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong in a file.
type Problem struct {
	// Line counts from 1. 0: the file as a whole.
	Line int
	// Where names the section and the option, "[interfaces] [[Home]] target_port". It may be empty.
	Where string
	// Text says what is wrong.
	Text string
	// Hint says how to mend it. It may be empty where Text says it all.
	Hint string
}

// String is "line 12: [interfaces] [[Home]] target_port: is missing".
func (p Problem) String() string {
	s := p.Text
	if p.Where != "" {
		s = p.Where + ": " + s
	}
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	return s
}

// Error is everything because of which a file cannot be used, in the order of lines.
type Error struct {
	Problems []Problem // at least one
}

// Error has one line of text for each problem.
func (e *Error) Error() string {
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

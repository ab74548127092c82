package lxm

import (
	"context"
	"time"
)

// Process handles one message at once, for tests without Run.
func (s *Server) Process(ctx context.Context, in Inbound) { s.process(ctx, in) }

// Split, Name, Duration, Distance and Chunks are inner functions.
func Split(text string) (word, args string)     { return splitCommand(text) }
func Name(text string) (word, rest string)      { return firstWord(text) }
func Chunks(lines []string, width int) []string { return chunks(lines, width) }
func Duration(s string) (time.Duration, bool)   { return parseDuration(s) }
func Distance(a, b string) int                  { return distance(a, b, 3) }
func CommandNames() (names []string) {
	for _, c := range commandTable() {
		names = append(append(names, c.name), c.aliases...)
	}
	return names
}

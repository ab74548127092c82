package qr

import (
	"strings"
	"testing"
	"unicode/utf8"

	"rsc.io/qr"
)

// Reads the drawing back, module by module, and compares it with the code.
func TestLinesShowTheCode(t *testing.T) {
	const text = "lxmf://3f9a1c07b2e84d5596a0d1c4e7f80b2a"
	want, err := qr.Encode(text, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := Lines(text, false)
	if err != nil {
		t.Fatal(err)
	}
	for y := 0; y < want.Size; y++ {
		line := strings.TrimSuffix(strings.TrimPrefix(lines[(y+quiet)/2], "\x1b[38;5;16;48;5;231m"), "\x1b[0m")
		row := []rune(line)
		if len(row) != want.Size+2*quiet {
			t.Fatalf("row %d has %d columns, want %d", y, len(row), want.Size+2*quiet)
		}
		for x := 0; x < want.Size; x++ {
			ch := row[x+quiet]
			dark := ch == '█' || (y+quiet)%2 == 0 && ch == '▀' || (y+quiet)%2 == 1 && ch == '▄'
			if dark != want.Black(x, y) {
				t.Fatalf("module %d,%d is %v", x, y, dark)
			}
		}
	}
}

func TestPlainCodeHasNoEscapesAndFitsATerminal(t *testing.T) {
	lines, err := Lines("lxma://3f9a1c07b2e84d5596a0d1c4e7f80b2a:"+strings.Repeat("ab", 64), true)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if strings.Contains(l, "\x1b") || utf8.RuneCountInString(l) > 80 {
			t.Fatalf("line %q", l)
		}
	}
}

func TestTooLongATextIsRefused(t *testing.T) {
	if _, err := Lines(strings.Repeat("x", 3000), true); err == nil {
		t.Fatal("accepted")
	}
}

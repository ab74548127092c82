// Package qr draws QR codes in a terminal.
package qr

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the empty border, in modules. The standard asks for 4; 2 is what phones in the field read on a terminal
// and what keeps a code of 33 modules inside 80 columns.
const quiet = 2

// Lines draws text as half blocks, two modules a character row, dark on light. Black and white are set explicitly, so that the
// code scans on dark and light terminals alike; plain leaves the escape codes out and is for files and for NO_COLOR.
// It fails when text is longer than a QR code of level L holds (2953 bytes).
func Lines(text string, plain bool) ([]string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return nil, fmt.Errorf("qr: %w", err)
	}
	dark := func(x, y int) bool {
		return x >= 0 && y >= 0 && x < code.Size && y < code.Size && code.Black(x, y)
	}
	var lines []string
	for y := -quiet; y < code.Size+quiet; y += 2 {
		var b strings.Builder
		if !plain {
			b.WriteString("\x1b[38;5;16;48;5;231m")
		}
		for x := -quiet; x < code.Size+quiet; x++ {
			top, bottom := dark(x, y), dark(x, y+1)
			if plain { // a dark terminal prints light ink: what is light in the code is drawn
				top, bottom = !top, !bottom
			}
			switch {
			case top && bottom:
				b.WriteRune('█')
			case top:
				b.WriteRune('▀')
			case bottom:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		if !plain {
			b.WriteString("\x1b[0m")
		}
		lines = append(lines, b.String())
	}
	return lines, nil
}

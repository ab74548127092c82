package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"groupd/group"
	"groupd/internal/qr"
)

// Widths of the codes on a page, with their border, and of the text beside them.
const (
	longCode  = 53 // lxma://address:key
	shortCode = 33 // lxmf://address
	besideQR  = 34
)

// card draws a group's address as a QR code, with how to become its owner beside or below it. The code is told on a terminal only.
func (a *app) card(w io.Writer, info group.Info, code string, terminal bool, width int) {
	text := "lxmf://" + info.Address.String()
	if width >= longCode+besideQR {
		text = "lxma://" + info.Address.String() + ":" + hex.EncodeToString(info.PublicKey)
	}
	side := []string{"", info.PublicName, "", "address", info.Address.String()[:16], info.Address.String()[16:], ""}
	switch {
	case info.Policy.NoStaff:
		side = append(side, "Nobody owns it. To let the first", "ones in:", "", "  groupd invite create", "    --group "+string(info.Group))
	case code == "":
	case terminal:
		side = append(side, "To become the owner, open the", "address in your own client", "(scan, or type it) and send:", "", "  /claim "+code, "", "Works once, for 24 hours.", "A new one any time:", "  groupd claim")
	default:
		side = append(side, "To become the owner, send", "  /claim CODE", "to this address.")
	}
	lines, err := qr.Lines(text, a.plain(terminal))
	if err != nil {
		lines = nil
	}
	if terminal && width < shortCode+besideQR { // no room beside the code
		for _, l := range lines {
			fmt.Fprintf(w, "   %s\n", l)
		}
		lines = nil
	}
	for i := range max(len(lines), len(side)) {
		l, t := "", ""
		if i < len(lines) {
			l = lines[i]
		}
		if i < len(side) {
			t = side[i]
		}
		fmt.Fprintln(w, strings.TrimRight("   "+l+"   "+t, " "))
	}
}

// plain says whether to leave out colours.
func (a *app) plain(terminal bool) bool {
	return !terminal || a.getenv("NO_COLOR") != "" || a.getenv("TERM") == "dumb"
}

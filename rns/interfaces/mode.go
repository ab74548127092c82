package interfaces

import (
	"fmt"
	"strings"
)

// Mode tells transport how to treat announces and path requests of an interface (spec 1 §6.13).
type Mode uint8

// The modes. The numbers are those which the reference shows in its statistics.
const (
	// ModeFull is the default: all announces pass, no recursive path discovery.
	ModeFull Mode = 1
	// ModePointToPoint is as full.
	ModePointToPoint Mode = 2
	// ModeAccessPoint sends no announces at all, not even our own; paths live a day.
	ModeAccessPoint Mode = 3
	// ModeRoaming is for what moves: paths live six hours.
	ModeRoaming Mode = 4
	// ModeBoundary connects to something essentially different.
	ModeBoundary Mode = 5
	// ModeGateway discovers unknown paths for those behind it.
	ModeGateway Mode = 6
	// ModeInternal is the inner side of a node with a boundary.
	ModeInternal Mode = 7
)

// String is the word used in configuration files and statistics. The zero Mode is "unset".
func (m Mode) String() string {
	switch m {
	case 0:
		return "unset"
	case ModeFull:
		return "full"
	case ModePointToPoint:
		return "pointtopoint"
	case ModeAccessPoint:
		return "access_point"
	case ModeRoaming:
		return "roaming"
	case ModeBoundary:
		return "boundary"
	case ModeGateway:
		return "gateway"
	case ModeInternal:
		return "internal"
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// Or is m, or other where m is unset.
func (m Mode) Or(other Mode) Mode {
	if m == 0 {
		return other
	}
	return m
}

// ParseMode reads a mode as it is spelled in configuration files, in any case. Unknown words are ModeFull and false,
// as in the reference (spec 1 §6.13).
func ParseMode(word string) (Mode, bool) {
	switch strings.ToLower(word) {
	case "full":
		return ModeFull, true
	case "pointtopoint", "ptp":
		return ModePointToPoint, true
	case "access_point", "accesspoint", "ap":
		return ModeAccessPoint, true
	case "roaming":
		return ModeRoaming, true
	case "boundary":
		return ModeBoundary, true
	case "gateway", "gw":
		return ModeGateway, true
	case "internal":
		return ModeInternal, true
	}
	return ModeFull, false
}

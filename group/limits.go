package group

import (
	"time"
)

// Tunables with their defaults. Fields of Limits replace those that are a matter of taste.
const (
	DefaultPage    = 50
	MaxPage        = 500                 // entries or members in one Page
	MaxChoices     = 8                   // of an ambiguous reference
	DefaultKick    = time.Hour           // a kick is a ban this long
	NameReserved   = 90 * 24 * time.Hour // a departed or banned member's name
	OutcomesKept   = 7 * 24 * time.Hour  // answers to client ids
	ClaimCodeValid = 24 * time.Hour
	MaxNameRunes   = 32
	MaxNameBytes   = 96
	MaxTopicBytes  = 400
	MaxStatusBytes = 140
	MaxReasonBytes = 200
	MaxGreeting    = 280
)

// Limits are bounds an operator may set. Zero is the default; what has "off" says so.
type Limits struct {
	PostBytes int64 // title, text and fields of one post; default 64 KiB
	Members   int   // of one group; default 20,000
	Requests  int   // waiting in one group; default 200
	Bans      int   // of one group; default 10,000
	Audit     int   // lines kept per group; default 10,000
	Outcomes  int   // answers kept per identity; default 500
}

package web

import (
	"encoding/hex"
	"time"

	"groupd/group"
)

// Status is the one-screen picture.
type Status struct {
	Version       string      `json:"version"`
	PID           int         `json:"pid"`
	Started       time.Time   `json:"started"`
	UptimeSeconds int64       `json:"uptime_s"`
	Data          string      `json:"data"`       // the data directory
	RNSConfig     string      `json:"rns_config"` // Reticulum's configuration file
	Groups        []Group     `json:"groups"`
	Interfaces    []Interface `json:"interfaces"`
	Network       Network     `json:"network"`
	Store         Store       `json:"store"`
	ClockUnsure   bool        `json:"clock_unsure"`
	Attention     []Notice    `json:"attention"` // what wants a person
}

// Network counts what the stack knows.
type Network struct {
	Paths int               `json:"paths"`
	Known int               `json:"known"`
	Links int               `json:"links"`
	Drops map[string]uint64 `json:"drops"`
}

// Store is the database.
type Store struct {
	Bytes      int64      `json:"bytes"`
	LastBackup *time.Time `json:"last_backup,omitempty"`
}

// Notice is something that wants a person, with what to do.
type Notice struct {
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// Interface is one way to the network.
type Interface struct {
	Name      string `json:"name"`
	Mode      string `json:"mode"`
	Up        bool   `json:"up"`
	Listener  bool   `json:"listener,omitempty"` // waits for others, and carries nothing itself
	Bitrate   int64  `json:"bitrate"`            // bit/s, 0 unknown
	RxBytes   uint64 `json:"rx_bytes"`
	TxBytes   uint64 `json:"tx_bytes"`
	LastError string `json:"last_error,omitempty"`
}

// Path is what is known of the way to a destination.
type Path struct {
	Destination string     `json:"destination"`
	Known       bool       `json:"known"`
	Hops        int        `json:"hops,omitempty"`
	NextHop     string     `json:"next_hop,omitempty"`
	Interface   string     `json:"interface,omitempty"`
	Announced   *time.Time `json:"announced,omitempty"` // by its own clock
}

// Serving is how a group is reached.
type Serving struct {
	Destinations  []Destination `json:"destinations"`
	Announce      string        `json:"announce"` // full, name or off
	LastAnnounced *time.Time    `json:"last_announced,omitempty"`
	NextAnnounce  *time.Time    `json:"next_announce,omitempty"`
	ReadOnly      string        `json:"read_only,omitempty"` // why nothing is changed; empty: all is well
}

// Destination is one of a group's destinations.
type Destination struct {
	Name string `json:"name"` // lxmf.delivery
	Hash string `json:"hash"`
}

// Group is a group as its operator sees it.
type Group struct {
	ID          string  `json:"id"`
	Address     string  `json:"address"`
	Identity    string  `json:"identity"`
	PublicKey   string  `json:"public_key"`
	Name        string  `json:"name"`
	PrivateName string  `json:"private_name"`
	Topic       string  `json:"topic"`
	Visibility  string  `json:"visibility"` // public or private
	Join        string  `json:"join"`       // open, approve or closed
	Owned       bool    `json:"owned"`
	Members     int     `json:"members"`
	Waiting     int     `json:"waiting"` // requests to join, at most 500 counted
	Seq         uint64  `json:"seq"`     // newest entry
	Oldest      uint64  `json:"oldest"`
	Rev         uint64  `json:"rev"`
	Chain       string  `json:"chain"`
	Generation  string  `json:"generation"` // 16 hex digits
	Serving     Serving `json:"serving"`
}

// Member is one member.
type Member struct {
	Address     string     `json:"address"`
	Identity    string     `json:"identity"`
	Name        string     `json:"name"`
	Role        string     `json:"role"`
	Permissions string     `json:"permissions"`
	Present     bool       `json:"present"`
	StatusText  string     `json:"status_text,omitempty"`
	Joined      *time.Time `json:"joined,omitempty"`
	Left        *time.Time `json:"left,omitempty"`
	LastHeard   *time.Time `json:"last_heard,omitempty"`
}

// MembersPage is a part of the list of members.
type MembersPage struct {
	Total   int      `json:"total"`
	Members []Member `json:"members"`
	Next    uint64   `json:"next,omitempty"` // value of ?after= for the next page; 0: that was all
}

// Ban is one ban or kick in force.
type Ban struct {
	Target  string     `json:"target"` // as typed: identity or address
	Address string     `json:"address,omitempty"`
	Name    string     `json:"name,omitempty"`
	By      string     `json:"by,omitempty"` // identity; empty: the operator
	Reason  string     `json:"reason,omitempty"`
	Kick    bool       `json:"kick"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"` // absent: for good
}

// BansPage is a part of the list of bans.
type BansPage struct {
	Bans []Ban  `json:"bans"`
	Next string `json:"next,omitempty"` // value of ?after= for the next page
}

// Request is one who waits to be let in.
type Request struct {
	Address  string    `json:"address"`
	Identity string    `json:"identity"`
	Name     string    `json:"name"`
	Greeting string    `json:"greeting,omitempty"`
	Since    time.Time `json:"since"`
}

// RequestsPage lists who waits, longest first.
type RequestsPage struct {
	Requests []Request `json:"requests"`
}

// Done answers what changed something.
type Done struct {
	Target string `json:"target,omitempty"` // whom it concerned, as identity or as typed
	Name   string `json:"name,omitempty"`
	Seq    uint64 `json:"seq,omitempty"` // of the entry that tells it
	Rev    uint64 `json:"rev"`
}

// ClaimCode is a fresh owner's code.
type ClaimCode struct {
	Group   string    `json:"group"`
	Address string    `json:"address"`
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
}

// Audit is one line of the log of moderation.
type Audit struct {
	ID     int64     `json:"id"`
	Time   time.Time `json:"time"`
	By     string    `json:"by,omitempty"` // identity; empty: the operator
	Action string    `json:"action"`
	Target string    `json:"target,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// Check is what a running server says of its own state.
type Check struct {
	Groups      []GroupCheck `json:"groups"`
	ClockUnsure bool         `json:"clock_unsure"`
}

// GroupCheck is the chain of one group.
type GroupCheck struct {
	Group
	BadSeq uint64 `json:"bad_seq,omitempty"` // the first entry that does not fit the chain; 0: all fit
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func hexOrEmpty(h [16]byte) string {
	if h == [16]byte{} {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// memberOf is a member's row.
func memberOf(m group.Member) Member {
	return Member{
		Address: m.Address.String(), Identity: m.Identity.String(), Name: m.DisplayName, Role: m.Role.String(), Permissions: m.Permissions.String(),
		Present: m.Present, StatusText: m.Status, Joined: timeOrNil(m.Joined), Left: timeOrNil(m.Left), LastHeard: timeOrNil(m.LastHeard),
	}
}

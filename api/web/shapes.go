package web

import (
	"encoding/hex"
	"time"

	"groupd/group"
	"groupd/moderation"
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
	Paths     int               `json:"paths"`
	Known     int               `json:"known"`
	Links     int               `json:"links"`
	Transport bool              `json:"transport"` // packets are passed on for others
	Relayed   uint64            `json:"relayed"`   // packets passed on
	Drops     map[string]uint64 `json:"drops"`
	Instance  Instance          `json:"instance"`
}

// Instance is how the machine's connection to the network is shared with other programs.
type Instance struct {
	Role     string `json:"role"`               // master: others use ours; client: we use another program's; standalone
	Name     string `json:"name,omitempty"`     // such as rns/default
	Programs int    `json:"programs,omitempty"` // that use ours now
	Error    string `json:"error,omitempty"`    // why it is not shared although it should be
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
	Peers     int    `json:"peers,omitempty"`    // of a listener: who is connected
	Parent    string `json:"parent,omitempty"`   // the listener that made it
	Local     string `json:"local,omitempty"`    // client: a program of this machine; master: the shared instance that we use
	Shared    bool   `json:"shared,omitempty"`   // belongs to the shared instance that we use, and is as that tells
	Bitrate   int64  `json:"bitrate"`            // bit/s, 0 unknown
	MTU       int    `json:"mtu,omitempty"`      // bytes that links may use; 0: 500
	Gravity   int    `json:"gravity,omitempty"`
	RxBytes   uint64 `json:"rx_bytes"`
	TxBytes   uint64 `json:"tx_bytes"`
	LastError string `json:"last_error,omitempty"`

	RxRate float64 `json:"rx_rate"` // bit/s now
	TxRate float64 `json:"tx_rate"`

	// AccessCode is the length in bytes of the access code, and NetworkName its name; 0: an open interface.
	AccessCode  int    `json:"access_code,omitempty"`
	NetworkName string `json:"network_name,omitempty"`

	// Announces and path requests per second, announces that wait, and whether too many come in.
	AnnouncesIn     float64 `json:"announces_in,omitempty"`
	AnnouncesOut    float64 `json:"announces_out,omitempty"`
	PathRequestsIn  float64 `json:"path_requests_in,omitempty"`
	PathRequestsOut float64 `json:"path_requests_out,omitempty"`
	HeldAnnounces   int     `json:"held_announces,omitempty"`
	AnnounceQueue   int     `json:"announce_queue,omitempty"`
	Burst           bool    `json:"burst,omitempty"`

	// Dropped counts frames that came in and were not taken, or were to go out and did not.
	RxDropped uint64 `json:"rx_dropped,omitempty"`
	TxDropped uint64 `json:"tx_dropped,omitempty"`

	Radio   *Radio   `json:"radio,omitempty"`
	Airtime *Airtime `json:"airtime,omitempty"`
}

// Radio is what a radio reports. What it did not report is absent.
type Radio struct {
	State string `json:"state,omitempty"`
	// Percent of the last seconds, and of the last hour: what we transmitted, and what everybody did.
	AirtimeShort     float64 `json:"airtime_short"`
	AirtimeLong      float64 `json:"airtime_long"`
	ChannelLoadShort float64 `json:"channel_load_short"`
	ChannelLoadLong  float64 `json:"channel_load_long"`
	// In dBm: strength now, noise floor, and interference.
	RSSI         *int `json:"rssi,omitempty"`
	NoiseFloor   *int `json:"noise_floor,omitempty"`
	Interference *int `json:"interference,omitempty"`
	// Last is how the last packet was heard.
	Last *Signal `json:"last,omitempty"`

	BatteryState   string `json:"battery_state,omitempty"`
	BatteryPercent *int   `json:"battery_percent,omitempty"`
	Temperature    *int   `json:"temperature,omitempty"` // °C
}

// Signal is how a packet was heard.
type Signal struct {
	RSSI    *int     `json:"rssi,omitempty"`    // dBm
	SNR     *float64 `json:"snr,omitempty"`     // dB
	Quality *float64 `json:"quality,omitempty"` // percent
}

// Path is what is known of the way to a destination. One of this server itself is known, and has neither hops nor an interface.
type Path struct {
	Destination string     `json:"destination"`
	Known       bool       `json:"known"`
	Hops        int        `json:"hops,omitempty"`
	NextHop     string     `json:"next_hop,omitempty"`
	Interface   string     `json:"interface,omitempty"`
	Learned     *time.Time `json:"learned,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
	Announced   *time.Time `json:"announced,omitempty"` // by its own clock
}

// Rate is how often a destination announced itself lately.
type Rate struct {
	Destination  string     `json:"destination"`
	Last         time.Time  `json:"last"`
	PerHour      float64    `json:"per_hour"`
	Violations   int        `json:"violations,omitempty"`    // announces that came too early
	BlockedUntil *time.Time `json:"blocked_until,omitempty"` // not passed on until then
}

// ProbeInput asks for a probe: a packet that its destination proves.
type ProbeInput struct {
	// Name of the destination, such as rnstransport.probe; empty: found among the usual ones.
	Name string `json:"name,omitempty"`
	// Size in bytes of the random content; 0: 16. Seconds to wait for the path and for the proof, each; 0: as the network needs.
	Size    int `json:"size,omitempty"`
	Seconds int `json:"timeout_s,omitempty"`
}

// Probe is what became of it.
type Probe struct {
	Destination string  `json:"destination"`
	Name        string  `json:"name"`
	Size        int     `json:"size"`
	Answered    bool    `json:"answered"`
	RTT         float64 `json:"rtt_ms,omitempty"`
	Hops        int     `json:"hops"`
	NextHop     string  `json:"next_hop,omitempty"`
	Interface   string  `json:"interface,omitempty"`
	Signal      *Signal `json:"signal,omitempty"` // of the answer, where a radio heard it
}

// Serving is how a group is reached.
type Serving struct {
	Destinations  []Destination `json:"destinations"`
	Announce      string        `json:"announce"` // full, name or off
	LastAnnounced *time.Time    `json:"last_announced,omitempty"`
	NextAnnounce  *time.Time    `json:"next_announce,omitempty"`
	ReadOnly      string        `json:"read_only,omitempty"` // why nothing is changed; empty: all is well
	Delivery      Delivery      `json:"delivery"`
	Mail          *Mail         `json:"mail,omitempty"`
}

// Delivery is how far members have been told what is new, of those who want to be.
type Delivery struct {
	Members       int   `json:"members"`        // who are sent anything
	Behind        int   `json:"behind"`         // of them, who do not have everything
	Waiting       int   `json:"waiting"`        // of those behind, who are not tried until they are heard
	AtNode        int   `json:"at_node"`        // whose last message is at a propagation node
	InFlight      int   `json:"in_flight"`      // to whom something is on its way
	OldestSeconds int64 `json:"oldest_seconds"` // how long the one is behind who is longest, those waiting left out
	Confirmed     int   `json:"confirmed"`      // messages and packets proved within a day
}

// Airtime is the account of an interface on which airtime is scarce. Spent is in seconds since the start, proofs included.
type Airtime struct {
	Share        float64            `json:"share"`          // part of the time that is for groups
	Duty         float64            `json:"duty,omitempty"` // legal part of an hour
	HourSeconds  float64            `json:"hour_seconds"`   // transmitted within the last hour
	Waiting      int                `json:"waiting"`        // members whose turn comes next
	Estimated    bool               `json:"estimated,omitempty"`
	Spent        map[string]float64 `json:"spent"`             // by kind: emergency, answers, push, relay, digests, announces, other
	Members      []Spender          `json:"members,omitempty"` // for whom most was spent
	OtherMembers float64            `json:"other_members,omitempty"`
}

// Spender is what was spent for one member.
type Spender struct {
	Address string  `json:"address"`
	Seconds float64 `json:"seconds"`
}

// Mail is how a group's mail is collected from propagation nodes.
type Mail struct {
	Node      string     `json:"node,omitempty"` // the address of the node that is or was asked last; empty: none is known
	NodeName  string     `json:"node_name,omitempty"`
	State     string     `json:"state"` // of the running or last session, such as complete or no path
	Running   bool       `json:"running,omitempty"`
	Error     string     `json:"error,omitempty"`     // why the last one failed
	Collected int        `json:"collected,omitempty"` // messages that the last one brought
	Last      *time.Time `json:"last,omitempty"`
	Good      *time.Time `json:"good,omitempty"` // the last one that did not fail
	Next      *time.Time `json:"next,omitempty"` // absent: when a node is heard
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
	Join        string  `json:"join"`       // open, approve, invite or closed
	Owned       bool    `json:"owned"`
	Expected    string  `json:"expected_owner,omitempty"` // address or identity of who owns it when he joins
	Members     int     `json:"members"`
	Waiting     int     `json:"waiting"` // requests to join, at most 500 counted
	Seq         uint64  `json:"seq"`     // newest entry
	Oldest      uint64  `json:"oldest"`
	Rev         uint64  `json:"rev"`
	Chain       string  `json:"chain"`
	Generation  string  `json:"generation"` // 16 hex digits
	Serving     Serving `json:"serving"`

	Policy   moderation.Policy `json:"policy"`             // settings that differ from their defaults
	Lockdown bool              `json:"lockdown,omitempty"` // who joins waits for a moderator
	Preset   string            `json:"preset,omitempty"`   // what it was made as
	Over     bool              `json:"over,omitempty"`     // it has ended, see expires_at in policy
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
	Muted       *Mute      `json:"muted,omitempty"` // when one member is shown, and is muted
}

// Mute is what keeps a member from writing.
type Mute struct {
	Reason string     `json:"reason,omitempty"`
	Until  *time.Time `json:"until,omitempty"` // absent: until somebody lifts it
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

// Banned answers a ban.
type Banned struct {
	Done
	Purging bool           `json:"purging,omitempty"` // the posts are being hidden
	Branch  []BranchMember `json:"branch,omitempty"`  // who was banned, too
	More    bool           `json:"more,omitempty"`    // the branch has more: ban again
}

// BranchMember is one who was banned because of who invited him.
type BranchMember struct {
	Address string `json:"address"`
	Name    string `json:"name"`
}

// Invite is one that can be used.
type Invite struct {
	ID      int64     `json:"id"`
	By      string    `json:"by,omitempty"` // identity; empty: the operator
	ByName  string    `json:"by_name,omitempty"`
	For     string    `json:"for,omitempty"` // identity or address of who alone may use it; empty: whoever has the code
	Role    string    `json:"role"`
	Uses    int       `json:"uses"` // left
	Used    int       `json:"used"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// InviteIssued is a fresh invite. Its code is told this once.
type InviteIssued struct {
	Invite
	Address string `json:"address"` // of the group
	Code    string `json:"code"`
}

// InvitesPage is a part of the list of invites.
type InvitesPage struct {
	Invites []Invite `json:"invites"`
	Next    int64    `json:"next,omitempty"` // value of ?after= for the next page; 0: that was all
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
	ID         int64     `json:"id"`
	Time       time.Time `json:"time"`
	By         string    `json:"by,omitempty"` // identity; empty: the operator
	ByName     string    `json:"by_name,omitempty"`
	Action     string    `json:"action"`
	Target     string    `json:"target,omitempty"`
	TargetName string    `json:"target_name,omitempty"`
	Detail     string    `json:"detail,omitempty"`
}

// AuditPage is a part of the log, newest first.
type AuditPage struct {
	Audit []Audit `json:"audit"`
	Next  int64   `json:"next,omitempty"` // value of ?before= for the next page; 0: that was all
}

// Check is what a running server says of its own state.
type Check struct {
	Groups      []GroupCheck   `json:"groups"`
	Removed     []RemovedGroup `json:"removed"`
	ClockUnsure bool           `json:"clock_unsure"`
}

// RemovedGroup is a group of the operator's that was deleted: groupd.toml does not make it again.
type RemovedGroup struct {
	ID      string    `json:"id"`
	Address string    `json:"address"`
	By      string    `json:"by,omitempty"` // identity; "": the operator
	Removed time.Time `json:"removed"`
}

// CloneInput makes a group with settings and members of another.
type CloneInput struct {
	Name        string   `json:"name,omitempty"`
	PrivateName string   `json:"private_name,omitempty"`
	Visibility  *string  `json:"visibility,omitempty"`
	Without     []string `json:"without,omitempty"` // members: address, identity, name, or the beginning of a hash
}

// Cloned is what came of it.
type Cloned struct {
	Group   Group `json:"group"`
	Invited int   `json:"invited"`
	LeftOut int   `json:"left_out"`
	More    bool  `json:"more,omitempty"` // there are more members than are invited at once
}

// ServerLine is a line of the log of what was done with whole groups.
type ServerLine struct {
	ID     int64     `json:"id"`
	Time   time.Time `json:"time"`
	By     string    `json:"by,omitempty"` // identity; "": the operator
	Action string    `json:"action"`
	Group  string    `json:"group"`
	Detail string    `json:"detail,omitempty"` // its address
}

// ServerLog is a part of that log, newest first.
type ServerLog struct {
	Lines []ServerLine `json:"lines"`
	Next  int64        `json:"next,omitempty"` // ask again with before; 0: that is all
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

// namesOf are members' names by identity.
func namesOf(list []group.Member) map[group.AnyHash]string {
	names := make(map[group.AnyHash]string, len(list))
	for _, m := range list {
		names[group.AnyHash(m.Identity)] = m.DisplayName
	}
	return names
}

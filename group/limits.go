package group

import (
	"time"

	"groupd/moderation"
)

// Tunables that are a matter of protocol or of everybody's expectations.
const (
	DefaultPage    = 50
	MaxPage        = 500                // entries or members in one Page
	MaxChoices     = 8                  // of an ambiguous reference
	DefaultKick    = time.Hour          // a kick is a ban this long
	OutcomesKept   = 7 * 24 * time.Hour // answers to client ids
	ClaimCodeValid = 24 * time.Hour
	RequestsKept   = 90 * 24 * time.Hour // a request nobody decides about makes room for others
	MaxGroups      = 256
	MaxNameRunes   = moderation.MaxNameRunes
	MaxNameBytes   = moderation.MaxNameBytes
	MaxTopicBytes  = 400
	MaxStatusBytes = 140
	MaxReasonBytes = 200
	MaxGreeting    = 280 // bytes

	originalOverhead = 1024           // bytes by which a signed original may exceed the limit of a post
	hintEvery        = 24 * time.Hour // a stranger's hint
	heardEvery       = time.Minute    // how coarse LastHeard is
	claimGuesses     = 5              // wrong codes per identity, until a new code is made
	claimPerHour     = 50             // wrong codes per hour in all; then only a new code opens the claim again
	claimGuessers    = 2048           // identities remembered for wrong codes; then as above
	maxStrangers     = 1024           // strangers remembered for a day
	maxCarriers      = 64             // interfaces with a count of their own; one more for all others
	maxSubscribers   = MaxGroups + 64 // one of each group, and some of all
	maxEventQueue    = 4096
	countOutcomes    = 64 // outcomes written between two counts of them all
	prefixDigits     = 3  // hex digits that a hash prefix has at least
	clearPrefix      = 6  // from here on a prefix counts as much as a nickname
)

// Limits are bounds an operator may set. Zero is the default; a negative value is no limit where that is said.
type Limits struct {
	PostBytes        int64           // title, text and fields of one post; default 128 KiB
	AttachBytes      int64           // one attachment; default 4 MiB; negative: no limit, and so for the next three
	AttachMember     int64           // all of one member in one group; default 64 MiB
	AttachGroup      int64           // all in one group; default 1 GiB
	AttachDisk       int64           // all on the server, each content counted once; default 4 GiB
	AttachFloor      int64           // free space below which no attachments are taken; default 512 MiB; negative: none
	Members          int             // of one group; default 20,000
	Departed         int             // rows of one group's former members, the one gone longest goes; default 20,000
	Requests         int             // waiting in one group; default 200
	Bans             int             // of one group; default 10,000
	Audit            int             // lines kept per group; default 10,000
	Invites          int             // live in one group; default 1,000
	Reports          int             // waiting in one group; default 1,000
	Outcomes         int             // answers kept per identity, the oldest goes; default 500
	AllOutcomes      int             // answers kept in all, the oldest go, give or take 64; default 100,000
	MemberRate       moderation.Rate // posts, and changes of the own profile; default 60 at once, one a second; Burst -1: none
	GroupRate        moderation.Rate // posts of all members; default 600 at once, 20 a second; Burst -1: none
	JoinRate         moderation.Rate // per identity; default 5 at once, one per 10 min; Burst -1: none
	GroupJoinRate    moderation.Rate // of all who join or ask to; default 500 at once, one per 5 s; Burst -1: none
	DirectoryRate    moderation.Rate // questions about the directory, per identity; default 120 at once, one per 2 s; Burst -1: none
	InquiryRate      moderation.Rate // searches and questions about the log, per identity and group; default 120 at once, two a second; Burst -1: none
	StrangerAnswers  int             // per stranger and day; default 10
	StrangersPerHour int             // answers to all strangers on one interface; default 60
}

// withDefaults fills in what is zero.
func (l Limits) withDefaults() Limits {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	if l.PostBytes == 0 {
		l.PostBytes = 128 << 10
	}
	for _, d := range []struct {
		p *int64
		v int64
	}{{&l.AttachBytes, 4 << 20}, {&l.AttachMember, 64 << 20}, {&l.AttachGroup, 1 << 30}, {&l.AttachDisk, 4 << 30}, {&l.AttachFloor, 512 << 20}} {
		if *d.p == 0 {
			*d.p = d.v
		}
	}
	def(&l.Members, 20_000)
	def(&l.Departed, 20_000)
	def(&l.Requests, 200)
	def(&l.Bans, 10_000)
	def(&l.Audit, 10_000)
	def(&l.Reports, 1000)
	def(&l.Invites, 1000)
	def(&l.Outcomes, 500)
	def(&l.AllOutcomes, 100_000)
	def(&l.StrangerAnswers, 10)
	def(&l.StrangersPerHour, 60)
	if l.MemberRate == (moderation.Rate{}) {
		l.MemberRate = moderation.Rate{Burst: 60, Every: time.Second}
	}
	if l.GroupRate == (moderation.Rate{}) {
		l.GroupRate = moderation.Rate{Burst: 600, Every: 50 * time.Millisecond}
	}
	if l.JoinRate == (moderation.Rate{}) {
		l.JoinRate = moderation.Rate{Burst: 5, Every: 10 * time.Minute}
	}
	if l.GroupJoinRate == (moderation.Rate{}) {
		l.GroupJoinRate = moderation.Rate{Burst: 500, Every: 5 * time.Second}
	}
	if l.InquiryRate == (moderation.Rate{}) {
		l.InquiryRate = moderation.Rate{Burst: 120, Every: time.Second / 2}
	}
	if l.DirectoryRate == (moderation.Rate{}) {
		l.DirectoryRate = moderation.Rate{Burst: 120, Every: 2 * time.Second}
	}
	return l
}

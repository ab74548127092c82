package rns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"groupd/rns/interfaces"
)

// LocalRole says whether an interface is the local socket of a shared instance (spec 1 §6.24). Packets over it gain no
// hop.
type LocalRole uint8

// Local roles.
const (
	// LocalNone: an interface to the network.
	LocalNone LocalRole = iota
	// LocalClient: the far side is a program on this machine that uses our instance.
	LocalClient
	// LocalMaster: the far side is the shared instance that we use. While such an interface is attached the transport is
	// a client: it forwards nothing for others and leaves filtering to the master.
	LocalMaster
)

// String returns the role in a word.
func (r LocalRole) String() string {
	switch r {
	case LocalNone:
		return "none"
	case LocalClient:
		return "client"
	case LocalMaster:
		return "master"
	}
	return fmt.Sprintf("local role %d", uint8(r))
}

// FirstHop tells at which bitrate (bit/s; 0: not known) packets for a destination leave the machine. It is called by
// whoever sends, and ctx ends within 2 s.
type FirstHop interface {
	Bitrate(ctx context.Context, d DestinationHash) int64
}

// DefaultAnnounceCap is the share of an interface's bitrate that relayed announces may take.
const DefaultAnnounceCap = 0.02

// InterfaceOptions say how transport uses an interface. The zero value: open, with the carrier's own mode. Those after
// Gravity matter on transport nodes only.
type InterfaceOptions struct {
	// NetworkName and Passphrase close the interface to all who do not have the same (IFAC, spec 1 §5). Empty: not
	// set; both empty: an open interface.
	NetworkName, Passphrase string
	// IFACSize is the length of the access code in bytes, 1 to 64; 0: as usual on such a carrier.
	IFACSize int
	// Mode overrides the carrier's mode unless zero.
	Mode interfaces.Mode
	// Gravity attracts: of two copies of one announce with equally good paths, the one heard on the interface of
	// higher gravity is taken (spec 1 §6.17).
	Gravity int
	// Local is set on the local socket of a shared instance.
	Local LocalRole
	// FirstHop asks the master at the other end of an interface of role [LocalMaster], so that waits are long enough for
	// its radio. nil: nobody can be asked.
	FirstHop FirstHop
	// Tunnel introduces us on every connection, so that the other side keeps its paths through us when the connection
	// is lost and made again: set it on TCP (HDLC) and Backbone clients, as the reference does (spec 1 §6.19). It needs a
	// carrier that is an [interfaces.UpNotifier]. A new connection then ends our links over it at once, with
	// [CloseInterface], since the other side drops what comes of them another way than before; without it they fall silent
	// and time out.
	Tunnel bool

	// AnnounceCap is the share (over 0, up to 1) of the bitrate for relayed announces. 0: [DefaultAnnounceCap].
	AnnounceCap float64
	// AnnounceRate limits how often one destination's announces heard here are passed on. Zero: as in [Config].
	AnnounceRate AnnounceRate
	// NoIngressControl lets unknown announces pass however many come: for radios and serial lines, which limit
	// themselves, and where it is configured (ingress_control = no).
	NoIngressControl bool
	// EgressControl leaves the interface out of recursive path requests while many go out on it already.
	EgressControl bool
	// Ingress holds the thresholds of both. Zero fields: as in [Config].
	Ingress IngressLimits
	// RecursivePathRequests looks for unknown destinations that are asked for here, whatever the mode (recursive_prs).
	RecursivePathRequests bool
	// BlockFromInternal keeps announces heard on interfaces of mode internal off this one (announces_from_internal = no).
	BlockFromInternal bool
	// AnnouncesToInternal lets announces heard here go to interfaces of mode internal, also from mode boundary
	// (announces_to_internal = yes).
	AnnouncesToInternal bool
}

// check refuses what makes no sense.
func (o *InterfaceOptions) check() error {
	switch {
	case o.AnnounceCap < 0 || o.AnnounceCap > 1:
		return errors.New("announce cap is not between 0 and 1")
	case o.Local > LocalMaster:
		return errors.New("unknown local role")
	}
	return nil
}

// AnnounceRate limits how often the announces of one destination are passed on (spec 1 §6.11). It never keeps them from
// being used.
type AnnounceRate struct {
	// Target is the least time between two announces. 0: not set; negative: no limit.
	Target time.Duration
	// Grace is how many announces may come too early before those that follow are not passed on.
	Grace int
	// Penalty is added to the time that the destination then has to wait.
	Penalty time.Duration
}

// DefaultAnnounceRate is what transport nodes use where nothing is configured.
func DefaultAnnounceRate() AnnounceRate { return AnnounceRate{Target: time.Hour, Grace: 5} }

// limits reports whether there is a limit.
func (r AnnounceRate) limits() bool { return r.Target > 0 }

// or is r, or other where r is not set.
func (r AnnounceRate) or(other AnnounceRate) AnnounceRate {
	if r.Target == 0 {
		return other
	}
	return r
}

// IngressLimits are the thresholds of ingress and egress control (spec 1 §6.12). Frequencies are per second. Zero is the
// default, which is named at each; negative is 0.
type IngressLimits struct {
	// NewTime is how long an interface counts as new (2 h).
	NewTime time.Duration
	// BurstNew and Burst are the frequencies of announces above which unknown ones are held, on new interfaces and on
	// others (3, 10).
	BurstNew, Burst float64
	// RequestBurstNew and RequestBurst are those of path requests above which no discovery is done (3, 8).
	RequestBurstNew, RequestBurst float64
	// BurstHold is how long a burst lasts at least (15 s), BurstPenalty how long after its begin nothing held is
	// released (15 s), HeldRelease the time between two releases (5 s).
	BurstHold, BurstPenalty, HeldRelease time.Duration
	// MaxHeld is how many announces are held per interface (256).
	MaxHeld int
	// RequestEgress is the frequency of outgoing path requests above which egress control leaves an interface out (5).
	RequestEgress float64
}

// defaultIngressLimits are the effective ones of the reference.
func defaultIngressLimits() IngressLimits {
	return IngressLimits{
		NewTime: 2 * time.Hour, BurstNew: 3, Burst: 10, RequestBurstNew: 3, RequestBurst: 8,
		BurstHold: 15 * time.Second, BurstPenalty: 15 * time.Second, HeldRelease: 5 * time.Second,
		MaxHeld: 256, RequestEgress: 5,
	}
}

// or is l, with other where l is not set. Negative fields become 0 only by [IngressLimits.settled].
func (l IngressLimits) or(other IngressLimits) IngressLimits {
	l.NewTime = firstSet(l.NewTime, other.NewTime)
	l.BurstNew = firstSet(l.BurstNew, other.BurstNew)
	l.Burst = firstSet(l.Burst, other.Burst)
	l.RequestBurstNew = firstSet(l.RequestBurstNew, other.RequestBurstNew)
	l.RequestBurst = firstSet(l.RequestBurst, other.RequestBurst)
	l.BurstHold = firstSet(l.BurstHold, other.BurstHold)
	l.BurstPenalty = firstSet(l.BurstPenalty, other.BurstPenalty)
	l.HeldRelease = firstSet(l.HeldRelease, other.HeldRelease)
	l.MaxHeld = firstSet(l.MaxHeld, other.MaxHeld)
	l.RequestEgress = firstSet(l.RequestEgress, other.RequestEgress)
	return l
}

// settled makes 0 of what is negative.
func (l IngressLimits) settled() IngressLimits {
	l.NewTime = max(0, l.NewTime)
	l.BurstNew, l.Burst = max(0, l.BurstNew), max(0, l.Burst)
	l.RequestBurstNew, l.RequestBurst = max(0, l.RequestBurstNew), max(0, l.RequestBurst)
	l.BurstHold, l.BurstPenalty = max(0, l.BurstHold), max(0, l.BurstPenalty)
	l.HeldRelease = max(0, l.HeldRelease)
	l.MaxHeld = max(0, l.MaxHeld)
	l.RequestEgress = max(0, l.RequestEgress)
	return l
}

func firstSet[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}

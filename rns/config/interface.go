package config

import "time"

// The interface types of Reticulum. The last four are known, and not supported by this version.
const (
	TypeTCPClient      = "TCPClientInterface"
	TypeTCPServer      = "TCPServerInterface"
	TypeBackbone       = "BackboneInterface"
	TypeBackboneClient = "BackboneClientInterface"
	TypeUDP            = "UDPInterface"
	TypeAuto           = "AutoInterface"
	TypePipe           = "PipeInterface"
	TypeSerial         = "SerialInterface"
	TypeKISS           = "KISSInterface"
	TypeRNode          = "RNodeInterface"

	TypeAX25KISS   = "AX25KISSInterface"
	TypeRNodeMulti = "RNodeMultiInterface"
	TypeI2P        = "I2PInterface"
	TypeWeave      = "WeaveInterface"
)

// Interface is one [[section]] of [interfaces] (spec 3 §5.5). Defaults are in parentheses.
type Interface struct {
	// Name is the title of the section.
	Name string
	// Line of the title.
	Line int
	// Type is the class name, such as TypeTCPClient.
	Type string
	// Enabled by "enabled" or "interface_enabled" (no).
	Enabled bool

	// Mode: full, access_point, pointtopoint, roaming, boundary, gateway or internal (full).
	Mode string
	// Outgoing: we may transmit (yes).
	Outgoing bool
	// Gravity: path affinity (that of [reticulum]).
	Gravity int
	// Bitrate in bit/s; 0: that of the type.
	Bitrate int64

	// NetworkName and Passphrase make the access code; it is used where at least one is not empty.
	NetworkName, Passphrase string
	// IFACSize in bytes; 0: that of the type. The file has it in bits.
	IFACSize int

	// AnnounceCap is the part of the bitrate that passed-on announces may use, above 0 and up to 1 (0.02).
	AnnounceCap float64
	// AnnounceRate limits how often a destination is announced on; nil: it is not limited. Without transport there is
	// a limit only where the interface has one.
	AnnounceRate *AnnounceRate

	IngressControl bool // (yes)
	EgressControl  bool // (that of [reticulum])
	Limits         Limits

	RecursivePRs          bool  // (no)
	AnnouncesFromInternal bool  // (yes)
	AnnouncesToInternal   *bool // nil: unset

	BootstrapOnly        bool // (no)
	IgnoreConfigWarnings bool // (no)
	// Discoverable (no) interfaces tell the network how to reach them. One whose mode is none of gateway, access_point
	// and internal gets one of the first two as its Mode here, unless IgnoreConfigWarnings is set.
	Discoverable bool
	// Discovery is what they tell; nil where Discoverable is not set.
	Discovery *Discovery

	// What belongs to the type: at most one of these is not nil. None is for types that are not supported, and for sections
	// that lack what they need.
	TCPClient        *TCPClient
	TCPServer        *TCPServer
	BackboneListener *BackboneListener
	BackboneClient   *BackboneClient
	UDP              *UDP
	Auto             *Auto
	Pipe             *Pipe
	Serial           *Serial
	KISS             *KISS
	RNode            *RNode

	// Section is all of it as text, for types that are not typed here.
	Section *Section
}

// TCPClient are the options of a TCPClientInterface (spec 3 §2.1).
type TCPClient struct {
	TargetHost  string
	TargetPort  int
	KISSFraming bool // (no)
	I2PTunneled bool // (no)
	// ConnectTimeout; 0: not set. The reference reads it and does not use it.
	ConnectTimeout time.Duration
	// MaxReconnectTries; 0: no limit.
	MaxReconnectTries int
	// FixedMTU in bytes, at least 500; 0: the MTU follows from the bitrate.
	FixedMTU int
}

// TCPServer are the options of a TCPServerInterface (spec 3 §2.2).
type TCPServer struct {
	// ListenIP is the address or name to bind; empty where Device is set.
	ListenIP string
	// ListenPort is "port", or else "listen_port".
	ListenPort  int
	Device      string
	PreferIPv6  bool // (no)
	I2PTunneled bool // (no)
}

func (c *Config) readInterface(s *Section, errs *[]Problem) Interface {
	o := c.options(s, errs)
	i := Interface{
		Name: s.Name, Line: s.Line, Section: s,
		Mode: "full", Outgoing: true, Gravity: c.Reticulum.DefaultGravity, AnnounceCap: 0.02,
		IngressControl: true, EgressControl: c.Reticulum.EgressControl, Limits: c.Reticulum.Limits,
		AnnouncesFromInternal: true,
	}
	var also bool
	o.truth(&i.Enabled, "enabled")
	o.truth(&also, "interface_enabled")
	i.Enabled = i.Enabled || also
	o.mild = !i.Enabled
	o.text(&i.Type, "type")

	o.mode(&i.Mode, "interface_mode", "mode")
	o.truth(&i.Outgoing, "outgoing")
	o.number(&i.Gravity, -maxInt32, maxInt32, "gravity")
	o.numberFrom(&i.Bitrate, 5, "bitrate")
	o.text(&i.NetworkName, "network_name", "networkname")
	o.text(&i.Passphrase, "pass_phrase", "passphrase")
	o.ifacSize(&i.IFACSize)
	o.announces(&i, c.Reticulum)
	o.truth(&i.IngressControl, "ingress_control")
	o.truth(&i.EgressControl, "egress_control")
	o.limits(&i.Limits)
	o.truth(&i.RecursivePRs, "recursive_prs")
	o.truth(&i.AnnouncesFromInternal, "announces_from_internal")
	o.truthOrUnset(&i.AnnouncesToInternal, "announces_to_internal")
	o.truth(&i.BootstrapOnly, "bootstrap_only")
	o.later(i.BootstrapOnly, "bootstrap_only")
	o.truth(&i.IgnoreConfigWarnings, "ignore_config_warnings")
	o.discovery(&i)

	o.readType(&i)
	return i
}

// ifacSize is in bits in the file. Less than 8 is ignored, as in the reference; a signature has 512.
func (o *options) ifacSize(into *int) {
	bits := int64(0)
	if !o.numberFrom(&bits, 8, "ifac_size") {
		return
	}
	if bits/8 > 64 {
		o.fail(o.section.Entry("ifac_size"), "is more than 512 bits, the length of a signature")
		return
	}
	*into = int(bits / 8)
}

// announces reads the cap, and the limit with its defaults (spec 3 §5.5): those of the instance where transport is on
// and the interface has no target; a target alone has no grace and no penalty.
func (o *options) announces(i *Interface, r Reticulum) {
	var percent float64
	if o.fraction(&percent, 0, 100, "announce_cap") {
		if percent > 0 {
			i.AnnounceCap = percent / 100
		} else {
			o.warn(o.section.Entry("announce_cap"), "is ignored: it is out of bounds")
		}
	}
	var rate AnnounceRate
	o.duration(&rate.Target, time.Second, "announce_rate_target")
	graceSet := o.number(&rate.Grace, 0, maxInt32, "announce_rate_grace")
	penaltySet := o.duration(&rate.Penalty, time.Second, "announce_rate_penalty")
	switch {
	case rate.Target > 0:
	case r.EnableTransport:
		rate.Target = r.Announces.Target
		if !graceSet {
			rate.Grace = r.Announces.Grace
		}
		if !penaltySet {
			rate.Penalty = r.Announces.Penalty
		}
	default:
		return
	}
	i.AnnounceRate = &rate
}

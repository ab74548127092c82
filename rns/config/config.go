package config

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"
)

// Config is the content of a file, with defaults for what is not in it.
type Config struct {
	Logging   Logging
	Reticulum Reticulum
	// Interfaces in the order of the file, also those which are not enabled.
	Interfaces []Interface
	// Warnings are for people: what is ignored, and what is not known. In the order of lines.
	Warnings []Problem
	// File is all of it as text, for options that are not typed here.
	File *Section
}

// Logging is the section [logging] (spec 3 §5.3).
type Logging struct {
	// Level: 0 critical, 1 error, 2 warning, 3 notice, 4 info (default), 5 verbose, 6 debug, 7 path, 8 extreme.
	Level int
	// Timestamps in front of lines; default yes.
	Timestamps bool
}

// Reticulum is the section [reticulum] (spec 3 §5.4). Defaults are in parentheses.
type Reticulum struct {
	EnableTransport bool // route for others (no)

	ShareInstance              bool   // be or use a shared instance (yes)
	InstanceName               string // ("default")
	SharedInstanceType         string // "tcp" or "unix"; "" is the platform's
	SharedInstancePort         int    // (37428)
	InstanceControlPort        int    // (37429)
	RPCKey                     []byte // nil: made from the transport identity
	ForceSharedInstanceBitrate int64  // bit/s; 0: not forced

	StaticTransportIdentity bool   // (no)
	LocalHopsDelta          bool   // (no)
	NetworkIdentity         string // path of an identity file; "" none
	LinkMTUDiscovery        bool   // (yes)
	UseImplicitProof        bool   // (yes)

	EnableRemoteManagement  bool // (no)
	RemoteManagementAllowed [][16]byte
	RespondToProbes         bool // (no)
	PanicOnInterfaceError   bool // (no)
	DefaultGravity          int  // (0)

	DiscoverInterfaces              bool // (no)
	RequiredDiscoveryValue          int  // (16)
	InterfaceDiscoverySources       [][16]byte
	AutoconnectDiscoveredInterfaces int    // (0)
	AutoconnectInterfaceMode        string // (gateway with transport, else full)
	AutoconnectInterfaceGravity     int    // (0)
	AutoconnectAnnouncesToInternal  *bool  // nil: unset

	PublishBlackhole        bool // (no)
	BlackholeSources        [][16]byte
	BlackholeUpdateInterval time.Duration // (60 min, at least 2)

	// Announces limits how often a destination is announced on, where an interface does not say otherwise.
	Announces AnnounceRate // (1 h, 5, 0)
	// Limits of what comes in, where an interface does not say otherwise.
	Limits        Limits
	EgressControl bool // (no)
}

// AnnounceRate limits how often announces of one destination are passed on (spec 1 §6.10).
type AnnounceRate struct {
	Target  time.Duration // between two announces
	Grace   int           // violations that are forgiven
	Penalty time.Duration // added while it is violated
}

// Limits are the thresholds of ingress and egress control (spec 3 §1.8). Frequencies are per second.
type Limits struct {
	MaxHeldAnnounces            int           // (256)
	NewTime                     time.Duration // (2 h)
	BurstFreqNew, BurstFreq     float64       // (3, 10)
	PRBurstFreqNew, PRBurstFreq float64       // (3, 8)
	BurstHold, BurstPenalty     time.Duration // (15 s, 15 s)
	HeldReleaseInterval         time.Duration // (5 s)
	EgressPRFreq                float64       // (5)
}

// DefaultLimits are those that the reference runs with (spec 3 §1.8).
func DefaultLimits() Limits {
	return Limits{
		MaxHeldAnnounces: 256, NewTime: 2 * time.Hour,
		BurstFreqNew: 3, BurstFreq: 10, PRBurstFreqNew: 3, PRBurstFreq: 8,
		BurstHold: 15 * time.Second, BurstPenalty: 15 * time.Second, HeldReleaseInterval: 5 * time.Second,
		EgressPRFreq: 5,
	}
}

// Read reads a file. It returns an *Error when the file cannot be used: lines without meaning, values that do not
// convert, and interfaces that are enabled and lack what they need. Of interfaces that are not enabled, such things are
// warnings.
func Read(text []byte) (*Config, error) {
	root, err := Parse(text)
	if err != nil {
		return nil, err
	}
	c := &Config{File: root}
	var problems []Problem

	section := func(name string) *Section {
		if s := root.Section(name); s != nil {
			return s
		}
		return newSection(root, name, 1, 0)
	}
	c.readLogging(section("logging"), &problems)
	c.readReticulum(section("reticulum"), &problems)
	for _, s := range section("interfaces").Sections {
		c.Interfaces = append(c.Interfaces, c.readInterface(s, &problems))
	}
	for _, e := range section("interfaces").Entries {
		c.options(e.section, &problems).warn(e, "stands outside of an interface, which begins with [[its name]]")
	}
	for _, e := range root.Entries {
		c.options(root, &problems).warn(e, "stands outside of a section")
	}
	for _, s := range root.Sections {
		switch s.Name {
		case "logging", "reticulum", "interfaces":
		default:
			hint := didYouMean(s.Name, []string{"reticulum", "logging", "interfaces"}, "there are [reticulum], [logging] and [interfaces]")
			c.Warnings = append(c.Warnings, Problem{Line: s.Line, Where: s.Path(), Text: "this section is not known", Hint: hint})
		}
	}

	byLine := func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) }
	slices.SortStableFunc(c.Warnings, byLine)
	slices.SortStableFunc(problems, byLine)
	if len(problems) > 0 {
		return nil, &Error{Problems: problems}
	}
	return c, nil
}

func (c *Config) readLogging(s *Section, errs *[]Problem) {
	o := c.options(s, errs)
	c.Logging = Logging{Level: 4, Timestamps: true}
	level := int64(c.Logging.Level)
	if e, text, ok := o.single("loglevel"); ok {
		if level, ok = parseInt(text); !ok {
			o.fail(e, "is not a whole number")
		}
	}
	c.Logging.Level = int(min(max(level, 0), 8))
	o.truth(&c.Logging.Timestamps, "logtimestamps")
	o.unknown()
}

const maxInt32 = 1<<31 - 1

func (c *Config) readReticulum(s *Section, errs *[]Problem) {
	o := c.options(s, errs)
	r := &c.Reticulum
	*r = Reticulum{
		ShareInstance: true, InstanceName: "default", SharedInstancePort: 37428, InstanceControlPort: 37429,
		LinkMTUDiscovery: true, UseImplicitProof: true, RequiredDiscoveryValue: 16,
		BlackholeUpdateInterval: time.Hour,
		Announces:               AnnounceRate{Target: time.Hour, Grace: 5},
	}
	o.truth(&r.EnableTransport, "enable_transport")

	o.truth(&r.ShareInstance, "share_instance")
	o.text(&r.InstanceName, "instance_name")
	o.word(&r.SharedInstanceType, []string{"tcp", "unix"}, "shared_instance_type")
	o.number(&r.SharedInstancePort, 1, 65535, "shared_instance_port")
	o.number(&r.InstanceControlPort, 1, 65535, "instance_control_port")
	if e, text, ok := o.single("rpc_key"); ok {
		key, err := hex.DecodeString(text)
		if err != nil || len(key) == 0 {
			o.fail(e, "is not hexadecimal")
		}
		r.RPCKey = key
	}
	o.numberFrom(&r.ForceSharedInstanceBitrate, 5, "force_shared_instance_bitrate")

	o.truth(&r.StaticTransportIdentity, "static_transport_identity")
	o.truth(&r.LocalHopsDelta, "local_hops_delta")
	o.text(&r.NetworkIdentity, "network_identity")
	o.truth(&r.LinkMTUDiscovery, "link_mtu_discovery")
	o.truth(&r.UseImplicitProof, "use_implicit_proof")

	o.truth(&r.EnableRemoteManagement, "enable_remote_management")
	o.hashes(&r.RemoteManagementAllowed, "remote_management_allowed")
	o.truth(&r.RespondToProbes, "respond_to_probes")
	o.truth(&r.PanicOnInterfaceError, "panic_on_interface_error")
	o.number(&r.DefaultGravity, -maxInt32, maxInt32, "default_gravity")

	o.truth(&r.DiscoverInterfaces, "discover_interfaces")
	if o.number(&r.RequiredDiscoveryValue, -maxInt32, maxInt32, "required_discovery_value"); r.RequiredDiscoveryValue <= 0 {
		r.RequiredDiscoveryValue = 16
	}
	o.hashes(&r.InterfaceDiscoverySources, "interface_discovery_sources")
	o.number(&r.AutoconnectDiscoveredInterfaces, 0, maxInt32, "autoconnect_discovered_interfaces")
	r.AutoconnectInterfaceMode = "full"
	if r.EnableTransport {
		r.AutoconnectInterfaceMode = "gateway"
	}
	o.mode(&r.AutoconnectInterfaceMode, "autoconnect_interface_mode")
	o.number(&r.AutoconnectInterfaceGravity, -maxInt32, maxInt32, "autoconnect_interface_gravity")
	o.truthOrUnset(&r.AutoconnectAnnouncesToInternal, "autoconnect_announces_to_internal")

	o.later(r.DiscoverInterfaces, "discover_interfaces")
	o.later(r.AutoconnectDiscoveredInterfaces > 0, "autoconnect_discovered_interfaces")
	o.later(r.EnableRemoteManagement, "enable_remote_management")

	o.truth(&r.PublishBlackhole, "publish_blackhole")
	o.hashes(&r.BlackholeSources, "blackhole_sources")
	if o.duration(&r.BlackholeUpdateInterval, time.Minute, "blackhole_update_interval"); r.BlackholeUpdateInterval < 2*time.Minute {
		r.BlackholeUpdateInterval = 2 * time.Minute
	}

	// 0 means the built-in value here (spec 3 §5.4).
	builtIn := r.Announces
	o.duration(&r.Announces.Target, time.Second, "default_ar_target")
	o.duration(&r.Announces.Penalty, time.Second, "default_ar_penalty")
	o.number(&r.Announces.Grace, 0, maxInt32, "default_ar_grace")
	replaceZero(&r.Announces.Target, builtIn.Target)
	replaceZero(&r.Announces.Grace, builtIn.Grace)
	r.Limits = DefaultLimits()
	o.limits(&r.Limits)
	d := DefaultLimits()
	replaceZero(&r.Limits.MaxHeldAnnounces, d.MaxHeldAnnounces)
	replaceZero(&r.Limits.NewTime, d.NewTime)
	replaceZero(&r.Limits.BurstFreqNew, d.BurstFreqNew)
	replaceZero(&r.Limits.BurstFreq, d.BurstFreq)
	replaceZero(&r.Limits.PRBurstFreqNew, d.PRBurstFreqNew)
	replaceZero(&r.Limits.PRBurstFreq, d.PRBurstFreq)
	replaceZero(&r.Limits.BurstHold, d.BurstHold)
	replaceZero(&r.Limits.BurstPenalty, d.BurstPenalty)
	replaceZero(&r.Limits.HeldReleaseInterval, d.HeldReleaseInterval)
	replaceZero(&r.Limits.EgressPRFreq, d.EgressPRFreq)
	o.truth(&r.EgressControl, "egress_control")
	o.unknown()
}

// later warns of an option that is set and does nothing yet.
func (o *options) later(set bool, key string) {
	if set {
		o.warn(o.section.Entry(key), "is not supported by this version, and does nothing")
	}
}

// limits reads the options ic_… and ec_pr_freq, which stand in [reticulum] and on interfaces.
func (o *options) limits(l *Limits) {
	const most = 1e9
	o.number(&l.MaxHeldAnnounces, 0, maxInt32, "ic_max_held_announces")
	o.duration(&l.NewTime, time.Second, "ic_new_time")
	o.fraction(&l.BurstFreqNew, 0, most, "ic_burst_freq_new")
	o.fraction(&l.BurstFreq, 0, most, "ic_burst_freq")
	o.fraction(&l.PRBurstFreqNew, 0, most, "ic_pr_burst_freq_new")
	o.fraction(&l.PRBurstFreq, 0, most, "ic_pr_burst_freq")
	o.duration(&l.BurstHold, time.Second, "ic_burst_hold")
	o.duration(&l.BurstPenalty, time.Second, "ic_burst_penalty")
	o.duration(&l.HeldReleaseInterval, time.Second, "ic_held_release_interval")
	o.fraction(&l.EgressPRFreq, 0, most, "ec_pr_freq")
}

func replaceZero[T comparable](v *T, by T) {
	var zero T
	if *v == zero {
		*v = by
	}
}

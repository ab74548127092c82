package config

import (
	"strings"
	"time"
)

// UDP are the options of a UDPInterface (spec 3 §2.5).
type UDP struct {
	// ListenIP is an IPv4 address or name; empty where Device is set and it is not.
	ListenIP   string
	ListenPort int
	// ForwardIP is where datagrams go, often a broadcast address; empty where Device is set and it is not.
	ForwardIP   string
	ForwardPort int
	// Device gives its broadcast address to what is empty of ListenIP and ForwardIP.
	Device string
}

// Auto are the options of an AutoInterface (spec 3 §2.6).
type Auto struct {
	GroupID              string   // ("reticulum")
	DiscoveryScope       string   // link, admin, site, organisation or global (link)
	MulticastAddressType string   // temporary or permanent (temporary)
	DiscoveryPort        int      // (29716)
	DataPort             int      // (42671)
	Devices              []string // nil: all
	IgnoredDevices       []string
}

// Pipe are the options of a PipeInterface (spec 3 §2.10).
type Pipe struct {
	// Command is a program and its arguments, split as a shell would, and run without one.
	Command      string
	RespawnDelay time.Duration // (5 s)
}

// BackboneListener are the options of a BackboneInterface that listens (spec 3 §2.4).
type BackboneListener struct {
	// ListenIP is the address or name to bind; empty where Device is set.
	ListenIP   string
	ListenPort int
	Device     string
	PreferIPv6 bool // (no)

	BlockFastFlapping     bool          // (yes)
	FastFlappingThreshold time.Duration // (20 s)
	FastFlappingGrace     int           // (5)
	FastFlappingBlockTime time.Duration // (12 h)
}

// BackboneClient are the options of a BackboneInterface that connects, and of a BackboneClientInterface (spec 3 §2.4).
type BackboneClient struct {
	TargetHost string
	TargetPort int
	PreferIPv6 bool // (no)
	// ConnectTimeout; 0: not set.
	ConnectTimeout time.Duration
	// MaxReconnectTries; 0: no limit.
	MaxReconnectTries int
}

// Serial are the options of a SerialInterface (spec 3 §2.7).
type Serial struct {
	// Port is a device, such as /dev/ttyUSB0.
	Port     string
	Speed    int    // baud (9600)
	DataBits int    // 5 to 8 (8)
	Parity   string // "N", "E" or "O" ("N")
	StopBits int    // 1 or 2 (1)
}

// KISS are the options of a KISSInterface (spec 3 §2.8).
type KISS struct {
	Serial
	Preamble    time.Duration // (350 ms)
	TXTail      time.Duration // (20 ms)
	Persistence int           // 0 to 255 (64)
	SlotTime    time.Duration // (20 ms)
	FlowControl bool          // (no)
	// IDCallsign is sent IDInterval after the first transmission; empty and 0: never. Both are set, or none.
	IDCallsign string
	IDInterval time.Duration
}

// RNode are the options of an RNodeInterface (spec 3 §3.5).
type RNode struct {
	// Port is a device, tcp://host, or ble:// with nothing, an address or a name.
	Port            string
	Frequency       int64 // Hz
	Bandwidth       int64 // Hz
	TXPower         int   // dBm
	SpreadingFactor int
	CodingRate      int
	FlowControl     bool // (no)
	// IDCallsign is sent IDInterval after the first transmission; empty and 0: never. Both are set, or none.
	IDCallsign string
	IDInterval time.Duration
	// AirtimeLimitShort and AirtimeLimitLong are percent of the last 15 s and of the last hour; nil: no limit.
	AirtimeLimitShort, AirtimeLimitLong *float64
}

// readType reads what belongs to the type of the interface.
func (o *options) readType(i *Interface) {
	switch i.Type {
	case TypeTCPClient:
		i.TCPClient = o.tcpClient()
	case TypeTCPServer:
		i.TCPServer = o.tcpServer()
	case TypeBackbone:
		if o.section.Entry("target_host") == nil && o.section.Entry("remote") == nil {
			i.BackboneListener = o.backboneListener()
			break
		}
		i.BackboneClient = o.backboneClient()
	case TypeBackboneClient:
		i.BackboneClient = o.backboneClient()
	case TypeUDP:
		i.UDP = o.udp()
	case TypeAuto:
		i.Auto = o.auto()
	case TypePipe:
		i.Pipe = o.pipe()
	case TypeSerial:
		i.Serial = o.serial()
	case TypeKISS:
		i.KISS = o.kiss()
	case TypeRNode:
		i.RNode = o.rnode()
	case TypeAX25KISS, TypeRNodeMulti, TypeI2P, TypeWeave:
		p := o.problem(o.section.Entry("type"), i.Type+" is not supported by this version: the interface is left out")
		p.Hint = "enabled = no, or run it in rnsd and let groupd use that (share_instance = yes)"
		*o.warnings = append(*o.warnings, p)
		return
	case "":
		if o.section.Entry("type") == nil {
			o.missing("has no type")
		}
		return
	default:
		p := o.problem(o.section.Entry("type"), "there is no such interface type in Reticulum")
		p.Hint = didYouMean(i.Type, types(), "upper and lower case matter, as in TCPClientInterface")
		*o.warnings = append(*o.warnings, p)
		return
	}
	o.unknown()
}

// required is a text that must be set and not be empty.
func (o *options) required(into *string, keys ...string) {
	o.text(into, keys...)
	if *into == "" {
		o.missing("has no " + keys[0])
	}
}

// requiredPort must be set.
func (o *options) requiredPort(into *int, keys ...string) {
	o.number(into, 1, 65535, keys...)
	for _, key := range keys {
		if o.section.Entry(key) != nil {
			return
		}
	}
	o.missing("has no " + keys[len(keys)-1])
}

func (o *options) tcpClient() *TCPClient {
	var c TCPClient
	o.truth(&c.KISSFraming, "kiss_framing")
	o.truth(&c.I2PTunneled, "i2p_tunneled")
	o.number(&c.FixedMTU, 500, 1<<20, "fixed_mtu")
	o.reconnect(&c.ConnectTimeout, &c.MaxReconnectTries)
	o.required(&c.TargetHost, "target_host")
	o.requiredPort(&c.TargetPort, "target_port")
	if c.TargetHost == "" || c.TargetPort == 0 {
		return nil
	}
	return &c
}

func (o *options) reconnect(timeout *time.Duration, tries *int) {
	o.duration(timeout, time.Second, "connect_timeout")
	o.number(tries, 0, maxInt32, "max_reconnect_tries")
}

func (o *options) tcpServer() *TCPServer {
	var s TCPServer
	o.text(&s.ListenIP, "listen_ip")
	o.truth(&s.I2PTunneled, "i2p_tunneled")
	o.listener(&s.ListenIP, &s.ListenPort, &s.Device, &s.PreferIPv6)
	if s.Device == "" && s.ListenIP == "" || s.ListenPort == 0 {
		return nil
	}
	return &s
}

// listener reads where to listen, but for the address.
func (o *options) listener(ip *string, port *int, device *string, preferIPv6 *bool) {
	o.text(device, "device")
	o.truth(preferIPv6, "prefer_ipv6")
	if *device != "" {
		*ip = ""
	}
	if *device == "" && *ip == "" {
		o.missing("has neither listen_ip nor device")
	}
	o.requiredPort(port, "port", "listen_port")
}

func (o *options) backboneListener() *BackboneListener {
	b := BackboneListener{BlockFastFlapping: true, FastFlappingThreshold: 20 * time.Second, FastFlappingGrace: 5, FastFlappingBlockTime: 12 * time.Hour}
	o.text(&b.ListenIP, "listen_on", "listen_ip")
	o.listener(&b.ListenIP, &b.ListenPort, &b.Device, &b.PreferIPv6)
	o.truth(&b.BlockFastFlapping, "block_fast_flapping")
	o.duration(&b.FastFlappingThreshold, time.Second, "fast_flapping_threshold")
	o.number(&b.FastFlappingGrace, 0, maxInt32, "fast_flapping_grace")
	o.duration(&b.FastFlappingBlockTime, time.Minute, "fast_flapping_block_time")
	if b.Device == "" && b.ListenIP == "" || b.ListenPort == 0 {
		return nil
	}
	return &b
}

func (o *options) backboneClient() *BackboneClient {
	var c BackboneClient
	o.required(&c.TargetHost, "target_host", "remote")
	o.requiredPort(&c.TargetPort, "port", "target_port")
	o.truth(&c.PreferIPv6, "prefer_ipv6")
	o.reconnect(&c.ConnectTimeout, &c.MaxReconnectTries)
	var tunneled bool
	if o.truth(&tunneled, "i2p_tunneled"); tunneled {
		o.warn(o.section.Entry("i2p_tunneled"), "is ignored: Backbone has no such keepalives")
	}
	if c.TargetHost == "" || c.TargetPort == 0 {
		return nil
	}
	return &c
}

func (o *options) udp() *UDP {
	var u UDP
	o.number(&u.ListenPort, 1, 65535, "port")
	u.ForwardPort = u.ListenPort
	o.number(&u.ListenPort, 1, 65535, "listen_port")
	o.number(&u.ForwardPort, 1, 65535, "forward_port")
	o.text(&u.ListenIP, "listen_ip")
	o.text(&u.ForwardIP, "forward_ip")
	o.text(&u.Device, "device")
	ok := true
	for _, c := range []struct {
		missing bool
		text    string
	}{
		{u.ListenPort == 0, "has no listen_port"},
		{u.ForwardPort == 0, "has no forward_port"},
		{u.ListenIP == "" && u.Device == "", "has neither listen_ip nor device"},
		{u.ForwardIP == "" && u.Device == "", "has neither forward_ip nor device"},
	} {
		if c.missing {
			o.missing(c.text)
			ok = false
		}
	}
	if !ok {
		return nil
	}
	return &u
}

func (o *options) auto() *Auto {
	a := Auto{GroupID: "reticulum", DiscoveryScope: "link", MulticastAddressType: "temporary", DiscoveryPort: 29716, DataPort: 42671}
	o.text(&a.GroupID, "group_id")
	// Unlike in most places, an unknown word is an error here.
	ok := true
	if e, s, set := o.single("discovery_scope"); set {
		switch s = strings.ToLower(s); s {
		case "link", "admin", "site", "organisation", "global":
			a.DiscoveryScope = s
		default:
			o.fail(e, "is none of link, admin, site, organisation, global")
			ok = false
		}
	}
	o.word(&a.MulticastAddressType, []string{"temporary", "permanent"}, "multicast_address_type")
	o.number(&a.DiscoveryPort, 1, 65534, "discovery_port") // the next one is used too
	o.number(&a.DataPort, 1, 65535, "data_port")
	if a.DataPort == a.DiscoveryPort || a.DataPort == a.DiscoveryPort+1 {
		o.fail(&Entry{Line: o.section.Line}, "data_port is one of the two ports of discovery")
		ok = false
	}
	o.list(&a.Devices, "devices")
	o.list(&a.IgnoredDevices, "ignored_devices")
	if !ok {
		return nil
	}
	return &a
}

// list is a list of texts; one text is a list of one.
func (o *options) list(into *[]string, key string) {
	_, v, ok := o.value(key)
	if !ok {
		return
	}
	for _, s := range v.Items {
		if s != "" {
			*into = append(*into, s)
		}
	}
}

func (o *options) pipe() *Pipe {
	p := Pipe{RespawnDelay: 5 * time.Second}
	o.required(&p.Command, "command")
	o.duration(&p.RespawnDelay, time.Second, "respawn_delay")
	if p.Command == "" {
		return nil
	}
	return &p
}

func (o *options) serial() *Serial {
	var s Serial
	if o.serialLine(&s); s.Port == "" {
		return nil
	}
	return &s
}

func (o *options) serialLine(s *Serial) {
	*s = Serial{Speed: 9600, DataBits: 8, Parity: "N", StopBits: 1}
	o.required(&s.Port, "port")
	o.number(&s.Speed, 1, 20_000_000, "speed")
	o.number(&s.DataBits, 5, 8, "databits")
	o.number(&s.StopBits, 1, 2, "stopbits")
	if e, text, ok := o.single("parity"); ok {
		switch strings.ToLower(text) {
		case "e", "even":
			s.Parity = "E"
		case "o", "odd":
			s.Parity = "O"
		case "n", "none":
		default:
			o.warn(e, "is ignored: it is none of N, E, O")
		}
	}
}

func (o *options) kiss() *KISS {
	k := KISS{Preamble: 350 * time.Millisecond, TXTail: 20 * time.Millisecond, Persistence: 64, SlotTime: 20 * time.Millisecond}
	o.serialLine(&k.Serial)
	o.duration(&k.Preamble, time.Millisecond, "preamble")
	o.duration(&k.TXTail, time.Millisecond, "txtail")
	o.number(&k.Persistence, 0, 255, "persistence")
	o.duration(&k.SlotTime, time.Millisecond, "slottime")
	o.truth(&k.FlowControl, "flow_control")
	o.beacon(&k.IDCallsign, &k.IDInterval, 564)
	if k.Port == "" {
		return nil
	}
	return &k
}

// beacon reads what a station says of itself. Both options are needed.
func (o *options) beacon(callsign *string, interval *time.Duration, longest int) {
	o.text(callsign, "id_callsign")
	o.duration(interval, time.Second, "id_interval")
	switch e := o.section.Entry("id_callsign"); {
	case len(*callsign) > longest:
		o.fail(e, "is too long")
	case *callsign != "" && *interval == 0:
		o.warn(e, "is ignored: there is no id_interval")
	case *callsign == "" && *interval != 0:
		o.warn(o.section.Entry("id_interval"), "is ignored: there is no id_callsign")
	default:
		return
	}
	*callsign, *interval = "", 0
}

func (o *options) rnode() *RNode {
	var r RNode
	ok := true
	o.required(&r.Port, "port")
	ok = o.within(&r.Frequency, 137_000_000, 3_000_000_000, "frequency") && ok
	ok = o.within(&r.Bandwidth, 7_800, 1_625_000, "bandwidth") && ok
	if o.section.Entry("txpower") != nil {
		ok = o.number(&r.TXPower, 0, 37, "txpower") && ok
	}
	sf, cr := int64(0), int64(0)
	ok = o.within(&sf, 5, 12, "spreadingfactor") && ok
	ok = o.within(&cr, 5, 8, "codingrate") && ok
	r.SpreadingFactor, r.CodingRate = int(sf), int(cr)
	o.truth(&r.FlowControl, "flow_control")
	o.beacon(&r.IDCallsign, &r.IDInterval, 32)
	o.percent(&r.AirtimeLimitShort, "airtime_limit_short")
	o.percent(&r.AirtimeLimitLong, "airtime_limit_long")
	if !ok || r.Port == "" {
		return nil
	}
	return &r
}

// within is a whole number that must be set, and within the bounds.
func (o *options) within(into *int64, least, most int64, key string) bool {
	if o.section.Entry(key) == nil {
		o.missing("has no " + key)
		return false
	}
	return whole(o, into, least, most, key)
}

// percent leaves nil where the option is not set.
func (o *options) percent(into **float64, key string) {
	var f float64
	if o.fraction(&f, 0, 100, key) {
		*into = &f
	}
}

package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"groupd/rns/config"
)

// section reads one enabled interface.
func section(t *testing.T, options string) (config.Interface, []string) {
	t.Helper()
	c := read(t, "[interfaces]\n[[I]]\nenabled = yes\n"+options)
	var warnings []string
	for _, w := range c.Warnings {
		warnings = append(warnings, w.String())
	}
	return c.Interfaces[0], warnings
}

// refused reads one enabled interface that must be an error.
func refused(t *testing.T, options, want string) {
	t.Helper()
	_, err := config.Read([]byte("[interfaces]\n[[I]]\nenabled = yes\n" + options))
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%q: %v, want %s", options, err, want)
	}
	if c := read(t, "[interfaces]\n[[I]]\nenabled = no\n"+options); len(c.Warnings) == 0 {
		t.Errorf("%q: no warning where it is not enabled", options)
	}
}

func TestEveryTypeHasTheOptionsAndDefaultsOfTheReference(t *testing.T) {
	percent := func(f float64) *float64 { return &f }
	defaults := config.Auto{
		GroupID: "reticulum", DiscoveryScope: "link", MulticastAddressType: "temporary", DiscoveryPort: 29716, DataPort: 42671,
	}
	listener := config.BackboneListener{
		ListenIP: "::", ListenPort: 4242, BlockFastFlapping: true, FastFlappingThreshold: 20 * time.Second, FastFlappingGrace: 5, FastFlappingBlockTime: 720 * time.Minute,
	}
	for name, c := range map[string]struct {
		text string
		want config.Interface
	}{
		"udp": {"type = UDPInterface\nlisten_ip = 0.0.0.0\nlisten_port = 4242\nforward_ip = 255.255.255.255\nforward_port = 4243",
			config.Interface{UDP: &config.UDP{ListenIP: "0.0.0.0", ListenPort: 4242, ForwardIP: "255.255.255.255", ForwardPort: 4243}}},
		"udp, one port and a device": {"type = UDPInterface\ndevice = eth0\nport = 4242",
			config.Interface{UDP: &config.UDP{ListenPort: 4242, ForwardPort: 4242, Device: "eth0"}}},
		"auto": {"type = AutoInterface", config.Interface{Auto: &defaults}},
		"auto, all": {"type = AutoInterface\ngroup_id = village\ndiscovery_scope = Organisation\ndiscovery_port = 5000\ndata_port = 5002\nmulticast_address_type = permanent\ndevices = wlan0\nignored_devices = tun0, eth1",
			config.Interface{Auto: &config.Auto{GroupID: "village", DiscoveryScope: "organisation", MulticastAddressType: "permanent", DiscoveryPort: 5000, DataPort: 5002,
				Devices: []string{"wlan0"}, IgnoredDevices: []string{"tun0", "eth1"}}}},
		"pipe":           {"type = PipeInterface\ncommand = nc -l 'a b'\nrespawn_delay = 1.5", config.Interface{Pipe: &config.Pipe{Command: "nc -l 'a b'", RespawnDelay: 1500 * time.Millisecond}}},
		"pipe, defaults": {"type = PipeInterface\ncommand = nc", config.Interface{Pipe: &config.Pipe{Command: "nc", RespawnDelay: 5 * time.Second}}},
		// I-038: the aliases of Backbone.
		"backbone":          {"type = BackboneInterface\nlisten_ip = ::\nlisten_port = 4242", config.Interface{BackboneListener: &listener}},
		"backbone, aliases": {"type = BackboneInterface\nlisten_on = ::\nport = 4242", config.Interface{BackboneListener: &listener}},
		"backbone, flapping": {"type = BackboneInterface\ndevice = eth0\nprefer_ipv6 = yes\nport = 4242\nblock_fast_flapping = no\nfast_flapping_threshold = 1\nfast_flapping_grace = 2\nfast_flapping_block_time = 3",
			config.Interface{BackboneListener: &config.BackboneListener{Device: "eth0", PreferIPv6: true, ListenPort: 4242,
				FastFlappingThreshold: time.Second, FastFlappingGrace: 2, FastFlappingBlockTime: 3 * time.Minute}}},
		"backbone to a host": {"type = BackboneInterface\ntarget_host = h\ntarget_port = 1\nmax_reconnect_tries = 3",
			config.Interface{BackboneClient: &config.BackboneClient{TargetHost: "h", TargetPort: 1, MaxReconnectTries: 3}}},
		"backbone to a host, aliases": {"type = BackboneInterface\nremote = h\nport = 1\nprefer_ipv6 = 1",
			config.Interface{BackboneClient: &config.BackboneClient{TargetHost: "h", TargetPort: 1, PreferIPv6: true}}},
		"backbone client": {"type = BackboneClientInterface\nremote = h\ntarget_port = 1\nconnect_timeout = 9",
			config.Interface{BackboneClient: &config.BackboneClient{TargetHost: "h", TargetPort: 1, ConnectTimeout: 9 * time.Second}}},
		// I-054: serial lines are 9600 8N1.
		"serial":      {"type = SerialInterface\nport = /dev/ttyS0", config.Interface{Serial: &config.Serial{Port: "/dev/ttyS0", Speed: 9600, DataBits: 8, Parity: "N", StopBits: 1}}},
		"serial, all": {"type = SerialInterface\nport = COM1\nspeed = 115200\ndatabits = 7\nparity = Even\nstopbits = 2", config.Interface{Serial: &config.Serial{Port: "COM1", Speed: 115200, DataBits: 7, Parity: "E", StopBits: 2}}},
		"kiss": {"type = KISSInterface\nport = p", config.Interface{KISS: &config.KISS{
			Serial:   config.Serial{Port: "p", Speed: 9600, DataBits: 8, Parity: "N", StopBits: 1},
			Preamble: 350 * time.Millisecond, TXTail: 20 * time.Millisecond, Persistence: 64, SlotTime: 20 * time.Millisecond}}},
		"kiss, all": {"type = KISSInterface\nport = p\nparity = o\npreamble = 1\ntxtail = 2\npersistence = 200\nslottime = 4\nflow_control = yes\nid_callsign = MYCALL\nid_interval = 600",
			config.Interface{KISS: &config.KISS{Serial: config.Serial{Port: "p", Speed: 9600, DataBits: 8, Parity: "O", StopBits: 1},
				Preamble: time.Millisecond, TXTail: 2 * time.Millisecond, Persistence: 200, SlotTime: 4 * time.Millisecond, FlowControl: true, IDCallsign: "MYCALL", IDInterval: 10 * time.Minute}}},
		"rnode": {"type = RNodeInterface\nport = tcp://10.0.0.1\nfrequency = 867200000\nbandwidth = 125000\nspreadingfactor = 8\ncodingrate = 5",
			config.Interface{RNode: &config.RNode{Port: "tcp://10.0.0.1", Frequency: 867_200_000, Bandwidth: 125_000, SpreadingFactor: 8, CodingRate: 5}}},
		"rnode, all": {"type = RNodeInterface\nport = p\nfrequency = 867_200_000\nbandwidth = 125000\ntxpower = 37\nspreadingfactor = 12\ncodingrate = 8\nid_callsign = A\nid_interval = 1\nairtime_limit_short = 33\nairtime_limit_long = 1.5",
			config.Interface{RNode: &config.RNode{Port: "p", Frequency: 867_200_000, Bandwidth: 125_000, TXPower: 37, SpreadingFactor: 12, CodingRate: 8, IDCallsign: "A", IDInterval: time.Second,
				AirtimeLimitShort: percent(33), AirtimeLimitLong: percent(1.5)}}},
	} {
		t.Run(name, func(t *testing.T) {
			i, warnings := section(t, c.text)
			got := config.Interface{
				TCPClient: i.TCPClient, TCPServer: i.TCPServer, BackboneListener: i.BackboneListener, BackboneClient: i.BackboneClient,
				UDP: i.UDP, Auto: i.Auto, Pipe: i.Pipe, Serial: i.Serial, KISS: i.KISS, RNode: i.RNode,
			}
			if !reflect.DeepEqual(got, c.want) || len(warnings) != 0 {
				t.Errorf("%+v, warnings %v", got, warnings)
			}
		})
	}
}

func TestWhatACarrierCannotWorkWithIsAnError(t *testing.T) {
	const rnode = "type = RNodeInterface\nport = p\nfrequency = 867200000\nbandwidth = 125000\nspreadingfactor = 8\ncodingrate = 5\n"
	for _, c := range []struct{ text, want string }{
		{"type = UDPInterface", "has neither listen_ip nor device"},
		{"type = UDPInterface\nlisten_ip = 0.0.0.0\nport = 1", "has neither forward_ip nor device"},
		{"type = UDPInterface\ndevice = eth0\nlisten_port = 1", "has no forward_port"},
		{"type = UDPInterface\ndevice = eth0\nforward_port = 1", "has no listen_port"},
		{"type = AutoInterface\ndiscovery_scope = village", "line 5: [interfaces] [[I]] discovery_scope: is none of link"},
		{"type = AutoInterface\ndata_port = 29717", "data_port is one of the two ports of discovery"},
		{"type = AutoInterface\ndiscovery_port = 65535", "is not between 1 and 65534"},
		{"type = PipeInterface", "has no command"},
		{"type = BackboneInterface\nport = 1", "has neither listen_ip nor device"},
		{"type = BackboneInterface\nlisten_on = ::", "has no listen_port"},
		{"type = BackboneInterface\nremote = h", "has no target_port"},
		{"type = BackboneClientInterface\nport = 1", "has no target_host"},
		{"type = SerialInterface", "has no port"},
		{"type = SerialInterface\nport = p\ndatabits = 9", "is not between 5 and 8"},
		{"type = KISSInterface\nport = p\npersistence = 256", "is not between 0 and 255"},
		{strings.Replace(rnode, "frequency = 867200000", "frequency = 100000000", 1), "is not between 137000000 and 3000000000"},
		{strings.Replace(rnode, "bandwidth = 125000\n", "", 1), "has no bandwidth"},
		{strings.Replace(rnode, "spreadingfactor = 8", "spreadingfactor = 13", 1), "is not between 5 and 12"},
		{strings.Replace(rnode, "codingrate = 5", "codingrate = 4", 1), "is not between 5 and 8"},
		{rnode + "txpower = 38", "is not between 0 and 37"},
		{rnode + "id_interval = 1\nid_callsign = 123456789012345678901234567890123", "is too long"},
	} {
		refused(t, c.text, c.want)
	}
}

func TestWhatIsIgnoredIsSaidWithItsLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"type = AX25KISSInterface\ncallsign = N0CALL", "line 4: [interfaces] [[I]] type: AX25KISSInterface is not supported by this version: the interface is left out"},
		{"type = RNodeMultiInterface\n[[[High]]]\nvport = 1", "line 4: [interfaces] [[I]] type: RNodeMultiInterface is not supported"},
		{"type = I2PInterface\nconnectable = yes", "line 4: [interfaces] [[I]] type: I2PInterface is not supported"},
		{"type = WeaveInterface", "line 4: [interfaces] [[I]] type: WeaveInterface is not supported"},
		{"type = AutoInterface\ndiscovery_scop = link", "line 5: [interfaces] [[I]] discovery_scop: this option is not known here"},
		{"type = AutoInterface\nmulticast_address_type = odd", "line 5: [interfaces] [[I]] multicast_address_type: is ignored"},
		{"type = BackboneInterface\nremote = h\nport = 1\ni2p_tunneled = yes", "line 7: [interfaces] [[I]] i2p_tunneled: is ignored"},
		{"type = SerialInterface\nport = p\nparity = mark", "line 6: [interfaces] [[I]] parity: is ignored"},
		{"type = KISSInterface\nport = p\nid_callsign = X", "line 6: [interfaces] [[I]] id_callsign: is ignored: there is no id_interval"},
		{"type = KISSInterface\nport = p\nid_interval = 5", "line 6: [interfaces] [[I]] id_interval: is ignored: there is no id_callsign"},
		{"type = AutoInterface\nmode = gw\ndiscoverable = yes", "line 6: [interfaces] [[I]] discoverable: is not supported by this version"},
	} {
		if _, warnings := section(t, c.text); len(warnings) != 1 || !strings.HasPrefix(warnings[0], c.want) {
			t.Errorf("%q: %q", c.text, warnings)
		}
	}
}

func TestWhatIsLeftForLaterIsSaid(t *testing.T) {
	c := read(t, "[reticulum]\ndiscover_interfaces = yes\nautoconnect_discovered_interfaces = 3\nenable_remote_management = yes\n")
	if len(c.Warnings) != 3 {
		t.Fatalf("%v", c.Warnings)
	}
	for i, w := range c.Warnings {
		if w.Line != i+2 || !strings.Contains(w.Text, "not supported by this version") {
			t.Errorf("%v", w)
		}
	}
	if c := read(t, "[reticulum]\ndiscover_interfaces = no\nautoconnect_discovered_interfaces = 0\nenable_remote_management = no\n"); len(c.Warnings) != 0 {
		t.Errorf("%v", c.Warnings)
	}
}

// I-142 and the options of spec 3 §5.6.
func TestDiscoveryOptionsAreRead(t *testing.T) {
	number := func(f float64) *float64 { return &f }
	i, _ := section(t, `type = BackboneInterface
listen_on = ::
port = 4242
discoverable = yes
announce_interval = 1
discovery_stamp_value = 20
discovery_name = The hill
discovery_encrypt = yes
reachable_on = hill.example
publish_ifac = yes
latitude = -12.5
longitude = 170
height = 200
location_cmd = /usr/bin/where
discovery_frequency = 867200000
discovery_bandwidth = 125000
discovery_modulation = LoRa
`)
	want := config.Discovery{
		AnnounceInterval: 5 * time.Minute, StampValue: 20, Name: "The hill", Encrypt: true, ReachableOn: "hill.example", PublishIFAC: true,
		Latitude: number(-12.5), Longitude: number(170), Height: number(200), LocationCommand: "/usr/bin/where",
		Frequency: 867_200_000, Bandwidth: 125_000, Modulation: "LoRa",
	}
	if i.Discovery == nil || !reflect.DeepEqual(*i.Discovery, want) || i.Mode != "gateway" {
		t.Errorf("%+v, mode %s", i.Discovery, i.Mode)
	}
	if i, _ := section(t, "type = AutoInterface\nlatitude = 10"); i.Discovery != nil {
		t.Error("an interface that is not discoverable tells something")
	}
	if i, _ := section(t, "type = AutoInterface\ndiscoverable = yes\nlatitude = 91\nannounce_interval = 10"); i.Discovery.Latitude != nil || i.Discovery.AnnounceInterval != 10*time.Minute {
		t.Errorf("%+v", i.Discovery)
	}
}

// At most one set of options, and never for what is not that type.
func FuzzInterfaceOptions(f *testing.F) {
	for _, kind := range []string{"UDPInterface", "AutoInterface", "PipeInterface", "BackboneInterface", "SerialInterface", "KISSInterface", "RNodeInterface", "WeaveInterface"} {
		f.Add(kind, "port = 4242\ndevice = eth0\ncommand = x\nlisten_ip = ::")
		f.Add(kind, "port = p\nfrequency = 867200000\nbandwidth = 125000\nspreadingfactor = 8\ncodingrate = 5\nid_interval = 1")
		f.Add(kind, "remote = h\nport = 0x1\ndevices = a, 'b', \ngroup_id = %(devices)s")
	}
	f.Fuzz(func(t *testing.T, kind, text string) {
		c, err := config.Read([]byte("[interfaces]\n[[I]]\nenabled = yes\ntype = " + kind + "\n" + text))
		if err != nil {
			return
		}
		for _, i := range c.Interfaces {
			n := 0
			for _, set := range []bool{
				i.TCPClient != nil, i.TCPServer != nil, i.BackboneListener != nil, i.BackboneClient != nil, i.UDP != nil, i.Auto != nil,
				i.Pipe != nil, i.Serial != nil, i.KISS != nil, i.RNode != nil,
			} {
				if set {
					n++
				}
			}
			if n > 1 {
				t.Fatalf("%d kinds of options", n)
			}
			if u := i.UDP; u != nil && (u.ListenPort == 0 || u.ForwardPort == 0) {
				t.Fatalf("%+v", u)
			}
		}
	})
}

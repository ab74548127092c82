package config_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"groupd/rns/config"
)

// example is what one finds pasted from manuals and community lists.
const example = `
[reticulum]
  enable_transport = Yes
  share_instance = no
  instance_name = village
  remote_management_allowed = 9fb6d773498fb3feda407ed8ef2c3229, 2d882c5586e548d79b5af27bca1776dc
  ic_burst_freq = 0
  ic_new_time = 60
  default_gravity = 3

[logging]
loglevel = 12

[interfaces]
  [[Hub]]
    type = TCPClientInterface
    interface_enabled = True
    target_host = hub.example
    target_port = 4242
    networkname = village
    pass_phrase = 'secret # with, signs'
    ifac_size = 64
    interface_mode = gateway
    max_reconnect_tries = 4
    fixed_mtu = 1_000

  [[Listener]]
    type = TCPServerInterface
    enabled = yes
    listen_ip = ::
    listen_port = 1
    port = 4242
    outgoing = off
    bitrate = 1000000
    announce_rate_target = 600
    announce_cap = 5
    ic_burst_freq = 0
    mode = ap

  [[Radio]]
    type = RNodeInterface
    enabled = on
    port = /dev/ttyUSB0
    frequency = 867200000
    bandwidth = 125000
    txpower = 7
    spreadingfactor = 8
    codingrate = 5
    discoverable = yes
`

func read(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// one reads a file with one enabled interface of these options.
func one(t *testing.T, top string, options ...string) (config.Interface, *config.Config) {
	t.Helper()
	c := read(t, top+"\n[interfaces]\n[[I]]\ntype = TCPClientInterface\nenabled = yes\ntarget_host = h\ntarget_port = 1\n"+strings.Join(options, "\n"))
	return c.Interfaces[0], c
}

// I-032, I-125, I-126.
func TestAFileFromTheManualIsUnderstood(t *testing.T) {
	c := read(t, example)
	r := c.Reticulum
	if !r.EnableTransport || r.ShareInstance || r.InstanceName != "village" || len(r.RemoteManagementAllowed) != 2 || r.RemoteManagementAllowed[1][0] != 0x2d {
		t.Errorf("reticulum %+v", r)
	}
	if r.Limits.BurstFreq != 10 || r.Limits.NewTime != time.Minute || !r.LinkMTUDiscovery || r.AutoconnectInterfaceMode != "gateway" {
		t.Errorf("reticulum %+v", r)
	}
	if c.Logging.Level != 8 || !c.Logging.Timestamps {
		t.Errorf("logging %+v", c.Logging)
	}
	if len(c.Interfaces) != 3 {
		t.Fatalf("%d interfaces", len(c.Interfaces))
	}
	hub, listener, radio := c.Interfaces[0], c.Interfaces[1], c.Interfaces[2]
	if want := (config.TCPClient{TargetHost: "hub.example", TargetPort: 4242, MaxReconnectTries: 4, FixedMTU: 1000}); *hub.TCPClient != want {
		t.Errorf("hub %+v", *hub.TCPClient)
	}
	if !hub.Enabled || hub.Name != "Hub" || hub.Line != 15 || hub.NetworkName != "village" || hub.Passphrase != "secret # with, signs" ||
		hub.IFACSize != 8 || hub.Mode != "gateway" || !hub.Outgoing || hub.Gravity != 3 || hub.AnnounceCap != 0.02 {
		t.Errorf("hub %+v", hub)
	}
	if want := (config.AnnounceRate{Target: time.Hour, Grace: 5}); hub.AnnounceRate == nil || *hub.AnnounceRate != want {
		t.Errorf("hub's announce rate %+v", hub.AnnounceRate)
	}
	if want := (config.TCPServer{ListenIP: "::", ListenPort: 4242}); *listener.TCPServer != want {
		t.Errorf("listener %+v", *listener.TCPServer)
	}
	if listener.Outgoing || listener.Bitrate != 1_000_000 || listener.Mode != "access_point" || listener.AnnounceCap != 0.05 ||
		listener.Limits.BurstFreq != 0 || listener.Limits.NewTime != time.Minute {
		t.Errorf("listener %+v", listener)
	}
	if want := (config.AnnounceRate{Target: 10 * time.Minute}); *listener.AnnounceRate != want {
		t.Errorf("listener's announce rate %+v", listener.AnnounceRate)
	}
	if radio.TCPClient != nil || radio.Mode != "access_point" || radio.RNode == nil || radio.Discovery == nil {
		t.Errorf("radio %+v", radio)
	}
	if len(c.Warnings) != 2 || !strings.Contains(c.Warnings[1].String(), "[[Radio]] discoverable: the mode is changed to access_point") {
		t.Errorf("warnings %v", c.Warnings)
	}
}

// I-128.
func TestTheDefaultFileIsReadWithoutWarnings(t *testing.T) {
	for _, text := range []string{config.DefaultText, uncommented()} {
		c := read(t, text)
		if len(c.Warnings) != 0 {
			t.Errorf("warnings %v", c.Warnings)
		}
		if c.Reticulum.EnableTransport || !c.Reticulum.ShareInstance || c.Reticulum.InstanceName != "default" || c.Logging.Level != 4 {
			t.Errorf("%+v", c)
		}
		if i := c.Interfaces[0]; i.Name != "Default Interface" || i.Type != "AutoInterface" || !i.Enabled {
			t.Errorf("%+v", i)
		}
	}
	if n := len(read(t, config.DefaultText).Interfaces); n != 1 {
		t.Errorf("%d interfaces", n)
	}
	c := read(t, uncommented())
	if len(c.Interfaces) != 4 || c.Interfaces[2].Passphrase != "put # and , in quotes" {
		t.Errorf("the examples in the comments: %+v", c.Interfaces)
	}
	if empty := read(t, ""); !reflect.DeepEqual(empty.Reticulum, read(t, config.DefaultText).Reticulum) || len(empty.Interfaces) != 0 {
		t.Errorf("an empty file: %+v", empty)
	}
}

// uncommented is the default file with the examples in its comments taken in.
func uncommented() string {
	var lines []string
	for line := range strings.Lines(config.DefaultText) {
		rest, commented := strings.CutPrefix(line, "# ")
		if commented && (strings.HasPrefix(rest, "[[") || strings.Contains(rest, " = ")) {
			line = rest
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// I-123.
func TestBooleansAreTheEightWordsOnly(t *testing.T) {
	for word, want := range map[string]bool{"yes": true, "On": true, "TRUE": true, "1": true, "no": false, "oFF": false, "False": false, "0": false} {
		if c := read(t, "[reticulum]\nenable_transport = "+word); c.Reticulum.EnableTransport != want {
			t.Errorf("%s", word)
		}
	}
	for _, word := range []string{"y", "enabled", "2", "", "yes, no", "tru"} {
		if _, err := config.Read([]byte("[reticulum]\nenable_transport = " + word)); err == nil {
			t.Errorf("%q was accepted", word)
		}
	}
}

func TestNumbersAreDecimal(t *testing.T) {
	for text, want := range map[string]int{"5": 5, "+5": 5, "-1_000": -1000, " 7 ": 7} {
		if c := read(t, "[reticulum]\ndefault_gravity = "+text); c.Reticulum.DefaultGravity != want {
			t.Errorf("%q: %d", text, c.Reticulum.DefaultGravity)
		}
	}
	for _, text := range []string{"0x10", "1.5", "_1", "1__0", "1_", "", "ten", "99999999999999999999", "1, 2", "--1"} {
		if _, err := config.Read([]byte("[reticulum]\ndefault_gravity = " + text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	for _, text := range []string{"nan", "inf", "0x1p3", "1e999", "x"} {
		if _, err := config.Read([]byte("[reticulum]\nic_burst_freq = " + text)); err == nil {
			t.Errorf("frequency %q was accepted", text)
		}
	}
	if c := read(t, "[reticulum]\nblackhole_update_interval = 0.5\nic_burst_hold = 1.5"); c.Reticulum.BlackholeUpdateInterval != 2*time.Minute || c.Reticulum.Limits.BurstHold != 1500*time.Millisecond {
		t.Errorf("%+v", c.Reticulum)
	}
}

// I-125, I-126, I-142.
func TestModeWords(t *testing.T) {
	for words, want := range map[string]string{
		"mode = AP": "access_point", "mode = gw": "gateway", "mode = ptp": "pointtopoint", "mode = fast": "full", "": "full",
		"interface_mode = gateway": "gateway", "interface_mode = internal\nmode = ap": "internal",
	} {
		if i, _ := one(t, "", words); i.Mode != want {
			t.Errorf("%q: %s", words, i.Mode)
		}
	}
	_, c := one(t, "", "mode = fast")
	if len(c.Warnings) != 1 || c.Warnings[0].Line != 8 {
		t.Errorf("warnings %v", c.Warnings)
	}
	if i, _ := one(t, "", "discoverable = yes"); i.Mode != "gateway" {
		t.Errorf("discoverable: %s", i.Mode)
	}
	if i, _ := one(t, "", "discoverable = yes", "ignore_config_warnings = yes"); i.Mode != "full" {
		t.Errorf("discoverable, warnings ignored: %s", i.Mode)
	}
}

// I-025.
//
// It holds C-081.
func TestAccessCodeSizeIsInBits(t *testing.T) {
	for text, want := range map[string]int{"64": 8, "127": 15, "512": 64, "7": 0, "8": 1} {
		if i, _ := one(t, "", "ifac_size = "+text); i.IFACSize != want {
			t.Errorf("%s bits: %d bytes", text, i.IFACSize)
		}
	}
	if _, err := config.Read([]byte("[interfaces]\n[[I]]\ntype = AutoInterface\nenabled = yes\nifac_size = 520")); err == nil {
		t.Error("520 bits were accepted")
	}
}

// I-127.
func TestAnnounceRateDefaultsNeedTransport(t *testing.T) {
	transport := "[reticulum]\nenable_transport = yes\ndefault_ar_grace = 7\ndefault_ar_target = 0\n"
	for _, c := range []struct {
		top, option string
		want        *config.AnnounceRate
	}{
		{"", "", nil},
		{"", "announce_rate_grace = 3", nil},
		{"", "announce_rate_target = 60", &config.AnnounceRate{Target: time.Minute}},
		{transport, "", &config.AnnounceRate{Target: time.Hour, Grace: 7}},
		{transport, "announce_rate_target = 60\nannounce_rate_penalty = 5", &config.AnnounceRate{Target: time.Minute, Penalty: 5 * time.Second}},
	} {
		if i, _ := one(t, c.top, c.option); !reflect.DeepEqual(i.AnnounceRate, c.want) {
			t.Errorf("%q %q: %+v", c.top, c.option, i.AnnounceRate)
		}
	}
}

func TestWhatIsUnknownIsAWarningWithItsLine(t *testing.T) {
	c := read(t, `stray = 1
[reticulum]
enable_magic = yes
[[inner]]
[plans]
[interfaces]
stray = 2
[[Hub]]
type = TCPClientInterface
enabled = yes
target_host = h
target_port = 1
colour = red
bitrate = 4
announce_cap = 0
discovery_name = x
[[[sub]]]
[[Other]]
type = WarpInterface
enabled = yes
anything = goes
`)
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.String())
	}
	want := []string{
		"line 1: stray: stands outside of a section",
		"line 3: [reticulum] enable_magic: this option is not known here",
		"line 4: [reticulum] [[inner]]: this section is not known here",
		"line 5: [plans]: this section is not known",
		"line 7: [interfaces] stray: stands outside of an interface, which begins with [[its name]]",
		"line 13: [interfaces] [[Hub]] colour: this option is not known here",
		"line 14: [interfaces] [[Hub]] bitrate: is ignored: the least is 5",
		"line 15: [interfaces] [[Hub]] announce_cap: is ignored: it is out of bounds",
		"line 17: [interfaces] [[Hub]] [[[sub]]]: this section is not known here",
		"line 19: [interfaces] [[Other]] type: there is no such interface type in Reticulum",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("warnings:\n%s", strings.Join(got, "\n"))
	}
}

// I-017, I-032.
func TestWhatAnEnabledInterfaceLacksIsAnError(t *testing.T) {
	text := `
[interfaces]
[[A]]
ENABLED = ENABLEDVALUE
type = TCPClientInterface
fixed_mtu = 499
target_port = 70000
[[B]]
ENABLED = ENABLEDVALUE
type = TCPServerInterface
passphrase = one, two
[[C]]
ENABLED = ENABLEDVALUE
`
	text = strings.ReplaceAll(text, "ENABLED =", "enabled =")
	_, err := config.Read([]byte(strings.ReplaceAll(text, "ENABLEDVALUE", "yes")))
	want := `line 3: [interfaces] [[A]]: has no target_host
line 6: [interfaces] [[A]] fixed_mtu: is not between 500 and 1048576
line 7: [interfaces] [[A]] target_port: is not between 1 and 65535
line 8: [interfaces] [[B]]: has neither listen_ip nor device
line 8: [interfaces] [[B]]: has no listen_port
line 11: [interfaces] [[B]] passphrase: is a list, since it has a comma: put the text in quotes
line 12: [interfaces] [[C]]: has no type`
	if err == nil || err.Error() != want {
		t.Errorf("errors:\n%v\nwant:\n%s", err, want)
	}
	c := read(t, strings.ReplaceAll(text, "ENABLEDVALUE", "no"))
	if len(c.Warnings) != 7 || c.Interfaces[0].Enabled || c.Interfaces[0].TCPClient != nil || c.Interfaces[1].TCPServer != nil {
		t.Errorf("not enabled: %v", c.Warnings)
	}
	if strings.Contains(err.Error(), "two") {
		t.Error("the passphrase is in the message")
	}
}

// I-124.
func TestAnInterfaceWithoutEnabledIsOff(t *testing.T) {
	c := read(t, "[interfaces]\n[[A]]\ntype = AutoInterface\n[[B]]\ntype = AutoInterface\nenabled = no\ninterface_enabled = yes\n")
	if c.Interfaces[0].Enabled || !c.Interfaces[1].Enabled {
		t.Errorf("%+v", c.Interfaces)
	}
}

func TestHashesAndKeysMustBeHex(t *testing.T) {
	for _, line := range []string{"remote_management_allowed = 9fb6", "blackhole_sources = x, y", "rpc_key = zz", "rpc_key ="} {
		if _, err := config.Read([]byte("[reticulum]\n" + line)); err == nil {
			t.Errorf("%q was accepted", line)
		}
	}
	c := read(t, "[reticulum]\nrpc_key = 0a0b\nremote_management_allowed = 9fb6d773498fb3feda407ed8ef2c3229\nblackhole_sources =\n")
	if len(c.Reticulum.RPCKey) != 2 || len(c.Reticulum.RemoteManagementAllowed) != 1 || len(c.Reticulum.BlackholeSources) != 0 {
		t.Errorf("%+v", c.Reticulum)
	}
}

func TestServerOnADeviceNeedsNoAddress(t *testing.T) {
	c := read(t, "[interfaces]\n[[A]]\ntype = TCPServerInterface\nenabled = 1\ndevice = eth0\nport = 4242\nprefer_ipv6 = 1\nlisten_ip = 1.2.3.4\n")
	if want := (config.TCPServer{Device: "eth0", ListenPort: 4242, PreferIPv6: true}); *c.Interfaces[0].TCPServer != want {
		t.Errorf("%+v", *c.Interfaces[0].TCPServer)
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces"
)

// everyType has one interface of each type that is supported.
const everyType = `[reticulum]
enable_transport = yes
[interfaces]
[[tcp client]]
type = TCPClientInterface
enabled = yes
target_host = h
target_port = 1
[[tcp kiss]]
type = TCPClientInterface
enabled = yes
target_host = h
target_port = 2
kiss_framing = yes
[[tcp server]]
type = TCPServerInterface
enabled = yes
listen_ip = 127.0.0.1
listen_port = 3
[[backbone client]]
type = BackboneInterface
enabled = yes
target_host = h
target_port = 4
[[backbone]]
type = BackboneInterface
enabled = yes
listen_on = 127.0.0.1
port = 5
[[udp]]
type = UDPInterface
enabled = yes
listen_ip = 127.0.0.1
listen_port = 6
forward_ip = 127.0.0.1
forward_port = 7
[[auto]]
type = AutoInterface
enabled = yes
[[pipe]]
type = PipeInterface
enabled = yes
command = cat
[[serial]]
type = SerialInterface
enabled = yes
port = /dev/a
speed = 57600
[[kiss]]
type = KISSInterface
enabled = yes
port = /dev/b
bitrate = 2400
[[rnode]]
type = RNodeInterface
enabled = yes
port = /dev/c
frequency = 867200000
bandwidth = 125000
txpower = 7
spreadingfactor = 8
codingrate = 5
mode = gateway
outgoing = no
`

func TestEveryTypeOfInterfaceIsWired(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(everyType), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := readNetwork(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if len(n.notices) != 0 || len(n.enabled) != 11 {
		t.Fatalf("%d interfaces, %v", len(n.enabled), n.notices)
	}
	c := carriers{}
	want := map[string]string{
		"tcp client": "TCPInterface[tcp client/h:1]", "tcp kiss": "TCPInterface[tcp kiss/h:2]", "tcp server": "TCPServerInterface[tcp server/127.0.0.1:3]",
		"backbone client": "BackboneInterface[backbone client/h:4]", "backbone": "BackboneInterface[backbone/127.0.0.1:5]", "udp": "UDPInterface[udp/127.0.0.1:6]",
		"auto": "AutoInterface[auto]", "pipe": "PipeInterface[pipe]", "serial": "SerialInterface[serial]", "kiss": "KISSInterface[kiss]", "rnode": "RNodeInterface[rnode]",
	}
	for _, i := range n.enabled {
		one, many, err := c.of(i)
		if err != nil {
			t.Errorf("%s: %v", i.Name, err)
			continue
		}
		var name string
		var p interfaces.Properties
		if many != nil {
			name, p = many.Name(), many.Properties()
		} else {
			name, p = one.Name(), one.Properties()
		}
		if name != want[i.Name] {
			t.Errorf("%s is %s", i.Name, name)
		}
		o := optionsOf(i)
		if tunnel := i.Name == "tcp client" || i.Name == "backbone client"; o.Tunnel != tunnel {
			t.Errorf("%s: tunnel %v", i.Name, o.Tunnel)
		}
		if limited := i.Name != "serial" && i.Name != "kiss" && i.Name != "rnode"; o.NoIngressControl == limited {
			t.Errorf("%s: ingress control %v", i.Name, !o.NoIngressControl)
		}
		if o.AnnounceRate != (rns.AnnounceRate{Target: time.Hour, Grace: 5}) || o.AnnounceCap != 0.02 {
			t.Errorf("%s: %+v", i.Name, o)
		}
		switch i.Name {
		case "serial":
			if p.Bitrate != 57600 {
				t.Errorf("serial at %d", p.Bitrate)
			}
		case "kiss":
			if p.Bitrate != 2400 {
				t.Errorf("TNC at %d", p.Bitrate)
			}
		case "rnode":
			if p.Mode != interfaces.ModeGateway || p.Outgoing {
				t.Errorf("RNode %+v", p)
			}
		}
	}
}

func TestOptionsOfAnInterfaceReachTransport(t *testing.T) {
	c, err := config.Read([]byte(`[interfaces]
[[Plain]]
type = PipeInterface
enabled = yes
command = cat
[[All]]
type = PipeInterface
enabled = yes
command = cat
mode = boundary
gravity = 4
network_name = n
passphrase = p
ifac_size = 128
announce_cap = 5
announce_rate_target = 600
announce_rate_grace = 2
announce_rate_penalty = 60
ingress_control = no
egress_control = yes
ic_burst_freq = 0
ic_new_time = 60
recursive_prs = yes
announces_from_internal = no
announces_to_internal = yes
`))
	if err != nil {
		t.Fatal(err)
	}
	plain, all := optionsOf(c.Interfaces[0]), optionsOf(c.Interfaces[1])
	if plain.AnnounceRate.Target >= 0 || plain.NoIngressControl || plain.Ingress.Burst != 10 || plain.AnnounceCap != 0.02 {
		t.Errorf("%+v", plain)
	}
	ingress := all.Ingress
	all.Ingress = rns.IngressLimits{}
	if want := (rns.InterfaceOptions{
		Mode: interfaces.ModeBoundary, Gravity: 4, NetworkName: "n", Passphrase: "p", IFACSize: 16, AnnounceCap: 0.05,
		AnnounceRate:     rns.AnnounceRate{Target: 10 * time.Minute, Grace: 2, Penalty: time.Minute},
		NoIngressControl: true, EgressControl: true, RecursivePathRequests: true, BlockFromInternal: true, AnnouncesToInternal: true,
	}); all != want {
		t.Errorf("%+v", all)
	}
	if ingress.Burst >= 0 || ingress.NewTime != time.Minute || ingress.MaxHeld != 256 {
		t.Errorf("%+v", ingress)
	}
}

func TestOptionsWithoutEffectAreNamed(t *testing.T) {
	dir := t.TempDir()
	text := "[reticulum]\nrespond_to_probes = yes\nlocal_hops_delta = yes\npanic_on_interface_error = yes\nnetwork_identity = ~/network\n" +
		"blackhole_sources = " + strings.Repeat("00000000000000000000000000000001, ", rns.MaxBlackholeSources) + "00000000000000000000000000000002\n"
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := readNetwork(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, w := range n.notices {
		told = append(told, w.Text)
		if w.Hint == "" {
			t.Errorf("no hint: %s", w.Text)
		}
	}
	if all := strings.Join(told, "\n"); len(told) != 2 || !strings.Contains(all, "config:2: [reticulum] respond_to_probes") || !strings.Contains(all, "config:6: [reticulum] blackhole_sources: only the first 32") {
		t.Errorf("%s", all)
	}
}

func TestRatesAreMeasuredFromTheCounters(t *testing.T) {
	var r rates
	at := time.Unix(1000, 0)
	list := []rns.InterfaceStats{{Name: "a"}, {Name: "a"}}
	r.measure(list, at)
	list[1].Carrier.RxBytes = 1000
	r.measure(list, at.Add(2*time.Second))
	if v := r.all()[rateKey{"a", 1}]; v.rx != 4000 || v.tx != 0 || len(r.all()) != 2 {
		t.Errorf("%+v", r.all())
	}
	list[1].Carrier.RxBytes = 0
	r.measure(list, at.Add(4*time.Second))
	if v := r.all()[rateKey{"a", 1}]; v.rx != 0 {
		t.Errorf("a counter that fell: %v", v)
	}
}

func TestProgramsOfThisMachineCauseNoAnnounces(t *testing.T) {
	up := interfaces.Stats{Online: true}
	w := waysOf([]rns.InterfaceStats{{Name: "LocalInterface[rns/x]", Local: rns.LocalClient, Carrier: up}})
	if !w.local || len(w.names) != 0 || w.beyond(ways{}) {
		t.Errorf("%+v", w)
	}
	w = waysOf([]rns.InterfaceStats{{Name: "LocalInterface[rns/x]", Local: rns.LocalMaster, Carrier: up, Bitrate: 1e9}})
	if w.local || !w.beyond(ways{}) || w.slow {
		t.Errorf("%+v", w)
	}
}

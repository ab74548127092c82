package sharedinstance

import (
	"crypto/sha256"
	"strings"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/msgpack"
)

// sharedName begins the name of the listener that other programs use.
const sharedName = "Shared Instance["

// interfaceStats is what rnstatus shows (spec 3 §6.2), with the keys that RNS 1.5 added and its tools read.
func (a *answers) interfaceStats(now time.Time) []byte {
	s := a.node.Stats()
	var all traffic
	var speeds speed
	children := make(map[string]traffic)
	childSpeeds := make(map[string]speed)
	for k, i := range keyed(s.Interfaces) {
		t, v := traffic{rx: i.Carrier.RxBytes, tx: i.Carrier.TxBytes}, a.rates.of(k)
		all.rx, all.tx, speeds.rx, speeds.tx = all.rx+t.rx, all.tx+t.tx, speeds.rx+v.rx, speeds.tx+v.tx
		sum, sumSpeed := children[i.Parent], childSpeeds[i.Parent]
		children[i.Parent] = traffic{rx: sum.rx + t.rx, tx: sum.tx + t.tx}
		childSpeeds[i.Parent] = speed{rx: sumSpeed.rx + v.rx, tx: sumSpeed.tx + v.tx}
	}
	var list []byte
	n := 0
	for _, l := range s.Listeners {
		m := a.listener(l, children[l.Name], childSpeeds[l.Name])
		list = m.append(list)
		n++
	}
	for k, i := range keyed(s.Interfaces) {
		m := attached(i, a.rates.of(k))
		list = m.append(list)
		n++
	}

	var top fieldMap
	top.raw("interfaces", append(msgpack.AppendArray(nil, n), list...))
	top.int("rxb", int64(all.rx))
	top.int("txb", int64(all.tx))
	top.float("rxs", speeds.rx)
	top.float("txs", speeds.tx)
	top.zero("arxb", "atxb", "arxs", "atxs", "arxf", "atxf", "prxb", "ptxb", "prxs", "ptxs", "prxf", "ptxf", "rxpps", "txpps")
	top.zero("rxqt", "rxqd", "rxqa", "rxqp", "rxqil", "rxqtd", "rxqdd", "rxqad", "rxqpd", "rxqild")
	top.zero("tqpressure", "dqpressure", "aqpressure", "pqpressure", "ilqpressure")
	top.null("txq", "rss")
	if s.Transport {
		id := a.node.Identity().Hash()
		top.bin("transport_id", id[:])
		top.null("network_id")
		top.float("transport_uptime", now.Sub(a.started).Seconds())
		if s.ProbeResponder.IsZero() {
			top.null("probe_responder")
		} else {
			top.bin("probe_responder", s.ProbeResponder[:])
		}
	}
	return top.append(nil)
}

// listener is one that makes interfaces: a TCP server, or the shared instance itself.
func (a *answers) listener(l rns.ListenerStats, t traffic, v speed) fieldMap {
	var m fieldMap
	clients := l.Peers
	if strings.HasPrefix(l.Name, sharedName) && a.server != nil {
		st := a.server.Stats()
		clients = st.Clients
		t.rx, t.tx = t.rx+st.GoneRx, t.tx+st.GoneTx
	}
	common(&m, l.Name, l.Mode, l.Bitrate, l.MTU, t, v)
	m.int("clients", int64(clients))
	m.bool("status", true)
	code(&m, l.IFACSignature, l.IFACSize, l.IFACName)
	m.int("gravity", 0)
	m.zero("incoming_announce_frequency", "outgoing_announce_frequency", "incoming_pr_frequency", "outgoing_pr_frequency")
	m.null("announce_rate_target", "announce_rate_penalty", "announce_rate_grace", "announces_to_internal")
	m.zero("held_announces", "burst_activated", "pr_burst_activated", "txdrp", "txdrb", "txbuffered", "protocol_violations", "ifac_violations", "packet_filter_hits")
	m.bool("burst_active", false)
	m.bool("pr_burst_active", false)
	return m
}

// attached is one interface.
func attached(i *rns.InterfaceStats, v speed) fieldMap {
	var m fieldMap
	common(&m, i.Name, i.Mode, i.Bitrate, i.MTU, traffic{rx: i.Carrier.RxBytes, tx: i.Carrier.TxBytes}, v)
	m.null("clients")
	m.bool("status", i.Carrier.Online)
	code(&m, i.IFACSignature, i.IFACSize, i.IFACName)
	m.int("gravity", int64(i.Gravity))
	if i.AnnouncesToInternal {
		m.bool("announces_to_internal", true)
	} else {
		m.null("announces_to_internal")
	}
	m.float("incoming_announce_frequency", i.Traffic.AnnouncesIn)
	m.float("outgoing_announce_frequency", i.Traffic.AnnouncesOut)
	m.float("incoming_pr_frequency", i.Traffic.PathRequestsIn)
	m.float("outgoing_pr_frequency", i.Traffic.PathRequestsOut)
	if i.Rate.Target > 0 {
		m.int("announce_rate_target", int64(i.Rate.Target.Seconds()))
		m.int("announce_rate_penalty", int64(i.Rate.Penalty.Seconds()))
		m.int("announce_rate_grace", int64(i.Rate.Grace))
	} else {
		m.null("announce_rate_target", "announce_rate_penalty", "announce_rate_grace")
	}
	m.int("held_announces", int64(i.Traffic.HeldAnnounces))
	m.bool("burst_active", !i.Traffic.Burst.IsZero())
	m.time("burst_activated", i.Traffic.Burst)
	m.bool("pr_burst_active", !i.Traffic.PathRequestBurst.IsZero())
	m.time("pr_burst_activated", i.Traffic.PathRequestBurst)
	if i.Traffic.AnnounceQueue > 0 {
		m.int("announce_queue", int64(i.Traffic.AnnounceQueue))
	}
	m.int("txdrp", int64(i.Carrier.TxDropped.Sum()))
	m.int("txbuffered", int64(i.Carrier.QueuedBytes))
	m.int("ifac_violations", int64(i.Drops[rns.DropIFAC]))
	m.int("protocol_violations", int64(i.Drops[rns.DropMalformed]))
	m.int("packet_filter_hits", int64(i.Drops[rns.DropDuplicate]))
	m.zero("txdrb")
	if i.Parent != "" {
		m.str("parent_interface_name", i.Parent)
		h := sha256.Sum256([]byte(i.Parent))
		m.bin("parent_interface_hash", h[:])
	}
	if i.Radio != nil {
		radio(&m, i.Radio)
	}
	return m
}

// common is what listeners and interfaces have.
func common(m *fieldMap, name string, mode interfaces.Mode, bitrate int64, mtu int, t traffic, v speed) {
	h := sha256.Sum256([]byte(name))
	m.str("name", name)
	m.str("short_name", shortName(name))
	m.bin("hash", h[:])
	m.str("type", className(name))
	m.int("mode", int64(mode.Or(interfaces.ModeFull)))
	if bitrate > 0 {
		m.int("bitrate", bitrate)
	} else {
		m.null("bitrate")
	}
	if mtu == 0 {
		mtu = interfaces.BaseMTU
	}
	m.int("mtu", int64(mtu))
	m.int("rxb", int64(t.rx))
	m.int("txb", int64(t.tx))
	m.float("rxs", v.rx)
	m.float("txs", v.tx)
	m.zero("arxs", "atxs", "prxs", "ptxs", "arxb", "atxb", "arxc", "atxc", "prxb", "ptxb", "prxc", "ptxc")
	m.bool("txstalled", false)
	m.null("autoconnect_source", "burst_count", "pr_burst_count")
}

// code is the access code: what it signs about itself, by which people see whether two sides have the same.
func code(m *fieldMap, signature []byte, size int, network string) {
	if len(signature) == 0 {
		m.null("ifac_signature", "ifac_size", "ifac_netname")
		return
	}
	m.bin("ifac_signature", signature)
	m.int("ifac_size", int64(size))
	m.optionalStr("ifac_netname", network)
}

// radio is what an RNode tells about itself.
func radio(m *fieldMap, r *interfaces.RadioStats) {
	m.float("airtime_short", r.AirtimeShort)
	m.float("airtime_long", r.AirtimeLong)
	m.float("channel_load_short", r.ChannelLoadShort)
	m.float("channel_load_long", r.ChannelLoadLong)
	m.optionalInt("noise_floor", r.NoiseFloor)
	m.optionalInt("interference", r.Interference)
	if !r.InterferenceAt.IsZero() {
		m.time("interference_last_ts", r.InterferenceAt)
		m.int("interference_last_dbm", int64(r.LastInterference))
	}
	if r.BatteryState != "" && r.BatteryPercent != nil {
		m.str("battery_state", r.BatteryState)
		m.int("battery_percent", int64(*r.BatteryPercent))
	}
	m.optionalInt("cpu_temp", r.Temperature)
	m.null("cpu_load", "mem_load")
}

// className is the reference's class of an interface, by which tools tell them apart (spec 3 §6.1).
func className(name string) string {
	kind, inside, _ := strings.Cut(name, "[")
	switch kind {
	case "Shared Instance":
		return "LocalServerInterface"
	case "LocalInterface":
		return "LocalClientInterface"
	case "TCPInterface":
		return "TCPClientInterface"
	case "BackboneInterface":
		if strings.HasPrefix(inside, "Client on ") {
			return "BackboneClientInterface"
		}
	}
	return kind
}

// shortName is the title of the section that an interface comes from.
func shortName(name string) string {
	kind, inside, ok := strings.Cut(name, "[")
	if !ok {
		return name
	}
	inside = strings.TrimSuffix(inside, "]")
	switch kind {
	case "Shared Instance":
		return "Reticulum"
	case "TCPServerInterface", "TCPInterface", "BackboneInterface", "UDPInterface", "AutoInterfacePeer":
		if at := strings.LastIndexByte(inside, '/'); at >= 0 {
			return inside[:at]
		}
	}
	return inside
}

package sharedinstance

import (
	"crypto/sha256"
	"strings"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/msgpack"
)

// sums is what the interfaces of one listener did.
type sums struct {
	traffic
	speed
	announcesIn, announcesOut, requestsIn, requestsOut float64
	held                                               int
}

func (s *sums) add(i *rns.InterfaceStats, v speed) {
	s.traffic.rx += i.Carrier.RxBytes
	s.traffic.tx += i.Carrier.TxBytes
	s.speed.rx += v.rx
	s.speed.tx += v.tx
	s.announcesIn += i.Traffic.AnnouncesIn
	s.announcesOut += i.Traffic.AnnouncesOut
	s.requestsIn += i.Traffic.PathRequestsIn
	s.requestsOut += i.Traffic.PathRequestsOut
	s.held += i.Traffic.HeldAnnounces
}

// interfaceStats is what rnstatus shows (spec 3 §6.2), with the keys that RNS 1.5 added and its tools read.
func (a *answers) interfaceStats(now time.Time) []byte {
	s := a.node.Stats()
	var all sums
	below := make(map[string]*sums)
	for k, i := range keyed(s.Interfaces) {
		v := a.rates.of(k)
		all.add(i, v)
		if below[i.Parent] == nil {
			below[i.Parent] = new(sums)
		}
		below[i.Parent].add(i, v)
	}
	var list []byte
	n := len(s.Listeners) + len(s.Interfaces)
	for _, local := range []bool{true, false} { // the instance itself comes first
		for _, l := range s.Listeners {
			if local == (l.Local == rns.LocalClient) {
				var of sums
				if below[l.Name] != nil {
					of = *below[l.Name]
				}
				m := a.listener(l, of)
				list = m.append(list)
			}
		}
	}
	for k, i := range keyed(s.Interfaces) {
		m := attached(i, a.rates.of(k))
		list = m.append(list)
	}

	var top fieldMap
	top.raw("interfaces", append(msgpack.AppendArray(nil, n), list...))
	top.int("rxb", int64(all.traffic.rx))
	top.int("txb", int64(all.traffic.tx))
	top.float("rxs", all.speed.rx)
	top.float("txs", all.speed.tx)
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
func (a *answers) listener(l rns.ListenerStats, of sums) fieldMap {
	var m fieldMap
	clients := l.Peers
	if l.Local == rns.LocalClient && a.server != nil {
		st := a.server.Stats()
		clients = st.Clients
		of.traffic.rx += st.GoneRx
		of.traffic.tx += st.GoneTx
	}
	common(&m, l.Name, l.Mode, l.Bitrate, l.MTU, of.traffic, of.speed)
	m.int("clients", int64(clients))
	m.bool("status", true)
	code(&m, l.IFACSignature, l.IFACSize, l.IFACName)
	m.int("gravity", int64(l.Gravity))
	m.float("incoming_announce_frequency", of.announcesIn)
	m.float("outgoing_announce_frequency", of.announcesOut)
	m.float("incoming_pr_frequency", of.requestsIn)
	m.float("outgoing_pr_frequency", of.requestsOut)
	m.int("held_announces", int64(of.held))
	m.null("announce_rate_target", "announce_rate_penalty", "announce_rate_grace", "announces_to_internal")
	m.zero("burst_activated", "pr_burst_activated", "txdrp", "txdrb", "txbuffered", "protocol_violations", "ifac_violations", "packet_filter_hits")
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

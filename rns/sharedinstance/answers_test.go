package sharedinstance

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/local"
	"groupd/rns/msgpack"
)

// fakeNode is a transport of which everything is set.
type fakeNode struct {
	stats      rns.Stats
	identity   *rns.Identity
	own        rns.DestinationHash
	paths      []rns.PathInfo
	rates      []rns.RateInfo
	signal     interfaces.Signal
	blackholes []rns.Blackhole
	broken     bool // blackholing fails
	done       []string
}

func (n *fakeNode) Stats() rns.Stats                   { return n.stats }
func (n *fakeNode) Identity() *rns.Identity            { return n.identity }
func (n *fakeNode) IsLocal(d rns.DestinationHash) bool { return d == n.own }
func (n *fakeNode) Paths() []rns.PathInfo              { return n.paths }
func (n *fakeNode) Rates() []rns.RateInfo              { return n.rates }
func (n *fakeNode) Blackholes() []rns.Blackhole        { return n.blackholes }
func (n *fakeNode) DropAnnounceQueues() int            { n.did("queues"); return 1 }
func (n *fakeNode) did(what string)                    { n.done = append(n.done, what) }

func (n *fakeNode) PathInfo(d rns.DestinationHash) (rns.PathInfo, bool) {
	for _, p := range n.paths {
		if p.Destination == d {
			return p, true
		}
	}
	return rns.PathInfo{}, false
}

func (n *fakeNode) ForgetPath(d rns.DestinationHash) { n.did("forget " + d.Short()) }

func (n *fakeNode) DropVia(via rns.TruncatedHash) int {
	n.did("via " + via.Short())
	return 3
}

func (n *fakeNode) PacketSignal(h rns.PacketHash) (interfaces.Signal, bool) {
	return n.signal, h != rns.PacketHash{}
}

func (n *fakeNode) Blackhole(id rns.IdentityHash, until time.Time, reason string) (bool, error) {
	if n.broken {
		return false, errors.New("disk full")
	}
	for _, b := range n.blackholes {
		if b.Identity == id {
			return false, nil
		}
	}
	n.blackholes = append(n.blackholes, rns.Blackhole{Identity: id, Until: until, Reason: reason})
	return true, nil
}

func (n *fakeNode) Unblackhole(id rns.IdentityHash) (bool, error) {
	if n.broken {
		return false, errors.New("disk full")
	}
	had := len(n.blackholes) > 0
	n.blackholes = nil
	return had, nil
}

func (n *fakeNode) MarkUsed(d rns.DestinationHash) bool          { return d == n.own }
func (n *fakeNode) Retain(d rns.DestinationHash, keep bool) bool { return d == n.own && keep }
func (n *fakeNode) RetainIdentity(id rns.IdentityHash) bool      { return id == n.identity.Hash() }

func newFakeNode(t testing.TB) *fakeNode {
	t.Helper()
	identity, err := rns.LoadIdentity(count(64))
	if err != nil {
		t.Fatal(err)
	}
	return &fakeNode{identity: identity, own: rns.DestinationHash{0: 0xaa, 15: 1}}
}

// ask makes a call with these arguments and returns the answer.
func ask(t *testing.T, n node, args ...any) msgpack.Raw {
	t.Helper()
	q, err := parseRequest(pack(args...))
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	b := newAnswers(n, nil, time.Now().Add(-time.Minute)).answer(q)
	if !msgpack.Raw(b).Valid() {
		t.Fatalf("%v: answer %x", args, b)
	}
	return b
}

// pack is a map of keys and values.
func pack(args ...any) msgpack.Raw {
	var m fieldMap
	for i := 0; i < len(args); i += 2 {
		k := args[i].(string)
		switch v := args[i+1].(type) {
		case nil:
			m.null(k)
		case string:
			m.str(k, v)
		case int:
			m.int(k, int64(v))
		case float64:
			m.float(k, v)
		case []byte:
			m.bin(k, v)
		}
	}
	return m.append(nil)
}

func TestCallsHaveTheAnswersOfTheReference(t *testing.T) {
	n := newFakeNode(t)
	far, via := rns.DestinationHash{1}, rns.TruncatedHash{2}
	when := time.Unix(1_700_000_000, 500_000_000)
	n.paths = []rns.PathInfo{
		{Destination: far, NextHop: via, Hops: 3, Interface: "TCPInterface[Home/example.org:4242]", Bitrate: 1000, Learned: when, Expires: when.Add(time.Hour)},
		{Destination: rns.DestinationHash{9}, NextHop: rns.TruncatedHash{9}, Interface: "LocalInterface[rns/default]", Learned: when, Expires: when},
	}
	n.rates = []rns.RateInfo{{Destination: far, Last: when, Violations: 2, BlockedUntil: when, Times: []time.Time{when}}, {Destination: n.own, Last: when}}
	rssi, snr := -90, 5.25
	n.signal = interfaces.Signal{RSSI: &rssi, SNR: &snr}
	n.stats.RelayedLinks = 7
	unknown, packet := make([]byte, 16), bytes.Repeat([]byte{1}, 32)
	self := n.identity.Hash()
	for _, c := range []struct {
		args []any
		want msgpack.Raw
	}{
		{[]any{"get", "next_hop_if_name", "destination_hash", unknown}, msgpack.Str("None")}, // I-109
		{[]any{"get", "next_hop_if_name", "destination_hash", far[:]}, msgpack.Str("TCPInterface[Home/example.org:4242]")},
		{[]any{"get", "next_hop", "destination_hash", unknown}, msgpack.Nil()},
		{[]any{"get", "next_hop", "destination_hash", far[:]}, msgpack.Bin(via[:])},
		{[]any{"get", "next_hop", "destination_hash", n.own[:]}, msgpack.Bin(self[:])},
		{[]any{"get", "first_hop_timeout", "destination_hash", unknown}, msgpack.Int(6)},
		{[]any{"get", "first_hop_timeout", "destination_hash", far[:]}, msgpack.Float(10)},
		{[]any{"get", "link_count"}, msgpack.Int(7)},
		{[]any{"get", "active_link_count"}, msgpack.Int(7)},
		{[]any{"get", "packet_rssi", "packet_hash", packet}, msgpack.Int(-90)},
		{[]any{"get", "packet_snr", "packet_hash", packet}, msgpack.Float(5.25)},
		{[]any{"get", "packet_q", "packet_hash", packet}, msgpack.Nil()},
		{[]any{"get", "packet_rssi", "packet_hash", make([]byte, 32)}, msgpack.Nil()},
		{[]any{"get", "profiling_results"}, msgpack.Nil()},
		{[]any{"drop", "path", "destination_hash", unknown}, msgpack.Bool(false)},
		{[]any{"drop", "path", "destination_hash", far[:]}, msgpack.Bool(true)},
		{[]any{"drop", "all_via", "destination_hash", via[:]}, msgpack.Int(3)},
		{[]any{"drop", "announce_queues"}, msgpack.Nil()},
		{[]any{"destination_data", "used", "destination_hash", n.own[:]}, msgpack.Bool(true)},
		{[]any{"destination_data", "retain", "destination_hash", n.own[:]}, msgpack.Bool(true)},
		{[]any{"destination_data", "unretain", "destination_hash", unknown}, msgpack.Bool(false)},
		{[]any{"identity_data", "retain", "identity_hash", self[:]}, msgpack.Bool(true)},
		{[]any{"get", "is_blackholed", "identity_hash", unknown}, msgpack.Bool(false)},
		{[]any{"get", "blackholed_identities"}, msgpack.AppendMap(nil, 0)},
		{[]any{"blackhole_identity", unknown, "until", nil, "reason", nil}, msgpack.Bool(true)},
		{[]any{"blackhole_identity", unknown, "until", nil, "reason", "again"}, msgpack.Nil()},
		{[]any{"get", "is_blackholed", "identity_hash", unknown}, msgpack.Bool(true)},
		{[]any{"unblackhole_identity", unknown}, msgpack.Bool(true)},
		{[]any{"unblackhole_identity", unknown}, msgpack.Nil()},
		{[]any{"blackhole_identity", []byte{1}, "until", 5, "reason", "short"}, msgpack.Bool(false)},
		{[]any{"unblackhole_identity", []byte{1}}, msgpack.Bool(false)},
	} {
		if got := ask(t, n, c.args...); !bytes.Equal(got, c.want) {
			t.Errorf("%v: %x, want %x", c.args, got, c.want)
		}
	}
	if got := strings.Join(n.done, ","); got != "forget 00000000,forget 01000000,via 02000000,queues" {
		t.Errorf("did %s", got)
	}
	n.broken = true
	if got := ask(t, n, "blackhole_identity", unknown, "until", 1.5, "reason", nil); !bytes.Equal(got, msgpack.Bool(false)) {
		t.Errorf("failed blackholing: %x", got)
	}

	rows, _ := ask(t, n, "get", "path_table", "max_hops", nil).Array()
	if len(rows) != 2 {
		t.Fatalf("%d paths", len(rows))
	}
	want := pack("hash", far[:], "timestamp", 1700000000.5, "via", via[:], "hops", 3, "expires", 1700003600.5, "interface", "TCPInterface[Home/example.org:4242]")
	if !bytes.Equal(rows[0], want) {
		t.Errorf("path %x, want %x", rows[0], want)
	}
	for hops, count := range map[any]int{0: 1, 2.5: 1, 3: 2} {
		if rows, _ := ask(t, n, "get", "path_table", "max_hops", hops).Array(); len(rows) != count {
			t.Errorf("up to %v hops: %d paths", hops, len(rows))
		}
	}
	rows, _ = ask(t, n, "get", "rate_table").Array()
	m, _ := texts(rows[0])
	times, _ := m["timestamps"].Array()
	if v, _ := m["rate_violations"].Int(); len(rows) != 2 || len(times) != 1 || v != 2 {
		t.Errorf("rates %x", rows)
	}
	m, _ = texts(rows[1])
	if v, ok := m["blocked_until"].Int(); !ok || v != 0 {
		t.Errorf("blocked until %x", m["blocked_until"])
	}
}

func TestBlackholesAreListedByIdentity(t *testing.T) {
	n := newFakeNode(t)
	id, source := rns.IdentityHash{1}, rns.IdentityHash{2}
	n.blackholes = []rns.Blackhole{{Identity: id, Source: source, Until: time.Unix(1700000000, 0), Reason: "spam"}, {Identity: source}}
	entries, _ := ask(t, n, "get", "blackholed_identities").Map()
	if len(entries) != 2 {
		t.Fatalf("%d entries", len(entries))
	}
	if key, _ := entries[0].Key.Bin(); !bytes.Equal(key, id[:]) || !bytes.Equal(entries[0].Value, pack("source", source[:], "until", 1700000000.0, "reason", "spam")) {
		t.Errorf("%x", entries[0].Value)
	}
	m, _ := texts(entries[1].Value)
	if !m["until"].IsNil() || !m["reason"].IsNil() {
		t.Errorf("%x", entries[1].Value)
	}
}

// I-134, I-135: all keys that rnstatus reads, for every interface; the sizes in bytes.
func TestInterfaceStatsHaveAllKeysOfTheReference(t *testing.T) {
	n := newFakeNode(t)
	battery, temp := 77, 25
	server := "TCPServerInterface[Srv/127.0.0.1:44242]"
	n.stats = rns.Stats{
		Transport: true, ProbeResponder: n.own,
		Listeners: []rns.ListenerStats{{Name: server, Bitrate: 1e7, MTU: 8192, Peers: 1}, {Name: "Shared Instance[rns/x]", Local: rns.LocalClient, Bitrate: 1e9, MTU: 262144, Peers: 2}},
		Interfaces: []rns.InterfaceStats{
			{Name: "LocalInterface[rns/x]", Bitrate: 1e9, Parent: "Shared Instance[rns/x]", Carrier: interfaces.Stats{Online: true, RxBytes: 100, TxBytes: 10}},
			{Name: "LocalInterface[rns/x]", Bitrate: 1e9, Parent: "Shared Instance[rns/x]", Carrier: interfaces.Stats{Online: true, RxBytes: 1}},
			{Name: "TCPInterface[Client on Srv/127.0.0.1:1]", Parent: server, Traffic: rns.TrafficStats{AnnounceQueue: 4, Burst: time.Unix(1700000000, 0)}, Rate: rns.AnnounceRate{Target: time.Hour, Grace: 5}, Carrier: interfaces.Stats{RxBytes: 7}},
			{Name: "RNodeInterface[LoRa]", Mode: interfaces.ModeGateway, Bitrate: 3125, Gravity: 2, IFACSignature: count(64), IFACSize: 8, IFACName: "village", Radio: &interfaces.RadioStats{BatteryState: "charging", BatteryPercent: &battery, Temperature: &temp}},
		},
	}
	top, ok := texts(ask(t, n, "get", "interface_stats"))
	if !ok {
		t.Fatal("no map")
	}
	for _, k := range strings.Fields("interfaces rxb txb rxs txs arxb atxb arxs atxs arxf atxf prxb ptxb prxs ptxs prxf ptxf rxpps txpps rxqt rxqd rxqa rxqp rxqil rxqtd rxqdd rxqad rxqpd rxqild tqpressure dqpressure aqpressure pqpressure ilqpressure txq transport_id network_id transport_uptime probe_responder rss") {
		if top[k] == nil {
			t.Errorf("no %s", k)
		}
	}
	if v, _ := top["rxb"].Int(); v != 108 {
		t.Errorf("received %d", v)
	}
	if v, _ := top["transport_uptime"].Number(); math.Abs(v-60) > 5 {
		t.Errorf("up for %v s", v)
	}
	rows, _ := top["interfaces"].Array()
	if len(rows) != 6 {
		t.Fatalf("%d interfaces", len(rows))
	}
	if m, _ := texts(rows[0]); !bytes.Equal(m["type"], msgpack.Str("LocalServerInterface")) {
		t.Errorf("the first is %x", m["type"])
	}
	by := make(map[string]map[string]msgpack.Raw)
	for _, row := range rows {
		m, _ := texts(row)
		name, _ := m["name"].Str()
		by[name] = m
		// What a live RNS 1.5.7 sends for a TCP server.
		for _, k := range strings.Fields("clients bitrate rxs txs arxs atxs prxs ptxs ifac_signature ifac_size ifac_netname autoconnect_source name short_name hash type mtu rxb txb arxb atxb arxc atxc prxb ptxb prxc ptxc txdrp txdrb txstalled txbuffered incoming_announce_frequency outgoing_announce_frequency incoming_pr_frequency outgoing_pr_frequency announce_rate_target announce_rate_penalty announce_rate_grace held_announces burst_active burst_activated burst_count pr_burst_active pr_burst_activated pr_burst_count status mode gravity announces_to_internal protocol_violations ifac_violations packet_filter_hits") {
			if m[k] == nil {
				t.Errorf("%s: no %s", name, k)
			}
		}
		hash, _ := m["hash"].Bin()
		if want := sha256.Sum256([]byte(name)); !bytes.Equal(hash, want[:]) {
			t.Errorf("%s: hash %x", name, hash)
		}
	}
	text := func(name, key string) string { s, _ := by[name][key].Str(); return s }
	number := func(name, key string) float64 { v, _ := by[name][key].Number(); return v }
	shared, client, radio := "Shared Instance[rns/x]", "TCPInterface[Client on Srv/127.0.0.1:1]", "RNodeInterface[LoRa]"
	for _, c := range []struct{ name, short, class string }{
		{shared, "Reticulum", "LocalServerInterface"}, {"LocalInterface[rns/x]", "rns/x", "LocalClientInterface"},
		{server, "Srv", "TCPServerInterface"}, {client, "Client on Srv", "TCPClientInterface"}, {radio, "LoRa", "RNodeInterface"},
	} {
		if text(c.name, "short_name") != c.short || text(c.name, "type") != c.class {
			t.Errorf("%s is %s of %s", c.name, text(c.name, "short_name"), text(c.name, "type"))
		}
	}
	if number(shared, "clients") != 2 || number(shared, "rxb") != 101 || number(server, "rxb") != 7 || !by[client]["clients"].IsNil() {
		t.Error("listeners do not count what belongs to them")
	}
	if number(client, "announce_queue") != 4 || number(client, "announce_rate_target") != 3600 || number(client, "burst_activated") != 1.7e9 || text(client, "parent_interface_name") != server {
		t.Errorf("%v", by[client])
	}
	signature, _ := by[radio]["ifac_signature"].Bin()
	if number(radio, "mode") != 6 || number(radio, "ifac_size") != 8 || len(signature) != 64 || text(radio, "ifac_netname") != "village" || text(radio, "battery_state") != "charging" {
		t.Errorf("%v", by[radio])
	}
	if ok, _ := by[client]["status"].Bool(); ok {
		t.Error("an interface that is down is up")
	}
}

// rnstatus and rnprobe of RNS 1.5 ask for these; measured with a bitrate of 1200.
func TestTimeoutsFollowTheSlowestInterface(t *testing.T) {
	n := newFakeNode(t)
	if got := ask(t, n, "get", "lowest_interface_bitrate"); !bytes.Equal(got, msgpack.Int(local.Bitrate)) {
		t.Errorf("%x", got)
	}
	n.stats.Interfaces = []rns.InterfaceStats{{Bitrate: 300}, {Bitrate: 1200, Carrier: interfaces.Stats{Online: true}}}
	if got := ask(t, n, "get", "lowest_interface_bitrate"); !bytes.Equal(got, msgpack.Int(1200)) {
		t.Errorf("%x", got)
	}
	if v, _ := ask(t, n, "get", "medium_path_timeout").Number(); math.Abs(v-12.6666666) > 0.001 {
		t.Errorf("%v", v)
	}
}

func TestRequestsThatAreNoneAreRefused(t *testing.T) {
	many := []any{}
	for i := range 17 {
		many = append(many, strings.Repeat("k", i+1), 1)
	}
	for name, b := range map[string][]byte{
		"nothing":        {},
		"no map":         msgpack.Str("get"),
		"empty":          pack(),
		"unknown":        pack("nonsense", 1),
		"unknown get":    pack("get", "nonsense"),
		"get of a type":  pack("get", 1),
		"no hash":        pack("get", "next_hop"),
		"short hash":     pack("get", "next_hop", "destination_hash", count(15)),
		"packet hash":    pack("get", "packet_q", "packet_hash", count(16)),
		"hash is text":   pack("get", "next_hop", "destination_hash", "x"),
		"hops":           pack("get", "path_table", "max_hops", "x"),
		"until":          pack("blackhole_identity", count(16), "until", "x"),
		"reason":         pack("blackhole_identity", count(16), "reason", 1),
		"identity":       pack("identity_data", "forget", "identity_hash", count(16)),
		"data":           pack("destination_data", "burn", "destination_hash", count(16)),
		"management":     pack("manage", "attach_interface", "name", "x"),
		"too many keys":  pack(many...),
		"something else": append(pack("get", "link_count"), 0xc0),
		"cut off":        pack("get", "link_count")[:10],
	} {
		if q, err := parseRequest(b); err == nil {
			t.Errorf("%s: %+v", name, q)
		}
	}
}

func TestRatesAreMeasuredFromTheCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRates()
		s := rns.Stats{Interfaces: []rns.InterfaceStats{{Name: "a"}, {Name: "a"}, {Name: "b"}}}
		r.measure(s, time.Now())
		if r.of(rateKey{"a", 0}) != (speed{}) {
			t.Error("a rate after one look")
		}
		time.Sleep(2 * time.Second)
		s.Interfaces[1].Carrier.RxBytes = 1000
		s.Interfaces[2].Carrier.TxBytes = 500
		r.measure(s, time.Now())
		if r.of(rateKey{"a", 1}).rx != 4000 || r.of(rateKey{"b", 0}).tx != 2000 || r.of(rateKey{"a", 0}).rx != 0 {
			t.Errorf("%+v", r.now)
		}
		s.Interfaces = s.Interfaces[1:] // the first program left
		time.Sleep(2 * time.Second)
		r.measure(s, time.Now())
		if len(r.now) != 2 || r.of(rateKey{"b", 0}).tx != 0 {
			t.Errorf("%+v", r.now)
		}
		s.Interfaces[0].Carrier.RxBytes = 0
		time.Sleep(2 * time.Second)
		r.measure(s, time.Now())
		if v := r.of(rateKey{"a", 0}); v.rx != 0 {
			t.Errorf("a counter that fell: %v", v)
		}
	})
}

// Whatever a program sends, parsing ends with a call of the list or an error, and each call has a valid answer.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(unhex(f, "81a3676574af696e746572666163655f7374617473"))) // as sent by rnstatus
	f.Add([]byte(pack("get", "path_table", "max_hops", nil)))
	f.Add([]byte(pack("get", "next_hop", "destination_hash", count(16))))
	f.Add([]byte(pack("get", "packet_rssi", "packet_hash", count(32))))
	f.Add([]byte(pack("drop", "all_via", "destination_hash", count(16))))
	f.Add([]byte(pack("blackhole_identity", count(16), "until", 1e300, "reason", "x")))
	f.Add([]byte(pack("unblackhole_identity", count(16))))
	f.Add([]byte(pack("destination_data", "used", "destination_hash", count(16))))
	f.Add([]byte(pack("identity_data", "retain", "identity_hash", count(16))))
	n := newFakeNode(f)
	n.paths = []rns.PathInfo{{Destination: rns.DestinationHash(count(16)), Bitrate: 1}}
	n.stats.Interfaces = []rns.InterfaceStats{{Name: "x"}}
	a := newAnswers(n, nil, time.Now())
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := parseRequest(b)
		if err != nil {
			return
		}
		n.done, n.blackholes = nil, nil
		if answer := a.answer(q); !msgpack.Raw(answer).Valid() {
			t.Fatalf("%+v: answer %x", q, answer)
		}
	})
}

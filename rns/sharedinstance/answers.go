package sharedinstance

import (
	"math"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/local"
	"groupd/rns/msgpack"
)

const (
	// hopTimeout in seconds is what a program gives the first hop beside the time on the air (DEFAULT_PER_HOP_TIMEOUT).
	hopTimeout = 6
	// packetBits is how long a packet may be on the air (spec 3 §4.7).
	packetBits = 8 * rns.MTU
)

// node is what calls are about. *rns.Transport is one.
type node interface {
	Stats() rns.Stats
	Identity() *rns.Identity
	IsLocal(rns.DestinationHash) bool

	Paths() []rns.PathInfo
	PathInfo(rns.DestinationHash) (rns.PathInfo, bool)
	ForgetPath(rns.DestinationHash)
	DropVia(rns.TruncatedHash) int
	DropAnnounceQueues() int
	Rates() []rns.RateInfo
	PacketSignal(rns.PacketHash) (interfaces.Signal, bool)

	Blackholes() []rns.Blackhole
	Blackhole(id rns.IdentityHash, until time.Time, reason string) (added bool, err error)
	Unblackhole(rns.IdentityHash) (removed bool, err error)

	MarkUsed(rns.DestinationHash) bool
	Retain(d rns.DestinationHash, keep bool) bool
	RetainIdentity(rns.IdentityHash) bool
}

var _ node = (*rns.Transport)(nil)

// answers makes the answers of a master. It is used by several goroutines.
type answers struct {
	node    node
	server  *local.Server // nil in tests
	started time.Time
	rates   *rates
}

func newAnswers(n node, server *local.Server, started time.Time) *answers {
	return &answers{node: n, server: server, started: started, rates: newRates()}
}

// answer is the value that answers a call; nil when there is none.
func (a *answers) answer(q request) []byte {
	destination := rns.DestinationHash(q.hash)
	switch q.call {
	case callInterfaceStats:
		return a.interfaceStats(time.Now())
	case callPathTable:
		return pathTable(a.node.Paths(), q.maxHops)
	case callRateTable:
		return rateTable(a.node.Rates())
	case callNextHopInterface:
		if p, ok := a.node.PathInfo(destination); ok {
			return msgpack.Str(p.Interface)
		}
		return msgpack.Str("None")
	case callNextHop:
		if p, ok := a.node.PathInfo(destination); ok {
			return msgpack.Bin(p.NextHop[:])
		}
		if a.node.IsLocal(destination) {
			id := a.node.Identity().Hash()
			return msgpack.Bin(id[:])
		}
		return msgpack.Nil()
	case callFirstHopTimeout:
		if p, ok := a.node.PathInfo(destination); ok && p.Bitrate > 0 {
			return msgpack.Float(packetBits/float64(p.Bitrate) + hopTimeout)
		}
		return msgpack.Int(hopTimeout)
	case callLowestBitrate:
		return msgpack.Int(lowestBitrate(a.node.Stats()))
	case callMediumPathTimeout:
		return msgpack.Float(2*packetBits/float64(lowestBitrate(a.node.Stats())) + hopTimeout)
	case callLinkCount, callActiveLinkCount:
		return msgpack.Int(int64(a.node.Stats().RelayedLinks))
	case callRSSI, callSNR, callQuality:
		return a.signal(q)
	case callBlackholed:
		return blackholed(a.node.Blackholes())
	case callIsBlackholed:
		for _, b := range a.node.Blackholes() {
			if b.Identity == rns.IdentityHash(q.hash) {
				return msgpack.Bool(true)
			}
		}
		return msgpack.Bool(false)
	case callProfiling:
		return msgpack.Nil()
	case callDropPath:
		_, known := a.node.PathInfo(destination)
		a.node.ForgetPath(destination)
		return msgpack.Bool(known)
	case callDropVia:
		return msgpack.Int(int64(a.node.DropVia(rns.TruncatedHash(q.hash))))
	case callDropAnnounceQueues:
		a.node.DropAnnounceQueues()
		return msgpack.Nil()
	case callBlackhole, callUnblackhole:
		return a.blackhole(q)
	case callUsed:
		return msgpack.Bool(a.node.MarkUsed(destination))
	case callRetain, callUnretain:
		return msgpack.Bool(a.node.Retain(destination, q.call == callRetain))
	case callRetainIdentity:
		return msgpack.Bool(a.node.RetainIdentity(rns.IdentityHash(q.hash)))
	}
	return nil
}

// blackhole answers true for what was done, nil for what was so already, and false for what failed.
func (a *answers) blackhole(q request) []byte {
	if !q.ofSize {
		return msgpack.Bool(false)
	}
	var changed bool
	var err error
	if q.call == callBlackhole {
		changed, err = a.node.Blackhole(rns.IdentityHash(q.hash), unixTime(q.until), q.reason)
	} else {
		changed, err = a.node.Unblackhole(rns.IdentityHash(q.hash))
	}
	switch {
	case err != nil:
		return msgpack.Bool(false)
	case changed:
		return msgpack.Bool(true)
	}
	return msgpack.Nil()
}

func (a *answers) signal(q request) []byte {
	s, ok := a.node.PacketSignal(q.packet)
	switch {
	case !ok:
	case q.call == callRSSI && s.RSSI != nil:
		return msgpack.Int(int64(*s.RSSI))
	case q.call == callSNR && s.SNR != nil:
		return msgpack.Float(*s.SNR)
	case q.call == callQuality && s.Quality != nil:
		return msgpack.Float(*s.Quality)
	}
	return msgpack.Nil()
}

// lowestBitrate is that of the slowest interface in use, the local socket included.
func lowestBitrate(s rns.Stats) int64 {
	lowest := int64(local.Bitrate)
	for _, i := range s.Interfaces {
		if i.Carrier.Online && i.Bitrate > 0 {
			lowest = min(lowest, i.Bitrate)
		}
	}
	for _, l := range s.Listeners {
		if l.Bitrate > 0 {
			lowest = min(lowest, l.Bitrate)
		}
	}
	return lowest
}

// pathTable lists the paths of up to maxHops hops.
func pathTable(paths []rns.PathInfo, maxHops float64) []byte {
	var list []byte
	n := 0
	for _, p := range paths {
		if float64(p.Hops) > maxHops {
			continue
		}
		n++
		var m fieldMap
		m.bin("hash", p.Destination[:])
		m.time("timestamp", p.Learned)
		m.bin("via", p.NextHop[:])
		m.int("hops", int64(p.Hops))
		m.time("expires", p.Expires)
		m.str("interface", p.Interface)
		list = m.append(list)
	}
	return append(msgpack.AppendArray(nil, n), list...)
}

// rateTable lists what is known of how often destinations announce themselves.
func rateTable(rates []rns.RateInfo) []byte {
	list := msgpack.AppendArray(nil, len(rates))
	for _, r := range rates {
		var m fieldMap
		m.bin("hash", r.Destination[:])
		m.time("last", r.Last)
		m.int("rate_violations", int64(r.Violations))
		if r.BlockedUntil.IsZero() {
			m.int("blocked_until", 0)
		} else {
			m.time("blocked_until", r.BlockedUntil)
		}
		times := msgpack.AppendArray(nil, len(r.Times))
		for _, t := range r.Times {
			times = msgpack.AppendFloat(times, seconds(t))
		}
		m.raw("timestamps", times)
		list = m.append(list)
	}
	return list
}

// blackholed maps the identities that are refused.
func blackholed(list []rns.Blackhole) []byte {
	b := msgpack.AppendMap(nil, len(list))
	for _, h := range list {
		b = msgpack.AppendBin(b, h.Identity[:])
		var m fieldMap
		m.bin("source", h.Source[:])
		if h.Until.IsZero() {
			m.null("until")
		} else {
			m.time("until", h.Until)
		}
		m.optionalStr("reason", h.Reason)
		b = m.append(b)
	}
	return b
}

// seconds of Unix time; those of the zero Time are 0.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMicro()) / 1e6
}

// unixTime is the opposite. What is no number, or no time within reach, is the zero Time.
func unixTime(s float64) time.Time {
	if math.IsNaN(s) || s <= 0 || s > 1<<40 {
		return time.Time{}
	}
	whole, fraction := math.Modf(s)
	return time.Unix(int64(whole), int64(fraction*1e9))
}

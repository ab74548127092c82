package sharedinstance

import (
	"errors"
	"fmt"
	"math"

	"groupd/rns"
	"groupd/rns/msgpack"
)

const (
	// maxRequest is the longest request taken, in bytes.
	maxRequest = 16 << 10
	// maxRequestKeys is how many keys a request may have.
	maxRequestKeys = 16
)

// call is what a program may ask of a shared instance (spec 3 §4.7; those of RNS 1.5 that the tools do without are left out).
type call uint8

const (
	callNone call = iota
	callInterfaceStats
	callPathTable
	callRateTable
	callNextHopInterface
	callNextHop
	callFirstHopTimeout
	callLowestBitrate
	callMediumPathTimeout
	callLinkCount
	callActiveLinkCount
	callRSSI
	callSNR
	callQuality
	callBlackholed
	callIsBlackholed
	callProfiling
	callDropPath
	callDropVia
	callDropAnnounceQueues
	callBlackhole
	callUnblackhole
	callUsed
	callRetain
	callUnretain
	callRetainIdentity
)

// request is one call with its arguments. Those that the call does not have are zero.
type request struct {
	call   call
	hash   [16]byte       // of a destination, an identity or a transport node
	packet rns.PacketHash // of callRSSI, callSNR, callQuality
	// ofSize is false when a hash of another length was given for callBlackhole and callUnblackhole, which answer false to
	// that.
	ofSize  bool
	maxHops float64 // of callPathTable; +Inf: all
	until   float64 // of callBlackhole, Unix time; NaN: for ever
	reason  string  // of callBlackhole
	because bool    // a reason was given
}

// errRequest means that a request is none, or not one that is known.
var errRequest = errors.New("not a call that is known")

// fields are the entries of a request that matter, as they came.
type fields struct {
	get, drop, destinationData, identityData string
	blackhole, unblackhole                   []byte
	destination, identity, packet            []byte
	maxHops, until, reason                   msgpack.Raw // nil: absent
}

// parseRequest reads a call. It takes nothing but a map of plain values, of which it looks only at those it knows.
func parseRequest(b []byte) (request, error) {
	var q request
	f, err := parseFields(b)
	if err != nil {
		return q, err
	}
	switch {
	case f.get != "":
		q.call = getCall(f.get)
	case f.drop != "":
		q.call = dropCall(f.drop)
	case f.blackhole != nil:
		q.call = callBlackhole
	case f.unblackhole != nil:
		q.call = callUnblackhole
	case f.destinationData != "":
		q.call = map[string]call{"used": callUsed, "retain": callRetain, "unretain": callUnretain}[f.destinationData]
	case f.identityData == "retain":
		q.call = callRetainIdentity
	}
	if q.call == callNone {
		return q, errRequest
	}
	return q, q.arguments(f)
}

func getCall(what string) call {
	switch what {
	case "interface_stats":
		return callInterfaceStats
	case "path_table":
		return callPathTable
	case "rate_table":
		return callRateTable
	case "next_hop_if_name":
		return callNextHopInterface
	case "next_hop":
		return callNextHop
	case "first_hop_timeout":
		return callFirstHopTimeout
	case "lowest_interface_bitrate":
		return callLowestBitrate
	case "medium_path_timeout":
		return callMediumPathTimeout
	case "link_count":
		return callLinkCount
	case "active_link_count":
		return callActiveLinkCount
	case "packet_rssi":
		return callRSSI
	case "packet_snr":
		return callSNR
	case "packet_q":
		return callQuality
	case "blackholed_identities":
		return callBlackholed
	case "is_blackholed":
		return callIsBlackholed
	case "profiling_results":
		return callProfiling
	}
	return callNone
}

func dropCall(what string) call {
	switch what {
	case "path":
		return callDropPath
	case "all_via":
		return callDropVia
	case "announce_queues":
		return callDropAnnounceQueues
	}
	return callNone
}

// parseFields reads the map.
func parseFields(b []byte) (f fields, err error) {
	r := msgpack.NewReader(b)
	n, err := r.Map()
	if err != nil {
		return f, err
	}
	if n > maxRequestKeys {
		return f, fmt.Errorf("%w: %d keys", errRequest, n)
	}
	for range n {
		key, err := r.Str()
		if err != nil {
			return f, err
		}
		value, err := r.Raw()
		if err != nil {
			return f, err
		}
		if err := f.set(key, value); err != nil {
			return f, err
		}
	}
	if r.Len() != 0 {
		return f, fmt.Errorf("%w: %d bytes follow", errRequest, r.Len())
	}
	return f, nil
}

func (f *fields) set(key string, value msgpack.Raw) error {
	var ok bool
	switch key {
	case "get":
		f.get, ok = value.Str()
	case "drop":
		f.drop, ok = value.Str()
	case "destination_data":
		f.destinationData, ok = value.Str()
	case "identity_data":
		f.identityData, ok = value.Str()
	case "blackhole_identity":
		f.blackhole, ok = value.Bin()
	case "unblackhole_identity":
		f.unblackhole, ok = value.Bin()
	case "destination_hash":
		f.destination, ok = value.Bin()
	case "identity_hash":
		f.identity, ok = value.Bin()
	case "packet_hash":
		f.packet, ok = value.Bin()
	case "max_hops":
		f.maxHops, ok = value, true
	case "until":
		f.until, ok = value, true
	case "reason":
		f.reason, ok = value, true
	default:
		return nil
	}
	if !ok {
		return fmt.Errorf("%w: %s of another type", errRequest, key)
	}
	return nil
}

// arguments reads what the call needs.
func (q *request) arguments(f fields) error {
	switch q.call {
	case callNextHopInterface, callNextHop, callFirstHopTimeout, callDropPath, callDropVia, callUsed, callRetain, callUnretain:
		return q.setHash("destination_hash", f.destination)
	case callIsBlackholed, callRetainIdentity:
		return q.setHash("identity_hash", f.identity)
	case callRSSI, callSNR, callQuality:
		if len(f.packet) != len(q.packet) {
			return fmt.Errorf("%w: packet_hash of %d bytes", errRequest, len(f.packet))
		}
		copy(q.packet[:], f.packet)
	case callUnblackhole:
		q.ofSize = q.setHash("", f.unblackhole) == nil
	case callBlackhole:
		q.ofSize = q.setHash("", f.blackhole) == nil
		var ok bool
		if q.until, ok = optionalNumber(f.until, math.NaN()); !ok {
			return fmt.Errorf("%w: until", errRequest)
		}
		if f.reason != nil && !f.reason.IsNil() {
			if q.reason, q.because = f.reason.Str(); !q.because {
				return fmt.Errorf("%w: reason", errRequest)
			}
		}
	case callPathTable:
		var ok bool
		if q.maxHops, ok = optionalNumber(f.maxHops, math.Inf(1)); !ok {
			return fmt.Errorf("%w: max_hops", errRequest)
		}
	}
	return nil
}

func (q *request) setHash(name string, b []byte) error {
	if len(b) != len(q.hash) {
		return fmt.Errorf("%w: %s of %d bytes", errRequest, name, len(b))
	}
	copy(q.hash[:], b)
	return nil
}

// optionalNumber reads a number; what is absent or nil is otherwise.
func optionalNumber(v msgpack.Raw, otherwise float64) (float64, bool) {
	if v == nil || v.IsNil() {
		return otherwise, true
	}
	return v.Number()
}

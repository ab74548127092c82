package lxmf

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"groupd/rns/msgpack"
)

// capabilityCompression is the capability code that says: compressed resources are understood (spec 4 §3.1).
const capabilityCompression = 0x00

// AnnounceData is what an lxmf.delivery announce says about its owner.
type AnnounceData struct {
	// Name is what the owner calls himself, NULs and outer white space removed, otherwise as announced: anybody can call
	// himself anything, in any characters. Named tells an empty name from none.
	Name  string
	Named bool
	// StampCost is the cost of a stamp as announced, zero for none. Only [MinStampCost] to [MaxStampCost] make sense; a
	// sender should refuse to pay much less than that.
	StampCost int
	// Compression says that compressed resources are understood. It is assumed where nothing is announced.
	Compression bool
}

// Append appends the announce data as LXMF 1.0 writes it: a list of name, cost and capabilities. A cost outside
// [MinStampCost] to [MaxStampCost] is written as none.
func (a *AnnounceData) Append(b []byte) []byte {
	b = msgpack.AppendArray(b, 3)
	if a.Named {
		b = msgpack.AppendBin(b, []byte(a.Name))
	} else {
		b = msgpack.AppendNil(b)
	}
	if a.StampCost >= MinStampCost && a.StampCost <= MaxStampCost {
		b = msgpack.AppendInt(b, int64(a.StampCost))
	} else {
		b = msgpack.AppendNil(b)
	}
	if !a.Compression {
		return msgpack.AppendArray(b, 0)
	}
	return msgpack.AppendInt(msgpack.AppendArray(b, 1), capabilityCompression)
}

// ParseAnnounceData reads the app data of an lxmf.delivery announce. A list is recognised by its first byte, anything else
// is a bare name as before LXMF 0.5; empty data says nothing. What cannot be read is [ErrMalformed], together with what
// may be assumed. Costs that are no integers are none; names written as text instead of bytes are read.
func ParseAnnounceData(b []byte) (AnnounceData, error) {
	a := AnnounceData{Compression: true}
	if len(b) == 0 {
		return a, nil
	}
	if !(b[0] >= 0x90 && b[0] <= 0x9f || b[0] == 0xdc) {
		if !utf8.Valid(b) {
			return a, fmt.Errorf("%w: name is not UTF-8", ErrMalformed)
		}
		a.Name, a.Named = cleanName(string(b)), true
		return a, nil
	}
	raw, err := msgpack.NewReader(b).Raw()
	if err != nil {
		return a, malformed("announce data", err)
	}
	list, ok := raw.Array()
	if !ok {
		return a, fmt.Errorf("%w: announce data", ErrMalformed)
	}
	if len(list) > 0 {
		if name, ok := textOf(list[0]); ok && utf8.ValidString(name) {
			a.Name, a.Named = cleanName(name), true
		}
	}
	if len(list) > 1 && list[1].Kind() == msgpack.KindInt {
		cost, ok := list[1].Int()
		if !ok || cost > math.MaxInt32 {
			cost = math.MaxInt32
		}
		a.StampCost = int(max(cost, 0))
	}
	if len(list) > 2 {
		if capabilities, ok := list[2].Array(); ok {
			a.Compression = false
			for _, c := range capabilities {
				if v, ok := c.Int(); ok && v == capabilityCompression {
					a.Compression = true
				}
			}
		}
	}
	return a, nil
}

func cleanName(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\x00", ""))
}

// PropagationData is what an lxmf.propagation announce says about a node (spec 4 §3.2). Every stock client announces one
// too when asked for a path: only Active tells a node.
type PropagationData struct {
	// Time is the node's clock, in Unix seconds.
	Time int64
	// Active says that it is a node and takes messages from anybody.
	Active bool
	// TransferLimit and SyncLimit are the largest message and the largest sync, in kB (1000 bytes).
	TransferLimit, SyncLimit float64
	// StampCost, StampCostFlexibility and PeeringCost are what it asks for; see §4.4.
	StampCost, StampCostFlexibility, PeeringCost int
	// Metadata holds further properties by integer key; [PropagationData.Name] is one of them.
	Metadata Fields
}

// metadataName is the metadata key of a node's name.
const metadataName = 0x01

// Name returns the node's name; ok is false when there is none or it is not UTF-8.
func (p *PropagationData) Name() (name string, ok bool) {
	raw, ok := p.Metadata.Get(metadataName)
	if !ok {
		return "", false
	}
	b, ok := raw.Bin()
	if !ok || !utf8.Valid(b) {
		return "", false
	}
	return string(b), true
}

// SetName sets the node's name.
func (p *PropagationData) SetName(name string) {
	p.Metadata.Set(metadataName, msgpack.Bin([]byte(name)))
}

// Append appends the announce data. Limits that are whole numbers are written as integers.
func (p *PropagationData) Append(b []byte) []byte {
	b = msgpack.AppendArray(b, 7)
	b = msgpack.AppendBool(b, false) // meant something before LXMF 0.5
	b = msgpack.AppendInt(b, p.Time)
	b = msgpack.AppendBool(b, p.Active)
	b = appendNumber(b, p.TransferLimit)
	b = appendNumber(b, p.SyncLimit)
	b = msgpack.AppendArray(b, 3)
	for _, cost := range [3]int{p.StampCost, p.StampCostFlexibility, p.PeeringCost} {
		b = msgpack.AppendInt(b, int64(cost))
	}
	return append(b, p.Metadata.Raw()...)
}

func appendNumber(b []byte, v float64) []byte {
	if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
		return msgpack.AppendInt(b, int64(v))
	}
	return msgpack.AppendFloat(b, v)
}

// ParsePropagationData reads the app data of an lxmf.propagation announce. Any element that is not what it should be makes
// all of it [ErrMalformed]: such a node is to be ignored. Numbers may be floats or decimal text, and truth values 0 and 1,
// as in the reference.
func ParsePropagationData(b []byte) (p PropagationData, err error) {
	raw, err := msgpack.NewReader(b).Raw()
	if err != nil {
		return p, malformed("node announce", err)
	}
	list, ok := raw.Array()
	if !ok || len(list) < 7 {
		return p, fmt.Errorf("%w: node announce is no list of seven", ErrMalformed)
	}
	var costs []msgpack.Raw
	if costs, ok = list[5].Array(); !ok || len(costs) < 3 {
		return p, fmt.Errorf("%w: node announce without three costs", ErrMalformed)
	}
	if p.Active, ok = truth(list[2]); !ok {
		return p, fmt.Errorf("%w: node announce: active is neither true nor false", ErrMalformed)
	}
	var numbers [6]float64
	for i, raw := range []msgpack.Raw{list[1], list[3], list[4], costs[0], costs[1], costs[2]} {
		if numbers[i], ok = number(raw); !ok {
			return p, fmt.Errorf("%w: node announce: not a number", ErrMalformed)
		}
	}
	if p.Metadata, err = ParseFields(list[6]); err != nil {
		return p, err
	}
	p.Time = int64(clamp(numbers[0], math.MaxInt64/2))
	p.TransferLimit, p.SyncLimit = numbers[1], numbers[2]
	p.StampCost = int(clamp(numbers[3], math.MaxInt32))
	p.StampCostFlexibility = int(clamp(numbers[4], math.MaxInt32))
	p.PeeringCost = int(clamp(numbers[5], math.MaxInt32))
	return p, nil
}

func clamp(v, limit float64) float64 { return min(max(v, -limit), limit) }

// number reads what the reference can turn into an integer: an integer, a finite float, decimal text.
func number(raw msgpack.Raw) (float64, bool) {
	if v, ok := raw.Number(); ok {
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	if b, ok := raw.Bool(); ok {
		if b {
			return 1, true
		}
		return 0, true
	}
	s, ok := textOf(raw)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return float64(v), err == nil
}

func truth(raw msgpack.Raw) (value, ok bool) {
	if v, ok := raw.Bool(); ok {
		return v, true
	}
	v, ok := raw.Number()
	return v == 1, ok && (v == 0 || v == 1)
}

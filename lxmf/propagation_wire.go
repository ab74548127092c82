package lxmf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"

	"groupd/rns/msgpack"
)

// Wire constants of propagation (spec 4 §5), shared by clients and nodes.
const (
	// PropagationPath is the request path by which clients list, fetch and purge their messages.
	PropagationPath = "/get"
	// MaxUploadPacket is the largest upload, in bytes, that goes as one link packet; larger ones are resources.
	MaxUploadPacket = MaxLinkPacket - Overhead

	// getOverhead and getPerMessage are what a node adds up beside the messages when it applies a client's limit, in bytes.
	getOverhead   = 24
	getPerMessage = 16
)

// NodeCode is what a propagation node answers instead of a list, as a bare integer, or signals on a link (§5.4).
type NodeCode uint8

// Codes of nodes.
const (
	NodeNoIdentity   NodeCode = 0xf0 // the client has not identified
	NodeNoAccess     NodeCode = 0xf1 // the client is not allowed here
	NodeInvalidKey   NodeCode = 0xf3 // the peering key is wrong
	NodeInvalidData  NodeCode = 0xf4 // the request was not understood
	NodeInvalidStamp NodeCode = 0xf5 // the stamp of an upload is missing or too cheap
	NodeThrottled    NodeCode = 0xf6 // too much was wrong lately
	NodeNotFound     NodeCode = 0xfd // no such peer
)

// String returns what the code says.
func (c NodeCode) String() string {
	switch c {
	case NodeNoIdentity:
		return "no identity"
	case NodeNoAccess:
		return "no access"
	case NodeInvalidKey:
		return "invalid key"
	case NodeInvalidData:
		return "invalid data"
	case NodeInvalidStamp:
		return "invalid stamp"
	case NodeThrottled:
		return "throttled"
	case NodeNotFound:
		return "not found"
	}
	return fmt.Sprintf("code %#02x", uint8(c))
}

// NodeError is the refusal of a propagation node.
type NodeError struct{ Code NodeCode }

// Error implements error.
func (e *NodeError) Error() string { return "propagation node: " + e.Code.String() }

// TransientID names a message at propagation nodes: SHA-256 of its destination and the encrypted rest, without the stamp
// (§5.1). The same message sealed twice has two.
type TransientID [sha256.Size]byte

// TransientIDOf returns the id of a sealed message.
func TransientIDOf(blob []byte) TransientID { return sha256.Sum256(blob) }

// String returns the lower-case hex form.
func (id TransientID) String() string { return hex.EncodeToString(id[:]) }

// LogValue implements [slog.LogValuer].
func (id TransientID) LogValue() slog.Value { return slog.StringValue(id.String()) }

// NodeUpload is what is sent to a propagation node: by a client with one message in it, by a peer with many (§5.1).
type NodeUpload struct {
	// Time is the sender's clock, in Unix seconds; it is informational.
	Time float64
	// Messages are sealed messages, each with its stamp behind it; see [SplitPropagationStamp].
	Messages [][]byte
}

// Append appends the packed upload.
func (u *NodeUpload) Append(b []byte) []byte {
	b = msgpack.AppendFloat(msgpack.AppendArray(b, 2), u.Time)
	b = msgpack.AppendArray(b, len(u.Messages))
	for _, m := range u.Messages {
		b = msgpack.AppendBin(b, m)
	}
	return b
}

// ParseNodeUpload reads an upload. The messages are parts of b. Their stamps are not looked at.
func ParseNodeUpload(b []byte) (u NodeUpload, err error) {
	raw, err := msgpack.NewReader(b).Raw()
	if err != nil {
		return u, malformed("upload", err)
	}
	list, ok := raw.Array()
	if !ok || len(list) < 2 {
		return u, fmt.Errorf("%w: upload is no list of two", ErrMalformed)
	}
	if u.Time, ok = list[0].Number(); !ok {
		return u, fmt.Errorf("%w: upload without time", ErrMalformed)
	}
	u.Messages, err = binaries(list[1])
	return u, err
}

// binaries reads a list of byte strings.
func binaries(raw msgpack.Raw) ([][]byte, error) {
	list, ok := raw.Array()
	if !ok {
		return nil, fmt.Errorf("%w: not a list", ErrMalformed)
	}
	out := make([][]byte, len(list))
	for i, e := range list {
		if out[i], ok = e.Bin(); !ok {
			return nil, fmt.Errorf("%w: element %d is no byte string", ErrMalformed, i)
		}
	}
	return out, nil
}

// GetRequest is the data of a request to [PropagationPath] (§5.3). The zero value asks for the list of ids; one with Wants
// fetches; one with Fetch set and no Wants fetches nothing, but deletes Haves; one with Haves alone deletes them.
type GetRequest struct {
	Wants, Haves []TransientID
	// Fetch says that Wants stands in the request even when it is empty. It is implied by Wants.
	Fetch bool
	// Limit is the largest answer, in kB (1000 bytes), if it is Limited; see [GetRequest.Fits]. It belongs to fetching.
	Limited bool
	Limit   float64
}

// Append appends the packed request data.
func (g *GetRequest) Append(b []byte) []byte {
	fetch := g.Fetch || len(g.Wants) > 0
	n := 2
	if fetch && g.Limited {
		n = 3
	}
	b = msgpack.AppendArray(b, n)
	if fetch {
		b = appendIDs(b, g.Wants)
	} else {
		b = msgpack.AppendNil(b)
	}
	if fetch || len(g.Haves) > 0 {
		b = appendIDs(b, g.Haves)
	} else {
		b = msgpack.AppendNil(b)
	}
	if n == 3 {
		b = appendNumber(b, g.Limit)
	}
	return b
}

func appendIDs(b []byte, ids []TransientID) []byte {
	b = msgpack.AppendArray(b, len(ids))
	for _, id := range ids {
		b = msgpack.AppendBin(b, id[:])
	}
	return b
}

// ParseGetRequest reads request data, as a node has to. A limit that is no number is none; ids of another length than 32
// bytes name nothing and are left out.
func ParseGetRequest(b []byte) (g GetRequest, err error) {
	raw, err := msgpack.NewReader(b).Raw()
	if err != nil {
		return g, malformed("get", err)
	}
	list, ok := raw.Array()
	if !ok || len(list) < 2 {
		return g, fmt.Errorf("%w: get is no list of two", ErrMalformed)
	}
	if !list[0].IsNil() {
		g.Fetch = true
		if g.Wants, err = ids(list[0]); err != nil {
			return g, err
		}
	}
	if !list[1].IsNil() {
		if g.Haves, err = ids(list[1]); err != nil {
			return g, err
		}
	}
	if len(list) > 2 {
		if limit, ok := list[2].Number(); ok && !math.IsNaN(limit) {
			g.Limited, g.Limit = true, limit
		}
	}
	return g, nil
}

// ids reads a list of transient ids; those of another length are left out.
func ids(raw msgpack.Raw) ([]TransientID, error) {
	list, err := binaries(raw)
	if err != nil {
		return nil, err
	}
	out := make([]TransientID, 0, len(list))
	for _, b := range list {
		if len(b) == len(TransientID{}) {
			out = append(out, TransientID(b))
		}
	}
	return out, nil
}

// ParseIDList reads the answer to a request for the list. A bare integer is a [NodeError].
func ParseIDList(b []byte) ([]TransientID, error) {
	raw, err := answer(b)
	if err != nil {
		return nil, err
	}
	return ids(raw)
}

// ParseMessages reads the answer to a fetch or a purge: sealed messages without stamps, parts of b. A bare integer is a
// [NodeError].
func ParseMessages(b []byte) ([][]byte, error) {
	raw, err := answer(b)
	if err != nil {
		return nil, err
	}
	return binaries(raw)
}

func answer(b []byte) (msgpack.Raw, error) {
	raw, err := msgpack.NewReader(b).Raw()
	if err != nil {
		return nil, malformed("node's answer", err)
	}
	if code, ok := raw.Int(); ok {
		if code < 0 || code > math.MaxUint8 {
			return nil, fmt.Errorf("%w: node's answer is %d", ErrMalformed, code)
		}
		return nil, &NodeError{Code: NodeCode(code)}
	}
	return raw, nil
}

// AppendSignal appends the packed signal that a node sends on a link: a list of one code.
func AppendSignal(b []byte, c NodeCode) []byte {
	return msgpack.AppendInt(msgpack.AppendArray(b, 1), int64(c))
}

// ParseSignal reads a node's signal.
func ParseSignal(b []byte) (NodeCode, bool) {
	raw, err := msgpack.NewReader(b).Raw()
	if err != nil {
		return 0, false
	}
	list, ok := raw.Array()
	if !ok || len(list) == 0 {
		return 0, false
	}
	code, ok := list[0].Int()
	return NodeCode(code), ok && code >= 0 && code <= math.MaxUint8
}

// Fits picks of sealed messages with the given stored sizes (stamp included), in their order, those that a node returns for
// this request: it passes over what would exceed the limit, and later ones may still fit (§5.3).
func (g *GetRequest) Fits(sizes []int) []int {
	var fit []int
	total := float64(getOverhead)
	for i, n := range sizes {
		if with := total + float64(n+getPerMessage); !g.Limited || with <= g.Limit*1000 {
			total = with
			fit = append(fit, i)
		}
	}
	return fit
}

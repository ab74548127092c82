package sharedinstance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"groupd/rns"
	"groupd/rns/msgpack"
)

const (
	// maxAnswer is the longest answer taken, in bytes: a path table of some hundred thousand paths.
	maxAnswer = 64 << 20
	// answerTime bounds a call whose context has no deadline. A stock master never answers a call that it cannot make.
	answerTime = 10 * time.Second
)

// ErrAnswer means that a master answered something else than what was asked for.
var ErrAnswer = errors.New("answer of another form")

// Caller makes calls to the master of an instance. Its methods may be called from any goroutine; each makes a connection of
// its own. They fail with ErrAuthentication when the master has another key, and as connections fail when there is none.
type Caller struct {
	key  []byte
	rand io.Reader
	dial func(context.Context) (net.Conn, error)
}

// NewCaller makes a caller for the instance of a configuration, whoever is its master. Of the configuration it takes what
// Join takes. It fails when no key can be made.
func NewCaller(c Config) (*Caller, error) {
	_, rpc, err := endpoints(c.Reticulum)
	if err != nil {
		return nil, err
	}
	key, err := rpcKey(c.Reticulum.RPCKey, c.Identity)
	if err != nil {
		return nil, err
	}
	if key == nil {
		return nil, errors.New("no key for calls: there is neither a stored transport identity nor rpc_key")
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	return &Caller{key: key, rand: c.Rand, dial: rpc.Dial}, nil
}

// Call makes one call and returns the value that answers it. ctx bounds all of it; without a deadline it is 10 s.
func (c *Caller) Call(ctx context.Context, request msgpack.Raw) (msgpack.Raw, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(answerTime)
	}
	conn, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	answer, err := c.exchange(conn, deadline, request)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return answer, err
}

func (c *Caller) exchange(conn net.Conn, deadline time.Time, request []byte) (msgpack.Raw, error) {
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if err := greetAsClient(conn, c.key, c.rand); err != nil {
		return nil, err
	}
	if err := writeMessage(conn, request); err != nil {
		return nil, err
	}
	answer, err := readMessage(conn, maxAnswer)
	if err != nil {
		return nil, err
	}
	if !msgpack.Raw(answer).Valid() {
		return nil, fmt.Errorf("%w: no msgpack", ErrAnswer)
	}
	return answer, nil
}

// get makes a call of the kind {"get": what}, with one more argument unless its key is empty.
func (c *Caller) get(ctx context.Context, what, key string, value msgpack.Raw) (msgpack.Raw, error) {
	var m fieldMap
	m.str("get", what)
	if key != "" {
		m.raw(key, value)
	}
	return c.Call(ctx, m.append(nil))
}

// FirstHopTimeout is how long to wait for a neighbour of the master to answer, on the way to d.
func (c *Caller) FirstHopTimeout(ctx context.Context, d rns.DestinationHash) (time.Duration, error) {
	v, err := c.get(ctx, "first_hop_timeout", "destination_hash", msgpack.Bin(d[:]))
	if err != nil {
		return 0, err
	}
	s, ok := v.Number()
	if !ok || !(s >= 0 && s < 1e9) {
		return 0, fmt.Errorf("%w: first_hop_timeout", ErrAnswer)
	}
	return time.Duration(s * float64(time.Second)), nil
}

// LinkCount is how many links the master forwards.
func (c *Caller) LinkCount(ctx context.Context) (int, error) {
	v, err := c.get(ctx, "link_count", "", nil)
	if err != nil {
		return 0, err
	}
	n, ok := v.Int()
	if !ok {
		return 0, fmt.Errorf("%w: link_count", ErrAnswer)
	}
	return int(n), nil
}

// Path is a row of a master's path table.
type Path struct {
	Destination rns.DestinationHash
	// Via is the transport node that is next, or the destination itself where it is a neighbour.
	Via rns.TruncatedHash
	// Hops is 0 for destinations of the programs on this machine.
	Hops int
	// Interface is the name of the one that leads there.
	Interface string
	// Learned and Expires by the master's clock.
	Learned, Expires time.Time
}

// Paths is the master's path table.
func (c *Caller) Paths(ctx context.Context) ([]Path, error) {
	v, err := c.get(ctx, "path_table", "max_hops", msgpack.Nil())
	if err != nil {
		return nil, err
	}
	rows, ok := v.Array()
	if !ok {
		return nil, fmt.Errorf("%w: path_table", ErrAnswer)
	}
	var paths []Path
	for _, row := range rows {
		m, ok := texts(row)
		if !ok {
			return nil, fmt.Errorf("%w: path_table", ErrAnswer)
		}
		var p Path
		hash, _ := m["hash"].Bin()
		via, _ := m["via"].Bin()
		hops, _ := m["hops"].Int()
		if len(hash) != len(p.Destination) || len(via) != len(p.Via) {
			return nil, fmt.Errorf("%w: path_table", ErrAnswer)
		}
		copy(p.Destination[:], hash)
		copy(p.Via[:], via)
		p.Hops = int(hops)
		p.Interface, _ = m["interface"].Str()
		p.Learned, p.Expires = timeOf(m["timestamp"]), timeOf(m["expires"])
		paths = append(paths, p)
	}
	return paths, nil
}

// InterfaceInfo is an interface of a master.
type InterfaceInfo struct {
	// Name and Class are those of the reference (spec 3 §6.1).
	Name, Class string
	Up          bool
	Mode        int
	// Clients is how many are connected to a listener; -1: it is none.
	Clients int
	// Bitrate in bit/s; 0: not known.
	Bitrate int64
	// Bytes so far, and bit/s now.
	RxBytes, TxBytes uint64
	RxRate, TxRate   float64
}

// Interfaces are those of the master.
func (c *Caller) Interfaces(ctx context.Context) ([]InterfaceInfo, error) {
	v, err := c.get(ctx, "interface_stats", "", nil)
	if err != nil {
		return nil, err
	}
	top, ok := texts(v)
	if !ok {
		return nil, fmt.Errorf("%w: interface_stats", ErrAnswer)
	}
	rows, ok := top["interfaces"].Array()
	if !ok {
		return nil, fmt.Errorf("%w: interface_stats", ErrAnswer)
	}
	var list []InterfaceInfo
	for _, row := range rows {
		m, ok := texts(row)
		if !ok {
			return nil, fmt.Errorf("%w: interface_stats", ErrAnswer)
		}
		i := InterfaceInfo{Clients: -1}
		i.Name, _ = m["name"].Str()
		i.Class, _ = m["type"].Str()
		i.Up, _ = m["status"].Bool()
		mode, _ := m["mode"].Int()
		i.Mode = int(mode)
		if n, ok := m["clients"].Int(); ok {
			i.Clients = int(n)
		}
		bitrate, _ := m["bitrate"].Number()
		i.Bitrate = int64(bitrate)
		rx, _ := m["rxb"].Int()
		tx, _ := m["txb"].Int()
		i.RxBytes, i.TxBytes = uint64(max(rx, 0)), uint64(max(tx, 0))
		i.RxRate, _ = m["rxs"].Number()
		i.TxRate, _ = m["txs"].Number()
		list = append(list, i)
	}
	return list, nil
}

// DropPath makes the master forget the path to d. It reports whether there was one.
func (c *Caller) DropPath(ctx context.Context, d rns.DestinationHash) (bool, error) {
	var m fieldMap
	m.str("drop", "path")
	m.bin("destination_hash", d[:])
	v, err := c.Call(ctx, m.append(nil))
	if err != nil {
		return false, err
	}
	known, ok := v.Bool()
	if !ok {
		return false, fmt.Errorf("%w: drop path", ErrAnswer)
	}
	return known, nil
}

// texts is a map by its text keys; others are left out.
func texts(v msgpack.Raw) (map[string]msgpack.Raw, bool) {
	entries, ok := v.Map()
	if !ok {
		return nil, false
	}
	m := make(map[string]msgpack.Raw, len(entries))
	for _, e := range entries {
		if k, ok := e.Key.Str(); ok {
			m[k] = e.Value
		}
	}
	return m, true
}

func timeOf(v msgpack.Raw) time.Time {
	s, _ := v.Number()
	return unixTime(s)
}

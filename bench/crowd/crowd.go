// Package crowd is what the measurement of a server with many groups and the program that floods it have in common: groups and people whose
// keys follow from their names, and a way to ask.
package crowd

import (
	"context"
	"crypto/sha512"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"groupd/api/pages"
	"groupd/api/requests"
	groupdv1 "groupd/proto/groupd/v1"
	"groupd/rns"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
)

// Identity is the identity of whoever is called so.
func Identity(name string) *rns.Identity {
	seed := sha512.Sum512([]byte("groupd bench " + name))
	id, err := rns.LoadIdentity(seed[:])
	if err != nil {
		panic(err) // 64 bytes are a key
	}
	return id
}

// Group is the name of the n-th group, Member that of its i-th member.
func Group(n int) string     { return fmt.Sprintf("g%02d", n) }
func Member(n, i int) string { return fmt.Sprintf("member %d of %s", i, Group(n)) }

// Node is a node that is connected to a server by TCP. Run it until ctx ends.
type Node struct {
	*rns.Transport
	uplink *tcp.Client
}

// Connect makes one.
func Connect(port int) (*Node, error) {
	t, err := rns.New(rns.Config{})
	if err != nil {
		return nil, err
	}
	uplink, err := tcp.NewClient(tcp.ClientConfig{Name: "uplink", Host: "127.0.0.1", Port: port})
	if err != nil {
		return nil, err
	}
	return &Node{t, uplink}, t.AddInterface(uplink, rns.InterfaceOptions{})
}

// Online waits until it is connected.
func (n *Node) Online(ctx context.Context) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !n.uplink.Stats().Online {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Line opens a link to a group's requests, and identifies on it unless who is nil.
func (n *Node) Line(ctx context.Context, group int, who *rns.Identity) (*Line, error) {
	return n.open(ctx, n.NewRemote(Identity(Group(group)).Public(), requests.App, requests.Aspect), who)
}

// Browser opens a link to a group's pages, and identifies on it.
func (n *Node) Browser(ctx context.Context, group int, who *rns.Identity) (*Line, error) {
	return n.open(ctx, n.NewRemote(Identity(Group(group)).Public(), pages.App, pages.Aspect), who)
}

func (n *Node) open(ctx context.Context, d *rns.RemoteDestination, who *rns.Identity) (*Line, error) {
	if err := n.AwaitPath(ctx, d.Hash()); err != nil {
		return nil, err
	}
	l, err := n.OpenLink(ctx, d)
	if err != nil {
		return nil, err
	}
	if who != nil {
		err = l.Identify(who)
	}
	return &Line{l}, err
}

// Line is a link to the requests or pages of a group.
type Line struct{ *rns.Link }

// Ask makes a request and waits for the answer; code is its status.
func (l *Line) Ask(ctx context.Context, path string, q proto.Message, reply interface {
	proto.Message
	GetStatus() *groupdv1.Status
}) (code groupdv1.Code, err error) {
	data, err := proto.Marshal(q)
	if err != nil {
		return 0, err
	}
	a, err := l.Request(ctx, requests.Prefix+path, msgpack.Bin(data), rns.RequestOptions{})
	if err != nil {
		return 0, err
	}
	body, _ := a.Data.Bin()
	err = proto.Unmarshal(body, reply)
	return reply.GetStatus().GetCode(), err
}

// Browse asks for a page with one variable ("": none).
func (l *Line) Browse(ctx context.Context, path, variable, value string) (page []byte, err error) {
	data := msgpack.Nil()
	if variable != "" {
		data = msgpack.Map(msgpack.Entry{Key: msgpack.Str("var_" + variable), Value: msgpack.Str(value)})
	}
	a, err := l.Request(ctx, path, data, rns.RequestOptions{})
	if err != nil {
		return nil, err
	}
	page, _ = a.Data.Bin()
	return page, nil
}

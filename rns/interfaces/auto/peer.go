package auto

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

var errGone = errors.New("the peer is not heard any more")

// peer is the interface of one other node.
type peer struct {
	*carrier.Spawned
	address netip.Addr     // without zone
	to      netip.AddrPort // where its packets go
	socket  Socket         // of the link
	inbox   chan []byte
	waiting *atomic.Int64 // bytes in the inboxes of all peers
	gone    chan struct{} // closed when it is not heard any more
}

var _ interfaces.Interface = (*peer)(nil)

func newPeer(c *Config, l *link, address netip.Addr, waiting *atomic.Int64) *peer {
	name := "AutoInterfacePeer[" + l.Device + "/" + address.String() + "]"
	return &peer{
		Spawned: carrier.NewSpawned(name, c.Options.Properties(kind()), c.QueueFrames, c.QueueBytes, nil),
		address: address,
		to:      netip.AddrPortFrom(address.WithZone(strconv.Itoa(l.Index)), uint16(c.DataPort)),
		socket:  l.data,
		inbox:   make(chan []byte, inboxFrames),
		waiting: waiting,
		gone:    make(chan struct{}),
	}
}

// take puts a datagram into the inbox. It does not wait.
func (p *peer) take(payload []byte) {
	if len(payload) > p.Properties().FrameLimit {
		p.Engine.Drop(interfaces.RxDrops{TooLong: 1})
		return
	}
	n := int64(len(payload))
	if p.waiting.Add(n) <= inboxBytes {
		select {
		case p.inbox <- bytes.Clone(payload):
			return
		default:
		}
	}
	p.waiting.Add(-n)
	p.Engine.Drop(interfaces.RxDrops{Overflow: 1})
}

// empty forgets what was not taken in. It is called when nobody calls take any more.
func (p *peer) empty() {
	for {
		select {
		case frame := <-p.inbox:
			p.waiting.Add(-int64(len(frame)))
		default:
			return
		}
	}
}

// Run carries frames until ctx ends or the peer is not heard any more. It can be called once; after that it returns ErrDown.
func (p *peer) Run(ctx context.Context, deliver func(frame []byte)) error {
	return p.RunOnce(ctx, func() error {
		carrying, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			carrier.WriteDatagrams(ctx, carrying, p.Engine, func(frame []byte) (int, error) { return p.socket.WriteToUDPAddrPort(frame, p.to) })
		})
		err := p.read(ctx, deliver)
		stop()
		wg.Wait()
		p.Engine.Down(err)
		return err
	})
}

func (p *peer) read(ctx context.Context, deliver func([]byte)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.gone:
			return errGone
		case frame := <-p.inbox:
			p.waiting.Add(-int64(len(frame)))
			p.Engine.Received(len(frame))
			deliver(frame)
		}
	}
}

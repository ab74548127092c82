package carrier

import (
	"context"
	"sync/atomic"
	"time"

	"groupd/rns/interfaces"
)

// Spawned is the part of a spawned interface that is the same for all: it is up when it is made, runs once, and is over then.
// Make it with NewSpawned.
type Spawned struct {
	Face
	Engine *Engine
	over   chan struct{} // closed when RunOnce returns
	ran    atomic.Bool
}

// NewSpawned makes an interface that is up. The arguments are those of New.
func NewSpawned(name string, props interfaces.Properties, frames, bytes int, framing Framing) *Spawned {
	s := &Spawned{over: make(chan struct{})}
	s.Face, s.Engine = New(name, props, frames, bytes, framing)
	s.Engine.Up()
	return s
}

// RunOnce is Run around what the carrier does: a second Run is ErrRunning, or ErrDown when the first has ended. What carry
// returns counts only when ctx has not ended.
func (s *Spawned) RunOnce(ctx context.Context, carry func() error) error {
	if !s.Engine.Begin() {
		return interfaces.ErrRunning
	}
	defer s.Engine.End()
	if s.ran.Swap(true) {
		return interfaces.ErrDown
	}
	defer close(s.over)
	err := carry()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Attend gives the interface i, of which s is a part, to transport, and waits until its Run is over, it is gone (nil: it
// cannot know), or ctx ends. Then transport has detached it, and it is down. taken is false when transport refused it.
func (s *Spawned) Attend(ctx context.Context, i interfaces.Interface, gone <-chan struct{}, attach func(interfaces.Interface) (detach func())) (taken bool) {
	defer s.Engine.Down(nil) // where Run was never called
	detach := attach(i)
	if detach == nil {
		return false
	}
	select {
	case <-s.over:
	case <-gone:
	case <-ctx.Done():
	}
	detach()
	return true
}

// Connection is the interface of one connection that the other side made. It is not connected anew. Make it with
// NewConnection.
type Connection struct {
	*Spawned
	conn         Conn
	writeTimeout time.Duration
}

var _ interfaces.Interface = (*Connection)(nil)

// NewConnection makes the interface of a connection. For writeTimeout see Carry.
func NewConnection(s *Spawned, conn Conn, writeTimeout time.Duration) *Connection {
	return &Connection{Spawned: s, conn: conn, writeTimeout: writeTimeout}
}

// Run carries frames until ctx ends or the connection breaks. It can be called once; after that it returns ErrDown.
func (c *Connection) Run(ctx context.Context, deliver func(frame []byte)) error {
	return c.RunOnce(ctx, func() error { return c.Engine.Carry(ctx, c.conn, c.writeTimeout, deliver) })
}

// Serve gives the interface to transport, waits until it is over, and closes the connection.
func (c *Connection) Serve(ctx context.Context, attach func(interfaces.Interface) (detach func())) (taken bool) {
	defer c.conn.Close()
	return c.Attend(ctx, c, nil, attach)
}

package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

// ErrMasterGone is what Run returns when the master went and ClientConfig.Lost said not to wait for it.
var ErrMasterGone = errors.New("the shared instance is gone")

// ClientConfig describes the program's side.
type ClientConfig struct {
	// Endpoint of the master.
	Endpoint Endpoint

	Options

	// Conn is a connection to the master that is open already; it belongs to the Client. nil: Run dials.
	Conn net.Conn
	// Dial connects. nil: Endpoint.Dial.
	Dial func(context.Context) (net.Conn, error)
	// ReconnectWait is between attempts to connect. 0: 1 s.
	ReconnectWait time.Duration
	// Lost is asked before each attempt to connect again, with the time for which the master has been gone. When it
	// answers true, Run ends with ErrMasterGone. It is called from the goroutine of Run. nil: never.
	Lost func(since time.Duration) bool
}

// Client is the interface to the shared instance of this machine, connected anew whenever that comes back. Make it with
// NewClient.
type Client struct {
	carrier.Face
	engine *carrier.Engine
	config ClientConfig

	mu   sync.Mutex // leaf
	conn net.Conn   // the one that was given, until it is used
}

var (
	_ interfaces.Interface  = (*Client)(nil)
	_ interfaces.UpNotifier = (*Client)(nil)
)

// NewClient makes the interface. A connection that was given is used by the first Run, and closed by Close if there is none.
func NewClient(config ClientConfig) (*Client, error) {
	if config.Endpoint == (Endpoint{}) {
		return nil, errors.New("shared instance without an endpoint")
	}
	config.Options = config.Options.complete()
	if config.ReconnectWait <= 0 {
		config.ReconnectWait = DefaultReconnectWait
	}
	if config.Dial == nil {
		config.Dial = config.Endpoint.Dial
	}
	c := &Client{config: config, conn: config.Conn}
	c.Face, c.engine = config.Options.engine("LocalInterface[" + config.Endpoint.String() + "]")
	return c, nil
}

// NotifyUp has f called after each connect, from the goroutine of Run.
func (c *Client) NotifyUp(f func()) { c.engine.OnUp(f) }

// Close gives up the connection that was given, if Run has not used it.
func (c *Client) Close() error {
	if conn := c.given(); conn != nil {
		return conn.Close()
	}
	return nil
}

func (c *Client) given() net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	conn := c.conn
	c.conn = nil
	return conn
}

// Run connects and carries frames until ctx ends, or until Lost says that it is over. While there is no connection Send
// answers ErrDown.
func (c *Client) Run(ctx context.Context, deliver func(frame []byte)) error {
	if !c.engine.Begin() {
		return interfaces.ErrRunning
	}
	defer c.engine.End()
	gone := time.Now()
	for first := true; ; first = false {
		conn, err := c.given(), error(nil)
		if conn == nil {
			if !first && c.config.Lost != nil && c.config.Lost(time.Since(gone)) {
				return ErrMasterGone
			}
			conn, err = c.config.Dial(ctx)
		}
		if err == nil {
			err = c.carry(ctx, conn, deliver)
			gone = time.Now()
			if ctx.Err() == nil {
				c.config.Logger.Warn("the shared instance is gone", "iface", c.Name(), "err", err)
			}
		} else {
			c.engine.Down(err)
		}
		if !carrier.Pause(ctx, c.config.ReconnectWait, nil) {
			return nil
		}
	}
}

// carry carries frames over one connection until it breaks.
func (c *Client) carry(ctx context.Context, conn net.Conn, deliver func([]byte)) error {
	c.config.Logger.Debug("connected to the shared instance", "iface", c.Name())
	c.engine.Up()
	if err := c.engine.Carry(ctx, conn, c.config.WriteTimeout, deliver); err != nil {
		return fmt.Errorf("shared instance: %w", err)
	}
	return nil
}

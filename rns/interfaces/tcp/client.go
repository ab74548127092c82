package tcp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

// ErrGaveUp is what Run returns when ClientConfig.MaxReconnectTries attempts failed.
var ErrGaveUp = errors.New("gave up reconnecting")

// ClientConfig describes a TCPClientInterface (spec 3 §2.1).
type ClientConfig struct {
	// Name is the title of the section in the configuration.
	Name string
	// Host is a name or an IPv4 or IPv6 address, as configured; Port is 1 to 65535.
	Host string
	Port int

	Options

	// KISSFraming frames packets as for a TNC, with which nobody but such a device can talk: servers speak HDLC. No tunnel is
	// set up over it, so the function given to NotifyUp is not called (spec 3 §2.3).
	KISSFraming bool
	// Class is the first part of the name. Empty: "TCPInterface".
	Class string

	// ConnectTimeout bounds an attempt to connect. 0: 5 s.
	ConnectTimeout time.Duration
	// ReconnectWait and MaxReconnectWait: see DefaultReconnectWait. 0: 5 s and 60 s. When a connection received a frame or
	// lasted for MaxReconnectWait, waits begin at ReconnectWait again.
	ReconnectWait, MaxReconnectWait time.Duration
	// MaxReconnectTries ends Run when so many attempts to reconnect failed in a row. 0: never.
	MaxReconnectTries int

	// Dial connects. nil: TCP with the keepalive options of spec 3 §2.1.
	Dial DialFunc
	// Jitter gives numbers from 0 to below 1 that lengthen waits. nil: random.
	Jitter func() float64
}

// Client is a connection to one server, connected anew whenever it breaks. Make it with NewClient, and add it to the
// transport with the option Tunnel, or after each break the server's side has no path to us until we announce again.
type Client struct {
	carrier.Face
	engine  *carrier.Engine
	config  ClientConfig
	address string
	retry   chan struct{} // capacity 1
}

var (
	_ interfaces.Interface  = (*Client)(nil)
	_ interfaces.UpNotifier = (*Client)(nil)
)

// NewClient checks the configuration. Nothing is connected before Run.
func NewClient(config ClientConfig) (*Client, error) {
	if config.Host == "" {
		return nil, errors.New("TCP client without a host")
	}
	if config.Port < 1 || config.Port > 65535 {
		return nil, fmt.Errorf("TCP client: port %d is not between 1 and 65535", config.Port)
	}
	if config.ConnectTimeout < 0 || config.ReconnectWait < 0 || config.MaxReconnectWait < 0 || config.MaxReconnectTries < 0 {
		return nil, errors.New("TCP client: negative timeout, wait or number of tries")
	}
	var err error
	if config.Options, err = config.Options.complete(); err != nil {
		return nil, fmt.Errorf("TCP client: %w", err)
	}
	carrier.Default(&config.Class, "TCPInterface")
	carrier.Default(&config.ConnectTimeout, DefaultConnectTimeout)
	carrier.Default(&config.ReconnectWait, DefaultReconnectWait)
	carrier.Default(&config.MaxReconnectWait, DefaultMaxReconnectWait)
	if config.Dial == nil {
		config.Dial = (&net.Dialer{}).DialContext
	}
	if config.Jitter == nil {
		config.Jitter = rand.Float64
	}
	address := net.JoinHostPort(config.Host, strconv.Itoa(config.Port))
	c := &Client{config: config, address: address, retry: make(chan struct{}, 1)}
	framing := hdlcFraming()
	if config.KISSFraming {
		framing = kissFraming{}
	}
	c.Face, c.engine = carrier.New(config.Class+"["+config.Name+"/"+address+"]", config.Options.properties(), config.QueueFrames, config.QueueBytes, framing)
	return c, nil
}

// NotifyUp has f called after each connect, from the goroutine of Run; never with KISSFraming.
func (c *Client) NotifyUp(f func()) {
	if !c.config.KISSFraming {
		c.engine.OnUp(f)
	}
}

// Retry ends the wait before the next attempt to connect, if there is one.
func (c *Client) Retry() { carrier.Poke(c.retry) }

// Run connects and carries frames until ctx ends, or until MaxReconnectTries is reached: then it returns ErrGaveUp and
// the reason of the last failure. While there is no connection Send answers ErrDown.
func (c *Client) Run(ctx context.Context, deliver func(frame []byte)) error {
	if !c.engine.Begin() {
		return interfaces.ErrRunning
	}
	defer c.engine.End()
	wait := c.config.ReconnectWait
	failed := -1 // attempts to reconnect that failed in a row; the first attempt of all is none
	for {
		began, heard := time.Now(), c.engine.Heard()
		connected, err := c.connect(ctx, deliver)
		if ctx.Err() != nil {
			return nil
		}
		if connected {
			failed = 0
		} else if failed++; c.config.MaxReconnectTries > 0 && failed >= c.config.MaxReconnectTries {
			err = fmt.Errorf("%w after %d attempts: %w", ErrGaveUp, failed, err)
			c.engine.Down(err)
			return err
		}
		if connected && (c.engine.Heard() != heard || time.Since(began) >= c.config.MaxReconnectWait) {
			wait = c.config.ReconnectWait
		}
		level := c.config.Logger.Debug
		if connected || failed == 0 {
			level = c.config.Logger.Warn
		}
		pause := time.Duration(float64(wait) * (1 + c.config.Jitter()/5))
		level("tcp connection is down", "iface", c.Name(), "err", err, "wait", pause)
		if !carrier.Pause(ctx, pause, c.retry) {
			return nil
		}
		wait = min(wait+wait/2, max(c.config.MaxReconnectWait, c.config.ReconnectWait))
	}
}

// connect makes one connection and carries frames over it until it breaks.
func (c *Client) connect(ctx context.Context, deliver func([]byte)) (connected bool, err error) {
	dialing, cancel := context.WithTimeout(ctx, c.config.ConnectTimeout)
	conn, err := c.config.Dial(dialing, "tcp", c.address)
	cancel()
	if err != nil {
		c.engine.Down(err)
		return false, err
	}
	if err := tune(conn, c.config.I2PTunneled); err != nil {
		conn.Close()
		c.engine.Down(err)
		return false, err
	}
	c.config.Logger.Debug("tcp connection is up", "iface", c.Name())
	c.engine.Up()
	return true, c.engine.Carry(ctx, conn, c.config.WriteTimeout, deliver)
}

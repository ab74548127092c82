// Package udp carries one Reticulum packet per UDP datagram (UDPInterface, spec 3 §2.5): what is sent goes to one address,
// often a broadcast address, and what comes from anywhere is taken. IPv4 only, as the reference.
//
// It is a shared medium without a loop filter: own broadcasts come back, and transport knows them by their hash. Nothing says
// who sent a datagram; use an access code where others can reach the port.
package udp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

// Fixed by what others expect (spec 3 §1.4).
const (
	// DefaultBitrate in bit/s is assumed (BITRATE_GUESS).
	DefaultBitrate = 10_000_000
	// IFACSize in bytes is used where an access code is configured without a size (DEFAULT_IFAC_SIZE).
	IFACSize = 16
	// FrameLimit in bytes (HW_MTU). Links over UDP stay at 500 bytes.
	FrameLimit = 1064
)

// DefaultRetryWait is the wait before the socket is opened anew.
const DefaultRetryWait = 5 * time.Second

// ListenFunc opens a socket; net.ListenConfig.ListenPacket is one. network is "udp4".
type ListenFunc func(ctx context.Context, network, address string) (net.PacketConn, error)

// Config describes a UDPInterface.
type Config struct {
	// Name is the title of the section in the configuration.
	Name string
	// ListenHost and ListenPort are where datagrams are received; port 0 lets the system choose. ForwardHost and ForwardPort
	// are where they are sent. Hosts are IPv4 addresses or names.
	ListenHost  string
	ListenPort  int
	ForwardHost string
	ForwardPort int
	// Device, a network interface such as "eth0", gives its broadcast address to the hosts that are empty.
	Device string

	carrier.Options

	// RetryWait is the wait before the socket is opened anew after it failed. 0: 5 s.
	RetryWait time.Duration
	// Listen opens sockets: one to receive, one on port 0 to send. nil: the system's.
	Listen ListenFunc
	// Resolve finds the address to send to, each time the socket is opened. nil: the system's.
	Resolve func(ctx context.Context, host string) (netip.Addr, error)
	// OnListen is called with the address whenever the socket is open. It must not block. May be nil.
	OnListen func(net.Addr)
}

// Interface is the carrier. Make it with New.
type Interface struct {
	carrier.Face
	engine *carrier.Engine
	config Config
}

var (
	_ interfaces.Interface       = (*Interface)(nil)
	_ interfaces.FailureNotifier = (*Interface)(nil)
)

func kind() carrier.Kind {
	return carrier.Kind{Bitrate: DefaultBitrate, IFACSize: IFACSize, FrameLimit: FrameLimit}
}

// New checks the configuration and finds the address of the device, if one is needed. Nothing is opened before Run.
func New(c Config) (*Interface, error) {
	if c.ListenPort < 0 || c.ListenPort > 65535 || c.ForwardPort < 1 || c.ForwardPort > 65535 {
		return nil, fmt.Errorf("UDP: port %d or %d is not a port", c.ListenPort, c.ForwardPort)
	}
	if c.RetryWait < 0 {
		return nil, errors.New("UDP: negative wait")
	}
	var err error
	if c.Options, err = c.Options.Complete(kind()); err != nil {
		return nil, fmt.Errorf("UDP: %w", err)
	}
	if c.ListenHost == "" || c.ForwardHost == "" {
		if c.Device == "" {
			return nil, errors.New("UDP without an address to listen on, or to send to, or a device")
		}
		broadcast, err := deviceBroadcast(c.Device)
		if err != nil {
			return nil, fmt.Errorf("UDP: %w", err)
		}
		carrier.Default(&c.ListenHost, broadcast.String())
		carrier.Default(&c.ForwardHost, broadcast.String())
	}
	for _, host := range []string{c.ListenHost, c.ForwardHost} {
		if a, err := netip.ParseAddr(host); err == nil && !a.Is4() {
			return nil, fmt.Errorf("UDP: %s is not an IPv4 address", host)
		}
	}
	carrier.Default(&c.RetryWait, DefaultRetryWait)
	if c.Listen == nil {
		c.Listen = (&net.ListenConfig{}).ListenPacket
	}
	if c.Resolve == nil {
		c.Resolve = resolve
	}
	i := &Interface{config: c}
	name := "UDPInterface[" + c.Name + "/" + net.JoinHostPort(c.ListenHost, strconv.Itoa(c.ListenPort)) + "]"
	i.Face, i.engine = carrier.New(name, c.Options.Properties(kind()), c.QueueFrames, c.QueueBytes, nil)
	return i, nil
}

// FromConfig makes the carrier of a UDPInterface of the configuration.
func FromConfig(i config.Interface, log *slog.Logger) (*Interface, error) {
	u := i.UDP
	if u == nil {
		return nil, errors.New("not a UDP interface")
	}
	return New(Config{
		Name: i.Name, ListenHost: u.ListenIP, ListenPort: u.ListenPort, ForwardHost: u.ForwardIP, ForwardPort: u.ForwardPort,
		Device: u.Device, Options: carrier.FromConfig(i, log),
	})
}

// NotifyFailure has f called each time the socket breaks or cannot be opened.
func (i *Interface) NotifyFailure(f func(why error)) { i.engine.OnFailure(f) }

// Run opens the socket and carries frames until ctx ends. When the socket cannot be opened, or fails, it is opened again after
// RetryWait, forever: a network that is not there yet may come.
func (i *Interface) Run(ctx context.Context, deliver func(frame []byte)) error {
	if !i.engine.Begin() {
		return interfaces.ErrRunning
	}
	defer i.engine.End()
	for failures := 0; ; failures++ {
		opened, err := i.open(ctx, deliver)
		if ctx.Err() != nil {
			return nil
		}
		i.engine.Failed(err)
		level := i.config.Logger.Debug
		if opened || failures == 0 {
			level, failures = i.config.Logger.Warn, 0
		}
		level("udp socket is down", "iface", i.Name(), "err", err, "wait", i.config.RetryWait)
		if !carrier.Pause(ctx, i.config.RetryWait, nil) {
			return nil
		}
	}
}

// open opens the sockets and carries frames until one of them fails.
func (i *Interface) open(ctx context.Context, deliver func([]byte)) (opened bool, err error) {
	c := i.config
	to, err := c.Resolve(ctx, c.ForwardHost)
	if err != nil {
		i.engine.Down(err)
		return false, err
	}
	in, err := c.Listen(ctx, "udp4", net.JoinHostPort(c.ListenHost, strconv.Itoa(c.ListenPort)))
	if err != nil {
		i.engine.Down(err)
		return false, err
	}
	defer in.Close()
	// The source port of what is sent is of no meaning; sockets may broadcast unless told otherwise.
	out, err := c.Listen(ctx, "udp4", ":0")
	if err != nil {
		i.engine.Down(err)
		return false, err
	}
	defer out.Close()

	carrying, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	i.engine.Up()
	if c.OnListen != nil {
		c.OnListen(in.LocalAddr())
	}
	wg.Go(func() {
		addr := net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, uint16(c.ForwardPort)))
		carrier.WriteDatagrams(ctx, carrying, i.engine, func(frame []byte) (int, error) { return out.WriteTo(frame, addr) })
	})
	wg.Go(func() {
		<-carrying.Done()
		in.SetReadDeadline(time.Unix(1, 0))
		out.SetWriteDeadline(time.Now().Add(interfaces.Linger))
	})
	err = i.read(in, deliver)
	stop()
	wg.Wait()
	if ctx.Err() != nil {
		err = nil
	}
	i.engine.Down(err)
	return true, err
}

// read delivers datagrams until the socket fails.
func (i *Interface) read(conn net.PacketConn, deliver func([]byte)) error {
	buf := make([]byte, FrameLimit+1)
	for {
		n, _, err := conn.ReadFrom(buf)
		switch {
		case err != nil:
			return err
		case n > FrameLimit:
			i.engine.Drop(interfaces.RxDrops{TooLong: 1})
		case n == 0:
		default:
			i.engine.Received(n)
			deliver(buf[:n])
		}
	}
}

// deviceBroadcast is the broadcast address of the device's first IPv4 network.
func deviceBroadcast(device string) (netip.Addr, error) {
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("device %q: %w", device, err)
	}
	list, err := dev.Addrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("addresses of device %q: %w", device, err)
	}
	var prefixes []netip.Prefix
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			prefixes = append(prefixes, p)
		}
	}
	return chooseBroadcast(device, prefixes)
}

func chooseBroadcast(device string, prefixes []netip.Prefix) (netip.Addr, error) {
	for _, p := range prefixes {
		if !p.Addr().Is4() {
			continue
		}
		b := p.Addr().As4()
		for bit := p.Bits(); bit < 32; bit++ {
			b[bit/8] |= 0x80 >> (bit % 8)
		}
		return netip.AddrFrom4(b), nil
	}
	return netip.Addr{}, fmt.Errorf("device %q has no IPv4 address", device)
}

// resolve finds the first IPv4 address of a host.
func resolve(ctx context.Context, host string) (netip.Addr, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrs[0].Unmap(), nil
}

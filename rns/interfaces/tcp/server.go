package tcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
)

// ServerConfig describes a TCPServerInterface (spec 3 §2.2).
type ServerConfig struct {
	// Name is the title of the section in the configuration.
	Name string
	// Host is the name or address to bind, as configured, and Port the port; 0 lets the system choose.
	Host string
	Port int
	// Device, a network interface such as "eth0", replaces Host by the device's first IPv4 address, or IPv6 address where
	// PreferIPv6 is set or it has no other.
	Device string
	// PreferIPv6 binds the IPv6 address of a Host that has both.
	PreferIPv6 bool

	Options

	// MaxConnections is how many there may be at once. 0: 128. More are closed at once and counted.
	MaxConnections int
	// MaxPerAddress is how many of them may come from one IP address. 0: as many as there may be at all, since
	// the members behind one router, tunnel or proxy share an address.
	MaxPerAddress int
	// Flaps blocks addresses whose connections do not last. nil: none is blocked.
	Flaps *FlapTable
	// Class is the first part of the name, PeerClass that of the interfaces made. Empty: "TCPServerInterface", "TCPInterface".
	Class, PeerClass string

	// Listen opens the listener. nil: TCP.
	Listen ListenFunc
	// OnListen is called with the address once the listener is open. It must not block. May be nil.
	OnListen func(net.Addr)
}

// ServerStats count what happened to a Server.
type ServerStats struct {
	// Connections there are now.
	Connections int
	// Accepted connections became interfaces, Refused ones were too many, Blocked ones came from addresses that flap.
	Accepted, Refused, Blocked uint64
	// LastError of the listener.
	LastError string
}

// Server waits for connections and makes an interface of each. Make it with NewServer.
type Server struct {
	config  ServerConfig
	name    string
	network string
	address string
	serving atomic.Bool

	mu      sync.Mutex
	perAddr map[netip.Addr]int
	stats   ServerStats
}

var _ interfaces.Spawner = (*Server)(nil)

// NewServer checks the configuration and finds the address of the device, if one is named. It does not listen yet.
func NewServer(config ServerConfig) (*Server, error) {
	if config.Port < 0 || config.Port > 65535 {
		return nil, fmt.Errorf("TCP server: port %d is not between 0 and 65535", config.Port)
	}
	if config.MaxConnections < 0 || config.MaxPerAddress < 0 {
		return nil, errors.New("TCP server: negative number of connections")
	}
	var err error
	if config.Options, err = config.Options.complete(); err != nil {
		return nil, fmt.Errorf("TCP server: %w", err)
	}
	if config.Device != "" {
		if config.Host, err = deviceAddress(config.Device, config.PreferIPv6); err != nil {
			return nil, fmt.Errorf("TCP server: %w", err)
		}
	}
	if config.Host == "" {
		return nil, errors.New("TCP server without an address or device to listen on")
	}
	carrier.Default(&config.Class, "TCPServerInterface")
	carrier.Default(&config.PeerClass, "TCPInterface")
	carrier.Default(&config.MaxConnections, DefaultMaxConnections)
	carrier.Default(&config.MaxPerAddress, config.MaxConnections)
	if config.Listen == nil {
		config.Listen = (&net.ListenConfig{}).Listen
	}
	address := net.JoinHostPort(config.Host, strconv.Itoa(config.Port))
	return &Server{
		config:  config,
		name:    config.Class + "[" + config.Name + "/" + address + "]",
		network: bindNetwork(config.Host, config.PreferIPv6),
		address: address,
		perAddr: make(map[netip.Addr]int),
	}, nil
}

// Name is the name string of spec 3 §6.1.
func (s *Server) Name() string { return s.name }

// Stats is a snapshot, safe from any goroutine.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Properties are those of the interfaces made, safe from any goroutine.
func (s *Server) Properties() interfaces.Properties { return s.config.properties() }

// Serve listens until ctx ends, or returns why it cannot. A listener that runs out of file descriptors goes on when
// there are some again.
func (s *Server) Serve(ctx context.Context, attach func(interfaces.Interface) (detach func())) error {
	if s.serving.Swap(true) {
		return interfaces.ErrRunning
	}
	defer s.serving.Store(false)
	listener, err := s.config.Listen(ctx, s.network, s.address)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		s.failed(err)
		return fmt.Errorf("listening for %s: %w", s.name, err)
	}
	if s.config.OnListen != nil {
		s.config.OnListen(listener.Addr())
	}
	failed := func(err error) {
		s.failed(err)
		s.config.Logger.Warn("tcp accept failed", "iface", s.name, "err", err)
	}
	err = carrier.Serve(ctx, listener, failed, func(ctx context.Context, conn net.Conn) func() {
		from := peerAddr(conn)
		if !s.admit(from) {
			s.config.Logger.Debug("tcp connection refused", "iface", s.name, "from", conn.RemoteAddr())
			return nil
		}
		return func() {
			began := time.Now()
			s.spawn(ctx, conn, attach)
			s.leave(from)
			if ctx.Err() == nil && s.config.Flaps != nil {
				s.config.Flaps.Closed(from, time.Since(began))
			}
		}
	})
	if err != nil {
		return fmt.Errorf("accepting for %s: %w", s.name, err)
	}
	return nil
}

// spawn offers one connection to transport, and waits until it is over.
func (s *Server) spawn(ctx context.Context, conn net.Conn, attach func(interfaces.Interface) func()) {
	if err := tune(conn, s.config.I2PTunneled); err != nil {
		conn.Close()
		return
	}
	o, name := s.config.Options, s.config.PeerClass+"[Client on "+s.config.Name+"/"+peerName(conn)+"]"
	spawned := carrier.NewSpawned(name, o.properties(), o.QueueFrames, o.QueueBytes, hdlcFraming())
	carrier.NewConnection(spawned, conn, o.WriteTimeout).Serve(ctx, attach)
}

// admit takes one of the places for connections.
func (s *Server) admit(from netip.Addr) bool {
	blocked := s.config.Flaps != nil && s.config.Flaps.Blocked(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	if blocked {
		s.stats.Blocked++
		return false
	}
	if s.stats.Connections >= s.config.MaxConnections || s.perAddr[from] >= s.config.MaxPerAddress {
		s.stats.Refused++
		return false
	}
	s.stats.Connections++
	s.stats.Accepted++
	s.perAddr[from]++
	return true
}

func (s *Server) leave(from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Connections--
	if s.perAddr[from]--; s.perAddr[from] == 0 {
		delete(s.perAddr, from)
	}
}

func (s *Server) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.LastError = err.Error()
}

// bindNetwork is the network to listen on, so that an IPv4 address binds IPv4 only, and "::" both.
func bindNetwork(host string, preferIPv6 bool) string {
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && addr.Is4():
		return "tcp4"
	case err != nil && preferIPv6:
		return "tcp6"
	}
	return "tcp"
}

// deviceAddress is the address of a network device to bind (option "device").
func deviceAddress(device string, preferIPv6 bool) (string, error) {
	dev, err := net.InterfaceByName(device)
	if err != nil {
		return "", fmt.Errorf("device %q: %w", device, err)
	}
	list, err := dev.Addrs()
	if err != nil {
		return "", fmt.Errorf("addresses of device %q: %w", device, err)
	}
	var addrs []netip.Addr
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			addrs = append(addrs, p.Addr())
		}
	}
	return chooseAddress(device, addrs, preferIPv6)
}

// chooseAddress is the first IPv4 address, or the first IPv6 address where that is preferred or the only one.
// Link-local IPv6 addresses get the device as their zone.
func chooseAddress(device string, addrs []netip.Addr, preferIPv6 bool) (string, error) {
	var v4, v6 netip.Addr
	for _, a := range addrs {
		if a.Is4() && !v4.IsValid() {
			v4 = a
		}
		if a.Is6() && !v6.IsValid() {
			v6 = a
		}
	}
	if v4.IsValid() && !(preferIPv6 && v6.IsValid()) {
		return v4.String(), nil
	}
	if !v6.IsValid() {
		return "", fmt.Errorf("device %q has no address", device)
	}
	if v6.IsLinkLocalUnicast() {
		v6 = v6.WithZone(device)
	}
	return v6.String(), nil
}

// peerAddr is the IP address of the other side; none for what is not TCP.
func peerAddr(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// peerName is how the other side is named: address and port, an IPv6 address in brackets.
func peerName(conn net.Conn) string {
	a, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return strings.ToValidUTF8(conn.RemoteAddr().String(), "?")
	}
	p := a.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()).String()
}

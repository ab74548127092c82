// Package backbone is BackboneInterface of the reference (spec 3 §2.4): TCP with the same frames as package tcp, other names,
// larger MTUs, and listeners that block addresses whose connections do not last. It is made of package tcp, and any
// combination of ends of the two interoperates.
package backbone

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"

	"groupd/rns/config"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/tcp"
)

// Bitrates in bit/s that are assumed unless configured; the MTUs offered to links, 524 288 and 16 384 bytes, follow from
// them (spec 3 §1.4).
const (
	ListenerBitrate = 1_000_000_000
	ClientBitrate   = 100_000_000
)

const class = "BackboneInterface"

// NewServer makes a listener of a TCP server's configuration: with the names and the bitrate of Backbone. A FlapTable is used
// where it is given. KISS, a fixed MTU and the I2P profile do not exist here and are refused.
func NewServer(c tcp.ServerConfig) (*tcp.Server, error) {
	if err := check(c.Options); err != nil {
		return nil, err
	}
	c.Class, c.PeerClass = class, class
	carrier.Default(&c.Bitrate, ListenerBitrate)
	return tcp.NewServer(c)
}

// NewClient makes a client of a TCP client's configuration. preferIPv6 takes an IPv6 address of a host that has both;
// otherwise an IPv4 address is taken. A host with addresses of one kind is reached by that. ClientConfig.Dial, when set,
// is asked for "tcp4" or "tcp6" first, and for "tcp" when that fails.
func NewClient(c tcp.ClientConfig, preferIPv6 bool) (*tcp.Client, error) {
	if err := check(c.Options); err != nil {
		return nil, err
	}
	if c.KISSFraming {
		return nil, errors.New("backbone has no KISS framing")
	}
	c.Class = class
	carrier.Default(&c.Bitrate, ClientBitrate)
	if _, err := netip.ParseAddr(c.Host); err != nil {
		c.Dial = prefer(c.Dial, preferIPv6)
	}
	return tcp.NewClient(c)
}

func check(o tcp.Options) error {
	if o.FixedMTU != 0 || o.I2PTunneled {
		return errors.New("backbone has neither a fixed MTU nor I2P keepalives")
	}
	return nil
}

// prefer dials one family of addresses first.
func prefer(dial tcp.DialFunc, ipv6 bool) tcp.DialFunc {
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	first := "tcp4"
	if ipv6 {
		first = "tcp6"
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, first, address)
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		return dial(ctx, network, address)
	}
}

// ServerFromConfig makes a listener of a BackboneInterface of the configuration. flaps may be shared by all listeners of the
// process, as in the reference; nil: the listener has its own, with the options of its section. Where the section has
// block_fast_flapping = no, neither is used.
func ServerFromConfig(i config.Interface, flaps *tcp.FlapTable, log *slog.Logger) (*tcp.Server, error) {
	b := i.BackboneListener
	if b == nil {
		return nil, errors.New("not a Backbone listener")
	}
	if flaps == nil {
		var err error
		if flaps, err = FlapTableFromConfig(b); err != nil {
			return nil, err
		}
	}
	if !b.BlockFastFlapping {
		flaps = nil
	}
	return NewServer(tcp.ServerConfig{
		Name: i.Name, Host: b.ListenIP, Port: b.ListenPort, Device: b.Device, PreferIPv6: b.PreferIPv6,
		Options: tcp.OptionsFrom(carrier.FromConfig(i, log)), Flaps: flaps,
	})
}

// FlapTableFromConfig makes a table with the options of a listener.
func FlapTableFromConfig(b *config.BackboneListener) (*tcp.FlapTable, error) {
	grace := b.FastFlappingGrace
	if grace == 0 {
		grace = -1
	}
	return tcp.NewFlapTable(tcp.FlapConfig{Threshold: b.FastFlappingThreshold, Grace: grace, BlockTime: b.FastFlappingBlockTime})
}

// ClientFromConfig makes a client of a BackboneInterface with a target, or of a BackboneClientInterface.
func ClientFromConfig(i config.Interface, log *slog.Logger) (*tcp.Client, error) {
	b := i.BackboneClient
	if b == nil {
		return nil, errors.New("not a Backbone client")
	}
	return NewClient(tcp.ClientConfig{
		Name: i.Name, Host: b.TargetHost, Port: b.TargetPort, Options: tcp.OptionsFrom(carrier.FromConfig(i, log)),
		ConnectTimeout: b.ConnectTimeout, MaxReconnectTries: b.MaxReconnectTries,
	}, b.PreferIPv6)
}

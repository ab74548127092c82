package auto

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces/carrier"
)

// Fixed by what others expect (spec 3 §1.4, §2.6).
const (
	// DefaultGroupID of those who do not say otherwise.
	DefaultGroupID = "reticulum"
	// DefaultDiscoveryPort is where multicasts go; unicasts go to the one after it.
	DefaultDiscoveryPort = 29716
	// DefaultDataPort is where packets go.
	DefaultDataPort = 42671
	// DefaultBitrate in bit/s is assumed (BITRATE_GUESS).
	DefaultBitrate = 10_000_000
	// MTU in bytes offered to links (HW_MTU); it does not follow from the bitrate.
	MTU = 1196
	// IFACSize in bytes is used where an access code is configured without a size (DEFAULT_IFAC_SIZE).
	IFACSize = 16

	announceInterval = 1600 * time.Millisecond
	startupWait      = announceInterval * 12 / 10   // what is discovered before is ignored
	peeringTimeout   = 22 * time.Second             // a peer that is not heard for so long is gone
	jobInterval      = 4 * time.Second              // between two looks at peers and devices
	reverseInterval  = announceInterval * 325 / 100 // between two unicasts to a peer
	echoTimeout      = 6500 * time.Millisecond      // without our own multicasts the carrier is lost
	rebindInterval   = 1250 * time.Millisecond      // between two tries to open sockets
	recentDatagrams  = 48
	recentTime       = 750 * time.Millisecond
)

// Tunables, each with a field in Config.
const (
	// DefaultMaxPeers is how many peers there are at once. Others are ignored, and counted.
	DefaultMaxPeers = 256
	// DefaultQueueBytes bounds the write queue of each peer; sockets hardly ever make us wait.
	DefaultQueueBytes = 256 << 10
	// inboxFrames is how many frames of a peer wait for being taken in, and inboxBytes how much of all peers does; what is
	// more is dropped.
	inboxFrames = 256
	inboxBytes  = 8 << 20
)

// Config describes an AutoInterface. Zero fields take their defaults.
type Config struct {
	// Name is the title of the section in the configuration.
	Name string
	// GroupID separates networks that do not want to find each other. Empty: "reticulum".
	GroupID string
	// DiscoveryScope and MulticastAddressType: the words in token.go. Empty: link, temporary.
	DiscoveryScope, MulticastAddressType string
	// DiscoveryPort and DataPort: 0 is 29716 and 42671.
	DiscoveryPort, DataPort int
	// Devices are the ones to use; nil: all that have a link-local address. IgnoredDevices are not used.
	Devices, IgnoredDevices []string

	carrier.Options

	// MaxPeers: 0 is 256.
	MaxPeers int
	// Network: nil is that of this machine.
	Network Network
}

func kind() carrier.Kind {
	return carrier.Kind{Bitrate: DefaultBitrate, MTU: MTU, IFACSize: IFACSize}
}

// FromConfig makes the carrier of an AutoInterface of the configuration.
func FromConfig(i config.Interface, log *slog.Logger) (*Interface, error) {
	a := i.Auto
	if a == nil {
		return nil, errors.New("not an AutoInterface")
	}
	return New(Config{
		Name: i.Name, GroupID: a.GroupID, DiscoveryScope: a.DiscoveryScope, MulticastAddressType: a.MulticastAddressType,
		DiscoveryPort: a.DiscoveryPort, DataPort: a.DataPort, Devices: a.Devices, IgnoredDevices: a.IgnoredDevices,
		Options: carrier.FromConfig(i, log),
	})
}

// New checks the configuration. Nothing is opened before Serve.
func New(c Config) (*Interface, error) {
	carrier.Default(&c.GroupID, DefaultGroupID)
	carrier.Default(&c.DiscoveryScope, ScopeLink)
	carrier.Default(&c.MulticastAddressType, AddressTemporary)
	carrier.Default(&c.DiscoveryPort, DefaultDiscoveryPort)
	carrier.Default(&c.DataPort, DefaultDataPort)
	carrier.Default(&c.MaxPeers, DefaultMaxPeers)
	group, err := groupAddress(c.GroupID, c.DiscoveryScope, c.MulticastAddressType)
	switch {
	case err != nil:
		return nil, fmt.Errorf("AutoInterface: %w", err)
	case c.DiscoveryPort < 1 || c.DiscoveryPort > 65534 || c.DataPort < 1 || c.DataPort > 65535:
		return nil, fmt.Errorf("AutoInterface: port %d or %d is not a port", c.DiscoveryPort, c.DataPort)
	case c.DataPort == c.DiscoveryPort || c.DataPort == c.DiscoveryPort+1:
		return nil, errors.New("AutoInterface: the data port is one of the two ports of discovery")
	case c.MaxPeers < 0:
		return nil, errors.New("AutoInterface: negative number of peers")
	}
	carrier.Default(&c.QueueBytes, DefaultQueueBytes)
	if c.Options, err = c.Options.Complete(kind()); err != nil {
		return nil, fmt.Errorf("AutoInterface: %w", err)
	}
	if c.Network == nil {
		c.Network = System()
	}
	c.Devices, c.IgnoredDevices = slices.Clone(c.Devices), slices.Clone(c.IgnoredDevices)
	return &Interface{config: c, group: group, table: newTable(c.GroupID, c.MaxPeers)}, nil
}

// uses says whether a device is to be used.
func (c *Config) uses(device string) bool {
	if len(c.Devices) > 0 && !slices.Contains(c.Devices, device) {
		return false
	}
	return device != "lo0" && !slices.Contains(c.IgnoredDevices, device)
}

package rnode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/serial"
)

// Tunables, each with a field in Config where it says so.
const (
	// Speed in baud of an RNode's serial port.
	Speed = 115200
	// SettleTime is how long a device is left alone after its port was opened, since that reboots some (spec 3 §3.3).
	// Config.SettleTime.
	SettleTime = 2 * time.Second
	// DetectTimeout bounds the wait for a device to say that it is an RNode, on a serial port and on TCP. The reference waits
	// 0.2 s on serial ports.
	DetectTimeout    = time.Second
	DetectTimeoutTCP = 5 * time.Second
	// ReportTimeout bounds the wait for the device to report the settings it was given.
	ReportTimeout    = time.Second
	ReportTimeoutTCP = 1500 * time.Millisecond
	// versionWait is how long after detection a firmware version may take. None at all is tolerated.
	versionWait = 250 * time.Millisecond
	// steadyTime passes between the last report and the first packet.
	steadyTime = 300 * time.Millisecond

	// ProbeAfter is after how long without a byte from a device it is asked whether it is there. On TCP it is asked whenever
	// nothing was written for KeepaliveTCP, since it drops silent hosts (spec 3 §3.1).
	ProbeAfter   = 20 * time.Second
	KeepaliveTCP = 3500 * time.Millisecond
	// SilenceLimit is how long a device may be silent, and FlowTimeout how long it may leave the question unanswered whether it
	// is ready; both beside the time that it may need to transmit all its queue.
	SilenceLimit = 60 * time.Second
	FlowTimeout  = 5 * time.Second
	// askAgain is when a device that is full is asked again.
	askAgain = 500 * time.Millisecond
	// FullLimit is how long a device may be full, beside the time that its queue takes, and LockedLimit how much longer where
	// airtime limits are configured.
	FullLimit   = 2 * time.Minute
	LockedLimit = time.Hour

	deviceQueue = 6144 // bytes that a device queues, at most
)

// TCPPort is where RNodes on a network listen. It is fixed.
const TCPPort = "7633"

// Config describes an RNodeInterface (spec 3 §3.5).
type Config struct {
	// Name is the title of the section in the configuration.
	Name string
	// Port is the path of a serial device, best one under /dev/serial/by-id, or "tcp://host".
	Port string

	Radio

	// FlowControl: the next packet waits until the device says that it has room.
	FlowControl bool
	// Callsign of at most 32 bytes, and Interval after the first transmission at which it is sent as a packet of its own.
	// Without either there is no beacon.
	Callsign string
	Interval time.Duration

	serial.Options

	// SettleTime after opening. 0: 2 s.
	SettleTime time.Duration
	// Open opens the port. nil: what Port says.
	Open serial.OpenFunc
	// Dial connects for "tcp://". nil: TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Interface carries packets through an RNode. Make it with New.
type Interface struct {
	*serial.Carrier
	config Config
	open   serial.OpenFunc
	tcp    bool

	mu      sync.Mutex // never held while waiting or calling out
	state   State
	failure error
	reports Reports // of the last session
	signal  interfaces.Signal
	screens map[byte]chan []byte
}

var (
	_ interfaces.Interface     = (*Interface)(nil)
	_ interfaces.UpNotifier    = (*Interface)(nil)
	_ interfaces.RadioReporter = (*Interface)(nil)
)

// New checks the configuration. Nothing is opened before Run.
func New(config Config) (*Interface, error) {
	i := &Interface{open: config.Open, screens: make(map[byte]chan []byte)}
	err := errors.Join(config.Radio.Validate(), i.choosePort(config))
	if len(config.Callsign) > MaxCallsign {
		err = errors.Join(err, fmt.Errorf("id_callsign has %d bytes: the longest has %d", len(config.Callsign), MaxCallsign))
	}
	if config.Interval < 0 || config.SettleTime < 0 {
		err = errors.Join(err, errors.New("negative time"))
	}
	if err != nil {
		return nil, fmt.Errorf("RNode interface: %w", err)
	}
	if config.Callsign == "" {
		config.Interval = 0
	}
	if config.SettleTime == 0 {
		config.SettleTime = SettleTime
	}
	i.config = config
	i.Carrier, err = serial.NewCarrier("RNodeInterface["+config.Name+"]", carrier.Kind{
		Bitrate:    int64(config.Radio.Bitrate()),
		FrameLimit: FrameLimit,
		IFACSize:   IFACSize,
	}, config.Options)
	if err != nil {
		return nil, fmt.Errorf("RNode interface: %w", err)
	}
	return i, nil
}

// choosePort finds out how the device is reached.
func (i *Interface) choosePort(config Config) error {
	scheme, host, isURL := strings.Cut(config.Port, "://")
	switch scheme = strings.ToLower(scheme); {
	case isURL && scheme == "tcp":
		if i.tcp = true; host == "" {
			return errors.New("port tcp:// names no host")
		}
		if i.open == nil {
			i.open = dialer(net.JoinHostPort(strings.Trim(host, "[]"), TCPPort), config.Dial)
		}
	case isURL && scheme == "ble":
		return errors.New("RNodes on Bluetooth (ble://) are not supported")
	case i.open == nil:
		line, err := serial.Line{Name: config.Port, Speed: Speed}.Complete()
		if err != nil {
			return err
		}
		i.open = serial.Opener(line)
	}
	return nil
}

// Run brings the device up and carries packets, again and again, until ctx ends. Then the radio is switched off.
func (i *Interface) Run(ctx context.Context, deliver func(frame []byte)) error {
	open := func(ctx context.Context) (serial.Port, error) {
		i.enter(StateOpening)
		return i.open(ctx)
	}
	begin := func(p serial.Port) serial.Session { return i.begin(p, deliver) }
	err := i.Carrier.Run(ctx, open, begin, func(why error) {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.state, i.failure = StateFailed, why
	})
	if !errors.Is(err, interfaces.ErrRunning) {
		i.enter(StateClosed)
	}
	return err
}

// dialer opens the TCP form.
func dialer(address string, dial func(context.Context, string, string) (net.Conn, error)) serial.OpenFunc {
	if dial == nil {
		dial = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 12,
		}}).DialContext
	}
	return func(ctx context.Context) (serial.Port, error) {
		dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		c, err := dial(dialing, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("connecting to the RNode at %s: %w", address, err)
		}
		return serial.ConnPort(c, 1500*time.Millisecond), nil
	}
}

package rnodesim

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"groupd/rns/interfaces/kiss"
)

// Bounds of a device (spec 3 §3.10).
const (
	// QueuePackets and QueueBytes bound the transmit queue. What comes when it is full is discarded silently.
	QueuePackets = 200
	QueueBytes   = 6144
	// outputLimit bounds what waits for a host that does not read; more is discarded, as on a UART.
	outputLimit = 64 << 10
)

// ErrRunning is returned by Run when an earlier call has not returned.
var ErrRunning = errors.New("device is already running")

// DeviceOptions say what an RNode is like. The zero options are an ESP32 board with an SX1262 and firmware 1.86.
type DeviceOptions struct {
	Chip Chip
	// Major and Minor of the firmware. 0, 0: 1.86.
	Major, Minor byte
	// Platform: 0x80 ESP32, 0x70 NRF52, 0x90 AVR. 0: ESP32.
	Platform byte
	// MaxTXPower in dBm to which the host's setting is clamped. 0: 22 (SX126x), 17 (SX127x), 13 (SX1280).
	MaxTXPower int
	// Minimal devices answer no more than the reference host needs (the first table of spec 3 §3.10): no statistics, no
	// clamping.
	Minimal bool
	// Quiet devices send no statistics by themselves, which saves time in long simulations.
	Quiet bool
	// ReadyAfterPacket devices say that they are ready after each packet, as the reference's flow control expects it.
	// Firmware 1.86 answers only when asked.
	ReadyAfterPacket bool
	// BatteryState and Battery percent; state 0 is unknown.
	BatteryState, Battery byte
	// Seed for random numbers. 0: from the name.
	Seed uint64
}

// Faults make a device misbehave. They may be changed at any time.
type Faults struct {
	// Dead devices take bytes and answer nothing at all.
	Dead bool
	// Stuck devices do not even take bytes.
	Stuck bool
	// NotReady devices never say that they are ready.
	NotReady bool
	// Answer, if set, is asked for every answer to a command: what is reported instead; nil: nothing. It must not block.
	Answer func(command byte, payload []byte) []byte
}

// DeviceStats count what a device did.
type DeviceStats struct {
	// Received packets, from the air, and Sent packets.
	Received, Sent uint64
	// Overflowed packets found no room in the queue, TooLong ones were longer than 508 bytes, Unread bytes were not
	// taken by the host.
	Overflowed, TooLong, Unread uint64
	// On: the radio is on. Queued packets wait to be sent. Hosts that are connected: 0 or 1.
	On     bool
	Queued int
	Hosts  int
	// Leaves counts how often a host said that it leaves.
	Leaves uint64
}

// Device is one RNode. Its radio works while Run runs; its host connects by Open, OpenPTY or Serve. Make it with
// Channel.NewDevice.
type Device struct {
	name    string
	opts    DeviceOptions
	channel *Channel
	radio   *radio
	wake    chan struct{} // capacity 1: the transmitter should look again
	tick    chan struct{} // capacity 1: the statistics should look again

	mu      sync.Mutex // never held while waiting or calling out
	rand    *rand.Rand
	faults  Faults
	running bool
	host    *host
	set     settings
	on      bool
	stop    context.CancelFunc // of what is being transmitted
	queue   [][]byte
	queued  int // bytes
	back    Reassembler
	meter   airtimeMeter
	window  contention
	screen  [64][8]byte
	stats   DeviceStats
}

// settings as the host made them; 0 is not set, but txpower is -1 then.
type settings struct {
	frequency, bandwidth uint32
	txpower, sf, cr      int
	short, long          float64 // airtime limits, 0 to 1; 0 none
}

// NewDevice makes an RNode on the channel. name is for Cut and Tap.
func (c *Channel) NewDevice(name string, o DeviceOptions) *Device {
	if o.Major == 0 && o.Minor == 0 {
		o.Major, o.Minor = 1, 86
	}
	if o.Platform == 0 {
		o.Platform = PlatformESP32
	}
	if o.MaxTXPower == 0 {
		o.MaxTXPower = map[Chip]int{SX126x: 22, SX127x: 17, SX1280: 13}[o.Chip]
	}
	if o.Seed == 0 {
		h := fnv.New64a()
		h.Write([]byte(name))
		o.Seed = h.Sum64()
	}
	d := &Device{
		name: name, opts: o, channel: c, wake: make(chan struct{}, 1), tick: make(chan struct{}, 1),
		rand: rand.New(rand.NewPCG(o.Seed, 1)), set: settings{txpower: -1}, window: contention{1, 0, 15},
	}
	d.radio = c.add(name, d.receive)
	return d
}

// Name is the name given to NewDevice.
func (d *Device) Name() string { return d.name }

// SetFaults replaces the faults.
func (d *Device) SetFaults(f Faults) {
	d.mu.Lock()
	d.faults = f
	h := d.host
	d.mu.Unlock()
	if h != nil {
		poke(h.unstick)
	}
}

// Stats is a snapshot.
func (d *Device) Stats() DeviceStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.On, s.Queued = d.on, len(d.queue)
	if d.host != nil {
		s.Hosts = 1
	}
	return s
}

// Emit sends bytes to the host as they are.
func (d *Device) Emit(raw []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.emit(raw)
}

// Reboot forgets everything and says so to the host, as after a crash or a reset. What is being transmitted stops.
func (d *Device) Reboot() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reboot()
}

// reboot with mu held.
func (d *Device) reboot() {
	d.switchRadio(false)
	d.set = settings{txpower: -1}
	d.queue, d.queued = nil, 0
	d.back = Reassembler{}
	d.emit([]byte("boot: rnode\r\n"))
	d.answer(commandReset, []byte{resetByte})
}

// Run is the radio: it transmits what is queued and sends statistics, until ctx ends. Then the radio is off.
func (d *Device) Run(ctx context.Context) error {
	d.mu.Lock()
	if d.running {
		d.mu.Unlock()
		return ErrRunning
	}
	d.running = true
	d.tune()
	d.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { d.transmitter(ctx) })
	if !d.opts.Minimal && !d.opts.Quiet {
		wg.Go(func() { d.reporter(ctx) })
	}
	wg.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = false
	d.tune()
	return nil
}

// modulation of the settings. With mu held.
func (d *Device) modulation() Modulation {
	return Modulation{Frequency: d.set.frequency, Bandwidth: d.set.bandwidth, SF: d.set.sf, CR: d.set.cr, Chip: d.opts.Chip}
}

// tune tells the channel what the radio is set to. With mu held; the channel's lock ranks below.
func (d *Device) tune() { d.channel.tune(d.radio, d.on && d.running, d.modulation()) }

// switchRadio with mu held.
func (d *Device) switchRadio(on bool) {
	if !on && d.stop != nil {
		d.stop()
	}
	d.on = on
	d.tune()
	poke(d.wake)
	poke(d.tick)
}

// receive takes an air frame, from a goroutine of the sender.
func (d *Device) receive(frame []byte, s Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.on || !d.running {
		return
	}
	packet, complete := d.back.Add(frame)
	if !complete {
		return
	}
	d.stats.Received++
	d.answer(commandRSSI, []byte{byte(min(max(s.RSSI+157, 0), 255))})
	d.answer(commandSNR, []byte{byte(int8(min(max(s.SNR*4, -128), 127)))})
	d.answer(kiss.CommandData, packet)
}

// enqueue takes a packet of the host's. With mu held.
func (d *Device) enqueue(packet []byte) {
	if !d.on {
		d.answer(commandError, []byte{errorTXFailed})
		return
	}
	if len(d.queue) >= QueuePackets || d.queued+len(packet) > QueueBytes {
		d.stats.Overflowed++
		return
	}
	d.queue = append(d.queue, append([]byte(nil), packet...))
	d.queued += len(packet)
	poke(d.wake)
	if d.opts.ReadyAfterPacket {
		d.ready()
	}
}

// ready says whether the queue has room. With mu held.
func (d *Device) ready() {
	room := byte(1)
	if len(d.queue) >= QueuePackets || d.queued+MaxPacket > QueueBytes {
		room = 0
	}
	if !d.faults.NotReady {
		d.answer(kiss.CommandReady, []byte{room})
	}
}

// answer sends a report to the host, unless faults change it. With mu held.
func (d *Device) answer(command byte, payload []byte) {
	if d.faults.Answer != nil {
		if payload = d.faults.Answer(command, payload); payload == nil {
			return
		}
	}
	d.emit(kiss.AppendFrame(nil, command, payload))
}

// emit with mu held.
func (d *Device) emit(raw []byte) {
	h := d.host
	if h == nil || d.faults.Dead || d.faults.Stuck {
		return
	}
	if len(h.out)+len(raw) > outputLimit {
		d.stats.Unread += uint64(len(raw))
		return
	}
	h.out = append(h.out, raw...)
	poke(h.wake)
}

// host is the line to the program that uses the device.
type host struct {
	line    io.ReadWriteCloser
	wake    chan struct{} // capacity 1: there is output
	unstick chan struct{} // capacity 1: faults changed
	gone    chan struct{}
	hangup  <-chan struct{}
	out     []byte // guarded by Device.mu
}

// serve speaks with a host until its line breaks. There is one host at a time; an earlier one is cut off. hangup, which may
// be nil, is closed when the host goes: a stuck device does not read, and would not see it.
func (d *Device) serve(line io.ReadWriteCloser, hangup <-chan struct{}) {
	h := &host{line: line, hangup: hangup, wake: make(chan struct{}, 1), unstick: make(chan struct{}, 1), gone: make(chan struct{})}
	d.mu.Lock()
	old := d.host
	d.host = h
	d.mu.Unlock()
	if old != nil {
		old.line.Close()
	}
	var wg sync.WaitGroup
	wg.Go(func() { d.output(h) })
	d.input(h)
	close(h.gone)
	line.Close()
	wg.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.host == h {
		d.host = nil
	}
}

// input reads commands until the line breaks.
func (d *Device) input(h *host) {
	decoder := kiss.NewDecoder(1024, kiss.MaskNone)
	buf := make([]byte, 4096)
	for {
		n, err := h.line.Read(buf)
		d.mu.Lock()
		if !d.faults.Dead && !d.faults.Stuck && d.host == h {
			decoder.Feed(buf[:n], d.command)
		}
		stuck := d.faults.Stuck
		d.mu.Unlock()
		if err != nil {
			return
		}
		if stuck {
			// Looks again after a while, or at once when faults change. Whether the line broke meanwhile is seen then.
			t := time.NewTimer(time.Minute)
			select {
			case <-h.unstick:
			case <-h.hangup:
			case <-t.C:
			}
			t.Stop()
		}
	}
}

// output writes what there is for the host. A host that does not read loses it.
func (d *Device) output(h *host) {
	for {
		d.mu.Lock()
		out := h.out
		h.out = nil
		d.mu.Unlock()
		if len(out) > 0 {
			if n, err := h.line.Write(out); err != nil {
				d.mu.Lock()
				d.stats.Unread += uint64(len(out) - n)
				d.mu.Unlock()
			}
			continue
		}
		select {
		case <-h.wake:
		case <-h.gone:
			return
		}
	}
}

// poke puts a token into a channel of capacity 1.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func be16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(min(max(v, 0), 65535))) }

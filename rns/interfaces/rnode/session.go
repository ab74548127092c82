package rnode

import (
	"context"
	"fmt"
	"sync"
	"time"

	"groupd/rns/interfaces"
	"groupd/rns/interfaces/serial"
)

// session is one opening of a device's port: it brings the device up, and watches over it. The reading and the writing
// goroutine of the carrier share it.
type session struct {
	iface    *Interface
	port     serial.Port
	deliver  func([]byte)
	patience time.Duration // that a full device may need to transmit its queue

	// The writer's.
	beacon    serial.Beacon
	lastWrite time.Time
	lastProbe time.Time

	// The reader's: it is the only one to touch it, and publishes its reports.
	reader *reader
	long   uint64

	changed chan struct{} // capacity 1: there are new reports

	mu      sync.Mutex // never held while waiting or calling out
	step    State
	heard   time.Time // when the last byte came
	reports Reports
	flow    flow
	blocked bool // in deliver
}

// flow is what is known about the room in the device's queue.
type flow struct {
	waiting bool      // the next packet has to wait
	full    bool      // the device answered that it is full
	asked   time.Time // when it was asked; zero when it has answered
	again   time.Time // when to ask again
	since   time.Time // since when it is waited for
}

func (i *Interface) begin(port serial.Port, deliver func([]byte)) serial.Session {
	now := time.Now()
	s := &session{
		iface: i, port: port, deliver: deliver, reader: newReader(), heard: now, lastWrite: now, changed: make(chan struct{}, 1),
		beacon:   serial.Beacon{Interval: i.config.Interval},
		patience: time.Duration(1.5 * deviceQueue * 8 / i.config.Radio.Bitrate() * float64(time.Second)),
	}
	s.reader.packet = s.packet
	s.reader.ready = s.ready
	s.reader.reset = s.reset
	s.reader.screen = i.screen
	s.enter(StateSettling)
	return s
}

func (s *session) enter(state State) {
	s.mu.Lock()
	s.step = state
	s.mu.Unlock()
	s.iface.enter(state)
}

// Start brings the device up (spec 3 §3.3).
func (s *session) Start(ctx context.Context) error {
	if err := serial.Settle(ctx, s.iface.config.SettleTime); err != nil {
		return err
	}
	s.enter(StateDetecting)
	detect, report := DetectTimeout, ReportTimeout
	if s.iface.tcp {
		detect, report = DetectTimeoutTCP, ReportTimeoutTCP
	}
	if err := s.write(Detect()); err != nil {
		return err
	}
	if err := s.await(ctx, detect, func(r *Reports) bool { return r.Detected }); err != nil {
		return err
	}
	if !s.snapshot().Detected {
		return ErrNotDetected
	}
	known := func(r *Reports) bool { return r.FirmwareMinor != nil && r.Platform != nil }
	if err := s.await(ctx, versionWait, known); err != nil {
		return err
	}
	if r := s.snapshot(); r.FirmwareMinor != nil && !FirmwareSupported(*r.FirmwareMajor, *r.FirmwareMinor) {
		return fmt.Errorf("%w: it is %d.%02d, and %d.%02d is needed", ErrFirmware, *r.FirmwareMajor, *r.FirmwareMinor, MinFirmwareMajor, MinFirmwareMinor)
	}

	s.enter(StateConfiguring)
	for _, c := range s.iface.config.Radio.Commands() {
		if err := s.write(c.Frame); err != nil {
			return fmt.Errorf("setting %s: %w", c.Name, err)
		}
	}
	radio := s.iface.config.Radio
	as := func(r *Reports) bool { return r.Frequency != nil && r.Mismatch(radio) == nil }
	if err := s.await(ctx, report, as); err != nil {
		return err
	}
	if r := s.snapshot(); r.Mismatch(radio) != nil {
		return r.Mismatch(radio)
	}
	if err := serial.Settle(ctx, steadyTime); err != nil {
		return err
	}
	if r := s.snapshot(); r.Mismatch(radio) != nil {
		return r.Mismatch(radio)
	}
	s.enter(StateOnline)
	s.watch()
	return nil
}

func (s *session) write(b []byte) error {
	_, err := s.port.Write(b)
	s.lastWrite = time.Now()
	return err
}

// await waits until the reports are as wanted, or for a time.
func (s *session) await(ctx context.Context, limit time.Duration, wanted func(*Reports) bool) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		if r := s.snapshot(); wanted(&r) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.changed:
		case <-t.C:
			return nil
		}
	}
}

func (s *session) snapshot() Reports {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports
}

// watch begins to count silence anew.
func (s *session) watch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = time.Now()
}

// Feed takes what was read. While the device settles that is left over from before, or the device starting.
func (s *session) Feed(chunk []byte) error {
	now := time.Now()
	s.mu.Lock()
	s.heard = now
	settling := s.step == StateSettling
	s.mu.Unlock()
	if settling {
		return nil
	}
	err := s.reader.feed(chunk, now)
	s.iface.Drop(interfaces.RxDrops{TooLong: s.reader.long - s.long})
	s.long = s.reader.long
	s.mu.Lock()
	s.reports = s.reader.reports
	online := s.step == StateOnline
	s.mu.Unlock()
	s.iface.reported(s.reader.reports)
	poke(s.changed)
	if err == nil && online {
		// Settings that changed by themselves, or a radio that went off.
		err = s.reader.reports.Mismatch(s.iface.config.Radio)
	}
	return err
}

// packet delivers one; the reader calls it.
func (s *session) packet(data []byte, signal interfaces.Signal) {
	s.mu.Lock()
	online := s.step == StateOnline
	s.mu.Unlock()
	if !online {
		return
	}
	s.iface.heard(signal)
	s.iface.Received(len(data))
	s.delivering(true)
	s.deliver(data)
	s.delivering(false)
}

// delivering stops the clocks: while our own side does not take a packet nothing is read, and the device is not to blame.
func (s *session) delivering(now bool) {
	s.mu.Lock()
	s.blocked = now
	s.refresh(time.Now())
	s.mu.Unlock()
}

// refresh counts silence from now. With mu held.
func (s *session) refresh(now time.Time) {
	s.heard = now
	if !s.flow.asked.IsZero() {
		s.flow.asked = now
	}
}

// ready opens the gate, or notes that the device is full.
func (s *session) ready(value byte) {
	s.mu.Lock()
	if s.flow.full = value == 0; !s.flow.full {
		s.flow = flow{}
	}
	s.flow.asked = time.Time{}
	s.flow.again = time.Now().Add(askAgain)
	s.mu.Unlock()
	s.iface.Wake()
}

// reset handles a boot notice: after the settings were sent, it means that they are lost (I-078). The reference minds it
// only from an ESP32 that is online.
func (s *session) reset() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.step == StateConfiguring || s.step == StateOnline {
		return ErrRebooted
	}
	return nil
}

// Idle forgets half a frame.
func (s *session) Idle() {
	if s.reader.decoder.Partial() {
		s.reader.decoder.Reset()
		s.iface.Drop(interfaces.RxDrops{Unfinished: 1})
	}
}

// Timer asks a silent device whether it is there, keeps hosts on TCP connected, asks a full one whether it has room, sends
// the beacon, and gives a wedged device up.
func (s *session) Timer(now time.Time) (out []byte, next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	earliest := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	if s.blocked {
		s.refresh(now)
	}
	if !now.Before(s.heard.Add(SilenceLimit + s.patience)) {
		return nil, next, fmt.Errorf("%w: not a byte for %v", ErrSilent, now.Sub(s.heard).Round(time.Second))
	}
	earliest(s.heard.Add(SilenceLimit + s.patience))

	// Keepalive and probe.
	if ask := latest(s.heard, s.lastProbe).Add(ProbeAfter); !now.Before(ask) {
		s.lastProbe, s.lastWrite = now, now
		return probe(), next, nil
	} else {
		earliest(ask)
	}
	if s.iface.tcp { // I-081
		ask := s.lastWrite.Add(KeepaliveTCP)
		if !now.Before(ask) {
			s.lastWrite = now
			return Detect(), next, nil
		}
		earliest(ask)
	}

	if s.flow.waiting {
		switch {
		case !s.flow.asked.IsZero() && !now.Before(s.flow.asked.Add(FlowTimeout+s.patience)):
			return nil, next, fmt.Errorf("%w: it does not answer whether it is ready", ErrFlowControl)
		case !now.Before(s.flow.since.Add(s.fullLimit())):
			return nil, next, fmt.Errorf("%w: it is full since %v", ErrFlowControl, now.Sub(s.flow.since).Round(time.Second))
		case s.flow.full && s.flow.asked.IsZero() && !now.Before(s.flow.again):
			s.flow.asked, s.lastWrite = now, now
			return askReady(), next, nil
		}
		earliest(s.flow.since.Add(s.fullLimit()))
		if s.flow.asked.IsZero() {
			earliest(s.flow.again)
		} else {
			earliest(s.flow.asked.Add(FlowTimeout + s.patience))
		}
	} else if s.beacon.Due(now) {
		s.beacon.Sent()
		return s.append(nil, []byte(s.iface.config.Callsign), now), next, nil // unpadded: I-079
	} else if at := s.beacon.At(); !at.IsZero() {
		earliest(at)
	}
	return nil, next, nil
}

// fullLimit is how long a device may be full. Airtime limits can hold it back for an hour.
func (s *session) fullLimit() time.Duration {
	d := FullLimit + s.patience
	if s.iface.config.ShortLimit != nil || s.iface.config.LongLimit != nil {
		d += LockedLimit
	}
	return d
}

// Ready says whether the gate is open.
func (s *session) Ready(time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.flow.waiting
}

// Append adds the question whether there is room for more where flow control is on: firmware does not tell it by itself.
// It closes the gate, before the answer can come.
func (s *session) Append(dst, packet []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.append(dst, packet, time.Now())
}

// append with mu held.
func (s *session) append(dst, packet []byte, now time.Time) []byte {
	dst = AppendPacket(dst, packet)
	s.lastWrite = now
	if s.iface.config.FlowControl {
		s.flow = flow{waiting: true, asked: now, since: now}
		dst = append(dst, askReady()...)
	}
	return dst
}

// Sent counts the packet without framing (spec 3 §1.7).
func (s *session) Sent(now time.Time, packet []byte, _ int) int {
	s.beacon.Traffic(now)
	return len(packet)
}

// Leave switches the radio off, a moment after the last packet so that it may get out (I-080).
func (s *session) Leave() ([]byte, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.step != StateConfiguring && s.step != StateOnline {
		return nil, 0
	}
	return detach(s.reports.Display()), interfaces.Linger
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

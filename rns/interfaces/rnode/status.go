package rnode

import (
	"context"
	"fmt"

	"groupd/rns/interfaces"
)

// State of an Interface.
//
//	closed → opening → settling → detecting → configuring → online
//	           ↑  any of these ↓ (an error, or a time limit)
//	           └──────────── failed, for five seconds
type State uint8

// The states.
const (
	// StateClosed: Run does not run.
	StateClosed State = iota
	// StateOpening: the port is being opened.
	StateOpening
	// StateSettling: the device is left alone, as opening may have rebooted it.
	StateSettling
	// StateDetecting: the device was asked what it is.
	StateDetecting
	// StateConfiguring: the device was given its settings, and has to report them.
	StateConfiguring
	// StateOnline: packets are carried.
	StateOnline
	// StateFailed: it did not work; Status.Failure says why. It will be tried again.
	StateFailed
)

// String is a word for people.
func (s State) String() string {
	switch s {
	case StateClosed:
		return "closed"
	case StateOpening:
		return "opening"
	case StateSettling:
		return "settling"
	case StateDetecting:
		return "detecting"
	case StateConfiguring:
		return "configuring"
	case StateOnline:
		return "online"
	case StateFailed:
		return "failed"
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Status is all that is known about a device.
type Status struct {
	State State
	// Failure is why it failed last; nil when it never did.
	Failure error
	// Reports of the device since it was opened last. Values are not changed after they were handed out.
	Reports Reports
}

// Status is a snapshot.
func (i *Interface) Status() Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	return Status{State: i.state, Failure: i.failure, Reports: i.reports}
}

// Signal is how the last packet was heard; see interfaces.RadioReporter.
func (i *Interface) Signal() interfaces.Signal {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.signal
}

// Radio is a snapshot.
func (i *Interface) Radio() interfaces.RadioStats {
	s := i.Status()
	percent := func(v *float64) float64 {
		if v == nil {
			return 0
		}
		return *v
	}
	r := s.Reports
	out := interfaces.RadioStats{
		State:        s.State.String(),
		AirtimeShort: percent(r.AirtimeShort), AirtimeLong: percent(r.AirtimeLong),
		ChannelLoadShort: percent(r.ChannelLoadShort), ChannelLoadLong: percent(r.ChannelLoadLong),
		CurrentRSSI: r.CurrentRSSI, NoiseFloor: r.NoiseFloor, Interference: r.Interference,
		InterferenceAt: r.InterferenceAt, LastInterference: r.LastInterference,
		Temperature: r.Temperature,
	}
	if r.BatteryState != nil && *r.BatteryState > 0 {
		out.BatteryPercent = r.BatteryPercent
		switch *r.BatteryState {
		case 1:
			out.BatteryState = "discharging"
		case 2:
			out.BatteryState = "charging"
		case 3:
			out.BatteryState = "charged"
		}
	}
	return out
}

func (i *Interface) enter(s State) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.state = s; s == StateOpening {
		i.reports = Reports{}
	}
}

func (i *Interface) reported(r Reports) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reports = r
}

func (i *Interface) heard(s interfaces.Signal) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signal = s
}

// ExternalFramebuffer gives the device's display to us, or back. interfaces.ErrDown while the device is not online.
func (i *Interface) ExternalFramebuffer(on bool) error { return i.Command(externalFramebuffer(on)) }

// WriteFramebuffer draws one line, 0 to 63, of 64 pixels, a bit each. interfaces.ErrDown, or interfaces.ErrQueueFull when too
// many commands wait.
func (i *Interface) WriteFramebuffer(line int, pixels [FramebufferLine]byte) error {
	if line < 0 || line >= FramebufferLines {
		return fmt.Errorf("line %d of the framebuffer: there are %d", line, FramebufferLines)
	}
	return i.Command(framebufferLine(byte(line), pixels[:]))
}

// ReadFramebuffer asks for the 512 bytes of the framebuffer, and waits for them until ctx ends. One call at a time: another one
// takes over.
func (i *Interface) ReadFramebuffer(ctx context.Context) ([]byte, error) {
	return i.readScreen(ctx, commandFBRead, readFramebuf())
}

// ReadDisplay asks for the 1024 bytes of the display and the status area, as ReadFramebuffer does.
func (i *Interface) ReadDisplay(ctx context.Context) ([]byte, error) {
	return i.readScreen(ctx, commandDisplayRead, readDisplay())
}

func (i *Interface) readScreen(ctx context.Context, command byte, ask []byte) ([]byte, error) {
	answer := make(chan []byte, 1)
	i.mu.Lock()
	i.screens[command] = answer
	i.mu.Unlock()
	if err := i.Command(ask); err != nil {
		return nil, err
	}
	select {
	case b := <-answer:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// screen takes what was read; the reader calls it.
func (i *Interface) screen(command byte, data []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if answer := i.screens[command]; answer != nil {
		answer <- append([]byte(nil), data...)
		delete(i.screens, command)
	}
}

// HardReset reboots the device, which then is brought up anew.
func (i *Interface) HardReset() error { return i.Command(hardReset()) }

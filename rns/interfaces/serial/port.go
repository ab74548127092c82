// Package serial carries Reticulum packets over a serial line, framed as package hdlc does (SerialInterface, spec 3
// §2.7), and has what all carriers over a line of bytes share: Port, the one small interface behind which the serial
// library stands, and Carrier, the write queue and the counters that survive from one opening of a port to the next.
package serial

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Port is an open line to a device: a serial port, a TCP connection, or a line in memory. Read is called by one
// goroutine at a time, Write by one at a time, Close by any and more than once.
type Port interface {
	// Read waits for bytes. When none came for the port's tick (Tick on serial lines), it returns 0 and nil. It does so
	// at least once after bytes came, so that a reader can forget half a frame; while the line stays idle it may do it again
	// or wait on. Any error means that the port is gone.
	Read(p []byte) (int, error)
	// Write writes all of p, or fails. It fails with os.ErrDeadlineExceeded when the device does not take the bytes in
	// time (WriteTimeout on serial lines): it never blocks for good.
	Write(p []byte) (int, error)
	// Close ends Read and Write, at the latest after a tick.
	Close() error
}

const (
	// Tick is how long a serial line must be idle for Read to say so. It is also the idle time after which half a frame is
	// forgotten (spec 3 §1.3: 100 ms).
	Tick = 100 * time.Millisecond
	// WriteTimeout is how long a serial device may take nothing of what is written.
	WriteTimeout = 5 * time.Second
)

// ErrUnplugged is what a Port's Read says when the device behind it is gone.
var ErrUnplugged = errors.New("the serial device was unplugged")

// Parity of a line.
type Parity byte

// The parities. Zero is none.
const (
	ParityNone Parity = 'N'
	ParityEven Parity = 'E'
	ParityOdd  Parity = 'O'
)

// ParseParity reads the option "parity": "e" and "even", "o" and "odd", in any case; anything else is none, as in the
// reference (spec 3 §2.7).
func ParseParity(word string) Parity {
	switch strings.ToLower(word) {
	case "e", "even":
		return ParityEven
	case "o", "odd":
		return ParityOdd
	}
	return ParityNone
}

// Line describes how a serial port is opened. There is no flow control on the line.
type Line struct {
	// Name is the path of the device, best a stable one such as "/dev/serial/by-id/usb-…".
	Name string
	// Speed in baud. 0: 9600.
	Speed int
	// DataBits: 5 to 8. 0: 8.
	DataBits int
	// Parity. 0: none.
	Parity Parity
	// StopBits: 1 or 2. 0: 1.
	StopBits int
}

// DefaultSpeed in baud of serial lines (spec 3 §2.7).
const DefaultSpeed = 9600

// Complete fills in defaults, and says what is wrong.
func (l Line) Complete() (Line, error) {
	if l.Speed == 0 {
		l.Speed = DefaultSpeed
	}
	if l.DataBits == 0 {
		l.DataBits = 8
	}
	if l.Parity == 0 {
		l.Parity = ParityNone
	}
	if l.StopBits == 0 {
		l.StopBits = 1
	}
	switch {
	case l.Name == "":
		return l, errors.New("no serial port is named")
	case l.Speed < 0:
		return l, fmt.Errorf("serial speed of %d baud", l.Speed)
	case l.DataBits < 5 || l.DataBits > 8:
		return l, fmt.Errorf("%d data bits: 5 to 8 are possible", l.DataBits)
	case l.Parity != ParityNone && l.Parity != ParityEven && l.Parity != ParityOdd:
		return l, fmt.Errorf("unknown parity %q", byte(l.Parity))
	case l.StopBits != 1 && l.StopBits != 2:
		return l, fmt.Errorf("%d stop bits: 1 or 2 are possible", l.StopBits)
	}
	return l, nil
}

// OpenFunc opens a port. ctx bounds only the opening.
type OpenFunc func(ctx context.Context) (Port, error)

// Opener is the OpenFunc of a serial line.
func Opener(l Line) OpenFunc {
	return func(context.Context) (Port, error) { return Open(l) }
}

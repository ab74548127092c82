package serial

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/tarm/serial"
)

// Open opens a serial port. This file is the only one that knows the serial library.
//
// The library reports an idle line as io.EOF with no bytes, which is a tick here; and its writes can block for good on
// a device that takes nothing, so bytes are written through a second, non-blocking descriptor of the same device.
func Open(l Line) (Port, error) {
	l, err := l.Complete()
	if err != nil {
		return nil, err
	}
	p, err := serial.OpenPort(&serial.Config{
		Name: l.Name, Baud: l.Speed, ReadTimeout: Tick,
		Size: byte(l.DataBits), Parity: serial.Parity(l.Parity), StopBits: serial.StopBits(l.StopBits),
	})
	if err != nil {
		return nil, fmt.Errorf("opening serial port %s: %w", l.Name, err)
	}
	w, err := openWriter(l.Name)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("opening serial port %s for writing: %w", l.Name, err)
	}
	return &tarmPort{name: l.Name, port: p, writer: w}, nil
}

type tarmPort struct {
	name   string
	port   *serial.Port
	writer *os.File
	close  sync.Once
	err    error
}

func (p *tarmPort) Read(b []byte) (int, error) {
	began := time.Now()
	n, err := p.port.Read(b)
	if n > 0 || !errors.Is(err, io.EOF) {
		return n, err
	}
	// Nothing came: the tick, or a device that is gone, whose reads end at once.
	if !present(p.writer, p.name) {
		return 0, ErrUnplugged
	}
	if rest := Tick/2 - time.Since(began); rest > 0 {
		time.Sleep(rest) // never spin
	}
	return 0, nil
}

func (p *tarmPort) Write(b []byte) (int, error) {
	if err := p.writer.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return 0, err
	}
	return p.writer.Write(b)
}

func (p *tarmPort) Close() error {
	p.close.Do(func() { p.err = errors.Join(p.writer.Close(), p.port.Close()) })
	return p.err
}

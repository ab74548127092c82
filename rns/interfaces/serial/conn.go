package serial

import (
	"errors"
	"net"
	"os"
	"time"
)

// ConnPort makes a Port of a connection. Its tick comes once after each time that bytes came.
func ConnPort(c net.Conn, tick time.Duration) Port { return &connPort{Conn: c, tick: tick} }

type connPort struct {
	net.Conn
	tick  time.Duration
	fresh bool // bytes came since the last tick
}

func (p *connPort) Read(b []byte) (int, error) {
	var due time.Time
	if p.fresh {
		due = time.Now().Add(p.tick)
	}
	if err := p.SetReadDeadline(due); err != nil {
		return 0, err
	}
	n, err := p.Conn.Read(b)
	if n > 0 {
		p.fresh = true
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		p.fresh = false
		return 0, nil
	}
	return n, err
}

func (p *connPort) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(WriteTimeout)); err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

package rnodesim

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// PTY is a pseudo-terminal that a host opens as if it were an RNode's serial port. Make it with Device.OpenPTY.
type PTY struct {
	master, slave *os.File
	path, link    string
	done          chan struct{}
	once          sync.Once
}

// OpenPTY connects a host by a new pseudo-terminal. Where link is not empty, a symbolic link of that name points to it, so that
// its path stays the same when it is closed and opened again, as under /dev/serial/by-id. Only such a link is replaced.
func (d *Device) OpenPTY(link string) (*PTY, error) {
	p, err := newPTY()
	if err != nil {
		return nil, fmt.Errorf("pseudo-terminal: %w", err)
	}
	if link != "" {
		if old, err := os.Lstat(link); err == nil && old.Mode()&os.ModeSymlink != 0 {
			os.Remove(link)
		}
		if err := os.Symlink(p.path, link); err != nil {
			p.master.Close()
			p.slave.Close()
			return nil, err
		}
		p.path, p.link = link, link
	}
	go func() {
		defer close(p.done)
		d.serve(&ptyLine{p.master}, nil)
	}()
	return p, nil
}

// newPTY makes a pseudo-terminal that changes no bytes. Its slave stays open here too, so that hosts may come and go.
func newPTY() (*PTY, error) {
	master, err := os.OpenFile("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := master.SyscallConn()
	if err != nil {
		master.Close()
		return nil, err
	}
	number := 0
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		master.Close()
		return nil, err
	}
	path := fmt.Sprintf("/dev/pts/%d", number)
	slave, err := os.OpenFile(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		master.Close()
		return nil, err
	}
	if raw, err = slave.SyscallConn(); err == nil {
		err = raw.Control(func(fd uintptr) {
			var t *unix.Termios
			if t, failed = unix.IoctlGetTermios(int(fd), unix.TCGETS); failed != nil {
				return
			}
			t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
			t.Oflag &^= unix.OPOST
			t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
			t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
			failed = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
		})
	}
	if err = errors.Join(err, failed); err != nil {
		master.Close()
		slave.Close()
		return nil, err
	}
	return &PTY{master: master, slave: slave, path: path, done: make(chan struct{})}, nil
}

// Path is what a host opens.
func (p *PTY) Path() string { return p.path }

// Close unplugs: the host's reads and writes fail. It returns when the device has noticed.
func (p *PTY) Close() error {
	var err error
	p.once.Do(func() {
		if p.link != "" {
			err = os.Remove(p.link)
		}
		err = errors.Join(err, p.slave.Close())
		p.master.Close() // serve may have closed it
		<-p.done
	})
	return err
}

// ptyLine bounds writes to a host that does not read, or is not there.
type ptyLine struct{ f *os.File }

var _ io.ReadWriteCloser = (*ptyLine)(nil)

func (l *ptyLine) Read(b []byte) (int, error) { return l.f.Read(b) }

func (l *ptyLine) Write(b []byte) (int, error) {
	if err := l.f.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return 0, err
	}
	return l.f.Write(b)
}

func (l *ptyLine) Close() error { return l.f.Close() }

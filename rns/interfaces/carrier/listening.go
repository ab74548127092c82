package carrier

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// Accept calls handle with each connection that comes, until ctx ends or the listener is closed or breaks, and says why. When
// accepting fails for want of file descriptors or memory, failed is told, and it goes on a little later.
func Accept(ctx context.Context, l net.Listener, failed func(error), handle func(net.Conn)) error {
	const firstPause, longestPause = 5 * time.Millisecond, time.Second
	pause := firstPause
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = firstPause
			handle(conn)
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed) || !passing(err):
			return err
		default:
			failed(err)
			if !Pause(ctx, pause, nil) {
				return ctx.Err()
			}
			pause = min(2*pause, longestPause)
		}
	}
}

// passing says whether accepting may succeed later.
func passing(err error) bool {
	for _, e := range []syscall.Errno{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Pause waits for d, or until something comes from kick (which may be nil). It is false when ctx ended first.
func Pause(ctx context.Context, d time.Duration, kick <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
	case <-kick:
	}
	return true
}

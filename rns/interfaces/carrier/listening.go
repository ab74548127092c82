package carrier

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

// Serve takes the connections of a listener until ctx ends, and then returns nil, or until the listener breaks, and says why. take
// answers what is to be done with a connection, in a goroutine of its own, until the context given ends; nil closes it. The listener is
// closed, and all goroutines have ended, when it returns. failed is told of each failure.
func Serve(ctx context.Context, l net.Listener, failed func(error), take func(context.Context, net.Conn) func()) error {
	serving, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		<-serving.Done()
		l.Close()
	})
	err := accept(serving, l, failed, func(conn net.Conn) {
		if attend := take(serving, conn); attend != nil {
			wg.Go(attend)
		} else {
			conn.Close()
		}
	})
	stop()
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	failed(err)
	return err
}

// accept calls handle with each connection that comes, until ctx ends or the listener is closed or breaks, and says why. When
// accepting fails for want of file descriptors or memory, failed is told, and it goes on a little later.
func accept(ctx context.Context, l net.Listener, failed func(error), handle func(net.Conn)) error {
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

// Pause waits for d, or until something comes from kick (which may be nil); what came before the wait began is forgotten. It is false
// when ctx ended first.
func Pause(ctx context.Context, d time.Duration, kick <-chan struct{}) bool {
	select {
	case <-kick:
	default:
	}
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

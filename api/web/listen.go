package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// ErrServing means that another server answers on the socket.
var ErrServing = errors.New("another server is running")

// MaxSocketPath is how long the path of a Unix socket may be, in bytes, on every system.
const MaxSocketPath = 103

// ListenUnix opens a Unix socket of mode 0600. The socket of a server that has died is replaced; where one answers it fails with
// ErrServing. Whoever calls it makes sure by a lock that two servers do not start at the same time.
func ListenUnix(path string) (net.Listener, error) {
	if len(path) > MaxSocketPath {
		return nil, fmt.Errorf("socket %s: the path is longer than %d bytes", path, MaxSocketPath)
	}
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EADDRINUSE) {
		conn, dialErr := net.DialTimeout("unix", path, time.Second)
		switch {
		case dialErr == nil:
			conn.Close()
			return nil, fmt.Errorf("socket %s: %w", path, ErrServing)
		case !errors.Is(dialErr, syscall.ECONNREFUSED):
			return nil, fmt.Errorf("socket %s: %w", path, dialErr)
		}
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
			return nil, fmt.Errorf("socket %s: something that is no socket is in its place", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("socket: %w", err)
		}
		l, err = net.Listen("unix", path)
	}
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	return l, nil
}

// ListenTCP opens the API's TCP listener. An address that is not of this machine alone needs TLS, or insecure.
func ListenTCP(ctx context.Context, address string, tls, insecure bool) (net.Listener, error) {
	if err := CheckListen(address, tls, insecure); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("admin API: %w", err)
	}
	return l, nil
}

// CheckListen says whether ListenTCP would take the address.
func CheckListen(address string, tls, insecure bool) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen = %q: host:port is needed", address)
	}
	ip := net.ParseIP(host)
	if host == "localhost" || (ip != nil && ip.IsLoopback()) || tls || insecure {
		return nil
	}
	return fmt.Errorf("listen = %q is open to other machines: set tls_cert and tls_key, or insecure = true", address)
}

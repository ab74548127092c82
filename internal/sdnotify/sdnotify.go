// Package sdnotify tells systemd how a service is doing (sd_notify): datagrams of NAME=value lines to a Unix socket that the service
// manager names in the environment.
package sdnotify

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// States that a service tells.
const (
	Ready    = "READY=1"
	Stopping = "STOPPING=1"
	Watchdog = "WATCHDOG=1"
)

// Status is one line for people, shown by systemctl status.
func Status(text string) string { return "STATUS=" + strings.ReplaceAll(text, "\n", " ") }

// Notify sends states to the socket, the value of NOTIFY_SOCKET; with an empty one it does nothing. A leading @ means a socket in the
// abstract namespace.
func Notify(socket string, states ...string) error {
	if socket == "" {
		return nil
	}
	if socket[0] != '/' && socket[0] != '@' {
		return fmt.Errorf("notify: %q is no Unix socket", socket)
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(strings.Join(states, "\n"))); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

// Interval is how often Watchdog has to be sent, half of what the service manager waits; usec is the value of WATCHDOG_USEC. 0: never.
func Interval(usec string) time.Duration {
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(n) * time.Microsecond / 2
}

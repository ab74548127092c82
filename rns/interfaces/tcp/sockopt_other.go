//go:build !linux

package tcp

import (
	"net"
	"time"
)

// setUserTimeout does nothing where there is no such option; keepalives find a dead peer.
func setUserTimeout(*net.TCPConn, time.Duration) error { return nil }

package tcp

import (
	"net"
	"time"
)

// profile are the keepalive options of a connection (spec 3 §2.1): a dead peer is noticed within about 24 s.
type profile struct {
	userTimeout time.Duration // TCP_USER_TIMEOUT: unacknowledged data for so long breaks the connection
	idle        time.Duration // TCP_KEEPIDLE: first probe after this silence
	interval    time.Duration // TCP_KEEPINTVL
	count       int           // TCP_KEEPCNT
}

// profileFor is the one for direct connections, or for those through I2P.
func profileFor(i2pTunneled bool) profile {
	if i2pTunneled {
		return profile{userTimeout: 45 * time.Second, idle: 10 * time.Second, interval: 9 * time.Second, count: 5}
	}
	return profile{userTimeout: 24 * time.Second, idle: 5 * time.Second, interval: 2 * time.Second, count: 12}
}

// tune sets TCP_NODELAY and keepalive options. Connections that are not TCP (tests, proxies) stay as they are.
func tune(conn net.Conn, i2pTunneled bool) error {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	if err := c.SetNoDelay(true); err != nil {
		return err
	}
	p := profileFor(i2pTunneled)
	err := c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: p.idle, Interval: p.interval, Count: p.count})
	if err != nil {
		return err
	}
	return setUserTimeout(c, p.userTimeout)
}

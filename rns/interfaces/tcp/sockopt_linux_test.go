package tcp_test

import (
	"context"
	"net"
	"syscall"
	"testing"

	"groupd/rns/interfaces/tcp"
)

// I-029, I-030, I-031.
func TestSocketsHaveTheKeepaliveOptionsOfTheReference(t *testing.T) {
	for name, c := range map[string]struct {
		tunneled bool
		want     map[int]int // option: value
	}{
		"normal": {false, map[int]int{18: 24000, syscall.TCP_KEEPIDLE: 5, syscall.TCP_KEEPINTVL: 2, syscall.TCP_KEEPCNT: 12}},
		"i2p":    {true, map[int]int{18: 45000, syscall.TCP_KEEPIDLE: 10, syscall.TCP_KEEPINTVL: 9, syscall.TCP_KEEPCNT: 5}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			conns := make(chan *net.TCPConn, 1)
			client := newClient(t, tcp.ClientConfig{
				Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Options: tcp.Options{I2PTunneled: c.tunneled},
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
					if err == nil {
						conns <- conn.(*net.TCPConn)
					}
					return conn, err
				},
			})
			up := make(chan struct{}, 1)
			client.NotifyUp(func() { up <- struct{}{} })
			background(t, func(ctx context.Context) { client.Run(ctx, newInbox().deliver) })
			<-up
			raw, err := (<-conns).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			c.want[syscall.TCP_NODELAY] = 1
			err = raw.Control(func(fd uintptr) {
				for option, want := range c.want {
					got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, option)
					if err != nil || got != want {
						t.Errorf("TCP option %d is %d, want %d (%v)", option, got, want, err)
					}
				}
				if on, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_KEEPALIVE); err != nil || on == 0 {
					t.Errorf("keepalive is %d (%v)", on, err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

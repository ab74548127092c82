package tcp_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"groupd/rns/interfaces/tcp"
)

// loopback runs a server and a client over real sockets.
func loopback(t *testing.T, host string) (c *tcp.Client, in *inbox, h *hub) {
	h, in = newHub(), newInbox()
	listening := make(chan net.Addr, 1)
	s, err := tcp.NewServer(tcp.ServerConfig{Name: "Srv", Host: host, OnListen: func(a net.Addr) { listening <- a }})
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	background(t, func(ctx context.Context) { failed <- s.Serve(ctx, h.attach) })
	var port int
	select {
	case a := <-listening:
		port = a.(*net.TCPAddr).Port
	case err := <-failed:
		t.Fatal(err)
	}
	c = newClient(t, tcp.ClientConfig{Host: host, Port: port})
	up := make(chan struct{}, 10)
	c.NotifyUp(func() { up <- struct{}{} })
	background(t, func(ctx context.Context) { c.Run(ctx, in.deliver) })
	<-up
	return c, in, h
}

func TestRealSocketsOnIPv4AndIPv6(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			c, in, h := loopback(t, host)
			name := <-h.names
			bracketed := strings.Contains(name, "[::1]:")
			if !strings.HasPrefix(name, "TCPInterface[Client on Srv/") || bracketed != (host == "::1") {
				t.Errorf("spawned %s", name)
			}
			p := <-h.peers
			const count = 1000
			for i := range count {
				f := frame(20+i*8, byte(i))
				if err := p.Send(f); err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				if err := c.Send(f); err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				if i%100 == 99 {
					in.await(t, 100)
					h.inbox.await(t, 100)
				}
			}
			for who, box := range map[string]*inbox{"client": in, "server": h.inbox} {
				for i, f := range box.all() {
					if !bytes.Equal(f, frame(20+i*8, byte(i))) {
						t.Fatalf("%s: frame %d is wrong", who, i)
					}
				}
			}
		})
	}
}

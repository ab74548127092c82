package backbone_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/backbone"
	"groupd/rns/interfaces/tcp"
)

// meet lets a client and a server exchange a frame each way over loopback, and returns the name of what the server made.
func meet(t *testing.T, server *tcp.Server, listening chan net.Addr, connect func(port int) *tcp.Client, size int) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	atServer, atClient, peers := make(chan []byte, 1), make(chan []byte, 1), make(chan interfaces.Interface, 1)
	go func() {
		ended <- server.Serve(ctx, func(i interfaces.Interface) func() {
			inner, stop := context.WithCancel(ctx)
			done := make(chan struct{})
			go func() {
				defer close(done)
				i.Run(inner, func(f []byte) { atServer <- bytes.Clone(f) })
			}()
			peers <- i
			return func() { stop(); <-done }
		})
	}()
	client := connect((<-listening).(*net.TCPAddr).Port)
	up := make(chan struct{}, 1)
	client.NotifyUp(func() { up <- struct{}{} })
	go func() { ended <- client.Run(ctx, func(f []byte) { atClient <- bytes.Clone(f) }) }()
	peer := <-peers
	<-up
	frame := bytes.Repeat([]byte{0x7e}, size)
	if err := errors.Join(client.Send(frame), peer.Send(frame)); err != nil {
		t.Fatal(err)
	}
	for _, got := range []chan []byte{atServer, atClient} {
		select {
		case f := <-got:
			if !bytes.Equal(f, frame) {
				t.Errorf("got %d bytes", len(f))
			}
		case <-time.After(10 * time.Second):
			t.Error("no frame came")
		}
	}
	cancel()
	if err := errors.Join(<-ended, <-ended); err != nil {
		t.Error(err)
	}
	return peer.Name()
}

// I-037.
func TestBackboneAndTCPEndsTalkInAnyCombination(t *testing.T) {
	for _, backboneServes := range []bool{true, false} {
		for _, backboneConnects := range []bool{true, false} {
			listening := make(chan net.Addr, 1)
			c := tcp.ServerConfig{Name: "Srv", Host: "127.0.0.1", OnListen: func(a net.Addr) { listening <- a }}
			newServer, want := tcp.NewServer, "TCPInterface[Client on Srv/127.0.0.1:"
			if backboneServes {
				newServer, want = backbone.NewServer, "BackboneInterface[Client on Srv/127.0.0.1:"
			}
			server, err := newServer(c)
			if err != nil {
				t.Fatal(err)
			}
			name := meet(t, server, listening, func(port int) *tcp.Client {
				c := tcp.ClientConfig{Name: "Hub", Host: "localhost", Port: port}
				client, err := tcp.NewClient(c)
				if backboneConnects {
					client, err = backbone.NewClient(c, false)
				}
				if err != nil {
					t.Fatal(err)
				}
				return client
			}, 8208)
			if len(name) < len(want) || name[:len(want)] != want {
				t.Errorf("spawned %s", name)
			}
		}
	}
}

func TestNamesAndMTUsAreThoseOfTheReference(t *testing.T) {
	c, err := config.Read([]byte(`[interfaces]
[[In]]
type = BackboneInterface
enabled = yes
listen_on = 127.0.0.1
port = 4242
[[Out]]
type = BackboneClientInterface
enabled = yes
remote = fd00::1
target_port = 4242
bitrate = 20000000
`))
	if err != nil {
		t.Fatal(err)
	}
	server, err := backbone.ServerFromConfig(c.Interfaces[0], nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := server.Properties(); server.Name() != "BackboneInterface[In/127.0.0.1:4242]" || p.MTU != 524288 || p.Bitrate != 1_000_000_000 {
		t.Errorf("%s %+v", server.Name(), p)
	}
	client, err := backbone.ClientFromConfig(c.Interfaces[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	if p := client.Properties(); client.Name() != "BackboneInterface[Out/[fd00::1]:4242]" || p.MTU != 16384 || p.Bitrate != 20_000_000 {
		t.Errorf("%s %+v", client.Name(), p)
	}
	plain, err := backbone.NewClient(tcp.ClientConfig{Name: "x", Host: "h", Port: 1}, false)
	if err != nil || plain.Properties().MTU != 16384 {
		t.Errorf("%v %+v", err, plain.Properties())
	}
	for _, wrong := range []tcp.ClientConfig{
		{Host: "h", Port: 1, KISSFraming: true}, {Host: "h", Port: 1, Options: tcp.Options{FixedMTU: 1000}}, {Host: "h", Port: 1, Options: tcp.Options{I2PTunneled: true}}, {Host: "h"},
	} {
		if _, err := backbone.NewClient(wrong, false); err == nil {
			t.Errorf("%+v was accepted", wrong)
		}
	}
	if _, err := backbone.NewServer(tcp.ServerConfig{Host: "::", Options: tcp.Options{FixedMTU: 1000}}); err == nil {
		t.Error("a listener with a fixed MTU was accepted")
	}
	if _, err := backbone.ServerFromConfig(c.Interfaces[1], nil, nil); err == nil {
		t.Error("a listener was made of a client's section")
	}
	if _, err := backbone.ClientFromConfig(c.Interfaces[0], nil); err == nil {
		t.Error("a client was made of a listener's section")
	}
}

func TestClientPrefersOneFamilyAndTakesTheOther(t *testing.T) {
	for _, c := range []struct {
		host   string
		ipv6   bool
		answer string // the network that answers
		want   []string
	}{
		{"hub.example", false, "tcp4", []string{"tcp4"}},
		{"hub.example", true, "tcp6", []string{"tcp6"}},
		{"hub.example", false, "tcp", []string{"tcp4", "tcp"}},
		{"hub.example", true, "tcp", []string{"tcp6", "tcp"}},
		{"10.0.0.1", true, "tcp", []string{"tcp"}},
	} {
		var asked []string
		done := make(chan struct{})
		client, err := backbone.NewClient(tcp.ClientConfig{Name: "x", Host: c.host, Port: 1,
			Dial: func(_ context.Context, network, _ string) (net.Conn, error) {
				asked = append(asked, network)
				if network != c.answer {
					return nil, errors.New("no such address")
				}
				near, far := net.Pipe()
				far.Close()
				close(done)
				return near, nil
			}}, c.ipv6)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-done; cancel() }()
		client.Run(ctx, func([]byte) {})
		if !slices.Equal(asked, c.want) {
			t.Errorf("%s, IPv6 %v: asked %v", c.host, c.ipv6, asked)
		}
	}
}

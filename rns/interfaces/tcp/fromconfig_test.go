package tcp_test

import (
	"testing"

	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/tcp"
)

// I-026, I-030, I-034.
func TestCarriersAreMadeOfTheirSections(t *testing.T) {
	c, err := config.Read([]byte(`[interfaces]
[[Out]]
type = TCPClientInterface
enabled = yes
target_host = fd00::1
target_port = 4242
fixed_mtu = 600
kiss_framing = yes
i2p_tunneled = yes
mode = roaming
outgoing = no
ifac_size = 256
[[In]]
type = TCPServerInterface
enabled = yes
listen_ip = 127.0.0.1
listen_port = 4242
bitrate = 1000000001
`))
	if err != nil {
		t.Fatal(err)
	}
	client, err := tcp.ClientFromConfig(c.Interfaces[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	want := interfaces.Properties{Mode: interfaces.ModeRoaming, Bitrate: 10_000_000, MTU: 600, FrameLimit: 632, IFACSize: 16}
	if client.Name() != "TCPInterface[Out/[fd00::1]:4242]" || client.Properties() != want {
		t.Errorf("%s %+v", client.Name(), client.Properties())
	}
	server, err := tcp.ServerFromConfig(c.Interfaces[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	if server.Name() != "TCPServerInterface[In/127.0.0.1:4242]" || server.Properties().MTU != 524288 {
		t.Errorf("%s %+v", server.Name(), server.Properties())
	}
	if _, err := tcp.ClientFromConfig(c.Interfaces[1], nil); err == nil {
		t.Error("a client was made of a server's section")
	}
	if _, err := tcp.ServerFromConfig(c.Interfaces[0], nil); err == nil {
		t.Error("a server was made of a client's section")
	}
}

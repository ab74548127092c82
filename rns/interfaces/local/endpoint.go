package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"
)

// DefaultInstance is the name of the instance that programs share unless configured (option "instance_name").
const DefaultInstance = "default"

// DefaultPort of a shared instance on TCP (option "shared_instance_port"), bound on loopback only.
const DefaultPort = 37428

// maxInstance is the longest name of an instance in bytes: an abstract address has 107, "rns/" and "/rpc" take eight.
const maxInstance = 99

// dialTimeout bounds an attempt to connect. Sockets of one machine answer at once, unless the master's backlog is full.
const dialTimeout = 5 * time.Second

// Endpoint is where a shared instance is found. The zero Endpoint is none.
type Endpoint struct {
	network, address, label string
}

// Unix is the endpoint of the instance with this name: the abstract address NUL "rns/" name, without padding (spec 3 §4.1).
// An empty name is DefaultInstance. Only Linux has abstract addresses.
func Unix(instance string) (Endpoint, error) {
	if instance == "" {
		instance = DefaultInstance
	}
	if len(instance) > maxInstance {
		return Endpoint{}, fmt.Errorf("name of the shared instance has %d bytes: the longest is %d", len(instance), maxInstance)
	}
	for _, c := range []byte(instance) {
		if c == 0 {
			return Endpoint{}, errors.New("name of the shared instance holds a zero byte")
		}
	}
	return Endpoint{network: "unix", address: "@rns/" + instance, label: "rns/" + instance}, nil
}

// TCP is the endpoint on a port of loopback. 0 is DefaultPort.
func TCP(port int) (Endpoint, error) {
	if port == 0 {
		port = DefaultPort
	}
	if port < 1 || port > 65535 {
		return Endpoint{}, fmt.Errorf("port of the shared instance: %d is not between 1 and 65535", port)
	}
	return Endpoint{network: "tcp4", address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), label: strconv.Itoa(port)}, nil
}

// String is how the endpoint stands in names of interfaces: "rns/default" or "37428".
func (e Endpoint) String() string { return e.label }

// Network and Address are as package net has them.
func (e Endpoint) Network() string { return e.network }

// Address has an "@" for the NUL of abstract addresses.
func (e Endpoint) Address() string { return e.address }

// Listen binds the endpoint. That it fails is how a program learns that there is a master already (spec 3 §4.2).
func (e Endpoint) Listen(ctx context.Context) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, e.network, e.address)
}

// Dial connects to the master.
func (e Endpoint) Dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, e.network, e.address)
}

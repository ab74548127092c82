package auto

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// System is the network of this machine.
func System() Network { return system{} }

type system struct{}

func (system) Links() ([]Link, error) {
	devices, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var links []Link
	for _, d := range devices {
		if d.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := d.Addrs()
		if err != nil {
			continue // the device went away meanwhile
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				links = append(links, Link{Device: d.Name, Index: d.Index, Address: p.Addr()})
			}
		}
	}
	return links, nil
}

func (system) ListenGroup(l Link, group netip.Addr, port int) (Socket, error) {
	return listen(l, group, port, func(fd int) error {
		if !group.IsLinkLocalMulticast() {
			// The scope of such an address does not bind the socket to the link.
			if err := unix.BindToDevice(fd, l.Device); err != nil {
				return fmt.Errorf("binding to %s: %w", l.Device, err)
			}
		}
		if err := share(fd); err != nil {
			return err
		}
		join := &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(l.Index)}
		return unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, join)
	})
}

func (system) Listen(l Link, port int, shared bool) (Socket, error) {
	return listen(l, l.Address, port, func(fd int) error {
		// For multicasts that are sent. Hops are 1 by default; our own must come back, since they show that it works.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, l.Index); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 1); err != nil {
			return err
		}
		if shared {
			return share(fd)
		}
		return nil
	})
}

// share lets other processes use the same port.
func share(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// listen opens a socket, prepares it, and binds it to an address on the link. Package net would bind a multicast address
// to all addresses.
func listen(l Link, address netip.Addr, port int, prepare func(fd int) error) (Socket, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "AutoInterface on "+l.Device)
	defer file.Close() // conn has a copy
	if err := prepare(fd); err != nil {
		return nil, fmt.Errorf("preparing a socket on %s: %w", l.Device, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet6{Port: port, ZoneId: uint32(l.Index), Addr: address.As16()}); err != nil {
		return nil, fmt.Errorf("listening on %s port %d: %w", address.WithZone(l.Device), port, err)
	}
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

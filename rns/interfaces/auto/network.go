package auto

import "net/netip"

// Link is a network device with the IPv6 link-local address that is used on it.
type Link struct {
	Device string
	Index  int
	// Address has no zone.
	Address netip.Addr
}

// Network is what the carrier needs of the operating system. Its methods are called from one goroutine.
type Network interface {
	// Links are the devices that are up and have a link-local address, one for each such address.
	Links() ([]Link, error)
	// ListenGroup receives what comes for a multicast address on the link, from this machine too. Other processes may listen
	// there as well.
	ListenGroup(l Link, group netip.Addr, port int) (Socket, error)
	// Listen receives what comes for the link's own address on the link, and sends from it. Only when shared may other
	// processes listen there as well.
	Listen(l Link, port int, shared bool) (Socket, error)
}

// Socket is bound to one link; *net.UDPConn is one. Addresses to write to have the number of the link as their zone. The
// zones of addresses that were read have no meaning. Close ends reads. It is safe from any goroutine.
type Socket interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
	Close() error
}

// Package auto finds other Reticulum nodes on the local network, without configuration, and makes an interface for each of them
// (AutoInterface, spec 3 §2.6). It uses the IPv6 link-local addresses of the machine's network devices: every node tells its
// own by multicast, and packets go by unicast, one a datagram.
//
// Serve runs one goroutine for announcing and housekeeping, three readers for each device, and one for each peer. What strangers
// can cause is bounded: the number of peers, the inbox and write queue of each, and 48 remembered datagrams. The token by which
// nodes find each other is not a secret; use an access code to keep others out.
package auto

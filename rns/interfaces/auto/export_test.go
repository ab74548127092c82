package auto

import "net/netip"

// What the outside tests need.
var GroupAddress = groupAddress

// Token of a group and an address.
func Token(group, address string) []byte {
	t := token(group, netip.MustParseAddr(address))
	return t[:]
}

// Bounds of inboxes.
const (
	InboxFrames = inboxFrames
	InboxBytes  = inboxBytes
)

// Waiting is what the inboxes of all peers hold, in bytes.
func (a *Interface) Waiting() int64 { return a.waiting.Load() }

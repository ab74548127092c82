package auto

import "net/netip"

// What the outside tests need.
var GroupAddress = groupAddress

// Token of a group and an address.
func Token(group, address string) []byte {
	t := token(group, netip.MustParseAddr(address))
	return t[:]
}

// InboxFrames is the length of an inbox.
const InboxFrames = inboxFrames

package auto

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
)

// tokenSize is the length of a discovery datagram in bytes; what follows is ignored.
const tokenSize = sha256.Size

// Scopes of the multicast address, how far discovery reaches: the words of the option "discovery_scope".
const (
	ScopeLink         = "link"
	ScopeAdmin        = "admin"
	ScopeSite         = "site"
	ScopeOrganisation = "organisation"
	ScopeGlobal       = "global"
)

// Types of the multicast address: the words of the option "multicast_address_type".
const (
	AddressTemporary = "temporary"
	AddressPermanent = "permanent"
)

// groupAddress is the multicast address of a group: ff, type, scope, :0:, and 12 bytes of the hash of its id.
func groupAddress(group, scope, addressType string) (netip.Addr, error) {
	var b [16]byte
	b[0] = 0xff
	switch scope {
	case ScopeLink:
		b[1] = 0x2
	case ScopeAdmin:
		b[1] = 0x4
	case ScopeSite:
		b[1] = 0x5
	case ScopeOrganisation:
		b[1] = 0x8
	case ScopeGlobal:
		b[1] = 0xe
	default:
		return netip.Addr{}, fmt.Errorf("there is no discovery scope %q", scope)
	}
	switch addressType {
	case AddressTemporary:
		b[1] |= 0x10
	case AddressPermanent:
	default:
		return netip.Addr{}, errors.New("a multicast address is temporary or permanent")
	}
	g := sha256.Sum256([]byte(group))
	copy(b[4:], g[2:14])
	return netip.AddrFrom16(b), nil
}

// token proves nothing but that its sender knows the group and its own address, in its shortest text, without scope.
func token(group string, address netip.Addr) [tokenSize]byte {
	return sha256.Sum256(address.WithZone("").AppendTo([]byte(group)))
}

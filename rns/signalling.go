package rns

import "fmt"

// LinkMode is the cipher of a link, as named by the top three bits of the signalling bytes (spec 2 §1.2).
type LinkMode uint8

// Link modes. Only AES-256-CBC is enabled.
const (
	LinkModeAES128CBC LinkMode = 0 // legacy, not enabled
	LinkModeAES256CBC LinkMode = 1 // the only enabled mode
	LinkModeAES256GCM LinkMode = 2 // reserved
)

const (
	// SignallingLength is the length in bytes of the MTU and mode signalling of link requests and their proofs.
	SignallingLength = 3

	signallingMTUMask   = 1<<21 - 1
	signallingModeShift = 21
	linkMDUReserve      = IFACMinSize + HeaderMinSize + TokenOverhead
)

// Enabled reports whether links of this mode can be made.
func (m LinkMode) Enabled() bool { return m == LinkModeAES256CBC }

// Signalling packs a link MTU in bytes (0 to 2 097 151) and a mode into the 3 bytes that link requests and their
// proofs carry (spec 2 §1.3). Modes that are not enabled and MTUs that do not fit are errors.
func Signalling(mtu int, mode LinkMode) ([SignallingLength]byte, error) {
	if !mode.Enabled() {
		return [SignallingLength]byte{}, fmt.Errorf("link mode %d is not enabled", mode)
	}
	if mtu < 0 || mtu > signallingMTUMask {
		return [SignallingLength]byte{}, fmt.Errorf("link MTU of %d bytes: %w", mtu, ErrTooLarge)
	}
	v := uint32(mtu) | uint32(mode)<<signallingModeShift
	return [SignallingLength]byte{byte(v >> 16), byte(v >> 8), byte(v)}, nil
}

// ParseSignalling reads 3 signalling bytes, whatever their mode. No bytes at all stand for the default: mode 1, MTU
// 500; so does a signalled MTU of 0. ok is false for any other length.
func ParseSignalling(b []byte) (mtu int, mode LinkMode, ok bool) {
	switch len(b) {
	case 0:
		return MTU, LinkModeAES256CBC, true
	case SignallingLength:
	default:
		return 0, 0, false
	}
	v := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	mtu, mode = int(v&signallingMTUMask), LinkMode(v>>signallingModeShift)
	if mtu == 0 {
		mtu = MTU
	}
	return mtu, mode, true
}

// LinkMDU returns the largest plaintext, in bytes, of an encrypted packet on a link with this MTU (431 for 500).
// It is never negative.
func LinkMDU(mtu int) int {
	return max(0, (mtu-linkMDUReserve)/aesBlock*aesBlock-1)
}

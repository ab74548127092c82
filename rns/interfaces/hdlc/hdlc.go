// Package hdlc is Reticulum's HDLC-like framing of TCP, Backbone, shared instance, I2P, serial and pipe carriers
// (spec 3 §1.1): a frame is FLAG, the packet with FLAG and ESC escaped, FLAG. There is no address, length or checksum.
package hdlc

import "bytes"

// The bytes of the framing.
const (
	// Flag stands before and after every frame.
	Flag = 0x7E
	// Escape announces that the next byte was masked.
	Escape = 0x7D
	// Mask is what masked bytes are XORed with.
	Mask = 0x20
)

// MinPacket is the shortest packet in bytes that the reference's socket readers hand on (spec 3 §1.3).
// It is also shorter than any useful Reticulum packet.
const MinPacket = 20

// AppendFrame appends the framed packet to dst. At most 2*len(packet)+2 bytes are added. Both flags are always its
// own: readers on serial lines lose a frame that shares its flag with another.
func AppendFrame(dst, packet []byte) []byte {
	dst = append(dst, Flag)
	for len(packet) > 0 {
		// A window, so that a long packet full of escapes is not searched to its end for each of them.
		window := packet[:min(len(packet), 256)]
		n := special(window)
		dst = append(dst, window[:n]...)
		packet = packet[n:]
		if n < len(window) {
			dst = append(dst, Escape, packet[0]^Mask)
			packet = packet[1:]
		}
	}
	return append(dst, Flag)
}

// FrameLen is the number of bytes that AppendFrame adds.
func FrameLen(packet []byte) int {
	return len(packet) + 2 + bytes.Count(packet, []byte{Flag}) + bytes.Count(packet, []byte{Escape})
}

// special is the index of the first byte that must be escaped, or len(b).
func special(b []byte) int {
	if i := bytes.IndexByte(b, Flag); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, Escape); i >= 0 {
		return i
	}
	return len(b)
}

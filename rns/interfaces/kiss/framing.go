// Package kiss is KISS framing, as KISS TNCs, RNodes and TCP clients with "kiss_framing" speak it (spec 3 §1.2), and the
// carrier for a KISS TNC on a serial line (KISSInterface, spec 3 §2.8).
//
// A frame is FEND, a command byte, the payload with FEND and FESC escaped, FEND. There is no length or checksum.
package kiss

import "bytes"

// The bytes of the framing.
const (
	// FEND stands before and after every frame.
	FEND = 0xC0
	// FESC announces that the next byte stands for a FEND or a FESC.
	FESC = 0xDB
	// TFEND after FESC is a FEND, TFESC after FESC is a FESC.
	TFEND = 0xDC
	TFESC = 0xDD
	// CommandData is the command of frames that carry a packet.
	CommandData = 0x00
	// CommandReady is the command by which a device with flow control asks for the next packet.
	CommandReady = 0x0F
)

// AppendFrame appends a frame to dst. At most 2*len(payload)+3 bytes are added. Both FENDs are always its own: readers
// lose a packet that shares its FEND with the one before (spec 3 §1.2).
func AppendFrame(dst []byte, command byte, payload []byte) []byte {
	dst = append(dst, FEND, command)
	for _, b := range payload {
		switch b {
		case FEND:
			dst = append(dst, FESC, TFEND)
		case FESC:
			dst = append(dst, FESC, TFESC)
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, FEND)
}

// FrameLen is the number of bytes that AppendFrame adds.
func FrameLen(payload []byte) int {
	return len(payload) + 3 + bytes.Count(payload, []byte{FEND}) + bytes.Count(payload, []byte{FESC})
}

package sharedinstance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxLength is the longest message in bytes whose length fits the short form.
const maxLength = 1<<31 - 1

// ErrTooLong means that the other side announced a message longer than is taken.
var ErrTooLong = errors.New("message is too long")

// writeMessage writes length and payload (spec 3 §4.6) at once.
func writeMessage(w io.Writer, payload []byte) error {
	if len(payload) > maxLength {
		return ErrTooLong
	}
	b := make([]byte, 0, 4+len(payload))
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	_, err := w.Write(append(b, payload...))
	return err
}

// readMessage reads a message of up to limit bytes. Memory grows with what really comes, not with the length that was
// announced.
func readMessage(r io.Reader, limit int) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:4]); err != nil {
		return nil, err
	}
	length := uint64(binary.BigEndian.Uint32(head[:4]))
	if length == 0xffffffff { // -1: the long form follows
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return nil, cutOff(err)
		}
		length = binary.BigEndian.Uint64(head[:])
	} else if length > maxLength {
		return nil, fmt.Errorf("%w: negative length", ErrTooLong)
	}
	if length > uint64(limit) {
		return nil, fmt.Errorf("%w: %d bytes, taken are %d", ErrTooLong, length, limit)
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(length)))
	if err == nil && uint64(len(b)) < length {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

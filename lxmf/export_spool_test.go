package lxmf

import "io"

// UnpackSpooled reads a message as one that is in a spool file.
func UnpackSpooled(r io.ReaderAt, size int64, most int) (*Message, error) {
	return unpackSpooled(r, size, most)
}

package rnode

import (
	"time"

	"groupd/rns/interfaces"
)

// Names for the outside tests.
var (
	Detach              = detach
	Leave               = leave
	HardResetCommand    = hardReset
	ReadFramebuf        = readFramebuf
	ReadDisplayCommand  = readDisplay
	ExternalFramebuf    = externalFramebuffer
	FramebufferLineFrom = framebufferLine
)

// Reader is a reader without a device.
type Reader struct{ r *reader }

// NewReader makes one that calls packet for each packet.
func NewReader(packet func([]byte, interfaces.Signal)) Reader {
	r := newReader()
	r.packet = packet
	return Reader{r}
}

// Feed takes a chunk.
func (r Reader) Feed(chunk []byte) error { return r.r.feed(chunk, time.Now()) }

// Reports are those so far.
func (r Reader) Reports() *Reports { return &r.r.reports }

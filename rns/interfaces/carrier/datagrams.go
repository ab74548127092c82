package carrier

import (
	"context"
	"net"
)

// WriteDatagrams sends what is queued to an address until carrying ends, one frame a datagram, and what is left when ctx has
// ended, as long as the socket takes it: give it a write deadline of Linger when ctx ends. A frame that cannot be sent is lost and counted; the socket stays.
func WriteDatagrams(ctx, carrying context.Context, e *Engine, conn net.PacketConn, to net.Addr) {
	for {
		frame, ok := e.Next()
		if !ok {
			select {
			case <-e.Wake():
				continue
			case <-carrying.Done():
			}
			// The last words may have come at the same time.
			if frame, ok = e.Next(); !ok {
				return
			}
		}
		if carrying.Err() != nil && ctx.Err() == nil {
			return
		}
		if n, err := conn.WriteTo(frame, to); err != nil {
			e.Lost(err)
			if carrying.Err() != nil {
				return
			}
		} else {
			e.Wrote(1, n)
		}
	}
}

package carrier

import "context"

// WriteDatagrams gives what is queued to write, one frame at a time, until carrying ends, and what is left when ctx has
// ended, as long as write takes it: it must not wait for longer than Linger then. A frame that write does not take is lost
// and counted.
func WriteDatagrams(ctx, carrying context.Context, e *Engine, write func(frame []byte) (int, error)) {
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
		if n, err := write(frame); err != nil {
			e.Lost(err)
			if carrying.Err() != nil {
				return
			}
		} else {
			e.Wrote(1, n)
		}
	}
}

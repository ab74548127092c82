package interfaces

// Stats is a snapshot of what an interface did since it was made. Reconnecting does not reset it.
type Stats struct {
	// Online: frames given to Send now have a chance to be carried.
	Online bool
	// Connects counts how often the carrier came up; 1 after the first connection.
	Connects uint64

	// RxFrames and RxBytes count frames delivered, and their bytes without framing.
	RxFrames, RxBytes uint64
	// TxFrames counts frames written, and TxBytes the bytes written: with flags and escapes where the carrier has
	// any (spec 3 §1.7).
	TxFrames, TxBytes uint64

	// QueuedFrames and QueuedBytes wait to be written now.
	QueuedFrames, QueuedBytes int

	// RxDropped counts what was received and dropped, TxDropped what Send did not take or what was lost in the queue
	// when the carrier went down.
	RxDropped RxDrops
	TxDropped TxDrops

	// LastError is the text of what last took the carrier down, or kept it down. Empty when there was nothing.
	LastError string
}

// RxDrops counts received frames that were dropped, by reason.
type RxDrops struct {
	// TooShort: no packet is this short. Empty frames are not counted.
	TooShort uint64
	// TooLong: longer than the frame limit.
	TooLong uint64
	// Unfinished: begun, but the carrier went down before the end.
	Unfinished uint64
	// Overflow: the receiver did not take frames fast enough (carriers without flow control).
	Overflow uint64
}

// Sum of all reasons.
func (d RxDrops) Sum() uint64 { return d.TooShort + d.TooLong + d.Unfinished + d.Overflow }

// TxDrops counts frames that were not sent, by reason.
type TxDrops struct {
	// QueueFull, Down, TooLarge: what Send answered.
	QueueFull, Down, TooLarge uint64
	// Lost: queued or half written when the carrier went down.
	Lost uint64
}

// Sum of all reasons.
func (d TxDrops) Sum() uint64 { return d.QueueFull + d.Down + d.TooLarge + d.Lost }

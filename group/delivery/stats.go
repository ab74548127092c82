package delivery

// Stats counts since the start.
type Stats struct {
	Proved      uint64 // parcels
	LeftAtNode  uint64
	NotProved   uint64 // parcels of which no proof came, or that had no way
	Failed      uint64 // that could not be made, were larger than allowed, or tripped their courier
	Skipped     uint64 // times that a member missed nothing which is for him
	Moved       uint64 // members moved to digest
	OverShare   uint64 // times that a member had used up his share
	TicketsFull uint64 // rows not taken for want of room
	EventsLost  uint64 // events lost to a full queue; all rows were read again
	NotWritten  uint64 // times that rows could not be written; they are tried again
}

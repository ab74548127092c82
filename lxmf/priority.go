package lxmf

import "fmt"

// Priority orders the messages to one recipient, and says which ones make room when too many wait. It is ours alone and never on
// the wire.
type Priority int8

// Priorities, the lowest first.
const (
	PriorityBulk      Priority = -1 // history, digests
	PriorityNormal    Priority = 0
	PriorityAnswer    Priority = 1 // to something that the recipient has just asked for
	PriorityEmergency Priority = 2
)

// String returns the name of the priority.
func (p Priority) String() string {
	switch p {
	case PriorityBulk:
		return "bulk"
	case PriorityNormal:
		return "normal"
	case PriorityAnswer:
		return "answer"
	case PriorityEmergency:
		return "emergency"
	}
	return fmt.Sprintf("priority %d", int8(p))
}

func (p Priority) valid() bool { return p >= PriorityBulk && p <= PriorityEmergency }

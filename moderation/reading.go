package moderation

// Oldest is the lowest seq of the timeline that one who may read sees, where joined is the seq of the entry that told his last
// joining (0: before that was kept) and head the newest. Staff see all, to moderate; those outside saw nothing happen since
// they joined.
func (f Facts) Oldest(joined, head uint64) uint64 {
	if f.staff() {
		return 1
	}
	switch f.Policy.History {
	case HistoryStay:
		if f.Role == RoleNone {
			return head + 1
		}
		return max(1, joined)
	case HistoryLast:
		if count := uint64(f.Policy.HistoryCount); head > count {
			return head - count + 1
		}
	}
	return 1
}

package rns

import "container/heap"

// timeline is a heap: what comes first is at the top, and anything in it can be moved or taken out. Items say where they
// are in it themselves.
type timeline[T timed[T]] struct{ items timelineItems[T] }

// timed is an item of a timeline.
type timed[T any] interface {
	before(T) bool // comes earlier
	place() *int   // where it is, kept by the timeline
}

func (t *timeline[T]) len() int { return len(t.items) }

// first is the earliest item; there must be one.
func (t *timeline[T]) first() T { return t.items[0] }

func (t *timeline[T]) add(v T) { heap.Push(&t.items, v) }

// moved is called when what before compares has changed.
func (t *timeline[T]) moved(v T) { heap.Fix(&t.items, *v.place()) }

func (t *timeline[T]) remove(v T) { heap.Remove(&t.items, *v.place()) }

type timelineItems[T timed[T]] []T

func (h timelineItems[T]) Len() int           { return len(h) }
func (h timelineItems[T]) Less(i, j int) bool { return h[i].before(h[j]) }
func (h timelineItems[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	*h[i].place(), *h[j].place() = i, j
}
func (h *timelineItems[T]) Push(v any) {
	item := v.(T)
	*item.place() = len(*h)
	*h = append(*h, item)
}
func (h *timelineItems[T]) Pop() any {
	var none T
	last := len(*h) - 1
	item := (*h)[last]
	(*h)[last] = none
	*h = (*h)[:last]
	return item
}

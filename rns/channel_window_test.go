package rns

import (
	"testing"
	"time"
)

// TestChannelWindowAdapts holds L-133, L-134, L-135.
func TestChannelWindowAdapts(t *testing.T) {
	slow := newChannelWindow(2 * time.Second)
	for range 100 {
		slow.delivered(2 * time.Second)
	}
	if slow.size != 1 {
		t.Errorf("slow link: window %d", slow.size)
	}
	w := newChannelWindow(100 * time.Millisecond)
	if w.size != 2 {
		t.Errorf("at first %d", w.size)
	}
	for range 9 {
		w.delivered(500 * time.Millisecond)
	}
	if w.size != 5 || w.max != 5 {
		t.Errorf("after 9 medium deliveries %+v", w)
	}
	w.delivered(500 * time.Millisecond)
	if w.max != 12 || w.min != 5 {
		t.Errorf("after 10 medium deliveries %+v", w)
	}
	for range 10 {
		w.delivered(100 * time.Millisecond)
	}
	if w.max != 48 || w.min != 16 {
		t.Errorf("after 10 fast deliveries %+v", w)
	}
	for range 100 {
		w.delivered(100 * time.Millisecond)
	}
	if w.size != 48 {
		t.Errorf("at most %+v", w)
	}
	w.lost()
	if w.size != 47 || w.max != 47 {
		t.Errorf("after a loss %+v", w)
	}
	for range 100 {
		w.lost()
	}
	if w.size != 16 || w.max < 20 {
		t.Errorf("after many losses %+v", w)
	}
	if got := channelTimeout(1, time.Second, 2); got != 8750*time.Millisecond {
		t.Errorf("first timeout %v", got)
	}
	if got := channelTimeout(3, time.Second, 2); got != 19687500*time.Microsecond {
		t.Errorf("third timeout %v", got)
	}
	if got := channelTimeout(5, 0, 1); got != 4*time.Second {
		t.Errorf("last timeout of a fast link %v", got)
	}
}

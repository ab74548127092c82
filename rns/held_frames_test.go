package rns

import (
	"testing"
	"time"
)

func TestHeldFramesGoOutInTheOrderOfTheirTimesAndTogether(t *testing.T) {
	var h heldFrames
	start := time.Now()
	for _, ms := range []int{10, 25, 11, 10, 40} {
		if !h.add(outFrame{raw: []byte{byte(ms)}, notBefore: start.Add(time.Duration(ms) * time.Millisecond)}) {
			t.Fatal("no room")
		}
	}
	var got []byte
	batches := 0
	for at, ok := h.next(); ok; at, ok = h.next() {
		for _, f := range h.due(at) {
			if at.Before(f.notBefore) || at.Sub(f.notBefore) > heldTogether {
				t.Errorf("sent at %v, was to be sent from %v on", at.Sub(start), f.notBefore.Sub(start))
			}
			got = append(got, f.raw...)
		}
		batches++
	}
	if want := []byte{10, 10, 11, 25, 40}; string(got) != string(want) || batches != 3 {
		t.Errorf("%v in %d batches, want %v in 3", got, batches, want)
	}
}

func TestHeldFramesAreBounded(t *testing.T) {
	var h heldFrames
	for range maxHeldFrames {
		if !h.add(outFrame{}) {
			t.Fatal("full too early")
		}
	}
	if h.add(outFrame{}) {
		t.Error("took one more than the bound")
	}
	if n := len(h.due(time.Now())); n != maxHeldFrames || !h.add(outFrame{}) {
		t.Errorf("%d went out, want %d, and room afterwards", n, maxHeldFrames)
	}
}

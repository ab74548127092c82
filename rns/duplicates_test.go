package rns

import "testing"

// TestDuplicatesAreRememberedForTwoGenerations holds C-092.
func TestDuplicatesAreRememberedForTwoGenerations(t *testing.T) {
	hash := func(i int) PacketHash { return PacketHash{byte(i), byte(i >> 8)} }
	d := newDuplicateFilter(100)
	for i := range 1000 {
		if d.seen(hash(i)) {
			t.Fatalf("%d seen before", i)
		}
		d.add(hash(i))
		for j := max(0, i-99); j <= i; j++ {
			if !d.seen(hash(j)) {
				t.Fatalf("%d forgotten after %d", j, i)
			}
		}
		if n := d.len(); n > 200 {
			t.Fatalf("%d hashes held", n)
		}
	}
	if d.seen(hash(700)) {
		t.Error("remembered for more than two generations")
	}
	for _, i := range []int{850, 999} {
		d.forget(hash(i))
		if d.seen(hash(i)) {
			t.Errorf("%d not forgotten", i)
		}
	}
}

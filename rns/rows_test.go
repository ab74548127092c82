package rns

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

type testRow struct {
	row
	value int
}

// TestRowsAreAsAMapAndAList compares a table of rows with a map and a slice, over many additions, removals and moves.
func TestRowsAreAsAMapAndAList(t *testing.T) {
	table := newRowTable[testRow]()
	var list rowList
	model := make(map[DestinationHash]int)
	var order []DestinationHash
	random := rand.New(rand.NewPCG(1, 2))
	if table.get(DestinationHash{1}) != nil {
		t.Fatal("an empty table has a row")
	}
	for step := range 60000 {
		var d DestinationHash
		binary.BigEndian.PutUint64(d[:], random.Uint64N(3000))
		r := table.get(d)
		value, known := model[d]
		if (r != nil) != known || known && (r.value != value || r.destination != d) {
			t.Fatalf("step %d: row %v, want %d, %v", step, r, value, known)
		}
		switch {
		case !known:
			r = table.add(d)
			if r.value != 0 {
				t.Fatal("a new row is not empty")
			}
			r.value, model[d] = step, step
			table.push(&list, r)
			order = append(order, d)
		case random.IntN(3) == 0:
			table.toEnd(&list, r)
			order = append(slices.Delete(order, slices.Index(order, d), slices.Index(order, d)+1), d)
		case step%20000 < 12000 || random.IntN(2) == 0:
			table.unlink(&list, r)
			table.remove(r)
			delete(model, d)
			order = slices.Delete(order, slices.Index(order, d), slices.Index(order, d)+1)
		}
		if table.len() != len(model) {
			t.Fatalf("step %d: %d rows, want %d", step, table.len(), len(model))
		}
	}
	var forward, backward []DestinationHash
	for r := range table.forward(&list) {
		forward = append(forward, r.destination)
	}
	for r := range table.backward(&list) {
		backward = append(backward, r.destination)
	}
	slices.Reverse(backward)
	if !slices.Equal(forward, order) || !slices.Equal(backward, order) {
		t.Error("wrong order")
	}
	if used := int(table.rows); used > 3000 {
		t.Errorf("%d rows were taken for at most 3000 at a time", used)
	}
	for r := range table.forward(&list) {
		table.unlink(&list, r)
		table.remove(r)
	}
	if table.len() != 0 || list != (rowList{}) || slices.ContainsFunc(table.slots, func(s uint64) bool { return s != 0 }) {
		t.Error("not empty after all were removed")
	}
}

package rns

import (
	"testing"

	"groupd/rns/interfaces"
)

func allModes() []interfaces.Mode {
	return []interfaces.Mode{interfaces.ModeFull, interfaces.ModePointToPoint, interfaces.ModeAccessPoint, interfaces.ModeRoaming,
		interfaces.ModeBoundary, interfaces.ModeGateway, interfaces.ModeInternal}
}

// TestAnnouncePropagation: C-138, the matrix of spec 1 §6.13, rows: where it came from, columns: where it goes.
func TestAnnouncePropagation(t *testing.T) {
	matrix := []string{
		"yy-yyyy", // full
		"yy-yyyy", // point to point
		"yy-yyyy", // access point
		"yy---yy", // roaming
		"yy--yy-", // boundary
		"yy-yyyy", // gateway
		"yy-yyyy", // internal
		"yy-yyyy", // ours
	}
	for i, row := range matrix {
		var from *attached
		name := "ours"
		if i < len(allModes()) {
			from = tableInterface("from", allModes()[i])
			name = from.mode.String()
		}
		for j, mode := range allModes() {
			if got := propagates(from, tableInterface("to", mode)); got != (row[j] == 'y') {
				t.Errorf("from %s to %v: %v", name, mode, got)
			}
		}
	}
}

// TestAnnouncesOfInternalInterfaces: C-139.
func TestAnnouncesOfInternalInterfaces(t *testing.T) {
	internal, boundary := tableInterface("i", interfaces.ModeInternal), tableInterface("b", interfaces.ModeBoundary)
	full := tableInterface("f", interfaces.ModeFull)
	full.options.BlockFromInternal = true
	if propagates(internal, full) || !propagates(boundary, full) || !propagates(nil, full) {
		t.Error("announces_from_internal = no")
	}
	boundary.options.AnnouncesToInternal = true
	if !propagates(boundary, internal) {
		t.Error("announces_to_internal = yes")
	}
}

// TestWhereUnknownDestinationsAreLookedFor: C-147, the part about modes.
func TestWhereUnknownDestinationsAreLookedFor(t *testing.T) {
	for i, mode := range allModes() {
		a := tableInterface("a", mode)
		if got := discovers(a); got != ("--yyyyy"[i] == 'y') {
			t.Errorf("asked on %v: %v", mode, got)
		}
		if searches(a, a) {
			t.Error("asks where it was asked")
		}
		for j, to := range allModes() {
			b := tableInterface("b", to)
			want := mode != interfaces.ModeBoundary || "----yy-"[j] == 'y'
			if searches(a, b) != want {
				t.Errorf("asked on %v, asks on %v: %v", mode, to, !want)
			}
		}
		a.options.RecursivePathRequests = true
		if !discovers(a) || !searches(a, tableInterface("b", interfaces.ModeFull)) {
			t.Errorf("recursive_prs on %v", mode)
		}
	}
}

package group_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"groupd/group"
)

// TestThePageTellsWhatAnExportHolds: docs/operations.md has every kind of line with its fields, in their order.
func TestThePageTellsWhatAnExportHolds(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds, fields := group.ExportedFields()
	last := 0
	for _, kind := range kinds {
		row := fmt.Sprintf("\n| `%s` | %s |", kind, "`"+strings.Join(fields[kind], "` `")+"`")
		at := strings.Index(string(page), row)
		if at < last {
			t.Errorf("there is no row%s, or not in this place", row)
		}
		last = at
	}
}

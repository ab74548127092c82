package archtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryRequirementHasItsRow: docs/requirements.md has one row for each statement of the sketches, or says that it asks for nothing.
func TestEveryRequirementHasItsRow(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "requirements.md"))
	if err != nil {
		t.Fatal(err)
	}
	numbers := regexp.MustCompile(`S[0-4]-\d+`)
	said := make(map[string]int)
	for line := range strings.Lines(string(page)) {
		which, how, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		switch {
		case strings.HasPrefix(line, "Statements that are opinion or reason"):
		case !strings.HasPrefix(line, "| S"):
			continue
		case !strings.Contains(how, "`Test") && !strings.Contains(how, "**wait") && !strings.Contains(how, "asks for nothing"):
			t.Errorf("%s: neither a test nor a reason", which)
		}
		for _, n := range numbers.FindAllString(which, -1) {
			said[n]++
		}
	}
	for sketch, last := range []int{26, 31, 21, 34, 84} {
		for i := range last {
			n := fmt.Sprintf("S%d-%d", sketch, i+1)
			if said[n] != 1 {
				t.Errorf("%s stands in %d places, not in 1", n, said[n])
			}
			delete(said, n)
		}
	}
	for n := range said {
		t.Errorf("there is no statement %s", n)
	}
}

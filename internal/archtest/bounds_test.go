package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheTestsThatThePagesNameExist: docs/simulations.md, docs/bad-input.md and docs/requirements.md name tests, and all of them exist.
func TestTheTestsThatThePagesNameExist(t *testing.T) {
	root := filepath.Join("..", "..")
	missing := make(map[string]bool)
	for name, least := range map[string]int{"simulations.md": 100, "bad-input.md": 50, "requirements.md": 80} {
		page, err := os.ReadFile(filepath.Join(root, "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(page, -1)
		for _, m := range found {
			missing[string(m[1])] = true
		}
		if len(found) < least {
			t.Errorf("%s names only %d tests", name, len(found))
		}
	}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			delete(missing, string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for name := range missing {
		t.Errorf("there is no %s", name)
	}
}

package sqlite

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mattn/go-sqlite3"

	"groupd/group"
)

func TestABackupThatDoesNotFitOnTheDiskIsNoMystery(t *testing.T) {
	if err := full(fmt.Errorf("exec: %w", sqlite3.Error{Code: sqlite3.ErrFull})); !errors.Is(err, group.ErrNoSpace) {
		t.Errorf("a full disk is %v", err)
	}
	if err := full(sqlite3.Error{Code: sqlite3.ErrBusy}); errors.Is(err, group.ErrNoSpace) {
		t.Errorf("busy is %v", err)
	}
}

package faults_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"groupd/api/faults"
)

// noted is what one fault left in the log of a face, and its id.
func noted(ctx context.Context, rand string, err error) (id, line string) {
	var b bytes.Buffer
	l := faults.Log{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), Rand: strings.NewReader(rand), What: "page failed"}
	id = l.Note(ctx, err, "path", "/info")
	return id, b.String()
}

// after is the error of a panic in f.
func after(f func()) (err error) {
	defer func() { err = fmt.Errorf("asked: %w", faults.Panicked(recover())) }()
	f()
	return nil
}

func TestTheOperatorFindsAFaultByItsID(t *testing.T) {
	id, line := noted(t.Context(), "goat", errors.New("disk full"))
	if id != "676f6174" || !strings.Contains(line, `level=ERROR msg="page failed" id=676f6174 path=/info err="disk full"`) || strings.Contains(line, "stack=") {
		t.Errorf("%s: %s", id, line)
	}
}

func TestAPanicIsLoggedWithItsStackAndWithoutAMembersWords(t *testing.T) {
	_, line := noted(t.Context(), "goat", after(func() { panic("a secret text") }))
	if !strings.Contains(line, `err="asked: panic: string"`) || !strings.Contains(line, "faults_test.go") || strings.Contains(line, "a secret text") {
		t.Error(line)
	}
	var people []string
	_, line = noted(t.Context(), "goat", after(func() { _ = people[len(line)] }))
	if !strings.Contains(line, "index out of range") {
		t.Errorf("what the runtime says is missing: %s", line)
	}
}

func TestWhoDidNotWaitIsNoErrorInTheLog(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, line := noted(ctx, "goat", ctx.Err()); !strings.Contains(line, "level=DEBUG") {
		t.Error(line)
	}
}

func TestAFaultIsLoggedWithoutRandomnessToo(t *testing.T) {
	if id, line := noted(t.Context(), "", errors.New("no entropy")); id != "norandom" || !strings.Contains(line, "no entropy") {
		t.Errorf("%s: %s", id, line)
	}
}

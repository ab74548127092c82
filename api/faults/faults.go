// Package faults is how the faces tell faults of ours, errors and panics that nobody expected: whoever asked gets an id, the operator
// finds it in the log with the details, and nobody's words get into either.
package faults

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
)

// Log is where a face notes its faults.
type Log struct {
	Logger *slog.Logger
	Rand   io.Reader // of ids
	What   string    // the text of its lines
}

// Note puts a fault into the log, with the stack of a panic, and returns the id that it has there, 8 hex digits. The line is of a low
// level where ctx is over: it was only that whoever asked did not wait.
func (l Log) Note(ctx context.Context, err error, attrs ...any) (id string) {
	id = l.id()
	attrs = append(append([]any{"id", id}, attrs...), "err", err)
	if p := (*panicked)(nil); errors.As(err, &p) {
		attrs = append(attrs, "stack", string(p.stack))
	}
	level := slog.LevelError
	if ctx.Err() != nil {
		level = slog.LevelDebug
	}
	l.Logger.Log(context.WithoutCancel(ctx), level, l.What, attrs...)
	return id
}

func (l Log) id() string {
	var b [4]byte
	if _, err := io.ReadFull(l.Rand, b[:]); err != nil {
		return "norandom"
	}
	return hex.EncodeToString(b[:])
}

// Panicked is a panic as an error: what recover gave, and the stack of the goroutine at the moment.
func Panicked(value any) error { return &panicked{value: value, stack: debug.Stack()} }

type panicked struct {
	value any
	stack []byte
}

// Error names the type of the panic, and its text only where it comes from the runtime: others may hold a member's words.
func (p *panicked) Error() string {
	if err, ok := p.value.(runtime.Error); ok {
		return "panic: " + err.Error()
	}
	return fmt.Sprintf("panic: %T", p.value)
}

package ifacetest

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"groupd/rns/interfaces"
)

// Running is an interface whose Run runs, as transport would have it.
type Running struct {
	// Frames are copies of what was delivered; there is room for 1000, then delivering blocks.
	Frames chan []byte

	cancel context.CancelFunc
	done   chan error
	once   sync.Once
	err    error
}

// Run runs an interface until the test ends, or Stop is called. A Run that ends with an error fails the test.
func Run(t testing.TB, i interfaces.Interface) *Running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &Running{Frames: make(chan []byte, 1000), cancel: cancel, done: make(chan error, 1)}
	go func() {
		r.done <- i.Run(ctx, func(frame []byte) {
			select {
			case r.Frames <- bytes.Clone(frame):
			case <-ctx.Done():
			}
		})
	}()
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Errorf("run of %s: %v", i.Name(), err)
		}
	})
	return r
}

// Stop ends Run, waits for it, and returns what it returned.
func (r *Running) Stop() error {
	r.once.Do(func() {
		r.cancel()
		r.err = <-r.done
	})
	return r.err
}

package rns

import (
	"crypto/rand"
	"io"
	"runtime"
)

func lockedRandom() io.Reader { return rand.Reader }

// heapInUse is the memory in use.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

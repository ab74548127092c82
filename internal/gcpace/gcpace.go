// Package gcpace sets how often the garbage collector runs in a process whose heap is mostly small but must not grow out of
// proportion when it is large. GOGC alone cannot say both: 50 percent of the two megabytes of an idle node means a collection for
// every megabyte of traffic.
package gcpace

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Policy says by how much the heap may grow before it is collected: by Least bytes, or by Percent of what is in use, whichever is
// more.
type Policy struct {
	Least   uint64 // bytes
	Percent int    // as GOGC
}

// minHeap is the least heap in bytes at which the runtime collects when GOGC is 100; it is proportional to GOGC.
const minHeap = 4 << 20

// Start sets the policy for this process, and adjusts it after every collection from then on. Call it once.
func Start(p Policy) {
	p.set()
	watch(p)
}

// watch has set called after the next collection, and so on: an object that nothing refers to is finalized then.
func watch(p Policy) {
	type sentinel struct{ _ *byte } // a pointer keeps it out of the tiny allocator
	runtime.SetFinalizer(new(sentinel), func(*sentinel) {
		p.set()
		watch(p)
	})
}

func (p Policy) set() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(p.percent(live[0].Value.Uint64()))
}

// percent is the GOGC that suits a heap with so many bytes in use.
func (p Policy) percent(live uint64) int {
	percent := math.Ceil(float64(p.Least) * 100 / float64(max(live, 1)))
	// With a small heap the runtime's least counts, which grows with GOGC.
	percent = min(percent, math.Ceil(float64(live+p.Least)*100/minHeap))
	return max(p.Percent, int(percent))
}

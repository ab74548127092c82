// Package gcpace sets how often the garbage collector runs in a process whose heap is mostly small but must not grow out of
// proportion when it is large. GOGC alone cannot say both: 50 percent of the two megabytes of an idle node means a collection for
// every megabyte of traffic.
package gcpace

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Policy says by how much the heap may grow before it is collected: by Least bytes, or by Percent of what is in use, whichever is
// more.
type Policy struct {
	Least   uint64 // bytes
	Percent int    // as GOGC
	// Quiet is how long hardly anything must have been allocated before what the heap holds beyond what is in use goes back to the
	// system, once until there is traffic again; 0: that is left to the runtime, which keeps what the last burst took.
	Quiet time.Duration
}

// quietBytes is what may be allocated in Policy.Quiet when it is quiet, and what is too little to be given back.
const quietBytes = 256 << 10

// minHeap is the least heap in bytes at which the runtime collects when GOGC is 100; it is proportional to GOGC.
const minHeap = 4 << 20

// Start sets the policy for this process, and adjusts it after every collection from then on. Call it once.
func Start(p Policy) {
	p.set()
	watch(p)
	if p.Quiet > 0 {
		go p.release()
	}
}

// release is the life of the goroutine that gives memory back; it ends with the process.
func (p Policy) release() {
	var q quiet
	for range time.Tick(p.Quiet) {
		if q.over(readUsage()) {
			debug.FreeOSMemory()
		}
	}
}

// usage is what the heap holds, in bytes.
type usage struct {
	allocated uint64 // since the process began
	live      uint64 // at the last collection
	objects   uint64 // now, with those that nothing refers to any more
	free      uint64 // without objects, and not given back
}

func readUsage() usage {
	s := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"},
	}
	metrics.Read(s)
	return usage{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64(), s[3].Value.Uint64()}
}

// quiet finds out when there was no traffic from one look to the next.
type quiet struct {
	allocated uint64
	released  bool // since there was traffic last
}

// over reports whether memory is to be given back now.
func (q *quiet) over(u usage) bool {
	idle := u.allocated-q.allocated < quietBytes
	q.allocated = u.allocated
	if !idle {
		q.released = false
		return false
	}
	if q.released || u.objects+u.free < u.live+quietBytes {
		return false
	}
	q.released = true
	return true
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

package rns

import "sync/atomic"

// resourceLimits bounds what one link takes on. Zero fields mean the defaults.
type resourceLimits struct {
	PerLink  int64 // bytes being received over one link, delivered but undecided ones included; 16 MiB
	Incoming int   // resources being received or undecided over one link; 16
	Outgoing int   // resources waiting to be sent over one link, the running one included; 64
}

func (l resourceLimits) withDefaults() resourceLimits {
	if l.PerLink <= 0 {
		l.PerLink = resourceDefaultPerLink
	}
	if l.Incoming <= 0 {
		l.Incoming = resourceDefaultIncoming
	}
	if l.Outgoing <= 0 {
		l.Outgoing = resourceDefaultOutgoing
	}
	return l
}

// resourceBudget bounds the bytes being received over all links of a transport and counts what happens to resources. All
// links share one; its methods are safe from any goroutine.
type resourceBudget struct {
	total int64
	used  atomic.Int64

	counters resourceCounters
}

// resourceCounters counts since start.
type resourceCounters struct {
	Sent          atomic.Uint64 // resources sent and proved
	SendFailed    atomic.Uint64 // resources that were not proved, for whatever reason
	Received      atomic.Uint64 // resources received whole
	ReceiveFailed atomic.Uint64 // accepted resources that did not arrive
	Refused       atomic.Uint64 // advertisements refused by the application
	OverBudget    atomic.Uint64 // advertisements refused because of a bound on bytes or number
	Lies          atomic.Uint64 // advertisements refused because they contradict themselves
	Malformed     atomic.Uint64 // packets that could not be parsed; of an advertisement, the link was closed
	Stray         atomic.Uint64 // parts that belong to nothing
	Corrupt       atomic.Uint64 // segments that arrived whole and were not what was announced
	Bombs         atomic.Uint64 // of these, compressed ones that did not end within their bound; the link was closed
	SinkFailed    atomic.Uint64 // accepted resources that could not be kept where the application wanted them
	QueueFull     atomic.Uint64 // resources not sent because too many waited
}

// newResourceBudget makes a budget of total bytes; 0 means 64 MiB.
func newResourceBudget(total int64) *resourceBudget {
	if total <= 0 {
		total = resourceDefaultTotal
	}
	return &resourceBudget{total: total}
}

// reserve takes n bytes, or nothing if they are not there.
func (b *resourceBudget) reserve(n int64) bool {
	if n < 0 || n > b.total || b.used.Add(n) > b.total {
		if n >= 0 && n <= b.total {
			b.used.Add(-n)
		}
		return false
	}
	return true
}

func (b *resourceBudget) release(n int64) { b.used.Add(-n) }

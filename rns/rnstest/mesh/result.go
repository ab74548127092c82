package mesh

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"groupd/rns"
)

// Result is what came of a Plan. Two runs of the same plan have equal results.
type Result struct {
	Nodes, Ends, Cells int
	Lasts              time.Duration

	// Messages written, delivered (proved), and delivered by the first packet. Of the others those are Lost whose receiver was
	// reachable when more than half of their packets were sent: the path tables led there from node to node, each in range
	// of the next. Stranded are those whose was not: the announces that would have told the way were lost, or waited for
	// the announce cap. Half, Most (95 %) and All of those delivered
	// were within that time, of tries and waits.
	Sent, Delivered, AtOnce, Lost, Stranded    int
	DeliveredHalf, DeliveredMost, DeliveredAll time.Duration

	// Announces made; Heard, of all announces and ends but the own, those that had it before the end, and how fast. An
	// announce counts as heard when it or a later one of the same destination was: queues keep the newest only.
	Announces                      int
	Heard                          float64
	HeardHalf, HeardMost, HeardAll time.Duration
	// Boot is when half, 95 % and all of the pairs of ends that ever knew of each other did so.
	BootHalf, BootMost, BootAll time.Duration
	// BootPairs is the share of pairs that did.
	BootPairs float64

	// Forwarded announces, as shares of the radio's bitrate by bytes (as the announce cap counts) and of the time by airtime:
	// of the radio with most over the whole run. OverCap is how often a radio passed in any hour on more than the cap and
	// one packet.
	ForwardedBytes, ForwardedAir float64
	OverCap                      int
	// Answers (announces that answer path requests), own announces, everything: by airtime, of the cell with most.
	AnswersAir, AnnouncedAir, Air float64
	// Radio adds up all cells.
	Radio RadioStats

	// The most entries any node had when looked at.
	MaxPaths, MaxKnown, MaxScheduled, MaxQueued, MaxReverse, MaxReceipts, MaxDiscoveries, MaxRates, MaxDuplicates int
	// Evicted by full tables, on all nodes.
	Evicted uint64
	// Moves made.
	Moves int
	// Frames on all media, and a digest of when and where they were sent and what was in them.
	Frames uint64
	Digest uint64
}

// String tells it in sentences.
func (r Result) String() string {
	percent := func(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }
	whole := func(d time.Duration) time.Duration {
		if d > time.Minute {
			return d.Round(time.Second)
		}
		return d.Round(10 * time.Millisecond)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes on %d cells for %v, %d moves\n", r.Nodes, r.Cells, r.Lasts, r.Moves)
	fmt.Fprintf(&b, "messages: %d of %d delivered (%s), %s by the first packet, %d lost, %d stranded; half within %v, 95 %% within %v, all within %v\n",
		r.Delivered, r.Sent, percent(share(r.Delivered, r.Sent)), percent(share(r.AtOnce, r.Sent)), r.Lost, r.Stranded, whole(r.DeliveredHalf), whole(r.DeliveredMost), whole(r.DeliveredAll))
	fmt.Fprintf(&b, "announces: %d, heard by %s; half within %v, 95 %% within %v, all within %v\n",
		r.Announces, percent(r.Heard), whole(r.HeardHalf), whole(r.HeardMost), whole(r.HeardAll))
	fmt.Fprintf(&b, "boot: %s of pairs; half within %v, 95 %% within %v, all within %v\n", percent(r.BootPairs), whole(r.BootHalf), whole(r.BootMost), whole(r.BootAll))
	fmt.Fprintf(&b, "forwarded announces: %s of the bitrate, %s of airtime (worst radio), %d hours over the cap\n", percent(r.ForwardedBytes), percent(r.ForwardedAir), r.OverCap)
	fmt.Fprintf(&b, "airtime of the fullest cell: all %s, forwarded and own announces %s, path answers %s\n", percent(r.Air), percent(r.AnnouncedAir), percent(r.AnswersAir))
	fmt.Fprintf(&b, "radio: %d packets; %d received, %d lost, %d collided, %d deaf, %d left\n",
		r.Radio.Packets, r.Radio.Received, r.Radio.Lost, r.Radio.Collided, r.Radio.Deaf, r.Radio.Left)
	fmt.Fprintf(&b, "most in a table: paths %d, known %d, announces scheduled %d, queued %d, reverse %d, receipts %d, discoveries %d, rates %d, duplicates %d; evicted %d\n",
		r.MaxPaths, r.MaxKnown, r.MaxScheduled, r.MaxQueued, r.MaxReverse, r.MaxReceipts, r.MaxDiscoveries, r.MaxRates, r.MaxDuplicates, r.Evicted)
	fmt.Fprintf(&b, "%d frames, digest %016x", r.Frames, r.Digest)
	return b.String()
}

// look notes the sizes of a node's tables.
func (r *Result) look(s rns.Stats) {
	queued := 0
	for _, i := range s.Interfaces {
		queued = max(queued, i.Traffic.AnnounceQueue)
	}
	for _, m := range []struct {
		most *int
		n    int
	}{
		{&r.MaxPaths, s.Paths}, {&r.MaxKnown, s.Known}, {&r.MaxScheduled, s.Scheduled}, {&r.MaxQueued, queued},
		{&r.MaxReverse, s.Reverse}, {&r.MaxReceipts, s.Receipts}, {&r.MaxDiscoveries, s.Discoveries}, {&r.MaxRates, s.Rates},
		{&r.MaxDuplicates, s.Duplicates},
	} {
		*m.most = max(*m.most, m.n)
	}
}

func share(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// spans gives the median, the 95th percentile and the greatest.
func spans(all []time.Duration) (half, most, last time.Duration) {
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	return all[len(all)/2], all[(len(all)-1)*95/100], all[len(all)-1]
}

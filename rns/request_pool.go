package rns

import "sync"

// Bounds of concurrent request handlers. Each is a tunable of ours.
const (
	requestsPerLink   = 8  // run at once for one link
	requestsPerTarget = 16 // run at once for one destination
	requestsRunning   = 64 // run at once for all links
	requestsWaiting   = 64 // wait for their turn; more are dropped and counted
	requestsQueued    = 16 // of these, for one link
)

// requestPool runs the request handlers of all links of a transport. Destinations share it evenly: whoever has most gets no more, and when
// too many wait it is one of his that goes, the newest of the link with most. The zero value is ready.
type requestPool struct {
	mu        sync.Mutex // leaf: handlers run without it
	running   int
	perLink   map[*Link]int           // that run
	perTarget map[DestinationHash]int // that run
	waiting   []requestJob            // oldest first
}

type requestJob struct {
	link *Link
	work func()
}

// submit runs work in a goroutine, now or when there is room. dropped is how many requests were given up for want of room, this one or
// another. It is called from the link's goroutine; the link does not end before the work has.
func (p *requestPool) submit(l *Link, work func()) (dropped int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perLink == nil {
		p.perLink, p.perTarget = make(map[*Link]int), make(map[DestinationHash]int)
	}
	job := requestJob{l, work}
	if p.running < requestsRunning && p.mayRun(l) {
		l.children.Add(1)
		p.start(job)
		return 0
	}
	queued := 0
	for _, other := range p.waiting {
		if other.link == l {
			queued++
		}
	}
	if queued >= requestsQueued {
		return 1
	}
	if len(p.waiting) >= requestsWaiting {
		if !p.giveUp(l) {
			return 1
		}
		dropped = 1
	}
	l.children.Add(1)
	p.waiting = append(p.waiting, job)
	return dropped
}

// mayRun reports whether the bounds of a link and its destination allow one more.
func (p *requestPool) mayRun(l *Link) bool {
	return p.perLink[l] < requestsPerLink && p.perTarget[l.destination] < requestsPerTarget
}

// giveUp makes room for a request of l among those that wait, at the cost of the destination with most. false: that is l's own.
func (p *requestPool) giveUp(l *Link) bool {
	perTarget, perLink := make(map[DestinationHash]int), make(map[*Link]int)
	for _, job := range p.waiting {
		perTarget[job.link.destination]++
		perLink[job.link]++
	}
	most := perTarget[l.destination] + 1
	victim := -1
	for i, job := range p.waiting {
		n := perTarget[job.link.destination]
		if n > most || n == most && victim >= 0 && perLink[job.link] >= perLink[p.waiting[victim].link] {
			most, victim = n, i
		}
	}
	if victim < 0 {
		return false
	}
	p.waiting[victim].link.children.Done()
	p.waiting = append(p.waiting[:victim:victim], p.waiting[victim+1:]...)
	return true
}

// start runs a job whose link already counts it among its children.
func (p *requestPool) start(job requestJob) {
	p.running++
	p.perLink[job.link]++
	p.perTarget[job.link.destination]++
	go func() {
		defer job.link.children.Done()
		defer p.finished(job.link)
		job.work()
	}()
}

// finished makes room, and starts what may run: of the destination with the fewest that run, of its link with the fewest, what waits
// longest.
func (p *requestPool) finished(l *Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if p.perLink[l]--; p.perLink[l] == 0 {
		delete(p.perLink, l)
	}
	if p.perTarget[l.destination]--; p.perTarget[l.destination] == 0 {
		delete(p.perTarget, l.destination)
	}
	next := -1
	var target, link int
	for i, job := range p.waiting {
		t, n := p.perTarget[job.link.destination], p.perLink[job.link]
		if p.mayRun(job.link) && (next < 0 || t < target || t == target && n < link) {
			next, target, link = i, t, n
		}
	}
	if next >= 0 {
		job := p.waiting[next]
		p.waiting = append(p.waiting[:next:next], p.waiting[next+1:]...)
		p.start(job)
	}
}

// forget drops what waits for a link that closes. It is called from the link's goroutine.
func (p *requestPool) forget(l *Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.waiting[:0:0]
	for _, job := range p.waiting {
		if job.link == l {
			l.children.Done()
			continue
		}
		kept = append(kept, job)
	}
	p.waiting = kept
}

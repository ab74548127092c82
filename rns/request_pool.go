package rns

import "sync"

// Bounds of concurrent request handlers. Each is a tunable of ours.
const (
	requestsPerLink = 8  // run at once for one link
	requestsRunning = 64 // run at once for all links
	requestsWaiting = 64 // wait for their turn; more are dropped and counted
	requestsQueued  = 16 // of these, for one link
)

// requestPool runs the request handlers of all links of a transport. The zero value is ready.
type requestPool struct {
	mu      sync.Mutex // leaf: handlers run without it
	running int
	perLink map[*Link]int
	waiting []requestJob
}

type requestJob struct {
	link *Link
	work func()
}

// submit runs work in a goroutine, now or when there is room. false: too much waits already. It is called from the
// link's goroutine; the link does not end before the work has.
func (p *requestPool) submit(l *Link, work func()) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perLink == nil {
		p.perLink = make(map[*Link]int)
	}
	job := requestJob{l, work}
	if p.running < requestsRunning && p.perLink[l] < requestsPerLink {
		l.children.Add(1)
		p.start(job)
		return true
	}
	queued := 0
	for _, other := range p.waiting {
		if other.link == l {
			queued++
		}
	}
	if len(p.waiting) >= requestsWaiting || queued >= requestsQueued {
		return false
	}
	l.children.Add(1)
	p.waiting = append(p.waiting, job)
	return true
}

// start runs a job whose link already counts it among its children.
func (p *requestPool) start(job requestJob) {
	p.running++
	p.perLink[job.link]++
	go func() {
		defer job.link.children.Done()
		defer p.finished(job.link)
		job.work()
	}()
}

// finished makes room, and starts what waits longest and may run.
func (p *requestPool) finished(l *Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if p.perLink[l]--; p.perLink[l] == 0 {
		delete(p.perLink, l)
	}
	for i, job := range p.waiting {
		if p.perLink[job.link] < requestsPerLink {
			p.waiting = append(p.waiting[:i:i], p.waiting[i+1:]...)
			p.start(job)
			return
		}
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

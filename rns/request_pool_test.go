package rns

import "testing"

func TestRequestPoolIsBoundedAndFair(t *testing.T) {
	var pool requestPool
	release := make(chan struct{})
	var links []*Link
	taken, dropped := 0, 0
	submit := func(l *Link) {
		n := pool.submit(l, func() { <-release })
		taken, dropped = taken+1, dropped+n
	}
	for range 10 { // all want the same destination
		l := &Link{destination: DestinationHash{1}}
		links = append(links, l)
		for range 30 {
			submit(l)
		}
	}
	// Eight run of each of the first two links. The next four fill the queue with 16 each.
	if pool.running != requestsPerTarget || len(pool.waiting) != requestsWaiting || taken-dropped != requestsPerTarget+requestsWaiting {
		t.Errorf("%d run, %d wait, %d taken", pool.running, len(pool.waiting), taken-dropped)
	}
	for n := 2; n < 9; n++ { // seven others, two links each: all of each run while there is room, then they take the first one's places
		for range 2 {
			l := &Link{destination: DestinationHash{byte(n)}}
			links = append(links, l)
			for range 10 {
				submit(l)
			}
		}
	}
	if pool.running != requestsRunning || len(pool.waiting) != requestsWaiting {
		t.Errorf("%d run, %d wait", pool.running, len(pool.waiting))
	}
	waits := map[byte]int{}
	for _, job := range pool.waiting {
		waits[job.link.destination[0]]++
	}
	if waits[1] > 20 || waits[5] < 8 || waits[8] < 8 {
		t.Errorf("those who came last wait for nothing: %v", waits)
	}
	for _, n := range pool.perLink {
		if n > requestsPerLink {
			t.Errorf("%d run for one link", n)
		}
	}
	for _, n := range pool.perTarget {
		if n > requestsPerTarget {
			t.Errorf("%d run for one destination", n)
		}
	}
	last := links[len(links)-1]
	var first []int // whose requests run as soon as there is room
	for range 4 {
		pool.finished(links[0])
		pool.mu.Lock()
		pool.perLink[links[0]]++ // it goes on all the same, in this test
		pool.perTarget[links[0].destination]++
		pool.running++
		pool.mu.Unlock()
		first = append(first, pool.perTarget[last.destination])
	}
	if first[3] == 0 {
		t.Errorf("the last destination waits for the others: %v", first)
	}
	pool.forget(last) // it closes: what waits for it never runs
	for _, job := range pool.waiting {
		if job.link == last {
			t.Error("what waits for a closed link is kept")
		}
	}
	close(release)
	for _, l := range links {
		l.children.Wait()
	}
	if pool.running != 0 || len(pool.waiting) != 0 || len(pool.perLink) != 0 || len(pool.perTarget) != 0 {
		t.Errorf("at the end %d run, %d wait", pool.running, len(pool.waiting))
	}
}

package lxmf

import (
	"fmt"
	"testing"
	"time"
)

func job(carrier string, who byte) *stampJob {
	return &stampJob{source: StampSource{Carrier: carrier, Who: [16]byte{who}}}
}

func (j *stampJob) name() string { return fmt.Sprintf("%s%d", j.source.Carrier, j.source.Who[0]) }

func order(q *stampQueue) (s string) {
	for j := q.pop(); j != nil; j = q.pop() {
		s += j.name() + " "
	}
	return s
}

func TestCheckingTakesTurnsBetweenCarriersAndSenders(t *testing.T) {
	t.Parallel()
	q := stampQueue{total: 20, perSource: 4}
	for range 4 {
		q.push(job("a", 1))
	}
	q.push(job("a", 2))
	q.push(job("b", 3))
	q.push(job("b", 4))
	q.push(job("a", 2))
	if got := order(&q); got != "a1 b3 a2 b4 a1 a2 a1 a1 " {
		t.Errorf("order %s", got)
	}
	if q.n != 0 || len(q.lanes) != 0 {
		t.Errorf("%d left, %d lanes", q.n, len(q.lanes))
	}
}

func TestASenderHasNoMoreThanHisShareOfTheQueue(t *testing.T) {
	t.Parallel()
	q := stampQueue{total: 20, perSource: 4}
	for i := range 10 {
		if _, ok := q.push(job("a", 1)); ok != (i < 4) {
			t.Errorf("message %d: taken %v", i, ok)
		}
	}
	if _, ok := q.push(job("a", 2)); !ok || q.n != 5 {
		t.Errorf("another sender: taken %v, %d in all", ok, q.n)
	}
}

// A flood with a new identity for each message, by one interface, leaves room for everybody who comes by another.
func TestAFullQueueMakesRoomForThoseWhoHaveLess(t *testing.T) {
	t.Parallel()
	q := stampQueue{total: 10, perSource: 4}
	for i := range 30 {
		out, ok := q.push(job("flood", byte(i)))
		if out != nil || ok != (i < 10) {
			t.Fatalf("message %d: taken %v, out %v", i, ok, out)
		}
	}
	for i := range 5 {
		out, ok := q.push(job("radio", byte(i)))
		if !ok || out == nil || out.source.Carrier != "flood" {
			t.Fatalf("message %d by radio: taken %v, out %v", i, ok, out)
		}
		if q.n != 10 {
			t.Fatalf("%d in the queue", q.n)
		}
	}
	if out, ok := q.push(job("radio", 9)); ok || out != nil {
		t.Error("one half took from the other")
	}
	if got := order(&q); got != "flood0 radio0 flood1 radio1 flood2 radio2 flood3 radio3 flood4 radio4 " {
		t.Errorf("order %s", got)
	}
}

func TestWorkStaysWithinItsShare(t *testing.T) {
	t.Parallel()
	b := workBudget{share: 0.25, reserve: 2 * time.Second}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now, worked := begin, time.Duration(0)
	const each = 30 * time.Millisecond
	for now.Sub(begin) < time.Minute {
		if wait := b.wait(now); wait > 0 {
			now = now.Add(wait)
			continue
		}
		now = now.Add(each)
		b.spend(now, each)
		worked += each
		if most := b.reserve + time.Duration(0.25*float64(now.Sub(begin))) + each; worked > most {
			t.Fatalf("after %v it worked %v, more than %v", now.Sub(begin), worked, most)
		}
	}
	if worked < 16*time.Second {
		t.Errorf("it worked only %v of a minute", worked)
	}
	now = now.Add(time.Hour)
	if b.wait(now) != 0 || b.left != b.reserve {
		t.Errorf("after a quiet hour %v are saved", b.left)
	}
}

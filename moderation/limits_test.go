package moderation_test

import (
	"testing"
	"time"

	"groupd/moderation"
)

func TestABucketGivesItsBurstThenOneAtATime(t *testing.T) {
	rate := moderation.Rate{Burst: 3, Every: 10 * time.Second}
	var b moderation.Bucket
	at := now()
	take := func() time.Duration {
		var wait time.Duration
		b, wait = rate.Take(b, at)
		return wait
	}
	for i := range 3 {
		if w := take(); w != 0 {
			t.Fatalf("token %d: wait %v", i, w)
		}
	}
	if w := take(); w != 10*time.Second {
		t.Fatalf("fourth: wait %v", w)
	}
	at = at.Add(9 * time.Second)
	if w := take(); w != time.Second {
		t.Fatalf("after 9 s: wait %v", w)
	}
	at = at.Add(time.Second)
	if w := take(); w != 0 {
		t.Fatalf("after 10 s: wait %v", w)
	}
	if w := take(); w == 0 {
		t.Fatal("two tokens after 10 s")
	}
	at = at.Add(time.Hour)
	for i := range 3 {
		if w := take(); w != 0 {
			t.Fatalf("an hour later, token %d: wait %v", i, w)
		}
	}
	if w := take(); w == 0 {
		t.Fatal("rest saved up more than the burst")
	}
}

func TestAClockThatWentBackDoesNotLockAnybodyOut(t *testing.T) {
	rate := moderation.Rate{Burst: 2, Every: time.Minute}
	b := moderation.Bucket{Until: now().AddDate(1, 0, 0)}
	_, wait := rate.Take(b, now())
	if wait > 2*time.Minute {
		t.Errorf("wait %v", wait)
	}
}

func TestNoLimit(t *testing.T) {
	for _, rate := range []moderation.Rate{{}, {Burst: -1, Every: time.Second}, {Burst: 5}} {
		for range 100 {
			if _, wait := rate.Take(moderation.Bucket{}, now()); wait != 0 {
				t.Fatalf("%+v made somebody wait", rate)
			}
		}
	}
}

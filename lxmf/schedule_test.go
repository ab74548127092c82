package lxmf

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// playPacket runs a plan in steps of a second and writes down what it does when.
func playPacket(p *packetPlan, facts func(second int, sent int) packetFacts) string {
	var log []string
	start := time.Unix(1_000_000, 0)
	sent := 0
	for second := range 200 {
		f := facts(second, sent)
		f.now = start.Add(time.Duration(second) * time.Second)
		switch p.decide(f) {
		case stepTransmit:
			sent++
			log = append(log, fmt.Sprintf("%d:send", second))
		case stepAskPath:
			log = append(log, fmt.Sprintf("%d:ask", second))
		case stepGiveUp:
			return strings.Join(append(log, fmt.Sprintf("%d:give up", second)), " ")
		}
	}
	return strings.Join(log, " ")
}

// TestAnOpportunisticMessageIsSentFiveTimesAndNoMore holds.
func TestAnOpportunisticMessageIsSentFiveTimesAndNoMore(t *testing.T) {
	t.Parallel()
	got := playPacket(&packetPlan{}, func(int, int) packetFacts { return packetFacts{key: true, path: true} })
	if want := "0:send 10:send 20:ask 27:send 37:send 47:send 57:give up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAnOpportunisticMessageWithoutAPathIsSentOnceBlindly holds X-046.
func TestAnOpportunisticMessageWithoutAPathIsSentOnceBlindly(t *testing.T) {
	t.Parallel()
	got := playPacket(&packetPlan{}, func(int, int) packetFacts { return packetFacts{key: true} })
	if want := "0:ask 7:send 17:ask 24:ask 31:give up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnUnknownRecipientIsAskedForAndThenGivenUp(t *testing.T) {
	t.Parallel()
	got := playPacket(&packetPlan{}, func(int, int) packetFacts { return packetFacts{} })
	if want := "0:ask 7:ask 14:ask 21:ask 28:ask 35:give up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// When the key comes, the message goes out.
	got = playPacket(&packetPlan{}, func(second, _ int) packetFacts {
		return packetFacts{key: second >= 9, path: second >= 9}
	})
	if want := "0:ask 7:ask 14:send 24:send 34:ask 41:send 51:send 61:send 71:give up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestASlowProofIsWaitedFor(t *testing.T) {
	t.Parallel()
	got := playPacket(&packetPlan{}, func(second, sent int) packetFacts {
		return packetFacts{key: true, path: true, pending: sent == 1 && second < 25}
	})
	if want := "0:send 25:send 35:ask 42:send 52:send 62:send 72:give up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestAnAnnounceBringsTheNextAttemptForward holds X-049.
func TestAnAnnounceBringsTheNextAttemptForward(t *testing.T) {
	t.Parallel()
	p := &packetPlan{}
	now := time.Unix(1_000_000, 0)
	f := packetFacts{now: now, key: true, path: true}
	if p.decide(f) != stepTransmit {
		t.Fatal("not sent at once")
	}
	f.now = now.Add(time.Second)
	if p.decide(f) != stepWait {
		t.Fatal("sent again after a second")
	}
	p.wake(f.now)
	if p.decide(f) != stepTransmit {
		t.Error("not sent again after the announce")
	}
}

func playLink(p *linkPlan, key, path bool) string {
	var log []string
	start := time.Unix(1_000_000, 0)
	for second := range 200 {
		switch p.decide(start.Add(time.Duration(second)*time.Second), key, path) {
		case stepOpenLink:
			log = append(log, fmt.Sprintf("%d:open", second))
		case stepAskPath:
			log = append(log, fmt.Sprintf("%d:ask", second))
		case stepGiveUp:
			return strings.Join(append(log, fmt.Sprintf("%d:give up", second)), " ")
		}
	}
	return strings.Join(log, " ")
}

// TestALinkIsTriedFourTimes holds X-047.
func TestALinkIsTriedFourTimes(t *testing.T) {
	t.Parallel()
	if got, want := playLink(&linkPlan{}, true, true), "0:open 10:open 20:open 30:open 50:give up"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := playLink(&linkPlan{}, true, false), "0:ask 7:ask 14:ask 21:ask 38:give up"; got != want {
		t.Errorf("without a path: got  %s\nwant %s", got, want)
	}
}

func TestTheWindowGrowsOnlyWhileProofsComeFast(t *testing.T) {
	t.Parallel()
	w := newSendWindow()
	for range 200 {
		w.proved(60*time.Millisecond, 50*time.Millisecond)
	}
	if w.size != windowMax {
		t.Errorf("fast link: %d", w.size)
	}
	radio := newSendWindow()
	for range 200 {
		radio.proved(time.Duration(radio.size)*3*time.Second, 2*time.Second) // each message takes three seconds
	}
	if radio.size < 1 || radio.size > 3 {
		t.Errorf("radio: %d", radio.size)
	}
	w.lost()
	if w.size != 1 {
		t.Errorf("after a loss: %d", w.size)
	}
}

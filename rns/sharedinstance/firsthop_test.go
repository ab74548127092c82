package sharedinstance

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
)

// A client waits as long as its master's radio needs: 500 bytes at 1000 bit/s take 4 s.
func TestFirstHopBitrateComesFromTheMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		f := newFirstHops(func(_ context.Context, d rns.DestinationHash) (time.Duration, error) {
			asked++
			switch d[0] {
			case 1:
				return 10 * time.Second, nil
			case 2:
				return 6 * time.Second, nil // fast, or unknown
			case 3:
				return 1e9 * time.Second, nil
			}
			return 0, errors.New("refused")
		})
		for d, want := range map[byte]int64{1: 1000, 2: 0, 3: 1, 4: 0} {
			for range 2 {
				if got := f.Bitrate(t.Context(), rns.DestinationHash{d}); got != want {
					t.Errorf("%d: %d bit/s, want %d", d, got, want)
				}
			}
		}
		if asked != 4 {
			t.Errorf("asked %d times", asked)
		}
		time.Sleep(firstHopMemory)
		f.Bitrate(t.Context(), rns.DestinationHash{1})
		if asked != 5 {
			t.Errorf("asked %d times after a minute", asked)
		}
		for i := range 1000 {
			f.Bitrate(t.Context(), rns.DestinationHash(binary.BigEndian.AppendUint64(make([]byte, 8), uint64(i))))
		}
		if len(f.known) > maxFirstHops {
			t.Errorf("%d answers are remembered", len(f.known))
		}
	})
}

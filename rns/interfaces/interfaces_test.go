package interfaces_test

import (
	"testing"

	"groupd/rns/interfaces"
)

// I-012, I-013, I-014.
func TestBitratePicksTheHardwareMTU(t *testing.T) {
	for _, c := range []struct {
		bitrate int64
		mtu     int
	}{
		{1_000_000_000, 524288}, {999_999_999, 262144}, {750_000_000, 131072}, {400_000_001, 131072},
		{200_000_001, 65536}, {100_000_001, 32768}, {100_000_000, 16384}, {10_000_001, 16384}, {10_000_000, 8192},
		{5_000_000, 4096}, {2_000_000, 2048}, {1_000_000, 1024}, {62_501, 1024}, {62_500, 0}, {0, 0}, {-1, 0},
	} {
		if got := interfaces.MTUForBitrate(c.bitrate); got != c.mtu {
			t.Errorf("%d bit/s: %d bytes, want %d", c.bitrate, got, c.mtu)
		}
	}
}

func TestModeWordsOfTheConfigurationFile(t *testing.T) {
	for word, want := range map[string]interfaces.Mode{
		"full": 1, "ptp": 2, "pointtopoint": 2, "ap": 3, "access_point": 3, "AccessPoint": 3, "roaming": 4,
		"boundary": 5, "gw": 6, "Gateway": 6, "internal": 7,
	} {
		if got, ok := interfaces.ParseMode(word); got != want || !ok {
			t.Errorf("%q: %v, %v", word, got, ok)
		}
		if again, ok := interfaces.ParseMode(want.String()); again != want || !ok {
			t.Errorf("%v does not read its own word back", want)
		}
	}
	if got, ok := interfaces.ParseMode("fast"); got != interfaces.ModeFull || ok {
		t.Errorf("unknown word: %v, %v; it means full", got, ok)
	}
	if interfaces.Mode(0).Or(interfaces.ModeRoaming) != interfaces.ModeRoaming || interfaces.ModeFull.Or(interfaces.ModeRoaming) != interfaces.ModeFull {
		t.Error("an unset mode takes the other, a set one stays")
	}
}

package sdnotify_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"groupd/internal/sdnotify"
)

func TestTheServiceManagerHearsWhatIsTold(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "s"), "@groupd-test-" + filepath.Base(t.TempDir())} {
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := sdnotify.Notify(name, sdnotify.Ready, sdnotify.Status("serving\n1 group")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, err := l.Read(b)
		if got := string(b[:n]); err != nil || got != "READY=1\nSTATUS=serving 1 group" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestWithoutAServiceManagerNothingIsTold(t *testing.T) {
	if err := sdnotify.Notify("", sdnotify.Ready); err != nil {
		t.Error(err)
	}
	if err := sdnotify.Notify("relative", sdnotify.Ready); err == nil {
		t.Error("a relative path was taken for a socket")
	}
}

func TestTheWatchdogIsFedTwiceAsOftenAsItBites(t *testing.T) {
	for usec, want := range map[string]time.Duration{"": 0, "x": 0, "-1": 0, "30000000": 15 * time.Second} {
		if got := sdnotify.Interval(usec); got != want {
			t.Errorf("%q: %v", usec, got)
		}
	}
}

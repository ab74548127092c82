package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"groupd/configs"
	"groupd/rns/config"
)

func TestTheEmbeddedFileIsTheDefaults(t *testing.T) {
	s, err := parseSettings(configs.Groupd)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Groups) != 1 || s.Groups[0].ID.string != "main" || !s.Groups[0].seed().Public || s.Limits.Post.int64 != 128<<10 {
		t.Errorf("%+v", s)
	}
	empty, err := parseSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if empty.Limits != s.Limits || empty.Log != s.Log || empty.Server.Announce != s.Server.Announce || len(empty.Groups) != 0 {
		t.Errorf("an empty file gives %+v", empty)
	}
}

func TestWhatIsWrongInTheFileIsShownWithItsLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"x = 1", "line 1: unknown key x"},
		{"[log]\nlevel = \"loud\"", "line 2: must be debug, info, warn or error"},
		{"[log]\nformat = \"xml\"", "line 2: must be text or json"},
		{"[server]\nannounce = \"10s\"", "line 2: must be \"auto\", \"off\", or a duration of at least 5m"},
		{"[server]\nannounce = 600", "must be \"auto\""},
		{"[limits]\npost = \"12 parsecs\"", "line 2: "},
		{"[limits]\npost = \"1B\"", "line 2: must be from 1KiB to 1TiB"},
		{"[limits]\npost = \"2MiB\"", "post must be at most 1MiB"},
		{"[limits]\nmembers = 0", "members must be at least 1"},
		{"[limits]\nmembers = \"many\"", "line 2: "},
		{"[[group]]\nid = \"A\"\nname = \"A\"", "line 2: must be 1 to 32 of"},
		{"[[group]]\nname = \"A\"", "has no id"},
		{"[[group]]\nid = \"a\"", "has no name"},
		{"[[group]]\nid = \"a\"\nname = \"A\"\n[[group]]\nid = \"a\"\nname = \"B\"", "two [[group]] sections"},
		{"[[group]]\nid = \"a\"\nname = \"A\"\nowner = \"me\"", "line 4: must be an address or identity"},
		{"[[group]]\nid = \"a\"\nname = \"A\"\nannounce = \"loud\"", "line 4: must be full, name or off"},
		{"[[group]]\nid = \"a\"\nname = \"A\"\nvisibility = \"hidden\"", "line 4: must be public or private"},
		{"[server]\nlisten = \"0.0.0.0:1\"", "open to other machines"},
		{"[server]\nlisten = \"nonsense\"", "host:port"},
		{"[server]\ntls_cert = \"a\"", "belong together"},
		{"[propagation]\nnodes = [\"here\"]", "line 2: must be \"auto\" or the address of a propagation node"},
		{"[propagation]\nnodes = [\"auto\", \"auto\"]", "names one twice"},
		{"[propagation]\ninterval = \"1s\"", "line 2: must be \"auto\", \"off\""},
		{"[log", "line 1"},
	} {
		if _, err := parseSettings([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}

func TestDurationsAndSizesAreWrittenAsPeopleDo(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "30m": 30 * time.Minute, "6h": 6 * time.Hour, "2d": 48 * time.Hour, "2w": 14 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0s": 0,
	} {
		if got, err := parseSpan(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "h", "5y", "-5m", "5.5h", "5m ", "99999999999w", "999999999w", "5m5"} {
		if got, err := parseSpan(text); err == nil && text != "5m " {
			t.Errorf("%q: %v", text, got)
		}
	}
	for text, want := range map[string]int64{"500B": 500, "32KiB": 32 << 10, "4MiB": 4 << 20, "1GiB": 1 << 30, "2 KiB": 2048} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "KiB", "-5B", "5kB", "1.5MiB", "99999999999B"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestReticulumsLogLevelsHaveTheirPlace(t *testing.T) {
	for level, want := range map[int]slog.Level{
		0: slog.LevelError, 1: slog.LevelError, 2: slog.LevelWarn, 3: slog.LevelWarn, 4: slog.LevelInfo, 5: slog.LevelDebug, 8: slog.LevelDebug,
	} {
		if got := networkLevel(level); got != want {
			t.Errorf("loglevel %d: %v", level, got)
		}
	}
	var b strings.Builder
	l := newLoggers(&b, logSettings{Level: level{slog.LevelWarn}}, config.Logging{Level: 6, Timestamps: true})
	l.own.Info("unheard")
	l.own.With("a", 1).Info("unheard")
	l.network.Debug("heard")
	l.own.Warn("heard")
	if got := b.String(); strings.Contains(got, "unheard") || strings.Count(got, "heard") != 2 || strings.Count(got, "time=") != 2 {
		t.Errorf("%s", got)
	}
	b.Reset()
	l = newLoggers(&b, logSettings{Level: level{slog.LevelWarn}}, config.Logging{Level: 6}) // logtimestamps = no
	l.network.With("a", 1).Debug("heard")
	l.own.Warn("heard")
	if got := b.String(); !strings.HasPrefix(got, "level=DEBUG msg=heard a=1\ntime=") {
		t.Errorf("%s", got)
	}
}

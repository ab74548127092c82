package main

import (
	"strings"
	"testing"
	"time"

	"groupd/api/web"
)

func TestWhichPropagationNodesAreUsed(t *testing.T) {
	const one, two = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
	for text, want := range map[string]struct {
		auto  bool
		nodes string
		every time.Duration
	}{
		"":                          {true, "", 0},
		"[propagation]\nnodes = []": {false, "", 0},
		"[propagation]\nnodes = [\"" + one + "\"]\ninterval = \"off\"":                           {false, one, -1},
		"[propagation]\nnodes = [\"" + two + "\", \"auto\", \"" + one + "\"]\ninterval = \"2h\"": {true, two + " " + one, 2 * time.Hour},
	} {
		s, err := parseSettings([]byte(text))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		c := s.Propagation.config()
		var nodes []string
		for _, a := range c.Nodes {
			nodes = append(nodes, a.String())
		}
		if got := strings.Join(nodes, " "); c.Auto != want.auto || got != want.nodes || c.Interval != want.every {
			t.Errorf("%q: auto %v, nodes %s, every %v", text, c.Auto, got, c.Interval)
		}
	}
}

func TestTheLineAboutMailSaysHowItStands(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	for want, m := range map[string]web.Mail{
		"no propagation node known":                             {},
		"aa (Hill)   collected 5m ago, 2 messages, next in 55m": {Node: "aa", NodeName: "Hill\n", State: "complete", Last: at(-5 * time.Minute), Good: at(-5 * time.Minute), Next: at(55 * time.Minute), Collected: 2},
		"aa   no path 1m ago, last good 2h 0m ago, next in 2m":  {Node: "aa", State: "no path", Error: "no path", Last: at(-time.Minute), Good: at(-2 * time.Hour), Next: at(2 * time.Minute)},
		"aa   receiving": {Node: "aa", State: "receiving", Running: true, Next: at(time.Hour)},
	} {
		if got := mailLine(&m, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

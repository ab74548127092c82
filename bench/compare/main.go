// Command compare measures nodes of ours beside the stock Python reference, in one run: `make bench-peers`. Each node under test is a
// process of its own (bench/peer), and this process loads both in the same way. What counts is the processor time that the node's
// process uses (getrusage), so other load on the machine matters little; the two take turns, and the median of the runs is printed.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	var r run
	ours := flag.String("peer", "build/bench-peer", "program of bench/peer")
	python := flag.String("python", ".venv/bin/python", "Python with RNS and LXMF")
	script := flag.String("script", "bench/peer/peer.py", "the reference's node")
	only := flag.String("only", "", "ours or python: measure only this side")
	parts := flag.String("parts", "bare,announces,start,endpoint,most", "what to measure")
	flag.IntVar(&r.runs, "runs", 5, "runs of each side")
	flag.IntVar(&r.scale, "scale", 1, "how many times as many items as usual, for profiles")
	flag.StringVar(&r.profile, "profile", "", "write CPU profiles of our side to this folder")
	flag.Parse()
	for _, s := range []side{{"ours", []string{*ours}}, {"python", []string{*python, "-u", *script}}} {
		if *only == "" || *only == s.name {
			r.sides = append(r.sides, s)
		}
	}
	r.parts = strings.Split(*parts, ",")
	if err := r.all(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

// run is everything that is measured.
type run struct {
	runs    int
	scale   int
	profile string
	sides   []side
	parts   []string
	dir     string
	folders int
	mesh    *mesh
	figures map[string]map[string][]float64
}

func (r *run) all() (err error) {
	began := time.Now()
	if r.dir, err = os.MkdirTemp("", "bench-peers"); err != nil {
		return err
	}
	defer os.RemoveAll(r.dir)
	r.figures = map[string]map[string][]float64{}
	if r.mesh, err = newMesh(manyPaths + announceCount*r.scale); err != nil {
		return err
	}
	for i := range r.runs {
		fmt.Fprintf(os.Stderr, "run %d of %d\n", i+1, r.runs)
		for _, part := range []struct {
			name    string
			measure func(side) error
		}{
			{"bare", r.bareRelay},
			{"announces", func(s side) error { return r.busyRelay(s, fewPaths, manyPaths) }},
			{"start", func(s side) error { return r.starting(s, manyPaths) }},
			{"endpoint", r.endpoint},
		} {
			if !slices.Contains(r.parts, part.name) {
				continue
			}
			for _, s := range r.sides {
				if err := part.measure(s); err != nil {
					return fmt.Errorf("%s: %w", part.name, err)
				}
			}
		}
	}
	if slices.Contains(r.parts, "most") && r.sides[0].name == "ours" {
		if r.mesh, err = newMesh(mostPaths + announceCount*r.scale); err != nil {
			return err
		}
		if err := r.busyRelay(r.sides[0], mostPaths); err != nil {
			return fmt.Errorf("most: %w", err)
		}
	}
	r.print(os.Stdout)
	fmt.Fprintf(os.Stderr, "%d runs, %v\n", r.runs, time.Since(began).Round(time.Second))
	return nil
}

// folder is a new name for a node's folder.
func (r *run) folder(name string) string {
	r.folders++
	return filepath.Join(r.dir, fmt.Sprintf("%d-%s", r.folders, name))
}

// add notes one figure of one run.
func (r *run) add(name string, s side, v float64) {
	if r.figures[name] == nil {
		r.figures[name] = map[string][]float64{}
	}
	r.figures[name][s.name] = append(r.figures[name][s.name], v)
}

// profiled runs f while our node writes a profile, where one is wanted.
func (r *run) profiled(u *sut, name string, f func() error) error {
	if r.profile == "" || u.side.name != "ours" {
		return f()
	}
	file := filepath.Join(r.profile, strings.NewReplacer(" ", "-", ",", "").Replace(name)+".pprof")
	if err := u.do("profile", args{"file": file}, nil); err != nil {
		return err
	}
	return errors.Join(f(), u.do("profiled", nil, nil))
}

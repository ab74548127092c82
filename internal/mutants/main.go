// Command mutants checks that the tests notice when a rule is inverted: it changes one place of a package at a time (a condition negated, a
// bound moved by one, a check dropped, allow and deny exchanged), runs the package's tests on the changed source, and fails when they
// pass. The places are chosen at random by a seed. Changes that make no difference are listed with the reason in equivalent.txt.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"time"
)

func main() {
	count := flag.Int("n", 100, "how many rules to invert; 0: all")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "which ones")
	dir := flag.String("dir", "moderation", "the package's directory")
	jobs := flag.Int("jobs", runtime.NumCPU(), "how many at once")
	list := flag.Bool("list", false, "only list all places")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *dir, *count, *seed, *jobs, *list); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string, count int, seed uint64, jobs int, list bool) error {
	all, err := find(dir)
	if err != nil {
		return err
	}
	excused, err := equivalents()
	if err != nil {
		return err
	}
	for _, m := range all {
		delete(excused, m.key())
	}
	for key := range excused {
		return fmt.Errorf("equivalent.txt names what is not there (any more): %s", key)
	}
	excused, err = equivalents()
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(m mutant) bool { return excused[m.key()] != "" })
	if list {
		for _, m := range all {
			fmt.Println(m.key())
		}
		return nil
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if count == 0 || count > len(all) {
		count = len(all)
	}
	began := time.Now()
	killed, survivors, err := try(ctx, dir, all, count, jobs)
	if err != nil {
		return err
	}
	fmt.Printf("mutants: of %d places %d were changed (seed %d), %d noticed, %d not, in %v\n",
		len(all), killed+len(survivors), seed, killed, len(survivors), time.Since(began).Round(time.Second))
	if len(survivors) > 0 {
		for _, m := range survivors {
			fmt.Printf("not noticed: %s:%d: %s\n", m.file, m.line, m.key())
		}
		return fmt.Errorf("%d changes of the rules are noticed by no test", len(survivors))
	}
	return nil
}

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

//go:embed equivalent.txt
var equivalentList string

// A mutant's tests get this long; one that hangs is noticed.
const patience = 30 * time.Second

// equivalents reads the changes that make no difference, each with its reason in the line before.
func equivalents() (map[string]string, error) {
	out := make(map[string]string)
	reason := ""
	for line := range strings.Lines(equivalentList) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			reason = ""
		case strings.HasPrefix(line, "# "):
			reason = line
		case reason == "":
			return nil, fmt.Errorf("equivalent.txt gives no reason for %s", line)
		default:
			out[line] = reason
		}
	}
	return out, nil
}

// verdict is what became of a mutant.
type verdict int

const (
	noticed verdict = iota
	survived
	broken // does not compile: no mutant at all
)

// try runs mutants in their order until count of them compiled.
func try(ctx context.Context, dir string, all []mutant, count, jobs int) (killed int, survivors []mutant, err error) {
	temp, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, nil, err
	}
	defer os.RemoveAll(temp)
	if out, err := test(ctx, dir, ""); err != nil {
		return 0, nil, fmt.Errorf("the tests fail without any change:\n%s", out)
	}
	var mu sync.Mutex
	next, tried := 0, 0
	take := func() (mutant, int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next == len(all) || tried >= count || err != nil {
			return mutant{}, 0, false
		}
		next, tried = next+1, tried+1
		return all[next-1], next, true
	}
	var workers sync.WaitGroup
	for range max(jobs, 1) {
		workers.Go(func() {
			for {
				m, n, ok := take()
				if !ok {
					return
				}
				v, failed := m.try(ctx, dir, temp, n)
				mu.Lock()
				switch {
				case failed != nil:
					err = errors.Join(err, failed)
				case v == noticed:
					killed++
				case v == survived:
					survivors = append(survivors, m)
				default:
					tried-- // another one in its place
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return killed, survivors, err
}

// try runs the tests on the changed source.
func (m mutant) try(ctx context.Context, dir, temp string, n int) (verdict, error) {
	path, err := filepath.Abs(filepath.Join(dir, m.file))
	if err != nil {
		return 0, err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	changed := filepath.Join(temp, fmt.Sprintf("%d.go", n))
	if err := os.WriteFile(changed, []byte(string(source[:m.from])+m.new+string(source[m.to:])), 0o600); err != nil {
		return 0, err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: changed}})
	if err != nil {
		return 0, err
	}
	list := filepath.Join(temp, fmt.Sprintf("%d.json", n))
	if err := os.WriteFile(list, overlay, 0o600); err != nil {
		return 0, err
	}
	out, err := test(ctx, dir, list)
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err == nil:
		return survived, nil
	case bytes.Contains(out, []byte("[build failed]")), bytes.Contains(out, []byte("[setup failed]")):
		return broken, nil
	}
	return noticed, nil
}

// test runs a package's tests, on changed files when there is an overlay.
func test(ctx context.Context, dir, overlay string) ([]byte, error) {
	args := []string{"test", "-vet=off", "-count=1", "-failfast", "-short", "-timeout", patience.String()}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	return exec.CommandContext(ctx, "go", append(args, "./"+filepath.ToSlash(dir))...).CombinedOutput()
}

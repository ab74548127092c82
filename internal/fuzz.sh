#!/bin/bash
# Runs each fuzz target of the module for a while. Usage: internal/fuzz.sh TIME TAGS
# A target that is cut off by its time while it looks for a smaller input ends with "context deadline exceeded" and no finding; that is
# Go's, not ours, and no failure.
set -uo pipefail
time=${1:?} tags=${2:?}
failed=0 targets=0
for package in $(go list ./...); do
	for target in $(go test -tags "$tags" -list '^Fuzz' "$package" | grep '^Fuzz'); do
		targets=$((targets + 1))
		if out=$(go test -tags "$tags" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$package" 2>&1); then
			echo "ok    $package $target $(grep -o 'execs: [0-9]*' <<<"$out" | tail -1)"
		elif grep -q 'context deadline exceeded' <<<"$out" && ! grep -q 'Failing input' <<<"$out"; then
			echo "ok    $package $target (cut off)"
		else
			echo "$out"
			echo "FAIL  $package $target"
			failed=$((failed + 1))
		fi
	done
done
echo "fuzz: $((targets - failed)) passed, $failed failed"
[ "$targets" -gt 0 ] && [ "$failed" = 0 ]

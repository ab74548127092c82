package main

import (
	"fmt"
	"io"
	"slices"
)

// row is one line of the table. more says that more is better; bar is the ratio or figure to reach; expected is the figure of the
// reference against which the bar was set, 0: none.
type row struct {
	figure, unit string
	more         bool
	bar          string
	expected     float64
}

// rows are the figures that have a bar.
func rows() []row {
	return []row{
		{figure: "forwarded packet", unit: "µs", bar: "≥ 5 ×", expected: 12.8},
		{figure: fmt.Sprintf("announce, %d known", fewPaths), unit: "µs", bar: "≥ 6 ×", expected: 295},
		{figure: fmt.Sprintf("announce, %d known", manyPaths), unit: "µs", bar: "≥ 6 ×", expected: 3951},
		{figure: fmt.Sprintf("announce, %d known", mostPaths), unit: "µs", bar: "flat"},
		{figure: "accepted link", unit: "µs", bar: "≥ 6 ×", expected: 670},
		{figure: "small request", unit: "µs", bar: "≥ 10 ×", expected: 345},
		{figure: "10 MiB resource", unit: "ms", bar: "≥ 3 ×", expected: 260},
		{figure: "10 MiB resource, speed", unit: "MB/s", more: true, bar: "≥ 4 ×", expected: 23},
		{figure: "LXMF message, direct", unit: "µs", bar: "≥ 9 ×", expected: 705},
		{figure: "LXMF message, opportunistic", unit: "µs", bar: "≥ 4 ×", expected: 480},
		{figure: "LXMF message sent, median", unit: "ms", bar: "≤ 5 ms"},
		{figure: "LXMF messages sent in bulk", unit: "per s", more: true, bar: "≥ 5000"},
		{figure: "stamp of cost 16 made", unit: "ms", bar: "≥ 1000 ×"},
		{figure: "stamp of cost 16 checked", unit: "ms", bar: "≥ 8 ×"},
		{figure: "idle memory", unit: "MB", bar: "≤ 12 MB", expected: 39},
		{figure: fmt.Sprintf("memory per path, of %d", manyPaths), unit: "bytes", bar: "≤ 500"},
		{figure: fmt.Sprintf("memory per path, of %d", mostPaths), unit: "bytes", bar: "≤ 500"},
		{figure: fmt.Sprintf("start with %d paths", manyPaths), unit: "ms", bar: "≤ 50 ms"},
		{figure: fmt.Sprintf("start with %d paths, CPU", manyPaths), unit: "ms"},
	}
}

// print writes the medians of both sides as a Markdown table.
func (r *run) print(w io.Writer) {
	const line = "| %-34s | %10s | %10s | %8s | %8s | %-8s |\n"
	fmt.Fprintf(w, line, "", "ours", "reference", "ratio", "expected", "bar")
	fmt.Fprintf(w, "|:%s|%s:|%s:|%s:|%s:|:%s|\n", dashes(35), dashes(11), dashes(11), dashes(9), dashes(9), dashes(9))
	for _, row := range rows() {
		f := r.figures[row.figure]
		if f == nil {
			continue
		}
		ours, reference := median(f["ours"]), median(f["python"])
		fmt.Fprintf(w, line, row.figure+", "+row.unit, cell(f["ours"], ours), cell(f["python"], reference),
			row.ratio(ours, reference), row.ratio(ours, row.expected), row.bar)
	}
}

// ratio is how much better ours is, empty when one of both was not measured.
func (r row) ratio(ours, reference float64) string {
	if ours == 0 || reference == 0 {
		return ""
	}
	quotient := reference / ours
	if r.more {
		quotient = ours / reference
	}
	return short(quotient) + " ×"
}

func dashes(n int) string { return string(slices.Repeat([]byte("-"), n)) }

func cell(all []float64, v float64) string {
	if len(all) == 0 {
		return ""
	}
	return short(v)
}

// short is a number with about three digits.
func short(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	case v < 100:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

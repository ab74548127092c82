// Package bench measures groupd as a whole: a page of history out of a large database, posts stored and proved over a link, and
// the memory of an idle server. `make bench` runs it; the parts have benchmarks of their own beside them.
package bench

//go:build !linux

package filespool

import "math"

// free does not know how much room there is; [Config.MaxBytes] bounds what is taken.
func free(string) (int64, error) { return math.MaxInt64, nil }

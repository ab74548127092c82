package interfaces

// MTUForBitrate is the hardware MTU in bytes that carriers of class "auto" (TCP, Backbone) take from their bitrate in
// bit/s. 0 means none: no link upgrade, packets of 500 bytes (spec 3 §1.5). Only the first row includes its bound.
func MTUForBitrate(bitrate int64) int {
	switch {
	case bitrate >= 1_000_000_000:
		return 524288
	case bitrate > 750_000_000:
		return 262144
	case bitrate > 400_000_000:
		return 131072
	case bitrate > 200_000_000:
		return 65536
	case bitrate > 100_000_000:
		return 32768
	case bitrate > 10_000_000:
		return 16384
	case bitrate > 5_000_000:
		return 8192
	case bitrate > 2_000_000:
		return 4096
	case bitrate > 1_000_000:
		return 2048
	case bitrate > 62_500:
		return 1024
	}
	return 0
}

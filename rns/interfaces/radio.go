package interfaces

import "time"

// RadioReporter is an Interface on a radio that knows more than Stats tells.
type RadioReporter interface {
	// Radio is a snapshot, safe from any goroutine.
	Radio() RadioStats

	// Signal is how the last frame given to deliver was heard. Within deliver it is that of the frame in hand. Values that
	// the radio did not tell are nil.
	Signal() Signal
}

// Signal is how a frame was heard.
type Signal struct {
	RSSI    *int     // dBm
	SNR     *float64 // dB
	Quality *float64 // percent, rounded to one decimal
}

// RadioStats is what a radio reports about itself and its channel (spec 3 §6.2). What was not reported is nil, or zero.
type RadioStats struct {
	// State is a word for people: what the device is doing.
	State string
	// AirtimeShort and AirtimeLong are what we transmitted, ChannelLoadShort and ChannelLoadLong what everybody did:
	// percent, of the last seconds and of the last hour.
	AirtimeShort, AirtimeLong, ChannelLoadShort, ChannelLoadLong float64
	// CurrentRSSI, NoiseFloor and Interference in dBm. Interference is nil when there is none now.
	CurrentRSSI, NoiseFloor, Interference *int
	// InterferenceAt is when there was interference last, of LastInterference dBm.
	InterferenceAt   time.Time
	LastInterference int
	// BatteryState is "discharging", "charging", "charged" or "" (unknown), BatteryPercent 0 to 100.
	BatteryState   string
	BatteryPercent *int
	// Temperature of the device in °C.
	Temperature *int
}

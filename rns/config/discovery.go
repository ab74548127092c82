package config

import "time"

// Discovery is what an interface that is discoverable tells the network (spec 3 §5.6).
type Discovery struct {
	AnnounceInterval time.Duration // (6 h, at least 5 min)
	StampValue       int           // (16)
	Name             string
	Encrypt          bool   // (no)
	ReachableOn      string // host, address, or a program that prints one
	PublishIFAC      bool   // (no)
	// Latitude and Longitude in degrees, Height in metres; nil: unset. LocationCommand is a program that prints them.
	Latitude, Longitude, Height *float64
	LocationCommand             string
	Frequency, Bandwidth        int64 // Hz; 0: unset
	Modulation                  string
}

// discovery reads "discoverable" and the options that belong to it (spec 3 §5.6).
func (o *options) discovery(i *Interface) {
	d := Discovery{AnnounceInterval: 6 * time.Hour, StampValue: 16}
	if o.duration(&d.AnnounceInterval, time.Minute, "announce_interval"); d.AnnounceInterval < 5*time.Minute {
		d.AnnounceInterval = 5 * time.Minute
	}
	o.number(&d.StampValue, 0, 256, "discovery_stamp_value")
	o.text(&d.Name, "discovery_name")
	o.truth(&d.Encrypt, "discovery_encrypt")
	o.text(&d.ReachableOn, "reachable_on")
	o.truth(&d.PublishIFAC, "publish_ifac")
	o.degrees(&d.Latitude, 90, "latitude")
	o.degrees(&d.Longitude, 180, "longitude")
	o.degrees(&d.Height, 1e6, "height")
	o.text(&d.LocationCommand, "location_cmd")
	o.numberFrom(&d.Frequency, 1, "discovery_frequency")
	o.numberFrom(&d.Bandwidth, 1, "discovery_bandwidth")
	o.text(&d.Modulation, "discovery_modulation")

	if o.truth(&i.Discoverable, "discoverable"); !i.Discoverable {
		return
	}
	i.Discovery = &d
	e := o.section.Entry("discoverable")
	if i.Enabled {
		o.warn(e, "is not supported by this version: the interface works, but does not announce itself")
	}
	if i.IgnoreConfigWarnings {
		return
	}
	switch i.Mode {
	case "gateway", "access_point", "internal":
		return
	}
	i.Mode = "gateway"
	if i.Type == TypeRNode || i.Type == TypeRNodeMulti {
		i.Mode = "access_point"
	}
	o.warn(e, "the mode is changed to "+i.Mode+", since the interface is discoverable")
}

// degrees is a number between -most and most; nil where it is not set.
func (o *options) degrees(into **float64, most float64, key string) {
	var f float64
	if o.fraction(&f, -most, most, key) {
		*into = &f
	}
}

package main

import (
	"errors"
	"fmt"
	"log/slog"

	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/auto"
	"groupd/rns/interfaces/backbone"
	"groupd/rns/interfaces/carrier"
	"groupd/rns/interfaces/kiss"
	"groupd/rns/interfaces/pipe"
	"groupd/rns/interfaces/rnode"
	"groupd/rns/interfaces/serial"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/interfaces/udp"
)

// listener is a carrier that waits for others.
type listener interface {
	interfaces.Spawner
	Properties() interfaces.Properties
}

// errUnsupported means a type of interface that this version does not have.
var errUnsupported = errors.New("type of interface that is not supported by this version")

// carriers makes what carries the interfaces of one configuration.
type carriers struct {
	log   *slog.Logger
	flaps *tcp.FlapTable // of all Backbone listeners; nil until there is one
}

// of makes what carries an interface of the configuration: one carrier, or a listener. Nothing is started.
func (c *carriers) of(i config.Interface) (one interfaces.Interface, many listener, err error) {
	switch {
	case i.TCPClient != nil:
		one, err = tcp.ClientFromConfig(i, c.log)
	case i.TCPServer != nil:
		many, err = tcp.ServerFromConfig(i, c.log)
	case i.BackboneClient != nil:
		one, err = backbone.ClientFromConfig(i, c.log)
	case i.BackboneListener != nil:
		if c.flaps == nil {
			if c.flaps, err = backbone.FlapTableFromConfig(i.BackboneListener); err != nil {
				return nil, nil, err
			}
		}
		many, err = backbone.ServerFromConfig(i, c.flaps, c.log)
	case i.UDP != nil:
		one, err = udp.FromConfig(i, c.log)
	case i.Auto != nil:
		many, err = auto.FromConfig(i, c.log)
	case i.Pipe != nil:
		one, err = pipe.FromConfig(i, c.log)
	case i.Serial != nil:
		one, err = serial.New(serial.Config{Name: i.Name, Line: lineOf(*i.Serial), Options: c.serial(i)})
	case i.KISS != nil:
		one, err = c.kiss(i)
	case i.RNode != nil:
		one, err = c.rnode(i)
	default:
		err = fmt.Errorf("%w: %s", errUnsupported, i.Type)
	}
	return one, many, err
}

// serial are the common options of what is at the end of a serial line.
func (c *carriers) serial(i config.Interface) serial.Options {
	return serial.Options{Options: carrier.FromConfig(i, c.log)}
}

func lineOf(s config.Serial) serial.Line {
	return serial.Line{Name: s.Port, Speed: s.Speed, DataBits: s.DataBits, Parity: serial.Parity(s.Parity[0]), StopBits: s.StopBits}
}

func (c *carriers) kiss(i config.Interface) (interfaces.Interface, error) {
	k := i.KISS
	return kiss.New(kiss.Config{
		Name: i.Name, Line: lineOf(k.Serial), TNC: kiss.TNC{Preamble: k.Preamble, TXTail: k.TXTail, SlotTime: k.SlotTime, Persistence: k.Persistence},
		FlowControl: k.FlowControl, Callsign: k.IDCallsign, Interval: k.IDInterval, Options: c.serial(i),
	})
}

func (c *carriers) rnode(i config.Interface) (interfaces.Interface, error) {
	r := i.RNode
	return rnode.New(rnode.Config{
		Name: i.Name, Port: r.Port, FlowControl: r.FlowControl, Callsign: r.IDCallsign, Interval: r.IDInterval, Options: c.serial(i),
		Radio: radioOf(*r),
	})
}

func radioOf(r config.RNode) rnode.Radio {
	return rnode.Radio{
		Frequency: r.Frequency, Bandwidth: r.Bandwidth, TXPower: r.TXPower, SpreadingFactor: r.SpreadingFactor, CodingRate: r.CodingRate,
		ShortLimit: r.AirtimeLimitShort, LongLimit: r.AirtimeLimitLong,
	}
}

// optionsOf is how transport uses an interface of the configuration.
func optionsOf(i config.Interface) rns.InterfaceOptions {
	mode, _ := interfaces.ParseMode(i.Mode)
	o := rns.InterfaceOptions{
		NetworkName: i.NetworkName, Passphrase: i.Passphrase, IFACSize: i.IFACSize, Mode: mode, Gravity: i.Gravity,
		Tunnel:      i.BackboneClient != nil || i.TCPClient != nil && !i.TCPClient.KISSFraming,
		AnnounceCap: i.AnnounceCap, AnnounceRate: rns.AnnounceRate{Target: -1},
		// Serial lines and radios limit themselves (spec 3 §1.8).
		NoIngressControl: !i.IngressControl || i.Serial != nil || i.KISS != nil || i.RNode != nil,
		EgressControl:    i.EgressControl, Ingress: limitsOf(i.Limits),
		RecursivePathRequests: i.RecursivePRs, BlockFromInternal: !i.AnnouncesFromInternal,
		AnnouncesToInternal: i.AnnouncesToInternal != nil && *i.AnnouncesToInternal,
	}
	if r := i.AnnounceRate; r != nil {
		o.AnnounceRate = rns.AnnounceRate{Target: r.Target, Grace: r.Grace, Penalty: r.Penalty}
	}
	return o
}

// sourcesOf are the nodes whose lists of blackholed identities are used.
func sourcesOf(r config.Reticulum) (list []rns.IdentityHash) {
	for _, h := range r.BlackholeSources[:min(len(r.BlackholeSources), rns.MaxBlackholeSources)] {
		list = append(list, h)
	}
	return list
}

// limitsOf are the thresholds as transport has them, where a zero that is meant is negative.
func limitsOf(l config.Limits) rns.IngressLimits {
	return rns.IngressLimits{
		NewTime: meant(l.NewTime), BurstNew: meant(l.BurstFreqNew), Burst: meant(l.BurstFreq),
		RequestBurstNew: meant(l.PRBurstFreqNew), RequestBurst: meant(l.PRBurstFreq),
		BurstHold: meant(l.BurstHold), BurstPenalty: meant(l.BurstPenalty), HeldRelease: meant(l.HeldReleaseInterval),
		MaxHeld: meant(l.MaxHeldAnnounces), RequestEgress: meant(l.EgressPRFreq),
	}
}

func meant[T ~int | ~int64 | ~float64](v T) T {
	if v == 0 {
		return -1
	}
	return v
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"groupd/internal/sdnotify"
	"groupd/rns/rnstest/rnodesim"
)

// platformVerbs are those which need Linux.
func (a *app) platformVerbs() []*cobra.Command { return []*cobra.Command{a.simVerb()} }

// simulated is what rnode-sim --json prints when the ports are there, and every --report.
type simulated struct {
	Ports   map[string]string         `json:"ports,omitempty"` // by the name of the device
	Channel *simulatedAir             `json:"channel,omitempty"`
	Devices map[string]simulatedRNode `json:"devices,omitempty"`
}

// simulatedAir counts frames: sent by all, and received or not by each that was tuned to them.
type simulatedAir struct {
	Frames   uint64  `json:"frames"`
	Airtime  float64 `json:"airtime_s"`
	Received uint64  `json:"received"`
	Lost     uint64  `json:"lost"`
	Collided uint64  `json:"collided"`
	Deaf     uint64  `json:"deaf"`
	CutOff   uint64  `json:"out_of_range"`
}

// simulatedRNode is one device. It counts packets.
type simulatedRNode struct {
	On       bool   `json:"on"`
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	Queued   int    `json:"queued"`
}

func (a *app) simVerb() *cobra.Command {
	var dir string
	var hidden []string
	var report time.Duration
	bench := rnodesim.Bench{}
	c := a.verb("rnode-sim [NAME …]", "emulated RNodes on one radio channel, to try without hardware", cobra.ArbitraryArgs, func(c *cobra.Command, args []string) error {
		if bench.Names = args; len(args) == 0 {
			bench.Names = []string{"a", "b"}
		}
		var err error
		if bench.Dir, err = filepath.Abs(dir); err != nil {
			return failed(err, "--dir DIR")
		}
		if bench.Channel.Loss < 0 || bench.Channel.Loss >= 1 {
			return &failure{code: exitUsage, msg: "groupd rnode-sim: --loss is a part of all frames, 0 to below 1", hint: "--loss 0.05"}
		}
		for _, h := range hidden {
			x, y, ok := strings.Cut(h, ":")
			if !ok {
				return &failure{code: exitUsage, msg: fmt.Sprintf("groupd rnode-sim: --hidden %s is no pair", h), hint: "--hidden a:b"}
			}
			bench.Hidden = append(bench.Hidden, [2]string{x, y})
		}
		return a.simulate(c.Context(), bench, report)
	})
	c.Long = "rnode-sim gives each NAME (a and b where none is given) a pseudo-terminal DIR/NAME that behaves as an RNode's serial port, in\n" +
		"real time, and lets them hear each other as LoRa radios do: airtime, half duplex, collisions. Set them as port of an RNodeInterface\n" +
		"in any Reticulum program. Ctrl-C ends it, and the ports go."
	f := c.Flags()
	f.StringVar(&dir, "dir", "radios", "folder of the ports, made when it is missing")
	f.Float64Var(&bench.Channel.Loss, "loss", 0, "part of the frames that is lost by chance, 0.05 for 5 %")
	f.Uint64Var(&bench.Channel.Seed, "seed", 1, "seed of all chances")
	f.StringSliceVar(&hidden, "hidden", nil, "pairs that do not hear each other, such as a:c,b:d")
	f.DurationVar(&report, "report", 0, "print what happened on the air, so often")
	return c
}

// simulate runs a bench until a signal comes.
func (a *app) simulate(ctx context.Context, bench rnodesim.Bench, report time.Duration) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	bench.Ready = func(ports []string) {
		s := simulated{Ports: make(map[string]string)}
		for i, p := range ports {
			s.Ports[bench.Names[i]] = p
		}
		a.tell(s, func(w io.Writer) {
			for _, p := range ports {
				fmt.Fprintln(w, p)
			}
			fmt.Fprintf(w, "\nFor each, in the configuration of another program:\n\n  [[Radio]]\n    type = RNodeInterface\n    enabled = yes\n    port = %s\n"+
				"    frequency = 867200000\n    bandwidth = 125000\n    txpower = 7\n    spreadingfactor = 8\n    codingrate = 5\n\nCtrl-C ends.\n", ports[0])
		})
		a.notify(sdnotify.Ready)
	}
	if report > 0 {
		bench.ReportEvery = report
		bench.Report = func(c rnodesim.ChannelStats, devices map[string]rnodesim.DeviceStats) {
			s := simulated{Devices: make(map[string]simulatedRNode), Channel: &simulatedAir{
				Frames: c.Frames, Airtime: c.Airtime.Seconds(), Received: c.Received, Lost: c.Lost, Collided: c.Collided, Deaf: c.Deaf, CutOff: c.CutOff,
			}}
			for name, d := range devices {
				s.Devices[name] = simulatedRNode{On: d.On, Sent: d.Sent, Received: d.Received, Queued: d.Queued}
			}
			a.tell(s, func(w io.Writer) {
				fmt.Fprintf(w, "air: %s, %s on the air, %d received, %d lost, %d collided, %d deaf, %d out of range\n",
					counted(int(c.Frames), "frame"), c.Airtime.Round(time.Millisecond), c.Received, c.Lost, c.Collided, c.Deaf, c.CutOff)
				for _, name := range bench.Names {
					d := devices[name]
					state := "off"
					if d.On {
						state = "on"
					}
					fmt.Fprintf(w, "  %-10s %s, %d sent, %d received, %d wait\n", name, state, d.Sent, d.Received, d.Queued)
				}
			})
		}
	}
	if err := bench.Run(ctx); err != nil {
		return failed(err, "--dir DIR")
	}
	return nil
}

// tell prints one line of JSON, or a text.
func (a *app) tell(v any, text func(w io.Writer)) {
	if !a.json {
		text(a.out)
		return
	}
	if b, err := json.Marshal(v); err == nil {
		fmt.Fprintf(a.out, "%s\n", b)
	}
}

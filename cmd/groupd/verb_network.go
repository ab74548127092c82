package main

import (
	"fmt"
	"io"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/web"
)

func (a *app) interfacesVerb() *cobra.Command {
	var all bool
	c := a.verb("interfaces", "the ways to the network, as rnstatus shows them", nil, func(c *cobra.Command, args []string) error {
		var list struct {
			Interfaces []web.Interface `json:"interfaces"`
		}
		if err := a.call(c.Context(), "GET", "/interfaces", nil, &list); err != nil {
			return err
		}
		return a.print(list, func(w io.Writer) {
			for _, i := range list.Interfaces {
				if all || i.Parent == "" {
					showInterface(w, i)
				}
			}
			if len(list.Interfaces) == 0 {
				fmt.Fprintln(w, "none")
			}
		})
	})
	c.Flags().BoolVarP(&all, "all", "a", false, "also what listeners made for each peer")
	return c
}

// showInterface prints one interface.
func showInterface(w io.Writer, i web.Interface) {
	line := func(what string, parts ...string) {
		var said []string
		for _, p := range parts {
			if p != "" {
				said = append(said, p)
			}
		}
		if len(said) > 0 {
			fmt.Fprintf(w, "  %-10s %s\n", what, strings.Join(said, ", "))
		}
	}
	when := func(set bool, format string, args ...any) string {
		if !set {
			return ""
		}
		return fmt.Sprintf(format, args...)
	}
	fmt.Fprintln(w, i.Name)
	state := "up"
	if !i.Up {
		state = "down"
	}
	line("state", state, i.Mode, bitrate(i.Bitrate), when(i.Listener, "%s", counted(i.Peers, "peer")), when(i.Gravity != 0, "gravity %d", i.Gravity),
		when(i.AccessCode > 0, "access code of %d bytes", i.AccessCode), when(i.NetworkName != "", "network %q", i.NetworkName),
		when(i.Local == "client", "for programs of this machine"), when(i.Local == "master", "the shared instance of another program"),
		when(i.Shared, "of the shared instance"))
	line("error", when(i.LastError != "" && !i.Up, "%s", i.LastError))
	if !i.Listener || i.Shared {
		line("in", bytesOf(int64(i.RxBytes)), speedOf(i.RxRate), when(i.RxDropped > 0, "%d dropped", i.RxDropped))
		line("out", bytesOf(int64(i.TxBytes)), speedOf(i.TxRate), when(i.TxDropped > 0, "%d dropped", i.TxDropped))
	}
	line("announces", when(i.AnnouncesIn > 0, "%s in", frequency(i.AnnouncesIn)), when(i.AnnouncesOut > 0, "%s out", frequency(i.AnnouncesOut)),
		when(i.HeldAnnounces > 0, "%d held", i.HeldAnnounces), when(i.AnnounceQueue > 0, "%d wait for airtime", i.AnnounceQueue), when(i.Burst, "too many come in"))
	line("requests", when(i.PathRequestsIn > 0, "%s in", frequency(i.PathRequestsIn)), when(i.PathRequestsOut > 0, "%s out", frequency(i.PathRequestsOut)))
	if r := i.Radio; r != nil {
		line("radio", r.State, when(r.RSSI != nil, "%s dBm now", number(r.RSSI)), when(r.NoiseFloor != nil, "noise floor %s dBm", number(r.NoiseFloor)),
			when(r.Interference != nil, "interference of %s dBm", number(r.Interference)))
		line("airtime", fmt.Sprintf("%.2f %% of 15 s, %.2f %% of the hour", r.AirtimeShort, r.AirtimeLong))
		line("channel", fmt.Sprintf("%.2f %% of 15 s, %.2f %% of the hour", r.ChannelLoadShort, r.ChannelLoadLong))
		if r.Last != nil {
			line("last", heardAs(r.Last))
		}
		line("device", when(r.BatteryPercent != nil, "battery %s %%", number(r.BatteryPercent)), r.BatteryState, when(r.Temperature != nil, "%s °C", number(r.Temperature)))
	}
	fmt.Fprintln(w)
}

func number(n *int) string {
	if n == nil {
		return "?"
	}
	return fmt.Sprint(*n)
}

// heardAs is how a packet was heard.
func heardAs(s *web.Signal) string {
	var parts []string
	if s.RSSI != nil {
		parts = append(parts, fmt.Sprintf("RSSI %d dBm", *s.RSSI))
	}
	if s.SNR != nil {
		parts = append(parts, fmt.Sprintf("SNR %.2f dB", *s.SNR))
	}
	if s.Quality != nil {
		parts = append(parts, fmt.Sprintf("quality %.1f %%", *s.Quality))
	}
	return strings.Join(parts, ", ")
}

// speedOf is a speed that was measured.
func speedOf(bits float64) string {
	if bits < 1 {
		return "0 bps"
	}
	return bitrate(int64(bits))
}

// frequency is how often something comes, given per second.
func frequency(f float64) string {
	switch {
	case f >= 1:
		return fmt.Sprintf("%.1f/s", f)
	case f*60 >= 1:
		return fmt.Sprintf("%.1f/min", f*60)
	}
	return fmt.Sprintf("%.1f/h", f*3600)
}

func (a *app) pathVerb() *cobra.Command {
	var request, drop, rates bool
	most := -1
	c := a.verb("path [ADDRESS]", "what is known of the ways to others, as rnpath shows it", exactly("ADDRESS?"), func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 && (request || drop):
			return &failure{code: exitUsage, msg: "groupd path: ADDRESS is missing", hint: "groupd path --help"}
		case rates:
			return a.showRates(c, args)
		case len(args) == 0:
			return a.showPaths(c, most)
		case drop:
			var p web.Path
			if err := a.call(c.Context(), "DELETE", "/paths/"+url.PathEscape(args[0]), nil, &p); err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) { fmt.Fprintf(w, "dropped the path to %s\n", p.Destination) })
		}
		path := "/paths/" + url.PathEscape(args[0])
		if request {
			path += "?request=1"
		}
		var p web.Path
		if err := a.call(c.Context(), "GET", path, nil, &p); err != nil {
			return err
		}
		err := a.print(p, func(w io.Writer) {
			if p.Known {
				showPath(w, p)
			}
		})
		if err == nil && !p.Known {
			return &failure{code: exitNotFound, msg: "no path to " + p.Destination + " is known", hint: "groupd path --request " + p.Destination}
		}
		return err
	})
	c.Flags().BoolVar(&request, "request", false, "ask the network first, for up to 15 s")
	c.Flags().BoolVar(&drop, "drop", false, "forget the path")
	c.Flags().BoolVar(&rates, "rates", false, "how often destinations announce themselves")
	c.Flags().IntVar(&most, "max-hops", -1, "only paths of at most so many hops")
	return c
}

func showPath(w io.Writer, p web.Path) {
	if p.Interface == "" {
		fmt.Fprintf(w, "%s   is of this server\n", p.Destination)
		return
	}
	via := ""
	if p.NextHop != p.Destination {
		via = " via " + p.NextHop
	}
	until := ""
	if p.Expires != nil {
		until = "   for " + span(time.Until(*p.Expires))
	}
	fmt.Fprintf(w, "%s   %s%s on %s%s\n", p.Destination, counted(p.Hops, "hop"), via, p.Interface, until)
}

func (a *app) showPaths(c *cobra.Command, most int) error {
	var all struct {
		Paths []web.Path `json:"paths"`
	}
	path := "/paths"
	if most >= 0 {
		path = fmt.Sprintf("/paths?max_hops=%d", most)
	}
	if err := a.call(c.Context(), "GET", path, nil, &all); err != nil {
		return err
	}
	return a.print(all, func(w io.Writer) {
		for _, p := range all.Paths {
			showPath(w, p)
		}
		if len(all.Paths) == 0 {
			fmt.Fprintln(w, "no paths are known")
		}
	})
}

func (a *app) showRates(c *cobra.Command, only []string) error {
	var all struct {
		Rates []web.Rate `json:"rates"`
	}
	if err := a.call(c.Context(), "GET", "/rates", nil, &all); err != nil {
		return err
	}
	if len(only) > 0 {
		list := all.Rates
		all.Rates = []web.Rate{}
		for _, r := range list {
			if strings.EqualFold(r.Destination, only[0]) {
				all.Rates = append(all.Rates, r)
			}
		}
	}
	return a.print(all, func(w io.Writer) {
		for _, r := range all.Rates {
			fmt.Fprintf(w, "%s   last heard %s ago, %.1f per hour, %s too early", r.Destination, span(time.Since(r.Last)), r.PerHour, counted(r.Violations, "announce"))
			if r.BlockedUntil != nil && time.Until(*r.BlockedUntil) > 0 {
				fmt.Fprintf(w, ", not passed on for %s", span(time.Until(*r.BlockedUntil)))
			}
			fmt.Fprintln(w)
		}
		if len(all.Rates) == 0 {
			fmt.Fprintln(w, "no rates are known: only interfaces that limit announces are watched")
		}
	})
}

// probed is what probe --json prints.
type probed struct {
	Sent     int         `json:"sent"`
	Answered int         `json:"answered"`
	Probes   []web.Probe `json:"probes"`
}

func (a *app) probeVerb() *cobra.Command {
	in := web.ProbeInput{}
	count, wait := 1, time.Duration(0)
	c := a.verb("probe ADDRESS [NAME]", "send packets to an address and time their proofs, as rnprobe does", exactly("ADDRESS", "NAME?"), func(c *cobra.Command, args []string) error {
		if count < 1 || wait < 0 {
			return &failure{code: exitUsage, msg: "groupd probe: --count is 1 or more, --wait not negative", hint: "groupd probe --help"}
		}
		if len(args) > 1 {
			in.Name = args[1]
		}
		all := probed{Probes: []web.Probe{}}
		for ; all.Sent < count; all.Sent++ {
			if all.Sent > 0 && wait > 0 {
				select {
				case <-c.Context().Done():
					return c.Context().Err()
				case <-time.After(wait):
				}
			}
			var p web.Probe
			if err := a.call(c.Context(), "POST", "/probes/"+url.PathEscape(args[0]), in, &p); err != nil {
				return err
			}
			all.Probes = append(all.Probes, p)
			if p.Answered {
				all.Answered++
			}
			if !a.json {
				showProbe(a.out, p)
			}
		}
		err := a.print(all, func(w io.Writer) {
			if count > 1 {
				fmt.Fprintf(w, "sent %d, %d answered, %d %% lost\n", all.Sent, all.Answered, int(math.Round(100*float64(all.Sent-all.Answered)/float64(all.Sent))))
			}
		})
		if err == nil && all.Answered < all.Sent {
			return &failure{code: exitFailed, msg: fmt.Sprintf("%d of %d not answered", all.Sent-all.Answered, all.Sent)}
		}
		return err
	})
	c.Long = "probe sends packets to an address and waits for the proof that each arrived. Destinations that prove everything are needed:\n" +
		"rnstransport.probe of a transport node with respond_to_probes = yes, and most others. NAME is needed for unusual ones only."
	c.Flags().IntVarP(&count, "count", "n", 1, "how many")
	c.Flags().IntVarP(&in.Size, "size", "s", 0, "bytes of random content (16)")
	c.Flags().IntVarP(&in.Seconds, "timeout", "t", 0, "seconds to wait for a path, and for an answer (28)")
	c.Flags().DurationVarP(&wait, "wait", "w", 0, "time between two")
	return c
}

func showProbe(w io.Writer, p web.Probe) {
	if !p.Answered {
		fmt.Fprintf(w, "%s (%s): no answer\n", p.Destination, p.Name)
		return
	}
	how := ""
	if p.Signal != nil {
		how = ", " + heardAs(p.Signal)
	}
	fmt.Fprintf(w, "%s (%s): %d bytes in %.3f ms over %s by %s%s\n", p.Destination, p.Name, p.Size, p.RTT, counted(p.Hops, "hop"), p.Interface, how)
}

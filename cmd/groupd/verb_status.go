package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/web"
	"groupd/api/words"
	"groupd/group/delivery"
)

func (a *app) statusVerb() *cobra.Command {
	return a.verb("status", "the one-screen picture", nil, func(c *cobra.Command, args []string) error { return a.status(c.Context(), false) })
}

// status shows the running server. hint: nobody asked for it by name, so say what else there is.
func (a *app) status(ctx context.Context, hint bool) error {
	var st web.Status
	err := a.call(ctx, "GET", "/status", nil, &st)
	if hint && errors.Is(err, errNotRunning) {
		return &failure{code: exitNotRunning, msg: "groupd is not running", hint: "groupd run (serves), groupd init (asks four questions first), groupd help"}
	}
	if err != nil {
		return err
	}
	return a.print(st, func(w io.Writer) {
		now := time.Now()
		for _, g := range st.Groups {
			name := ownName(g)
			if len(st.Groups) > 1 { // several may have one name
				name += " (" + g.ID + ")"
			}
			fmt.Fprintf(w, "%s   up %s   %s   entries %d..%d   v%s\n", name, span(now.Sub(st.Started)), counted(g.Members, "member"), g.Oldest, g.Seq, st.Version)
			if kind := kindOf(g); kind != "" {
				fmt.Fprintf(w, "  %s\n", kind)
			}
			announced := "not announced yet"
			if g.Serving.LastAnnounced != nil {
				announced = "announced " + span(now.Sub(*g.Serving.LastAnnounced)) + " ago"
			}
			if g.Serving.NextAnnounce != nil {
				announced += ", next in " + span(g.Serving.NextAnnounce.Sub(now))
			}
			fmt.Fprintf(w, "  address     %s   %s, %s, %s\n", g.Address, g.Visibility, g.Join, announced)
			if d := g.Serving.Delivery; d.Members > 0 {
				fmt.Fprintf(w, "  delivery    %s\n", told(d))
			}
			if m := g.Serving.Mail; m != nil {
				fmt.Fprintf(w, "  mail        %s\n", mailLine(m, now))
			}
		}
		for _, i := range st.Interfaces {
			if i.Local == "client" {
				continue // the instance's line counts them
			}
			state := "up"
			if !i.Up {
				state = "down"
			}
			if i.Listener {
				state += "   " + counted(i.Peers, "peer")
			} else {
				state += fmt.Sprintf("   %s   in %s  out %s", bitrate(i.Bitrate), bytesOf(int64(i.RxBytes)), bytesOf(int64(i.TxBytes)))
			}
			if i.Shared {
				state += "   shared with us"
			}
			fmt.Fprintf(w, "  %s   %s   %s\n", i.Name, i.Mode, state)
			if a := i.Airtime; a != nil {
				fmt.Fprintf(w, "    airtime   %s\n", airtime(a))
			}
			if i.LastError != "" && !i.Up {
				fmt.Fprintf(w, "              %s\n", i.LastError)
			}
		}
		switch in := st.Network.Instance; in.Role {
		case "master":
			fmt.Fprintf(w, "instance      %s is ours, %s\n", in.Name, counted(in.Programs, "other program"))
		case "client":
			fmt.Fprintf(w, "instance      %s of another program, which has the interfaces\n", in.Name)
		}
		fmt.Fprintf(w, "network       %s, %s, %s\n", counted(st.Network.Paths, "path"), counted(st.Network.Links, "link"), counted(st.Network.Known, "known destination"))
		if st.Network.Transport {
			fmt.Fprintf(w, "transport     on, %s passed on\n", counted(int(st.Network.Relayed), "packet"))
		}
		backup := "no backup yet"
		if st.Store.LastBackup != nil {
			backup = "last backup " + span(now.Sub(*st.Store.LastBackup)) + " ago"
		}
		fmt.Fprintf(w, "store         %s, %s\n", bytesOf(st.Store.Bytes), backup)
		for _, n := range st.Attention {
			fmt.Fprintf(w, "attention     %s\n", n.Text)
			if n.Hint != "" {
				fmt.Fprintf(w, "              → %s\n", n.Hint)
			}
		}
	})
}

// told is how far members have been told what is new.
func told(d web.Delivery) string {
	text := fmt.Sprintf("%d behind", d.Behind)
	if d.Behind == 0 {
		text = "nobody behind"
	} else if d.OldestSeconds > 0 {
		text += ", the longest " + span(time.Duration(d.OldestSeconds)*time.Second)
	}
	if d.Waiting > 0 {
		text += fmt.Sprintf(", %d not heard", d.Waiting)
	}
	if d.AtNode > 0 {
		text += fmt.Sprintf(", %d at a propagation node", d.AtNode)
	}
	return fmt.Sprintf("%s of %d, %d confirmed today", text, d.Members, d.Confirmed)
}

// airtime is the account of an interface in a line.
func airtime(a *web.Airtime) string {
	text := fmt.Sprintf("%.0f s in the last hour, share %.3g %%", a.HourSeconds, 100*a.Share)
	if a.Duty > 0 {
		text += fmt.Sprintf(", limit %.3g %%", 100*a.Duty)
	}
	for p := delivery.Emergency; p <= delivery.Other; p++ {
		if s := a.Spent[p.String()]; s >= 0.5 {
			text += fmt.Sprintf(", %s %.0f s", p, s)
		}
	}
	if a.Estimated {
		text += ", estimated"
	}
	return text
}

func (a *app) versionVerb() *cobra.Command {
	return a.verb("version", "version of the program", nil, func(c *cobra.Command, args []string) error {
		v := struct {
			Version  string `json:"version"`
			Revision string `json:"revision,omitempty"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{Version: Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
		if info, ok := debug.ReadBuildInfo(); ok {
			for _, s := range info.Settings {
				if s.Key == "vcs.revision" {
					v.Revision = s.Value
				}
			}
		}
		return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "groupd %s   %s   %s\n", v.Version, v.Go, v.Platform) })
	})
}

// span is a time for people, to the two largest units.
func span(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 0:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// bytesOf is a size for people.
func bytesOf(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// bitrate is a speed for people.
func bitrate(n int64) string {
	switch {
	case n <= 0:
		return "speed unknown"
	case n < 1000:
		return fmt.Sprintf("%d bps", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kbps", float64(n)/1e3)
	}
	return fmt.Sprintf("%.4g Mbps", float64(n)/1e6)
}

// kindOf is what a group was made as, and when it ends; "" when there is nothing to tell.
func kindOf(g web.Group) string {
	var parts []string
	if g.Preset != "" {
		parts = append(parts, "made as "+g.Preset)
	}
	if end := g.Policy.ExpiresAt; end != 0 {
		verb := "ends "
		if g.Over {
			verb = "over since "
		}
		parts = append(parts, verb+words.ShowMoment(end))
	}
	return strings.Join(parts, ", ")
}

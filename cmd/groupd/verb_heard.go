package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/web"
	"groupd/moderation"
)

// heardVerb is group heard.
func (a *app) heardVerb() *cobra.Command {
	var most int
	c := a.verb("heard [TEXT]", "groups of other servers that announce themselves", exactly("TEXT?"), func(c *cobra.Command, args []string) error {
		if most < 1 {
			return &failure{code: exitUsage, msg: "--limit: must be at least 1", hint: c.CommandPath() + " --help"}
		}
		all := web.Directory{Groups: []web.HeardGroup{}}
		for {
			q := url.Values{"after": {strconv.FormatUint(all.Next, 10)}, "limit": {strconv.Itoa(most - len(all.Groups))}, "text": {strings.Join(args, " ")}}
			var page web.Directory
			if err := a.call(c.Context(), "GET", "/directory?"+q.Encode(), nil, &page); err != nil {
				return err
			}
			page.Groups = append(all.Groups, page.Groups...)
			all = page
			if all.Next == 0 || len(all.Groups) >= most {
				break
			}
		}
		return a.print(all, func(w io.Writer) { showHeard(w, all, strings.Join(args, " ")) })
	})
	c.Flags().IntVar(&most, "limit", 100, "how many groups")
	return c
}

func showHeard(w io.Writer, all web.Directory, text string) {
	switch {
	case len(all.Groups) == 0 && text != "":
		fmt.Fprintf(w, "No group of another server with %q in its name is listed.\n", text)
	case len(all.Groups) == 0:
		fmt.Fprintln(w, "No group of another server is listed. One is when it was heard twice, five minutes apart.")
	default:
		fmt.Fprintf(w, "%-32s %-32s %-8s %-7s %4s  %-8s %s\n", "ADDRESS", "NAME", "KIND", "JOIN", "HOPS", "HEARD", "BY")
	}
	names := make(map[string]string)
	for _, g := range all.Groups {
		names[g.Identity] = g.Name
	}
	for _, g := range all.Groups {
		fmt.Fprintf(w, "%s %-32s %-8s %-7s %4d  %-8s %s\n", g.Address, g.Name, g.Visibility, g.Join, g.Hops, ago(g.SecondsAgo), g.Interface)
		if g.Alike != "" {
			whose := "another one's, who had it before"
			if _, listed := names[g.Alike]; !listed {
				whose = "that of " + g.Alike
			}
			fmt.Fprintf(w, "%-32s the name looks like %s\n", "", whose)
		}
	}
	if left := all.Total - len(all.Groups); left > 0 {
		fmt.Fprintf(w, "%s more: --limit\n", counted(left, "group"))
	}
	if all.Once > 0 {
		fmt.Fprintf(w, "%s heard once so far\n", counted(all.Once, "group"))
	}
}

// ago is how long something is past.
func ago(seconds int64) string {
	if seconds < 60 {
		return "now"
	}
	return moderation.Passed(time.Duration(seconds) * time.Second)
}

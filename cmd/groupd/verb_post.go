package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"groupd/api/web"
)

// maxPosted bounds a text, in bytes: the admin API takes requests of 64 KiB.
const maxPosted = 48 << 10

func (a *app) postVerb() *cobra.Command {
	var in web.PostInput
	c := a.verb("post TEXT", "speak as the group; - reads the text from stdin", exactly("TEXT"), func(c *cobra.Command, args []string) error {
		if in.Text = args[0]; in.Text == "-" {
			b, err := io.ReadAll(io.LimitReader(a.in, maxPosted+1))
			if err != nil {
				return failed(err, "")
			}
			in.Text = strings.TrimRight(string(b), "\n")
		}
		if len(in.Text) > maxPosted {
			return usage("the text is longer than %d bytes", maxPosted)
		}
		path, err := a.groupPath(c.Context(), "posts")
		if err != nil {
			return err
		}
		var d web.Done
		if err := a.call(c.Context(), "POST", path, in, &d); err != nil {
			return hinted(err, c.CommandPath()+" --help")
		}
		return a.print(d, func(w io.Writer) { fmt.Fprintf(w, "posted: #%d\n", d.Seq) })
	})
	c.Flags().BoolVar(&in.Emergency, "emergency", false, "passes quiet hours and shares of airtime")
	return a.inGroup(c)
}

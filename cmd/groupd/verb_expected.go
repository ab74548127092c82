package main

import (
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"groupd/api/web"
)

// expectedVerb is member expected.
func (a *app) expectedVerb() *cobra.Command {
	var forget string
	c := a.verb("expected", "who becomes a member when he is heard, from lists of other servers", nil, func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "expected")
		if err != nil {
			return err
		}
		if forget != "" {
			if err := a.call(c.Context(), "DELETE", path+"/"+url.PathEscape(forget), nil, new(web.Done)); err != nil {
				return hinted(err, "groupd member expected")
			}
			return a.print(web.Done{Target: forget}, func(w io.Writer) { fmt.Fprintf(w, "%s is not expected any more\n", forget) })
		}
		all := web.ExpectedPage{Expected: []web.Expected{}}
		for {
			var page web.ExpectedPage
			if err := a.call(c.Context(), "GET", path+"?after="+all.Next, nil, &page); err != nil {
				return err
			}
			all.Expected, all.Next = append(all.Expected, page.Expected...), page.Next
			if all.Next == "" {
				break
			}
		}
		return a.print(all, func(w io.Writer) {
			a.empty(len(all.Expected), "nobody is expected")
			for _, e := range all.Expected {
				fmt.Fprintf(w, "%s  %-10s %-8s %s\n", e.Who, e.Role, e.Mode, e.Name)
			}
		})
	})
	c.Flags().StringVar(&forget, "forget", "", "take this address or identity off the list")
	return c
}

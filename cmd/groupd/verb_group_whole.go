package main

import (
	"fmt"
	"io"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"groupd/api/web"
	"groupd/moderation"
)

// groupClone is group clone.
func (a *app) groupClone() *cobra.Command {
	var in web.CloneInput
	var visibility string
	c := a.verb("clone ID", "a new group with settings and members of another, who are invited", exactly("ID"), func(c *cobra.Command, args []string) error {
		if c.Flags().Changed("visibility") {
			in.Visibility = &visibility
		}
		a.group = args[0]
		path, err := a.groupPath(c.Context(), "clone")
		if err != nil {
			return err
		}
		var made web.Cloned
		if err := a.call(c.Context(), "POST", path, in, &made); err != nil {
			return hinted(err, hintMembers)
		}
		return a.print(made, func(w io.Writer) {
			showGroup(w, made.Group)
			told := ""
			if made.Invited > 0 {
				told = ", told one after the other"
			}
			fmt.Fprintf(w, "%-13s %d%s\n", "invited", made.Invited, told)
			if made.LeftOut > 0 {
				fmt.Fprintf(w, "%-13s %d\n", "left out", made.LeftOut)
			}
			if made.More {
				fmt.Fprintln(w, "There are more members than are invited at once: invite the others (groupd invite create).")
			}
			if !made.Group.Owned {
				fmt.Fprintf(w, "%-13s groupd claim --group %s\n", "to own it", made.Group.ID)
			}
		})
	})
	c.Flags().StringVar(&in.Name, "name", "", "name (else that of the other); for members only where the new group hides its name, unless --private-name is given")
	c.Flags().StringVar(&in.PrivateName, "private-name", "", "name for members only")
	c.Flags().StringVar(&visibility, "visibility", "", "public or private; private when somebody is left out, else as the other")
	c.Flags().StringArrayVar(&in.Without, "without", nil, "a member who is not invited; several times")
	return c
}

// groupDelete is group delete.
func (a *app) groupDelete() *cobra.Command {
	var moved bool
	c := a.verb("delete ID", "end a group and erase all that is in it", exactly("ID"), func(c *cobra.Command, args []string) error {
		a.group = args[0]
		path, g, err := a.readGroup(c.Context())
		if err != nil {
			return err
		}
		name, told := ownName(g), "Its members are told."
		if moved {
			path, told = path+"?moved=true", "Its members are not told."
		}
		question := fmt.Sprintf("This erases %q (%s): its keys, %s, %d entries and all files. %s Nothing brings it back but a backup. Delete it?",
			name, g.Address, counted(g.Members, "member"), g.Seq, told)
		if err := a.confirm(moderation.CleanLine(question)); err != nil {
			return err
		}
		var done struct{}
		if err := a.call(c.Context(), "DELETE", path, nil, &done); err != nil {
			return err
		}
		v := struct {
			Deleted string `json:"deleted"`
			Address string `json:"address"`
		}{g.ID, g.Address}
		return a.print(v, func(w io.Writer) { fmt.Fprintf(w, "deleted %s\n", g.ID) })
	})
	c.Flags().BoolVar(&moved, "moved", false, "the group goes on at another server: its members are not told")
	return c
}

// groupLog is group log.
func (a *app) groupLog() *cobra.Command {
	var most int
	c := a.verb("log", "who made and deleted groups here, newest first", nil, func(c *cobra.Command, args []string) error {
		if most < 1 {
			return &failure{code: exitUsage, msg: "--limit: must be at least 1", hint: c.CommandPath() + " --help"}
		}
		all := web.ServerLog{Lines: []web.ServerLine{}}
		for {
			q := url.Values{"before": {strconv.FormatInt(all.Next, 10)}, "limit": {strconv.Itoa(most - len(all.Lines))}}
			var page web.ServerLog
			if err := a.call(c.Context(), "GET", "/log?"+q.Encode(), nil, &page); err != nil {
				return err
			}
			all.Lines, all.Next = append(all.Lines, page.Lines...), page.Next
			if all.Next == 0 || len(all.Lines) >= most {
				break
			}
		}
		return a.print(all, func(w io.Writer) {
			a.empty(len(all.Lines), "nothing is in the log")
			for _, l := range all.Lines {
				fmt.Fprintf(w, "%s  %-20s %-12s %s  %s\n", l.Time.Local().Format(minute), actor(l.By, ""), l.Action, l.Group, l.Detail)
			}
		})
	})
	c.Flags().IntVar(&most, "limit", 50, "how many lines")
	return c
}

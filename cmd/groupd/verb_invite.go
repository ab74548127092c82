package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"groupd/api/web"
)

func (a *app) inviteVerb() *cobra.Command {
	list := a.verb("list", "invites that can be used", nil, func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "invites")
		if err != nil {
			return err
		}
		all := web.InvitesPage{Invites: []web.Invite{}}
		for next := int64(0); ; {
			var page web.InvitesPage
			if err := a.call(c.Context(), "GET", path+"?after="+strconv.FormatInt(next, 10), nil, &page); err != nil {
				return err
			}
			all.Invites = append(all.Invites, page.Invites...)
			if next = page.Next; next == 0 {
				break
			}
		}
		return a.print(all, func(w io.Writer) {
			a.empty(len(all.Invites), "no invite is open")
			for _, i := range all.Invites {
				fmt.Fprintf(w, "%-4d %-10s %-40s used %d of %d   until %s   by %s\n", i.ID, i.Role, holder(i), i.Used, i.Used+i.Uses,
					i.Expires.Local().Format(minute), actor(i.By, i.ByName))
			}
		})
	})
	revoke := a.verb("revoke ID", "take an invite back", exactly("ID"), func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "invites", args[0])
		if err != nil {
			return err
		}
		var d web.Done
		if err := a.call(c.Context(), "DELETE", path, nil, &d); err != nil {
			return hinted(err, "groupd invite list")
		}
		return a.print(d, func(w io.Writer) { fmt.Fprintf(w, "revoked: invite %s\n", args[0]) })
	})
	return a.inGroup(a.noun("invite", "create, list and revoke invites", a.inviteCreateVerb(), list, revoke))
}

func (a *app) inviteCreateVerb() *cobra.Command {
	var in web.InviteInput
	var valid string
	c := a.verb("create", "a code that lets people in, or an invite for one person", nil, func(c *cobra.Command, args []string) error {
		var err error
		if in.Duration, err = seconds("valid", valid); err != nil {
			return err
		}
		path, err := a.groupPath(c.Context(), "invites")
		if err != nil {
			return err
		}
		var i web.InviteIssued
		if err := a.call(c.Context(), "POST", path, in, &i); err != nil {
			return hinted(err, c.CommandPath()+" --help")
		}
		return a.print(i, func(w io.Writer) {
			until := i.Expires.Local().Format(minute)
			join := "/join NAME" // in a circle there are no codes
			if i.Code != "" {
				join = "/join " + i.Code + " NAME"
			}
			fmt.Fprintf(w, "To join, send this to %s:\n\n  %s\n\n", i.Address, join)
			if i.For == "" {
				fmt.Fprintf(w, "Lets in %s, until %s. The code is not shown again.", counted(i.Uses, "new member"), until)
			} else {
				fmt.Fprintf(w, "For %s alone, who needs no code, as %s, until %s.", i.For, i.Role, until)
			}
			fmt.Fprintf(w, " To take it back: groupd invite revoke %d\n", i.ID)
		})
	})
	c.Flags().IntVar(&in.Uses, "uses", 0, "how many it lets in (else 1)")
	c.Flags().StringVar(&in.For, "for", "", "the only one who may use it: an address, or the name of one who waits or was here")
	c.Flags().StringVar(&valid, "valid", "", "how long: 12h, 7d, 4w, at most 90d (else 7d, of a circle 6h)")
	c.Flags().StringVar(&in.Role, "role", "", "with --for: member, moderator, admin or owner (else member)")
	c.Flags().BoolVar(&in.Send, "send", false, "with --for: tell them, by one message")
	return c
}

// holder is who may use an invite.
func holder(i web.Invite) string {
	if i.For == "" {
		return "whoever has the code"
	}
	return "for " + i.For
}

// actor names who did something.
func actor(identity, name string) string {
	switch {
	case identity == "":
		return "the operator"
	case name == "":
		return identity
	}
	return name
}

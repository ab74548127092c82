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
)

// minute is how times are shown.
const minute = "2006-01-02 15:04"

func (a *app) memberVerb() *cobra.Command {
	list := a.verb("list", "all members", nil, func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "members")
		if err != nil {
			return err
		}
		var all web.MembersPage
		for next := uint64(0); ; {
			var page web.MembersPage
			if err := a.call(c.Context(), "GET", path+"?after="+strconv.FormatUint(next, 10), nil, &page); err != nil {
				return err
			}
			all.Total, all.Members = page.Total, append(all.Members, page.Members...)
			if next = page.Next; next == 0 {
				break
			}
		}
		if all.Members == nil {
			all.Members = []web.Member{}
		}
		return a.print(all, func(w io.Writer) {
			a.empty(len(all.Members), "nobody is a member yet")
			for _, m := range all.Members {
				fmt.Fprintf(w, "%s  %-10s %-24s %s\n", m.Address, m.Role, m.Name, heard(m))
			}
		})
	})
	show := a.verb("show WHO", "one member", exactly("WHO"), func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "members", args[0])
		if err != nil {
			return err
		}
		var m web.Member
		if err := a.call(c.Context(), "GET", path, nil, &m); err != nil {
			return unknown(err, hintMembers)
		}
		return a.print(m, func(w io.Writer) { showMember(w, m) })
	})
	bans := a.verb("bans", "who is kept out", nil, func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "bans")
		if err != nil {
			return err
		}
		all := web.BansPage{Bans: []web.Ban{}}
		for next := ""; ; {
			var page web.BansPage
			if err := a.call(c.Context(), "GET", path+"?after="+url.QueryEscape(next), nil, &page); err != nil {
				return err
			}
			all.Bans = append(all.Bans, page.Bans...)
			if next = page.Next; next == "" {
				break
			}
		}
		return a.print(all, func(w io.Writer) {
			a.empty(len(all.Bans), "nobody is kept out")
			for _, b := range all.Bans {
				until := "for good"
				if b.Expires != nil {
					until = "until " + b.Expires.Local().Format(minute)
				}
				fmt.Fprintf(w, "%s  %s  %s  %s\n", b.Target, until, b.Name, b.Reason)
			}
		})
	})
	return a.inGroup(a.noun("member", "list, show, kick, ban, unban, mute members, change their roles, and see who is expected",
		list, show, a.removalVerb("kick", "remove a member for an hour, or as long as said", true), a.banVerb(), a.unbanVerb(), bans,
		a.removalVerb("mute", "keep a member from writing, until that is lifted, or as long as said", false), a.unmuteVerb(), a.roleVerb(), a.expectedVerb()))
}

// hintMembers says where the names of members are.
const hintMembers = "groupd member list"

// removalFlags are those of who is kicked, banned or muted.
func removalFlags(c *cobra.Command, in *web.RemovalInput, length *string) {
	c.Flags().StringVar(&in.Reason, "reason", "", "told to the member, and kept in the log")
	c.Flags().StringVar(length, "for", "", "how long: 30m, 6h, 2d, 1w")
}

// seconds reads a flag that is a duration; 0 when it was not given.
func seconds(flag, length string) (float64, error) {
	if length == "" {
		return 0, nil
	}
	d, err := parseSpan(length)
	if err != nil {
		return 0, usage("--%s: %v", flag, err)
	}
	return d.Seconds(), nil
}

// removalVerb is kick and mute.
func (a *app) removalVerb(name, short string, asks bool) *cobra.Command {
	var in web.RemovalInput
	var length string
	c := a.verb(name+" WHO", short, exactly("WHO"), func(c *cobra.Command, args []string) (err error) {
		if in.Duration, err = seconds("for", length); err != nil {
			return err
		}
		path, err := a.groupPath(c.Context(), "members", args[0], name)
		if err != nil {
			return err
		}
		if asks {
			if err := a.confirm(fmt.Sprintf("%s %s?", name, args[0])); err != nil {
				return err
			}
		}
		return hinted(a.done(c, path, in, name), hintMembers)
	})
	removalFlags(c, &in, &length)
	return c
}

func (a *app) banVerb() *cobra.Command {
	var in web.BanInput
	var length string
	c := a.verb("ban WHO", "keep somebody out, member or not", exactly("WHO"), func(c *cobra.Command, args []string) (err error) {
		if in.Duration, err = seconds("for", length); err != nil {
			return err
		}
		path, err := a.groupPath(c.Context(), "members", args[0], "ban")
		if err != nil {
			return err
		}
		question := "ban " + args[0]
		if in.Purge {
			question += ", and hide all that they wrote"
		}
		if in.Branch {
			question += ", and ban whom they invited, and whom those did"
		}
		if err := a.confirm(question + "?"); err != nil {
			return err
		}
		var b web.Banned
		if err := a.call(c.Context(), "POST", path, in, &b); err != nil {
			return hinted(err, hintMembers)
		}
		return a.print(b, func(w io.Writer) {
			fmt.Fprintf(w, "ban: %s\n", b.Target)
			for _, m := range b.Branch {
				fmt.Fprintf(w, "banned too: %s %s\n", m.Name, m.Address)
			}
			if b.More {
				fmt.Fprintln(w, "There are more of them: do it again.")
			}
			if b.Purging {
				fmt.Fprintf(w, "All posts go. For a day they can be brought back: groupd member unban %s --undo\n", b.Target)
			}
		})
	})
	removalFlags(c, &in.RemovalInput, &length)
	c.Flags().BoolVar(&in.Purge, "purge", false, "hide all posts; can be undone for a day")
	c.Flags().BoolVar(&in.Branch, "branch", false, "ban those who came by their invites, too")
	return c
}

func (a *app) unmuteVerb() *cobra.Command {
	return a.verb("unmute WHO", "let a member write again", exactly("WHO"), func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "members", args[0], "unmute")
		if err != nil {
			return err
		}
		return hinted(a.done(c, path, nil, "unmute"), hintMembers)
	})
}

// done sends a change and says that it is made.
func (a *app) done(c *cobra.Command, path string, in any, verb string) error {
	var d web.Done
	if err := a.call(c.Context(), "POST", path, in, &d); err != nil {
		return err
	}
	return a.print(d, func(w io.Writer) {
		who := d.Target
		if d.Name != "" {
			who = d.Name + " " + who
		}
		fmt.Fprintf(w, "%s: %s\n", verb, who)
	})
}

func (a *app) unbanVerb() *cobra.Command {
	var in web.UnbanInput
	c := a.verb("unban WHO", "let somebody in again", exactly("WHO"), func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "members", args[0], "unban")
		if err != nil {
			return err
		}
		return hinted(a.done(c, path, in, "unban"), "groupd member bans")
	})
	c.Flags().BoolVar(&in.Undo, "undo", false, "bring back the posts that went with --purge, within a day")
	return c
}

func (a *app) roleVerb() *cobra.Command {
	var in web.RoleInput
	c := a.verb("role WHO [ROLE]", "make somebody member, moderator, admin or owner", exactly("WHO", "ROLE?"), func(c *cobra.Command, args []string) error {
		if len(args) == 2 {
			in.Role = args[1]
		}
		path, err := a.groupPath(c.Context(), "members", args[0], "role")
		if err != nil {
			return err
		}
		var m web.Member
		if err := a.call(c.Context(), "POST", path, in, &m); err != nil {
			return unknown(err, hintMembers)
		}
		return a.print(m, func(w io.Writer) { showMember(w, m) })
	})
	c.Flags().StringVar(&in.Add, "add", "", "permissions to give, separated by commas")
	c.Flags().StringVar(&in.Remove, "remove", "", "permissions to take")
	return c
}

func heard(m web.Member) string {
	if m.LastHeard == nil {
		return "never heard"
	}
	return "heard " + span(time.Since(*m.LastHeard)) + " ago"
}

func showMember(w io.Writer, m web.Member) {
	fmt.Fprintf(w, "name         %s\naddress      %s\nidentity     %s\nrole         %s\npermissions  %s\nheard        %s\n", m.Name, m.Address, m.Identity, m.Role, m.Permissions, heard(m))
	if m.Muted != nil {
		until := "until somebody lifts it"
		if m.Muted.Until != nil {
			until = "until " + m.Muted.Until.Local().Format(minute)
		}
		fmt.Fprintf(w, "muted        %s\n", strings.TrimRight(until+"  "+m.Muted.Reason, " "))
	}
	if !m.Present && m.Left != nil {
		fmt.Fprintf(w, "left         %s\n", m.Left.Local().Format(minute))
	}
}

func (a *app) requestVerb() *cobra.Command {
	list := a.verb("list", "who waits to join, longest first", nil, func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "requests")
		if err != nil {
			return err
		}
		var page web.RequestsPage
		if err := a.call(c.Context(), "GET", path, nil, &page); err != nil {
			return err
		}
		return a.print(page, func(w io.Writer) {
			a.empty(len(page.Requests), "nobody waits to join")
			for _, q := range page.Requests {
				fmt.Fprintf(w, "%s  %-24s %s ago  %s\n", q.Address, q.Name, span(time.Since(q.Since)), q.Greeting)
			}
		})
	})
	approve := a.verb("approve WHO", "let one who waits in", exactly("WHO"), func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "requests", args[0], "approve")
		if err != nil {
			return err
		}
		return unknown(a.done(c, path, nil, "approved"), "groupd request list")
	})
	var in web.RemovalInput
	reject := a.verb("reject WHO", "turn one who waits away", exactly("WHO"), func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "requests", args[0], "reject")
		if err != nil {
			return err
		}
		return unknown(a.done(c, path, in, "rejected"), "groupd request list")
	})
	reject.Flags().StringVar(&in.Reason, "reason", "", "told to who asked")
	return a.inGroup(a.noun("request", "list, approve and reject requests to join", list, approve, reject))
}

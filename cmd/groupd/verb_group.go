package main

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/web"
	"groupd/api/words"
	"groupd/moderation"
)

// inGroup adds the flag that says which group is meant.
func (a *app) inGroup(c *cobra.Command) *cobra.Command {
	c.PersistentFlags().StringVar(&a.group, "group", "", "which group, where there are several")
	return c
}

// named takes the group that an argument names; --group does the same.
func (a *app) named(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if a.group != "" && a.group != args[0] {
		return &failure{code: exitUsage, msg: fmt.Sprintf("%s: %s, or --group %s?", c.CommandPath(), args[0], a.group), hint: c.CommandPath() + " --help"}
	}
	a.group = args[0]
	return nil
}

func (a *app) groupVerb() *cobra.Command {
	list := a.verb("list", "the groups of this machine", nil, func(c *cobra.Command, args []string) error {
		var all struct {
			Groups []web.Group `json:"groups"`
		}
		if err := a.call(c.Context(), "GET", "/groups", nil, &all); err != nil {
			return err
		}
		return a.print(all, func(w io.Writer) {
			a.empty(len(all.Groups), "there is no group: groupd group create ID --name NAME")
			width := 12
			for _, g := range all.Groups {
				width = max(width, len(g.ID))
			}
			for _, g := range all.Groups {
				fmt.Fprintf(w, "%-*s %s   %s   %s, %s, %s\n", width, g.ID, g.Address, ownName(g), g.Visibility, g.Join, counted(g.Members, "member"))
			}
		})
	})
	show := a.verb("show [ID]", "all about one group", exactly("ID?"), func(c *cobra.Command, args []string) error {
		if err := a.named(c, args); err != nil {
			return err
		}
		_, g, err := a.readGroup(c.Context())
		if err != nil {
			return err
		}
		return a.print(g, func(w io.Writer) { showGroup(w, g) })
	})
	return a.noun("group", "list, create, show, set, clone and delete groups, and their logs", list, a.inGroup(show), a.groupChange("create ID", "a new group", true),
		a.groupChange("set [ID]", "change a group", false), a.groupClone(), a.groupDelete(), a.groupLog(), a.auditVerb(), a.heardVerb())
}

// auditVerb is group audit.
func (a *app) auditVerb() *cobra.Command {
	var who, action string
	var most int
	c := a.verb("audit [ID]", "who moderated what, newest first", exactly("ID?"), func(c *cobra.Command, args []string) error {
		if most < 1 {
			return &failure{code: exitUsage, msg: "--limit: must be at least 1", hint: c.CommandPath() + " --help"}
		}
		if err := a.named(c, args); err != nil {
			return err
		}
		path, err := a.groupPath(c.Context(), "audit")
		if err != nil {
			return err
		}
		all := web.AuditPage{Audit: []web.Audit{}}
		for {
			q := url.Values{"before": {strconv.FormatInt(all.Next, 10)}, "limit": {strconv.Itoa(most - len(all.Audit))}, "who": {who}, "action": {action}}
			var page web.AuditPage
			if err := a.call(c.Context(), "GET", path+"?"+q.Encode(), nil, &page); err != nil {
				return hinted(err, hintMembers)
			}
			all.Audit, all.Next = append(all.Audit, page.Audit...), page.Next
			if all.Next == 0 || len(all.Audit) >= most {
				break
			}
		}
		return a.print(all, func(w io.Writer) {
			a.empty(len(all.Audit), "nothing is in the log")
			for _, l := range all.Audit {
				fmt.Fprintf(w, "%s  %-20s %-12s %s\n", l.Time.Local().Format(minute), actor(l.By, l.ByName), l.Action, strings.TrimSpace(l.Target+"  "+moderation.CleanLine(l.Detail)))
			}
		})
	})
	c.Flags().StringVar(&who, "who", "", "what this one did, or what was done to them")
	c.Flags().StringVar(&action, "action", "", "one kind, such as ban")
	c.Flags().IntVar(&most, "limit", 50, "how many lines")
	return a.inGroup(c)
}

// groupChange is group create and group set.
func (a *app) groupChange(use, short string, create bool) *cobra.Command {
	var in web.GroupInput
	fields := []struct {
		flag, help string
		into       **string
	}{
		{"name", "public name, which strangers see", &in.Name},
		{"private-name", "name for members only", &in.PrivateName},
		{"topic", "topic", &in.Topic},
		{"visibility", "public or private", &in.Visibility},
		{"join", "open, approve, invite or closed", &in.Join},
		{"owner", "the owner's address or identity", &in.Owner},
		{"ends", "when the group ends: " + words.HowMoment + ", or off", &in.Ends},
	}
	var policy []string
	var identity string
	arg := "ID?"
	if create {
		arg = "ID"
	}
	values := make([]string, len(fields))
	c := a.verb(use, short, exactly(arg), func(c *cobra.Command, args []string) error {
		changed := false
		for i, f := range fields {
			if c.Flags().Changed(f.flag) {
				*f.into, changed = &values[i], true
			}
		}
		if len(policy) > 0 {
			var bad string
			if in.Policy, bad = policyOf(policy); bad != "" {
				return &failure{code: exitUsage, msg: "not a setting: " + bad, hint: "--policy slow_mode=30"}
			}
			changed = true
		}
		var g web.Group
		var err error
		if create {
			in.ID = args[0]
			if identity != "" {
				id, err := readIdentity(identity)
				if err != nil {
					return err
				}
				in.PrivateKey = hex.EncodeToString(id.PrivateKey())
			}
			p, _ := moderation.PresetNamed(in.Preset)
			switch hidden := p.PublicName != ""; {
			case !hidden && in.Name == nil:
				in.Name = &args[0]
			case hidden && in.PrivateName == nil && in.Name == nil:
				in.PrivateName = &args[0]
			}
			err = a.call(c.Context(), "POST", "/groups", in, &g)
		} else {
			if err := a.named(c, args); err != nil {
				return err
			}
			if !changed {
				return &failure{code: exitUsage, msg: "nothing to change", hint: c.CommandPath() + " --help"}
			}
			var path string
			if path, err = a.groupPath(c.Context()); err == nil {
				err = a.call(c.Context(), "PATCH", path, in, &g)
			}
		}
		if err != nil {
			return endsNamed(err)
		}
		return a.print(g, func(w io.Writer) { showGroup(w, g) })
	})
	for i, f := range fields {
		c.Flags().StringVar(&values[i], f.flag, "", f.help)
	}
	if create {
		c.Long = short + "\n\nWith --preset it is made as something that people know; what other flags say wins over it:\n"
		for _, p := range moderation.Presets() {
			c.Long += fmt.Sprintf("  %-14s %s\n", p.Word, p.Text)
		}
		c.Flags().StringVar(&identity, "identity", "", "a Reticulum identity file: the group gets its address, as of a group that another program served")
		c.Flags().StringArrayVar(&in.Invite, "invite", nil, "address or identity of somebody who is invited, and told; several times")
		c.Flags().StringVar(&in.Preset, "preset", "", strings.Join(moderation.PresetWords(), ", "))
	}
	c.Flags().StringArrayVar(&policy, "policy", nil, `a setting, such as slow_mode=30, or flood={"count":20,"per":60}; several times`)
	if create {
		return c
	}
	return a.inGroup(c)
}

// endsNamed calls the end of a group as its flag is called.
func endsNamed(err error) error {
	if f := (*failure)(nil); errors.As(err, &f) {
		if what, ok := strings.CutPrefix(f.msg, "expires_at: "); ok {
			return &failure{code: f.code, msg: "--ends: " + what, hint: "--ends 3d, or another date"}
		}
	}
	return err
}

// ownName is how a group is called on its own machine: as its members call it.
func ownName(g web.Group) string { return cmp.Or(g.PrivateName, g.Name) }

// policyOf makes a JSON object of settings given as name=value, where a value that is no JSON is a text.
func policyOf(settings []string) (object json.RawMessage, bad string) {
	fields := make(map[string]json.RawMessage)
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, s
		}
		if !json.Valid([]byte(value)) {
			text, err := json.Marshal(value)
			if err != nil {
				return nil, s
			}
			value = string(text)
		}
		fields[name] = json.RawMessage(value)
	}
	object, err := json.Marshal(fields)
	if err != nil {
		return nil, err.Error()
	}
	return object, ""
}

func showGroup(w io.Writer, g web.Group) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-13s %s\n", name, value)
		}
	}
	line("id", g.ID)
	line("name", g.Name)
	line("private name", g.PrivateName)
	line("topic", g.Topic)
	line("address", g.Address)
	line("identity", g.Identity)
	for _, d := range g.Serving.Destinations {
		line("destination", d.Hash+"   "+d.Name)
	}
	line("visibility", g.Visibility)
	line("join", g.Join)
	line("made as", g.Preset)
	owner, expected := "nobody yet", "becomes the owner by joining"
	switch {
	case g.Policy.NoStaff:
		owner, expected = "nobody: all members are equal", "may join"
	case g.Owned:
		owner, expected = "claimed", "becomes an owner, too, by joining"
	}
	line("owner", owner)
	if g.Expected != "" {
		line("expected", g.Expected+": "+expected)
	}
	line("members", fmt.Sprintf("%d, %d waiting", g.Members, g.Waiting))
	line("entries", fmt.Sprintf("%d..%d, change %d", g.Oldest, g.Seq, g.Rev))
	line("chain", g.Chain)
	line("generation", g.Generation)
	line("announce", g.Serving.Announce)
	line("read-only", g.Serving.ReadOnly)
	if end := g.Policy.ExpiresAt; end != 0 {
		over := ""
		if g.Over {
			over = ": it is over"
		}
		line("ends", words.ShowMoment(end)+over)
	}
	if g.Lockdown {
		line("lockdown", "who joins waits for a moderator")
	}
	line("policy", string(g.Policy.Stored()))
}

func (a *app) claimVerb() *cobra.Command {
	return a.inGroup(a.verb("claim", "a new owner's code", nil, func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "claim-code")
		if err != nil {
			return err
		}
		var code web.ClaimCode
		if err := a.call(c.Context(), "POST", path, nil, &code); err != nil {
			return err
		}
		return a.print(code, func(w io.Writer) {
			fmt.Fprintf(w, "To become the owner, send this to %s from your own client:\n\n  /claim %s\n\nWorks once, until %s. Codes made before do not work any more.\n",
				code.Address, code.Code, code.Expires.Local().Format(minute))
		})
	}))
}

func (a *app) announceVerb() *cobra.Command {
	return a.inGroup(a.verb("announce", "announce the group now", nil, func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "announce")
		if err != nil {
			return err
		}
		var s web.Serving
		if err := a.call(c.Context(), "POST", path, nil, &s); err != nil {
			return err
		}
		return a.print(s, func(w io.Writer) {
			for _, d := range s.Destinations {
				fmt.Fprintf(w, "announced %s   %s\n", d.Hash, d.Name)
			}
		})
	}))
}

func (a *app) identityVerb() *cobra.Command {
	show := a.verb("show", "address, identity and public key", nil, func(c *cobra.Command, args []string) error {
		_, g, err := a.readGroup(c.Context())
		if err != nil {
			return err
		}
		v := struct {
			Group     string `json:"group"`
			Address   string `json:"address"`
			Identity  string `json:"identity"`
			PublicKey string `json:"public_key"`
		}{g.ID, g.Address, g.Identity, g.PublicKey}
		return a.print(v, func(w io.Writer) {
			fmt.Fprintf(w, "address     %s\nidentity    %s\npublic key  %s\n", v.Address, v.Identity, v.PublicKey)
		})
	})
	export := a.verb("export FILE", "write the group's private key as a Reticulum identity file", exactly("FILE"), func(c *cobra.Command, args []string) error {
		path, err := a.groupPath(c.Context(), "identity", "private")
		if err != nil {
			return err
		}
		var p web.PrivateIdentity
		if err := a.call(c.Context(), "GET", path, nil, &p); err != nil {
			return err
		}
		key, err := hex.DecodeString(p.PrivateKey)
		if err != nil {
			return failed(err, "")
		}
		if err := a.mayReplace(args[0]); err != nil {
			return err
		}
		if err := writePrivate(args[0], key); err != nil {
			return failed(err, "")
		}
		v := struct {
			File     string `json:"file"`
			Identity string `json:"identity"`
		}{args[0], p.Identity}
		return a.print(v, func(w io.Writer) {
			fmt.Fprintf(w, "wrote %s: whoever has this file is the group. Keep it where nobody else reads it.\n", args[0])
		})
	})
	return a.inGroup(a.noun("identity", "show and export the group's identity", show, export))
}

func (a *app) tokenVerb() *cobra.Command {
	return a.verb("token", "a new token for the admin API on TCP", nil, func(c *cobra.Command, args []string) error {
		var t web.Token
		if err := a.call(c.Context(), "POST", "/token", nil, &t); err != nil {
			return err
		}
		return a.print(t, func(w io.Writer) { fmt.Fprintln(w, t.Token) })
	})
}

func (a *app) confirmClockVerb() *cobra.Command {
	return a.verb("confirm-clock", "say that the machine's time is right after a jump", nil, func(c *cobra.Command, args []string) error {
		if err := a.confirm("It is " + time.Now().Format(time.RFC1123) + ". Is that right?"); err != nil {
			return err
		}
		var done struct{}
		if err := a.call(c.Context(), "POST", "/clock/confirm", nil, &done); err != nil {
			return err
		}
		return a.print(done, func(w io.Writer) { fmt.Fprintln(w, "believed") })
	})
}

// fileSize is for messages.
func fileSize(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "unknown size"
	}
	return bytesOf(info.Size())
}

package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/web"
	"groupd/group"
	"groupd/moderation"
	"groupd/rns"
	"groupd/rns/filestore"
)

// importFlags are those of import.
type importFlags struct {
	as       string
	identity string
	format   string
	dry      bool
}

func (a *app) importVerb() *cobra.Command {
	var in importFlags
	c := a.verb("import FILE", "make a group of an export, or take over another server's members", exactly("FILE"), func(c *cobra.Command, args []string) error {
		file, err := a.openImport(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		own := file.isExport()
		switch {
		case in.format != "" && in.format != group.FormatFwdsvc && in.format != group.FormatDistribution:
			return usage("--format: %s or %s", group.FormatFwdsvc, group.FormatDistribution)
		case own && in.format != "":
			return usage("--format is for lists of other servers: %s is an export of groupd", file.name)
		case own && a.group != "":
			return usage("--group is for lists of members: an export makes a group of its own, which --as can call %s", a.group)
		case own:
			return a.importGroup(c.Context(), file, in)
		}
		list, err := file.members(in.format)
		switch {
		case err != nil:
			return err
		case in.as != "" || in.identity != "":
			return usage("%s is no export of groupd: --as and --identity are for those", file.name)
		}
		return a.importMembers(c.Context(), file, list, in)
	})
	c.Long = "import makes a group of what export wrote: the same entries, members and settings, under the same address if the file holds the group's key\n" +
		"or --identity gives it; else under a new one. All of the file is checked first; a group appears whole or not at all. FILE - is stdin.\n" +
		"Lists of members of other group servers (fwdsvc, lxmf_distribution_group) are taken over into a group that is here: see --group."
	c.Flags().StringVar(&in.as, "as", "", "the group's id here (else the one it had)")
	c.Flags().StringVar(&in.identity, "identity", "", "a Reticulum identity file with the group's private key; new makes a new identity")
	c.Flags().StringVar(&in.format, "format", "", "of a list of members: "+group.FormatFwdsvc+" or "+group.FormatDistribution+" (else found out)")
	c.Flags().BoolVar(&in.dry, "dry-run", false, "check, and say what would happen")
	return a.inGroup(c)
}

// importGroup checks a file, and sends it to the server, or fills the database of one that does not run.
func (a *app) importGroup(ctx context.Context, f *importFile, in importFlags) error {
	options, err := importing(group.ImportInput{ID: group.GroupID(in.as)})
	if err != nil {
		return err
	}
	check := options
	if !in.dry {
		check.Verify = nil // the server does that
	}
	found, err := group.CheckExport(ctx, f, check)
	if e := (*group.Error)(nil); errors.As(err, &e) && e.Field == "id" && in.as != "" {
		return &failure{code: exitUsage, msg: "--as: " + e.Msg, hint: "--as hill"}
	} else if err != nil {
		return &failure{code: exitFailed, msg: fmt.Sprintf("%s can not be imported: %v", f.name, textOf(err)), hint: writeAnew}
	}
	if err := a.importIdentity(&options, in, found); err != nil {
		return err
	}
	out := web.ImportedOf(found)
	out.Group = web.Group{ID: string(found.Group.ID), Name: found.From.PublicName, Address: found.From.Address.String(), Members: found.Members, Seq: uint64(found.Head.Seq)}
	if in.as != "" {
		out.Group.ID = in.as
	}
	if in.dry {
		if err := a.wouldImport(ctx, out.Group, options.PrivateKey == nil); err != nil {
			return err
		}
	} else {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return failed(err, "")
		}
		if out, err = a.sendImport(ctx, f.File, options); err != nil {
			return err
		}
	}
	return a.print(out, func(w io.Writer) { showImported(w, in.dry, options, out, ending(found.From, time.Now())) })
}

// wouldImport refuses, where a server runs and can be asked, what it would refuse because of the groups that it has.
func (a *app) wouldImport(ctx context.Context, would web.Group, itsAddress bool) error {
	var all struct{ Groups []web.Group }
	if err := a.call(ctx, "GET", "/groups", nil, &all); errors.Is(err, errNotRunning) {
		return nil
	} else if err != nil {
		return err
	}
	for _, g := range all.Groups {
		switch {
		case g.ID == would.ID:
			return importHint(failed(fmt.Errorf("there is a group %q already", g.ID), ""))
		case itsAddress && g.Address == would.Address:
			return importHint(failed(fmt.Errorf("the group's identity is served here already, as %q", g.ID), ""))
		}
	}
	return nil
}

// textOf is what an error says to people.
func textOf(err error) string {
	var e *group.Error
	if errors.As(err, &e) {
		return e.Msg
	}
	return err.Error()
}

// importIdentity finds out whose private key the group gets.
func (a *app) importIdentity(options *group.ImportInput, in importFlags, found group.Imported) error {
	switch {
	case in.identity == "" && found.HasIdentity:
		return nil
	case in.identity == "" || in.identity == "new":
		if in.identity == "" && !in.dry {
			if err := a.confirm("The file does not hold the group's private key (--identity FILE gives it). Import it under a new address?"); err != nil {
				return err
			}
		}
		id, err := rns.NewIdentity(rand.Reader)
		if err != nil {
			return failed(err, "")
		}
		options.PrivateKey = id.PrivateKey()
	default:
		id, err := readIdentity(in.identity)
		if err != nil {
			return err
		}
		options.PrivateKey = id.PrivateKey()
	}
	return nil
}

// readIdentity reads a private key from a file of Reticulum's.
func readIdentity(path string) (*rns.Identity, error) {
	id, err := filestore.ReadIdentity(path)
	if err != nil {
		return nil, &failure{code: exitNotFound, msg: fmt.Sprintf("%s: %v", path, err), hint: "a file with the 64 bytes of a Reticulum identity"}
	}
	return id, nil
}

func (a *app) sendImport(ctx context.Context, f *os.File, options group.ImportInput) (out web.Imported, err error) {
	cl, err := a.client()
	if err != nil {
		return out, err
	}
	if err := cl.do(ctx, "GET", "/status", nil, new(web.Status)); errors.Is(err, errNotRunning) {
		return a.importAtRest(ctx, f, options)
	} else if err != nil {
		return out, err
	}
	ctx, end := interruptible(ctx)
	defer end()
	header := http.Header{"Content-Type": {"application/jsonl"}}
	if options.PrivateKey != nil {
		header.Set(web.IdentityHeader, hex.EncodeToString(options.PrivateKey))
	}
	answer, err := cl.send(ctx, "POST", "/import?"+url.Values{"id": {string(options.ID)}}.Encode(), header, f)
	if ctx.Err() != nil {
		return out, &failure{code: exitFailed, msg: "interrupted: what the server had of the file it erases", hint: "groupd group list"}
	}
	if err != nil {
		return out, importHint(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return out, failed(fmt.Errorf("the server's answer: %w", err), "groupd group list")
	}
	return out, nil
}

// interruptible is a context that the first SIGINT or SIGTERM ends, so that what was begun is given up in order; the second one ends the
// process, as ever.
func interruptible(ctx context.Context) (context.Context, func()) {
	ctx, end := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, end)
	return ctx, end
}

// importHint says what to do where an id or an identity is taken, or there is no room.
func importHint(err error) error {
	switch {
	case strings.Contains(err.Error(), "there is a group"):
		return hinted(err, "--as ID")
	case strings.Contains(err.Error(), "is served here already"):
		return hinted(err, "--as ID --identity new: a copy under another address")
	case strings.Contains(err.Error(), "could not store this"):
		return hinted(err, "make room on the disk, if it is full")
	case strings.Contains(err.Error(), "disk is nearly full"):
		return hinted(err, "make room on the disk; disk_floor in [limits] says how much must stay free")
	}
	return err
}

func (a *app) importAtRest(ctx context.Context, f *os.File, options group.ImportInput) (out web.Imported, err error) {
	t, done, err := a.atRest(ctx, true)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, done()) }()
	work, end := interruptible(ctx)
	defer end()
	got, err := t.loadAlone(work, f, options)
	switch {
	case err != nil && work.Err() != nil:
		return out, &failure{code: exitFailed, msg: "interrupted: nothing was imported"}
	case err != nil:
		return out, importHint(failed(errors.New(textOf(err)), ""))
	}
	info, err := t.hub.Info(ctx, group.Caller{Local: true}, got.Group.ID)
	if err != nil {
		return out, failed(err, "")
	}
	out = web.ImportedOf(got)
	out.Group = web.Group{ID: string(info.Group), Name: info.PublicName, Address: info.Address.String(), Members: info.Members, Seq: uint64(info.Head.Seq)}
	if got.From.Address != got.Group.Address {
		out.Address = got.From.Address.String()
	}
	return out, nil
}

// showImported says what came of it, and what an identity means.
func showImported(w io.Writer, dry bool, options group.ImportInput, out web.Imported, end string) {
	word := "imported"
	if dry {
		word = "would import"
	}
	fmt.Fprintf(w, "%s %s as %s   %s   %s, entries kept: %d, up to #%d, chain verified\n", word, out.Group.Name, out.Group.ID, out.Group.Address,
		counted(out.Group.Members, "member"), out.Entries, out.Group.Seq)
	if out.Verified+out.Unchecked > 0 {
		fmt.Fprintf(w, "signatures of authors: %d right, %d that can not be checked (their key, or a file, is not in it)\n", out.Verified, out.Unchecked)
	}
	if out.Unsigned > 0 {
		fmt.Fprintf(w, "posts that nobody signed: %d: that their authors wrote them is only what the file says\n", out.Unsigned)
	}
	if end != "" {
		fmt.Fprintln(w, end)
	}
	if out.Missing > 0 {
		fmt.Fprintf(w, "attachments without their content: %d\n", out.Missing)
	}
	switch {
	case options.PrivateKey == nil:
		fmt.Fprintln(w, "It has the address it had: make sure that no other machine serves it any more.")
	case dry:
		fmt.Fprintln(w, "It would have the address of the identity that is given, or a new one.")
	case out.Address != "":
		fmt.Fprintf(w, "It has a new address: %s. Members know it as %s.\n", out.Group.Address, out.Address)
		fmt.Fprintln(w, "Tell them the new one: what they write to the old address does not come here, and proofs of older posts name that.")
	default:
		fmt.Fprintln(w, "It has the address it had: make sure that no other machine serves it any more.")
	}
}

// importMembers takes over a list of another server's members.
func (a *app) importMembers(ctx context.Context, f *importFile, list group.ForeignList, in importFlags) error {
	to, err := a.groupPath(ctx, "members", "import")
	if errors.Is(err, errNotRunning) {
		return notServed(f, list)
	}
	if err != nil {
		return err
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	q := url.Values{"format": {in.format}}
	if in.dry {
		q.Set("dry", "1")
	}
	answer, err := cl.send(ctx, "POST", to+"?"+q.Encode(), http.Header{"Content-Type": {"application/octet-stream"}}, f.File)
	if errors.Is(err, errNotRunning) {
		return notServed(f, list)
	}
	if err != nil {
		return hinted(err, "groupd import --help")
	}
	defer answer.Body.Close()
	var out web.ImportedMembers
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		return failed(fmt.Errorf("the server's answer: %w", err), "")
	}
	return a.print(out, func(w io.Writer) { showImportedMembers(w, out) })
}

// ending says what becomes of a group that is over; "": it is not.
func ending(g group.Group, now time.Time) string {
	at := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
	if !g.Policy.Over(now) {
		return ""
	}
	over := "This group is over since " + at(g.Policy.ExpiresAt.Time())
	if g.Ending.Told < group.EndOver {
		return fmt.Sprintf("%s: its members are told, and the server deletes it %s later, as was promised them.", over, moderation.Passed(g.Policy.KeptSpan()))
	}
	if gone := g.Ending.At.Add(g.Policy.KeptSpan()); now.Before(gone) {
		return fmt.Sprintf("%s: the server deletes it on %s, as was promised to its members.", over, at(gone))
	}
	return over + ": the server deletes it within minutes, as was promised to its members."
}

// notServed says that a list is right, and where it can go.
func notServed(f *importFile, list group.ForeignList) error {
	people := fmt.Sprintf("%d people", len(list.Members))
	if len(list.Members) == 1 {
		people = "1 person"
	}
	return &failure{
		code: exitNotRunning, msg: fmt.Sprintf("%s is a list of %s (%s), but groupd is not running: lists are taken over by the server", f.name, people, list.Format),
		hint: "groupd run, and then this again",
	}
}

func showImportedMembers(w io.Writer, out web.ImportedMembers) {
	counts := make(map[string]int)
	for _, m := range out.Members {
		counts[m.Outcome]++
		switch m.Outcome {
		case string(group.ForeignSame):
			continue
		case string(group.ForeignSkipped):
			fmt.Fprintf(w, "skipped    %s  %s: %s\n", m.Who, m.Name, m.Why)
			continue
		}
		fmt.Fprintf(w, "%-9s  %s  %-9s  %s\n", m.Outcome, m.Who, m.Role, m.Name)
	}
	for _, line := range out.Skipped {
		fmt.Fprintf(w, "skipped    %s\n", line)
	}
	made := "taken over"
	if out.DryRun {
		made = "would be taken over; nothing was changed"
	}
	fmt.Fprintf(w, "%s: %d members now, %d expected, %d banned, %d unchanged, %d skipped: %s\n", out.Format, counts[string(group.ForeignMade)],
		counts[string(group.ForeignExpected)], counts[string(group.ForeignBanned)], counts[string(group.ForeignSame)], counts[string(group.ForeignSkipped)]+len(out.Skipped), made)
	if counts[string(group.ForeignExpected)] > 0 {
		fmt.Fprintln(w, "Who is expected becomes a member when he is heard: groupd member expected")
	}
}

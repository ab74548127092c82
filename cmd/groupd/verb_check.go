package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/web"
	"groupd/configs"
	"groupd/db/sqlite"
	"groupd/group"
)

// finding is one line of check.
type finding struct {
	What  string `json:"what"`
	State string `json:"state"` // ok, note, wrong
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

// checkResult is what check --json prints.
type checkResult struct {
	OK          bool         `json:"ok"`
	Findings    []finding    `json:"findings"`
	Differences []difference `json:"differences"`

	code int
}

func (r *checkResult) ok(what, text string) {
	r.Findings = append(r.Findings, finding{What: what, State: "ok", Text: text})
}

func (r *checkResult) note(what, text, hint string) {
	r.Findings = append(r.Findings, finding{What: what, State: "note", Text: text, Hint: hint})
}

// wrong adds what keeps a server from running well. The first one gives the exit code.
func (r *checkResult) wrong(what string, err error) {
	f := finding{What: what, State: "wrong", Text: err.Error()}
	code := exitFailed
	var known *failure
	if errors.As(err, &known) {
		f.Text, f.Hint, code = known.msg, known.hint, known.code
	}
	r.Findings = append(r.Findings, f)
	if r.OK {
		r.OK, r.code = false, code
	}
}

func (a *app) checkVerb() *cobra.Command {
	var defaults bool
	c := a.verb("check", "look for what is wrong: files, configuration, ports, database, chain, clock", nil, func(c *cobra.Command, args []string) error {
		if defaults {
			_, err := a.out.Write(configs.Groupd)
			return err
		}
		r := a.check(c.Context())
		err := a.print(r, func(w io.Writer) {
			for _, f := range r.Findings {
				fmt.Fprintf(w, "%-6s %-10s %s\n", f.State, f.What, strings.ReplaceAll(f.Text, "\n", "\n                  "))
				if f.Hint != "" {
					fmt.Fprintf(w, "                  → %s\n", f.Hint)
				}
			}
			for _, d := range r.Differences {
				fmt.Fprintf(w, "note   %-10s [[group]] %s: %s is %q in the file and %q in the database, which wins\n                  → %s\n", fileConfig, d.Group, d.Key, d.File, d.Database, d.Command)
			}
		})
		if err == nil && !r.OK {
			return &failure{code: r.code, msg: "something is wrong: see above"}
		}
		return err
	})
	c.Flags().StringVar(&a.rnsConfig, "rnsconfig", "", "Reticulum's configuration directory")
	c.Flags().BoolVar(&defaults, "default", false, "print groupd.toml with all keys and their defaults")
	return c
}

// check looks at everything. It changes nothing but the schema of an older database, and brings a restore to its end.
func (a *app) check(ctx context.Context) *checkResult {
	r := &checkResult{OK: true, Differences: []difference{}}
	st, answer := a.asked(ctx)
	dir, err := a.dataDir()
	if answer == nil && a.data == "" && a.getenv("GROUPD_DATA") == "" {
		dir, err = st.Data, nil // of the server that was found, such as the system's service
	}
	if err != nil {
		r.wrong("data", err)
		return r
	}
	if !r.files(dir) {
		return r
	}
	s, missing, err := readSettings(dir)
	switch {
	case err != nil:
		r.wrong(fileConfig, err)
	case missing:
		r.note(fileConfig, "there is none yet: the defaults hold", "groupd run makes it")
	default:
		r.ok(fileConfig, filepath.Join(dir, fileConfig))
	}
	running := a.checkRunning(ctx, r, s, answer)
	if !running && hasDatabase(dir) {
		a.checkDatabase(ctx, r, dir, s)
	}
	if answer == nil && a.rnsConfig == "" {
		a.rnsConfig = filepath.Dir(st.RNSConfig) // what it reads, however it was told to
	}
	a.checkNetwork(ctx, r, running)
	r.room(dir, s)
	if s != nil && s.Server.Listen != "" && !running {
		r.port(ctx, "listen", s.Server.Listen)
	}
	if now := time.Now(); now.Before(clockFloor()) {
		r.note("clock", fmt.Sprintf("it is the year %d here: the clock is not set yet; nothing expires until it is, and is confirmed", now.Year()), "set it; when date is right: groupd confirm-clock")
	}
	return r
}

// asked is what the running server says of itself, or why there is no answer.
func (a *app) asked(ctx context.Context) (st web.Status, err error) {
	err = a.call(ctx, "GET", "/status", nil, &st)
	return st, err
}

// files checks modes, and reports false when there can be no data in dir.
func (r *checkResult) files(dir string) bool {
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		r.note("data", dir+" does not exist yet", "groupd run makes it")
		return true
	} else if err != nil || !info.IsDir() {
		r.wrong("data", noFolder(dir, err))
		return false
	}
	if _, err := os.ReadDir(dir); err != nil {
		r.wrong("data", unwritable(dir, err))
		return false
	}
	good := true
	if path, uid, found := strangeOwner(dir); found {
		good = false
		owner, _ := ownerOf(dir)
		r.wrong("data", &failure{
			code: exitConfig, msg: fmt.Sprintf("%s belongs to %s, and the data directory to %s", path, userName(uid), userName(owner)),
			hint: fmt.Sprintf("sudo chown -R %s %s", userName(owner), dir),
		})
	}
	if f := (*failure)(nil); errors.As(checkPrivate(filepath.Join(dir, fileConfig)), &f) {
		r.note("data", f.msg, f.hint)
	}
	for _, name := range []string{"", fileDatabase, fileToken, fileClaim} {
		if err := checkPrivate(filepath.Join(dir, name)); err != nil {
			good = false
			r.wrong("data", err)
		}
	}
	if good {
		r.ok("data", dir)
	}
	return true
}

// room looks whether the disk is nearly full.
func (r *checkResult) room(dir string, s *settings) {
	if s == nil {
		return
	}
	if w, low := lowDisk(dir, s); low {
		r.note("disk", w.Text, w.Hint)
	}
}

// port tries to listen.
func (r *checkResult) port(ctx context.Context, what, address string) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		r.wrong("port", &failure{code: exitFailed, msg: fmt.Sprintf("%s: %v", what, err), hint: "another port, or end what listens there"})
		return
	}
	l.Close()
	r.ok("port", fmt.Sprintf("%s: %s is free", what, address))
}

// checkRunning asks the running server, if there is one.
func (a *app) checkRunning(ctx context.Context, r *checkResult, s *settings, err error) bool {
	var c web.Check
	if err == nil {
		err = a.call(ctx, "GET", "/check", nil, &c)
	}
	if errors.Is(err, errNotRunning) {
		r.note("server", "is not running", "groupd run")
		return false
	}
	if err != nil {
		r.wrong("server", err)
		return true
	}
	r.ok("server", "is running")
	r.groups(c, s)
	return true
}

// checkDatabase opens the database while no server uses it.
func (a *app) checkDatabase(ctx context.Context, r *checkResult, dir string, s *settings) {
	lock, err := lockDataDir(dir)
	if err != nil {
		r.wrong("database", err)
		return
	}
	defer lock.release()
	db, err := sqlite.Open(ctx, filepath.Join(dir, fileDatabase))
	if err != nil {
		r.wrong("database", notOpened(err, ""))
		return
	}
	defer db.Close()
	hub, err := group.New(group.Config{Store: db, NotBefore: clockFloor()})
	if err != nil {
		r.wrong("database", err)
		return
	}
	infos, err := hub.Groups(ctx, group.Caller{Local: true})
	if err != nil {
		r.wrong("database", err)
		return
	}
	var c web.Check
	for _, info := range infos {
		bad, err := hub.VerifyChain(ctx, info.Group)
		if err != nil {
			r.wrong("database", err)
			return
		}
		g := web.Group{
			ID: string(info.Group), Name: info.PublicName, PrivateName: info.PrivateName, Topic: info.Topic, Visibility: "private", Join: info.Joining.String(),
			Preset: info.Preset, Policy: info.Policy, Seq: uint64(info.Head.Seq),
		}
		if info.Public {
			g.Visibility = "public"
		}
		c.Groups = append(c.Groups, web.GroupCheck{Group: g, BadSeq: uint64(bad)})
	}
	removed, err := hub.RemovedGroups(ctx, group.Caller{Local: true})
	if err != nil {
		r.wrong("database", err)
		return
	}
	for _, g := range removed {
		out := web.RemovedGroup{ID: string(g.ID), Address: g.Address.String(), Removed: g.Removed}
		if !g.By.IsZero() {
			out.By = g.By.String()
		}
		c.Removed = append(c.Removed, out)
	}
	c.ClockUnsure = hub.ClockUnsure()
	r.ok("database", fmt.Sprintf("%s, %s", db.Path(), fileSize(db.Path())))
	r.groups(c, s)
}

// groups judges chains and clock, and compares with the file.
func (r *checkResult) groups(c web.Check, s *settings) {
	for _, g := range c.Groups {
		if g.BadSeq != 0 {
			r.wrong("chain", &failure{code: exitFailed, msg: fmt.Sprintf("%s: entry %d does not fit: the database was changed or is damaged", g.ID, g.BadSeq), hint: "groupd restore FILE"})
		} else {
			r.ok("chain", fmt.Sprintf("%s: %d entries", g.ID, g.Seq))
		}
		if s == nil {
			continue
		}
		for _, section := range s.Groups {
			if section.ID.string == g.ID {
				r.Differences = append(r.Differences, section.differences(g.Group)...)
			}
		}
	}
	for _, g := range c.Removed {
		if s != nil && slices.ContainsFunc(s.Groups, func(section groupSettings) bool { return section.ID.string == g.ID }) {
			by := "its owner"
			if g.By == "" {
				by = "the operator"
			}
			r.note(fileConfig, fmt.Sprintf("[[group]] %s was deleted by %s on %s, and is not made again", g.ID, by, g.Removed.Local().Format(minute)),
				"take the section out; or, for a new group with that id: groupd group create "+g.ID)
		}
	}
	if c.ClockUnsure {
		n := web.ClockUnsure(time.Now())
		r.note("clock", n.Text, n.Hint)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// clockFloor is before this program was made: a clock that says less is not set.
func clockFloor() time.Time { return time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC) }

// Version is the program's.
const Version = "0.1.0"

// Exit codes. More may come: what is not 0 is a failure.
const (
	exitOK         = 0
	exitFailed     = 1
	exitUsage      = 2
	exitConfig     = 3
	exitNotRunning = 4
	exitNotFound   = 5
	exitInterface  = 255 // as every Reticulum program with panic_on_interface_error
)

// stdio is what a run reads and writes.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// failure ends a verb: one line for people, a hint what to do, and the exit code.
type failure struct {
	code int
	msg  string
	hint string
}

func (f *failure) Error() string { return f.msg }

// failed makes a failure of code 1 from an error.
func failed(err error, hint string) error {
	return &failure{code: exitFailed, msg: err.Error(), hint: hint}
}

// hinted adds a hint to a failure that has none.
func hinted(err error, hint string) error {
	if f := (*failure)(nil); errors.As(err, &f) && f.hint == "" {
		return &failure{code: f.code, msg: f.msg, hint: hint}
	}
	return err
}

// unknown is hinted for somebody or something that is not there, and for nothing else.
func unknown(err error, hint string) error {
	if f := (*failure)(nil); errors.As(err, &f) && f.code == exitNotFound {
		return hinted(err, hint)
	}
	return err
}

func usage(format string, args ...any) error {
	return &failure{code: exitUsage, msg: fmt.Sprintf(format, args...), hint: "groupd help"}
}

// errSilent ends a verb that has told on its own what is wrong.
var errSilent = errors.New("told already")

// app is one run of the command: its surroundings and the flags that all verbs share.
type app struct {
	env []string
	stdio

	data, rnsConfig, socket, group string
	json, yes                      bool
}

// run is the whole program but for os.Exit. env is as in os.Environ.
func run(ctx context.Context, args, env []string, io stdio) int {
	a := &app{env: env, stdio: io}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	err := root.ExecuteContext(ctx)
	var f *failure
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSilent):
		return exitFailed
	case !errors.As(err, &f):
		f = &failure{code: exitFailed, msg: err.Error()}
	}
	fmt.Fprintf(io.err, "groupd: %s\n", strings.ReplaceAll(f.msg, "\n", "\ngroupd: "))
	if f.hint != "" {
		fmt.Fprintf(io.err, "   try: %s\n", f.hint)
	}
	return f.code
}

// root builds the tree of verbs.
func (a *app) root() *cobra.Command {
	root := a.verb("groupd", "Group chat over Reticulum", nil, func(c *cobra.Command, args []string) error { return a.status(c.Context(), true) })
	root.Long = "groupd serves group chats on a Reticulum network. `groupd run` serves; the other verbs talk to the server that runs.\n" +
		"Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration, 4 server not running, 5 not found, 255 an interface failed (panic_on_interface_error)."
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &failure{code: exitUsage, msg: flagError(err), hint: c.CommandPath() + " --help"}
	})
	flags := root.PersistentFlags()
	flags.StringVar(&a.data, "data", "", "data directory (else $GROUPD_DATA, $XDG_DATA_HOME/groupd, ~/.local/share/groupd)")
	flags.StringVar(&a.socket, "socket", "", "the server's Unix socket (else $GROUPD_SOCKET, groupd.sock in the data directory)")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	flags.BoolVarP(&a.yes, "yes", "y", false, "do not ask")
	root.AddCommand(
		a.runVerb(), a.initVerb(), a.checkVerb(), a.statusVerb(), a.versionVerb(), a.claimVerb(),
		a.backupVerb(), a.restoreVerb(), a.exportVerb(), a.importVerb(),
		a.groupVerb(), a.memberVerb(), a.requestVerb(), a.inviteVerb(), a.postVerb(), a.announceVerb(), a.interfacesVerb(), a.pathVerb(), a.probeVerb(),
		a.identityVerb(), a.tokenVerb(), a.confirmClockVerb(),
	)
	root.AddCommand(a.platformVerbs()...)
	root.SetHelpCommand(a.helpVerb(root))
	return root
}

// helpVerb is help, which knows what it does not know.
func (a *app) helpVerb(root *cobra.Command) *cobra.Command {
	return a.verb("help [VERB …]", "all verbs, or all about one", cobra.ArbitraryArgs, func(c *cobra.Command, args []string) error {
		found, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return noVerb(found, rest[0])
		}
		found.InitDefaultHelpFlag()
		return found.Help()
	})
}

// noVerb refuses a word that is no verb below c, and names the nearest one.
func noVerb(c *cobra.Command, word string) error {
	f := &failure{code: exitUsage, msg: fmt.Sprintf("there is no verb %q", word), hint: "groupd help"}
	if c.HasParent() {
		f.msg, f.hint = fmt.Sprintf("there is no %s %s", c.CommandPath(), word), c.CommandPath()+" --help"
	}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(word); len(near) > 0 {
		f.hint = c.CommandPath() + " " + near[0]
	}
	return f
}

// flagError is what is wrong with a flag, without the words of Go's number parser.
func flagError(err error) string {
	if bad := (*pflag.InvalidValueError)(nil); errors.As(err, &bad) {
		what := map[string]string{"int": "whole number", "uint": "whole number, 0 or more", "float64": "number", "duration": "duration such as 10s or 1m"}[bad.GetFlag().Value.Type()]
		if what != "" {
			return fmt.Sprintf("invalid argument: --%s: %q is no %s", bad.GetFlag().Name, bad.GetValue(), what)
		}
	}
	return err.Error()
}

// verb makes a command; args checks its arguments, nil: it takes none.
func (a *app) verb(use, short string, args cobra.PositionalArgs, f func(*cobra.Command, []string) error) *cobra.Command {
	if args == nil {
		args = exactly()
	}
	return &cobra.Command{Use: use, Short: short, Args: args, RunE: f, DisableFlagsInUseLine: true}
}

// noun makes a command that only holds others.
func (a *app) noun(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := a.verb(use, short, func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return noVerb(c, args[0])
		}
		return nil
	}, func(c *cobra.Command, args []string) error { return c.Help() })
	c.AddCommand(verbs...)
	return c
}

// exactly wants one argument for each name; a name that ends in "?" may be left out.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > len(names) {
			if c.HasParent() {
				return &failure{code: exitUsage, msg: fmt.Sprintf("%s: what is %q?", c.CommandPath(), args[len(names)]), hint: c.CommandPath() + " --help"}
			}
			return noVerb(c, args[0])
		}
		for _, name := range names[len(args):] {
			if !strings.HasSuffix(name, "?") {
				return &failure{code: exitUsage, msg: fmt.Sprintf("%s: %s is missing", c.CommandPath(), name), hint: c.CommandPath() + " --help"}
			}
		}
		return nil
	}
}

// getenv reads a variable of this run.
func (a *app) getenv(name string) string {
	for i := len(a.env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(a.env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// print writes a value as JSON, or what text makes of it.
func (a *app) print(v any, text func(w io.Writer)) error {
	if !a.json {
		text(a.out)
		return nil
	}
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// empty tells people that a list has nothing in it, beside what programs read.
func (a *app) empty(n int, text string) {
	if n == 0 {
		fmt.Fprintln(a.err, text)
	}
}

// terminal reports whether the output goes to a person, and how wide the page is.
func (a *app) terminal() (width int, ok bool) {
	f, isFile := a.out.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 80
	}
	return width, true
}

// confirm asks before something is done that cannot be undone.
func (a *app) confirm(question string) error {
	if a.yes {
		return nil
	}
	answer, err := a.ask(question+" [y/N]", "n")
	if err != nil {
		return err
	}
	if l := strings.ToLower(answer); l != "y" && l != "yes" {
		return &failure{code: exitFailed, msg: "not done", hint: "--yes does it without asking"}
	}
	return nil
}

// ask puts a question on stderr and reads one line. An empty line, or no input at all, is the usual answer.
func (a *app) ask(question, usual string) (string, error) {
	fmt.Fprintf(a.err, "%s ", question)
	line, err := readLine(a.in)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", failed(err, "")
	}
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(a.err)
	}
	if line = strings.TrimSpace(line); line == "" {
		return usual, nil
	}
	return line, nil
}

// readLine reads up to a line's end, byte by byte, so that the next question gets the next line.
func readLine(r io.Reader) (string, error) {
	const most = 1024
	var line []byte
	b := make([]byte, 1)
	for len(line) < most {
		n, err := r.Read(b)
		if n == 1 {
			if b[0] == '\n' {
				return string(line), nil
			}
			line = append(line, b[0])
		}
		if err != nil {
			return string(line), err
		}
	}
	return "", errors.New("the answer is too long")
}

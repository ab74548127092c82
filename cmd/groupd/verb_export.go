package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"groupd/group"
	"groupd/internal/durable"
)

// exportResult is what export --json prints.
type exportResult struct {
	To       string `json:"to"` // a file, or a folder of texts
	Bytes    int64  `json:"bytes"`
	Days     int    `json:"days,omitempty"` // files of text
	Identity bool   `json:"identity,omitempty"`
}

// exportFlags are those of export.
type exportFlags struct {
	format   string
	to       string
	identity bool
	bare     bool
}

func (a *app) exportVerb() *cobra.Command {
	var in exportFlags
	c := a.verb("export", "write a group to a file, while the server runs or not", nil, func(c *cobra.Command, args []string) error {
		switch {
		case in.format != "jsonl" && in.format != "text":
			return usage("--format: jsonl or text")
		case in.format == "text" && (in.identity || in.bare):
			return usage("--identity and --no-attachments are for --format jsonl")
		case in.format == "text" && in.to == "-":
			return usage("--to: text is a folder with a file for each day")
		}
		r, err := a.export(c.Context(), in)
		if err != nil || in.to == "-" {
			return err
		}
		return a.print(r, func(w io.Writer) {
			if r.Days > 0 || in.format == "text" {
				fmt.Fprintf(w, "wrote %s into %s, %s\n", counted(r.Days, "day"), r.To, bytesOf(r.Bytes))
				return
			}
			fmt.Fprintf(w, "wrote %s, %s. It holds all that members wrote: keep it where nobody else reads it.\n", r.To, bytesOf(r.Bytes))
			if r.Identity {
				fmt.Fprintln(w, "It holds the group's private key: whoever has the file can be the group.")
			}
		})
	})
	c.Long = "export writes one group as it is now: as lines of JSON that import makes the same group of (timeline with its chain, members, settings, invites,\n" +
		"bans, log, attachments), or as text for people, a file per day. What was deleted does not come out. The group's private key comes out with --identity\n" +
		"alone. docs/operations.md describes the format."
	c.Flags().StringVar(&in.format, "format", "jsonl", "jsonl or text")
	c.Flags().StringVar(&in.to, "to", "", "the file (- is stdout), or the folder of texts (else named after the group, here)")
	c.Flags().BoolVar(&in.identity, "identity", false, "with the group's private key, to move the group to another machine")
	c.Flags().BoolVar(&in.bare, "no-attachments", false, "attachments by name alone, without what is in them")
	return a.inGroup(c)
}

// export asks where needed, and writes.
func (a *app) export(ctx context.Context, in exportFlags) (r exportResult, err error) {
	if err := in.place(); err != nil {
		return r, err
	}
	if in.identity {
		if err := a.confirm("The file will hold the group's private key: whoever has it can be the group. Go on?"); err != nil {
			return r, err
		}
	}
	source, done, err := a.exportSource(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, done()) }()
	r.To, r.Identity = in.to, in.identity
	if r.To == "" {
		r.To = fmt.Sprintf("%s-%s", source.group, time.Now().Format("20060102"))
		if in.format == "jsonl" {
			r.To += ".jsonl"
		}
		in.to = r.To
		if err := in.place(); err != nil {
			return r, err
		}
	}
	if in.to == "-" {
		return r, in.notWritten("stdout", source.lines(ctx, in, a.out))
	}
	if exists(r.To) {
		question := " exists. Replace it?"
		if in.format == "text" {
			question = " exists. Replace the days that are in it?"
		}
		if err := a.confirm(r.To + question); err != nil {
			return r, err
		}
	}
	ctx, end := interruptible(ctx)
	defer end()
	if in.format == "text" {
		err = r.writeDays(ctx, source)
	} else {
		file := r.To
		if target, err := filepath.EvalSymlinks(file); err == nil {
			file = target // not the link itself, which may be one of the system's
		}
		err = durable.Replace(file, "", func(w io.Writer) error {
			counting := &counter{w: w}
			err := source.lines(ctx, in, counting)
			r.Bytes = counting.n
			return errors.Join(counting.err, err)
		})
	}
	switch {
	case err != nil && ctx.Err() != nil && in.format == "text":
		return r, &failure{code: exitFailed, msg: "interrupted: some days may be missing in " + r.To}
	case err != nil && ctx.Err() != nil:
		return r, &failure{code: exitFailed, msg: "interrupted: nothing was written"}
	}
	return r, in.notWritten(r.To, err)
}

// place refuses what can not be the place of an export, before anything is asked or begun.
func (in exportFlags) place() error {
	if in.to == "" || in.to == "-" {
		return nil
	}
	info, err := os.Stat(in.to)
	switch {
	case err == nil && in.format == "text" && !info.IsDir():
		return usage("--to: %s is no folder: text is a folder with a file for each day", in.to)
	case err == nil && in.format != "text" && info.IsDir():
		return usage("--to: %s is a folder: say the name of a file in it", in.to)
	case err == nil && in.format != "text" && !info.Mode().IsRegular():
		return usage("--to: %s is no file that could be replaced: --to - writes to stdout", in.to)
	case err == nil:
		return nil
	}
	if in.format == "text" {
		return nil // makes the folder
	}
	return noFolderFor(in.to)
}

// notWritten says why there is no export; nil: there is one.
func (in exportFlags) notWritten(to string, err error) error {
	var f *failure
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		left := "nothing of it is left there"
		if in.format == "text" || in.to == "-" {
			left = "what is there is not whole"
		}
		return &failure{code: exitFailed, msg: fmt.Sprintf("no room for %s: the disk is full, and %s", to, left), hint: "--to another disk"}
	case errors.Is(err, fs.ErrPermission):
		return &failure{code: exitFailed, msg: "no permission to write " + to}
	case errors.As(err, &f):
		return f
	}
	return failed(errors.New(textOf(err)), "")
}

// counter counts what passes.
type counter struct {
	w   io.Writer
	n   int64
	err error // of what is written to
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n, c.err = c.n+int64(n), err
	return n, err
}

// writeDays writes the text of each day into a folder.
func (r *exportResult) writeDays(ctx context.Context, source exportSource) error {
	if err := os.MkdirAll(r.To, modeFolder); err != nil {
		return err
	}
	return source.days(ctx, func(name string, text io.Reader) error {
		r.Days++
		return durable.Replace(filepath.Join(r.To, name), "", func(w io.Writer) error {
			n, err := io.Copy(w, text)
			r.Bytes += n
			return err
		})
	})
}

// exportSource is a running server, or a data directory at rest.
type exportSource struct {
	group group.GroupID
	lines func(ctx context.Context, in exportFlags, w io.Writer) error
	days  func(ctx context.Context, each func(name string, text io.Reader) error) error
}

func (a *app) exportSource(ctx context.Context) (s exportSource, done func() error, err error) {
	path, err := a.groupPath(ctx)
	if errors.Is(err, errNotRunning) {
		return a.exportAtRest(ctx)
	}
	if err != nil {
		return s, nil, err
	}
	cl, err := a.client()
	if err != nil {
		return s, nil, err
	}
	var shown struct {
		ID group.GroupID `json:"id"`
	}
	if err := cl.do(ctx, "GET", path, nil, &shown); errors.Is(err, errNotRunning) { // with --group it is not known before
		return a.exportAtRest(ctx)
	} else if err != nil {
		return s, nil, hinted(err, "groupd group list")
	}
	s.group = shown.ID
	s.lines = func(ctx context.Context, in exportFlags, w io.Writer) error {
		q := url.Values{}
		if in.identity {
			q.Set("identity", "1")
		}
		if in.bare {
			q.Set("contents", "0")
		}
		answer, err := cl.open(ctx, "GET", path+"/export?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if _, err := io.Copy(w, answer.Body); err != nil {
			return failed(fmt.Errorf("the export did not come whole: %w", err), "see the server's log")
		}
		return nil
	}
	s.days = func(ctx context.Context, each func(string, io.Reader) error) error {
		answer, err := cl.open(ctx, "GET", path+"/export?format=text", nil)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		_, params, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
		if err != nil {
			return failed(fmt.Errorf("the server's answer: %w", err), "")
		}
		return eachDay(multipart.NewReader(answer.Body, params["boundary"]), each)
	}
	return s, func() error { return nil }, nil
}

// dayFile is what the text of a day may be called.
const dayFile = `^[0-9]{4}-[0-9]{2}-[0-9]{2}\.txt$`

func eachDay(parts *multipart.Reader, each func(string, io.Reader) error) error {
	named := regexp.MustCompile(dayFile)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && !named.MatchString(part.FileName()) {
			err = fmt.Errorf("a part called %q", part.FileName())
		}
		if err != nil {
			return failed(fmt.Errorf("the export did not come whole: %w", err), "see the server's log")
		}
		if err := each(part.FileName(), part); err != nil {
			return err
		}
	}
}

func (a *app) exportAtRest(ctx context.Context) (s exportSource, done func() error, err error) {
	t, done, err := a.atRest(ctx, false)
	if err != nil {
		return s, nil, err
	}
	if s.group, err = a.restingGroup(ctx, t); err != nil {
		return s, nil, errors.Join(err, done())
	}
	s.lines = func(ctx context.Context, in exportFlags, w io.Writer) error {
		_, err := t.export(ctx, s.group, group.ExportInput{Identity: in.identity, NoContents: in.bare}, w)
		return err
	}
	s.days = func(ctx context.Context, each func(string, io.Reader) error) error {
		// The text of a day goes through a pipe to what writes its file.
		var w *io.PipeWriter
		var written chan error
		end := func(why error) error {
			if w == nil {
				return nil
			}
			w.CloseWithError(why)
			return <-written
		}
		_, err := t.hub.ExportText(ctx, group.Caller{Local: true}, s.group, func(day string) (io.Writer, error) {
			if err := end(nil); err != nil {
				w = nil
				return nil, err
			}
			var r *io.PipeReader
			r, w = io.Pipe()
			written = make(chan error, 1)
			go func(done chan error) {
				err := each(day+".txt", r)
				r.CloseWithError(err)
				done <- err
			}(written)
			return w, nil
		})
		return errors.Join(err, end(err))
	}
	return s, done, nil
}

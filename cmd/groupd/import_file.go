package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"

	"groupd/group"
)

const (
	importBegins  = 4096     // bytes of a file by which it is told what it is
	maxImportList = 16 << 20 // bytes of a list of another server's members

	exportBegins  = `{"kind":"groupd export"`
	byteOrderMark = "\ufeff"
	writeAnew     = "groupd export writes it anew, where the group is"
)

// importFile is what is to be imported: a file, or what came through a pipe, kept in a file that has no name any more.
type importFile struct {
	*os.File
	name string // for people
	head []byte
}

// openImport opens a file; - is what comes by stdin.
func (a *app) openImport(path string) (*importFile, error) {
	in := &importFile{name: path}
	if path == "-" {
		in.name = "what came by stdin"
		return in, in.spool(a.in)
	}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &failure{code: exitNotFound, msg: "there is no file " + path}
	case errors.Is(err, fs.ErrPermission):
		return nil, &failure{code: exitFailed, msg: "no permission to read " + path}
	case err != nil:
		return nil, failed(err, "")
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, failed(errors.Join(err, f.Close()), "")
	case info.IsDir():
		f.Close()
		return nil, &failure{code: exitUsage, msg: path + " is a folder: name the file of an export, or of a list of members"}
	case !info.Mode().IsRegular():
		defer f.Close()
		return in, in.spool(f)
	}
	in.File = f
	return in, in.begins()
}

// spool keeps what can be read but once, because it is read twice: to be checked, and to be imported.
func (in *importFile) spool(r io.Reader) error {
	f, err := os.CreateTemp("", "groupd-import-*") // mode 0600
	if err != nil {
		return failed(err, "TMPDIR=/a/folder/with/room groupd import …")
	}
	in.File = f
	err = os.Remove(f.Name())
	if err == nil {
		_, err = io.Copy(f, r)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return failed(fmt.Errorf("%s could not be kept until it is imported: %w", in.name, err), "TMPDIR=/a/folder/with/room groupd import …")
	}
	return in.begins()
}

// begins reads the beginning.
func (in *importFile) begins() error {
	in.head = make([]byte, importBegins)
	n, err := in.ReadAt(in.head, 0)
	if in.head = in.head[:n]; err != nil && !errors.Is(err, io.EOF) {
		in.Close()
		return failed(fmt.Errorf("%s: %w", in.name, err), "")
	}
	return nil
}

// isExport reports whether it begins as an export does, whole or not.
func (in *importFile) isExport() bool {
	line, _, _ := bytes.Cut(in.head, []byte("\n"))
	var head struct{ Kind *string }
	if json.Unmarshal(line, &head) == nil && head.Kind != nil {
		return true
	}
	return bytes.HasPrefix(in.head, []byte(exportBegins))
}

// other says what it is, and what to do, when it is something else that people have at hand; nil: not known.
func (in *importFile) other() error {
	is := func(what, hint string) error {
		return &failure{code: exitFailed, msg: in.name + " is " + what, hint: hint}
	}
	switch {
	case len(in.head) == 0:
		return is("empty", "groupd export writes a group")
	case bytes.HasPrefix(in.head, []byte(byteOrderMark+exportBegins)):
		return is("an export that an editor has changed: it begins with a byte order mark", writeAnew)
	case bytes.HasPrefix(in.head, []byte("SQLite format 3\x00")):
		return is("a backup, or a database: all of a server, which import does not take", "groupd restore "+in.name)
	case regexp.MustCompile(textOfDay).Match(in.head):
		return is("an export as text, for people: there is no way back", "groupd export --format jsonl")
	}
	for _, packed := range []struct{ magic, name, hint string }{
		{"\x1f\x8b", "gzip", "gzip -dc %s | groupd import -"}, {"\xfd7zXZ\x00", "xz", "xz -dc %s | groupd import -"}, {"\x28\xb5\x2f\xfd", "zstd", "zstd -dc %s | groupd import -"},
		{"BZh", "bzip2", "bzip2 -dc %s | groupd import -"}, {"PK\x03\x04", "zip", "unzip -p %s | groupd import -"},
	} {
		if bytes.HasPrefix(in.head, []byte(packed.magic)) {
			return is("packed with "+packed.name, fmt.Sprintf(packed.hint, in.name))
		}
	}
	return nil
}

// textOfDay is the first line of an export as text.
const textOfDay = `^# [^\n]+, [0-9]{4}-[0-9]{2}-[0-9]{2} \(UTC\)\n`

// members reads a list of another server's members; what is none is told before any server is asked.
func (in *importFile) members(format string) (group.ForeignList, error) {
	if err := in.other(); err != nil {
		return group.ForeignList{}, err
	}
	list, err := group.ParseMembers(bufio.NewReader(io.LimitReader(in, maxImportList+1)), format)
	if info, failed := in.Stat(); failed == nil && info.Size() > maxImportList {
		return list, &failure{code: exitFailed, msg: fmt.Sprintf("%s is no export of groupd, and too large for a list of members: more than %s", in.name, bytesOf(maxImportList))}
	}
	var e *group.Error
	switch {
	case err == nil:
		_, err = in.Seek(0, io.SeekStart)
		return list, err
	case format == "" && errors.As(err, &e) && e.Kind == group.KindInvalid:
		f := &failure{code: exitFailed, hint: "groupd import --help"}
		f.msg = fmt.Sprintf("%s is no export of groupd, and no list of members of another group server (%s, %s)", in.name, group.FormatFwdsvc, group.FormatDistribution)
		return list, f
	}
	return list, &failure{code: exitFailed, msg: in.name + ": " + textOf(err), hint: "groupd import --help"}
}

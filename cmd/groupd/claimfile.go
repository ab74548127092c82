package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"groupd/api/web"
	"groupd/group"
)

// The file with owner's codes that no terminal could show has a line for each: group, address, code. A code goes out of it when it is no
// good any more, and the file with the last one.

// pruneClaimFile takes out codes of groups that have an owner by now, or are gone.
func (n *node) pruneClaimFile(ctx context.Context) {
	if !exists(filepath.Join(n.dir, fileClaim)) {
		return
	}
	infos, err := n.hub.Groups(ctx, group.Caller{Local: true})
	if err != nil {
		return
	}
	n.changeClaimFile(func(line string) bool {
		return slices.ContainsFunc(infos, func(info group.Info) bool { return !info.Owned && isCodeOf(line, info.Group, info.Address.String()) })
	})
}

// isCodeOf reports whether a line of the file is of this group; one without the address is of any with that id.
func isCodeOf(line string, id group.GroupID, address string) bool {
	f := strings.Fields(line)
	return len(f) == 3 && f[0] == string(id) && (address == "" || f[1] == address)
}

// changeClaimFile keeps some of its lines, and is quiet about a file that is not there.
func (n *node) changeClaimFile(keep func(line string) bool) {
	n.claims.Lock()
	defer n.claims.Unlock()
	path := filepath.Join(n.dir, fileClaim)
	had, err := readCodes(path)
	if err == nil {
		kept := slices.DeleteFunc(slices.Clone(had), func(line string) bool { return !keep(line) })
		switch {
		case len(kept) == len(had):
		case len(kept) == 0:
			err = os.Remove(path)
		default:
			err = writeCodes(path, kept)
		}
	}
	if err != nil {
		n.log.own.Warn("used codes not removed", "path", path, "err", err)
	}
}

// addToClaimFile writes codes that were just made beside those that are good still.
func (n *node) addToClaimFile(codes []string) error {
	n.claims.Lock()
	defer n.claims.Unlock()
	path := filepath.Join(n.dir, fileClaim)
	had, err := readCodes(path)
	if err != nil {
		return err
	}
	return writeCodes(path, append(had, codes...))
}

func readCodes(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' }), err
}

func writeCodes(path string, lines []string) error {
	return writePrivate(path, []byte(strings.Join(lines, "\n")+"\n"))
}

// operated is the Hub of the admin API. An owner's code that the API makes ends those made before, in the file too.
type operated struct {
	web.Hub
	n *node
}

// NewClaimCode implements web.Hub.
func (o operated) NewClaimCode(ctx context.Context, c group.Caller, g group.GroupID) (group.ClaimCodeIssued, error) {
	code, err := o.Hub.NewClaimCode(ctx, c, g)
	if err == nil {
		o.n.changeClaimFile(func(line string) bool { return !isCodeOf(line, g, "") })
	}
	return code, err
}

// SetOwner implements web.Hub.
func (o operated) SetOwner(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash) (group.Change, error) {
	change, err := o.Hub.SetOwner(ctx, c, g, who)
	if err == nil {
		o.n.pruneClaimFile(ctx)
	}
	return change, err
}

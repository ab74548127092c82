package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/requests"
	"groupd/configs"
	"groupd/db/blobs"
	"groupd/db/sqlite"
	"groupd/group"
	"groupd/internal/durable"
	"groupd/lxmf"
	"groupd/rns"
)

// backupResult is what backup --json prints.
type backupResult struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func (a *app) backupVerb() *cobra.Command {
	c := a.verb("backup FILE", "write a copy of everything, while the server runs or not", exactly("FILE"), func(c *cobra.Command, args []string) error {
		path := args[0]
		if err := a.mayReplace(path); err != nil {
			return err
		}
		if err := a.backup(c.Context(), path); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return failed(err, "")
		}
		return a.print(backupResult{File: path, Bytes: info.Size()}, func(w io.Writer) {
			fmt.Fprintf(w, "wrote %s, %s. It holds the groups' private keys: keep it where nobody else reads it.\n", path, bytesOf(info.Size()))
		})
	})
	c.Long = "backup writes a consistent copy of the database: timeline, members, settings, the groups' identities and ratchets; and of\n" +
		"the attachments, in the same file. groupd.toml and Reticulum's configuration are not in it."
	return c
}

// backup takes the copy through the running server, or from the file when none runs.
func (a *app) backup(ctx context.Context, path string) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	answer, err := cl.open(ctx, "GET", "/backup", nil)
	switch {
	case errors.Is(err, errNotRunning):
		return a.backupAtRest(ctx, path)
	case err != nil && strings.Contains(err.Error(), noRoomText):
		return hinted(err, "make room there; or stop the server and do this again: then the copy is made in place")
	case err != nil:
		return err
	}
	defer answer.Body.Close()
	err = durable.Replace(path, "", func(w io.Writer) error {
		n, err := io.Copy(w, answer.Body)
		if err == nil && n != answer.ContentLength {
			err = fmt.Errorf("%d of %d bytes came", n, answer.ContentLength)
		}
		return err
	})
	if err != nil {
		return notBackedUp(path, err)
	}
	return nil
}

// notBackedUp says why there is no backup.
func notBackedUp(path string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, group.ErrNoSpace) {
		return failed(fmt.Errorf("no room for %s: the disk is full, and nothing of it is left there", path), "groupd backup to another disk")
	}
	return failed(fmt.Errorf("backup: %w", err), "")
}

func (a *app) backupAtRest(ctx context.Context, path string) error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	if !hasDatabase(dir) {
		return &failure{code: exitNotFound, msg: "there is no database in " + dir, hint: "--data DIR"}
	}
	lock, err := lockDataDir(dir)
	if err != nil {
		return err
	}
	defer lock.release()
	db, err := sqlite.Open(ctx, filepath.Join(dir, fileDatabase))
	if err != nil {
		return notOpened(err, "groupd check")
	}
	partial := fmt.Sprintf("%s.partial-%d", path, os.Getpid())
	err = db.Backup(ctx, partial)
	if err == nil {
		var contents *blobs.Dir
		if contents, err = blobs.Open(filepath.Join(dir, folderFiles), blobs.Options{}); err == nil {
			err = sqlite.AddContents(ctx, partial, contents, -1)
		}
	}
	if err == nil {
		err = durable.Rename(partial, path)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		os.Remove(partial)
		return notBackedUp(path, err)
	}
	if err := writePrivate(filepath.Join(dir, fileBackup), nil); err != nil {
		return failed(err, "")
	}
	return nil
}

// restoreResult is what restore --json prints.
type restoreResult struct {
	Data       string          `json:"data"`
	Generation string          `json:"generation"`
	Groups     []restoredGroup `json:"groups"`
	Missing    int             `json:"attachments_missing,omitempty"` // attachments that are not in the backup
	KeptAside  string          `json:"kept_aside,omitempty"`          // what the database that was there is called now
}

type restoredGroup struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Members int    `json:"members"`
	Seq     uint64 `json:"seq"`
}

func (a *app) restoreVerb() *cobra.Command {
	c := a.verb("restore FILE", "put a backup in place of the database", exactly("FILE"), func(c *cobra.Command, args []string) error {
		r, err := a.restore(c.Context(), args[0])
		if err != nil {
			return err
		}
		return a.print(r, func(w io.Writer) {
			for _, g := range r.Groups {
				fmt.Fprintf(w, "restored %s   %s   %s, entries up to %d, chain verified\n", g.Name, g.Address, counted(g.Members, "member"), g.Seq)
			}
			fmt.Fprintf(w, "new generation %s\n", r.Generation)
			if r.Missing > 0 {
				fmt.Fprintf(w, "attachments that are not in the backup: %d\n", r.Missing)
			}
			if r.KeptAside != "" {
				fmt.Fprintf(w, "the database that was here is now %s\n", r.KeptAside)
			}
			fmt.Fprintln(w, "Make sure that no other machine serves these groups, then: groupd run")
		})
	})
	c.Long = "restore checks a backup, verifies the chain of every group, gives the database a new generation, so that members' clients look\n" +
		"for the point where the histories part, and puts it in place. A database that is there is kept aside. The server must not run."
	return c
}

func (a *app) restore(ctx context.Context, file string) (r restoreResult, err error) {
	dir, err := a.dataDir()
	if err != nil {
		return r, err
	}
	if err := makeDataDir(dir); err != nil {
		return r, err
	}
	lock, err := lockDataDir(dir)
	if err != nil {
		return r, err
	}
	defer lock.release()
	work, err := os.MkdirTemp(dir, ".restore-*")
	if err != nil {
		return r, failed(err, "")
	}
	defer os.RemoveAll(work)
	database := filepath.Join(work, fileDatabase)
	if err := copyDatabase(file, database); err != nil {
		return r, err
	}
	if r, err = prepareRestored(ctx, database, file); err != nil {
		return r, err
	}
	r.Data = dir
	fresh := filepath.Join(work, folderFiles)
	contents, err := blobs.Open(fresh, blobs.Options{})
	if err != nil {
		return r, failed(err, "")
	}
	if r.Missing, err = sqlite.TakeContents(ctx, database, contents); err != nil {
		return r, failed(err, "is the disk full?")
	}
	current, when := filepath.Join(dir, fileDatabase), restoreTime(dir, time.Now())
	if exists(current) {
		if err := a.confirm("There is a database in " + dir + ". Replace it (it is kept aside)?"); err != nil {
			return r, err
		}
		r.KeptAside = asideOf(current, when)
	}
	if path := filepath.Join(dir, fileConfig); !exists(path) {
		if err := writePrivate(path, configs.Groupd); err != nil {
			return r, failed(err, "")
		}
	}
	if err := errors.Join(durable.SyncFolder(work), durable.Rename(work, filepath.Join(dir, folderRestored+when))); err != nil {
		return r, failed(err, "")
	}
	if err := finishRestore(dir); err != nil {
		return r, err
	}
	return r, nil
}

// copyDatabase copies a backup, so that it stays as it is.
func copyDatabase(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return &failure{code: exitNotFound, msg: err.Error()}
	}
	defer in.Close()
	head := make([]byte, 16)
	if _, err := io.ReadFull(in, head); err != nil || !bytes.Equal(head, []byte("SQLite format 3\x00")) {
		return &failure{code: exitFailed, msg: from + " is no backup of groupd"}
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return failed(err, "")
	}
	if err := durable.Replace(to, "", func(w io.Writer) error { _, err := io.Copy(w, in); return err }); err != nil {
		return failed(err, "is the disk full?")
	}
	return nil
}

// prepareRestored opens the copy, checks it and gives it a new generation.
func prepareRestored(ctx context.Context, path, named string) (r restoreResult, err error) {
	broken := func(err error) error {
		return &failure{code: exitFailed, msg: fmt.Sprintf("%s cannot be restored: %v", named, err), hint: "an older backup"}
	}
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return r, broken(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	hub, err := group.New(group.Config{Store: db})
	if err != nil {
		return r, broken(err)
	}
	infos, err := hub.Groups(ctx, group.Caller{Local: true})
	if err != nil {
		return r, broken(err)
	}
	if len(infos) == 0 {
		return r, broken(errors.New("no group is in it"))
	}
	for _, info := range infos {
		bad, err := hub.VerifyChain(ctx, info.Group)
		if err != nil {
			return r, broken(err)
		}
		if bad != 0 {
			return r, broken(fmt.Errorf("the chain of %s does not fit from entry %d on", info.Group, bad))
		}
		r.Groups = append(r.Groups, restoredGroup{
			ID: string(info.Group), Name: info.PublicName, Address: info.Address.String(), Members: info.Members, Seq: uint64(info.Head.Seq),
		})
	}
	if err := noteAnnounces(ctx, db, infos, time.Now()); err != nil {
		return r, broken(err)
	}
	g, err := hub.RenewGeneration(ctx)
	if err != nil {
		return r, broken(err)
	}
	r.Generation = fmt.Sprintf("%016x", uint64(g))
	return r, nil
}

// noteAnnounces notes that the groups announced themselves up to a moment: announces made between the backup and now are no sign of another
// server.
func noteAnnounces(ctx context.Context, db *sqlite.DB, infos []group.Info, now time.Time) error {
	store := db.RNSStore(nil)
	for _, info := range infos {
		id := rns.IdentityHash(info.Identity)
		for _, name := range [][2]string{{lxmf.AppName, lxmf.DeliveryAspect}, {requests.App, requests.Aspect}} {
			d := rns.HashDestination(&id, name[0], name[1])
			last, err := store.LastAnnounced(ctx, d)
			if err == nil && last.Before(now) {
				err = store.SaveLastAnnounced(ctx, d, now)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

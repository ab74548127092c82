package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"groupd/db/sqlite"
	"groupd/internal/durable"
)

// Files in the data directory.
const (
	fileConfig    = "groupd.toml"
	fileDatabase  = "groupd.db"
	fileSocket    = "groupd.sock"
	fileLock      = "lock"
	fileClaim     = "claim-code"  // owner's codes that no terminal could show
	fileToken     = "token"       // SHA-256 of the token of the API on TCP
	fileBackup    = "last-backup" // its time of change says when the last backup was taken
	folderRNS     = "reticulum"   // rns/filestore
	folderFiles   = "attachments" // db/blobs
	folderSpool   = "spool"       // lxmf/filespool
	serviceSock   = "/run/groupd/groupd.sock"
	systemRNS     = "/etc/reticulum"
	modePrivate   = fs.FileMode(0o600)
	modeFolder    = fs.FileMode(0o700)
	modeStrangers = fs.FileMode(0o077)
)

// dataDir is the data directory. It need not exist.
func (a *app) dataDir() (string, error) {
	dir := a.data
	for _, v := range []struct{ name, below string }{{"GROUPD_DATA", ""}, {"XDG_DATA_HOME", "groupd"}, {"HOME", ".local/share/groupd"}} {
		if value := a.getenv(v.name); dir == "" && value != "" {
			dir = filepath.Join(value, v.below)
		}
	}
	if dir == "" {
		return "", &failure{code: exitConfig, msg: "no data directory: neither GROUPD_DATA nor HOME is set", hint: "--data DIR"}
	}
	return filepath.Abs(dir)
}

// rnsConfigDir is Reticulum's configuration directory: what was said, else the first of the usual ones that has a configuration, as for
// every Reticulum program (spec 3 §5.1).
func (a *app) rnsConfigDir() (string, error) {
	dir := a.rnsConfig
	if dir == "" {
		dir = a.getenv("GROUPD_RNSCONFIG")
	}
	if dir == "" {
		dir = usualRNSConfig(systemRNS, a.getenv("HOME"))
	}
	if dir == "" {
		return "", &failure{code: exitConfig, msg: "no Reticulum configuration: HOME is not set", hint: "--rnsconfig DIR"}
	}
	return filepath.Abs(dir)
}

// usualRNSConfig chooses among the usual places. The last one need not exist; "" without a home.
func usualRNSConfig(system, home string) string {
	places := []string{system}
	if home != "" {
		places = append(places, filepath.Join(home, ".config", "reticulum"))
	}
	for _, dir := range places {
		if info, err := os.Stat(filepath.Join(dir, "config")); err == nil && info.Mode().IsRegular() {
			return dir
		}
	}
	if home == "" {
		return ""
	}
	return filepath.Join(home, ".reticulum")
}

// serverSocket is where this run's server listens.
func (a *app) serverSocket(dir string) string {
	if a.socket != "" {
		return a.socket
	}
	if s := a.getenv("GROUPD_SOCKET"); s != "" {
		return s
	}
	return filepath.Join(dir, fileSocket)
}

// clientSocket is where a server is looked for: the same, and where nothing was said and none is there, the system's service.
func (a *app) clientSocket() (string, error) {
	dir, err := a.dataDir()
	if err != nil && a.socket == "" {
		return "", err
	}
	s := a.serverSocket(dir)
	if a.data == "" && a.socket == "" && a.getenv("GROUPD_DATA") == "" && a.getenv("GROUPD_SOCKET") == "" && !exists(s) && exists(serviceSock) {
		return serviceSock, nil
	}
	return s, nil
}

// noFolder says that what should be a folder is none, or can not be looked at.
func noFolder(dir string, err error) error {
	if err != nil {
		return &failure{code: exitConfig, msg: err.Error(), hint: "--data DIR"}
	}
	return &failure{code: exitConfig, msg: dir + " is no folder", hint: "--data DIR"}
}

// mayReplace asks before a file is replaced; a folder is not.
func (a *app) mayReplace(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return &failure{code: exitUsage, msg: path + " is a folder: say the name of a file in it"}
	}
	if exists(path) {
		return a.confirm(path + " exists. Replace it?")
	}
	return noFolderFor(path)
}

// noFolderFor says that the folder is not there in which a file is to be made; nil: it is.
func noFolderFor(path string) error {
	folder := filepath.Dir(filepath.Clean(path))
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return &failure{code: exitNotFound, msg: "there is no folder " + folder, hint: "mkdir -p " + folder}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// checkPrivate says what is wrong with the mode of a file or folder that nobody else may read; nil for one that is not there.
func checkPrivate(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &failure{code: exitConfig, msg: err.Error()}
	}
	if m := info.Mode().Perm(); m&modeStrangers != 0 {
		want := modePrivate
		if info.IsDir() {
			want = modeFolder
		}
		return &failure{code: exitConfig, msg: fmt.Sprintf("%s is open to other users (mode %04o)", path, m), hint: fmt.Sprintf("chmod %04o %s", want, path)}
	}
	return nil
}

// makeDataDir makes the data directory, or makes sure that the one there is private.
func makeDataDir(dir string) error {
	if err := os.MkdirAll(dir, modeFolder); err != nil {
		return &failure{code: exitConfig, msg: fmt.Sprintf("data directory: %v", err), hint: "--data DIR"}
	}
	return checkPrivate(dir)
}

// lockFile holds a data directory for one process.
type lockFile struct{ f *os.File }

// lockDataDir takes the directory, or says who has it, and brings a restore to its end that was cut. The lock ends with the process, however it
// ends.
func lockDataDir(dir string) (*lockFile, error) {
	path := filepath.Join(dir, fileLock)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, modePrivate)
	if err != nil {
		return nil, unwritable(dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, failed(fmt.Errorf("%s: %w", path, err), "")
		}
		pid := make([]byte, 20)
		n, _ := f.Read(pid)
		who := "another groupd"
		if p, err := strconv.Atoi(strings.TrimSpace(string(pid[:n]))); err == nil {
			who = fmt.Sprintf("groupd (process %d)", p)
		}
		return nil, &failure{code: exitFailed, msg: fmt.Sprintf("%s is using %s already", who, dir), hint: "groupd status, or --data DIR for a second server"}
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Sprintln(os.Getpid()))); err != nil {
		f.Close()
		return nil, failed(err, "")
	}
	if err := finishRestore(dir); err != nil {
		f.Close()
		return nil, err
	}
	return &lockFile{f}, nil
}

// unwritable says why nothing can be written in the data directory, and what to do.
func unwritable(dir string, err error) error {
	msg := "the data directory can not be used: " + err.Error()
	switch owner, known := ownerOf(dir); {
	case errors.Is(err, syscall.EROFS):
		return &failure{code: exitFailed, msg: msg, hint: "mount it writable; or copy it elsewhere, and then --data COPY"}
	case !errors.Is(err, fs.ErrPermission) || !known:
		return failed(errors.New(msg), "")
	case owner != os.Getuid():
		return failed(errors.New(msg), fmt.Sprintf("it belongs to %s: sudo -u %s groupd --data %s …", userName(owner), userName(owner), dir))
	}
	return failed(errors.New(msg), fmt.Sprintf("sudo chown -R %s %s", userName(os.Getuid()), dir))
}

// notOpened says why the database can not be opened, and what to do; otherwise is the hint where nothing better is known.
func notOpened(err error, otherwise string) error {
	if errors.Is(err, sqlite.ErrNewer) {
		return failed(err, "the newer groupd; or groupd restore FILE, with a backup from before it")
	}
	return failed(err, otherwise)
}

// ownerOf is the user whom a file belongs to.
func ownerOf(path string) (uid int, ok bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(st.Uid), true
}

// strangeOwner finds a file in the data directory, or in a folder in it, that belongs to another user than the directory: what root left there,
// and the server can not open.
func strangeOwner(dir string) (path string, uid int, found bool) {
	owner, known := ownerOf(dir)
	if !known {
		return "", 0, false
	}
	within := func(pattern string) {
		list, _ := filepath.Glob(filepath.Join(dir, pattern)) // no pattern is wrong
		for _, p := range list {
			if is, known := ownerOf(p); known && is != owner && !found {
				path, uid, found = p, is, true
			}
		}
	}
	within("*")
	within("*/*")
	return path, uid, found
}

// userName is what a user is called, or his number.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// release lets the directory go.
func (l *lockFile) release() { l.f.Close() }

// writePrivate makes or replaces a file of mode 0600, all or nothing.
func writePrivate(path string, content []byte) error {
	return durable.Replace(path, "", func(w io.Writer) error { _, err := w.Write(content); return err })
}

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

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
	if !exists(path) {
		return nil
	}
	return a.confirm(path + " exists. Replace it?")
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
		return nil, failed(err, "")
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

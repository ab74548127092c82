package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// side is one of the two that are compared.
type side struct {
	name    string
	command []string
}

// sut is a node under test: a process of its own.
type sut struct {
	side    side
	cmd     *exec.Cmd
	in      io.WriteCloser
	replies chan reply
	id      int
	dir     string
	began   time.Time
}

type reply struct {
	ID     int             `json:"id"`
	OK     bool            `json:"ok"`
	Error  string          `json:"error"`
	Result json.RawMessage `json:"result"`
}

type args map[string]any

type usage struct {
	CPU float64 `json:"cpu"` // seconds
	RSS int     `json:"rss"` // bytes
}

// launch starts the process with a folder of its own.
func (s side) launch(dir string) (*sut, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	u := &sut{side: s, replies: make(chan reply, 1), dir: dir, began: time.Now()}
	u.cmd = exec.Command(s.command[0], s.command[1:]...)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	u.cmd.Stderr = log
	if u.in, err = u.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := u.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := u.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(u.replies)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			var r reply
			if json.Unmarshal(lines.Bytes(), &r) == nil && r.ID > 0 {
				u.replies <- r
			}
		}
	}()
	return u, nil
}

// do runs a command; result may be nil.
func (u *sut) do(cmd string, a args, result any) error {
	u.id++
	line := args{"id": u.id, "cmd": cmd}
	for k, v := range a {
		line[k] = v
	}
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err := u.in.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("%s: %s: %w", u.side.name, cmd, err)
	}
	select {
	case r, ok := <-u.replies:
		switch {
		case !ok:
			return fmt.Errorf("%s: %s: it has gone, see %s", u.side.name, cmd, filepath.Join(u.dir, "log"))
		case !r.OK:
			return fmt.Errorf("%s: %s: %s", u.side.name, cmd, r.Error)
		case result == nil:
			return nil
		}
		return json.Unmarshal(r.Result, result)
	case <-time.After(2 * time.Minute):
		return fmt.Errorf("%s: %s: no answer in 2 minutes", u.side.name, cmd)
	}
}

func (u *sut) usage() (v usage, err error) { return v, u.do("usage", nil, &v) }

// cpu is how many seconds of processor time the process uses while f runs.
func (u *sut) cpu(f func() error) (float64, error) {
	before, err := u.usage()
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := u.usage()
	return after.CPU - before.CPU, err
}

// stop ends the process.
func (u *sut) stop() {
	u.in.Close()
	timer := time.AfterFunc(3*time.Second, func() { u.cmd.Process.Kill() })
	defer timer.Stop()
	for range u.replies {
	}
	var exit *exec.ExitError
	if err := u.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, u.side.name, err)
	}
}

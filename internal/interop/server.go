package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Server is one `groupd run` in a process of its own, as a user would start it.
type Server struct {
	t    *testing.T
	bin  string
	Data string
	Net  string // the Reticulum config folder
	Port int    // where it listens
	env  []string
	cmd  *exec.Cmd
	log  *lockedBuffer
	done chan error
}

// BuildGroupd builds the program into a folder of the test's own.
func BuildGroupd(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "groupd")
	cmd := exec.Command("go", "build", "-tags", "sqlite_fts5", "-o", bin, "groupd/cmd/groupd")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build groupd: %v\n%s", err, out)
	}
	return bin
}

// NewServer prepares a server that listens on a TCP port of loopback, with this groupd.toml. Nothing runs yet.
func NewServer(t *testing.T, bin, config string, env ...string) *Server {
	t.Helper()
	s := &Server{t: t, bin: bin, Data: filepath.Join(t.TempDir(), "data"), Net: t.TempDir(), Port: freePort(t, "127.0.0.1"), env: env, log: &lockedBuffer{}}
	if err := os.Mkdir(s.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if config != "" {
		s.write(filepath.Join(s.Data, "groupd.toml"), config)
	}
	s.write(filepath.Join(s.Net, "config"), ServerConfig("127.0.0.1", s.Port))
	t.Cleanup(func() {
		if s.cmd != nil {
			s.cmd.Process.Kill()
			<-s.done
		}
		if t.Failed() {
			t.Logf("groupd printed:\n%s", s.log.String())
		}
	})
	return s
}

func (s *Server) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Start runs it and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = exec.Command(s.bin, "run", "--data", s.Data, "--rnsconfig", s.Net)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func(cmd *exec.Cmd, done chan error) { done <- cmd.Wait() }(s.cmd, s.done)
	deadline := time.Now().Add(30 * time.Second)
	for {
		out, err := s.Try("status", "--json")
		if err == nil {
			return
		}
		select {
		case err := <-s.done:
			s.cmd = nil
			s.t.Fatalf("groupd ended: %v\n%s", err, s.log.String())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("groupd does not answer: %v\n%s\n%s", err, out, s.log.String())
		}
	}
}

// Stop ends it as systemd would, and fails the test when that takes more than the 5 s it promises.
func (s *Server) Stop() {
	s.t.Helper()
	start := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Errorf("groupd ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		s.t.Fatal("groupd does not stop")
	}
	s.cmd = nil
	if took := time.Since(start); took > 5*time.Second {
		s.t.Errorf("groupd took %v to stop", took)
	}
}

// Kill is kill -9.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-s.done
	s.cmd = nil
}

// Try runs another verb against this server's data folder.
func (s *Server) Try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.bin, append(args, "--data", s.Data)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("groupd %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// Do runs a verb that must succeed.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	out, err := s.Try(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// JSON runs a verb with --json.
func (s *Server) JSON(args ...string) map[string]any {
	s.t.Helper()
	out := map[string]any{}
	if err := json.Unmarshal([]byte(s.Do(append(args, "--json")...)), &out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// ClaimCode is the owner's code that the first start left in a file.
func (s *Server) ClaimCode() string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.Data, "claim-code"))
	if err != nil {
		s.t.Fatal(err)
	}
	fields := strings.Fields(string(b))
	return fields[len(fields)-1]
}

// Stores tells whether a text stands in any file of the data folder.
func (s *Server) Stores(text string) bool {
	s.t.Helper()
	found := false
	err := filepath.WalkDir(s.Data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		found = found || bytes.Contains(b, []byte(text))
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

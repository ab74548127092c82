package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"groupd/configs"
	"groupd/rns/config"
)

// setup is what init asks for.
type setup struct {
	name, join, owner string
	way               string // "", connect HOST:PORT, listen PORT
}

func (a *app) initVerb() *cobra.Command {
	var unit bool
	c := a.verb("init", "set up: name, who may join, the way to the network, the owner", nil, func(c *cobra.Command, args []string) error {
		if unit {
			_, err := a.out.Write(configs.Unit)
			return err
		}
		return a.init(c.Context())
	})
	c.Long = "init asks four questions, writes groupd.toml and Reticulum's configuration, and starts nothing. groupd run needs no init."
	c.Flags().StringVar(&a.rnsConfig, "rnsconfig", "", "Reticulum's configuration directory")
	c.Flags().BoolVar(&unit, "unit", false, "print the systemd unit")
	return c
}

func (a *app) init(context.Context) error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	rnsDir, err := a.rnsConfigDir()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, fileConfig)
	if exists(path) {
		return &failure{code: exitConfig, msg: path + " exists: this is set up already", hint: "groupd run, or edit the file"}
	}
	if err := makeDataDir(dir); err != nil {
		return err
	}
	var s setup
	for _, q := range s.questions() {
		if *q.into, err = a.ask(q.text, q.usual); err != nil {
			return err
		}
		if err := q.check(*q.into); err != nil { // at once, not after the others
			return &failure{code: exitUsage, msg: fmt.Sprintf("%q: %v", *q.into, err), hint: "groupd init"}
		}
	}
	text, err := s.groupd()
	if err != nil {
		return err
	}
	if _, err := parseSettings(text); err != nil {
		return &failure{code: exitConfig, msg: err.Error(), hint: "groupd init"}
	}
	section, err := s.section()
	if err != nil {
		return err
	}
	if section != "" {
		if err := a.addSection(rnsDir, section); err != nil {
			return err
		}
	}
	if err := writePrivate(path, text); err != nil {
		return failed(err, "")
	}
	return a.print(map[string]string{"config": path, "network": filepath.Join(rnsDir, "config")}, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s. Now: groupd run\n", path)
	})
}

// question is one that init asks.
type question struct {
	text, usual string
	into        *string
	check       func(string) error
}

func (s *setup) questions() []question {
	return []question{
		{"What is the group called? [My group]", "My group", &s.name, func(string) error { return nil }},
		{"Who may join: open (anybody), approve (who is let in), invite (who holds one), closed? [open]", "open", &s.join, func(text string) error {
			return new(joining).UnmarshalText([]byte(text))
		}},
		{"How does this machine reach the network: connect HOST:PORT, listen PORT, or nothing for now? [nothing]", "", &s.way, func(string) error {
			_, err := s.section()
			return err
		}},
		{"Who owns it: an LXMF address, or nothing for a claim code? [code]", "", &s.owner, func(text string) error {
			return new(owner).UnmarshalText([]byte(text))
		}},
	}
}

// groupd is the commented file with the answers in it.
func (s setup) groupd() ([]byte, error) {
	text := configs.Groupd
	for key, value := range map[string]string{"name": s.name, "join": s.join, "owner": strings.TrimSpace(s.owner)} {
		line, err := regexp.Compile(`(?m)^` + key + ` = "[^"]*"`)
		if err != nil {
			return nil, err
		}
		quoted := key + " = " + strconv.QuoteToGraphic(value)
		text = line.ReplaceAllLiteral(text, []byte(quoted))
	}
	return text, nil
}

// section is the interface's text for Reticulum's configuration.
func (s setup) section() (string, error) {
	kind, where, _ := strings.Cut(strings.TrimSpace(s.way), " ")
	where = strings.TrimSpace(where)
	bad := errors.New("is no way to the network: write connect example.org:4242, or listen 4242")
	switch kind {
	case "", "nothing":
		return "", nil
	case "connect":
		host, port, err := net.SplitHostPort(where)
		if err != nil || host == "" || !isPort(port) || strings.ContainsAny(host, ",#\"'") {
			return "", bad
		}
		return fmt.Sprintf("\n[[To %s]]\n  type = TCPClientInterface\n  enabled = yes\n  target_host = %s\n  target_port = %s\n", host, host, port), nil
	case "listen":
		if !isPort(where) {
			return "", bad
		}
		return fmt.Sprintf("\n[[Port %s]]\n  type = TCPServerInterface\n  enabled = yes\n  listen_ip = 0.0.0.0\n  listen_port = %s\n", where, where), nil
	}
	return "", bad
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// addSection appends an interface to Reticulum's configuration, whose [interfaces] section comes last in every usual file.
func (a *app) addSection(dir, section string) error {
	path := filepath.Join(dir, "config")
	text, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return failed(err, "")
	}
	if err != nil {
		if err := os.MkdirAll(dir, modeFolder); err != nil {
			return failed(err, "")
		}
		text = []byte(config.DefaultText)
	} else if err := a.confirm(fmt.Sprintf("Add this to %s?\n%s", path, section)); err != nil {
		return err
	}
	before, err := config.Read(text)
	if err != nil {
		return &failure{code: exitConfig, msg: fmt.Sprintf("%s: %v", path, err)}
	}
	name, _, _ := strings.Cut(strings.TrimSpace(section), "\n")
	for _, i := range before.Interfaces {
		if "[["+i.Name+"]]" == name {
			return &failure{code: exitConfig, msg: fmt.Sprintf("%s:%d: there is a section %s already", path, i.Line, name), hint: "nothing as the way to the network: what is in the file stays"}
		}
	}
	text = append(bytes.TrimRight(text, "\n"), "\n"+section...)
	after, err := config.Read(text)
	if err != nil || len(after.Interfaces) != len(before.Interfaces)+1 {
		return &failure{code: exitConfig, msg: path + ": the section does not fit at the end of the file", hint: "add it to [interfaces] by hand:" + section}
	}
	if err := replaceShared(path, text); err != nil {
		return failed(err, "")
	}
	return nil
}

// replaceShared writes a file that is of others as well: where there is one it keeps its place behind a link, its mode and its owner.
func replaceShared(path string, text []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	had, err := os.Stat(path)
	if err := writePrivate(path, text); err != nil {
		return err
	}
	if err != nil {
		return nil // it is new, and ours
	}
	if s, ok := had.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Chown(path, int(s.Uid), int(s.Gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, had.Mode().Perm())
}

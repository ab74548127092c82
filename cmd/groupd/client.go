package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"groupd/api/web"
)

// errNotRunning means that no server answers.
var errNotRunning = &failure{code: exitNotRunning, msg: "groupd is not running", hint: "groupd run"}

// client talks to the running server through its Unix socket.
type client struct {
	http   *http.Client
	socket string
}

func (a *app) client() (*client, error) {
	socket, err := a.clientSocket()
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{Timeout: 5 * time.Second}
		return d.DialContext(ctx, "unix", socket)
	}
	return &client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}, socket: socket}, nil
}

// open sends a request; the answer is a success, and its body open.
func (c *client) open(ctx context.Context, method, path string, in any) (*http.Response, error) {
	var body io.Reader
	header := make(http.Header)
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(b)
		header.Set("Content-Type", "application/json")
	}
	return c.send(ctx, method, path, header, body)
}

// send is open with any body.
func (c *client) send(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://groupd"+web.Prefix+path, body)
	if err != nil {
		return nil, err
	}
	r.Header = header
	answer, err := c.http.Do(r)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, errNotRunning
	case errors.Is(err, syscall.ENOTDIR), len(c.socket) > web.MaxSocketPath:
		return nil, &failure{code: exitNotRunning, msg: "no server can have its socket at " + c.socket, hint: "--data DIR, or --socket PATH"}
	case errors.Is(err, fs.ErrPermission):
		return nil, &failure{code: exitFailed, msg: "no permission to talk to the server at " + c.socket, hint: "sudo -u groupd groupd …"}
	case err != nil:
		return nil, failed(err, "groupd status")
	case answer.StatusCode >= 300:
		defer answer.Body.Close()
		return nil, problem(answer)
	}
	return answer, nil
}

// problem makes a failure of what the server answered.
func problem(answer *http.Response) error {
	var p web.Problem
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&p); err != nil || p.Error == "" {
		return &failure{code: exitFailed, msg: "the server answered " + answer.Status}
	}
	f := &failure{code: exitFailed, msg: p.Error, hint: p.Hint}
	if answer.StatusCode == http.StatusNotFound {
		f.code = exitNotFound
	}
	if p.Error == web.NoPath {
		f.msg, f.hint = "the server that runs does not know this verb: it is of another version", "start the server again, with this program"
	}
	for _, choice := range p.Choices {
		f.msg += "\n  " + choice
	}
	return f
}

// do sends a request and reads the answer into out.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	answer, err := c.open(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
		return failed(fmt.Errorf("the server's answer: %w", err), "")
	}
	return nil
}

// ask is do with the app's client.
func (a *app) call(ctx context.Context, method, path string, in, out any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	return c.do(ctx, method, path, in, out)
}

// groupPath is the path of the group that is meant: --group, or the only one there is.
func (a *app) groupPath(ctx context.Context, more ...string) (string, error) {
	id := a.group
	if id == "" {
		var all struct{ Groups []web.Group }
		if err := a.call(ctx, "GET", "/groups", nil, &all); err != nil {
			return "", err
		}
		switch len(all.Groups) {
		case 0:
			return "", &failure{code: exitNotFound, msg: "there is no group", hint: "groupd group create ID --name NAME"}
		case 1:
			id = all.Groups[0].ID
		default:
			var ids []string
			for _, g := range all.Groups {
				ids = append(ids, g.ID)
			}
			return "", &failure{code: exitUsage, msg: fmt.Sprintf("there are several groups (%s): say which with --group", strings.Join(ids, ", ")), hint: "groupd group list"}
		}
	}
	path := "/groups/" + url.PathEscape(id)
	for _, m := range more {
		path += "/" + url.PathEscape(m)
	}
	return path, nil
}

// readGroup asks for the group that is meant.
func (a *app) readGroup(ctx context.Context) (path string, g web.Group, err error) {
	if path, err = a.groupPath(ctx); err == nil {
		err = a.call(ctx, "GET", path, nil, &g)
	}
	return path, g, err
}

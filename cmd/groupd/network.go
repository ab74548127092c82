package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"groupd/api/web"
	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces"
)

// network is Reticulum's configuration file and what this program makes of it.
type network struct {
	path    string
	made    bool // the file was made just now
	missing bool // there is none, and none could be made
	config  *config.Config
	notices []web.Notice // what is in the file and is not done
	fatal   []web.Notice // why the file cannot be used
	enabled []config.Interface
	leftOut []string // interfaces that cannot be made, and why
}

// readNetwork reads the configuration in a directory; where there is none, and make is set, it writes Reticulum's usual one.
func readNetwork(dir string, make bool) (*network, error) {
	n := &network{path: filepath.Join(dir, "config")}
	text, err := os.ReadFile(n.path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(config.DefaultText), nil
		n.missing = true
		if make {
			if makeErr := makeNetwork(dir, n.path, text); makeErr != nil {
				n.notices = append(n.notices, web.Notice{Text: fmt.Sprintf("there is no %s, and it cannot be made: %v", n.path, makeErr), Hint: "make it, or use --rnsconfig DIR"})
			} else {
				n.made, n.missing = true, false
			}
		}
	}
	if err != nil {
		return nil, &failure{code: exitConfig, msg: err.Error()}
	}
	if n.config, err = config.Read(text); err != nil {
		return n, n.unusable(err, dir)
	}
	for _, w := range n.config.Warnings {
		n.notices = append(n.notices, n.problem(w))
	}
	c := carriers{}
	for _, i := range n.config.Interfaces {
		if !i.Enabled {
			continue
		}
		if _, _, err := c.of(i); err != nil {
			if !errors.Is(err, errUnsupported) { // of those there is a warning already
				n.notice(i.Line, fmt.Sprintf("[[%s]] is left out: %v", i.Name, err), "")
				n.leftOut = append(n.leftOut, n.notices[len(n.notices)-1].Text)
			}
			continue
		}
		if mode, _ := interfaces.ParseMode(i.Mode); mode == interfaces.ModeAccessPoint {
			n.notice(i.Line, fmt.Sprintf("[[%s]] is an access point: it carries no announces, so nobody there hears of the groups", i.Name),
				"mode = gateway or mode = full, unless everybody there knows the address")
		}
		n.enabled = append(n.enabled, i)
	}
	n.withoutEffect()
	return n, nil
}

// unusable makes a failure of what config.Read found.
func (n *network) unusable(err error, dir string) error {
	f := &failure{code: exitConfig, msg: fmt.Sprintf("%s: %v", n.path, err), hint: "groupd check --rnsconfig " + quote(dir)}
	var all *config.Error
	if !errors.As(err, &all) {
		return f
	}
	var lines []string
	for _, p := range all.Problems {
		w := n.problem(p)
		n.fatal = append(n.fatal, w)
		lines = append(lines, w.Text)
	}
	f.msg = strings.Join(lines, "\n")
	return f
}

// problem is what is wrong in the file, with its place.
func (n *network) problem(p config.Problem) web.Notice {
	text := p.Text
	if p.Where != "" {
		text = p.Where + ": " + text
	}
	return web.Notice{Text: n.at(p.Line) + text, Hint: p.Hint}
}

// at is the place of a line, as compilers tell it.
func (n *network) at(line int) string {
	if line > 0 {
		return fmt.Sprintf("%s:%d: ", n.path, line)
	}
	return n.path + ": "
}

func (n *network) notice(line int, text, hint string) {
	n.notices = append(n.notices, web.Notice{Text: n.at(line) + text, Hint: hint})
}

// withoutEffect names options of [reticulum] that are set and need another one, or are followed in part.
func (n *network) withoutEffect() {
	r := n.config.Reticulum
	section := n.config.File.Section("reticulum")
	if section == nil {
		return
	}
	for _, o := range []struct {
		key        string
		set        bool
		text, hint string
	}{
		{"respond_to_probes", r.RespondToProbes && !r.EnableTransport, "does nothing without enable_transport", "enable_transport = yes, or delete the line"},
		{"publish_blackhole", r.PublishBlackhole && !r.EnableTransport && !r.StaticTransportIdentity, "the list has another address after each start", "static_transport_identity = yes, or delete the line"},
		{"blackhole_sources", len(r.BlackholeSources) > rns.MaxBlackholeSources, fmt.Sprintf("only the first %d are used", rns.MaxBlackholeSources), "name fewer"},
	} {
		if e := section.Entry(o.key); o.set && e != nil {
			n.notice(e.Line, "[reticulum] "+o.key+": "+o.text, o.hint)
		}
	}
}

func makeNetwork(dir, path string, text []byte) error {
	if err := os.MkdirAll(dir, modeFolder); err != nil {
		return err
	}
	return writePrivate(path, text)
}

// patient serves again when the listener could not listen: the port may be free later. The listener is down while it waits.
type patient struct {
	listener
	log    *slog.Logger
	failed atomic.Pointer[string] // why it waits; nil: it does not
}

// Waits between two attempts to listen.
const (
	listenWait    = 5 * time.Second
	maxListenWait = time.Minute
)

// Serve implements interfaces.Spawner. It returns when ctx ends.
func (p *patient) Serve(ctx context.Context, attach func(interfaces.Interface) (detach func())) error {
	for wait := listenWait; ; wait = min(2*wait, maxListenWait) {
		err := p.listener.Serve(ctx, attach)
		if ctx.Err() != nil {
			return nil
		}
		why := fmt.Sprint(err)
		p.failed.Store(&why)
		p.log.Warn("listener is down", "iface", p.Name(), "err", err, "wait", wait)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
			p.failed.Store(nil)
		}
	}
}

// why it does not listen; "" when it does.
func (p *patient) why() string {
	if w := p.failed.Load(); w != nil {
		return *w
	}
	return ""
}

// waysOut is what to do when there is no interface.
func (n *network) waysOut() web.Notice {
	return web.Notice{
		Text: "there is no way to the network: no interface is set up that this version has",
		Hint: "add a [[section]] with enabled = yes and a type such as TCPClientInterface, AutoInterface or RNodeInterface to " + n.path + ", then start again",
	}
}

// connected is what attach made.
type connected struct {
	listeners []*patient
	radios    map[string]interfaces.RadioReporter // by the interface's name
	notices   []web.Notice
}

// attach gives the interfaces to a transport, before it runs or later. Each that cannot be made is left out, with a notice.
func (n *network) attach(t *rns.Transport, log *slog.Logger) connected {
	made := connected{radios: make(map[string]interfaces.RadioReporter)}
	c := carriers{log: log}
	for _, i := range n.enabled {
		one, many, err := c.of(i)
		switch {
		case err != nil:
		case many != nil:
			if n.config.Reticulum.PanicOnInterfaceError {
				err = t.AddSpawner(many, optionsOf(i)) // not tried again
				break
			}
			p := &patient{listener: many, log: log}
			if err = t.AddSpawner(p, optionsOf(i)); err == nil {
				made.listeners = append(made.listeners, p)
			}
		default:
			if err = t.AddInterface(one, optionsOf(i)); err == nil {
				if r, ok := one.(interfaces.RadioReporter); ok {
					made.radios[one.Name()] = r
				}
			}
		}
		if err != nil {
			made.notices = append(made.notices, web.Notice{Text: fmt.Sprintf("%s[[%s]] is left out: %v", n.at(i.Line), i.Name, err)})
		}
	}
	return made
}

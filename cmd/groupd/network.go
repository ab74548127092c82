package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"groupd/api/web"
	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/backbone"
	"groupd/rns/interfaces/tcp"
)

// network is Reticulum's configuration file and what this program makes of it.
type network struct {
	path    string
	made    bool // the file was made just now
	missing bool // there is none, and none could be made
	config  *config.Config
	notices []web.Notice // what is in the file and is not done
	enabled []config.Interface
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
		return nil, &failure{code: exitConfig, msg: fmt.Sprintf("%s: %v", n.path, err), hint: "groupd check --rnsconfig " + quote(dir)}
	}
	for _, w := range n.config.Warnings {
		n.notices = append(n.notices, web.Notice{Text: fmt.Sprintf("%s: %s", n.path, w)})
	}
	for _, i := range n.config.Interfaces {
		if !i.Enabled {
			continue
		}
		if _, _, err := carrierOf(i, nil); err != nil {
			n.notice(i.Line, fmt.Sprintf("[[%s]] is left out: %v", i.Name, err))
			continue
		}
		if mode, _ := interfaces.ParseMode(i.Mode); mode == interfaces.ModeAccessPoint {
			n.notice(i.Line, fmt.Sprintf("[[%s]] is an access point: it carries no announces, so nobody there hears of the groups", i.Name))
		}
		n.enabled = append(n.enabled, i)
	}
	if n.config.Reticulum.EnableTransport {
		n.notice(0, "enable_transport is set: this version does not forward for others")
	}
	return n, nil
}

func (n *network) notice(line int, text string) {
	where := n.path
	if line > 0 {
		where = fmt.Sprintf("%s: line %d", n.path, line)
	}
	n.notices = append(n.notices, web.Notice{Text: where + ": " + text})
}

func makeNetwork(dir, path string, text []byte) error {
	if err := os.MkdirAll(dir, modeFolder); err != nil {
		return err
	}
	return writePrivate(path, text)
}

// listener is a carrier that waits for others.
type listener interface {
	interfaces.Spawner
	Properties() interfaces.Properties
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

// carrierOf makes what carries an interface of the configuration: one carrier, or a listener. Nothing is started.
func carrierOf(i config.Interface, log *slog.Logger) (one interfaces.Interface, many listener, err error) {
	switch {
	case i.TCPClient != nil:
		one, err = tcp.ClientFromConfig(i, log)
	case i.TCPServer != nil:
		many, err = tcp.ServerFromConfig(i, log)
	case i.BackboneClient != nil:
		one, err = backbone.ClientFromConfig(i, log)
	case i.BackboneListener != nil:
		var flaps *tcp.FlapTable
		if flaps, err = backbone.FlapTableFromConfig(i.BackboneListener); err == nil {
			many, err = backbone.ServerFromConfig(i, flaps, log)
		}
	default:
		err = fmt.Errorf("%s is not supported in this version", i.Type)
	}
	return one, many, err
}

// waysOut is what to do when there is no interface.
func (n *network) waysOut() web.Notice {
	return web.Notice{
		Text: "there is no way to the network: no interface is set up that this version has",
		Hint: "add a [[section]] with type = TCPClientInterface or TCPServerInterface and enabled = yes to " + n.path + ", then start again",
	}
}

// attach gives the interfaces to a transport. Each that cannot be made is left out, with a notice. It returns the listeners.
func (n *network) attach(t *rns.Transport, log *slog.Logger) (listeners []*patient) {
	for _, i := range n.enabled {
		mode, _ := interfaces.ParseMode(i.Mode)
		options := rns.InterfaceOptions{NetworkName: i.NetworkName, Passphrase: i.Passphrase, IFACSize: i.IFACSize, Mode: mode, Gravity: i.Gravity}
		one, many, err := carrierOf(i, log)
		switch {
		case err != nil:
		case many != nil:
			p := &patient{listener: many, log: log}
			if err = t.AddSpawner(p, options); err == nil {
				listeners = append(listeners, p)
			}
		default:
			err = t.AddInterface(one, options)
		}
		if err != nil {
			n.notice(i.Line, fmt.Sprintf("[[%s]] is left out: %v", i.Name, err))
		}
	}
	return listeners
}

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"groupd/api/web"
	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces"
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
		if why := unsupported(i); why != "" {
			n.notice(i.Line, fmt.Sprintf("[[%s]] is left out: %s", i.Name, why))
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

// unsupported says why an interface is left out; "" when it is not.
func unsupported(i config.Interface) string {
	switch {
	case i.TCPClient != nil && i.TCPClient.KISSFraming:
		return "kiss_framing is not supported in this version"
	case i.TCPClient != nil, i.TCPServer != nil:
		return ""
	}
	return i.Type + " is not supported in this version"
}

// waysOut is what to do when there is no interface.
func (n *network) waysOut() web.Notice {
	return web.Notice{
		Text: "there is no way to the network: no interface is set up that this version has",
		Hint: "add a [[section]] with type = TCPClientInterface or TCPServerInterface and enabled = yes to " + n.path + ", then start again",
	}
}

// attach gives the interfaces to a transport. Each that cannot be made is left out, with a notice. It returns the listeners.
func (n *network) attach(t *rns.Transport, log *slog.Logger) (servers []*tcp.Server) {
	for _, i := range n.enabled {
		mode, _ := interfaces.ParseMode(i.Mode)
		options := rns.InterfaceOptions{NetworkName: i.NetworkName, Passphrase: i.Passphrase, IFACSize: i.IFACSize, Mode: mode, Gravity: i.Gravity}
		common := tcp.Options{Mode: mode, Bitrate: i.Bitrate, IFACSize: i.IFACSize, ReceiveOnly: !i.Outgoing, Logger: log}
		var err error
		switch {
		case i.TCPClient != nil:
			c := i.TCPClient
			common.FixedMTU, common.I2PTunneled = c.FixedMTU, c.I2PTunneled
			var client *tcp.Client
			client, err = tcp.NewClient(tcp.ClientConfig{
				Name: i.Name, Host: c.TargetHost, Port: c.TargetPort, Options: common, ConnectTimeout: c.ConnectTimeout, MaxReconnectTries: c.MaxReconnectTries,
			})
			if err == nil {
				err = t.AddInterface(client, options)
			}
		case i.TCPServer != nil:
			c := i.TCPServer
			common.I2PTunneled = c.I2PTunneled
			var server *tcp.Server
			server, err = tcp.NewServer(tcp.ServerConfig{
				Name: i.Name, Host: c.ListenIP, Port: c.ListenPort, Device: c.Device, PreferIPv6: c.PreferIPv6, Options: common,
			})
			if err == nil {
				err = t.AddSpawner(server, options)
			}
			if err == nil {
				servers = append(servers, server)
			}
		}
		if err != nil {
			n.notice(i.Line, fmt.Sprintf("[[%s]] is left out: %v", i.Name, err))
		}
	}
	return servers
}

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"groupd/api/web"
	"groupd/configs"
	"groupd/group"
	"groupd/internal/gcpace"
	"groupd/internal/sdnotify"
	"groupd/rns/sharedinstance"
)

// Tunables of a run.
const (
	stopWithin = 5 * time.Second // after the first signal
	gcPercent  = 50              // a small heap matters more than the time of the collector on a Pi,
	gcLeast    = 16 << 20        // but so many bytes more are always worth fewer collections
	gcQuiet    = 2 * time.Second // after which a node without traffic gives back what it does not use
	memorySoft = 64 << 20        // bytes; from here on the collector works harder. GOMEMLIMIT and GOGC go before both
)

func (a *app) runVerb() *cobra.Command {
	c := a.verb("run", "serve, until SIGINT or SIGTERM", nil, func(c *cobra.Command, args []string) error { return a.serve(c.Context()) })
	c.Long = "run serves the groups of this machine. The first start makes the data directory, an identity, a database and groupd.toml,\n" +
		"and shows the group's address and how to become its owner. A second signal ends it at once."
	c.Flags().StringVar(&a.rnsConfig, "rnsconfig", "", "Reticulum's configuration directory (else $GROUPD_RNSCONFIG, or the usual one of Reticulum)")
	return c
}

// serve is the whole life of a server.
func (a *app) serve(ctx context.Context) error {
	dir, err := a.dataDir()
	if err != nil {
		return err
	}
	rnsDir, err := a.rnsConfigDir()
	if err != nil {
		return err
	}
	if err := makeDataDir(dir); err != nil {
		return err
	}
	lock, err := lockDataDir(dir)
	if err != nil {
		return err
	}
	defer lock.release()
	if err := sweepLeftovers(dir); err != nil {
		return failed(err, "")
	}
	s, missing, err := readSettings(dir)
	if err != nil {
		return err
	}
	if missing {
		if err := writePrivate(filepath.Join(dir, fileConfig), configs.Groupd); err != nil {
			return failed(err, "")
		}
	}
	for _, name := range []string{fileDatabase, fileToken, fileClaim} {
		if err := checkPrivate(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	net, err := readNetwork(rnsDir, true)
	if err != nil {
		return err
	}
	a.tuneMemory()

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	life, end := context.WithCancel(ctx)
	defer end()

	n, made, err := assemble(life, dir, a.getenv("HOME"), s, net, a.err, a.notify)
	if err != nil {
		return err
	}
	made.config = missing
	ended := make(chan error, 1)
	ready := make(chan struct{}, 1)
	go func() { ended <- errors.Join(a.live(life, n, ready), n.instance.Close(), n.db.Close()) }()
	select {
	case <-ready:
		if err := a.welcome(life, n, made); err != nil {
			end()
			return errors.Join(err, <-ended)
		}
		a.notify(sdnotify.Ready)
	case err := <-ended:
		return err
	case <-signals:
		end()
	}
	select {
	case err := <-ended:
		return err
	case sig := <-signals:
		n.log.own.Info("stopping", "signal", sig.String())
	case <-life.Done():
	}
	a.notify(sdnotify.Stopping)
	end()
	select {
	case err := <-ended:
		return err
	case sig := <-signals:
		return &failure{code: exitFailed, msg: fmt.Sprintf("ended at once by a second signal (%v)", sig)}
	case <-time.After(stopWithin):
		return &failure{code: exitFailed, msg: fmt.Sprintf("not everything ended within %v", stopWithin)}
	}
}

// live opens the listeners and runs all parts until ctx ends. It sends on ready once, when the server serves.
func (a *app) live(ctx context.Context, n *node, ready chan<- struct{}) error {
	local, err := web.ListenUnix(a.serverSocket(n.dir))
	if err != nil {
		return failed(err, "--socket PATH")
	}
	var remote net.Listener
	if s := n.settings.Server; s.Listen != "" {
		if remote, err = web.ListenTCP(ctx, s.Listen, s.TLSCert != "", s.Insecure); err == nil && s.TLSCert != "" {
			var cert tls.Certificate
			if cert, err = tls.LoadX509KeyPair(s.TLSCert, s.TLSKey); err == nil {
				remote = tls.NewListener(remote, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
			}
		}
		if err != nil {
			return errors.Join(failed(err, "listen in [server] of groupd.toml"), local.Close())
		}
	}
	n.pruneClaimFile(ctx)
	parts := []func(context.Context) error{
		func(ctx context.Context) error { return n.web.Serve(ctx, local, n.web.Local()) },
		func(ctx context.Context) error { a.watchdog(ctx, n); return nil },
		func(ctx context.Context) error {
			select {
			case <-n.transport.Ready():
				ready <- struct{}{}
			case <-ctx.Done():
			}
			return nil
		},
	}
	if remote != nil {
		parts = append(parts, func(ctx context.Context) error { return n.web.Serve(ctx, remote, n.web.Remote()) })
	}
	return n.runAll(ctx, parts...)
}

// notify tells the service manager; that it does not listen is no reason to stop.
func (a *app) notify(states ...string) {
	if err := sdnotify.Notify(a.getenv("NOTIFY_SOCKET"), states...); err != nil {
		fmt.Fprintf(a.err, "groupd: %v\n", err)
	}
}

// watchdog tells the service manager that the database answers.
func (a *app) watchdog(ctx context.Context, n *node) {
	every := sdnotify.Interval(a.getenv("WATCHDOG_USEC"))
	if every <= 0 {
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := n.hub.Groups(ctx, group.Caller{}); err == nil {
				a.notify(sdnotify.Watchdog)
			}
		}
	}
}

// tuneMemory keeps the heap small, unless the operator has set something himself.
func (a *app) tuneMemory() {
	if a.getenv("GOGC") == "" {
		gcpace.Start(gcpace.Policy{Least: gcLeast, Percent: gcPercent, Quiet: gcQuiet})
	}
	if a.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memorySoft)
	}
}

// welcome shows what a start made, or that it serves.
func (a *app) welcome(ctx context.Context, n *node, made first) error {
	width, terminal := a.terminal()
	var b strings.Builder
	if made.database {
		fmt.Fprintf(&b, "groupd %s   first start\n", Version)
		what := "made: identity, database"
		if made.config {
			what += ", groupd.toml"
		}
		fmt.Fprintf(&b, "  data      %s   %s\n", n.dir, what)
	} else {
		fmt.Fprintf(&b, "groupd %s\n  data      %s\n", Version, n.dir)
	}
	if n.network.made {
		fmt.Fprintf(&b, "  network   %s   made, as usual in Reticulum\n", n.network.path)
	} else {
		fmt.Fprintf(&b, "  network   %s\n", n.network.path)
	}
	notices := slices.Concat(n.network.notices, n.connected().notices)
	switch {
	case n.instance.Role() == sharedinstance.Client:
		fmt.Fprintf(&b, "            through the shared instance %s, which has the interfaces\n", n.instance.Name())
	case len(n.network.enabled) == 0:
		notices = append(notices, n.network.waysOut())
	default:
		for _, i := range n.network.enabled {
			fmt.Fprintf(&b, "            %s (%s)\n", i.Name, i.Type)
		}
	}
	for _, w := range notices {
		fmt.Fprintf(&b, "  !         %s\n", w.Text)
		if w.Hint != "" {
			fmt.Fprintf(&b, "            %s\n", w.Hint)
		}
	}
	b.WriteByte('\n')

	var codes []string
	infos, err := n.hub.Groups(ctx, group.Caller{Local: true})
	if err != nil {
		return err
	}
	for _, info := range infos {
		name := info.PublicName
		if len(infos) > 1 { // strangers see the same name of many
			name += " (" + string(info.Group) + ")"
		}
		code := ""
		fresh := false
		for i, g := range made.groups {
			if g.Group == info.Group {
				code, fresh = made.codes[i].Code, true
			}
		}
		if !fresh {
			fmt.Fprintf(&b, "   %s   %s\n", name, info.Address)
			continue
		}
		a.card(&b, info, code, terminal, width)
		fmt.Fprintf(&b, "   %s   %s\n", name, info.Address)
		if code != "" && !terminal {
			codes = append(codes, fmt.Sprintf("%s %s %s", info.Group, info.Address, code))
		}
	}
	if len(codes) > 0 {
		path := filepath.Join(n.dir, fileClaim)
		if err := n.addToClaimFile(codes); err != nil {
			return failed(err, "")
		}
		fmt.Fprintf(&b, "   The code is in %s (group, address, code).\n", path)
	}
	fmt.Fprintf(&b, "\nserving; Ctrl-C ends.")
	if len(made.groups) > 0 {
		which := ""
		if len(infos) > 1 {
			which = " --group ID"
		}
		fmt.Fprintf(&b, " Keep a copy of the address: groupd identity export FILE%s", which)
	}
	fmt.Fprintln(a.out, b.String())
	return nil
}

package sharedinstance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces/local"
)

const (
	// DefaultTakeOverAfter is how long a client waits for its master to come back before it becomes the master itself:
	// long enough for rnsd to be restarted.
	DefaultTakeOverAfter = 8 * time.Second
	// listenAgain is how long a master waits before it tries again to open the endpoint for calls.
	listenAgain = 5 * time.Second
)

// Role is what a program is to the others of its machine.
type Role uint8

// Roles. A client becomes the master when that is gone; nothing else changes.
const (
	// Standalone shares nothing: it is configured so, or there is a master that cannot be reached.
	Standalone Role = iota
	// Master owns the interfaces of the configuration and serves the other programs.
	Master
	// Client owns no interfaces: everything goes through the master.
	Client
)

// String returns the role in a word.
func (r Role) String() string {
	switch r {
	case Standalone:
		return "standalone"
	case Master:
		return "master"
	case Client:
		return "client"
	}
	return fmt.Sprintf("role %d", uint8(r))
}

// Config says which instance to join.
type Config struct {
	// Reticulum is the section of the configuration file. Of it are used: ShareInstance, InstanceName, SharedInstanceType,
	// SharedInstancePort, InstanceControlPort, RPCKey and ForceSharedInstanceBitrate.
	Reticulum config.Reticulum
	// Identity is the private key (64 bytes) of the transport identity in Reticulum's storage folder, from which the key for
	// calls is made where none is configured. With neither, a master takes no calls.
	Identity []byte
	// Logger for what happens. nil: discard.
	Logger *slog.Logger
	// Rand makes challenges; it is used by several goroutines. nil: crypto/rand.
	Rand io.Reader
	// TakeOverAfter is how long a client waits for its master to come back. 0: 8 s; negative: for ever.
	TakeOverAfter time.Duration
}

// Instance is this program's part in the sharing. Make it with Join, and then call either Run or Close.
type Instance struct {
	config    Config
	data, rpc local.Endpoint
	key       []byte
	client    *local.Client
	lost      chan struct{} // closed when we have taken over

	mu       sync.Mutex // leaf
	role     Role
	why      error        // why we are standalone although we were to share
	listener net.Listener // bound, until it is used
	calls    *rpcServer   // nil until there are any
}

// Join decides the role as every Reticulum program does (spec 3 §4.2): who can bind the endpoint is the master, who can
// connect to it is a client, and who can do neither stands alone. It fails only when the configuration makes no sense.
func Join(ctx context.Context, c Config) (*Instance, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.TakeOverAfter == 0 {
		c.TakeOverAfter = DefaultTakeOverAfter
	}
	i := &Instance{config: c, lost: make(chan struct{})}
	if !c.Reticulum.ShareInstance {
		return i, nil
	}
	var err error
	if i.data, i.rpc, err = endpoints(c.Reticulum); err != nil {
		return nil, err
	}
	if i.key, err = rpcKey(c.Reticulum.RPCKey, c.Identity); err != nil {
		return nil, err
	}
	listener, bindErr := i.data.Listen(ctx)
	if bindErr == nil {
		i.role, i.listener = Master, listener
		return i, nil
	}
	conn, dialErr := i.data.Dial(ctx)
	if dialErr != nil {
		i.why = fmt.Errorf("shared instance %s: %w", i.data, errors.Join(bindErr, dialErr))
		c.Logger.Warn("shared instance neither to be had nor to be made", "instance", i.data.String(), "err", i.why)
		return i, nil
	}
	i.role = Client
	wait := local.DefaultReconnectWait
	if c.TakeOverAfter > 0 {
		wait = min(wait, c.TakeOverAfter)
	}
	i.client, err = local.NewClient(local.ClientConfig{Endpoint: i.data, Options: i.options(), Conn: conn, ReconnectWait: wait, Lost: i.takeOver})
	return i, err
}

func (i *Instance) options() local.Options {
	return local.Options{Bitrate: i.config.Reticulum.ForceSharedInstanceBitrate, Logger: i.config.Logger}
}

// Role is the present role. A client must not open the interfaces of the configuration.
func (i *Instance) Role() Role {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.role
}

// Err says why we stand alone although we were to share; nil where that is not so.
func (i *Instance) Err() error { return i.why }

// Name is the endpoint of the instance, such as "rns/default" or "37428"; "" where nothing is shared.
func (i *Instance) Name() string { return i.data.String() }

// Close gives back what Join took, when Run is not called.
func (i *Instance) Close() error {
	var err error
	if l := i.bound(); l != nil {
		err = l.Close()
	}
	if i.client != nil {
		err = errors.Join(err, i.client.Close())
	}
	return err
}

// bound is the bound listener, once.
func (i *Instance) bound() net.Listener {
	i.mu.Lock()
	defer i.mu.Unlock()
	l := i.listener
	i.listener = nil
	return l
}

// takeOver is asked by the client's carrier while there is no master: it says whether we have become the master.
func (i *Instance) takeOver(since time.Duration) bool {
	if i.config.TakeOverAfter < 0 || since < i.config.TakeOverAfter {
		return false
	}
	l, err := i.data.Listen(context.Background())
	if err != nil {
		return false // somebody else has, and we shall be its client
	}
	i.mu.Lock()
	i.role, i.listener = Master, l
	i.mu.Unlock()
	close(i.lost)
	return true
}

// Run gives the transport the local carriers of the role and, while we are the master, answers the calls of other programs.
// When a client takes over from its master, becameMaster is called: it adds the interfaces of the configuration; what it
// returns ends Run. nil: there is nothing to add. Run returns nil when ctx has ended. It may be called before the transport's
// Run and during it; the carriers end with the transport, or before it when they break.
func (i *Instance) Run(ctx context.Context, t *rns.Transport, becameMaster func() error) error {
	started := time.Now()
	defer i.Close()
	switch i.Role() {
	case Standalone:
		<-ctx.Done()
		return nil
	case Client:
		name := i.client.Name()
		options := rns.InterfaceOptions{Local: rns.LocalMaster, NoIngressControl: true}
		if i.key != nil {
			caller := &Caller{key: i.key, rand: i.config.Rand, dial: i.rpc.Dial}
			options.FirstHop = newFirstHops(caller.FirstHopTimeout)
		}
		if err := t.AddInterface(i.client, options); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("shared instance: %w", err)
		}
		i.config.Logger.Debug("client of the shared instance", "instance", i.Name())
		select {
		case <-ctx.Done():
			return nil
		case <-i.lost:
		}
		i.config.Logger.Warn("the shared instance did not come back: this program is the shared instance now", "instance", i.Name())
		select {
		case <-ctx.Done():
			return nil
		case <-t.Detached(name):
		}
		if becameMaster == nil {
			break
		}
		if err := becameMaster(); err != nil {
			return err
		}
	}
	return i.serve(ctx, t, started)
}

// serve is the master's life.
func (i *Instance) serve(ctx context.Context, t *rns.Transport, started time.Time) error {
	server, err := local.NewServer(local.ServerConfig{Endpoint: i.data, Options: i.options(), Listener: i.bound()})
	if err != nil {
		return err
	}
	if err := t.AddSpawner(server, rns.InterfaceOptions{Local: rns.LocalClient, NoIngressControl: true}); err != nil {
		closeErr := server.Close()
		if ctx.Err() != nil {
			return closeErr
		}
		return fmt.Errorf("shared instance: %w", errors.Join(err, closeErr))
	}
	i.config.Logger.Debug("master of the shared instance", "instance", i.Name())
	if i.key == nil {
		i.config.Logger.Warn("the shared instance takes no calls: there is neither a stored transport identity nor rpc_key", "instance", i.Name())
		<-ctx.Done()
		return nil
	}
	a := newAnswers(t, server, started)
	calls := &rpcServer{key: i.key, rand: i.config.Rand, answer: a.answer, log: i.config.Logger}
	i.mu.Lock()
	i.calls = calls
	i.mu.Unlock()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { a.rates.sample(ctx, t) })
	for ctx.Err() == nil {
		l, err := i.rpc.Listen(ctx)
		if err == nil {
			err = calls.serve(ctx, l)
		}
		if ctx.Err() != nil {
			break
		}
		i.config.Logger.Warn("the shared instance takes no calls for now", "instance", i.Name(), "err", err)
		timer := time.NewTimer(listenAgain)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

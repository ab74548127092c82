package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"groupd/api/web"
	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/sharedinstance"
)

// storedIdentity is the transport identity in the storage of a Reticulum configuration directory, where stock tools look for it
// too; it is made when there is none.
func storedIdentity(rnsDir string) (*rns.Identity, error) {
	storage := filepath.Join(rnsDir, "storage")
	if err := os.MkdirAll(storage, modeFolder); err != nil {
		return nil, err
	}
	return filestore.LoadOrCreateIdentity(filepath.Join(storage, "transport_identity"), rand.Reader)
}

// networkIdentity is that of the option network_identity; its file is made when there is none. home is what "~" stands for.
func (n *network) networkIdentity(home string) (*rns.Identity, error) {
	path := n.config.Reticulum.NetworkIdentity
	if path == "" {
		return nil, nil
	}
	if below, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		path = filepath.Join(home, below)
	}
	err := os.MkdirAll(filepath.Dir(path), modeFolder)
	var id *rns.Identity
	if err == nil {
		id, err = filestore.LoadOrCreateIdentity(path, rand.Reader)
	}
	if err != nil {
		return nil, &failure{code: exitConfig, msg: fmt.Sprintf("%snetwork_identity: %v", n.at(n.config.File.Section("reticulum").Entry("network_identity").Line), err), hint: "rnid --generate FILE makes one"}
	}
	return id, nil
}

// identities finds the transport identity and the private key for calls. Both may be nil: an identity for this run only, and no calls
// but with rpc_key. own is where groupd keeps one itself, for directories that it cannot write.
func (n *network) identities(own *filestore.Store) (transport *rns.Identity, calls []byte, err error) {
	r := n.config.Reticulum
	keep := r.EnableTransport || r.StaticTransportIdentity
	if !keep && (!r.ShareInstance || len(r.RPCKey) > 0) {
		return nil, nil, nil
	}
	stored, err := storedIdentity(filepath.Dir(n.path))
	if err == nil {
		calls = stored.PrivateKey()
		if keep {
			transport = stored
		}
		return transport, calls, nil
	}
	if r.ShareInstance && len(r.RPCKey) == 0 {
		n.notice(0, fmt.Sprintf("rnstatus and rnpath get no answers from this server: %v", err),
			"rpc_key = (64 hexadecimal digits of your own) in [reticulum], the same for all who ask")
	}
	if keep {
		transport, err = own.TransportIdentity(rand.Reader)
		return transport, nil, err
	}
	return nil, nil, nil
}

// join finds this program's part in the sharing of the machine's connection: the interfaces of the configuration are attached, unless
// another program has them.
func (n *node) join(ctx context.Context, calls []byte) (err error) {
	c := sharedinstance.Config{Reticulum: n.network.config.Reticulum, Identity: calls, Logger: n.log.network}
	if n.instance, err = sharedinstance.Join(ctx, c); err != nil {
		return err
	}
	if n.instance.Role() != sharedinstance.Client {
		return n.attach()
	}
	caller, err := sharedinstance.NewCaller(c)
	if err != nil {
		n.log.network.Debug("no calls to the shared instance", "err", err)
		return nil
	}
	n.master = caller
	return nil
}

// attach adds the interfaces of the configuration: at start, or when the master that this program was a client of has gone. That one cannot
// be made is an error with panic_on_interface_error only.
func (n *node) attach() error {
	made := n.network.attach(n.transport, n.log.network)
	n.mu.Lock()
	n.attached = made
	n.mu.Unlock()
	if !n.network.config.Reticulum.PanicOnInterfaceError {
		return nil
	}
	broken := slices.Clone(n.network.leftOut)
	for _, w := range made.notices {
		broken = append(broken, w.Text)
	}
	if len(broken) > 0 {
		return interfaceFailure(strings.Join(broken, "\n"))
	}
	return nil
}

// interfaceFailure ends the program as panic_on_interface_error wants it.
func interfaceFailure(text string) error {
	return &failure{code: exitInterface, msg: text, hint: "mend it, or panic_on_interface_error = no"}
}

// interfaceFailed is told by the transport.
func (n *node) interfaceFailed(name string, err error) {
	if n.network.config.Reticulum.PanicOnInterfaceError {
		select {
		case n.broken <- fmt.Sprintf("%s has failed: %v", name, err):
		default: // one is enough
		}
	}
}

// awaitBroken returns when ctx ends, or why panic_on_interface_error ends the program.
func (n *node) awaitBroken(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case text := <-n.broken:
		return interfaceFailure(text)
	}
}

// connected is what is attached now.
func (n *node) connected() connected {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.attached
}

// caller asks the shared instance that we use; nil when we use none, or have no key for it.
func (n *node) caller() *sharedinstance.Caller {
	if n.instance.Role() != sharedinstance.Client {
		return nil
	}
	return n.master
}

// describeInstance says who shares the connection, and what of that wants a person.
func (n *node) describeInstance(s rns.Stats) (i web.Instance, notices []web.Notice) {
	i = web.Instance{Role: n.instance.Role().String(), Name: n.instance.Name(), Programs: s.LocalClients}
	switch {
	case n.instance.Err() != nil:
		i.Error = n.instance.Err().Error()
		notices = append(notices, web.Notice{
			Text: "this server shares its connection with no other program: " + i.Error,
			Hint: "another instance_name in " + n.network.path + ", or share_instance = no",
		})
	case n.instance.Role() == sharedinstance.Client && !online(s, rns.LocalMaster):
		notices = append(notices, web.Notice{
			Text: "the shared instance " + i.Name + " is gone: this server waits for it, and takes its place if it does not come back",
		})
	}
	return i, notices
}

// online says whether an interface of that role is up.
func online(s rns.Stats, role rns.LocalRole) bool {
	for _, i := range s.Interfaces {
		if i.Local == role && i.Carrier.Online {
			return true
		}
	}
	return false
}

// Asking a master how slow its interfaces are.
const (
	askMasterEvery  = 5 * time.Minute
	askMasterWithin = 5 * time.Second
)

// slowMaster remembers how slow the slowest interface of the shared instance is that we use: our announces must wait their turn for it,
// and what is sent is charged to it.
type slowMaster struct {
	asked   time.Time
	slowest int64 // bit/s; 0: not known
}

// look asks when it is time, and tells whether airtime is scarce. It is called by one goroutine.
func (m *slowMaster) look(ctx context.Context, c *sharedinstance.Caller, now time.Time) bool {
	if c == nil || !m.asked.IsZero() && now.Sub(m.asked) < askMasterEvery {
		return c != nil && m.slow()
	}
	m.asked = now
	within, cancel := context.WithTimeout(ctx, askMasterWithin)
	defer cancel()
	list, err := c.Interfaces(within)
	if err == nil {
		m.slowest = slowestOf(list)
	}
	return m.slow()
}

func (m *slowMaster) slow() bool { return m.slowest > 0 && m.slowest < slowBitrate }

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"groupd/rns"
	"groupd/rns/interfaces/tcp"
	"groupd/rns/msgpack"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"groupd": main})
}

// Scripts begin in a home of their own. $PORT is a free TCP port, $DATA the data directory, and the servers of a script tell
// when they are ready, as a service manager is told.
func TestScripts(t *testing.T) {
	ports := &portPool{taken: make(map[int]bool)}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			data := filepath.Join(home, "data")
			if err := os.MkdirAll(home, 0o700); err != nil {
				return err
			}
			port, err := ports.free()
			if err != nil {
				return err
			}
			l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(e.WorkDir, "notify"), Net: "unixgram"})
			if err != nil {
				return err
			}
			e.Values[notifyKey{}] = l
			e.Defer(func() { l.Close() })
			e.Setenv("HOME", home)
			e.Setenv("GORACE", "atexit_sleep_ms=0")
			e.Setenv("GROUPD_DATA", data)
			e.Setenv("GROUPD_RNSCONFIG", filepath.Join(home, ".reticulum")) // whatever this machine has in /etc
			e.Setenv("DATA", data)
			e.Setenv("PORT", strconv.Itoa(port))
			e.Setenv("NOTIFY_SOCKET", l.LocalAddr().String())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": cmdReady, "network": cmdNetwork, "join": cmdJoin, "field": cmdField, "mode": cmdMode, "setenv": cmdSetenv, "expand": cmdExpand, "twin": cmdTwin,
			"await": cmdAwait,
		},
	})
}

type notifyKey struct{}

// patience bounds what a script waits for.
const patience = 30 * time.Second

// portPool gives each script another port.
type portPool struct {
	mu    sync.Mutex
	taken map[int]bool
}

func (p *portPool) free() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			return 0, err
		}
		if !p.taken[port] {
			p.taken[port] = true
			return port, nil
		}
	}
}

// expand FILE replaces $NAMES in a file.
func cmdExpand(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	ts.Check(os.WriteFile(path, []byte(os.Expand(ts.ReadFile(args[0]), ts.Getenv)), 0o600))
}

// awaitTold reads what the server tells its service manager, until it tells the text.
func awaitTold(l *net.UnixConn, text string) error {
	if err := l.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	b := make([]byte, 4096)
	for {
		n, err := l.Read(b)
		if err != nil {
			return err
		}
		if strings.Contains(string(b[:n]), text) {
			return nil
		}
	}
}

// ready waits until a server serves.
func cmdReady(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(awaitTold(ts.Value(notifyKey{}).(*net.UnixConn), "READY=1"))
}

// await PATTERN COMMAND … runs a command again and again until what it prints fits: for what nobody is told of.
func cmdAwait(ts *testscript.TestScript, neg bool, args []string) {
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; <-tick.C {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && pattern.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%q never fits", args[0])
		}
	}
}

// network writes a Reticulum configuration with a TCP server on $PORT.
func cmdNetwork(ts *testscript.TestScript, neg bool, args []string) {
	dir := filepath.Join(ts.Getenv("HOME"), ".reticulum")
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(os.WriteFile(filepath.Join(dir, "config"), []byte(networkConfig(ts.Getenv("PORT"))), 0o600))
}

func networkConfig(port string) string {
	return "[reticulum]\nshare_instance = no\n[logging]\nloglevel = 3\n[interfaces]\n[[Here]]\ntype = TCPServerInterface\nenabled = yes\nlisten_ip = 127.0.0.1\nlisten_port = " + port + "\n"
}

// mode FILE 0600 checks a mode.
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s", args[0], got)
	}
}

// field PATH VALUE checks a field of the JSON on stdout, such as groups.0.name; field PATH ->NAME keeps it as a variable.
func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for _, part := range strings.Split(args[0], ".") {
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[part]
			if !ok {
				ts.Fatalf("there is no %s in %s", part, args[0])
			}
			v = next
		case []any:
			if part == "len" {
				v = float64(len(in))
				continue
			}
			i, err := strconv.Atoi(part)
			ts.Check(err)
			if i >= len(in) {
				ts.Fatalf("%s has %d items", args[0], len(in))
			}
			v = in[i]
		default:
			ts.Fatalf("%s: nothing below %v", args[0], v)
		}
	}
	got := fmt.Sprint(v)
	if name, ok := strings.CutPrefix(args[1], "->"); ok {
		ts.Setenv(name, got)
	} else if (got == args[1]) == neg {
		ts.Fatalf("%s is %q", args[0], got)
	}
}

// setenv NAME FILE N keeps the Nth word of a file.
func cmdSetenv(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Setenv(args[0], strings.Fields(ts.ReadFile(args[1]))[n])
}

// join NUMBER NAME asks to join over a link, as a member's program with that identity; its address is then $ADDRESS.
func cmdJoin(ts *testscript.TestScript, neg bool, args []string) {
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	port, err := strconv.Atoi(ts.Getenv("PORT"))
	ts.Check(err)
	key, err := os.ReadFile(ts.MkAbs("key"))
	ts.Check(err)
	reply, address, err := joinOver(port, byte(number), key, args[1])
	ts.Check(err)
	ts.Logf("%s", reply)
	ts.Setenv("ADDRESS", address)
}

// twin announces the group's address from elsewhere, with its key, and waits until the server says that it heard.
func cmdTwin(ts *testscript.TestScript, neg bool, args []string) {
	port, err := strconv.Atoi(ts.Getenv("PORT"))
	ts.Check(err)
	key, err := os.ReadFile(ts.MkAbs("key"))
	ts.Check(err)
	ts.Check(onNetwork(port, func(ctx context.Context, t *rns.Transport) error {
		id, err := rns.LoadIdentity(key)
		if err != nil {
			return err
		}
		d, err := t.NewDestination(rns.DestinationConfig{Type: rns.DestinationSingle, Identity: id, App: "lxmf", Aspects: []string{"delivery"}})
		if err != nil {
			return err
		}
		if err := d.Announce(ctx); err != nil {
			return err
		}
		return awaitTold(ts.Value(notifyKey{}).(*net.UnixConn), "STATUS=read-only")
	}))
}

// onNetwork runs f with a node that is connected to a port.
func onNetwork(port int, f func(context.Context, *rns.Transport) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t, err := rns.New(rns.Config{})
	if err != nil {
		return err
	}
	c, err := tcp.NewClient(tcp.ClientConfig{Name: "test", Host: "127.0.0.1", Port: port})
	if err != nil {
		return err
	}
	up := make(chan struct{}, 1)
	if err := t.AddInterface(notifying{c, up}, rns.InterfaceOptions{}); err != nil {
		return err
	}
	life, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- t.Run(life) }()
	defer func() { stop(); <-ended }()
	select {
	case <-up:
	case <-ctx.Done():
		return ctx.Err()
	}
	return f(ctx, t)
}

// notifying is a client that tells the test, too, when it is up.
type notifying struct {
	*tcp.Client
	up chan<- struct{}
}

func (n notifying) NotifyUp(f func()) {
	n.Client.NotifyUp(func() {
		f()
		select {
		case n.up <- struct{}{}:
		default:
		}
	})
}

// joinOver opens a link to the group whose private key is given and asks to join it.
func joinOver(port int, number byte, groupKey []byte, name string) (reply, address string, err error) {
	id, err := rns.LoadIdentity(groupKey)
	if err != nil {
		return "", "", err
	}
	me, err := testIdentity(number)
	if err != nil {
		return "", "", err
	}
	request, err := json.Marshal(map[string]string{"name": name})
	if err != nil {
		return "", "", err
	}
	err = onNetwork(port, func(ctx context.Context, t *rns.Transport) error {
		l, err := t.OpenLink(ctx, t.NewRemote(id.Public(), "meshchat", "group"))
		if err != nil {
			return err
		}
		defer l.Close()
		if err := l.Identify(me); err != nil {
			return err
		}
		r, err := l.Request(ctx, "/api/v1/join", msgpack.Str(string(request)), rns.RequestOptions{Timeout: 10 * time.Second})
		if err == nil {
			reply, _ = r.Data.Str()
		}
		return err
	})
	return reply, rns.HashDestination(ptr(me.Hash()), "lxmf", "delivery").String(), err
}

func ptr[T any](v T) *T { return &v }

func testIdentity(number byte) (*rns.Identity, error) {
	private := make([]byte, rns.PrivateKeyLength)
	for i := range private {
		private[i] = number + byte(i)*7 + 1
	}
	return rns.LoadIdentity(private)
}

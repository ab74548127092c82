package sharedinstance

import (
	"context"
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"groupd/rns"
	"groupd/rns/config"
	"groupd/rns/interfaces/local"
)

// join joins and fails the test when that fails.
func join(t *testing.T, c config.Reticulum, after time.Duration) *Instance {
	t.Helper()
	i, err := Join(t.Context(), Config{Reticulum: c, Identity: count(64), TakeOverAfter: after})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { i.Close() })
	return i
}

// program is a running program with its transport and its part in the sharing.
type program struct {
	*rns.Transport
	instance *Instance
	stop     func()

	mu     sync.Mutex
	master int // how often it was told that it became the master
}

func start(t *testing.T, i *Instance) *program {
	t.Helper()
	transport, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p := &program{Transport: transport, instance: i}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := transport.Run(ctx); err != nil {
			t.Errorf("transport: %v", err)
		}
	})
	wg.Go(func() {
		err := i.Run(ctx, transport, func() error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.master++
			return nil
		})
		if err != nil {
			t.Errorf("instance: %v", err)
		}
	})
	p.stop = sync.OnceFunc(func() { cancel(); wg.Wait() })
	t.Cleanup(p.stop)
	<-transport.Ready()
	return p
}

func (p *program) told() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.master
}

// up waits until the program has n local interfaces that are up.
func (p *program) up(t *testing.T, n int) {
	t.Helper()
	eventually(t, func() bool {
		up := 0
		for _, i := range p.Stats().Interfaces {
			if strings.HasPrefix(i.Name, "LocalInterface[") && i.Carrier.Online {
				up++
			}
		}
		return up == n
	})
}

func TestProgramThatDoesNotShareStandsAlone(t *testing.T) {
	t.Parallel()
	i := join(t, config.Reticulum{InstanceName: "x"}, 0)
	if i.Role() != Standalone || i.Err() != nil || i.Name() != "" {
		t.Errorf("%v, %v, %q", i.Role(), i.Err(), i.Name())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := i.Run(ctx, nil, nil); err != nil {
		t.Error(err)
	}
}

// I-100: the second program with the same configuration is a client.
func TestFirstProgramIsTheMasterAndTheNextItsClient(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"unix", "tcp"} {
		c := reticulum()
		if c.SharedInstanceType = kind; kind == "tcp" {
			c.SharedInstancePort, c.InstanceControlPort = freePorts(t)
		}
		first := join(t, c, 0)
		second := join(t, c, 0)
		if first.Role() != Master || second.Role() != Client || first.Name() != second.Name() {
			t.Errorf("%s: %v and %v", kind, first.Role(), second.Role())
		}
		if err := errors.Join(second.Close(), first.Close()); err != nil {
			t.Error(err)
		}
		if third := join(t, c, 0); third.Role() != Master {
			t.Errorf("%s: after both left: %v", kind, third.Role())
		}
	}
}

func freePorts(t *testing.T) (data, control int) {
	t.Helper()
	list := []int{0, 0}
	for i := range list {
		l, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(l)
		if err := syscall.Bind(l, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		a, err := syscall.Getsockname(l)
		if err != nil {
			t.Fatal(err)
		}
		list[i] = a.(*syscall.SockaddrInet4).Port
	}
	return list[0], list[1]
}

// I-101: bound, but nobody listens.
func TestUnreachableMasterMakesAProgramStandAlone(t *testing.T) {
	t.Parallel()
	c := reticulum()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: "@rns/" + c.InstanceName}); err != nil {
		t.Fatal(err)
	}
	if i := join(t, c, 0); i.Role() != Standalone || i.Err() == nil {
		t.Errorf("%v, %v", i.Role(), i.Err())
	}
}

func TestInstanceNamesThatDoNotFitAreRefused(t *testing.T) {
	t.Parallel()
	c := config.Reticulum{ShareInstance: true, SharedInstanceType: "unix", InstanceName: strings.Repeat("x", 200)}
	if _, err := Join(t.Context(), Config{Reticulum: c}); err == nil {
		t.Error("joined")
	}
	c.InstanceName = "x"
	if _, err := Join(t.Context(), Config{Reticulum: c, Identity: count(3)}); err == nil {
		t.Error("joined with a third of an identity")
	}
}

// I-118: everybody who is connected counts.
func TestMasterAnswersCallsOfItsClients(t *testing.T) {
	t.Parallel()
	c := reticulum()
	master := start(t, join(t, c, 0))
	client := start(t, join(t, c, 0))
	client.up(t, 1)
	master.up(t, 1)
	caller, err := NewCaller(Config{Reticulum: c, Identity: count(64)})
	if err != nil {
		t.Fatal(err)
	}
	var list []InterfaceInfo
	eventually(t, func() bool {
		list, err = caller.Interfaces(t.Context())
		return err == nil && len(list) == 2
	})
	if list[0].Name != "Shared Instance[rns/"+c.InstanceName+"]" || list[0].Clients != 1 || list[1].Name != "LocalInterface[rns/"+c.InstanceName+"]" {
		t.Errorf("%+v", list)
	}
}

func TestMasterWithoutAKeyServesProgramsAndTakesNoCalls(t *testing.T) {
	t.Parallel()
	c := reticulum()
	i, err := Join(t.Context(), Config{Reticulum: c})
	if err != nil {
		t.Fatal(err)
	}
	master := start(t, i)
	start(t, join(t, c, 0)).up(t, 1)
	master.up(t, 1)
	caller, err := NewCaller(Config{Reticulum: c, Identity: count(64)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := caller.LinkCount(t.Context()); err == nil {
		t.Error("answered")
	}
}

func TestClientTakesOverWhenTheMasterIsGone(t *testing.T) {
	t.Parallel()
	c := reticulum()
	master := start(t, join(t, c, 0))
	client := start(t, join(t, c, 20*time.Millisecond))
	client.up(t, 1)
	master.stop()
	eventually(t, func() bool { return client.told() == 1 && client.instance.Role() == Master })
	next := start(t, join(t, c, 0))
	if next.instance.Role() != Client {
		t.Errorf("the next is %v", next.instance.Role())
	}
	next.up(t, 1)
	client.up(t, 1)
	caller, err := NewCaller(Config{Reticulum: c, Identity: count(64)})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { _, err := caller.LinkCount(t.Context()); return err == nil })
}

func TestOfManyClientsOneTakesOverAndTheOthersFollow(t *testing.T) {
	t.Parallel()
	c := reticulum()
	master := start(t, join(t, c, 0))
	var clients []*program
	for range 4 {
		p := start(t, join(t, c, 20*time.Millisecond))
		p.up(t, 1)
		clients = append(clients, p)
	}
	master.stop()
	var heir *program
	eventually(t, func() bool {
		for _, p := range clients {
			if p.instance.Role() == Master {
				heir = p
			}
		}
		return heir != nil
	})
	heir.up(t, 3)
	for _, p := range clients {
		if p != heir && p.instance.Role() != Client {
			t.Errorf("a second one is %v", p.instance.Role())
		}
	}
}

func TestClientWaitsForAMasterThatRestarts(t *testing.T) {
	t.Parallel()
	c := reticulum()
	data, err := local.Unix(c.InstanceName)
	if err != nil {
		t.Fatal(err)
	}
	master := start(t, join(t, c, 0))
	client := start(t, join(t, c, -1))
	client.up(t, 1)
	master.stop()
	client.up(t, 0)
	again := join(t, c, 0)
	if again.Role() != Master {
		t.Fatalf("%v: %v", data, again.Role())
	}
	start(t, again).up(t, 1)
	if client.told() != 0 || client.instance.Role() != Client {
		t.Errorf("took over: %v", client.instance.Role())
	}
}

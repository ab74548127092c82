// Package rnstest runs whole Reticulum nodes in one process, on the media of ifacetest, for tests. It works in a
// testing/synctest bubble, where time is virtual, and outside.
package rnstest

import (
	"context"
	"testing"

	"groupd/rns"
	"groupd/rns/interfaces"
	"groupd/rns/interfaces/ifacetest"
)

// Node is a running transport.
type Node struct {
	*rns.Transport
	t    testing.TB
	stop context.CancelFunc
	done chan struct{}
	err  error
}

// Start makes a transport of the configuration, gives it the ports, and runs it until the test ends or Stop is called.
func Start(t testing.TB, c rns.Config, ports ...*ifacetest.Port) *Node {
	t.Helper()
	return StartWith(t, c, rns.InterfaceOptions{}, ports...)
}

// StartWith is Start with options for all ports.
func StartWith(t testing.TB, c rns.Config, o rns.InterfaceOptions, ports ...*ifacetest.Port) *Node {
	t.Helper()
	tr, err := rns.New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ports {
		if err := tr.AddInterface(interfaces.Interface(p), o); err != nil {
			t.Fatal(err)
		}
	}
	return Run(t, tr)
}

// Run runs a transport until the test ends or Stop is called. It returns when the transport is ready.
func Run(t testing.TB, tr *rns.Transport) *Node {
	ctx, cancel := context.WithCancel(context.Background())
	n := &Node{Transport: tr, t: t, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(n.done)
		n.err = tr.Run(ctx)
	}()
	t.Cleanup(n.Stop)
	select {
	case <-tr.Ready():
	case <-n.done:
	}
	return n
}

// Stop ends the node and waits until it has ended. The test fails when it did not end well. Stopping again does nothing.
func (n *Node) Stop() {
	n.stop()
	<-n.done
	if n.err != nil {
		n.t.Errorf("node: %v", n.err)
	}
}

// Identity makes an identity, or fails the test. The same number makes the same one.
func Identity(t testing.TB, number byte) *rns.Identity {
	t.Helper()
	private := make([]byte, rns.PrivateKeyLength)
	for i := range private {
		private[i] = number + byte(i)*7 + 1
	}
	id, err := rns.LoadIdentity(private)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

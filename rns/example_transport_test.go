package rns_test

import (
	"context"
	"crypto/rand"
	"fmt"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
)

// Two nodes on one cable: one announces a destination, the other hears it, sends a packet, and gets the proof.
func ExampleRemoteDestination_Send() {
	ctx, stop := context.WithCancel(context.Background())
	cable := ifacetest.NewMedium(ifacetest.Options{})
	ended := make(chan error, 2)
	start := func(name string) *rns.Transport {
		t, err := rns.New(rns.Config{})
		if err != nil {
			panic(err)
		}
		if err := t.AddInterface(cable.Port(name), rns.InterfaceOptions{}); err != nil {
			panic(err)
		}
		go func() { ended <- t.Run(ctx) }()
		return t
	}
	alice, bob := start("alice"), start("bob")

	identity, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		panic(err)
	}
	inbox, err := bob.NewDestination(rns.DestinationConfig{
		Identity: identity, App: "example", Aspects: []string{"inbox"},
		OnPacket: func(p *rns.ReceivedPacket) {
			fmt.Printf("bob got %q over %d hop\n", p.Data, p.Hops)
			if err := p.Prove(); err != nil {
				fmt.Println(err)
			}
		},
	})
	if err != nil {
		panic(err)
	}

	heard := make(chan rns.Announced, 1)
	alice.HandleAnnounces("example.inbox", rns.AnnounceHandlerOptions{}, func(a rns.Announced) { heard <- a })
	if err := inbox.Announce(ctx); err != nil {
		panic(err)
	}
	a := <-heard

	receipt, err := alice.NewRemote(a.Identity, "example", "inbox").Send(ctx, []byte("hello"))
	if err != nil {
		panic(err)
	}
	<-receipt.Done()
	fmt.Println(receipt.Status())

	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// bob got "hello" over 1 hop
	// delivered
	// <nil> <nil>
}

// Who was given an address, such as one that somebody typed in, asks the network for the way to it: the answer is an announce, which
// brings the key too.
func ExampleTransport_Recall() {
	ctx, stop := context.WithCancel(context.Background())
	cable := ifacetest.NewMedium(ifacetest.Options{})
	ended := make(chan error, 2)
	start := func(name string) *rns.Transport {
		t, err := rns.New(rns.Config{})
		if err != nil {
			panic(err)
		}
		if err := t.AddInterface(cable.Port(name), rns.InterfaceOptions{}); err != nil {
			panic(err)
		}
		go func() { ended <- t.Run(ctx) }()
		<-t.Ready()
		return t
	}
	alice, bob := start("alice"), start("bob")
	identity, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		panic(err)
	}
	page, err := bob.NewDestination(rns.DestinationConfig{Identity: identity, App: "nomadnetwork", Aspects: []string{"node"}})
	if err != nil {
		panic(err)
	}
	typed := page.Hash().String() // 32 hex characters

	address, err := rns.ParseDestinationHash(typed)
	if err != nil {
		panic(err)
	}
	if err := alice.AwaitPath(ctx, address); err != nil { // rns.ErrNoPath after 15 s, or when ctx ends
		panic(err)
	}
	known, ok := alice.Recall(address)
	if !ok {
		panic("the address is known no more")
	}
	// The name is not in the announce: it must be that of the address.
	remote := alice.NewRemote(known.Identity, "nomadnetwork", "node")
	link, err := alice.OpenLink(ctx, remote)
	if err != nil {
		panic(err)
	}
	fmt.Println(remote.Hash() == address, link.State(), link.Hops())

	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// true ACTIVE 1
	// <nil> <nil>
}

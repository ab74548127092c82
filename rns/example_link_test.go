package rns_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
)

// A client opens a link, says who it is, and asks for something.
func ExampleTransport_OpenLink() {
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
	client, server := start("client"), start("server")
	newIdentity := func() *rns.Identity {
		id, err := rns.NewIdentity(rand.Reader)
		if err != nil {
			panic(err)
		}
		return id
	}

	service, err := server.NewDestination(rns.DestinationConfig{Identity: newIdentity(), App: "example", Aspects: []string{"service"}})
	if err != nil {
		panic(err)
	}
	service.HandleRequest("/greet", func(_ context.Context, r *rns.Request) (msgpack.Raw, bool) {
		name, ok := r.Data.Str()
		return msgpack.Str("hello " + name), ok && r.Remote != nil
	})
	if err := service.Announce(ctx); err != nil {
		panic(err)
	}

	link, err := client.OpenLink(ctx, client.NewRemote(service.Identity().Public(), "example", "service"))
	if err != nil {
		panic(err)
	}
	if err := link.Identify(newIdentity()); err != nil {
		panic(err)
	}
	response, err := link.Request(ctx, "/greet", msgpack.Str("alice"), rns.RequestOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(response.Data.Str())
	if err := link.Close(); err != nil {
		panic(err)
	}
	fmt.Println(link.State(), link.Err())

	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// hello alice true
	// CLOSED link closed: INITIATOR_CLOSED
	// <nil> <nil>
}

// A stream is a connection over a link, for whatever reads and writes bytes.
func ExampleChannel_OpenStream() {
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
	client, server := start("client"), start("server")
	identity, err := rns.NewIdentity(rand.Reader)
	if err != nil {
		panic(err)
	}
	streams := make(chan *rns.Stream, 1)
	service, err := server.NewDestination(rns.DestinationConfig{
		Identity: identity, App: "example", Aspects: []string{"shell"},
		OnLink: func(l *rns.Link) {
			s, err := l.Channel().OpenStream(0) // before the first packet of the link is handled
			if err != nil {
				panic(err)
			}
			streams <- s
		},
	})
	if err != nil {
		panic(err)
	}
	if err := service.Announce(ctx); err != nil {
		panic(err)
	}
	link, err := client.OpenLink(ctx, client.NewRemote(identity.Public(), "example", "shell"))
	if err != nil {
		panic(err)
	}
	ours, err := link.Channel().OpenStream(0)
	if err != nil {
		panic(err)
	}
	theirs := <-streams
	go func() {
		if _, err := io.WriteString(ours, "a word, and another"); err != nil {
			panic(err)
		}
		if err := ours.CloseWrite(); err != nil {
			panic(err)
		}
	}()
	text, err := io.ReadAll(theirs)
	fmt.Printf("%s, %v\n", text, err)

	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// a word, and another, <nil>
	// <nil> <nil>
}

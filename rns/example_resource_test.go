package rns_test

import (
	"context"
	"crypto/rand"
	"fmt"

	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/msgpack"
)

// A file goes over a link: its receiver decides before anything is transferred, and proves it once it is safe.
func ExampleLink_SendResource() {
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
	drop, err := server.NewDestination(rns.DestinationConfig{
		Identity: identity, App: "example", Aspects: []string{"drop"},
		OnLink: func(l *rns.Link) { // before the first packet of the link is handled
			l.SetHandlers(rns.LinkHandlers{
				OnResource: func(o rns.ResourceOffer) rns.ResourceDecision {
					return rns.ResourceDecision{Accept: o.Size <= 1<<20, MaxSize: 1 << 20}
				},
				OnResourceDone: func(r *rns.ReceivedResource) {
					if r.Err != nil {
						fmt.Println(r.Err)
						return
					}
					name, _ := r.Metadata.Str()
					fmt.Printf("server got %s, %d bytes\n", name, r.Size)
					if err := r.Prove(); err != nil { // after it was written, in a program that keeps files
						fmt.Println(err)
					}
				},
			})
		},
	})
	if err != nil {
		panic(err)
	}
	if err := drop.Announce(ctx); err != nil {
		panic(err)
	}
	link, err := client.OpenLink(ctx, client.NewRemote(identity.Public(), "example", "drop"))
	if err != nil {
		panic(err)
	}
	send := func(name string, size int) error {
		return link.SendResource(ctx, rns.ResourceBytes(make([]byte, size)), rns.ResourceOptions{Metadata: msgpack.Str(name)})
	}
	fmt.Println(send("map.png", 100_000))
	fmt.Println(send("film.mkv", 2<<20))

	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// server got map.png, 100000 bytes
	// <nil>
	// send resource: rejected by the other end
	// <nil> <nil>
}

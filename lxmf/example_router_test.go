package lxmf_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
	"groupd/rns/interfaces/tcp"
)

// Two programs on one cable: Bob writes down what he gets, proves it, and Alice sees that it was delivered.
func ExampleRouter() {
	cable := ifacetest.NewMedium(ifacetest.Options{})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var running sync.WaitGroup
	start := func(name string, key byte, onMessage func(*lxmf.Inbound)) (*lxmf.Router, *lxmf.Delivery) {
		identity, _ := rns.LoadIdentity(bytes.Repeat([]byte{key}, 64))
		transport, _ := rns.New(rns.Config{})
		_ = transport.AddInterface(cable.Port(name), rns.InterfaceOptions{})
		router, _ := lxmf.NewRouter(lxmf.RouterConfig{Transport: transport})
		delivery, _ := router.AddDelivery(lxmf.DeliveryConfig{
			Identity:    identity,
			DisplayName: func() string { return name },
			OnMessage:   onMessage,
		})
		running.Go(func() { _ = transport.Run(ctx) })
		running.Go(func() { _ = router.Run(ctx) })
		return router, delivery
	}
	router, alice := start("Alice", 1, func(in *lxmf.Inbound) { in.Prove() })
	_, bob := start("Bob", 2, func(in *lxmf.Inbound) {
		fmt.Printf("Bob reads: %s\n", in.Message.Content)
		in.Prove() // after the commit, in a program with a database
	})
	_ = alice.Announce(ctx)
	_ = bob.Announce(ctx)

	message, err := router.Send(ctx, &lxmf.Outbound{From: alice, To: bob.Address(), Content: []byte("Hello, Bob")})
	if err != nil {
		fmt.Println(err)
		return
	}
	<-message.Done()
	fmt.Println(message.State())
	stop()
	running.Wait()
	// Output:
	// Bob reads: Hello, Bob
	// delivered
}

// A bot with an outbox: what its reader is not there for is left with a propagation node, and mail that waits there is collected.
func ExampleNewPropagation() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	identity, err := rns.NewIdentity(rand.Reader) // kept in a file, in a program that runs twice
	if err != nil {
		log.Fatal(err)
	}
	transport, err := rns.New(rns.Config{})
	if err != nil {
		log.Fatal(err)
	}
	hub, err := tcp.NewClient(tcp.ClientConfig{Name: "hub", Host: "hub.example.org", Port: 4242})
	if err != nil {
		log.Fatal(err)
	}
	if err := transport.AddInterface(hub, rns.InterfaceOptions{Tunnel: true}); err != nil {
		log.Fatal(err)
	}
	router, err := lxmf.NewRouter(lxmf.RouterConfig{Transport: transport})
	if err != nil {
		log.Fatal(err)
	}
	var bot *lxmf.Delivery
	bot, err = router.AddDelivery(lxmf.DeliveryConfig{
		Identity: identity, DisplayName: func() string { return "Echo" },
		OnMessage: func(in *lxmf.Inbound) { // must not block: Send only queues
			_, err := router.Send(ctx, &lxmf.Outbound{
				From: bot, To: in.Message.Source, Content: in.Message.Content,
				Propagate: true,          // to the node when five attempts were in vain
				TTL:       6 * time.Hour, // and to the reader, if he is heard within that time
			})
			if err != nil {
				log.Print(err) // too many wait
			}
			in.Prove()
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	outbox, err := lxmf.NewPropagation(router, lxmf.PropagationConfig{Auto: true}) // or the addresses of some, as Nodes
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for wait := time.Second; ctx.Err() == nil; {
			if bot.Announce(ctx) == nil { // there was a connection
				wait = 6 * time.Hour
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
	}()
	var running sync.WaitGroup
	running.Go(func() { _ = outbox.Run(ctx) })
	running.Go(func() { _ = router.Run(ctx) })
	if err := transport.Run(ctx); err != nil {
		log.Print(err)
	}
	running.Wait()
}

// A message on paper: Alice prints a QR code of the URI, Bob scans it. No network is needed where they have each other's key.
func ExampleRouter_Paper() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var running sync.WaitGroup
	known := make(map[rns.DestinationHash]*rns.PublicIdentity) // as in an address book
	start := func(key byte, onMessage func(*lxmf.Inbound)) (*lxmf.Router, *lxmf.Delivery) {
		identity, _ := rns.LoadIdentity(bytes.Repeat([]byte{key}, 64))
		known[lxmf.DeliveryHash(identity.Public())] = identity.Public()
		transport, _ := rns.New(rns.Config{})
		router, _ := lxmf.NewRouter(lxmf.RouterConfig{
			Transport: transport,
			LookupIdentity: func(address rns.DestinationHash) (*rns.PublicIdentity, bool) {
				id, ok := known[address]
				return id, ok
			},
		})
		delivery, _ := router.AddDelivery(lxmf.DeliveryConfig{Identity: identity, OnMessage: onMessage})
		return router, delivery
	}
	read := make(chan string)
	hers, alice := start(1, func(in *lxmf.Inbound) { in.Prove() })
	his, bob := start(2, func(in *lxmf.Inbound) {
		in.Prove()
		read <- string(in.Message.Content)
	})

	running.Go(func() { _ = his.Run(ctx) })

	uri, _, err := hers.Paper(&lxmf.Outbound{From: alice, To: bob.Address(), Content: []byte("Hello, Bob")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(uri[:len(lxmf.PaperScheme)])
	if err := his.TakePaper(uri); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-read)
	stop()
	running.Wait()
	// Output:
	// lxm://
	// Hello, Bob
}

package lxmf_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"groupd/lxmf"
	"groupd/rns"
	"groupd/rns/interfaces/ifacetest"
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

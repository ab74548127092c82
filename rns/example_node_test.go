package rns_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"groupd/rns"
	"groupd/rns/filestore"
	"groupd/rns/interfaces/tcp"
)

// A whole program: a node that keeps its identity and what it has learned in a folder, reaches the network through a hub, and
// answers whoever sends it a packet with a proof.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	const folder = "node"
	store, err := filestore.Open(filepath.Join(folder, "storage"))
	if err != nil {
		log.Fatal(err)
	}
	identity, err := filestore.LoadOrCreateIdentity(filepath.Join(folder, "identity"), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	transport, err := rns.New(rns.Config{Store: store, Logger: slog.Default()})
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
	inbox, err := transport.NewDestination(rns.DestinationConfig{
		Identity: identity, App: "example", Aspects: []string{"inbox"}, Ratchets: &rns.RatchetConfig{},
		AnswerDelay: 25 * time.Millisecond, // stock programs on a LAN miss answers that are faster
		OnPacket: func(p *rns.ReceivedPacket) {
			fmt.Printf("%s\n", p.Data)
			_ = p.Prove() // the sender tries again when this one is lost
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for wait := time.Second; ctx.Err() == nil; { // again now and then, for those who came later
			if err := inbox.Announce(ctx); err != nil {
				log.Print(err) // no connection yet: nobody has heard it
			} else {
				wait = 6 * time.Hour
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
	}()
	if err := transport.Run(ctx); err != nil { // until the program is interrupted
		log.Fatal(err)
	}
}

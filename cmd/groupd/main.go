// Command groupd serves group chats on a Reticulum network, and talks to the running server.
//
//	groupd run        serve
//	groupd status     the one-screen picture
//	groupd help       all verbs
package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Environ(), stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

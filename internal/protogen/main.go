// Protogen makes the Go code and the descriptor set of the protobuf schema in proto/groupd/v1. Run it from the module's root:
//
//	go run ./internal/protogen
//
// It needs neither protoc nor any other installed program. A test of this package fails when what is checked in differs from what
// it would write.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", ".", "the module's root directory")
	flag.Parse()
	files, err := generate(context.Background(), *root)
	if err == nil {
		err = write(*root, files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "protogen:", err)
		os.Exit(1)
	}
}

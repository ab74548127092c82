package config_test

import (
	"fmt"

	"groupd/rns/config"
)

// A file as one finds it in ~/.reticulum: what a program needs of it, and what is worth a word.
func ExampleRead() {
	c, err := config.Read([]byte(`
[reticulum]
  enable_transport = yes

[interfaces]
  [[To a hub]]
    type = TCPClientInterface
    enabled = yes
    target_host = hub.example.org
    target_port = 4242
    colour = green
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range c.Interfaces {
		fmt.Println(i.Name, i.Enabled, i.TCPClient.TargetHost, i.TCPClient.TargetPort)
	}
	for _, p := range c.Warnings {
		fmt.Println(p)
	}
	// Output:
	// To a hub true hub.example.org 4242
	// line 11: [interfaces] [[To a hub]] colour: this option is not known here
}

package config_test

import (
	"errors"
	"strings"
	"testing"

	"groupd/rns/config"
)

// Each problem of a file comes with its line, and where the text does not say it all, with how to mend it.
func TestProblemsComeWithHints(t *testing.T) {
	const text = `[reticulum]
enable_transprot = yes
[loging]
[interfaces]
[[One]]
type = TcpClientInterface
enabled = yes
[[Two]]
type = TCPServerInterface
enabled = yes
listen_ip = 0.0.0.0
listen_port = 4242
frobnicate = 1
mode = gatway
`
	c, err := config.Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	hints := make(map[int]string)
	for _, w := range c.Warnings {
		hints[w.Line] = w.Hint
	}
	for line, want := range map[int]string{
		2: "did you mean enable_transport?", 3: "did you mean logging?", 6: "did you mean TCPClientInterface?",
		13: "delete the line", 14: "mode = full, access_point",
	} {
		if !strings.HasPrefix(hints[line], want) {
			t.Errorf("line %d: hint %q", line, hints[line])
		}
	}
	_, err = config.Read([]byte("[reticulum]\nshare_instance = maybe\nshared_instance_port = x\n[interfaces]\n[[A]]\nenabled = yes\n[[B]]\ntype = PipeInterface\nenabled = yes\nrubbish\n"))
	var all *config.Error
	if !errors.As(err, &all) || all.Problems[0].Hint != "key = value; a comment begins with #" {
		t.Fatalf("%v", err)
	}
	_, err = config.Read([]byte("[reticulum]\nshare_instance = maybe\nshared_instance_port = x\n[interfaces]\n[[A]]\nenabled = yes\n[[B]]\ntype = PipeInterface\nenabled = yes\n"))
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	for _, p := range all.Problems {
		if p.Hint == "" {
			t.Errorf("no hint: %v", p)
		}
	}
	if len(all.Problems) != 4 || all.Problems[3].Hint != "add a line: command = …" {
		t.Errorf("%+v", all.Problems)
	}
}

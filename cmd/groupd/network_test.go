package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"groupd/rns"
	"groupd/rns/interfaces"
)

// busy is a listener whose port is taken for a while.
type busy struct {
	free time.Time
	at   []time.Duration
	from time.Time
}

func (b *busy) Name() string                      { return "Busy" }
func (b *busy) Properties() interfaces.Properties { return interfaces.Properties{} }

func (b *busy) Serve(ctx context.Context, _ func(interfaces.Interface) func()) error {
	b.at = append(b.at, time.Since(b.from))
	if time.Now().Before(b.free) {
		return errors.New("address already in use")
	}
	<-ctx.Done()
	return nil
}

func TestAPortThatIsTakenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &busy{free: time.Now().Add(30 * time.Second), from: time.Now()}
		p := &patient{listener: b, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.Serve(ctx, nil) }()
		synctest.Wait()
		if why := p.why(); !strings.Contains(why, "in use") {
			t.Errorf("down, and says %q", why)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if why := p.why(); why != "" || len(b.at) != 4 || b.at[3] != 35*time.Second {
			t.Errorf("%q, tried at %v", why, b.at)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestInterfacesOfTheConfigurationAreUsedAndTheOthersNamed(t *testing.T) {
	dir := t.TempDir()
	text := `[interfaces]
[[Hub]]
type = TCPClientInterface
enabled = yes
target_host = 127.0.0.1
target_port = 4242
network_name = valley
passphrase = secret
ifac_size = 128
mode = boundary
[[Port]]
type = TCPServerInterface
enabled = yes
listen_ip = 127.0.0.1
listen_port = 4243
mode = access_point
[[Cloth]]
type = WeaveInterface
enabled = yes
[[Off]]
type = TCPClientInterface
enabled = no
[radio]
`
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := readNetwork(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := rns.New(rns.Config{})
	if err != nil {
		t.Fatal(err)
	}
	made := n.attach(tr, slog.New(slog.DiscardHandler))
	if len(made.listeners) != 1 || len(n.enabled) != 2 || len(made.notices) != 0 {
		t.Errorf("%d listeners, %d interfaces, %v", len(made.listeners), len(n.enabled), made.notices)
	}
	s := tr.Stats().Interfaces
	if len(s) != 1 || !s[0].IFAC || s[0].Mode != interfaces.ModeBoundary {
		t.Errorf("%+v", s)
	}
	var all []string
	for _, w := range n.notices {
		all = append(all, w.Text)
	}
	told := strings.Join(all, "\n")
	for _, want := range []string{"config:18: [interfaces] [[Cloth]] type: WeaveInterface is not supported", "config:11: [[Port]] is an access point", "config:23: [radio]"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not told:\n%s", want, told)
		}
	}
	if strings.Contains(told, "secret") {
		t.Error("a passphrase is told")
	}
}

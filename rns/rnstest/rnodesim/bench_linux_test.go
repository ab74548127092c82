package rnodesim_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"groupd/rns/rnstest/rnodesim"
)

func TestBenchGivesPortsToProgramsOutside(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "radios")
	ready, reported := make(chan []string, 1), make(chan int, 100)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- rnodesim.Bench{
			Dir: dir, Names: []string{"a", "b", "c"}, Hidden: [][2]string{{"a", "c"}},
			Ready: func(ports []string) { ready <- ports }, ReportEvery: 10 * time.Millisecond,
			Report: func(_ rnodesim.ChannelStats, all map[string]rnodesim.DeviceStats) {
				select {
				case reported <- len(all):
				default:
				}
			},
		}.Run(ctx)
	}()
	ports := <-ready
	if len(ports) != 3 || ports[1] != filepath.Join(dir, "b") || <-reported != 3 {
		t.Errorf("ports %v", ports)
	}
	f, err := os.OpenFile(ports[0], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte{0xc0, 0x08, 0x73, 0xc0})
	buf := make([]byte, 10)
	if n, err := f.Read(buf); string(buf[:n]) != "\xc0\x08\x46\xc0" {
		t.Errorf("answer %x, %v", buf[:n], err)
	}
	f.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, b := range []rnodesim.Bench{{Dir: dir}, {Dir: dir, Names: []string{"a", "a"}}, {Dir: dir, Names: []string{"../a"}}, {Dir: dir, Names: []string{"a"}, Hidden: [][2]string{{"a", "x"}}}} {
		if b.Run(t.Context()) == nil {
			t.Errorf("%+v is accepted", b)
		}
	}
}

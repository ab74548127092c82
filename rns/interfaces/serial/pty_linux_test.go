package serial_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"groupd/rns/interfaces/serial"
	"groupd/rns/rnstest/rnodesim"
)

func TestRealPortTicksAndNoticesThatItIsUnplugged(t *testing.T) {
	t.Parallel()
	d := rnodesim.NewChannel(rnodesim.ChannelOptions{}).NewDevice("a", rnodesim.DeviceOptions{})
	link := filepath.Join(t.TempDir(), "tty")
	pty, err := d.OpenPTY(link)
	if err != nil {
		t.Fatal(err)
	}
	p, err := serial.Open(serial.Line{Name: link, Speed: 115200, Parity: serial.ParityNone})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := p.Read(buf); n != 0 || err != nil {
		t.Errorf("idle: %d, %v", n, err)
	}
	if _, err := p.Write([]byte{0xc0, 0x08, 0x73, 0xc0}); err != nil {
		t.Error(err)
	}
	n, err := p.Read(buf)
	if err != nil || string(buf[:n]) != "\xc0\x08\x46\xc0" {
		t.Errorf("read %x, %v", buf[:n], err)
	}
	if err := pty.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for err == nil && time.Since(began) < 5*time.Second {
		_, err = p.Read(buf)
	}
	if err == nil || time.Since(began) > time.Second {
		t.Errorf("unplugged: %v after %v", err, time.Since(began))
	}
	if _, err := p.Write([]byte{1}); err == nil {
		t.Error("wrote to nothing")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	p.Close()
	if _, err := serial.Open(serial.Line{Name: link}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opening what is not there: %v", err)
	}
	if _, err := serial.Open(serial.Line{Name: link, Speed: 12345}); err == nil {
		t.Error("an odd speed is accepted")
	}
}

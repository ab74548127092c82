package serial

import (
	"os"

	"golang.org/x/sys/unix"
)

// openWriter opens the device once more for writing, so that writes have deadlines.
func openWriter(name string) (*os.File, error) {
	return os.OpenFile(name, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
}

// present says whether the device is still there: a terminal that was hung up knows no settings any more.
func present(f *os.File, _ string) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	there := false
	err = raw.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		there = err == nil
	})
	return err == nil && there
}

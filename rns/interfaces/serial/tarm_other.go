//go:build !linux

package serial

import "os"

// openWriter opens the device once more for writing.
func openWriter(name string) (*os.File, error) { return os.OpenFile(name, os.O_WRONLY, 0) }

// present says whether the device is still there.
func present(_ *os.File, name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

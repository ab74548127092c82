package filespool

import "syscall"

// free returns how many bytes of the file system of dir are for us.
func free(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return clip(uint64(s.Bavail), int64(s.Bsize)), nil
}

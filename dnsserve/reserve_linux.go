package dnsserve

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve makes sure that the disk has room for a part of a file: writing to a page of a map that has none
// is a signal, not an error.
func reserve(file *os.File, at, n int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, at, n)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return writeZeros(file, at, n)
	}
	if err != nil {
		return &os.PathError{Op: "fallocate", Path: file.Name(), Err: err}
	}
	return nil
}

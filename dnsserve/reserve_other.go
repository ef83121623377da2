//go:build !linux

package dnsserve

import "os"

// reserve makes sure that the disk has room for a part of a file: writing to a page of a map that has none
// is a signal, not an error.
func reserve(file *os.File, at, n int64) error { return writeZeros(file, at, n) }

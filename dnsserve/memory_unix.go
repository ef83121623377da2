//go:build unix

package dnsserve

import (
	"os"

	"golang.org/x/sys/unix"
)

// canMap says whether images can live in files here.
const canMap = true

// mapSegment maps segmentSize octets of a file, or of memory alone when file is nil.
func mapSegment(file *os.File, at int64) ([]byte, error) {
	if file == nil {
		return unix.Mmap(-1, 0, segmentSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	}
	return unix.Mmap(int(file.Fd()), at, segmentSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmapSegment(segment []byte) error { return unix.Munmap(segment) }

// syncSegment waits until the disk has a mapped segment.
func syncSegment(segment []byte) error { return unix.Msync(segment, unix.MS_SYNC) }

package dnsserve

import (
	"crypto/sha256"
	"os"
)

// thisBoot identifies the running kernel: as long as it runs, what a killed process wrote to a file is
// there. Zero when it can't be known, and then only what was synced is believed.
func thisBoot() (id [16]byte) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil || len(text) == 0 {
		return id
	}
	sum := sha256.Sum256(text)
	copy(id[:], sum[:])
	return id
}

//go:build !linux

package dnsserve

// thisBoot identifies the running kernel: as long as it runs, what a killed process wrote to a file is
// there. Zero when it can't be known, and then only what was synced is believed.
func thisBoot() (id [16]byte) { return id }

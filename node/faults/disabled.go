//go:build !faults

package faults

// Enabled says whether this binary can be made to fail.
const Enabled = false

//go:build !level1

package store

// HighestLevel is the newest level that this binary reads and writes.
const HighestLevel Level = 2

//go:build !level2

package store

// HighestLevel is the newest level that this binary reads and writes.
const HighestLevel Level = 3

//go:build level1

package store

// HighestLevel is the newest level that this binary reads and writes. With the
// tag level1 it is as a release before level 2 would be: for tests of clusters of two binaries.
const HighestLevel Level = 1

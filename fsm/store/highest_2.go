//go:build level2

package store

// HighestLevel is the newest level that this binary reads and writes. With the
// tag level2 it is as a release before level 3 would be: for tests of clusters of two binaries.
const HighestLevel Level = 2

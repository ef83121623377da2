//go:build bug_stale_read

package bugs

// Planted is the bug in this binary.
const Planted = StaleRead

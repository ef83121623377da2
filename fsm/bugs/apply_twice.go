//go:build bug_apply_twice

package bugs

// Planted is the bug in this binary.
const Planted = ApplyTwice

//go:build bug_ack_before_commit

package bugs

// Planted is the bug in this binary.
const Planted = AckBeforeCommit

//go:build !bug_ack_before_commit && !bug_apply_twice && !bug_stale_read && !bug_debit_without_create && !bug_clock_in_fsm

package bugs

// Planted is the bug in this binary.
const Planted = None

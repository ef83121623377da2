// Package bugs names known bugs that can be planted in a binary by a build tag,
// to show that the chaos tests find them (chaos/linear). Where one can be planted stands
//
//	if bugs.Planted == bugs.StaleRead {
//
// Planted is a constant, None without a tag: such a branch isn't even compiled.
package bugs

// Bug is a bug that can be planted.
type Bug string

// The bugs, one at a time, by the tag that plants them.
const (
	None Bug = ""

	// AckBeforeCommit (bug_ack_before_commit) has a leader answer a registrar's command with what it would do, before the log has it.
	AckBeforeCommit Bug = "acknowledge before commit"
	// ApplyTwice (bug_apply_twice) forgets the results of commands: one that is proposed again is executed again.
	ApplyTwice Bug = "apply twice"
	// StaleRead (bug_stale_read) answers linearizable reads from the local replica, as it is.
	StaleRead Bug = "stale read served as fresh"
	// DebitWithoutCreate (bug_debit_without_create) has some creates fail after the money has moved, and keeps what failed commands wrote.
	DebitWithoutCreate Bug = "debit without create"
	// ClockInFSM (bug_clock_in_fsm) has each replica look at its own clock instead of the entry's log time.
	ClockInFSM Bug = "clock in the FSM"
)

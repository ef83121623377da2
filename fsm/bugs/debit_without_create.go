//go:build bug_debit_without_create

package bugs

// Planted is the bug in this binary.
const Planted = DebitWithoutCreate

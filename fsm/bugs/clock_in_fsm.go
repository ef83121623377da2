//go:build bug_clock_in_fsm

package bugs

import "time"

// Planted is the bug in this binary.
const Planted = ClockInFSM

// LogTime is this machine's time, whatever the entry's stamp says.
func LogTime(int64) int64 { return time.Now().UnixMilli() }

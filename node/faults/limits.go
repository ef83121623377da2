package faults

import "time"

const (
	// maxFile bounds the file of trouble: it has a few lines.
	maxFile = 4096
	// maxSlow bounds how much longer a write takes: what is slower is a stall, and has a word of its own.
	maxSlow = time.Minute
	// maxOffset bounds a clock's offset, to keep every time that follows from it in range.
	maxOffset = 100 * 365 * 24 * time.Hour
	// lookInterval is how often the file is looked at: far below the time-outs that trouble runs into.
	lookInterval = 20 * time.Millisecond
)

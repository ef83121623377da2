package leases

import "time"

const (
	// every is how often a node tells the leader what it uses.
	every = time.Second
	// urgent is how soon it does when somebody waits for a larger share.
	urgent = 100 * time.Millisecond
	// patience bounds that wait: the node that has to give way hears of it within a second, and the next report has it.
	patience = 5 * time.Second
	// rethink is for how long a limit that is said to be used up may not be, after all: others tell the leader once
	// in a second what they have given back, and a busy machine is late.
	rethink = 2 * every
	// callTime bounds a report: a leader that is up answers within a round trip.
	callTime = 2 * time.Second
	// lostAfter is when a node that hasn't reported counts for nothing: it is down, most likely, and what its clients used they
	// now want elsewhere. If it is only cut off, it keeps its share, and the sum can be too high by that.
	lostAfter = time.Minute
	// idleAfter is when a key that nobody uses is forgotten.
	idleAfter = time.Minute
	// maxKeys bounds what a node keeps: registrars and addresses that are busy. Each takes some 200 octets.
	maxKeys = 16_384
	// maxReport bounds a report and its answer in keys: those used most come first.
	maxReport = 4096
	// maxMessage bounds a report or answer in octets.
	maxMessage = 4 << 20
	// slots is how many parts a window of events is counted in: an event counts for one part more or less than the window.
	slots = 16
)

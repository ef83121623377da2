package publisher

import "quorate/fsm/registry"

const (
	// maxNames is how many marked names one publication looks at: signed, they about fill registry.MaxPlan, and
	// take the leader some 50 ms.
	maxNames = 800
	// maxUnsigned is the same for unsigned zones.
	maxUnsigned = 2000
	// maxRefreshed is how many signatures one publication makes anew.
	maxRefreshed = 500
	// maxStaged is how many names a part of an edition holds at most.
	maxStaged = 1000
	// sharedEnd is how many signatures that are made at once end at once: their places in the state's index of ends are neighbours
	// then, where one each would be a page each. They are few beside what one publication makes anew.
	sharedEnd = 16
	// firstRest is for how long a duty that was refused rests, in log time: as long as a Tick takes to come, and twice as long each time.
	firstRest = registry.Second
	// maxRest is the longest such rest: an entry of the log and a batch of signatures each minute are nothing, and
	// whoever mends what is wrong without the zone's settings waits no longer.
	maxRest = registry.Minute
	// attemptsTold is after how many failures in a row a duty is a trouble that people must know of: fewer may be those of a leader that was
	// faster.
	attemptsTold = 3
	// maxResting is how many names' signatures rest by themselves; with more than these something else is wrong.
	maxResting = 1000
)

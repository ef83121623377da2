package linear

import "time"

const (
	// maxNames is how many names a history has at most: an account's state holds the charges of each.
	maxNames = 16

	// maxOps bounds a history that is read from a file: the search for an order keeps a bit for each operation at each step.
	maxOps = 200_000

	// maxLine bounds a line of a history that is read from a file, in bytes; an operation takes a few hundred.
	maxLine = 16 << 10

	// checkTimeout bounds the search for one order. A right history takes milliseconds; a wrong one may take all orders there are.
	checkTimeout = 30 * time.Second

	// patience is how long a client waits for an answer: longer than a node tries (8 s) and longer than it is paused, so that an
	// unanswered command is the exception.
	patience = 20 * time.Second

	// readPatience is how long an observer waits for WHOIS, RDAP, DNS or the admin API: a dead site must not hold it up.
	readPatience = 3 * time.Second

	// sessionLength is how many commands a session has, at most, before its client goes to another site.
	sessionLength = 60

	// think is the longest pause of a client between two commands: the history should be dense, the machine not drowned.
	think = 10 * time.Millisecond

	// observeEvery is between two looks of an observer at its site, and of a teller at its account.
	observeEvery = 10 * time.Millisecond

	// depositEvery is between two deposits, at least, into the account that is always short of money.
	depositEvery = 250 * time.Millisecond

	// Faults last so long at most: a paused site must be back before its clients lose patience.
	maxDead   = 1500 * time.Millisecond
	maxPaused = 2500 * time.Millisecond
	maxCut    = 2500 * time.Millisecond

	// maxCalm is the longest pause between two faults: in it the cluster gets around to work.
	maxCalm = 1200 * time.Millisecond

	// settleTimeout bounds what a round needs before and after the load: sites that come back, final reads.
	settleTimeout = 60 * time.Second

	// retryEvery is between two attempts at what must succeed before or after a round.
	retryEvery = 50 * time.Millisecond
)

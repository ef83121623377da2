package load

import "time"

const (
	// MaxConnections bounds the EPP connections of a run: each costs a goroutine and, at the sites, a session.
	MaxConnections = 4096

	// MaxRate bounds arrivals per second: far above what one generator can send.
	MaxRate = 100_000

	// MaxDuration bounds a run whose length is set: the journal is in memory too, at some 500 octets for each transform.
	MaxDuration = time.Hour

	// queueTime is how much of the arrivals the queue of an open loop holds: who waits longer than this would have hung up.
	queueTime = 10 * time.Second

	// minQueue is the shortest queue, for low rates.
	minQueue = 1024

	// patience is how long a client waits for an answer: longer than a node tries (8 s), so that an unanswered command is the exception.
	patience = 20 * time.Second

	// connectTimeout bounds connecting and logging in: a dead site is to be left soon, a busy one hashes passwords in turn.
	connectTimeout = 15 * time.Second

	// reconnectEvery is between a connection's attempts to find a site that takes it.
	reconnectEvery = 50 * time.Millisecond

	// maxOwned is how many names a connection remembers to work on; more are left as they are.
	maxOwned = 1000

	// maxYears is up to which length of registration a name is renewed: the registry allows ten.
	maxYears = 9

	// stormNames is how many names everybody wants at once.
	stormNames = 5

	// MaxLatency is the longest latency that a histogram tells from longer ones.
	MaxLatency = time.Hour

	// significantFigures is a histogram's precision: 3 is to a thousandth of the value.
	significantFigures = 3

	// maxLine bounds a line of a journal that is read from a file, in octets; one takes a few hundred.
	maxLine = 16 << 10

	// maxRecords bounds the lines of a journal that is read from a file: an hour at 5,000 transforms a second.
	maxRecords = 2 * 5000 * 3600

	// maxPending is how many unanswered commands about one name are told apart when their order is sought.
	maxPending = 512

	// maxConfigurations bounds the orders that are tried for one name at one moment. Clients that leave names with an unknown outcome
	// alone make a handful.
	maxConfigurations = 5000

	// readers is how many sessions of each registrar read a site, when it is verified.
	readers = 4

	// settleTimeout bounds what a cluster needs to come to rest: sites that catch up, names that are published.
	settleTimeout = 60 * time.Second

	// lookEvery is between two looks at a condition that nobody announces.
	lookEvery = 25 * time.Millisecond

	// dnsTimeout bounds one DNS query.
	dnsTimeout = 2 * time.Second

	// unansweredTime is how long after it was sent a command may still be executed, when its client has lost patience: a node tries for 8 s.
	unansweredTime = 10 * time.Second

	// maxProblems is how many problems are written out: one bug may have thousands of victims.
	maxProblems = 100
)

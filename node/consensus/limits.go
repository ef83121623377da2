package consensus

import "time"

// The limits of this room, each with its reason.
const (
	// maxPatience is how long a node retries a command across leader changes: under
	// every EPP client's time-out, far over an election.
	maxPatience = 8 * time.Second
	// applyPatience is how long an answer waits for this node's own state to hold what it tells of.
	applyPatience = 2 * time.Second
	// detourAfter is how long a node sees no leader before it asks its peers to hand a command on:
	// longer than an election, for during one they know none either.
	detourAfter = 1500 * time.Millisecond
	// detourPatience bounds that: peers that are up answer at once, and without a quorum a client should not wait long for its refusal.
	detourPatience = 300 * time.Millisecond
	// leaderPatience is how long a cluster may be seen without a leader before
	// commands fail at once: elections take a second or two, so beyond it there is no quorum.
	leaderPatience = 4 * time.Second
	// readPatience bounds a read that needs the leader, or an index that isn't here yet.
	readPatience = 4 * time.Second
	// enqueueTimeout bounds the wait for raft to take an entry; past it the entry certainly isn't in a log.
	enqueueTimeout = time.Second
	// tickInterval is how often log time moves by itself.
	tickInterval = time.Second
	// publishPace is the least time from the beginning of a publication to that of the next. Each is an entry with an SOA and
	// signatures of its own, and a change in the DNS a tenth of a second later is none that anybody notices; one that comes alone doesn't wait.
	publishPace = 100 * time.Millisecond
	// minStall is the least time after which a durable write counts as stalled: beyond a busy disk's slowest. To be
	// wrong costs a change of leaders.
	minStall = 750 * time.Millisecond
	// handOverAttempts is how often a leader tries to hand over when asked to.
	handOverAttempts = 3
	// holdPatience is how long a leader keeps a peer's command until it takes commands: longer than a reign takes to begin.
	holdPatience = time.Second
	// clockMemory is for how long another node's clock is remembered: it is asked every second, and clocks don't run away in three.
	clockMemory = 3 * time.Second
	// maxStall is when a stalled disk won't come back: whoever watches over the process should start it anew, or elsewhere.
	maxStall = 30 * time.Second
	// compareInterval is how often replicas' digests are compared: well within what a replica keeps of them (fsm.DigestAt).
	compareInterval = 10 * time.Second
	// maxRounds is how many linearizable reads' rounds a node runs at once; later reads share the next one.
	maxRounds = 8
	// levelPatience bounds the question to the members what their binaries read: those that are up answer at once.
	levelPatience = 2 * time.Second
	// foundingPatience is how long a new cluster waits for all its members to say that, so that it need not
	// begin at the first level: nodes that are started together are up by then, and the first commands wait for it.
	foundingPatience = 2 * time.Second
	// deleteSlice is how many log entries are removed in one transaction: appends wait meanwhile.
	deleteSlice = 4096
	// minTrailing is how many entries at least are kept in the log behind a marker, for each proposal that may be in flight.
	// A former leader's log may end in entries that were never committed, as many as it had in flight, in each of a few
	// reigns. Raft replaces them only if the log also has the entry before them.
	minTrailing = 4
	// logCache is how many entries are kept in memory for replication.
	logCache = 8192
	// maxRepetition is for how long a follower isn't sent what it was told already: when one has restarted, raft notices by such a message,
	// and until then it doesn't hear what is committed.
	maxRepetition = 100 * time.Millisecond
	// maxHops is how often a command may be handed on from a node that isn't the leader.
	maxHops = 1
	// maxTransaction is how many entries one transaction of the state takes: all that can be in flight, and little enough to be soon over.
	maxTransaction = 1024
	// maxHandovers is how many batches raft may hand over before the state has them; beyond, raft waits.
	maxHandovers = 64
)

package bench

import "time"

const (
	// MaxPhase bounds one phase: a benchmark that nobody waits for is never run.
	MaxPhase = 20 * time.Second

	// roundTrips is how often each command is sent on the one connection: enough for a 99th percentile.
	roundTrips = 300

	// logins is how many sessions are opened for the figures of connect, login and logout.
	logins = 20

	// dnsWindow is how many queries a DNS worker has outstanding: its socket's buffers hold that many answers.
	dnsWindow = 32

	// dnsPatience is how long a DNS worker waits for an answer before it counts the outstanding ones as lost.
	dnsPatience = 500 * time.Millisecond

	// rdapWorkers is how many connections ask RDAP, each one request after the other.
	rdapWorkers = 16

	// queried is how many of the created names the DNS and RDAP phases ask for.
	queried = 1000

	// syncs is how often the disk's flush is timed.
	syncs = 100

	// commandTimeout bounds one EPP command or RDAP request.
	commandTimeout = 15 * time.Second

	// maxBody is the largest RDAP answer that is read, in bytes.
	maxBody = 1 << 20

	// checkInterval is between two checks at a site while others create: fifty a second, which cost next to nothing.
	checkInterval = 20 * time.Millisecond

	// pgbenchThreads is how many threads drive pgbench's clients: as many as a small machine has cores.
	pgbenchThreads = 2

	// streamInterval is between two commands of a stream: a failover is measured that finely.
	streamInterval = 20 * time.Millisecond

	// streamSessions is how many connections a stream has: enough for a second without an answer.
	streamSessions = 50

	// streamRetry is how long a stream's connection waits before it is made anew: a registrar that doesn't is part of the trouble.
	streamRetry = 250 * time.Millisecond

	// streamCalm is how long a stream runs at least before the trouble, and half of how long at most.
	streamCalm = 500 * time.Millisecond

	// streamAftermath is how long a stream goes on after a handover: longer than any should take.
	streamAftermath = 2 * time.Second

	// maxLine is the longest line of a node's log that is read, in bytes.
	maxLine = 1 << 20

	// fillPhase is how long domains are created at a time while a registry is filled: the rates of the first and the last are compared.
	fillPhase = 5 * time.Second

	// domainsByRegistrar is how many domains a registrar's deposit pays for, with something to spare.
	domainsByRegistrar = 100_000

	// maxComplaint is how much of a program's complaint is shown, in bytes: pgbench's clients all say the same.
	maxComplaint = 1000

	// postgresStop is what a PostgreSQL server has to end before it is asked less politely.
	postgresStop = 10 * time.Second

	// settleTime bounds the wait for servers to serve and for nodes to agree.
	settleTime = 60 * time.Second

	// lookInterval is between two looks at a condition that nobody announces: restarts are measured with it.
	lookInterval = 5 * time.Millisecond

	// visibleInterval is between two looks whether a delegation is in the DNS: it is measured that finely.
	visibleInterval = 2 * time.Millisecond

	// workSize is how many octets are hashed to find out how much of a processor this process gets.
	workSize = 64 << 20
)

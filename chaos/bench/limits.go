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
)

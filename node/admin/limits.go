package admin

import "time"

// What one request may hold, and what one answer holds.
const (
	// maxBody bounds a request's body in bytes: a TLD with 13 name servers and hundreds of reserved labels is well under it.
	maxBody = 64 << 10

	// maxHeader bounds a request's header in bytes: people's tools send under 1 KiB.
	maxHeader = 16 << 10

	// maxAnswer bounds what the client reads, in bytes: every registrar that ICANN has accredited, twice over.
	maxAnswer = 32 << 20

	// DefaultLimit is how many records a list of events has when no limit is asked for: a screen or two.
	DefaultLimit = 100

	// MaxLimit is the most that may be asked for: a read this long holds no page of the state file for longer than some milliseconds.
	MaxLimit = 10_000

	// maxText is the longest line of text in bytes (RFC 5733, postalLineType: 255 characters).
	maxText = 255

	// maxClTRID and minClTRID bound a client's transaction id in bytes (RFC 5730 §4.1, trIDStringType).
	minClTRID, maxClTRID = 3, 64

	// minPassword and maxPassword bound a registrar's password in characters: EPP's login can't carry others (RFC 5730 §4.1, pwType).
	minPassword, maxPassword = 6, 16

	// maxReserved is how many labels a TLD may reserve here: the TLD is one row of the state, read at every create.
	maxReserved = 2000

	// maxCertificates is how many certificates a registrar may have: one in use and one to come, for some systems.
	maxCertificates = 16

	// maxSeconds is the longest time to live and the highest SOA timer (RFC 2181 §8: 31 bits).
	maxSeconds = 1<<31 - 1

	// maxPrice bounds prices, in minor units: a billion dollars a year, so that ten years of it are far from what an int64 holds.
	maxPrice = 100_000_000_000

	// maxPeriod bounds grace periods and delays: ten years, the longest registration, is beyond every policy.
	maxPeriod = 10 * 366 * 24 * time.Hour
)

// What a zone's export takes.
const (
	// exportPage is how many RRsets are read with one view: a millisecond or a few.
	exportPage = 1000

	// exportBuffer is how much of a zone is written at once, in bytes.
	exportBuffer = 64 << 10

	// maxExports bounds the exports under way at once: each keeps a core busy.
	maxExports = 2

	// exportTime is how long the client waits for a whole zone: 10 M names, and some to spare.
	exportTime = time.Hour
)

// minTSIGSecret and maxTSIGSecret bound a TSIG secret in bytes: 128 bits are the least that is safe, and HMAC hashes what is
// longer than a block (RFC 2104 §3).
const minTSIGSecret, maxTSIGSecret = 16, 128

// What a server has open.
const (
	// maxConnections bounds connections: operators, their tools and probes are few. One more is closed at once.
	maxConnections = 256

	// maxRequests bounds the requests being served. One more is answered 503 at once.
	maxRequests = 64

	// commandTime bounds a request: the node retries a command for 8 s, and reads wait no longer.
	commandTime = 10 * time.Second

	// headerTime bounds the reading of a request's header, and the TLS handshake before it.
	headerTime = 5 * time.Second

	// exchangeTime bounds reading a request and, separately, writing its answer: commandTime and a slow line.
	exchangeTime = 30 * time.Second

	// idleTime is how long a connection may wait for its next request: it spares a dashboard the handshake at each refresh.
	idleTime = 2 * time.Minute
)

// How long the client waits.
const (
	// connectTime bounds each of dialling and the TLS handshake: a node that is stopped, or a port that drops packets,
	// must not hold up the next node's turn. It is dozens of round trips at 80 ms.
	connectTime = 3 * time.Second

	// answerTime bounds a request: commandTime and the way there and back.
	answerTime = commandTime + 5*time.Second
)

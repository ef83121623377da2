package dnsserve

import "time"

// Limits of the protocol.
const (
	// maxName is the longest domain name on the wire, in octets (RFC 1035 §2.3.4).
	maxName = 255
	// maxLabel is the longest label in octets (RFC 1035 §2.3.4).
	maxLabel = 63
	// maxLabels is the most labels that fit in maxName, the root not counted.
	maxLabels = 127
	// maxMessage is the longest DNS message: TCP's length prefix has 16 bits (RFC 1035 §4.2.2).
	maxMessage = 65535
	// minUDPSize is what every client can take, EDNS or not (RFC 1035 §2.3.4, RFC 6891 §6.2.3).
	minUDPSize = 512
	// maxTTL is the largest time to live in seconds (RFC 2181 §8).
	maxTTL = 1<<31 - 1
	// maxNSID keeps the identifier, which is meant for people, from crowding out the answer in 512 octets.
	maxNSID = 128
)

// Limits of our own.
const (
	// defaultUDPSize avoids fragmentation on every path that carries IPv6 (DNS flag day 2020).
	defaultUDPSize = 1232
	// maxUDPSize bounds what an operator may set: beyond it answers are sure to be fragments.
	maxUDPSize = 4096
	// maxQuery is the longest query read, on UDP and TCP. A question with every EDNS option in use, padded
	// to RFC 8467's block size, is under 1 KiB; a longer one is cut off (UDP: FORMERR) or ends the
	// connection (TCP).
	maxQuery = 4096
	// maxPiece is the longest ready-made part of an answer: it must fit a TCP message beside the header,
	// the longest question, an OPT with every option and a TSIG, or there would be no way to ask for it.
	maxPiece = maxMessage - headerSize - maxName - 4 - optSize - maxOptions - maxTSIG
	// maxKnown bounds the names that a later one is compared with when an answer is made, lest a huge
	// RRset cost its square; compression has long stopped paying by then.
	maxKnown = 256
	// maxSetPointer is the highest offset within a set that its own pointers name, so that sets that begin
	// below maxSetStart can be sent as they are. Others, which are behind long CNAME chains, are written whole.
	maxSetPointer = 0x0fff
	maxSetStart   = 0x3fff - maxSetPointer
	// maxProof is the most octets of an NSEC or NSEC3 set, or the SOA, with signatures, in an answer: eight of
	// them fit a message with a set of maxPiece/2. A real one is below 1 KiB.
	maxProof = 4 << 10
	// maxProofs is how many names' NSEC or NSEC3 one answer may need: three, and one for each wildcard on the
	// way of a CNAME chain.
	maxProofs = 3 + maxChain + 1
	// maxIterations of NSEC3's hash. Validators take a zone with more for unsigned, or for broken
	// (RFC 9276 §3.2), and each costs every negative answer.
	maxIterations = 150
	// maxForeign bounds how many NSEC3 of another chain are passed over in search of one of the zone's: while
	// parameters change there may be as many of either, in random order, so that more than a few dozen in a
	// row are not met in the life of the universe.
	maxForeign = 128
	// maxRecord is the most octets of a name with its RRsets in an image: a block must fit a segment.
	maxRecord = 4 << 20
	// maxChain is how many CNAMEs are followed inside a zone; resolvers follow the rest themselves.
	maxChain = 8
	// faultLogPause keeps a packet that makes the server panic from filling the log as well.
	faultLogPause = time.Second
	// maxListen bounds the addresses of a node, unspecified ones expanded: each holds two sockets.
	maxListen = 64
	// maxChaos is the longest text of class CHAOS: a string of TXT (RFC 1035 §3.3).
	maxChaos = 255
	// maxSecrets bounds Config.CookieSecrets: each costs a hash for every cookie that is none of ours.
	maxSecrets = 4
	// maxWorkers bounds Config.UDPWorkers: more readers than this on a socket only wait for each other.
	maxWorkers = 256
)

// Limits of zone images.
const (
	// reserveStep is by how much the file of a small zone grows; that of a large one by a segment.
	reserveStep = 256 << 10
	// flushDrafts is how many changed names an edit keeps in memory before it writes them into the image,
	// which holds the memory of loading a zone of any size to some megabytes.
	flushDrafts = 4096
	// freeUnits is the size, in units of 16 octets, up to which an edit uses again what it gave up itself.
	freeUnits = 128
	// compactLeast is the smallest image worth compacting, in octets: below it the file's minimum rules.
	compactLeast = 1 << 20
	// compactShare is the share of an image, as a divisor, that must be out of use before it is compacted: half
	// of it, so that an image is at most twice as large as its content and each octet is copied about once.
	compactShare = 2
	// expiryStep is the length of time, in seconds, in which ends of signatures are counted together. The
	// earliest end is known this closely, on the early side.
	expiryStep = 60
)

// Limits of TCP (RFC 7766 §6, §10).
const (
	// defaultMaxTCP holds memory for connections under about 100 MB at worst (each may pin one 64 KiB
	// answer while its client is slow to read).
	defaultMaxTCP = 1024
	// defaultMaxTCPPerClient keeps one client, or one IPv6 /64, from taking every connection.
	defaultMaxTCPPerClient = 64
	// defaultTCPIdle is how long a connection may take for its next whole query: RFC 7766 §6.2.3 asks for
	// a few seconds.
	defaultTCPIdle = 10 * time.Second
	// busyTCPIdle replaces it once three quarters of the connections are taken.
	busyTCPIdle = time.Second
	// tcpWriteTimeout ends a connection whose client does not read its answers.
	tcpWriteTimeout = 5 * time.Second
	// tcpWriteBuffer gathers the answers to pipelined queries into one segment or few.
	tcpWriteBuffer = 4096
	// retryPause is the wait after an error of a socket that is not about one packet (no file
	// descriptors, no buffers), so that it does not become a busy loop.
	retryPause = 20 * time.Millisecond
)

// Limits of the response rate limit.
const (
	// rateSlots is how many prefixes, kinds and zones are told apart at once: 2 MiB. What is forgotten for
	// lack of room begins anew.
	rateSlots = 1 << 18
	// rateBurst is how long a client may save up answers.
	rateBurst = time.Second
	// maxRate bounds Config.RRL.Rate: the table counts in microseconds, and ten of them are precise enough.
	maxRate = 100_000
	// maxAllowed bounds Config.RRL.Allow: the list is walked for each answer over the limit.
	maxAllowed = 256
	// maxSlip bounds Config.RRL.Slip: beyond it a client that is flooded out never gets to know of TCP.
	maxSlip = 100
)

// Limits of transfers out.
const (
	// defaultMaxTransfers keeps a herd of secondaries, all told of a change at once, from taking the node's
	// processors and memory: each holds a page of the zone and a message.
	defaultMaxTransfers = 16
	// maxMaxTransfers bounds what an operator may set.
	maxMaxTransfers = 1024
	// transferMessage is about how long a transfer's messages are, in octets: long enough that headers and
	// signatures hardly count, short enough that a slow receiver gets each in time.
	transferMessage = 32 << 10
	// transferWriteTimeout ends a transfer whose receiver doesn't take a message.
	transferWriteTimeout = 30 * time.Second
	// maxTransferTime ends one that trickles: 100 MB pass in it at 30 kB/s.
	maxTransferTime = time.Hour
)

// Limits of UDP on Linux.
const (
	// batchSize is how many queries a thread takes at once. More would not save much, and the first of them
	// waits for the last.
	batchSize = 64
	// aheadLeast is how many queries must have come at once for a look ahead to pay.
	aheadLeast = 3
	// socketBuffer is what a socket may hold in octets: some 5,000 queries, 20 ms at 250,000 a second.
	socketBuffer = 4 << 20
	// lookAround is how long a thread waits in the kernel at most before it looks whether the server ends,
	// should it have missed the call to wake up.
	lookAround = time.Second
)

// Limits of NOTIFY (RFC 1996 §3.6, which leaves the numbers open).
const (
	// notifyRetry is how long an answer may take until the NOTIFY is sent again; each time it is doubled.
	notifyRetry = time.Second
	// notifyAttempts is how often a target is told: for a minute. After that its refresh timer must do.
	notifyAttempts = 6
	// maxNotifying bounds targets being told at once: each has a socket.
	maxNotifying = 1024
)

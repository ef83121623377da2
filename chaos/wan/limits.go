package wan

import "time"

const (
	// MaxDelay is the longest delay or jitter, one way: two geostationary hops are under a second, and the rest is for bad days.
	MaxDelay = time.Minute

	// MaxRate is the highest rate, in bits per second, that times an octet in whole nanoseconds; no user-space relay gets there.
	MaxRate = 8_000_000_000

	// maxUnderWay bounds the octets that travel in one direction at a time: 200 MB/s at 150 ms. Past it packets are lost, as in a full queue.
	maxUnderWay = 32 << 20

	// maxQueue is the longest queue in front of a rate, in octets: what may travel at all.
	maxQueue = maxUnderWay

	// minQueue is the shortest default queue in front of a rate, in octets: a handful of full packets, so that slow lines pass bursts of a handshake.
	minQueue = 16 << 10

	// queueTime is the default queue in front of a rate: routers hold about as much.
	queueTime = 100 * time.Millisecond

	// maxClients bounds the client addresses that a relay remembers, one socket each. A relay has one node in front of it, and
	// another address only after that has moved; tests have more. The one heard of least recently makes room.
	maxClients = 256

	// maxDatagram is the largest UDP payload.
	maxDatagram = 64 << 10

	// smallPacket is the size up to which packets' memory is used again: above QUIC's largest packets on Ethernet.
	smallPacket = 2048

	// headers is what IPv4 and UDP add to a payload, in octets; a rate counts them.
	headers = 28

	// socketBuffer is wanted for each socket to receive, in octets: a burst that comes while this process doesn't run. The system may
	// grant less.
	socketBuffer = 4 << 20

	// lateness is how late a reordered packet may be beyond half the delay: with no delay at all there must be something to be late by.
	lateness = 2 * time.Millisecond

	// MaxChanges bounds the changes in one call: each of nine sites' directions, and again.
	MaxChanges = 256

	// maxBody bounds a control request or answer, in octets: 90 directions of about 400.
	maxBody = 256 << 10

	// controlTimeout bounds one control request: it only takes locks.
	controlTimeout = 5 * time.Second

	// maxSocketPath is how long a Unix socket's path may be on all systems, in octets (sun_path less its end).
	maxSocketPath = 103

	// readPause is how long a socket that fails to be read is left alone: its errors pass or don't, and neither is worth a core.
	readPause = time.Millisecond
)

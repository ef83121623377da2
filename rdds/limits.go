package rdds

import "time"

// Limits of the protocols.
const (
	// ReadTimeout bounds one read of the replica. A local read takes microseconds; a replica that needs
	// longer is in trouble, and the client is better served by another node.
	ReadTimeout = 5 * time.Second
	// MaxRegistrarName is the longest registrar name, identifier or handle that is looked for, in octets:
	// RFC 5730 and RFC 5733 allow 255 characters, of up to 4 octets.
	MaxRegistrarName = 1020
)

// Defaults of Limits. They are soft state of this node alone.
const (
	// DefaultConnections holds memory for connections under about 50 MB a service.
	DefaultConnections = 1024
	// DefaultConnectionsPerClient keeps one client from taking every connection, and leaves room for a
	// registrar's address translator or a monitoring probe.
	DefaultConnectionsPerClient = 64
	// DefaultRate is in queries a second and client: a day of it reads a million and a half names, more
	// than anyone needs who does not copy the registry.
	DefaultRate = 20
	// DefaultBurst lets a page of names be looked up at once.
	DefaultBurst = 200
	// maxClients bounds the table of clients' rates. Half of it is kept when it fills, so that a client has
	// to be outdone by as many others to be forgotten; an entry takes about 100 octets.
	maxClients = 1 << 17
)

// namesAge is how old, in log time (milliseconds), the index of registrars' names may be. Rebuilding it
// reads every registrar's row, some 10 ms for 2,000: at once a second that costs 1 %.
const namesAge = 1000

// Bounds of the pauses after a failed accept (no file descriptors left), doubling in between.
const (
	minAcceptPause = 5 * time.Millisecond
	maxAcceptPause = time.Second
)

package rst

import (
	"net/netip"
	"time"
)

const (
	// commandTimeout is how long a server may take for an answer: above what a registry needs to find a new leader.
	commandTimeout = 20 * time.Second

	// dialTimeout is how long a connection may take, handshake and greeting included.
	dialTimeout = 10 * time.Second

	// maxInput bounds an input file or a data provider, in bytes: those of ICANN have some ten thousand.
	maxInput = 4 << 20

	// maxRDAP bounds an RDAP answer, in bytes.
	maxRDAP = 4 << 20

	// maxRandom bounds the argument of a random function in a row: no field of EPP is longer.
	maxRandom = 4096

	// clockTolerance is how far svDate may be off (epp-02).
	clockTolerance = 30 * time.Second

	// transferDeadline is how long a transfer's status or outcome may take to show (epp-19).
	transferDeadline = 120 * time.Second

	// gatewayDeadline is how long what was done at the SRS gateway may take to show at the primary system (srsgw-02 and others).
	gatewayDeadline = 30 * time.Second

	// lookAgain is between two looks at what may take its time.
	lookAgain = 500 * time.Millisecond

	// maxReported bounds what is said about one frame, in bytes: reports are read by people.
	maxReported = 8 << 10
)

// registeredAddress is the address of the host that has to be there; no server stands at it (RFC 7535 §3.2).
var registeredAddress = netip.MustParseAddr("192.31.196.1")
